//! `check`: the preflight alone. What would be invalid and why; no network, no key.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::config::Reading;
use crate::error::{Exit, Fatal};
use crate::preflight::{Judgement, Preflight};
use crate::private;
use crate::reader::{Columns, Input, InputError, Row, Unsolved};
use crate::report;
use crate::results;
use crate::states::States;
use crate::text;

/// Runs a resolved `check`.
///
/// # Errors
/// When the file is unusable or nothing can be printed.
pub fn run(reading: &Reading, as_json: bool, fixed: Option<&Path>) -> Result<Exit, Fatal> {
    let input = Input::open(&reading.file, &reading.options)?;
    let columns = input.columns(&reading.map)?;
    let preflight = Preflight::survey(&input, &columns, &reading.policy)?;
    let check = Check {
        reading,
        input: &input,
        columns: &columns,
        preflight: &preflight,
    };
    let mut broken = None;
    report::show(|out| {
        let shown = if as_json {
            check.json(out)
        } else {
            check.text(out)
        };
        shown.or_else(|error| match error {
            Broken::Output(error) => Err(error),
            Broken::Run(fatal) => {
                broken = Some(fatal);
                Ok(())
            }
        })
    })?;
    if let Some(fatal) = broken {
        return Err(fatal);
    }
    if let Some(path) = fixed {
        let left_out = check.write_fixed(path)?;
        // A closed stderr is nothing to stop for.
        let _ = left_out.tell(&mut io::stderr(), path);
    }
    let invalid = preflight.findings.invalid_rows();
    let too_many = reading
        .max_invalid
        .map(|limit| limit.is_exceeded(invalid, preflight.pass.rows));
    let fine = !too_many.unwrap_or(invalid > 0)
        && (preflight.suspicions().is_empty() || reading.accept_suspect);
    Ok(if fine { Exit::Fine } else { Exit::NeedsPerson })
}

struct Check<'a> {
    reading: &'a Reading,
    input: &'a Input,
    columns: &'a Columns,
    preflight: &'a Preflight,
}

/// Either the reader of our output went away, or the run cannot go on.
enum Broken {
    Output(io::Error),
    Run(Fatal),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<InputError> for Broken {
    fn from(error: InputError) -> Self {
        Self::Run(error.into())
    }
}

/// The damaged rows that the copy does not have.
#[derive(Default)]
struct LeftOut {
    rows: u64,
    first_line: u64,
}

impl LeftOut {
    fn note(&mut self, line: u64) {
        if self.rows == 0 {
            self.first_line = line;
        }
        self.rows += 1;
    }

    fn tell(&self, out: &mut impl Write, copy: &Path) -> io::Result<()> {
        let (copy, line) = (copy.display(), self.first_line);
        match self.rows {
            0 => Ok(()),
            1 => writeln!(out, "1 damaged row is not in `{copy}`: line {line}"),
            rows => writeln!(
                out,
                "{rows} damaged rows are not in `{copy}`: line {line} and more"
            ),
        }
    }
}

impl Check<'_> {
    fn text(&self, out: &mut impl Write) -> Result<(), Broken> {
        report::preflight(
            out,
            self.input,
            &self.reading.file,
            self.columns,
            self.preflight,
        )?;
        self.each_row(|row, judgement| {
            let Judgement::Reject(rejection) = judgement else {
                return Ok(());
            };
            let cell = rejection.cell(row);
            writeln!(
                out,
                "line {}  {}  `{}`  {}",
                row.line,
                rejection.reason,
                text::cut(cell),
                text::written_out(&rejection.detail)
            )
        })
    }

