//! The append-only results file: one result row for each input row, in input order. How many whole rows it holds
//! *is* the point from which a run resumes.

use std::fmt::{Display, Write as _};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use csv::StringRecord;
use thiserror::Error;

use crate::outcome::{Finding, Outcome, Reason, Reupload, Status};
use crate::private;
use crate::text;

/// The columns before the input's own, in order.
pub const COLUMNS: [&str; 10] = [
    "result_row",
    "result_line",
    "result_status",
    "result_reason",
    "result_reupload",
    "result_phone_number",
    "result_http_status",
    "result_attempts",
    "result_at",
    "result_detail",
];

/// Excel takes a file for UTF-8 when it starts with this.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Appends result rows.
#[derive(Debug)]
pub struct Results {
    writer: csv::Writer<File>,
    file: File,
    rows: u64,
    /// Where a cell is put together.
    text: String,
}

impl Results {
    /// Starts a new file: header written, file and folder durable. The file must not exist.
    pub fn create(path: &Path, carried: &StringRecord, bom: bool) -> io::Result<Self> {
        let mut file = private::create_new(path)?;
        if bom {
            file.write_all(BOM)?;
        }
        let mut results = Self::over(file, 0)?;
        results.writer.write_record(&header(carried))?;
        results.writer.flush()?;
        results.file.sync_all()?;
        private::sync_folder(path)?;
        Ok(results)
    }

    /// Goes on after the whole rows that [`scan`] found; what stands behind them is cut off.
    pub fn resume(path: &Path, whole: &Whole) -> io::Result<Self> {
        let mut file = File::options().read(true).write(true).open(path)?;
        file.set_len(whole.bytes)?;
        file.seek(SeekFrom::End(0))?;
        let results = Self::over(file, whole.rows)?;
        results.file.sync_all()?;
        Ok(results)
    }

    fn over(file: File, rows: u64) -> io::Result<Self> {
        let writer = csv::WriterBuilder::new()
            .buffer_capacity(64 * 1024)
            .from_writer(file.try_clone()?);
        Ok(Self {
            writer,
            file,
            rows,
            text: String::new(),
        })
    }

    /// Appends the next row; `line` is where it starts in the input, `cells` are the carried input cells.
    pub fn append<'a>(
        &mut self,
        line: u64,
        outcome: &Outcome,
        cells: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        let finding = outcome.finding;
        self.field(self.rows + 1)?;
        self.field(line)?;
        self.writer.write_field(finding.status.as_str())?;
        self.writer
            .write_field(finding.reason.map_or("", Reason::as_str))?;
        self.writer.write_field(finding.reupload.as_str())?;
        match outcome.phone_number {
            Some(number) => self.field(number)?,
            None => self.writer.write_field("")?,
        }
        match outcome.http_status {
            Some(status) => self.field(status)?,
            None => self.writer.write_field("")?,
        }
        self.field(outcome.attempts)?;
        self.field(format_args!("{:.3}", outcome.at))?;
        self.writer
            .write_field(text::for_spreadsheet(&outcome.detail))?;
        for cell in cells {
            self.writer.write_field(cell)?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        self.rows += 1;
        Ok(())
    }

    fn field(&mut self, value: impl Display) -> io::Result<()> {
        self.text.clear();
        // Writing to a text fails only where the value refuses to be shown.
        write!(self.text, "{value}").map_err(io::Error::other)?;
        Ok(self.writer.write_field(&self.text)?)
    }

    /// Hands everything appended to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    /// Rows in the file, those of earlier runs included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// A second handle, to make the file durable from another thread.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

fn header(carried: &StringRecord) -> StringRecord {
    COLUMNS.iter().copied().chain(carried.iter()).collect()
}

/// The part of a results file that consists of whole rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// Result rows.
    pub rows: u64,
    /// Where they end.
    pub bytes: u64,
    /// Bytes behind them that a crash left and that may be cut off.
    pub torn: u64,
}

/// Why an existing results file is not touched.
#[derive(Debug, Error)]
pub enum ScanError {
    /// The header is not the one this run would write.
    #[error("its header is not the one that this input gives")]
    ForeignHeader,
    /// A row in the middle is not as it was written.
    #[error("result row {row} (byte {byte}) is not as it was written, and more rows follow it")]
    Edited {
        /// The number the row should have.
        row: u64,
        /// Where it starts.
        byte: u64,
    },
    /// The rows are not those of this input.
    #[error("result row {row} carries other cells than input row {row}")]
    OtherInput {
        /// The row's number.
        row: u64,
    },
    /// The input could not be read.
    #[error(transparent)]
    Input(#[from] crate::reader::InputError),
    /// The file could not be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// One result row read back.
#[derive(Debug)]
pub struct ResultRow<'a> {
    /// 1 = first data row of the input.
    pub number: u64,
    /// Line of the input on which the row starts.
    pub line: u64,
    /// Status, reason and re-upload flag.
    pub finding: Finding,
    /// The whole record, carried cells included.
    pub record: &'a StringRecord,
}

impl ResultRow<'_> {
    /// The input cells that the row carries.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.record.iter().skip(COLUMNS.len())
    }
}

