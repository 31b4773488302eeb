//! The input file, opened.

use std::fmt;
use std::path::Path;

use csv::StringRecord;
use encoding_rs::Encoding;

use super::columns::{Columns, MapTarget};
use super::compression::{self, Compression};
use super::dialect::Dialect;
use super::error::{ErrorKind, InputError};
use super::rows::Rows;
use super::sheet;
use super::source::Source;

/// How to read an input file, where it is not to be recognised.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The encoding; else UTF-8, or what a mark at the start says.
    pub encoding: Option<&'static Encoding>,
    /// The delimiter; else told by the header.
    pub delimiter: Option<u8>,
    /// The sheet of a spreadsheet; else the first.
    pub sheet: Option<String>,
    /// Hand out damaged rows with [`Row::damage`](super::Row::damage), rather than refuse the file.
    pub skip_bad_rows: bool,
}

/// The input file, opened: encoding, delimiter and columns recognised, so that it can be read as often as needed.
///
/// Standard input, spreadsheets and compressed files are copied to a private temporary file first.
#[derive(Debug)]
pub struct Input {
    source: Source,
    /// The file itself, where `source` is a copy.
    original: Source,
    dialect: Dialect,
    skip_bad_rows: bool,
    headers: StringRecord,
    header_line: u64,
    description: Description,
}

/// What was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// How the file is packed.
    pub compression: Option<Compression>,
    /// A text file's encoding.
    pub encoding: &'static str,
    /// A text file's delimiter.
    pub delimiter: char,
    /// The sheet, and the sheets that are left aside.
    pub sheet: Option<(String, Vec<String>)>,
}

impl Input {
    /// Opens `path`, or standard input for `-`.
    pub fn open(path: &Path, options: &ReadOptions) -> Result<Input, InputError> {
        let original = Source::open(path)?;
        let (unpacked, compression) = compression::unpack(&original)?;
        let (source, dialect, sheet) = match sheet::open(&unpacked, options.sheet.as_deref())? {
            Some(sheet) => (
                sheet.source,
                Dialect::of_sheet(sheet.first_row),
                Some((sheet.name, sheet.others)),
            ),
            None if options.sheet.is_some() => {
                return Err(InputError::new(path, ErrorKind::NotASpreadsheet));
            }
            None => {
                let dialect = Dialect::recognise(&unpacked, options)?;
                (unpacked, dialect, None)
            }
        };
        let first = Rows::begin(source.clone(), dialect, options.skip_bad_rows)?;
        Ok(Input {
            headers: first.headers().clone(),
            header_line: first.header_line(),
            description: Description {
                compression,
                encoding: dialect.encoding.name(),
                delimiter: char::from(dialect.delimiter),
                sheet,
            },
            source,
            original,
            dialect,
            skip_bad_rows: options.skip_bad_rows,
        })
    }

    /// The header row, as it stands.
    pub fn headers(&self) -> &StringRecord {
        &self.headers
    }

    /// What was recognised.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Which column is which; `map` names some outright.
    pub fn columns(&self, map: &[(MapTarget, String)]) -> Result<Columns, InputError> {
        Columns::resolve(&self.headers, map).map_err(|error| {
            InputError::new(self.original.path(), error.into()).at(self.header_line, None)
        })
    }

    /// A new pass from the first row, unless the file has changed.
    pub fn rows(&self) -> Result<Rows, InputError> {
        self.original.verify()?;
        Rows::begin(self.source.clone(), self.dialect, self.skip_bad_rows)
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(compression) = self.compression {
            write!(f, "{compression}, ")?;
        }
        match &self.sheet {
            None if self.delimiter == '\t' => write!(f, "{}, separated by tabs", self.encoding),
            None => write!(f, "{}, separated by `{}`", self.encoding, self.delimiter),
            Some((name, others)) if others.is_empty() => write!(f, "sheet `{name}`"),
            Some((name, others)) => {
                write!(
                    f,
                    "sheet `{name}` (not read: {})",
                    super::error::List(others)
                )
            }
        }
    }
}
