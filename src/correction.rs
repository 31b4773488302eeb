//! A row to what shall be changed, or why not. Pure.

use csv::StringRecord;
use serde_json::Value;

use crate::api::Variables;
use crate::outcome::{Cause, Reason};
use crate::phone::{self, E164, Region};
use crate::reader::Columns;
use crate::reader::Row;

/// What one row wants of one lead.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// Opaque; outer white space removed.
    pub lead_id: String,
    /// The number the lead shall have.
    pub phone_number: Option<E164>,
    /// The name the lead shall have.
    pub name: Option<String>,
    /// The free-text notes the lead shall have; empty to clear them.
    pub notes: Option<String>,
    /// Variables the lead shall have.
    pub variables: Variables,
    /// Variables the lead shall no longer have.
    pub removed: Vec<String>,
    /// How the phone cell was read, where it was not plain; for people.
    pub remark: String,
}

impl Correction {
    /// Whether the row speaks of variables.
    pub fn touches_variables(&self) -> bool {
        !self.variables.is_empty() || !self.removed.is_empty()
    }

    fn changes_nothing(&self) -> bool {
        self.phone_number.is_none()
            && self.name.is_none()
            && self.notes.is_none()
            && !self.touches_variables()
    }
}

/// How the phone cell of a row was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What was done to the cell.
    pub recovered: phone::Recoveries,
    /// It has no country code, and the row no country.
    pub region_assumed: bool,
}

impl Reading {
    /// In words; empty for a plain cell.
    fn remark(self) -> String {
        let mut parts: Vec<&str> = self
            .recovered
            .iter()
            .map(phone::Recovery::describe)
            .collect();
        if self.region_assumed {
            parts.push("region_assumed");
        }
        parts.join("; ")
    }
}

/// Why a row cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// For the results file.
    pub reason: Reason,
    /// For people: the column and what to do.
    pub detail: String,
}

impl Rejection {
    /// A reason for the results file and a detail for people.
    pub fn new(reason: impl Into<Reason>, detail: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            detail: detail.into(),
        }
    }
}

/// How cells are read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How phone cells are read.
    pub phone: phone::Rules,
    /// The cell that empties notes or removes a variable.
    pub clear_token: String,
}

/// Reads one row, and says how its phone cell was read. An empty cell leaves its field alone.
///
/// # Errors
/// The first thing that makes the row unfit to be sent.
pub fn read(
    row: &Row,
    columns: &Columns,
    rules: &Rules,
) -> Result<(Correction, Reading), Rejection> {
    if let Some(damage) = &row.damage {
        return Err(Rejection::new(Cause::DamagedRow, damage.to_string()));
    }
    let cells = Cells {
        cells: &row.cells,
        clear_token: &rules.clear_token,
    };
    let mut correction = Correction {
        lead_id: lead_id(row.cells.get(columns.lead_id).unwrap_or_default())?,
        phone_number: None,
        name: cells.value(columns.name, "name")?.map(str::to_owned),
        notes: cells.notes(columns.notes),
        variables: Variables::new(),
        removed: Vec::new(),
        remark: String::new(),
    };
    let mut reading = Reading::default();
    let country = cells.value(columns.country, "country")?;
    if let Some(cell) = cells.value(columns.phone_number, "phone_number")? {
        let country = country.map(parse_country).transpose()?;
        let normalised = phone::normalise(cell, country, &rules.phone)
            .map_err(|refusal| Rejection::new(refusal, refusal.remedy()))?;
        correction.phone_number = Some(normalised.number);
        reading = Reading {
            recovered: normalised.recovered,
            region_assumed: normalised.region_assumed,
        };
        correction.remark = reading.remark();
    }
    if let Some(cell) = cells.value(columns.metadata, "metadata")? {
        correction.variables = metadata(cell)?;
    }
    for (key, column) in &columns.variables {
        cells.variable(key, *column, &mut correction)?;
    }
    if correction.changes_nothing() {
        return Err(Rejection::new(
            Cause::NoChange,
            "every cell that could change something is empty",
        ));
    }
    Ok((correction, reading))
}

struct Cells<'a> {
    cells: &'a StringRecord,
    clear_token: &'a str,
}

impl<'a> Cells<'a> {
    fn filled(&self, column: Option<usize>) -> Option<&'a str> {
        column
            .and_then(|column| self.cells.get(column))
            .filter(|cell| !cell.trim().is_empty())
    }

    fn value(&self, column: Option<usize>, field: &str) -> Result<Option<&'a str>, Rejection> {
        match self.filled(column) {
            Some(cell) if cell.trim() == self.clear_token => Err(Rejection::new(
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
        let cell = self.filled(column)?;
        Some(if cell.trim() == self.clear_token {
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
        let Some(cell) = self.filled(Some(column)) else {
            return Ok(());
        };
        let wanted = (cell.trim() != self.clear_token).then(|| Value::from(cell));
        let contradicts = correction
            .variables
            .get(key)
            .is_some_and(|given| wanted.as_ref() != Some(given));
        if contradicts {
            return Err(Rejection::new(
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

fn lead_id(cell: &str) -> Result<String, Rejection> {
    let id = cell.trim();
    if id.is_empty() {
        return Err(Rejection::new(
            Cause::EmptyLeadId,
            "the `lead_id` cell is empty",
        ));
    }
    // A URL parser would resolve these two as steps in the path, percent-encoded or not.
    if id == "." || id == ".." || id.chars().any(char::is_control) {
        return Err(Rejection::new(
            Cause::InvalidLeadId,
            "the `lead_id` cell cannot be an ID",
        ));
    }
    Ok(id.to_owned())
}

fn parse_country(cell: &str) -> Result<Region, Rejection> {
    cell.trim().parse().map_err(|_| {
        Rejection::new(
            Cause::CountryUnknown,
            "the `country` cell is neither a two-letter country code like `IN` nor a calling code like `+91`",
        )
    })
}

fn metadata(cell: &str) -> Result<Variables, Rejection> {
    match serde_json::from_str(cell) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Rejection::new(
            Cause::InvalidMetadata,
            "the `metadata` cell is no JSON object",
        )),
        Err(error) => Err(Rejection::new(
            Cause::InvalidMetadata,
            format!("the `metadata` cell is no JSON: {error}"),
        )),
    }
}
