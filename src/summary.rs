//! What a run came to: counts, durations, pace, versions, what to do next. Data; `report` renders it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use crate::api::Dialect;
use crate::bound::Bound;
use crate::error::Exit;
use crate::executor::Traffic;
use crate::outcome::{Cause, Finding, Reason, Reupload, Status};
use crate::pace::Quota;

/// How many rows came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    findings: BTreeMap<(Status, Option<Reason>, Reupload), u64>,
}

impl Counts {
    /// Counts one row.
    pub fn add(&mut self, finding: Finding) {
        *self
            .findings
            .entry((finding.status, finding.reason, finding.reupload))
            .or_default() += 1;
    }

    /// All rows.
    pub fn total(&self) -> u64 {
        self.findings.values().sum()
    }

    /// Rows with this status.
    pub fn of(&self, status: Status) -> u64 {
        self.sum(|(found, _, _)| *found == status)
    }

    /// Rows with this re-upload flag.
    pub fn flagged(&self, flag: Reupload) -> u64 {
        self.sum(|(_, _, found)| *found == flag)
    }

    /// Rows with this reason.
    pub fn because(&self, reason: impl Into<Reason>) -> u64 {
        let reason = reason.into();
        self.sum(|(_, found, _)| *found == Some(reason))
    }

    /// Statuses with their reasons, in the order of the documentation.
    pub fn by_status(&self) -> impl Iterator<Item = (Status, u64, BTreeMap<Reason, u64>)> {
        Status::ALL.iter().map(|&status| {
            let mut reasons = BTreeMap::new();
            for ((found, reason, _), count) in &self.findings {
                if let (true, Some(reason)) = (*found == status, reason) {
                    *reasons.entry(*reason).or_default() += count;
                }
            }
            (status, self.of(status), reasons)
        })
    }

    /// Whether no row needs a person.
    pub fn all_fine(&self) -> bool {
        self.findings.keys().all(|(status, _, _)| status.is_fine())
    }

    fn sum(&self, wanted: impl Fn(&(Status, Option<Reason>, Reupload)) -> bool) -> u64 {
        self.findings
            .iter()
            .filter(|(key, _)| wanted(key))
            .map(|(_, count)| count)
            .sum()
    }
}

/// One run, accounted for.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The input file.
    pub input: PathBuf,
    /// The results file.
    pub results: PathBuf,
    /// Whether this was a rehearsal.
    pub sandbox: bool,
    /// Data rows of the input.
    pub rows: u64,
    /// Rows that earlier runs had settled.
    pub resumed_from: u64,
    /// All settled rows, earlier runs included.
    pub counts: Counts,
    /// What was sent in this run.
    pub traffic: Traffic,
    /// Replies of 429 in this run.
    pub throttled: u64,
    /// What the server's quota is understood to be.
    pub quota: Option<Quota>,
    /// What has bound this run.
    pub bound: Bound,
    /// The body spelling that proved itself in this run.
    pub dialect: Option<Dialect>,
    /// Begin of this run.
    pub started_at: Timestamp,
    /// End of this run.
    pub ended_at: Timestamp,
    /// Length of this run by a clock that nobody sets.
    pub elapsed: Duration,
    /// Why it ended before the file did.
    pub stopped: Option<String>,
    /// How the process ends.
    pub exit: Exit,
}

impl Summary {
    /// Whether every row has its result.
    pub fn is_complete(&self) -> bool {
        self.counts.total() == self.rows
    }

    /// Length of this run in seconds.
    pub fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    /// Rows settled in this run for each second of it.
    pub fn pace(&self) -> f64 {
        let settled = self.counts.total() - self.resumed_from;
        #[expect(clippy::cast_precision_loss, reason = "a pace for people")]
        let settled = settled as f64;
        settled / self.seconds().max(1e-3)
    }

