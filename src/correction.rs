//! A row to what shall be changed, or why not. Pure.

use std::fmt;

use csv::StringRecord;
use serde_json::Value;

use crate::api::{self, MAX_VARIABLES, Variables};
use crate::outcome::{Cause, Reason};
use crate::phone::{self, E164, Normalised, Recovery, Refusal, Region};
use crate::plan::MetadataMode;
use crate::reader::{Columns, Row};
use crate::text;
use crate::unambiguous::Unambiguous;

/// The longest list of a damaged row's cells, in bytes.
const LONGEST_LIST: usize = 16_000;
/// What a spreadsheet shows, and exports, where a formula has failed.
const SPREADSHEET_ERRORS: [&str; 9] = [
    "#REF!", "#N/A", "#VALUE!", "#NAME?", "#NUM!", "#DIV/0!", "#NULL!", "#ERROR!", "#SPILL!",
];
/// What to do about variables that cannot be read.
const METADATA_REMEDY: &str = "write a JSON object like `{\"city\": \"Pune\"}`";

/// What one row wants of one lead.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Opaque; outer white space removed.
    pub lead_id: String,
    /// The number the lead shall have, and how it was read.
    pub phone: Option<Normalised>,
    /// The name the lead shall have.
    pub name: Option<String>,
    /// The free-text notes the lead shall have; empty to clear them.
    pub notes: Option<String>,
    /// Variables the lead shall have.
    pub variables: Variables,
    /// Variables the lead shall no longer have.
    pub removed: Vec<String>,
    /// The row says outright that it sets no variable, where the lead shall have the row's alone.
    pub empties: bool,
}

impl Correction {
    /// Nothing is changed of this lead.
    pub fn of(lead_id: impl Into<String>) -> Self {
        Self {
            lead_id: lead_id.into(),
            phone: None,
            name: None,
            notes: None,
            variables: Variables::new(),
            removed: Vec::new(),
            empties: false,
        }
    }

    /// The number the lead shall have.
    pub fn phone_number(&self) -> Option<E164> {
        self.phone.map(|phone| phone.number)
    }

    /// What was done to the phone cell to read it, in words; empty for a plain one.
    pub fn remark(&self) -> String {
        let Some(phone) = self.phone else {
            return String::new();
        };
        let mut parts: Vec<&str> = phone.recovered.iter().map(Recovery::describe).collect();
        if phone.region_assumed {
            parts.push("region_assumed: read as a number of the default region");
        }
        parts.join("; ")
    }

    /// The texts that the lead shall have.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let variables = self.variables.values().filter_map(Value::as_str);
        let rest = [&self.name, &self.notes];
        rest.into_iter()
            .flatten()
            .map(String::as_str)
            .chain(variables)
    }

    /// Whether the row speaks of variables.
    pub fn touches_variables(&self) -> bool {
        !self.variables.is_empty() || !self.removed.is_empty() || self.empties
    }

    fn changes_nothing(&self) -> bool {
        self.phone.is_none()
            && self.name.is_none()
            && self.notes.is_none()
            && !self.touches_variables()
    }
}

/// Why a row cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// For the results file.
    pub reason: Reason,
    /// For people: the column and what to do.
    pub detail: String,
    /// The column of the cell that it is about.
    pub column: usize,
    /// The phone cell is an international number that lost its `+`, or one of its region.
    pub may_lack_plus: bool,
}

impl Rejection {
    /// What is wrong with the cell in this column, for the results file and for people.
    pub fn new(column: usize, reason: impl Into<Reason>, detail: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            detail: detail.into(),
            column,
            may_lack_plus: false,
        }
    }

    /// The cell that it is about.
    pub fn cell<'a>(&self, row: &'a Row) -> &'a str {
        row.cells.get(self.column).unwrap_or_default()
    }
}

/// How cells are read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How phone cells are read.
    pub phone: phone::Rules,
    /// The cell that empties notes or removes a variable.
    pub clear_token: String,
    /// How the row's variables meet the ones the lead has.
    pub metadata: MetadataMode,
}

