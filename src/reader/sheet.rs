//! Spreadsheets.

use super::error::InputError;
use super::source::Source;

/// A sheet, written out as text.
pub(super) struct Sheet {
    pub(super) source: Source,
    pub(super) first_row: u64,
    pub(super) name: String,
    pub(super) others: Vec<String>,
}

/// The sheet called `name`, or the first, if `source` is a spreadsheet.
pub(super) fn open(_source: &Source, _name: Option<&str>) -> Result<Option<Sheet>, InputError> {
    Ok(None)
}
