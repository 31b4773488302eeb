//! What can be known before the first request: the whole file is read, without the network.

use std::io;

use csv::StringRecord;
use thiserror::Error;

use crate::alarm::{Alarm, ColumnHealth, LostPlus, Mixture};
use crate::correction::{self, Correction, Rejection, Rules};
use crate::duplicates::{Duplicate, Duplicates, Sightings};
use crate::findings::Findings;
use crate::numbers::Numbers;
use crate::outcome::{Cause, Reason};
use crate::overlooked::Overlooked;
use crate::reader::{Columns, Input, InputError, Pass, Row, Unsolved};
use crate::states::States;
use crate::strangers::{Beside, Strangers};
use crate::text;

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

/// The whole file, seen once.
#[derive(Debug)]
pub struct Preflight {
    /// Rows, blank lines, fingerprint and warnings of the reading.
    pub pass: Pass,
    /// What the rows are.
    pub findings: Findings,
    /// What is suspicious about the phone column as a whole.
    pub alarms: Vec<Alarm>,
    /// Columns of numbers and of countries that are not read as such.
    pub overlooked: Vec<Overlooked>,
    /// A column of states that is read as the country.
    pub states: Option<States>,
    /// A column that is read, and whose formulas were never worked out.
    pub unsolved: Option<Unsolved>,
    beside: Option<Beside>,
    lost_plus: Option<LostPlus>,
    mixture: Option<Mixture>,
    numbers: Numbers,
    duplicates: Duplicates,
}

/// A file that was read to its end.
#[derive(Debug)]
pub struct Surveyed {
    /// The file.
    pub input: Input,
    /// Which column is which.
    pub columns: Columns,
    /// What is known of the whole of it.
    pub preflight: Preflight,
}

impl Surveyed {
    /// The headers of the columns that are carried along.
    pub fn carried(&self) -> StringRecord {
        let headers = self.input.headers();
        let carried = self.columns.carried.iter();
        carried.map(|&column| &headers[column]).collect()
    }
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
    /// Surveys the whole file: once; where leads or numbers repeat, a second time; where rows are refused for that, a
    /// third time.
    pub fn survey(input: &Input, columns: &Columns, policy: &Policy) -> Result<Self, SurveyError> {
        let mut findings = Findings::default();
        let mut sightings = Sightings::default();
        let mut numbers = Numbers::default();
        let mut column = ColumnHealth::new();
        let mut states = None;
        let mut strangers = Strangers::new(input.headers(), columns, &policy.rules.phone);
        let pass = each_row(input, |row| {
            let cell = phone_cell(row, columns);
            column.observe(cell.unwrap_or_default());
            strangers.observe(row);
            let read = correction::read(row, columns, &policy.rules, None);
            let number = read.as_ref().ok().and_then(Correction::phone_number);
            numbers.push(number)?;
            if states.is_none() {
                let refused = read.as_ref().err().map(|rejection| rejection.reason);
                states = find_states(row, columns, policy, refused);
            }
            match read {
                Ok(correction) => {
                    if let Some(phone) = &correction.phone {
                        column.observe_read(phone);
                    }
                    findings.note(row.line, cell, &correction);
                    sightings.note(&correction)?;
                }
                Err(rejection) => {
                    if rejection.may_lack_plus {
                        column.observe_without_plus();
                    }
                    findings.reject(row.line, rejection.cell(row), &rejection);
                    if let Some(lead) = correction::refused_lead(row, columns, &rejection) {
                        sightings.note_refused(lead)?;
                    }
                }
            }
            Ok(())
        })?;
        let assumed = findings.region_assumed;
        let overlooked = Overlooked::find(&strangers, input.headers(), columns, assumed);
        let mut preflight = Self {
            pass,
            findings,
            alarms: column.alarms(),
            overlooked,
            states,
            unsolved: input
                .unsolved()
                .iter()
                .find(|found| columns.reads(found.column))
                .cloned(),
            beside: strangers.beside(input.headers()),
            lost_plus: columns.phone_number.and_then(|at| column.lost_plus(at)),
            mixture: column.mixture(),
            numbers,
            duplicates: Duplicates::default(),
        };
        let mut suspects = sightings.suspects()?;
        if !suspects.is_empty() {
            each_row(input, |row| {
                match preflight.read(row, columns, policy) {
                    Ok(correction) => suspects.examine(row.number, row.line, &correction),
                    Err(rejection) => {
                        if let Some(lead) = correction::refused_lead(row, columns, &rejection) {
                            suspects.examine_refused(row.number, row.line, lead);
                        }
                    }
                }
                Ok(())
            })?;
            preflight.duplicates = suspects.duplicates();
            if preflight.duplicates.refuse(policy.forbid_shared_numbers) {
                preflight.recount(input, columns, policy)?;
            }
        }
        Ok(preflight)
    }