/// Reads one row. An empty cell leaves its field alone. `found`: the digits of the number that an earlier reading of the
/// same row by the same rules has found in it.
///
/// # Errors
/// The first thing that makes the row unfit to be sent.
pub fn read(
    row: &Row,
    columns: &Columns,
    rules: &Rules,
    found: Option<u64>,
) -> Result<Correction, Rejection> {
    if let Some(damage) = &row.damage {
        let detail = format!("{damage}; {}; {}", damage.remedy(), listed(&row.cells));
        return Err(Rejection::new(columns.lead_id, Cause::DamagedRow, detail));
    }
    let cells = Cells {
        cells: &row.cells,
        clear_token: &rules.clear_token,
    };
    let mut correction = Correction::of(cells.lead_id(columns.lead_id)?);
    if let Some((column, cell)) = cells.value(columns.name, "name")? {
        refuse_error(column, cell, "name")?;
        correction.name = Some(cell.to_owned());
    }
    correction.notes = cells.notes(columns.notes)?;
    let country = cells.value(columns.country, "country")?;
    if let Some((column, cell)) = cells.value(columns.phone_number, "phone_number")? {
        let country = country
            .map(|(column, stated)| {
                parse_country(column, stated)
                    .or_else(|rejection| home_of(cell, &rules.phone).ok_or(rejection))
            })
            .transpose()?;
        let read = phone::normalise_again(cell, country, &rules.phone, found)
            .map_err(|refusal| refused(column, cell, country, &rules.phone, refusal))?;
        correction.phone = Some(read);
    }
    let stated = cells.value(columns.metadata, "metadata")?;
    if let Some((column, cell)) = stated {
        correction.variables = metadata(column, cell)?;
    }
    for (key, column) in &columns.variables {
        cells.variable(key, *column, &mut correction)?;
    }
    correction.empties = rules.metadata == MetadataMode::Replace
        && stated.is_some()
        && correction.variables.is_empty();
    let count = correction.variables.len();
    if count > MAX_VARIABLES {
        return Err(Rejection::new(
            columns.metadata.unwrap_or(columns.lead_id),
            Cause::TooManyVariables,
            format!(
                "the row sets {count} variables, and a lead has {MAX_VARIABLES} at most; leave some of them out"
            ),
        ));
    }
    if correction.changes_nothing() {
        return Err(Rejection::new(
            columns.lead_id,
            Cause::NoChange,
            "every cell that could change something is empty; fill one in, or delete the row",
        ));
    }
    Ok(correction)
}

/// The lead of which a refused row wants something, though nobody knows what.
pub fn refused_lead<'a>(row: &'a Row, columns: &Columns, rejection: &Rejection) -> Option<&'a str> {
    let Reason::Cause(
        Cause::DamagedRow | Cause::EmptyLeadId | Cause::InvalidLeadId | Cause::NoChange,
    ) = rejection.reason
    else {
        return Some(row.cells.get(columns.lead_id)?.trim());
    };
    None
}

/// The default region, where the number's own `+` says so: then it does not matter that the row's country is unreadable.
/// Any other number may be one that should not have its `+`.
fn home_of(cell: &str, rules: &phone::Rules) -> Option<Region> {
    let has_plus = cell.trim_start().starts_with('+');
    rules
        .default_region
        .filter(|home| has_plus && phone::normalise(cell, Some(*home), rules).is_ok())
}

/// Why a phone cell is refused, and which two numbers it is if it lacks its `+`.
fn refused(
    column: usize,
    cell: &str,
    country: Option<Region>,
    rules: &phone::Rules,
    refusal: Refusal,
) -> Rejection {
    let readings = match refusal {
        Refusal::Ambiguous => phone::readings(cell, country, rules),
        _ => None,
    };
    match readings {
        Some((international, national)) => Rejection {
            may_lack_plus: true,
            ..Rejection::new(
                column,
                refusal,
                format!(
                    "the cell can be read as two different numbers, `{international}` or `{national}`; write the one \
                     meant with `+` and country code"
                ),
            )
        },
        None => Rejection::new(column, refusal, refusal.remedy()),
    }
}