    /// What a person should do now, one sentence each.
    pub fn next_steps(&self) -> Vec<String> {
        let counts = &self.counts;
        let unproven =
            counts.because(Cause::AcceptedUnconfirmed) + counts.because(Cause::PartlyConfirmed);
        let steps = [
            (
                counts.flagged(Reupload::Yes),
                "with `result_reupload` = `yes`: dialled before the correction could be applied; enrol a corrected copy, once, and take the row out of this file before it is run again",
            ),
            (
                counts.flagged(Reupload::Review),
                "with `result_reupload` = `review`: look at the lead before enrolling a copy, or the phone may ring \
                 twice",
            ),
            (
                counts.of(Status::Missing),
                "`missing`: check the lead IDs, and that the key belongs to their workspace",
            ),
            (
                counts.of(Status::Invalid),
                "`invalid`: mend the cells in the results file as `result_detail` says, then run that file through \
                 `leadfix reconcile` with the same options",
            ),
            (
                counts.of(Status::Failed),
                "`failed`: run the results file through `leadfix reconcile` with the same options; with \
                 `outcome_unknown` the correction may have been applied",
            ),
            (
                unproven,
                "`updated` without full proof (`accepted_unconfirmed`, `partly_confirmed`): the server never shows \
                 those fields",
            ),
        ];
        let mended = match self.exit {
            Exit::TryLater | Exit::Interrupted | Exit::Terminated => "",
            _ => "mend what stopped the run, then ",
        };
        let resume = (!self.is_complete()).then(|| {
            format!("{mended}run the same command again: it goes on behind the last result")
        });
        let counted = steps
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, text)| {
                let rows = if count == 1 { "row" } else { "rows" };
                format!("{count} {rows} {text}")
            });
        let unannounced = matches!(self.bound, Bound::Quota(Some(Quota::Unannounced { .. })));
        let advice = unannounced.then(|| {
            "the server does not announce its quota: where you know it, --rate uses more of it"
                .to_owned()
        });
        match resume {
            // The rest can wait: mending the results now would keep the run from resuming.
            Some(resume) => vec![resume],
            None => counted.chain(advice).collect(),
        }
    }

    /// What has bound this run; `None` where it has settled nothing.
    pub fn bound(&self) -> Option<&Bound> {
        Some(&self.bound).filter(|_| self.counts.total() > self.resumed_from)
    }

    /// The content of `.summary.json`.
    pub fn to_json(&self) -> serde_json::Value {
        let statuses: BTreeMap<&str, u64> = self
            .counts
            .by_status()
            .map(|(status, count, _)| (status.as_str(), count))
            .collect();
        let mut reasons = BTreeMap::new();
        for (_, _, found) in self.counts.by_status() {
            for (reason, count) in found {
                *reasons.entry(reason.as_str()).or_insert(0) += count;
            }
        }
        serde_json::json!({
            "leadfix": env!("CARGO_PKG_VERSION"),
            "phone_metadata": crate::phone::METADATA_VERSION,
            "sandbox": self.sandbox,
            "input": self.input.to_string_lossy(),
            "results": self.results.to_string_lossy(),
            "complete": self.is_complete(),
            "exit_code": self.exit,
            "stopped": self.stopped,
            "rows": self.rows,
            "settled": self.counts.total(),
            "resumed_from": self.resumed_from,
            "statuses": statuses,
            "reasons": reasons,
            "reupload": {
                "yes": self.counts.flagged(Reupload::Yes),
                "review": self.counts.flagged(Reupload::Review),
            },
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "seconds": self.seconds(),
            "rows_per_second": self.pace(),
            "traffic": self.traffic,
            "throttled": self.throttled,
            "quota": self.quota,
            "bound_by": self.bound().map(Bound::to_string),
            "dialect": self.dialect,
            "next": self.next_steps(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_status_reason_and_flag() {
        let mut counts = Counts::default();
        counts.add(Finding::UPDATED);
        assert!(counts.all_fine());
        counts.add(Finding::locked(Cause::AlreadyDialled, Reupload::Yes));
        counts.add(Finding::locked(Cause::PartlyApplied, Reupload::Review));
        counts.add(Finding::new(Status::Failed, Cause::PartlyApplied));
        assert_eq!((counts.total(), counts.of(Status::Locked)), (4, 2));
        assert_eq!(
            (
                counts.flagged(Reupload::Yes),
                counts.flagged(Reupload::Review)
            ),
            (1, 1)
        );
        assert_eq!(counts.because(Cause::PartlyApplied), 2);
        assert!(!counts.all_fine());
        let locked = counts
            .by_status()
            .find(|(status, ..)| *status == Status::Locked)
            .unwrap();
        assert_eq!(locked.2.len(), 2);
    }

    #[test]
    fn a_clock_that_is_set_back_meanwhile_changes_no_duration() {
        let mut counts = Counts::default();
        counts.add(Finding::UPDATED);
        let summary = Summary {
            input: "a.csv".into(),
            results: "a.results.csv".into(),
            sandbox: false,
            rows: 1,
            resumed_from: 0,
            counts,
            traffic: Traffic::default(),
            throttled: 0,
            quota: None,
            bound: Bound::Machine,
            dialect: None,
            started_at: Timestamp::MAX,
            ended_at: Timestamp::MIN,
            elapsed: Duration::from_secs(2),
            stopped: None,
            exit: Exit::Fine,
        };
        let json = summary.to_json();
        assert_eq!(json["seconds"], 2.0);
        assert_eq!(json["rows_per_second"], 0.5);
    }
}
