//! Row after row: counted, placed, and judged.

use csv::StringRecord;

use super::damage::Damage;
use super::dialect::{DELIMITERS, Dialect};
use super::encoding::Suspicion;
use super::error::{ErrorKind, InputError};
use super::fingerprint::Fingerprint;
use super::names;
use super::source::Source;
use super::split::{Breach, Extent, Fault, Split, Splitter, line_breaks};
use super::tail::{LastColumn, Warning, last};
use super::text::{End, NotText, Text};
use crate::text::is_blank;

/// A title above the header has no more rows.
const TITLE_ROWS: usize = 5;

/// One data row as it stands.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// 1 is the first data row. Blank lines are no rows.
    pub number: u64,
    /// The line in the file on which the row starts, from 1; the header and blank lines count. In a spreadsheet,
    /// the sheet's row number.
    pub line: u64,
    /// As many cells as the header has, as they stand; more or fewer in a damaged row.
    pub cells: StringRecord,
    /// What is wrong with the row. Only with [`ReadOptions::skip_bad_rows`](super::ReadOptions::skip_bad_rows).
    pub damage: Option<Damage>,
}

impl Row {
    /// A cell as the results carry it along: those of a damaged row are left out, because in columns they would look
    /// like a whole row, and be sent when the results are run again.
    pub fn carried(&self, column: usize) -> &str {
        let cells = Some(&self.cells).filter(|_| self.damage.is_none());
        cells
            .and_then(|cells| cells.get(column))
            .unwrap_or_default()
    }
}

/// What one pass over the input has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The data rows.
    pub rows: u64,
    /// The lines without content, which have no row: empty, or with nothing but delimiters and blanks.
    pub blank_lines: u64,
    /// Of what was read.
    pub fingerprint: Fingerprint,
    /// What a person should hear.
    pub warnings: Vec<Warning>,
}

/// One pass over the data rows, from the first.
pub struct Rows {
    text: Text,
    splitter: Splitter,
    dialect: Dialect,
    lenient: bool,
    source: Source,
    headers: StringRecord,
    header_line: u64,
    line: u64,
    number: u64,
    blank_lines: u64,
    last_column: LastColumn,
    warnings: Vec<Warning>,
}

/// A record as it was taken from the text.
struct Taken {
    line: u64,
    extent: Extent,
    damage: Option<Damage>,
}

impl Rows {
    /// Begins a pass, and reads as far as the header.
    pub(super) fn begin(
        source: Source,
        dialect: Dialect,
        lenient: bool,
    ) -> Result<Rows, InputError> {
        let mut rows = Rows::open(source, dialect, lenient)?;
        let mut headers = StringRecord::new();
        let Some(taken) = rows.take_filled(&mut headers)? else {
            return Err(InputError::new(rows.source.path(), ErrorKind::Empty));
        };
        check_names(&headers).map_err(|kind| {
            let kind = header_below(&rows.source, dialect).map_or(kind, ErrorKind::Title);
            InputError::new(rows.source.path(), kind).at(taken.line, None)
        })?;
        rows.headers = headers;
        rows.header_line = taken.line;
        Ok(rows)
    }

    /// Begins a pass with the first row, whatever it is.
    fn open(source: Source, dialect: Dialect, lenient: bool) -> Result<Rows, InputError> {
        let mut rows = Rows {
            text: Text::new(source.clone(), dialect.encoding),
            splitter: if dialect.is_results {
                Splitter::of_results(dialect.delimiter)
            } else {
                Splitter::new(dialect.delimiter)
            },
            line: dialect.first_line,
            dialect,
            lenient,
            source,
            headers: StringRecord::new(),
            header_line: dialect.first_line,
            number: 0,
            blank_lines: 0,
            last_column: LastColumn::default(),
            warnings: Vec::new(),
        };
        rows.text.fill()?;
        rows.text.consume(dialect.preamble);
        Ok(rows)
    }

    pub(super) fn headers(&self) -> &StringRecord {
        &self.headers
    }

    pub(super) fn header_line(&self) -> u64 {
        self.header_line
    }

    /// A row to read into, with room for what most rows hold.
    pub fn room(&self) -> Row {
        let columns = self.headers.len();
        Row {
            cells: StringRecord::with_capacity(16 * columns, columns),
            ..Row::default()
        }
    }

