//! What can be known before the first request: the whole file is read, without the network.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::alarm::{Alarm, ColumnHealth};
use crate::correction::{self, Correction, Reading, Rejection, Rules};
use crate::duplicates::{Duplicate, Duplicates, Sightings};
use crate::outcome::{Cause, Reason};
use crate::phone::{E164, Recovery, Region};
use crate::reader::{Columns, Input, InputError, Pass, Row};

/// How many invalid rows are too many: `5%` or a count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxInvalid {
    /// Of all rows, in percent.
    Percent(f64),
    /// Rows.
    Count(u64),
}

impl MaxInvalid {
    /// Whether so many of so many rows are too many.
    pub fn is_exceeded(self, invalid: u64, rows: u64) -> bool {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a share of rows needs no 53 bits"
            )]
            Self::Percent(percent) => invalid as f64 * 100.0 > percent * rows as f64,
            Self::Count(count) => invalid > count,
        }
    }
}

impl FromStr for MaxInvalid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limit = match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percent),
            None => text.trim().parse().ok().map(Self::Count),
        };
        limit.ok_or_else(|| format!("`{text}` is no limit; write for example `5%` or `100`"))
    }
}

/// How a file is judged.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How cells are read.
    pub rules: Rules,
    /// Two leads must not get the same number.
    pub forbid_shared_numbers: bool,
}

/// Why the file could not be surveyed.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// The input file is unusable.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A temporary file could not be used.
    #[error("cannot use a temporary file: {0}")]
    Io(#[from] io::Error),
}

/// How often something was met, and where first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The line where it was met first.
    pub line: u64,
    /// The cell there.
    pub cell: String,
}

impl Tally {
    fn add(&mut self, line: u64, cell: &str) {
        if self.count == 0 {
            self.line = line;
            cell.clone_into(&mut self.cell);
        }
        self.count += 1;
    }
}

/// The whole file, seen once.
#[derive(Debug)]
pub struct Preflight {
    /// Rows, blank lines, fingerprint and warnings of the reading.
    pub pass: Pass,
    /// What the rows are.
    pub findings: Findings,
    /// What is suspicious about the phone column as a whole.
    pub alarms: Vec<Alarm>,
    duplicates: Duplicates,
}

/// What the rows of a file are, counted.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rows that would be sent or share the outcome of one that is.
    pub valid: u64,
    /// Rows that would be invalid, by reason.
    pub invalid: BTreeMap<Reason, Tally>,
    /// What was recovered from phone cells, by kind.
    pub recovered: BTreeMap<Recovery, Tally>,
    /// Numbers read in the default region.
    pub region_assumed: u64,
    /// Regions of the numbers written with `+`, by calling code.
    pub calling_codes: BTreeSet<u16>,
}

impl Findings {
    /// Rows that would not be sent.
    pub fn invalid_rows(&self) -> u64 {
        self.invalid.values().map(|tally| tally.count).sum()
    }

    fn note(&mut self, row: &Row, columns: &Columns, correction: &Correction, reading: Reading) {
        self.valid += 1;
        let Some(cell) = phone_cell(row, columns) else {
            return;
        };
        for recovery in reading.recovered.iter() {
            self.recovered
                .entry(recovery)
                .or_default()
                .add(row.line, cell);
        }
        self.region_assumed += u64::from(reading.region_assumed);
        if let Some(number) = correction
            .phone_number
            .filter(|_| cell.trim_start().starts_with('+'))
        {
            self.calling_codes.extend(calling_code(number));
        }
    }

    fn reject(&mut self, line: u64, cell: &str, reason: Reason) {
        self.invalid.entry(reason).or_default().add(line, cell);
    }
}

/// Calling codes are prefix-free (ITU-T E.164), so the first that fits is the one.
fn calling_code(number: E164) -> Option<u16> {
    let digits = number.digits().to_string();
    (1..=3)
        .find_map(|length| digits.get(..length)?.parse::<Region>().ok())
        .map(Region::calling_code)
}

/// What shall be done with a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It is sent.
    Send(Correction),
    /// It shares the outcome of an earlier row.
    Repeat {
        /// The earlier row.
        first_row: u64,
        /// Its line.
        first_line: u64,
        /// What both want.
        correction: Correction,
    },
    /// It is not sent.
    Reject(Rejection),
}

impl Preflight {
    /// Surveys the whole file: once, and a second time where leads or numbers repeat.
    pub fn survey(input: &Input, columns: &Columns, policy: &Policy) -> Result<Self, SurveyError> {
        let mut findings = Findings::default();
        let mut sightings = Sightings::default();
        let mut column = ColumnHealth::new();
        let pass = each_row(input, |row| {
            if let Some(cell) = phone_cell(row, columns) {
                column.observe(cell);
            }
            match correction::read(row, columns, &policy.rules) {
                Ok((correction, reading)) => {
                    findings.note(row, columns, &correction, reading);
                    sightings.note(&correction)?;
                }
                Err(rejection) => {
                    findings.reject(
                        row.line,
                        offending_cell(row, columns, &rejection),
                        rejection.reason,
                    );
                }
            }
            Ok(())
        })?;
        let mut preflight = Self {
            pass,
            findings,
            alarms: column.alarms(),
            duplicates: Duplicates::default(),
        };
        let mut suspects = sightings.suspects()?;
        if !suspects.is_empty() {
            each_row(input, |row| {
                if let Ok((correction, _)) = correction::read(row, columns, &policy.rules) {
                    suspects.examine(row.number, row.line, &correction);
                }
                Ok(())
            })?;
            preflight.duplicates = suspects.duplicates();
            preflight.reject_duplicates(input, columns, policy)?;
        }
        Ok(preflight)
    }

