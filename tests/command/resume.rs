//! The results file is the checkpoint: runs that end early, die or find something foreign.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use leadfix::sandbox::Options;
use serde_json::json;

use crate::judge::Terms;
use crate::table::Table;
use crate::world::{INPUT, RESULTS, World, lead, lead_with, number, plain};

const RESUMED: Terms = Terms {
    input: INPUT,
    results: RESULTS,
    replaces: false,
    resumed: true,
};
/// What may differ between a resumed and an undisturbed run.
const FREE: [&str; 2] = ["result_at", "result_attempts"];

/// Rows of every kind: fine, locked, gone, invalid, twice, with variables.
fn mixed(count: usize, options: Options) -> World {
    let mut leads = Vec::new();
    let mut rows = "lead_id,phone_number,metadata.product,remark\n".to_owned();
    for index in 0..count {
        let id = format!("lead_{index:03}");
        let mobile = number(index);
        match index % 8 {
            0 => leads.push(lead_with(&id, &json!({"status": "completed"}))),
            1 => {}
            _ => leads.push(lead(&id)),
        }
        let row = match index % 8 {
            2 => format!("{id},12345,,too short"),
            3 => format!("{id},{mobile},home_loan,variable"),
            4 => format!("{id},{mobile},,\"two\nlines\"\n{id},+91{mobile},,\"=again\""),
            _ => format!("{id},{mobile},,"),
        };
        rows.push_str(&row);
        rows.push('\n');
    }
    let world = World::with(leads, options);
    world.write(INPUT, rows);
    world
}

/// Interrupts a run twice, lets it finish, and compares its file with that of a run which nobody disturbed.
fn interrupt(make: fn(usize, Options) -> World, code: i32) {
    let calm = make(64, Options::default());
    calm.run("apply corrections.csv --region IN").expect(code);
    let wanted = calm.judge().without(&FREE);
    for (signal, ending) in [("INT", 130), ("TERM", 143)] {
        let world = make(
            64,
            Options {
                latency: Duration::from_millis(20),
                ..Options::default()
            },
        );
        for answers in [6, 30] {
            let mut run = world
                .leadfix("apply corrections.csv --region IN --concurrency 4")
                .start();
            world.wait_for("some answers", |ledger| ledger.counts.requests >= answers);
            run.signal(signal);
            run.end().complains(ending, &["same command again"]);
        }
        let (done, all) = (world.table(RESULTS).rows.len(), wanted.rows.len());
        world
            .run("apply corrections.csv --region IN")
            .expect(code)
            .says(&format!("resuming behind row {done} of {all}"));
        let results = world.judge_on(RESUMED);
        assert_eq!(results.without(&FREE), wanted, "{signal}");
        assert_eq!(
            world.json("corrections.summary.json")["resumed_from"],
            json!(done)
        );
    }
}

#[test]
fn an_interrupted_run_goes_on_and_ends_with_the_same_file() {
    interrupt(World::plain, 0);
}

#[test]
fn an_interrupted_run_with_rows_of_every_kind_ends_with_the_same_file() {
    interrupt(mixed, 1);
}

/// A run that was killed while its only request was under way, to which the server takes this step.
fn killed(step: &str) -> World {
    let steps = json!({"sandbox": {"patch": [step]}});
    let world = World::new(vec![lead_with("lead_a", &steps)]);
    world.write(
        INPUT,
        format!("lead_id,phone_number\nlead_a,{}\n", number(0)),
    );
    let mut run = world.leadfix("apply corrections.csv --region IN").start();
    world.wait_for("the request", |ledger| !ledger.receipts.is_empty());
    run.kill();
    run.end();
    world
}

#[test]
fn what_was_applied_before_a_crash_is_not_flagged_for_enrolment() {
    for (step, verdict) in [
        ("timeout_after", "updated/confirmed_after_conflict//409/1"),
        ("timeout_before", "locked/already_dialled/yes/409/1"),
    ] {
        let world = killed(step);
        assert!(world.sandbox.dial("lead_a"));
        let ran = world.run("apply corrections.csv --region IN");
        let results = world.judge_on(RESUMED);
        assert_eq!(results.of("lead_a").verdict(), verdict, "{ran}");
    }
}