    /// Reads the next row into `row`, whose buffers are used again. `false` at the end.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, InputError> {
        loop {
            let Some(taken) = self.take(&mut row.cells)? else {
                return match self.number {
                    0 => Err(InputError::new(self.source.path(), ErrorKind::NoRows)),
                    _ => Ok(false),
                };
            };
            if is_blank_row(&row.cells) || is_end_mark(&row.cells, taken.extent) {
                self.blank_lines += 1;
                continue;
            }
            self.number += 1;
            row.number = self.number;
            row.line = taken.line;
            row.damage = taken
                .damage
                .or_else(|| self.judge(&row.cells, taken.line, taken.extent));
            match &row.damage {
                None => self.last_column.note(&row.cells),
                Some(damage) if damage.is_of_extent() && !self.is_one_line(taken.extent) => {
                    let kind = ErrorKind::RunTogether(damage.clone());
                    return Err(InputError::new(self.source.path(), kind).at(taken.line, None));
                }
                Some(_) if self.lenient => {}
                Some(damage) => {
                    let kind = ErrorKind::Row(damage.clone());
                    return Err(InputError::new(self.source.path(), kind).at(taken.line, None));
                }
            }
            return Ok(true);
        }
    }

    /// Of what has been read; of the whole input, if [`Rows::read`] has returned `false`.
    pub fn fingerprint(&self) -> Fingerprint {
        self.text.fingerprint()
    }

    /// What the pass has seen; of the whole input, if [`Rows::read`] has returned `false`.
    pub fn finish(self) -> Pass {
        Pass {
            rows: self.number,
            blank_lines: self.blank_lines,
            fingerprint: self.fingerprint(),
            warnings: self.warnings,
        }
    }

    fn judge(&mut self, cells: &StringRecord, line: u64, extent: Extent) -> Option<Damage> {
        let (found, expected) = (cells.len(), self.headers.len());
        let open = !extent.terminated && !extent.closed;
        if found < expected && !extent.terminated {
            return Some(Damage::CutRow { found, expected });
        }
        if found != expected {
            return Some(Damage::Ragged { found, expected });
        }
        if repeats(cells, &self.headers) {
            return Some(Damage::RepeatedHeader);
        }
        if open {
            let cut = self.last_column.judge(cells);
            if cut.is_none() {
                self.warnings.push(Warning::OpenEnd {
                    line,
                    cell: last(cells).to_owned(),
                });
            }
            return cut;
        }
        None
    }

    /// Takes the next record that is not blank.
    fn take_filled(&mut self, cells: &mut StringRecord) -> Result<Option<Taken>, InputError> {
        loop {
            match self.take(cells)? {
                Some(_) if is_blank_row(cells) => self.blank_lines += 1,
                taken => return Ok(taken),
            }
        }
    }

    /// Takes the next record, blank or not.
    fn take(&mut self, cells: &mut StringRecord) -> Result<Option<Taken>, InputError> {
        loop {
            let ended = self.text.end() == End::Reached;
            let window = self.text.window();
            if ended && window.is_empty() {
                return Ok(None);
            }
            let (extent, damage) = match self.splitter.split(window, ended, cells) {
                Split::Record(extent) => (extent, None),
                Split::Fault(fault) => match self.mend(window, fault, cells) {
                    Some((extent, damage)) => (extent, Some(damage)),
                    None => return Err(self.fatal(fault)),
                },
                Split::Incomplete => match self.text.end() {
                    End::Fault(not_text) => {
                        return Err(self.error(window.len(), self.not_text(not_text)));
                    }
                    End::Open | End::Reached => {
                        self.text.fill()?;
                        continue;
                    }
                },
            };
            let line = self.line;
            self.line += if self.dialect.counts_records {
                1
            } else {
                extent.breaks
            };
            self.text.consume(extent.taken);
            return Ok(Some(Taken {
                line,
                extent,
                damage,
            }));
        }
    }

    /// Makes a damaged row of a fault, if that is wanted and it is certain where the row ends.
    fn mend(
        &self,
        window: &str,
        fault: Fault,
        cells: &mut StringRecord,
    ) -> Option<(Extent, Damage)> {
        let (extent, damage) = match fault.breach {
            Breach::TextAfterQuote { end: Some(extent) } => (extent, Damage::TextAfterQuote),
            Breach::BlankBeforeQuote { end: Some(extent) } => (extent, Damage::BlankBeforeQuote),
            _ => return None,
        };
        if !self.lenient || !self.is_one_line(extent) {
            return None;
        }
        self.splitter.mend(&window[..extent.taken], fault, cells);
        (cells.len() == self.headers.len()).then_some((extent, damage))
    }

    /// A damaged row that reaches over several lines may be several rows.
    fn is_one_line(&self, extent: Extent) -> bool {
        self.dialect.counts_records || extent.breaks <= u64::from(extent.terminated)
    }

    fn fatal(&self, fault: Fault) -> InputError {
        let kind = match fault.breach {
            Breach::Unclosed => ErrorKind::UnclosedQuote,
            Breach::LongCell => ErrorKind::LongCell,
            Breach::LongRow => ErrorKind::LongRow,
            Breach::BlankBeforeQuote { .. } => ErrorKind::Row(Damage::BlankBeforeQuote),
            Breach::TextAfterQuote { .. } => {
                let opened = self.place(fault.cell);
                ErrorKind::StrayQuote {
                    opened: (opened.0 != self.place(fault.at).0).then_some(opened),
                }
            }
        };
        self.error(fault.at, kind)
    }

    fn not_text(&self, fault: NotText) -> ErrorKind {
        match fault {
            NotText::Malformed(encoding, _) if self.dialect.is_results => ErrorKind::NotText {
                encoding,
                suspicion: Suspicion::ResavedResults,
            },
            other => other.into(),
        }
    }

    fn error(&self, at: usize, kind: ErrorKind) -> InputError {
        let (line, column) = self.place(at);
        let column = (!self.dialect.counts_records).then_some(column);
        InputError::new(self.source.path(), kind).at(line, column)
    }

    /// The line and the column of the character `at` bytes into the window.
    fn place(&self, at: usize) -> (u64, u64) {
        let before = self.text.window().get(..at).unwrap_or_default();
        if self.dialect.counts_records {
            return (self.line, 1);
        }
        let column = before
            .chars()
            .rev()
            .take_while(|c| !matches!(c, '\n' | '\r'))
            .count();
        (self.line + line_breaks(before), column as u64 + 1)
    }
}