/// Reads a results file, shows every whole row to `visit` and finds where the whole rows end. A row is whole when
/// its bytes are exactly those that this program writes for it.
///
/// # Errors
/// When the file is not ours, was edited, or `visit` objects.
pub fn scan(
    path: &Path,
    carried: &StringRecord,
    mut visit: impl FnMut(&ResultRow) -> Result<(), ScanError>,
) -> Result<Whole, ScanError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(start) = scan_header(&file, length, carried)? else {
        return Ok(Whole {
            torn: length,
            ..Whole::default()
        });
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(&file);
    let mut position = csv::Position::new();
    position.set_byte(start);
    reader.seek(position).map_err(io::Error::from)?;
    let mut whole = Whole {
        rows: 0,
        bytes: start,
        torn: 0,
    };
    let mut record = StringRecord::new();
    let width = COLUMNS.len() + carried.len();
    while let Ok(true) = reader.read_record(&mut record) {
        let end = reader.position().byte();
        let row = parse(&record, whole.rows + 1).filter(|_| record.len() == width);
        let Some(row) = row else { break };
        if !is_as_written(&file, whole.bytes, end, &record)? {
            break;
        }
        visit(&row)?;
        whole.rows += 1;
        whole.bytes = end;
    }
    whole.torn = length - whole.bytes;
    if whole.torn > 0 && !is_torn_tail(&file, whole)? {
        return Err(ScanError::Edited {
            row: whole.rows + 1,
            byte: whole.bytes,
        });
    }
    Ok(whole)
}

/// Where the header ends; `None` where a crash left less than a header.
fn scan_header(file: &File, length: u64, carried: &StringRecord) -> Result<Option<u64>, ScanError> {
    let plain = as_written(&header(carried));
    let mut found = vec![
        0;
        usize::try_from(length)
            .unwrap_or(usize::MAX)
            .min(plain.len() + BOM.len())
    ];
    file.read_exact_at(&mut found, 0)?;
    let bom = if found.starts_with(BOM) { BOM.len() } else { 0 };
    let found = &found[bom..];
    if found.starts_with(&plain) {
        return Ok(Some((bom + plain.len()) as u64));
    }
    let written = found
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    if plain.starts_with(&found[..written]) {
        Ok(None)
    } else {
        Err(ScanError::ForeignHeader)
    }
}

fn parse(record: &StringRecord, number: u64) -> Option<ResultRow<'_>> {
    let field = |index: usize| record.get(index);
    if field(0)?.parse() != Ok(number) {
        return None;
    }
    let status: Status = field(2)?.parse().ok()?;
    let reason = match field(3)? {
        "" => None,
        word => Some(word.parse::<Reason>().ok()?),
    };
    let reupload: Reupload = field(4)?.parse().ok()?;
    let finding = Finding {
        status,
        reason,
        reupload,
    };
    Some(ResultRow {
        number,
        line: field(1)?.parse().ok()?,
        finding,
        record,
    })
}

fn as_written(record: &StringRecord) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory fails only for records of unequal length, and this is the only one.
    let _ = writer.write_record(record);
    writer.into_inner().unwrap_or_default()
}

fn is_as_written(file: &File, start: u64, end: u64, record: &StringRecord) -> io::Result<bool> {
    let expected = as_written(record);
    if end - start != expected.len() as u64 {
        return Ok(false);
    }
    let mut found = vec![0; expected.len()];
    file.read_exact_at(&mut found, start)?;
    Ok(found == expected)
}

