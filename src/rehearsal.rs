//! `--dry-run`: everything but the `PATCH`. Shows for each row what would be sent.

use std::fmt;
use std::io::Write;

use futures::StreamExt;
use futures::stream;

use crate::client::Client;
use crate::correction::Correction;
use crate::error::{Exit, Fatal};
use crate::executor::{Executor, Prepared};
use crate::halt::Halt;
use crate::outcome::{Finding, Outcome, Status};
use crate::plan::Plan;
use crate::preflight::{Judgement, Policy, Surveyed};
use crate::reader::{InputError, Row};
use crate::report;
use crate::summary::Counts;
use crate::text;

/// Rows that are read at once.
const AHEAD: usize = 64;

/// What a run would come to.
#[derive(Debug, Default)]
pub struct Forecast {
    sent: u64,
    /// Of those, rows whose lead says that it was dialled.
    dialled: u64,
    repeated: u64,
    settled: Counts,
}

/// What a row would come to.
#[derive(Clone, Copy)]
enum Coming {
    Sent { dialled: bool },
    Repeated,
    Settled(Finding),
}

impl Forecast {
    fn add(&mut self, coming: Coming) {
        match coming {
            Coming::Sent { dialled } => {
                self.sent += 1;
                self.dialled += u64::from(dialled);
            }
            Coming::Repeated => self.repeated += 1,
            Coming::Settled(finding) => self.settled.add(finding),
        }
    }

    /// How the run would end, as far as can be known.
    pub fn exit(&self) -> Exit {
        if self.dialled == 0 && self.settled.all_fine() {
            Exit::Fine
        } else {
            Exit::NeedsPerson
        }
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.sent + self.repeated + self.settled.total();
        let noun = if rows == 1 { "row" } else { "rows" };
        write!(f, "dry run of {rows} {noun}: {} to be sent", self.sent)?;
        let settled = self.settled.by_status();
        let settled = settled.map(|(status, count, _)| (count, status.as_str()));
        let others = [
            (self.dialled, "of them probably locked"),
            (self.repeated, "repeated"),
        ];
        for (count, what) in others.into_iter().chain(settled) {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        f.write_str("\nnothing was changed; run again without --dry-run to send")
    }
}

/// Prints a line for each row: what would be sent, or why nothing would. `None` where it ended before the file did:
/// then the halt says why, or nobody reads on.
///
/// # Errors
/// When the input breaks.
pub async fn show(
    surveyed: &Surveyed,
    policy: &Policy,
    executor: &Executor<'_>,
    client: &Client,
    halt: &Halt,
) -> Result<Option<Forecast>, Fatal> {
    let Surveyed {
        input,
        columns,
        preflight,
    } = surveyed;
    let mut rows = input.rows()?;
    let judged = std::iter::from_fn(|| {
        let mut row = Row::default();
        match rows.read(&mut row) {
            Ok(true) if !halt.is_pulled() => {
                let judgement = preflight.judge(&row, columns, policy);
                let lead_id = row
                    .cells
                    .get(columns.lead_id)
                    .unwrap_or_default()
                    .to_owned();
                Some(Ok((row.line, lead_id, judgement)))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    });
    let lines = stream::iter(judged)
        .map(|judged| line(judged, executor))
        .buffered(AHEAD);
    let mut lines = std::pin::pin!(lines);
    let mut forecast = Forecast::default();
    loop {
        let line = tokio::select! {
            biased;
            () = halt.pulled() => return Ok(None),
            line = lines.next() => line,
        };
        let Some(line) = line else {
            return Ok(Some(forecast));
        };
        let Some(Line { text, coming }) = line? else {
            return Ok(None);
        };
        forecast.add(coming);
        // The server may have put the key among a lead's variables.
        let text = client.redact(&text);
        if !report::show(|out| writeln!(out, "{}", text::written_out(&text)))? {
            return Ok(None);
        }
    }
}

struct Line {
    text: String,
    coming: Coming,
}

async fn line(
    judged: Result<(u64, String, Judgement), InputError>,
    executor: &Executor<'_>,
) -> Result<Option<Line>, Fatal> {
    let (line, lead_id, judgement) = judged?;
    let start = format!("line {line}  {}", text::cut(&lead_id));
    let done = |text: String, coming| {
        Ok(Some(Line {
            text: format!("{start}  {text}"),
            coming,
        }))
    };
    match judgement {
        Judgement::Reject(rejection) => done(
            format!("invalid/{}  {}", rejection.reason, rejection.detail),
            Coming::Settled(Finding::new(Status::Invalid, rejection.reason)),
        ),
        Judgement::Repeat { first_line, .. } => done(
            format!("the same correction as line {first_line}"),
            Coming::Repeated,
        ),
        Judgement::Send(correction) => match executor.rehearse(&correction).await {
            None => Ok(None),
            Some((Prepared::Send(plan, body), dialled)) => done(
                format!(
                    "PATCH {}{}",
                    String::from_utf8_lossy(&body),
                    remarks(&plan, &correction, dialled)
                ),
                Coming::Sent { dialled },
            ),
            Some((Prepared::Settled(outcome), _)) => {
                let Outcome {
                    finding, detail, ..
                } = outcome;
                let reason = finding.reason.map(|reason| format!("/{reason}"));
                let reason = reason.unwrap_or_default();
                done(
                    format!("{}{reason}  {detail}", finding.status),
                    Coming::Settled(finding),
                )
            }
        },
    }
}

fn remarks(plan: &Plan, correction: &Correction, dialled: bool) -> String {
    let mut remarks = vec![correction.remark(), plan.look_alikes()];
    if dialled {
        remarks.push("the lead was dialled or is being dialled: probably locked".to_owned());
    }
    remarks.retain(|remark| !remark.is_empty());
    match remarks.join("; ").as_str() {
        "" => String::new(),
        remarks => format!("  ({remarks})"),
    }
}