    /// Judges one row, duplicates considered.
    pub fn judge(&self, row: &Row, columns: &Columns, policy: &Policy) -> Judgement {
        match self.read(row, columns, policy) {
            Ok(correction) => self.judge_correction(row, columns, correction, policy),
            Err(rejection) => Judgement::Reject(rejection),
        }
    }

    /// The line of another row that gives the same number to another lead.
    pub fn sharing(&self, row: u64) -> Option<u64> {
        self.duplicates.sharing(row)
    }

    /// Whether later rows share this row's outcome.
    pub fn is_first(&self, row: u64) -> bool {
        self.duplicates.is_first(row)
    }

    /// What stops the run before the first request, unless it is accepted: its code and the words for it.
    pub fn objections(&self) -> impl Iterator<Item = (&'static str, String)> {
        let alarms = self.alarms.iter();
        let alarms = alarms.map(|alarm| (alarm.code(), alarm.to_string()));
        let overlooked = self.overlooked.iter();
        let overlooked = overlooked.map(|column| (column.code(), column.to_string()));
        let states = self.states.iter();
        let states = states.map(|column| (States::CODE, column.to_string()));
        let unsolved = self.unsolved.iter();
        let unsolved = unsolved.map(|column| (Unsolved::CODE, column.to_string()));
        alarms.chain(overlooked).chain(states).chain(unsolved)
    }

    /// The same, in words alone.
    pub fn suspicions(&self) -> Vec<String> {
        self.objections().map(|(_, words)| words).collect()
    }

