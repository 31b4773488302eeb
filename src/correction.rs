//! A row to what shall be changed, or why not. Pure.

use csv::StringRecord;
use serde_json::Value;

use crate::api::{self, MAX_VARIABLES, Variables};
use crate::outcome::{Cause, Reason};
use crate::phone::{self, E164, Normalised, Recovery, Region};
use crate::plan::MetadataMode;
use crate::reader::{Columns, Row};
use crate::text;
use crate::unambiguous::Unambiguous;

/// The longest list of a damaged row's cells, in bytes.
const LONGEST_LIST: usize = 16_000;

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
}

impl Rejection {
    /// What is wrong with the cell in this column, for the results file and for people.
    pub fn new(column: usize, reason: impl Into<Reason>, detail: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            detail: detail.into(),
            column,
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
    correction.name = cells
        .value(columns.name, "name")?
        .map(|(_, cell)| cell.to_owned());
    correction.notes = cells.notes(columns.notes);
    let country = cells.value(columns.country, "country")?;
    if let Some((column, cell)) = cells.value(columns.phone_number, "phone_number")? {
        let country = country
            .map(|(column, cell)| parse_country(column, cell))
            .transpose()?;
        let read = phone::normalise_again(cell, country, &rules.phone, found)
            .map_err(|refusal| Rejection::new(column, refusal, refusal.remedy()))?;
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
            "every cell that could change something is empty",
        ));
    }
    Ok(correction)
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
        cell.trim() == self.clear_token
    }

    fn lead_id(&self, column: usize) -> Result<String, Rejection> {
        let id = self.cells.get(column).unwrap_or_default().trim();
        if id.is_empty() {
            return Err(Rejection::new(
                column,
                Cause::EmptyLeadId,
                "the `lead_id` cell is empty",
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
                "the `lead_id` cell cannot be an ID",
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
                    "`{}` stands in `{field}`, which cannot be cleared",
                    self.clear_token
                ),
            )),
            cell => Ok(cell),
        }
    }

    fn notes(&self, column: Option<usize>) -> Option<String> {
        let (_, cell) = self.filled(column)?;
        Some(if self.is_clear_token(cell) {
            String::new()
        } else {
            cell.to_owned()
        })
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
        let wanted = (!self.is_clear_token(cell)).then(|| Value::from(cell));
        let contradicts = correction
            .variables
            .get(key)
            .is_some_and(|given| wanted.as_ref() != Some(given));
        if contradicts {
            return Err(Rejection::new(
                column,
                Cause::InvalidMetadata,
                format!("`metadata` and `metadata.{key}` want different values for `{key}`"),
            ));
        }
        match wanted {
            Some(value) => drop(correction.variables.insert(key.to_owned(), value)),
            None => correction.removed.push(key.to_owned()),
        }
        Ok(())
    }
}

fn parse_country(column: usize, cell: &str) -> Result<Region, Rejection> {
    // R writes so where it has no value.
    if cell.trim().eq_ignore_ascii_case("NA") {
        return Err(Rejection::new(
            column,
            Cause::CountryUnknown,
            "`NA` in the `country` cell is Namibia, or stands for nothing; write `+264`, or leave the cell empty",
        ));
    }
    cell.trim().parse().map_err(|_| {
        Rejection::new(
            column,
            Cause::CountryUnknown,
            "the `country` cell is neither a two-letter country code like `IN` nor a calling code like `+91`",
        )
    })
}

fn metadata(column: usize, cell: &str) -> Result<Variables, Rejection> {
    let read = serde_json::from_str::<Unambiguous>(cell).and_then(|_| serde_json::from_str(cell));
    match read {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Rejection::new(
            column,
            Cause::InvalidMetadata,
            "the `metadata` cell is no JSON object",
        )),
        Err(error) => Err(Rejection::new(
            column,
            Cause::InvalidMetadata,
            format!("the `metadata` cell cannot be read: {error}"),
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
}