#[test]
fn a_lock_in_doubt_is_looked_at_twice() {
    let world = killed("timeout_before");
    world.sandbox.dial("lead_a");
    world.run("apply corrections.csv --region IN").expect(1);
    let ledger = world.ledger();
    let reads: Vec<_> = ledger
        .receipts
        .iter()
        .filter(|receipt| receipt.method == "GET")
        .collect();
    assert_eq!(reads.len(), 2);
    assert!(
        reads[1].at.duration_since(reads[0].at).as_millis() >= 1_000,
        "a second or more later"
    );
}

#[test]
fn a_row_in_doubt_is_not_settled_while_the_server_cannot_be_reached() {
    let mut world = killed("timeout_before");
    let gone = world.sandbox.base_url().clone();
    world.sandbox = World::new(Vec::new()).sandbox;
    world
        .leadfix("apply corrections.csv --region IN --max-attempts 2")
        .env("DIALNEXA_BASE_URL", gone)
        .run()
        .complains(75, &["cannot be reached"]);
    assert_eq!(world.table(RESULTS).rows.len(), 0);
}

/// A run of six rows, of which four have results.
fn half_done() -> World {
    let world = World::plain(6, Options::default());
    world.run("apply corrections.csv --region IN").expect(0);
    let results = String::from_utf8(world.read(RESULTS)).expect("text");
    let kept: Vec<&str> = results.lines().take(5).collect();
    world.write(RESULTS, format!("{}\n", kept.join("\n")));
    world.forget_the_end();
    world
}

/// Every file but the locks, which are always there.
fn snapshot(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_lock = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "lock");
    world
        .files()
        .into_iter()
        .filter(|(path, _)| !is_lock(path))
        .collect()
}

fn replace(world: &World, name: &str, from: &str, to: &str) {
    let text = String::from_utf8(world.read(name)).expect("text");
    assert!(text.contains(from), "{name} has no `{from}`: {text}");
    world.write(name, text.replacen(from, to, 1));
}

#[test]
fn what_does_not_belong_to_the_run_is_refused_and_not_touched() {
    type Tampering = fn(&World);
    let cases: &[(&str, &str, Tampering)] = &[
        ("input changed", "", |world| {
            replace(world, INPUT, "row, 5", "row, 6");
        }),
        ("input grown", "", |world| {
            let longer = [world.read(INPUT), b"lead_x,9876599999,\n".to_vec()].concat();
            world.write(INPUT, longer);
        }),
        ("a status edited", "", |world| {
            replace(world, RESULTS, "\n2,3,updated", "\n2,3,unknown");
        }),
        ("a carried cell edited", "", |world| {
            replace(world, RESULTS, "row, 1", "row, 7");
        }),
        ("a line taken out", "", |world| {
            let text = String::from_utf8(world.read(RESULTS)).expect("text");
            let kept: Vec<&str> = text
                .lines()
                .enumerate()
                .filter(|(at, _)| *at != 2)
                .map(|(_, line)| line)
                .collect();
            world.write(RESULTS, format!("{}\n", kept.join("\n")));
        }),
        ("two lines swapped", "", |world| {
            let text = String::from_utf8(world.read(RESULTS)).expect("text");
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(1, 2);
            world.write(RESULTS, format!("{}\n", lines.join("\n")));
        }),
        ("line ends changed", "", |world| {
            let text = String::from_utf8(world.read(RESULTS)).expect("text");
            world.write(RESULTS, text.replace('\n', "\r\n"));
        }),
        ("another header", "", |world| {
            replace(world, RESULTS, ",remark", ",Remark");
        }),
        ("another file altogether", "", |world| {
            world.write(RESULTS, "my shopping list\nmilk\n");
        }),
        ("half of the header", "", |world| {
            world.write(RESULTS, "result_row,result_li");
        }),
        ("emptied", "", |world| world.write(RESULTS, "")),
        ("no checkpoint", "", |world| {
            fs::remove_file(world.path("corrections.run.json")).expect("a file");
        }),
        ("a broken checkpoint", "", |world| {
            world.write("corrections.run.json", "{");
        }),
        ("another region", "--region US", |_| {}),
        (
            "another treatment of variables",
            "--metadata replace",
            |_| {},
        ),
        ("another clear token", "--clear-token -", |_| {}),
        ("another mapping", "--map name=remark", |_| {}),
    ];
    for (case, options, tamper) in cases {
        let world = half_done();
        tamper(&world);
        let (before, requests) = (snapshot(&world), world.ledger().counts.requests);
        let options = if options.contains("--region") {
            (*options).to_owned()
        } else {
            format!("--region IN {options}")
        };
        let ran = world.run(&format!("apply corrections.csv {options}"));
        ran.complains(78, &["was not touched", "--fresh"])
            .never_says("`leadfix reconcile`");
        assert!(
            snapshot(&world) == before,
            "{case}: something was touched\n{ran}"
        );
        assert_eq!(world.ledger().counts.requests, requests, "{case}");
    }
}