/// A record without content is not a row: it names no lead, and asks for nothing.
fn is_blank_row(cells: &StringRecord) -> bool {
    cells.iter().all(is_blank)
}

/// DOS ended a text with Ctrl-Z.
fn is_end_mark(cells: &StringRecord, extent: Extent) -> bool {
    !extent.terminated && cells.len() == 1 && &cells[0] == "\u{1a}"
}

/// The line of one of the rows below the first that looks like the header, whatever separates its cells.
pub(super) fn header_below(source: &Source, dialect: Dialect) -> Option<u64> {
    let delimiters = [dialect.delimiter].into_iter().chain(DELIMITERS);
    delimiters.into_iter().find_map(|delimiter| {
        let dialect = Dialect {
            delimiter,
            ..dialect
        };
        let mut rows = Rows::open(source.clone(), dialect, true).ok()?;
        let mut cells = StringRecord::new();
        rows.take_filled(&mut cells).ok()??;
        (0..TITLE_ROWS).find_map(|_| {
            let taken = rows.take_filled(&mut cells).ok()??;
            let is_name = |cell: &&str| names::is_known(cell) || names::speaks_of_phones(cell);
            (cells.iter().filter(is_name).count() > 1).then_some(taken.line)
        })
    })
}

fn repeats(cells: &StringRecord, headers: &StringRecord) -> bool {
    cells
        .iter()
        .zip(headers)
        .all(|(cell, header)| cell.trim_start_matches('\u{feff}') == header)
}