/// The cells of a row that has no columns to stand in.
fn listed(cells: &StringRecord) -> String {
    let mut all = cells.iter().collect::<Vec<_>>().join(" | ");
    let cut = if all.len() > LONGEST_LIST {
        " (the end is cut off)"
    } else {
        ""
    };
    text::shorten(&mut all, LONGEST_LIST);
    format!("its cells{cut}: {all}")
}

struct Cells<'a> {
    cells: &'a StringRecord,
    clear_token: &'a str,
}

impl<'a> Cells<'a> {
    /// The cell, with its column, if there is something in it.
    fn filled(&self, column: Option<usize>) -> Option<(usize, &'a str)> {
        let column = column?;
        let cell = self.cells.get(column)?;
        (!text::is_blank(cell)).then_some((column, cell))
    }

    fn is_clear_token(&self, cell: &str) -> bool {
        cell.trim().eq_ignore_ascii_case(self.clear_token)
    }

    fn lead_id(&self, column: usize) -> Result<String, Rejection> {
        let id = self.cells.get(column).unwrap_or_default().trim();
        if id.is_empty() {
            return Err(Rejection::new(
                column,
                Cause::EmptyLeadId,
                "the `lead_id` cell is empty; fill in the lead's ID",
            ));
        }
        if api::lead_segment(id).len() > api::LONGEST_SEGMENT {
            return Err(Rejection::new(
                column,
                Cause::InvalidLeadId,
                "the `lead_id` cell is too long for an ID",
            ));
        }
        // Nothing below finds fault with the usual ID.
        if id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Ok(id.to_owned());
        }
        // A URL parser would resolve these two as steps in the path, percent-encoded or not.
        if id == "." || id == ".." || id.chars().any(char::is_control) {
            return Err(Rejection::new(
                column,
                Cause::InvalidLeadId,
                "the `lead_id` cell cannot be an ID; take it from its source again",
            ));
        }
        // Two IDs that look the same would be two leads.
        if let Some(invisible) = id.chars().find(|character| text::is_invisible(*character)) {
            return Err(Rejection::new(
                column,
                Cause::InvalidLeadId,
                format!(
                    "the `lead_id` cell holds an invisible character ({}); write the ID without it",
                    invisible.escape_unicode()
                ),
            ));
        }
        Ok(id.to_owned())
    }

    fn value(
        &self,
        column: Option<usize>,
        field: &str,
    ) -> Result<Option<(usize, &'a str)>, Rejection> {
        match self.filled(column) {
            Some((column, cell)) if self.is_clear_token(cell) => Err(Rejection::new(
                column,
                Cause::NotClearable,
                format!(
                    "`{}` stands in `{field}`, which cannot be cleared; empty the cell to leave it as it is, or write \
                     the value",
                    self.clear_token
                ),
            )),
            cell => Ok(cell),
        }
    }

    fn notes(&self, column: Option<usize>) -> Result<Option<String>, Rejection> {
        let Some((column, cell)) = self.filled(column) else {
            return Ok(None);
        };
        if self.is_clear_token(cell) {
            return Ok(Some(String::new()));
        }
        refuse_error(column, cell, "notes")?;
        Ok(Some(cell.to_owned()))
    }

    fn variable(
        &self,
        key: &str,
        column: usize,
        correction: &mut Correction,
    ) -> Result<(), Rejection> {
        let Some((_, cell)) = self.filled(Some(column)) else {
            return Ok(());
        };
        let wanted = if self.is_clear_token(cell) {
            None
        } else {
            refuse_error(column, cell, format_args!("metadata.{key}"))?;
            Some(Value::from(cell))
        };
        let contradicts = correction
            .variables
            .get(key)
            .is_some_and(|given| wanted.as_ref() != Some(given));
        if contradicts {
            return Err(Rejection::new(
                column,
                Cause::InvalidMetadata,
                format!(
                    "`metadata` and `metadata.{key}` want different values for `{key}`; empty one of the two"
                ),
            ));
        }
        match wanted {
            Some(value) => drop(correction.variables.insert(key.to_owned(), value)),
            None => correction.removed.push(key.to_owned()),
        }
        Ok(())
    }
}