    /// One document: what is known of the file, then every invalid row.
    fn json(&self, out: &mut impl Write) -> Result<(), Broken> {
        let Preflight {
            pass,
            findings,
            alarms,
            ..
        } = self.preflight;
        let recovered: serde_json::Map<_, _> = findings
            .recovered
            .iter()
            .map(|(kind, tally)| (kind.code().to_owned(), json!(tally)))
            .collect();
        let invalid: serde_json::Map<_, _> = findings
            .invalid
            .iter()
            .map(|(reason, tally)| (reason.to_string(), json!(tally)))
            .collect();
        let overlooked = self.preflight.overlooked.iter();
        let overlooked = overlooked.map(|column| (column.code(), column.to_string()));
        let states = self.preflight.states.iter();
        let states = states.map(|column| (States::CODE, column.to_string()));
        let unsolved = self.preflight.unsolved.iter();
        let unsolved = unsolved.map(|column| (Unsolved::CODE, column.to_string()));
        let alarms: Vec<_> = alarms
            .iter()
            .map(|alarm| (alarm.code(), alarm.to_string()))
            .chain(overlooked)
            .chain(states)
            .chain(unsolved)
            .map(|(code, message)| json!({"code": code, "message": message}))
            .collect();
        let hints: Vec<_> = self.columns.hints.iter().map(ToString::to_string).collect();
        let read_as = self.columns.read_as.iter();
        let columns: serde_json::Map<_, _> = read_as
            .map(|(at, target)| (target.to_string(), json!(self.input.headers()[*at])))
            .collect();
        let head = json!({
            "file": self.reading.file.to_string_lossy(),
            "rows": pass.rows,
            "blank_lines": pass.blank_lines,
            "fingerprint": pass.fingerprint.to_string(),
            "format": self.input.description().to_string(),
            "columns": columns,
            "valid": findings.valid,
            "invalid": findings.invalid_rows(),
            "region_assumed": findings.region_assumed,
            "reasons": invalid,
            "recovered": recovered,
            "alarms": alarms,
            "warnings": hints.into_iter().chain(self.preflight.warnings()).collect::<Vec<_>>(),
        });
        let head = text::written_out(&head.to_string());
        write!(out, "{},\"invalid_rows\":[", head.trim_end_matches('}'))?;
        let mut separator = "";
        self.each_row(|row, judgement| {
            let Judgement::Reject(rejection) = judgement else {
                return Ok(());
            };
            let cell = rejection.cell(row);
            let entry = json!({
                "row": row.number,
                "line": row.line,
                "reason": rejection.reason.as_str(),
                "cell": cell,
                "detail": rejection.detail,
            });
            let entry = text::written_out(&entry.to_string());
            write!(out, "{separator}\n{entry}")?;
            separator = ",";
            Ok(())
        })?;
        writeln!(out, "]}}")?;
        Ok(())
    }

    /// Writes the file again, with every number that can be read in E.164; everything else stays as it stands.
    /// Damaged rows are left out: written in columns they would look whole. The options that the file is read with fit
    /// the copy too, all but `--sheet`: it has the delimiter that is stated, and a mark, which outranks a stated encoding.
    fn write_fixed(&self, path: &Path) -> Result<LeftOut, Fatal> {
        let failed = |error: &dyn std::fmt::Display| {
            Fatal::new(
                Exit::LocalIo,
                format!("cannot write `{}`: {error}", path.display()),
            )
        };
        let mut file = private::create_new(path).map_err(|error| {
            failed(&format_args!(
                "{error}; name a file that does not exist yet"
            ))
        })?;
        file.write_all(results::BOM)
            .map_err(|error| failed(&error))?;
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.reading.options.delimiter.unwrap_or(b','))
            .from_writer(file);
        writer
            .write_record(self.input.headers())
            .map_err(|error| failed(&error))?;
        let mut left_out = LeftOut::default();
        let mut rows = self.input.rows()?;
        let mut row = Row::default();
        while rows.read(&mut row)? {
            if row.damage.is_some() {
                left_out.note(row.line);
                continue;
            }
            let read = self
                .preflight
                .read(&row, self.columns, &self.reading.policy);
            let number = read
                .ok()
                .and_then(|correction| correction.phone_number())
                .map(|number| number.to_string());
            let cells = row
                .cells
                .iter()
                .enumerate()
                .map(|(column, cell)| match &number {
                    Some(number) if Some(column) == self.columns.phone_number => number.as_str(),
                    _ => cell,
                });
            writer.write_record(cells).map_err(|error| failed(&error))?;
        }
        writer.flush().map_err(|error| failed(&error))?;
        Ok(left_out)
    }

    fn each_row(
        &self,
        mut visit: impl FnMut(&Row, Judgement) -> io::Result<()>,
    ) -> Result<(), Broken> {
        let mut rows = self.input.rows()?;
        let mut row = Row::default();
        while rows.read(&mut row)? {
            visit(
                &row,
                self.preflight
                    .judge(&row, self.columns, &self.reading.policy),
            )?;
        }
        Ok(())
    }
}