fn check_names(headers: &StringRecord) -> Result<(), ErrorKind> {
    for (second, name) in headers.iter().map(str::trim).enumerate() {
        if name.is_empty() {
            return Err(ErrorKind::UnnamedColumn(second + 1));
        }
        if let Some(first) = headers
            .iter()
            .take(second)
            .position(|other| other.trim() == name)
        {
            return Err(ErrorKind::SameName {
                name: name.to_owned(),
                first: first + 1,
                second: second + 1,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::reader::ReadOptions;

    fn pass(text: &str, skip_bad_rows: bool) -> Result<(Vec<Row>, Pass), InputError> {
        let source = Source::spool(Path::new("-"), &mut text.as_bytes())?;
        let dialect = Dialect::recognise(&source, &ReadOptions::default())?;
        let mut rows = Rows::begin(source, dialect, skip_bad_rows)?;
        let mut all = Vec::new();
        let mut row = Row::default();
        while rows.read(&mut row)? {
            all.push(row.clone());
        }
        Ok((all, rows.finish()))
    }

    #[test]
    fn rows_know_their_number_and_their_line() {
        let text = "\nid,n\r\n1,a\r\n\r\n , \n2,\"b\nb\"\n\n3,c\r4,d";
        let (rows, pass) = pass(text, false).expect("rows");
        let places: Vec<_> = rows
            .iter()
            .map(|row| (row.number, row.line, &row.cells[0]))
            .collect();
        assert_eq!(
            places,
            [(1, 3, "1"), (2, 6, "2"), (3, 9, "3"), (4, 10, "4")]
        );
        assert_eq!(
            (pass.rows, pass.blank_lines, pass.warnings.len()),
            (4, 4, 1)
        );
        assert_eq!(pass.fingerprint.bytes(), text.len() as u64);
    }

    #[test]
    fn a_ctrl_z_at_the_end_is_no_row() {
        let (rows, found) = pass("id,n\n1,a\n\u{1a}", false).expect("rows");
        assert_eq!((rows.len(), found.blank_lines), (1, 1));
        for text in ["id,n\n\u{1a}\n1,a\n", "id,n\n1,a\n\u{1a}x"] {
            pass(text, false).expect_err(text);
        }
    }

    #[test]
    fn a_damaged_row_stops_the_pass_or_is_handed_out() {
        let uncertain = "id,n\n1,\"a\"b\"\n2,c\n";
        let cases = [
            (
                "id,n\n1\n2,b\n",
                Damage::Ragged {
                    found: 1,
                    expected: 2,
                },
                vec!["1"],
            ),
            (
                "id,n\n1,a,x\n2,b\n",
                Damage::Ragged {
                    found: 3,
                    expected: 2,
                },
                vec!["1", "a", "x"],
            ),
            ("id,n\nid,n\n2,b\n", Damage::RepeatedHeader, vec!["id", "n"]),
            (
                "id,n\n\u{feff}id,n\n2,b\n",
                Damage::RepeatedHeader,
                vec!["\u{feff}id", "n"],
            ),
            (
                "id,n\n1,\"a\"b\n2,b\n",
                Damage::TextAfterQuote,
                vec!["1", "\"a\"b"],
            ),
            (
                "id,n\n1, \"a\"\n2,b\n",
                Damage::BlankBeforeQuote,
                vec!["1", " \"a\""],
            ),
            (
                "id,n\n1",
                Damage::CutRow {
                    found: 1,
                    expected: 2,
                },
                vec!["1"],
            ),
        ];
        for (text, damage, cells) in cases {
            let error = pass(text, false).expect_err(text);
            assert_eq!(error.line(), Some(2), "{text:?}");
            let (rows, _) = pass(text, true).expect(text);
            assert_eq!(rows[0].damage, Some(damage), "{text:?}");
            assert_eq!(rows[0].cells, StringRecord::from(cells), "{text:?}");
            assert!(
                rows.get(1)
                    .is_none_or(|row| row.damage.is_none() && row.line == 3),
                "{text:?}"
            );
        }
        for skip_bad_rows in [true, false] {
            let error =
                pass(uncertain, skip_bad_rows).expect_err("where the row ends is uncertain");
            assert!(
                matches!(error.kind(), ErrorKind::StrayQuote { opened: None }),
                "{error}"
            );
            assert_eq!((error.line(), error.column()), (Some(2), Some(6)));
        }
    }

    #[test]
    fn a_damaged_row_with_a_line_break_in_a_cell_is_refused_as_it_may_be_several_rows() {
        for (text, line, words) in [
            (
                "id,p,n\nL1,1,\"a\nL2,2,b\nL3,3,\"c\nL4,4,d\n",
                4,
                "opened in line 2, column 6",
            ),
            (
                "id,p,n\nL1,1,\"a\nL2,2,\",x\nL3,3,c\n",
                2,
                "4 cells where the header has 3",
            ),
            (
                "id,p,n\nL1,\"a\nL2,b\"\nL3,3,c\n",
                2,
                "2 cells where the header has 3",
            ),
            (
                "id,p,n\nL1,\"a\nL2\", \"b\"\n",
                3,
                "blanks before an opening quote",
            ),
            ("id,p,n,x\nL1,1,\"a\nL2,2,b\"", 2, "after 3 of 4 cells"),
        ] {
            for skip_bad_rows in [true, false] {
                let error = pass(text, skip_bad_rows).expect_err(text);
                let said = error.to_string();
                assert!(said.contains(words) && !said.contains("leaves"), "{said}");
                assert_eq!(error.line(), Some(line), "{said}");
            }
        }
        let header = "id,\"n\nm\"\n";
        let (rows, _) = pass(&format!("{header}1,a\n{header}2,b\n"), true).expect("rows");
        assert_eq!(rows[1].damage, Some(Damage::RepeatedHeader));
    }

    #[test]
    fn an_error_points_at_the_character() {
        let cases = [
            ("id,n\n1,é\"\n2,日本,\0x\n", 3, Some(6)),
            ("id,n\n1,\"a\n\n2,\"b\n", 4, Some(4)),
            ("id,n\n1,\"a\n\n2,b\n", 2, Some(3)),
            ("id,,n\n1,2,3\n", 1, None),
            ("id,id\n1,2\n", 1, None),
        ];
        for (text, line, column) in cases {
            let error = pass(text, false).expect_err(text);
            assert_eq!(
                (error.line(), error.column()),
                (Some(line), column),
                "{text:?}: {error}"
            );
        }
    }
}