#[test]
fn results_cut_anywhere_are_repaired_and_finished() {
    let world = World::plain(4, Options::default());
    world.run("apply corrections.csv --region IN").expect(0);
    world.forget_the_end();
    let (whole, checkpoint) = (world.read(RESULTS), world.read("corrections.run.json"));
    let wanted = Table::parse(&whole).without(&FREE);
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..24 {
        let header = whole
            .iter()
            .position(|byte| *byte == b'\n')
            .expect("a header")
            + 1;
        let mut torn = whole[..random.usize(header..whole.len())].to_vec();
        if round % 3 == 0 {
            torn.extend(vec![0; random.usize(1..600)]);
        }
        world.write(RESULTS, &torn);
        world.write("corrections.run.json", &checkpoint);
        let ran = world.run("apply corrections.csv --region IN --quiet");
        assert!(
            ran.code == Some(0) && ran.stderr.is_empty() && ran.stdout.is_empty(),
            "{} bytes left\n{ran}",
            torn.len()
        );
        assert_eq!(
            world.judge_on(RESUMED).without(&FREE),
            wanted,
            "{} bytes left",
            torn.len()
        );
    }
}

/// What is known to have been safe can be lost by no crash: whoever took it away, the run does not go on as if nothing
/// had been sent.
#[test]
fn results_that_were_safe_and_are_gone_are_missed() {
    type Tampering = fn(&World);
    let cases: &[(&str, Tampering)] = &[
        ("cut", |world| {
            let results = world.read(RESULTS);
            world.write(RESULTS, &results[..results.len() - 1]);
        }),
        ("a row less", |world| {
            let results = String::from_utf8(world.read(RESULTS)).expect("text");
            let at = results.trim_end().rfind('\n').expect("lines");
            world.write(RESULTS, &results[..=at]);
        }),
        ("a zero in it", |world| {
            let mut results = world.read(RESULTS);
            let at = results.len() - 3;
            results[at] = 0;
            world.write(RESULTS, results);
        }),
        ("something behind it", |world| {
            let results = world.read(RESULTS);
            world.write(RESULTS, [&results[..], b"7,8"].concat());
        }),
        ("deleted", |world| {
            fs::remove_file(world.path(RESULTS)).expect("a file");
        }),
    ];
    for (case, tamper) in cases {
        let world = World::plain(6, Options::default());
        world.run("apply corrections.csv --region IN").expect(0);
        tamper(&world);
        let (before, requests) = (snapshot(&world), world.ledger().counts.requests);
        let ran = world.run("apply corrections.csv --region IN");
        ran.complains(78, &["was not touched", "6 ", "--fresh"]);
        assert!(
            snapshot(&world) == before,
            "{case}: something was touched\n{ran}"
        );
        assert_eq!(world.ledger().counts.requests, requests, "{case}");
    }
}

