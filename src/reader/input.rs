//! The input file, opened.

use std::fmt;
use std::path::Path;

use csv::StringRecord;
use encoding_rs::Encoding;

use super::columns::Columns;
use super::compression::{self, Compression};
use super::dialect::Dialect;
use super::error::{ErrorKind, InputError};
use super::formulas::Unsolved;
use super::mapping::MapTarget;
use super::rows::{Rows, header_below};
use super::sheet;
use super::source::Source;

/// How to read an input file, where it is not to be recognised. A results file of ours is read as it was written,
/// whatever is stated here of its input.
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
    unsolved: Vec<Unsolved>,
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
        let mut unsolved = Vec::new();
        let (source, dialect, sheet) = if let Some(dialect) = Dialect::of_results(&unpacked)? {
            (unpacked, dialect, None)
        } else if let Some(sheet) = sheet::open(&unpacked, options.sheet.as_deref())? {
            let dialect = Dialect::of_sheet(sheet.first_row);
            unsolved = sheet.unsolved;
            (sheet.source, dialect, Some((sheet.name, sheet.others)))
        } else if options.sheet.is_some() {
            return Err(InputError::new(path, ErrorKind::NotASpreadsheet));
        } else {
            let dialect = Dialect::recognise(&unpacked, options)?;
            (unpacked, dialect, None)
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
            unsolved,
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

    /// The columns whose formulas seem never to have been worked out.
    pub fn unsolved(&self) -> &[Unsolved] {
        &self.unsolved
    }

    /// Which column is which; `map` names some outright.
    pub fn columns(&self, map: &[(MapTarget, String)]) -> Result<Columns, InputError> {
        Columns::resolve(&self.headers, map).map_err(|error| {
            let below = error
                .may_be_of_title()
                .then(|| header_below(&self.source, self.dialect))
                .flatten();
            let kind = match &self.description.sheet {
                _ if let Some(line) = below => ErrorKind::Title(line),
                Some((_, others)) if !others.is_empty() && error.is_of_strangers() => {
                    ErrorKind::OtherSheet {
                        error,
                        others: others.clone(),
                    }
                }
                _ => error.into(),
            };
            InputError::new(self.original.path(), kind).at(self.header_line, None)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{Pass, Row};
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use tempfile::TempDir;

    /// A file of several chunks, in a folder of its own.
    fn file() -> (TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("corrections.csv");
        let rows: Vec<_> = (0..40_000).map(|i| format!("L{i},name {i}")).collect();
        std::fs::write(&path, format!("lead_id,name\n{}\n", rows.join("\n"))).expect("room");
        (folder, path)
    }

    fn open(path: &Path) -> Input {
        Input::open(path, &ReadOptions::default()).expect("a readable file")
    }

    fn append(path: &Path, text: &str) {
        let mut file = OpenOptions::new()
            .append(true)
            .open(path)
            .expect("our file");
        file.write_all(text.as_bytes()).expect("room");
    }

    fn pass(mut rows: Rows) -> Result<Pass, InputError> {
        let mut row = Row::default();
        while rows.read(&mut row)? {}
        Ok(rows.finish())
    }

    fn is_changed<T>(result: Result<T, InputError>) -> bool {
        result.is_err_and(|error| matches!(error.kind(), ErrorKind::Changed))
    }

    #[test]
    fn every_pass_sees_the_same() {
        let (_folder, path) = file();
        let input = open(&path);
        let first = pass(input.rows().expect("a pass")).expect("all rows");
        assert_eq!(first.rows, 40_000);
        let (mut one, other) = (
            input.rows().expect("a pass"),
            input.rows().expect("a pass at once"),
        );
        let mut row = Row::default();
        assert!(one.read(&mut row).expect("a row"));
        assert_eq!(pass(other).expect("all rows"), first);
        assert_eq!(pass(one).expect("the rest").fingerprint, first.fingerprint);
    }

    #[test]
    fn a_file_that_changes_between_passes_is_refused() {
        type Change = fn(&Path);
        let changes: [Change; 4] = [
            |path| append(path, "L,late\n"),
            |path| std::fs::write(path, "lead_id,name\nL1,short\n").expect("room"),
            |path| std::fs::remove_file(path).expect("our file"),
            |path| {
                let copy = path.with_extension("new");
                std::fs::copy(path, &copy).expect("room");
                std::fs::rename(copy, path).expect("our folder");
            },
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let (_folder, path) = file();
            let input = open(&path);
            change(&path);
            assert!(is_changed(input.rows()), "change {at}");
        }
    }

    #[test]
    fn a_file_that_changes_during_a_pass_is_refused_before_the_end() {
        type Change = fn(&Path);
        let changes: [Change; 3] = [
            |path| append(path, "L,late\n"),
            |path| {
                let file = OpenOptions::new().write(true).open(path).expect("our file");
                file.set_len(200_000).expect("shorter");
            },
            |path| {
                let mut file = OpenOptions::new().write(true).open(path).expect("our file");
                std::thread::sleep(std::time::Duration::from_millis(20)); // the clock of the file system is coarse
                file.write_all(b"LEAD_ID").expect("room");
            },
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let (_folder, path) = file();
            let input = open(&path);
            let rows = input.rows().expect("a pass");
            change(&path);
            assert!(is_changed(pass(rows)), "change {at}");
        }
    }

    #[test]
    fn what_is_no_file_is_copied_or_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let refused =
            |path: &Path| Input::open(path, &ReadOptions::default()).expect_err("no file");
        assert!(matches!(refused(folder.path()).kind(), ErrorKind::Folder));
        let missing = refused(&folder.path().join("none.csv"));
        assert!(
            matches!(missing.kind(), ErrorKind::Io { .. }) && !missing.is_local_io(),
            "{missing}"
        );
        assert!(matches!(
            refused(Path::new("/dev/null")).kind(),
            ErrorKind::Empty
        ));
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_has_no_name_and_no_rights_for_others() {
        use std::os::unix::fs::MetadataExt;
        let file = Source::spool_file(Path::new("-")).expect("a temporary file");
        let metadata = file.metadata().expect("its metadata");
        assert_eq!((metadata.mode() & 0o777, metadata.nlink()), (0o600, 0));
    }
}
