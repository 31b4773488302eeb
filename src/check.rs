//! `check`: the preflight alone. What would be invalid and why; no network, no key.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::config::Reading;
use crate::error::{Exit, Fatal};
use crate::findings::Tally;
use crate::outcome::Cause;
use crate::preflight::{Judgement, Preflight};
use crate::private;
use crate::reader::{Columns, Input, InputError, Row};
use crate::report;
use crate::results;
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
        check.write_fixed(path)?;
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

/// Either what is written to failed, or the run cannot go on.
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
        let Preflight { pass, findings, .. } = self.preflight;
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
        let alarms: Vec<_> = self
            .preflight
            .objections()
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

    /// Writes the file again, and says so. It is there as a whole, or not at all: a part of it would look whole.
    fn write_fixed(&self, path: &Path) -> Result<(), Fatal> {
        let failed = |error: &dyn std::fmt::Display| {
            Fatal::new(
                Exit::LocalIo,
                format!("cannot write `{}`: {error}", path.display()),
            )
        };
        let mut copy = private::beside(path).map_err(|error| failed(&error))?;
        self.fixed_rows(copy.as_file_mut())
            .map_err(|broken| match broken {
                Broken::Output(error) => failed(&error),
                Broken::Run(fatal) => fatal,
            })?;
        private::keep(copy, path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => failed(&format_args!(
                "{error}; name a file that does not exist yet"
            )),
            _ => failed(&error),
        })?;
        // A closed stderr is nothing to stop for.
        let _ = self.tell_fixed(&mut io::stderr(), path);
        Ok(())
    }

    fn tell_fixed(&self, out: &mut impl Write, path: &Path) -> io::Result<()> {
        let copy = path.display();
        writeln!(out, "fixed copy  {copy}")?;
        let invalid = &self.preflight.findings.invalid;
        match invalid.get(&Cause::DamagedRow.into()) {
            None => Ok(()),
            Some(Tally { count: 1, line, .. }) => {
                writeln!(out, "1 damaged row is not in `{copy}`: line {line}")
            }
            Some(Tally { count, line, .. }) => {
                writeln!(
                    out,
                    "{count} damaged rows are not in `{copy}`: line {line} and more"
                )
            }
        }
    }

    /// The rows with every number that can be read in E.164; everything else stays as it stands.
    /// Damaged rows are left out: written in columns they would look whole. The options that the file is read with fit
    /// the copy too, all but `--sheet`: it has the delimiter that is stated, and a mark, which outranks a stated encoding.
    fn fixed_rows(&self, out: &mut impl Write) -> Result<(), Broken> {
        out.write_all(results::BOM)?;
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.reading.options.delimiter.unwrap_or(b','))
            .from_writer(out);
        let output = |error: csv::Error| Broken::Output(error.into());
        writer.write_record(self.input.headers()).map_err(output)?;
        let mut rows = self.input.rows()?;
        let mut row = Row::default();
        while rows.read(&mut row)? {
            if row.damage.is_some() {
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
            writer.write_record(cells).map_err(output)?;
        }
        writer.flush()?;
        Ok(())
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