    /// Judges one row, duplicates considered.
    pub fn judge(&self, row: &Row, columns: &Columns, policy: &Policy) -> Judgement {
        match correction::read(row, columns, &policy.rules) {
            Ok((correction, _)) => self.judge_correction(row, correction, policy),
            Err(rejection) => Judgement::Reject(rejection),
        }
    }

    /// Whether later rows share this row's outcome.
    pub fn is_first(&self, row: u64) -> bool {
        self.duplicates.is_first(row)
    }

    /// What a person should hear before the first request.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> =
            self.pass.warnings.iter().map(ToString::to_string).collect();
        let shared = self.duplicates.shared.iter().take(3).map(|shared| {
            let (first, other) = shared.lines;
            format!("lines {first} and {other} give the same number to two leads: that person would be called twice")
        });
        warnings.extend(shared);
        let more = self.duplicates.shared_count.saturating_sub(3);
        if more > 0 {
            warnings.push(format!(
                "{more} more numbers are given to two leads; `--forbid-shared-numbers` refuses them"
            ));
        }
        if self.findings.calling_codes.len() > 1 && self.findings.region_assumed > 0 {
            let codes: Vec<String> = self
                .findings
                .calling_codes
                .iter()
                .map(|code| format!("+{code}"))
                .collect();
            warnings.push(format!(
                "{} numbers without `+` were read in the default region although the file has numbers of several \
                 countries ({}); a `country` column would settle it",
                self.findings.region_assumed,
                codes.join(", ")
            ));
        }
        warnings
    }

    fn judge_correction(&self, row: &Row, correction: Correction, policy: &Policy) -> Judgement {
        let shared = self
            .duplicates
            .sharing(row.number)
            .filter(|_| policy.forbid_shared_numbers);
        match (self.duplicates.of(row.number), shared) {
            (Some(Duplicate::Conflicting { other_line }), _) => Judgement::Reject(Rejection::new(
                Cause::ConflictingDuplicate,
                format!(
                    "line {other_line} wants something else for the same lead; keep one of them"
                ),
            )),
            (_, Some(other_line)) => Judgement::Reject(Rejection::new(
                Cause::SharedNumber,
                format!("line {other_line} gives the same number to another lead"),
            )),
            (
                Some(Duplicate::Identical {
                    first_row,
                    first_line,
                }),
                None,
            ) => Judgement::Repeat {
                first_row,
                first_line,
                correction,
            },
            (None, None) => Judgement::Send(correction),
        }
    }

    /// Moves the rows that turned out to be duplicates from the valid ones to the invalid ones.
    fn reject_duplicates(
        &mut self,
        input: &Input,
        columns: &Columns,
        policy: &Policy,
    ) -> Result<(), SurveyError> {
        let mut rejected = Vec::new();
        each_row(input, |row| {
            let touched = self.duplicates.of(row.number).is_some()
                || self.duplicates.sharing(row.number).is_some();
            if touched
                && let Ok((correction, _)) = correction::read(row, columns, &policy.rules)
                && let Judgement::Reject(rejection) = self.judge_correction(row, correction, policy)
            {
                rejected.push((
                    row.line,
                    row.cells[columns.lead_id].to_owned(),
                    rejection.reason,
                ));
            }
            Ok(())
        })?;
        for (line, cell, reason) in rejected {
            self.findings.valid -= 1;
            self.findings.reject(line, &cell, reason);
        }
        Ok(())
    }
}

/// The cell that a rejection is about.
pub fn offending_cell<'a>(row: &'a Row, columns: &Columns, rejection: &Rejection) -> &'a str {
    let column = match rejection.reason {
        Reason::Phone(_) => columns.phone_number,
        Reason::Cause(Cause::CountryUnknown) => columns.country,
        Reason::Cause(Cause::InvalidMetadata | Cause::NotClearable) => columns.metadata,
        Reason::Cause(_) => Some(columns.lead_id),
    };
    column
        .and_then(|column| row.cells.get(column))
        .unwrap_or_default()
}

fn phone_cell<'a>(row: &'a Row, columns: &Columns) -> Option<&'a str> {
    let cell = row.cells.get(columns.phone_number?)?;
    (!cell.trim().is_empty()).then_some(cell)
}

fn each_row(
    input: &Input,
    mut visit: impl FnMut(&Row) -> io::Result<()>,
) -> Result<Pass, SurveyError> {
    let mut rows = input.rows()?;
    let mut row = Row::default();
    while rows.read(&mut row)? {
        visit(&row)?;
    }
    Ok(rows.finish())
}