#[test]
fn fresh_keeps_the_earlier_files() {
    let world = half_done();
    let before = snapshot(&world);
    world
        .run("apply corrections.csv --region IN --fresh")
        .expect(0)
        .says("corrections.results.csv.1");
    world.judge_on(RESUMED);
    let after = snapshot(&world);
    for name in [RESULTS, "corrections.summary.json", "corrections.run.json"] {
        assert!(
            after[&world.path(&format!("{name}.1"))] == before[&world.path(name)],
            "{name}"
        );
    }
    world
        .run("apply corrections.csv --region IN --fresh")
        .expect(0)
        .says("corrections.results.csv.2");
    assert!(
        snapshot(&world)[&world.path("corrections.results.csv.1")] == before[&world.path(RESULTS)]
    );
}

#[test]
fn fresh_on_an_unusable_file_moves_nothing() {
    let world = half_done();
    world.write(INPUT, "lead_id,phone_number\nlead_a,\"98\n");
    let before = snapshot(&world);
    world
        .run("apply corrections.csv --region IN --fresh")
        .expect(65);
    assert!(snapshot(&world) == before);
}

#[test]
fn a_finished_run_says_so_and_sends_nothing() {
    let world = mixed(16, Options::default());
    world.run("apply corrections.csv --region IN").expect(1);
    let (results, requests) = (world.read(RESULTS), world.ledger().counts.requests);
    world
        .run("apply corrections.csv --region IN")
        .expect(1)
        .says("finished already");
    assert!(world.read(RESULTS) == results);
    assert_eq!(world.ledger().counts.requests, requests);
}

#[test]
fn how_fast_a_run_goes_may_change_when_it_is_resumed() {
    let world = half_done();
    world.run("apply corrections.csv --region IN --concurrency 1 --rate 100/s --timeout 5s --dialect guide").expect(0);
    world.judge_on(RESUMED);
}

#[test]
fn a_row_that_repeats_a_settled_one_tells_its_story_after_a_resumption() {
    let world = mixed(8, Options::default());
    world.run("apply corrections.csv --region IN").expect(1);
    let wanted = world.judge().without(&FREE);
    let text = String::from_utf8(world.read(RESULTS)).expect("text");
    let at = text.find("\n6,").expect("the repeated row");
    world.write(RESULTS, &text[..=at]);
    world.forget_the_end();
    world.run("apply corrections.csv --region IN").expect(1);
    let results = world.judge_on(RESUMED);
    let row = |table: &Table| table.rows[5].clone();
    assert_eq!(row(&results.without(&FREE)), row(&wanted));
}

/// What it had under way may arrive behind the first look at a lock, whatever results the next run writes.
#[test]
fn behind_a_run_that_was_killed_every_lock_is_looked_at_twice() {
    for (in_between, options, results) in [
        (None, "", RESULTS),
        (None, "--fresh", RESULTS),
        (None, "--out other.csv", "other.csv"),
        (Some("finished.csv"), "--fresh", RESULTS),
        (Some("quick.csv"), "--fresh", RESULTS),
    ] {
        let silent = json!({"patch": ["timeout_before", "dial_then_409"]});
        let silent = lead_with("lead_a", &json!({"sandbox": silent}));
        let world = World::new(vec![silent, lead("lead_b"), lead("lead_c")]);
        let row = |lead: &str| format!("lead_id,phone_number\n{lead},{}\n", number(0));
        world.write(INPUT, row("lead_a"));
        world.write("finished.csv", row("lead_b"));
        world.write("quick.csv", row("lead_c"));
        world.run("apply finished.csv --region IN").expect(0);
        let command = "apply corrections.csv --region IN";
        let mut killed = world.leadfix(command).start();
        world.wait_for("a request", |ledger| ledger.counts.requests == 2);
        killed.kill();
        if let Some(file) = in_between {
            world.run(&format!("apply {file} --region IN")).expect(0);
        }
        world.run(&format!("{command} {options}")).expect(1);
        assert_eq!(world.requests("GET"), 2, "{options}, {in_between:?}");
        let verdict = world.table(results).of("lead_a").verdict();
        assert_eq!(verdict, "locked/already_dialled/yes/409/1", "{options}");
    }
}

