//! Renders a run's summary and a preflight for people. Takes data and a writer; nothing here decides anything.

use std::io::{self, Write};
use std::path::Path;

use csv::StringRecord;

use crate::checkpoint::Files;
use crate::error::{Exit, Fatal};
use crate::findings::Tally;
use crate::preflight::Preflight;
use crate::reader::{Columns, Input};
use crate::summary::Summary;
use crate::text;

/// So many columns that are carried along are named.
const MOST_CARRIED: usize = 8;

/// Prints to stdout; whether anybody still reads it. A reader that went away is no error.
///
/// # Errors
/// When standard output cannot be written.
pub fn show(
    render: impl FnOnce(&mut io::BufWriter<io::StdoutLock>) -> io::Result<()>,
) -> Result<bool, Fatal> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match render(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Fatal::new(
            Exit::LocalIo,
            format!("cannot write to standard output: {error}"),
        )),
    }
}

/// The summary of a run: a table, where the files are, what to do next.
pub fn summary(out: &mut impl Write, summary: &Summary, files: &Files) -> io::Result<()> {
    if summary.sandbox {
        writeln!(out, "SANDBOX: a rehearsal, no real lead was touched")?;
    }
    let settled = summary.counts.total();
    let rows = summary.rows;
    writeln!(
        out,
        "{}: {settled} of {rows} rows settled",
        summary.input.display()
    )?;
    if summary.resumed_from > 0 {
        writeln!(out, "resumed behind row {}", summary.resumed_from)?;
    }
    for (status, count, reasons) in summary.counts.by_status() {
        writeln!(out, "  {status:<10}{count:>9}")?;
        for (reason, count) in reasons {
            writeln!(out, "    {reason:<28}{count:>7}")?;
        }
    }
    let dialect = summary
        .dialect
        .map(|dialect| format!(", body spelling: {dialect}"))
        .unwrap_or_default();
    writeln!(
        out,
        "{:.1} s, {:.0} rows/s, {} requests ({} reads, {} retries), {} over the limit{dialect}",
        summary.seconds(),
        summary.pace(),
        summary.traffic.requests,
        summary.traffic.reads,
        summary.traffic.retries,
        summary.throttled,
    )?;
    if let Some(bound) = summary.bound() {
        writeln!(out, "bound by {bound}")?;
    }
    writeln!(out, "results   {}", files.results.display())?;
    writeln!(out, "summary   {}", files.summary.display())?;
    for step in summary.next_steps() {
        writeln!(out, "next      {step}")?;
    }
    Ok(())
}

/// What `check` says of the file as a whole.
pub fn preflight(
    out: &mut impl Write,
    input: &Input,
    file: &Path,
    columns: &Columns,
    preflight: &Preflight,
) -> io::Result<()> {
    let findings = &preflight.findings;
    writeln!(
        out,
        "{}: {} rows, {}",
        file.display(),
        preflight.pass.rows,
        text::written_out(&input.description().to_string())
    )?;
    meanings(out, input.headers(), columns)?;
    writeln!(out, "  {:<10}{:>9}", "valid", findings.valid)?;
    writeln!(out, "  {:<10}{:>9}", "invalid", findings.invalid_rows())?;
    for (reason, tally) in &findings.invalid {
        example(out, reason.as_str(), tally)?;
    }
    if !findings.recovered.is_empty() {
        writeln!(out, "recovered from phone cells")?;
    }
    for (recovery, tally) in &findings.recovered {
        example(out, recovery.code(), tally)?;
    }
    if findings.region_assumed > 0 {
        writeln!(
            out,
            "    {:<28}{:>7}   read in the default region",
            "region_assumed", findings.region_assumed
        )?;
    }
    warnings(out, columns, preflight)
}

/// What each column is read as, and which are not read.
pub fn meanings(out: &mut impl Write, headers: &StringRecord, columns: &Columns) -> io::Result<()> {
    let read = columns.read_as.iter().map(|(at, target)| {
        let (name, target) = (&headers[*at], target.to_string());
        if *name == target {
            format!("`{name}`")
        } else {
            format!("`{}` as {target}", text::cut(name))
        }
    });
    let read: Vec<_> = read.collect();
    writeln!(
        out,
        "  {:<10}{}",
        "read",
        text::written_out(&read.join(", "))
    )?;
    let carried = columns.carried.iter().filter(|at| !columns.reads(**at));
    let mut carried: Vec<_> = carried
        .map(|at| format!("`{}`", text::cut(&headers[*at])))
        .collect();
    if carried.is_empty() {
        return Ok(());
    }
    let more = carried.len().saturating_sub(MOST_CARRIED);
    carried.truncate(MOST_CARRIED);
    if more > 0 {
        carried.push(format!("and {more} more"));
    }
    writeln!(
        out,
        "  {:<10}{}",
        "carried",
        text::written_out(&carried.join(", "))
    )
}

fn example(out: &mut impl Write, name: &str, tally: &Tally) -> io::Result<()> {
    let Tally {
        count,
        line,
        cell,
        detail,
    } = tally;
    writeln!(
        out,
        "    {name:<28}{count:>7}   line {line}: `{}`",
        text::cut(cell)
    )?;
    writeln!(out, "        {}", text::written_out(detail))
}

/// What a person should hear before the first request.
pub fn warnings(out: &mut impl Write, columns: &Columns, preflight: &Preflight) -> io::Result<()> {
    match preflight.pass.blank_lines {
        0 => {}
        1 => writeln!(out, "1 blank line, skipped")?,
        lines => writeln!(out, "{lines} blank lines, skipped")?,
    }
    for hint in &columns.hints {
        writeln!(out, "warning: {}", text::written_out(&hint.to_string()))?;
    }
    for warning in preflight.warnings() {
        writeln!(out, "warning: {}", text::written_out(&warning))?;
    }
    for suspicion in preflight.suspicions() {
        writeln!(out, "alarm: {}", text::written_out(&suspicion))?;
    }
    Ok(())
}