/// A country without what exports leave about it: marks without width, brackets, and the `.0` of pandas.
pub fn plain_country(cell: &str) -> String {
    let visible = cell
        .chars()
        .filter(|character| !text::is_invisible(*character));
    let visible: String = visible.collect();
    let plain = visible.trim();
    let within = plain
        .strip_prefix('(')
        .and_then(|rest| rest.strip_suffix(')'));
    let plain = within.unwrap_or(plain).trim();
    plain.strip_suffix(".0").unwrap_or(plain).to_owned()
}

fn parse_country(column: usize, cell: &str) -> Result<Region, Rejection> {
    let country = plain_country(cell);
    // R writes so where it has no value.
    if country.eq_ignore_ascii_case("NA") {
        return Err(Rejection::new(
            column,
            Cause::CountryUnknown,
            "`NA` in the `country` cell is Namibia, or stands for nothing; write `+264`, or leave the cell empty",
        ));
    }
    country.parse().map_err(|_| {
        Rejection::new(
            column,
            Cause::CountryUnknown,
            "the `country` cell is no country code; write its two letters, like `IN`, or its calling code, like `+91`",
        )
    })
}

/// Said aloud, an error of a spreadsheet would take the place of something true.
fn refuse_error(column: usize, text: &str, field: impl fmt::Display) -> Result<(), Rejection> {
    let text = text.trim();
    if !SPREADSHEET_ERRORS
        .iter()
        .any(|error| error.eq_ignore_ascii_case(text))
    {
        return Ok(());
    }
    Err(Rejection::new(
        column,
        Cause::SpreadsheetError,
        format!(
            "the `{field}` cell holds an error of a spreadsheet, `{text}`; repair its formula, or empty the cell to \
             leave the value as it is"
        ),
    ))
}

