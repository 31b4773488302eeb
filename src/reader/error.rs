//! Why an input file cannot be used: where, what, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::columns::ColumnError;
use super::compression::Compression;
use super::damage::Damage;
use super::encoding::Suspicion;
use super::split::{CELL_LIMIT, ROW_LIMIT};
use crate::text;

/// An input file that cannot be read, or not with certainty. One pointer in size.
#[derive(Debug)]
pub struct InputError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    line: Option<u64>,
    column: Option<u64>,
    kind: ErrorKind,
}

/// What is wrong with an input file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system would not let us.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No place for a copy of it.
    #[error("cannot create a temporary file: {0}; set TMPDIR to a folder that you can write to")]
    NoTemporaryFile(#[source] io::Error),
    /// A folder.
    #[error("is a folder; name the file in it")]
    Folder,
    /// No bytes, or nothing but blank lines.
    #[error("is empty; it needs a header row and at least one row")]
    Empty,
    /// A header and nothing else.
    #[error("has a header row but no rows")]
    NoRows,
    /// Not the file that was opened.
    #[error(
        "changed while it was being read; wait until it is written completely, then start again"
    )]
    Changed,
    /// Bytes that are not text in the encoding.
    #[error("not {encoding}: {suspicion}")]
    NotText {
        /// The encoding that was recognised or stated.
        encoding: &'static str,
        /// What it may be instead.
        suspicion: Suspicion,
    },
    /// A zero byte (U+0000).
    #[error("a NUL character; the file is damaged, export it again")]
    Nul,
    /// The option or the file names something that cannot separate cells.
    #[error("`{}` cannot be a delimiter; use a printable ASCII character, or a tab", char::from(*.0).escape_default())]
    BadDelimiter(u8),
    /// Two delimiters fit the header equally well.
    #[error(
        "cannot tell the delimiter: the header can be read with `{}` and with `{}`; state it with --delimiter",
        char::from(*.0).escape_default(), char::from(*.1).escape_default()
    )]
    AmbiguousDelimiter(u8, u8),
    /// A quote was opened and the file ended.
    #[error("a quote is opened here and never closed; close it, or export the file again")]
    UnclosedQuote,
    /// Text after a closing quote, where it is uncertain where the row ends.
    #[error("text after a closing quote{}; write a quote inside a quoted cell twice (`\"\"`)", OpenedAt(*.opened))]
    StrayQuote {
        /// The line and column where the quote was opened, if that is another line.
        opened: Option<(u64, u64)>,
    },
    /// A cell over the limit.
    #[error(
        "a cell longer than {} KiB begins here; is a closing quote or a line break missing?",
        CELL_LIMIT / 1024
    )]
    LongCell,
    /// A row over the limit.
    #[error("a row longer than {} MiB; are the line breaks missing?", ROW_LIMIT / 1024 / 1024)]
    LongRow,
    /// Damage to one row.
    #[error("{}; {}", .0, .0.remedy())]
    Row(Damage),
    /// Damage to what may be several rows.
    #[error(
        "{0}, and a line break in a cell: several rows may have become one; look for a quote that is opened and not closed"
    )]
    RunTogether(Damage),
    /// A row above the header, whose line this is.
    #[error("no column names: line {0} looks like the header; delete what stands above it")]
    Title(u64),
    /// A column without a name.
    #[error("column {0} has no name in the header row; name it, or delete the column")]
    UnnamedColumn(usize),
    /// Two columns of one name.
    #[error(
        "columns {first} and {second} are both called `{name}`; rename one, or delete the column"
    )]
    SameName {
        /// The name.
        name: String,
        /// The first column, from 1.
        first: usize,
        /// The second column.
        second: usize,
    },
    /// A compressed file that does not unpack.
    #[error("cannot unpack {compression} data: {source}; copy the file again in full")]
    Packed {
        /// The format recognised.
        compression: Compression,
        /// What the decoder said.
        source: io::Error,
    },
    /// Unpacked data that is again compressed.
    #[error("is compressed twice; unpack it first")]
    PackedTwice,
    /// A spreadsheet that cannot be read.
    #[error("cannot read the spreadsheet: {0}; save it again as .xlsx or .csv, without a password")]
    Workbook(String),
    /// A sheet that is not there.
    #[error("has no sheet `{name}`; its sheets are {}", List(.sheets))]
    NoSuchSheet {
        /// The name asked for.
        name: String,
        /// The names there are.
        sheets: Vec<String>,
    },
    /// A zip archive of something else.
    #[error("is a zip archive and no spreadsheet; unpack it first")]
    Archive,
    /// HTML or XML.
    #[error(
        "is a web page or XML, whatever its name says; open it in a spreadsheet program and save it as .xlsx or CSV"
    )]
    Markup,
    /// `--sheet` for a file that has no sheets.
    #[error("is not a spreadsheet; leave --sheet away")]
    NotASpreadsheet,
    /// A cell of a spreadsheet to the left of the header, where no column is.
    #[error("cell {0} lies outside the table, left of the header; delete it or give it a header")]
    OutsideTable(String),
    /// A formula of a spreadsheet that was written by a program which did not work it out.
    #[error(
        "cell {0} holds a formula whose result was never saved; open the file in a spreadsheet program and save it"
    )]
    NoResult(String),
    /// The columns do not make sense.
    #[error(transparent)]
    Columns(#[from] ColumnError),
    /// A sheet without the columns that are needed, among others.
    #[error("{error}; or is it another sheet ({})? --sheet names it", List(.others))]
    OtherSheet {
        /// What is missing.
        error: ColumnError,
        /// The other sheets.
        others: Vec<String>,
    },
}