/// It was stopped before it had looked at all rows that the killed one may have sent.
#[test]
fn behind_a_resumed_run_that_was_stopped_every_lock_is_looked_at_twice() {
    let silent = json!({"sandbox": {"patch": ["timeout_before", "dial_then_409"]}});
    let slow = json!({"sandbox": {"patch": {"always": "delay:1000"}}});
    let world = World::new(vec![
        lead("lead_a"),
        lead_with("lead_b", &slow),
        lead_with("lead_c", &silent),
    ]);
    let row = |index: usize, lead: &str| format!("{lead},{}\n", number(index));
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number\n{}{}{}",
            row(0, "lead_a"),
            row(1, "lead_b"),
            row(2, "lead_c")
        ),
    );
    let command = "apply corrections.csv --region IN";
    let mut killed = world.leadfix(command).start();
    world.wait_for("three requests", |ledger| ledger.counts.requests == 3);
    killed.kill();
    killed.end();
    world
        .run(&format!("{command} --concurrency 1 --deadline 500ms"))
        .expect(75);
    assert_eq!(world.table(RESULTS).rows.len(), 2, "two rows have begun");
    let reads = world.requests("GET");
    world.run(&format!("{command} --fresh")).expect(1);
    assert_eq!(world.requests("GET"), reads + 2);
    let verdict = world.table(RESULTS).of("lead_c").verdict();
    assert_eq!(verdict, "locked/already_dialled/yes/409/1");
}

/// By then a request of the killed run has arrived, or never will.
#[test]
fn behind_a_run_that_has_outlasted_a_request_one_look_at_a_lock_is_enough() {
    let silent = json!({"sandbox": {"patch": ["timeout_before"]}});
    let (mut leads, rows) = plain(7);
    leads.push(lead_with("lead_a", &silent));
    let world = World::new(leads);
    world.write(
        INPUT,
        format!("lead_id,phone_number\nlead_a,{}\n", number(9)),
    );
    world.write("long.csv", rows);
    let command = "apply corrections.csv --region IN";
    let mut killed = world.leadfix(command).start();
    world.wait_for("a request", |ledger| ledger.counts.requests == 1);
    killed.kill();
    world
        .run("apply long.csv --region IN --rate 1/s --timeout 500ms")
        .expect(0);
    assert!(world.sandbox.dial("lead_a"));
    let reads = world.requests("GET");
    world.run(&format!("{command} --fresh")).expect(1);
    assert_eq!(world.requests("GET"), reads + 1);
}

#[test]
fn behind_a_run_that_has_left_nothing_one_look_at_a_lock_is_enough() {
    let world = World::new(vec![lead_with("lead_a", &json!({"status": "completed"}))]);
    world.write(
        INPUT,
        format!("lead_id,phone_number\nlead_a,{}\n", number(0)),
    );
    for reads in [1, 2] {
        let ran = world.run("apply corrections.csv --region IN --fresh");
        ran.expect(1);
        assert_eq!(world.requests("GET"), reads);
    }
}

/// What was so yesterday need not be so today.
#[test]
fn a_finished_reconciliation_begins_anew_and_an_unfinished_one_goes_on() {
    let world = World::new(vec![lead("lead_a"), lead("lead_b")]);
    let rows = |index: usize| format!("lead_id,phone_number\nlead_a,{}\n", number(index));
    world.write(INPUT, rows(0));
    let command = "reconcile corrections.csv --region IN";
    world.run(command).expect(0);
    world.write("drift.csv", rows(5));
    world.run("apply drift.csv --region IN").expect(0);
    world
        .run(command)
        .expect(0)
        .says("kept as `corrections.results.csv.1`");
    let verdict = || world.table(RESULTS).of("lead_a").verdict();
    assert_eq!(verdict(), "updated///200/1", "it has drifted");
    world.run(command).expect(0);
    assert_eq!(verdict(), "unchanged/already_correct//200/0");
    world.write(INPUT, rows(6));
    world.run(command).expect(0);
    assert_eq!(verdict(), "updated///200/1", "a new export");
    world.forget_the_end();
    world.write(INPUT, rows(7));
    world
        .run(command)
        .complains(78, &["not the same as it was", "cut off", "--fresh"]);
}