/// Whether what stands behind the whole rows can be a crash's doing: one cut-off row, or blocks that never reached
/// the disk. Further rows behind a damaged one are an edit, unless zeros tell of a lost block.
fn is_torn_tail(file: &File, whole: Whole) -> io::Result<bool> {
    let mut tail = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(whole.bytes))?;
    file.take(whole.torn).read_to_end(&mut tail)?;
    if tail.contains(&0) {
        return Ok(true);
    }
    let looks_whole = |line: &&[u8]| {
        let text = String::from_utf8_lossy(line);
        let mut fields = text.split(',');
        let number = fields.next().and_then(|field| field.parse::<u64>().ok());
        let status = fields.nth(1).and_then(|field| field.parse::<Status>().ok());
        number.is_some_and(|number| number > whole.rows + 1) && status.is_some()
    };
    let lines: Vec<&[u8]> = tail.split_inclusive(|byte| *byte == b'\n').collect();
    let complete = |line: &&&[u8]| line.ends_with(b"\n");
    Ok(!lines.iter().filter(complete).any(looks_whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;
    use proptest::prelude::*;

    fn carried() -> StringRecord {
        StringRecord::from(vec!["lead_id", "phone"])
    }

    fn outcome() -> Outcome {
        Outcome::invalid(Cause::NoChange, "said\nso, \"twice\"")
    }

    fn write(path: &Path, rows: &[(&str, &str)]) {
        let mut results = Results::create(path, &carried(), false).unwrap();
        for (index, (id, phone)) in rows.iter().enumerate() {
            results
                .append(index as u64 + 2, &outcome(), [*id, *phone])
                .unwrap();
        }
        results.flush().unwrap();
    }

    fn count(path: &Path) -> Result<Whole, ScanError> {
        scan(path, &carried(), |_| Ok(()))
    }

    const ROWS: [(&str, &str); 4] = [("a", "1"), ("b", "2\n3"), ("c", "x,\"y\""), ("d", "")];

    #[test]
    fn what_was_written_reads_back_cell_by_cell() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let mut seen = Vec::new();
        let whole = scan(&path, &carried(), |row| {
            assert_eq!(row.finding, outcome().finding);
            seen.push((
                row.number,
                row.line,
                row.cells().map(str::to_owned).collect::<Vec<_>>(),
            ));
            Ok(())
        });
        let length = std::fs::metadata(&path).unwrap().len();
        assert_eq!(
            whole.unwrap(),
            Whole {
                rows: 4,
                bytes: length,
                torn: 0
            }
        );
        for (index, (id, phone)) in ROWS.iter().enumerate() {
            let number = index as u64 + 1;
            assert_eq!(
                seen[index],
                (
                    number,
                    number + 1,
                    vec![(*id).to_owned(), (*phone).to_owned()]
                )
            );
        }
    }

    #[test]
    fn the_file_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    /// Cut anywhere, zero-filled anywhere behind the cut or not: what is left is a prefix of the rows, and
    /// resuming gives the same file as if nothing had happened.
    #[test]
    fn every_torn_tail_is_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let full = std::fs::read(&path).unwrap();
        for cut in 0..full.len() {
            for zeros in [0, 1, 4096] {
                let mut torn = full[..cut].to_vec();
                torn.extend(vec![0; zeros]);
                std::fs::write(&path, &torn).unwrap();
                let whole = count(&path)
                    .unwrap_or_else(|error| panic!("cut {cut}, zeros {zeros}: {error}"));
                assert!(whole.bytes <= cut as u64);
                assert!(full.starts_with(&torn[..usize::try_from(whole.bytes).unwrap()]));
                if whole.bytes == 0 {
                    continue;
                }
                drop(Results::resume(&path, &whole).unwrap());
                let again = count(&path).unwrap();
                assert_eq!(
                    again,
                    Whole { torn: 0, ..whole },
                    "cut {cut}, zeros {zeros}"
                );
            }
        }
    }

    #[test]
    fn an_edited_file_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let full = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        for (from, to) in [
            ("\n1,2,invalid", "\n1,2,sorted"),
            ("\n2,3,invalid", "\n7,3,invalid"),
            (
                "\n1,2,invalid,no_change,,,,0",
                "\n1,2,invalid,no_change,,,,0,",
            ),
            ("\n3,4,", "\n\"3\",4,"),
        ] {
            assert!(full.contains(from), "{from}");
            std::fs::write(&path, full.replace(from, to)).unwrap();
            assert!(
                matches!(count(&path), Err(ScanError::Edited { .. })),
                "{from} -> {to}"
            );
        }
        std::fs::write(&path, full.replace("result_row", "row")).unwrap();
        assert!(matches!(count(&path), Err(ScanError::ForeignHeader)));
    }

    proptest! {
        #[test]
        fn any_cells_survive(rows in prop::collection::vec((".{0,12}", "\\PC{0,12}|[\r\n\",]{0,6}"), 0..8)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("r.csv");
            let borrowed: Vec<_> = rows.iter().map(|(id, phone)| (id.as_str(), phone.as_str())).collect();
            write(&path, &borrowed);
            let mut seen = Vec::new();
            let whole = scan(&path, &carried(), |row| {
                seen.push(row.cells().map(str::to_owned).collect::<Vec<_>>());
                Ok(())
            }).unwrap();
            prop_assert_eq!(whole.rows, rows.len() as u64);
            prop_assert_eq!(whole.torn, 0);
            for ((id, phone), cells) in rows.iter().zip(seen) {
                prop_assert_eq!(&[id.clone(), phone.clone()][..], &cells[..]);
            }
        }
    }
}
