//! `--dry-run`: everything but the `PATCH`. Shows for each row what would be sent.

use std::io::Write;

use futures::StreamExt;
use futures::stream;

use crate::correction::Correction;
use crate::error::{Exit, Fatal};
use crate::executor::{Executor, Prepared};
use crate::halt::Halt;
use crate::outcome::Outcome;
use crate::preflight::{Judgement, Policy, Preflight};
use crate::reader::{Columns, Input, InputError, Row};
use crate::report;
use crate::text;

/// Rows that are read at once.
const AHEAD: usize = 64;

/// Prints a line for each row: what would be sent, or why nothing would.
///
/// # Errors
/// When the input breaks.
pub async fn show(
    input: &Input,
    columns: &Columns,
    (preflight, policy): (&Preflight, &Policy),
    executor: &Executor<'_>,
    halt: &Halt,
) -> Result<Exit, Fatal> {
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
    let mut all_fine = true;
    loop {
        let line = tokio::select! {
            biased;
            () = halt.pulled() => break,
            line = lines.next() => line,
        };
        let Some(line) = line else { break };
        let Some(Line { text, fine }) = line? else {
            break;
        };
        all_fine &= fine;
        report::show(|out| writeln!(out, "{}", text::written_out(&text)))?;
    }
    Ok(if all_fine {
        Exit::Fine
    } else {
        Exit::NeedsPerson
    })
}

struct Line {
    text: String,
    fine: bool,
}

async fn line(
    judged: Result<(u64, String, Judgement), InputError>,
    executor: &Executor<'_>,
) -> Result<Option<Line>, Fatal> {
    let (line, lead_id, judgement) = judged?;
    let start = format!("line {line}  {}", text::cut(&lead_id));
    let done = |text: String, fine| {
        Ok(Some(Line {
            text: format!("{start}  {text}"),
            fine,
        }))
    };
    match judgement {
        Judgement::Reject(rejection) => done(
            format!("invalid/{}  {}", rejection.reason, rejection.detail),
            false,
        ),
        Judgement::Repeat { first_line, .. } => {
            done(format!("the same correction as line {first_line}"), true)
        }
        Judgement::Send(correction) => match executor.rehearse(&correction).await {
            None => Ok(None),
            Some(prepared) => {
                let (text, fine) = describe(&prepared, &correction);
                done(text, fine)
            }
        },
    }
}

fn describe(prepared: &Prepared, correction: &Correction) -> (String, bool) {
    match prepared {
        Prepared::Send(plan, body) => {
            let mut remarks = vec![correction.remark(), plan.look_alikes()];
            remarks.retain(|remark| !remark.is_empty());
            let remark = match remarks.join("; ").as_str() {
                "" => String::new(),
                remark => format!("  ({remark})"),
            };
            (
                format!("PATCH {}{remark}", String::from_utf8_lossy(body)),
                true,
            )
        }
        Prepared::Settled(Outcome {
            finding, detail, ..
        }) => {
            let reason = finding
                .reason
                .map(|reason| format!("/{reason}"))
                .unwrap_or_default();
            (
                format!("{}{reason}  {detail}", finding.status),
                finding.status.is_fine(),
            )
        }
    }
}
