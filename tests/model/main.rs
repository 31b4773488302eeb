//! Every interleaving of sending, losing, delaying, applying, dialling, removing, writing, syncing, crashing, ending
//! in order and resuming, for one row and for two rows of a window, driven by the real decision tables and the real
//! resume rule. In every reachable state: no row says `updated` unless the lead holds the new values, none asks for
//! a re-upload unless the lead is locked and never held them, and no two ask for it for one phone. Deliberate
//! weakenings show that the model would notice.

mod lead;
mod row;
mod rules;
mod run;

use std::collections::{BTreeSet, HashSet, VecDeque};

use lead::Server;
use leadfix::outcome::Finding;
use rules::Rules;
use run::{Kinship, Run, Setting};

/// What the exploration came to.
struct Explored {
    states: usize,
    /// The findings that stand in finished results.
    findings: BTreeSet<String>,
}

/// Every reachable state, or the nearest that is wrong.
fn explore<const ROWS: usize>(
    setting: Setting<ROWS>,
) -> Result<Explored, (Box<Run<ROWS>>, &'static str)> {
    let mut seen: HashSet<Run<ROWS>> = Run::starts().collect();
    let mut queue: VecDeque<_> = seen.iter().copied().collect();
    let mut findings = HashSet::new();
    while let Some(run) = queue.pop_front() {
        if let Some(violation) = run.violation(setting.kinship) {
            return Err((Box::new(run), violation));
        }
        if run.is_finished() {
            findings.extend(run.closed());
        }
        let next = run.successors(setting).into_iter();
        queue.extend(next.filter(|next| seen.insert(*next)));
    }
    Ok(Explored {
        states: seen.len(),
        findings: findings.into_iter().map(say).collect(),
    })
}

fn say(finding: Finding) -> String {
    let reason = finding.reason.map(|reason| format!("/{reason}"));
    format!(
        "{}{} {}",
        finding.status,
        reason.unwrap_or_default(),
        finding.reupload
    )
    .trim_end()
    .to_owned()
}

/// What a truthful run over these servers comes to.
const FINDINGS: [&str; 11] = [
    "failed/not_applied",
    "failed/outcome_unknown",
    "failed/unreachable",
    "locked/already_dialled yes",
    "locked/lock_denied review",
    "locked/lock_unread review",
    "missing/missing_after_doubt",
    "missing/not_found",
    "updated",
    "updated/confirmed_after_conflict",
    "updated/confirmed_by_read",
];

/// Every reachable state is truthful, and the model has not lost its events: every finding is come to, and as many
/// states as when this was written.
fn expect_truth<const ROWS: usize>(
    kinship: Kinship,
    server: Server,
    states: usize,
    findings: impl IntoIterator<Item = &'static str>,
) {
    let setting = Setting {
        rules: Rules::Real,
        kinship,
        servers: [server; ROWS],
    };
    match explore::<ROWS>(setting) {
        Ok(explored) => {
            let expected: BTreeSet<_> = findings.into_iter().map(str::to_owned).collect();
            assert_eq!(explored.findings, expected, "{setting:?}");
            assert!(
                explored.states >= states,
                "{setting:?}: only {} states",
                explored.states
            );
        }
        Err((run, violation)) => panic!("{violation}: {run:#?}"),
    }
}

#[test]
fn every_reachable_state_of_one_row_is_truthful() {
    expect_truth::<1>(Kinship::None, Server::Faulty(2), 900, FINDINGS);
}

#[test]
fn every_reachable_state_of_two_rows_is_truthful() {
    expect_truth::<2>(Kinship::None, Server::Faulty(1), 300_000, FINDINGS);
}

#[test]
fn a_row_that_repeats_another_is_truthful_and_asks_for_nothing() {
    let repeated = [
        "locked/already_dialled",
        "locked/lock_denied",
        "locked/lock_unread",
        "unchanged/identical_duplicate",
    ];
    expect_truth::<2>(
        Kinship::Repeat,
        Server::Faulty(2),
        3_000,
        FINDINGS.into_iter().chain(repeated),
    );
}

#[test]
fn two_leads_with_one_number_are_not_both_enrolled_again() {
    let findings = FINDINGS.into_iter().map(|finding| match finding {
        "locked/already_dialled yes" => "locked/already_dialled review",
        finding => finding,
    });
    expect_truth::<2>(Kinship::SharedNumber, Server::Faulty(0), 10_000, findings);
}

/// Each weakening is caught. How far the results lag behind what was sent shows with a second row alone, and then
/// even behind a first one that meets no trouble.
#[test]
fn weakened_rules_are_caught() {
    use Kinship::{None, Repeat, SharedNumber};
    let faulty = Server::Faulty(1);
    let prompt = Server::Faulty(0);
    for (rules, kinship, shows_in_one_row, servers) in [
        (Rules::EveryConflictIsYes, None, true, [faulty; 2]),
        (Rules::ServerErrorsApplyNothing, None, true, [faulty; 2]),
        (Rules::DoubtForgottenOnResume, None, true, [faulty; 2]),
        (Rules::BegunIsWritten, None, true, [faulty; 2]),
        (Rules::DoubtShrinks, None, false, [Server::Steady, faulty]),
        (Rules::WindowUnheeded, None, false, [Server::Steady, faulty]),
        (
            Rules::WrittenIsDurable,
            None,
            false,
            [Server::Steady, faulty],
        ),
        (Rules::RepeatKeepsFlag, Repeat, false, [faulty; 2]),
        (
            Rules::SharedNumberUnheeded,
            SharedNumber,
            false,
            [prompt; 2],
        ),
    ] {
        let one = Setting {
            rules,
            kinship,
            servers: [faulty],
        };
        let two = Setting {
            rules,
            kinship,
            servers,
        };
        assert_eq!(
            explore(one).is_err(),
            shows_in_one_row,
            "{rules:?}, one row"
        );
        assert!(explore(two).is_err(), "{rules:?}, two rows");
    }
}