impl InputError {
    pub(super) fn new(path: &Path, kind: ErrorKind) -> InputError {
        InputError(Box::new(Inner {
            path: path.to_owned(),
            line: None,
            column: None,
            kind,
        }))
    }

    pub(super) fn io(path: &Path, action: &'static str, source: io::Error) -> InputError {
        InputError::new(path, ErrorKind::Io { action, source })
    }

    pub(super) fn at(mut self, line: u64, column: Option<u64>) -> InputError {
        self.0.line = Some(line);
        self.0.column = column;
        self
    }

    pub(super) fn into_kind(self) -> ErrorKind {
        self.0.kind
    }

    /// The file, or `-`.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The line from 1 (in a spreadsheet the sheet's row), where one is to blame.
    pub fn line(&self) -> Option<u64> {
        self.0.line
    }

    /// The character in the line, from 1, where one is to blame.
    pub fn column(&self) -> Option<u64> {
        self.0.column
    }

    /// What is wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether this is the machine's trouble (exit code 74) rather than the file's (65).
    pub fn is_local_io(&self) -> bool {
        match &self.0.kind {
            ErrorKind::Io { source, .. } => source.kind() != io::ErrorKind::NotFound,
            ErrorKind::NoTemporaryFile(_) => true,
            _ => false,
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            path,
            line,
            column,
            kind,
        } = &*self.0;
        match path.to_str() {
            Some("-") => write!(f, "standard input")?,
            _ => write!(f, "`{}`", path.display())?,
        }
        if let Some(line) = line {
            write!(f, " line {line}")?;
        }
        if let Some(column) = column {
            write!(f, ", column {column}")?;
        }
        // It may quote a cell.
        write!(f, ": {}", text::written_out(&kind.to_string()))
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.kind)
    }
}

struct OpenedAt(Option<(u64, u64)>);

impl fmt::Display for OpenedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |(line, column)| {
            write!(f, " (the quote was opened in line {line}, column {column})")
        })
    }
}

/// Names in backticks, with commas.
pub(super) struct List<'a>(pub(super) &'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(i, name)| {
            write!(
                f,
                "{}`{}`",
                if i == 0 { "" } else { ", " },
                name.escape_debug()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_place_and_is_small() {
        let error = InputError::new(Path::new("corrections.csv"), ErrorKind::Nul);
        assert_eq!(
            error.to_string(),
            "`corrections.csv`: a NUL character; the file is damaged, export it again"
        );
        assert!(
            error
                .at(12, Some(34))
                .to_string()
                .starts_with("`corrections.csv` line 12, column 34: a NUL")
        );
        assert!(
            InputError::new(Path::new("-"), ErrorKind::NoRows)
                .to_string()
                .starts_with("standard input: has")
        );
        assert_eq!(size_of::<InputError>(), size_of::<usize>());
    }
}