    /// What a person should hear before the first request.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> =
            self.pass.warnings.iter().map(ToString::to_string).collect();
        let shared = self.duplicates.shared.iter().map(|shared| {
            let (first, other) = shared.lines;
            format!("lines {first} and {other} give the same number to two leads: that person would be called twice")
        });
        warnings.extend(shared);
        let more = self.duplicates.shared_count - self.duplicates.shared.len() as u64;
        if more > 0 {
            warnings.push(format!(
                "{more} more numbers are given to two leads; `--forbid-shared-numbers` refuses them"
            ));
        }
        warnings.extend(self.beside.as_ref().map(ToString::to_string));
        warnings.extend(self.lost_plus.as_ref().map(ToString::to_string));
        warnings.extend(self.findings.stand_ins());
        warnings.extend(self.mixture.as_ref().map(ToString::to_string));
        warnings
    }

    /// Reads a row of the survey again, by itself: duplicates are not considered.
    pub fn read(
        &self,
        row: &Row,
        columns: &Columns,
        policy: &Policy,
    ) -> Result<Correction, Rejection> {
        correction::read(row, columns, &policy.rules, self.numbers.of_row(row.number))
    }

    fn judge_correction(
        &self,
        row: &Row,
        columns: &Columns,
        correction: Correction,
        policy: &Policy,
    ) -> Judgement {
        let shared = self
            .duplicates
            .sharing(row.number)
            .filter(|_| policy.forbid_shared_numbers);
        match (self.duplicates.of(row.number), shared) {
            (Some(Duplicate::Conflicting { other_line }), _) => Judgement::Reject(Rejection::new(
                columns.lead_id,
                Cause::ConflictingDuplicate,
                format!(
                    "line {other_line} wants something else for the same lead; put what is right of both into one row"
                ),
            )),
            (_, Some(other_line)) => Judgement::Reject(Rejection::new(
                columns.phone_number.unwrap_or(columns.lead_id),
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

    /// Counts the rows anew, duplicates considered.
    fn recount(
        &mut self,
        input: &Input,
        columns: &Columns,
        policy: &Policy,
    ) -> Result<(), SurveyError> {
        let mut findings = Findings::default();
        each_row(input, |row| {
            match self.judge(row, columns, policy) {
                Judgement::Send(correction) | Judgement::Repeat { correction, .. } => {
                    findings.note(row.line, phone_cell(row, columns), &correction);
                }
                Judgement::Reject(rejection) => {
                    findings.reject(row.line, rejection.cell(row), &rejection);
                }
            }
            Ok(())
        })?;
        self.findings = findings;
        Ok(())
    }
}

/// What a row says against reading a column called `region` as the country.
fn find_states(
    row: &Row,
    columns: &Columns,
    policy: &Policy,
    refused: Option<Reason>,
) -> Option<States> {
    let column = columns.country.filter(|_| columns.country_may_be_states)?;
    let cell = row.cells.get(column)?;
    States::find(row.line, cell, policy.rules.phone.default_region, refused)
}

fn phone_cell<'a>(row: &'a Row, columns: &Columns) -> Option<&'a str> {
    let cell = row.cells.get(columns.phone_number?)?;
    (!text::is_blank(cell)).then_some(cell)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::{self, Recovery, Refusal};
    use crate::plan::MetadataMode;
    use crate::reader::{MapTarget, ReadOptions};
    use std::io::Write;

    fn policy() -> Policy {
        Policy {
            rules: Rules {
                phone: phone::Rules {
                    default_region: Some("IN".parse().unwrap()),
                    ..phone::Rules::default()
                },
                clear_token: "<clear>".into(),
                metadata: MetadataMode::Merge,
            },
            forbid_shared_numbers: false,
        }
    }

    fn survey(text: &str, policy: &Policy) -> (Preflight, Vec<Judgement>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let input = Input::open(file.path(), &ReadOptions::default()).unwrap();
        let columns = input.columns(&[]).unwrap();
        let preflight = Preflight::survey(&input, &columns, policy).unwrap();
        let mut judged = Vec::new();
        each_row(&input, |row| {
            judged.push(preflight.judge(row, &columns, policy));
            Ok(())
        })
        .unwrap();
        (preflight, judged)
    }

    fn reason(judgement: &Judgement) -> Option<(Reason, &str)> {
        match judgement {
            Judgement::Reject(rejection) => Some((rejection.reason, &rejection.detail)),
            _ => None,
        }
    }

    #[test]
    fn rows_are_counted_by_what_becomes_of_them() {
        let (preflight, judged) = survey(
            "lead_id,phone\nlead_1,98765 43210\n\nlead_2,98765XXXXX\nlead_3,9876543211.0\nlead_4,\n",
            &policy(),
        );
        let findings = &preflight.findings;
        assert_eq!((preflight.pass.rows, preflight.pass.blank_lines), (4, 1));
        assert_eq!((findings.valid, findings.invalid_rows()), (2, 2));
        let masked = &findings.invalid[&Reason::Phone(Refusal::Masked)];
        assert_eq!(
            (masked.count, masked.line, masked.cell.as_str()),
            (1, 4, "98765XXXXX")
        );
        assert_eq!(findings.recovered[&Recovery::DecimalZeros].line, 5);
        assert_eq!(findings.region_assumed, 2);
        assert!(matches!(judged[0], Judgement::Send(_)));
        assert_eq!(reason(&judged[3]).unwrap().0, Cause::NoChange.into());
    }

    #[test]
    fn duplicates_are_judged_and_counted_once() {
        let (preflight, judged) = survey(
            "lead_id,phone\na,9876543210\nb,9876543211.0\na,+919876543210\nb,9876543212\nc,bad\n",
            &policy(),
        );
        assert!(matches!(judged[0], Judgement::Send(_)) && preflight.is_first(1));
        assert!(matches!(
            judged[2],
            Judgement::Repeat {
                first_row: 1,
                first_line: 2,
                ..
            }
        ));
        let (first, second) = (reason(&judged[1]).unwrap(), reason(&judged[3]).unwrap());
        assert_eq!(first.0, Cause::ConflictingDuplicate.into());
        assert!(
            first.1.contains("line 5") && second.1.contains("line 3"),
            "each names the other"
        );
        assert!(first.1.contains("into one row"), "{}", first.1);
        let findings = &preflight.findings;
        assert_eq!((findings.valid, findings.invalid_rows()), (2, 3));
        assert_eq!(
            (findings.region_assumed, findings.recovered.len()),
            (1, 0),
            "of the rows that are valid"
        );
    }

    #[test]
    fn of_two_rows_for_one_lead_neither_is_sent_where_one_cannot_be_read() {
        let (preflight, judged) = survey(
            "lead_id,phone\na,9876543210\na,98765XXXXX\nb,9876543211\nb,\nc,bad\nc,bad\n",
            &policy(),
        );
        let reasons: Vec<_> = judged
            .iter()
            .map(|judgement| reason(judgement).map(|(reason, _)| reason.as_str()))
            .collect();
        assert_eq!(
            reasons,
            [
                Some("conflicting_duplicate"),
                Some("masked"),
                None,
                Some("no_change"),
                Some("letters"),
                Some("letters"),
            ]
        );
        assert!(reason(&judged[0]).unwrap().1.contains("line 3"));
        assert_eq!(preflight.findings.valid, 1);
    }

    #[test]
    fn one_number_for_two_leads_is_a_warning_or_refused() {
        let text = "lead_id,phone\na,9876543210\nb,9876543210\n";
        let (preflight, judged) = survey(text, &policy());
        assert!(
            preflight.warnings()[0].contains("lines 2 and 3"),
            "{:?}",
            preflight.warnings()
        );
        assert!(
            judged
                .iter()
                .all(|judgement| matches!(judgement, Judgement::Send(_)))
        );
        let (preflight, judged) = survey(
            text,
            &Policy {
                forbid_shared_numbers: true,
                ..policy()
            },
        );
        assert!(
            judged
                .iter()
                .all(|found| reason(found).unwrap().0 == Cause::SharedNumber.into())
        );
        let findings = &preflight.findings;
        assert_eq!((findings.valid, findings.invalid_rows()), (0, 2));
        assert_eq!(findings.region_assumed, 0);
    }

    #[test]
    fn bare_numbers_among_those_of_several_countries_are_a_warning() {
        let told = |text: &str| {
            let (preflight, _) = survey(text, &policy());
            preflight
                .warnings()
                .iter()
                .any(|warning| warning.contains("several countries"))
        };
        assert!(told(
            "lead_id,phone\na,+6565912345\nb,+919876543210\nc,9876543211\n"
        ));
        assert!(!told("lead_id,phone\na,+919876543210\nb,9876543211\n"));
        assert!(!told(
            "lead_id,phone,country\na,+6565912345,\nb,+919876543210,\nc,9876543211,IN\n"
        ));
    }

    #[test]
    fn a_column_of_numbers_beside_an_empty_phone_column_stops_the_run() {
        let suspicions = |rows: &str| {
            let text = format!("lead_id,phone,Mobile Phone,name\n{rows}");
            survey(&text, &policy()).0.suspicions()
        };
        let found = suspicions("L1,,+919876543210,Asha\nL2, ,+919876543211,Ravi\n");
        assert!(
            found.len() == 1 && found[0].contains("--map phone_number=\"Mobile Phone\""),
            "{found:?}"
        );
        assert!(found[0].contains("`phone`, which is empty"), "{found:?}");
        assert_eq!(
            suspicions("L1,,+919876543210,Asha\nL2,9876543211,9876543212,Ravi\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_region_column_of_states_stops_the_run_unless_it_is_named_outright() {
        let suspicions = |header: &str, map: &[(MapTarget, String)]| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            let rows = "a,7655550123,IN\nb,8325550123,TX\nc,+13025550123,DE\n";
            write!(file, "{header}\n{rows}").unwrap();
            let input = Input::open(file.path(), &ReadOptions::default()).unwrap();
            let columns = input.columns(map).unwrap();
            Preflight::survey(&input, &columns, &policy())
                .unwrap()
                .suspicions()
        };
        let found = suspicions("lead_id,phone,Region", &[]);
        assert!(
            found.len() == 1 && found[0].contains("line 3: `TX`"),
            "{found:?}"
        );
        assert!(suspicions("lead_id,phone,country", &[]).is_empty());
        let outright = [crate::reader::mapping("country=region").unwrap()];
        assert!(suspicions("lead_id,phone,region", &outright).is_empty());
    }
}