/// Each row by itself is one that this program could have written.
#[test]
fn a_result_that_was_changed_between_runs_is_noticed() {
    for finished in [true, false] {
        let options = Options {
            latency: Duration::from_millis(if finished { 0 } else { 20 }),
            ..Options::default()
        };
        let world = World::plain(64, options);
        let mut run = world
            .leadfix("apply corrections.csv --region IN --concurrency 1")
            .start();
        if !finished {
            world.wait_for("some answers", |ledger| ledger.counts.requests >= 6);
            run.signal("INT");
        }
        run.end().expect(if finished { 0 } else { 130 });
        replace(
            &world,
            RESULTS,
            "\n2,3,updated,,",
            "\n2,3,locked,already_dialled,yes",
        );
        let (before, requests) = (snapshot(&world), world.ledger().counts.requests);
        world
            .run("apply corrections.csv --region IN")
            .complains(78, &["was not touched", "changed"]);
        assert!(snapshot(&world) == before, "something was touched");
        assert_eq!(world.ledger().counts.requests, requests);
    }
}

/// What stands beside the results under the names of our own files, and is none of them.
#[test]
fn the_files_of_others_are_left_alone() {
    for (name, content) in [
        ("corrections.lock", &b"# generated by Poetry\n"[..]),
        ("corrections.lock", b"\xff\xfe"),
        ("corrections.summary.json", b"{\"poems\": 12}"),
        ("corrections.summary.json", b"a summary of mine"),
        ("corrections.results.csv.new", b"a draft"),
        ("corrections.run.json.new", b"a draft"),
        ("corrections.summary.json.new", b"a draft"),
    ] {
        let world = World::plain(1, Options::default());
        world.write(name, content);
        let ran = world.run("apply corrections.csv --region IN");
        if content == b"a draft" {
            ran.expect(0);
        } else {
            ran.complains(78, &[name, "--out"]);
            assert_eq!(world.ledger().counts.requests, 0);
            assert!(!world.path(RESULTS).exists(), "nothing was begun");
        }
        assert_eq!(world.read(name), content, "{name}");
    }
}

/// As a power failure may leave it.
#[test]
fn a_lock_that_lost_its_content_is_ours() {
    let world = World::plain(1, Options::default());
    world.write("corrections.lock", [0; 40]);
    world.run("apply corrections.csv --region IN").expect(0);
}

/// Reading what is settled keeps the processor busy, and is over when the first row is sent.
#[test]
fn a_resumed_run_is_bound_by_what_its_own_rows_wait_for() {
    let (mut leads, rows) = plain(4000);
    let slow = json!({"sandbox": {"patch": {"always": "delay:60"}}});
    for lead in &mut leads[3990..] {
        *lead = lead_with(lead["id"].as_str().expect("an ID"), &slow);
    }
    let world = World::in_memory(leads, Options::default());
    world.write(INPUT, rows);
    let command = "apply corrections.csv --region IN --quiet";
    world.run(command).expect(0);
    let results = String::from_utf8(world.read(RESULTS)).expect("text");
    let kept: Vec<&str> = results.lines().take(3991).collect();
    world.write(RESULTS, kept.join("\n") + "\n");
    world.forget_the_end();
    world.run(&format!("{command} --concurrency 1")).expect(0);
    let bound = world.json("corrections.summary.json")["bound_by"].to_string();
    assert!(bound.starts_with("\"latency"), "{bound}");
}

#[test]
fn a_file_in_the_place_of_the_key_s_lock_is_named_with_what_helps() {
    let world = World::plain(1, Options::default());
    world.run("apply corrections.csv --region IN").expect(0);
    let files = fs::read_dir(world.path("state/leadfix")).expect("a folder");
    let mut paths = files.map(|entry| entry.expect("an entry").path());
    let lock = paths.find(|path| path.extension().is_some_and(|ending| ending == "lock"));
    fs::write(lock.expect("the key's lock"), "mine").expect("a file to write");
    world
        .run("apply corrections.csv --region IN --fresh")
        .complains(78, &["no lock of this program", "another name"])
        .never_says("--out");
    world
        .run("apply corrections.csv --sandbox --sandbox-leads none.jsonl")
        .complains(65, &["`none.jsonl`", "No such file"]);
}