fn metadata(column: usize, cell: &str) -> Result<Variables, Rejection> {
    refuse_error(column, cell, "metadata")?;
    let read = serde_json::from_str::<Unambiguous>(cell).and_then(|_| serde_json::from_str(cell));
    match read {
        Ok(Value::Object(object)) => {
            let mut texts = object.values().filter_map(Value::as_str);
            texts.try_for_each(|text| refuse_error(column, text, "metadata"))?;
            Ok(object)
        }
        Ok(_) => Err(Rejection::new(
            column,
            Cause::InvalidMetadata,
            format!("the `metadata` cell is no JSON object; {METADATA_REMEDY}"),
        )),
        Err(error) => Err(Rejection::new(
            column,
            Cause::InvalidMetadata,
            format!("the `metadata` cell cannot be read: {error}; {METADATA_REMEDY}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Reads one row of a file with these headers, with India as the default region.
    fn read_cells(headers: &[&str], cells: &[&str]) -> Result<Correction, Reason> {
        let columns = Columns::resolve(&StringRecord::from(headers.to_vec()), &[]).unwrap();
        let row = Row {
            number: 1,
            line: 2,
            cells: StringRecord::from(cells.to_vec()),
            damage: None,
        };
        let rules = Rules {
            phone: phone::Rules {
                default_region: Some("IN".parse().unwrap()),
                ..phone::Rules::default()
            },
            clear_token: "<clear>".into(),
            metadata: MetadataMode::Merge,
        };
        read(&row, &columns, &rules, None).map_err(|rejection| {
            assert!(
                !rejection.detail.is_empty(),
                "{} tells nothing",
                rejection.reason
            );
            rejection.reason
        })
    }

    const HEADERS: &[&str] = &[
        "lead_id",
        "phone",
        "country",
        "name",
        "notes",
        "metadata",
        "metadata.product",
        "metadata.City",
    ];

    fn row(cells: [&str; 8]) -> Result<Correction, Reason> {
        read_cells(HEADERS, &cells)
    }

    #[test]
    fn cells_that_are_filled_change_something_and_empty_ones_nothing() {
        let full = row([
            " lead_1 ",
            "98765 43210",
            "",
            "Priya ",
            "call late",
            "",
            "home_loan",
            "<clear>",
        ])
        .unwrap();
        assert_eq!(full.lead_id, "lead_1");
        assert_eq!(full.phone_number().unwrap().to_string(), "+919876543210");
        assert_eq!(
            full.name.as_deref(),
            Some("Priya "),
            "a name stays as it stands"
        );
        assert_eq!(full.notes.as_deref(), Some("call late"));
        assert_eq!(
            Value::Object(full.variables.clone()),
            json!({"product": "home_loan"})
        );
        assert_eq!(full.removed, ["City"]);
        assert!(full.remark().starts_with("region_assumed"));
        let one = row(["lead_1", "", "", "", "<clear>", "", " ", ""]).unwrap();
        assert_eq!(
            one.notes.as_deref(),
            Some(""),
            "the clear token empties notes"
        );
        assert!(one.phone.is_none() && one.name.is_none() && !one.touches_variables());
    }

    #[test]
    fn the_country_of_the_row_decides_before_the_default_region() {
        let number =
            |cells| row(cells).map(|correction| correction.phone_number().unwrap().to_string());
        assert_eq!(
            number(["l", "6591 2345", "SG", "", "", "", "", ""]).unwrap(),
            "+6565912345"
        );
        assert_eq!(
            number(["l", "+6565912345", "+65", "", "", "", "", ""]).unwrap(),
            "+6565912345"
        );
        assert_eq!(
            number(["l", "+919876543210", "SG", "", "", "", "", ""]),
            Err(Reason::Phone(phone::Refusal::CountryMismatch))
        );
        assert_eq!(
            number(["l", "9876543210", "Narnia", "", "", "", "", ""]),
            Err(Cause::CountryUnknown.into())
        );
    }

    #[test]
    fn a_missing_value_is_no_country() {
        let number = |country| {
            row(["l", "0811234567", country, "", "", "", "", ""])
                .map(|correction| correction.phone_number().unwrap().to_string())
        };
        for country in ["NA", "na", " NA "] {
            assert_eq!(number(country), Err(Cause::CountryUnknown.into()));
        }
        assert_eq!(number("+264").unwrap(), "+264811234567");
    }

    #[test]
    fn rows_that_are_not_sent() {
        let long = "x".repeat(api::LONGEST_SEGMENT + 1);
        let long_encoded = "é".repeat(api::LONGEST_SEGMENT / 6 + 1);
        for (cells, reason) in [
            (
                ["", "9876543210", "", "", "", "", "", ""],
                Cause::EmptyLeadId,
            ),
            (
                ["  ", "9876543210", "", "", "", "", "", ""],
                Cause::EmptyLeadId,
            ),
            (
                ["..", "9876543210", "", "", "", "", "", ""],
                Cause::InvalidLeadId,
            ),
            (
                [&long, "9876543210", "", "", "", "", "", ""],
                Cause::InvalidLeadId,
            ),
            (
                [&long_encoded, "9876543210", "", "", "", "", "", ""],
                Cause::InvalidLeadId,
            ),
            (
                ["lead_1\u{200b}", "9876543210", "", "", "", "", "", ""],
                Cause::InvalidLeadId,
            ),
            (
                ["\u{feff}lead_1", "9876543210", "", "", "", "", "", ""],
                Cause::InvalidLeadId,
            ),
            (
                ["lead\u{ad}_1", "9876543210", "", "", "", "", "", ""],
                Cause::InvalidLeadId,
            ),
            (
                ["lead_1", "", "", "", "", r#"{"a":1,"b":2,"a":3}"#, "", ""],
                Cause::InvalidMetadata,
            ),
            (
                ["lead_1", "", "", "", "", r#"{"a":{"b":1,"b":1}}"#, "", ""],
                Cause::InvalidMetadata,
            ),
            (
                ["lead_1", "", "", "", "", r#"{"a":1,"\u0061":1}"#, "", ""],
                Cause::InvalidMetadata,
            ),
            (
                ["a\u{7}b", "9876543210", "", "", "", "", "", ""],
                Cause::InvalidLeadId,
            ),
            (["lead_1", "", "IN", "", "", "", "", ""], Cause::NoChange),
            (["lead_1", "", "", "", "", "{}", "", ""], Cause::NoChange),
            (
                ["lead_1", "<clear>", "", "", "", "", "", ""],
                Cause::NotClearable,
            ),
            (
                ["lead_1", "", "", "<clear>", "", "", "", ""],
                Cause::NotClearable,
            ),
            (
                ["lead_1", "", "", "", "", "<clear>", "", ""],
                Cause::NotClearable,
            ),
            (
                ["lead_1", "", "", "", "", "[1]", "", ""],
                Cause::InvalidMetadata,
            ),
            (
                ["lead_1", "", "", "", "", "{product: 1}", "", ""],
                Cause::InvalidMetadata,
            ),
            (
                ["lead_1", "", "", "", "", r#"{"product":"a"}"#, "b", ""],
                Cause::InvalidMetadata,
            ),
            (
                [
                    "lead_1",
                    "",
                    "",
                    "",
                    "",
                    r#"{"product":"a"}"#,
                    "<clear>",
                    "",
                ],
                Cause::InvalidMetadata,
            ),
        ] {
            assert_eq!(row(cells), Err(reason.into()), "{cells:?}");
        }
    }

    #[test]
    fn an_error_of_a_spreadsheet_is_no_value() {
        for error in [
            "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#ERROR!",
            "#SPILL!", " #n/a ",
        ] {
            let object = format!(r#"{{"city": "{error}"}}"#);
            for cells in [
                ["l", "", "", error, "", "", "", ""],
                ["l", "9876543210", "", "", error, "", "", ""],
                ["l", "", "", "", "", error, "", ""],
                ["l", "", "", "", "", &object, "", ""],
                ["l", "", "", "", "", "", "", error],
            ] {
                let reason = row(cells).map_err(Reason::as_str);
                assert_eq!(reason, Err("spreadsheet_error"), "{cells:?}");
            }
            assert_eq!(
                row(["l", error, "", "", "", "", "", ""]),
                Err(phone::Refusal::SpreadsheetFormula.into()),
                "the phone cell knows the same ones"
            );
        }
        assert!(row(["l", "", "", "n/a", "#1 priority", "", "#URGENT!", "NULL"]).is_ok());
    }

    #[test]
    fn an_unreadable_country_costs_no_number_of_the_default_region_that_has_its_plus() {
        let number = |phone, country| {
            row(["l", phone, country, "", "", "", "", ""])
                .map(|correction| correction.phone_number().unwrap().to_string())
        };
        for country in ["India", "NA", "#N/A", "Narnia"] {
            for phone in ["+919876543210", " +91 98765-43210", "+91 (0) 9876543210"] {
                assert_eq!(number(phone, country).as_deref(), Ok("+919876543210"));
            }
            // `+6591234567` may be 6591234567 in India.
            for phone in ["9876543210", "00919876543210", "+6591234567", "+91987"] {
                assert_eq!(
                    number(phone, country),
                    Err(Cause::CountryUnknown.into()),
                    "{phone} {country}"
                );
            }
        }
        assert_eq!(
            number("+919876543210", "SG"),
            Err(phone::Refusal::CountryMismatch.into())
        );
    }

    #[test]
    fn a_country_is_read_however_it_was_exported() {
        let number = |country| {
            row(["l", "6591 2345", country, "", "", "", "", ""])
                .map(|correction| correction.phone_number().unwrap().to_string())
        };
        for country in [
            "65.0",
            "SG\u{200b}",
            "\u{200e}+65",
            "(+65)",
            "( SG )",
            "\u{feff}(65.0)",
        ] {
            assert_eq!(number(country).as_deref(), Ok("+6565912345"), "{country:?}");
        }
        for country in ["65.5", "(SG", "(NA)", "N\u{200b}A", ".0", "()"] {
            assert_eq!(
                number(country),
                Err(Cause::CountryUnknown.into()),
                "{country:?}"
            );
        }
    }

    #[test]
    fn metadata_comes_as_an_object_or_key_by_key_or_both() {
        let both = row([
            "l",
            "",
            "",
            "",
            "",
            r#"{"age": 42, "product": "a"}"#,
            "a",
            "Pune",
        ])
        .unwrap();
        assert_eq!(
            Value::Object(both.variables),
            json!({"age": 42, "product": "a", "City": "Pune"})
        );
    }

    /// What is said of a row that is refused, read with this default region.
    fn detail(cells: [&str; 8], region: &str) -> String {
        let columns = Columns::resolve(&StringRecord::from(HEADERS.to_vec()), &[]).unwrap();
        let row = Row {
            number: 1,
            line: 2,
            cells: StringRecord::from(cells.to_vec()),
            damage: None,
        };
        let rules = Rules {
            phone: phone::Rules {
                default_region: region.parse().ok(),
                ..phone::Rules::default()
            },
            clear_token: "<clear>".into(),
            metadata: MetadataMode::Merge,
        };
        read(&row, &columns, &rules, None).unwrap_err().detail
    }

    #[test]
    fn a_refused_row_says_what_to_do() {
        let phone = |cell, country| ["l", cell, country, "", "", "", "", ""];
        for (cells, words) in [
            (
                phone("0171 1234567", "Deutschland"),
                "its two letters, like `IN`",
            ),
            (phone("0171 1234567", "DEU"), "its calling code, like `+91`"),
            (phone("", ""), "fill one in, or delete the row"),
            (
                ["", "01711234567", "", "", "", "", "", ""],
                "fill in the lead's ID",
            ),
            (
                ["l", "", "", "<clear>", "", "", "", ""],
                "empty the cell to leave it as it is",
            ),
            (
                ["l", "", "", "", "", "{product: 1}", "", ""],
                "write a JSON object like `{\"city\": \"Pune\"}`",
            ),
            (
                ["l", "", "", "", "", "", "", "#REF!"],
                "the `metadata.City` cell holds an error of a spreadsheet",
            ),
            (
                ["l", "", "", "", "", "[1]", "", ""],
                "write a JSON object like `{\"city\": \"Pune\"}`",
            ),
            (
                ["l", "", "", "", "", r#"{"product":"a"}"#, "b", ""],
                "empty one of the two",
            ),
        ] {
            let said = detail(cells, "DE");
            assert!(said.contains(words), "{cells:?}: {said}");
        }
    }

    #[test]
    fn both_numbers_of_a_cell_that_lacks_its_plus_are_named() {
        for cell in ["4915123410001", "49 151 23410001"] {
            let said = detail(["l", cell, "", "", "", "", "", ""], "DE");
            assert!(
                said.contains("`+4915123410001` or `+494915123410001`"),
                "{said}"
            );
        }
        let said = detail(["l", "4915123410001", "DE", "", "", "", "", ""], "");
        assert!(said.contains("`+4915123410001`"), "{said}");
    }

    #[test]
    fn the_clear_token_is_known_in_any_case() {
        let read = row(["l", "", "", "", "<CLEAR>", "", "x", " <Clear> "]).unwrap();
        assert_eq!(read.notes.as_deref(), Some(""));
        assert_eq!(read.removed, ["City"]);
        assert_eq!(
            row(["l", "", "", "<CLEAR>", "", "", "", ""]),
            Err(Cause::NotClearable.into())
        );
    }
}
