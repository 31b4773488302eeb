//! Reads a results file back and finds where its whole rows end, and whether what stands behind them can be the
//! doing of a crash.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use csv::StringRecord;
use jiff::Timestamp;
use thiserror::Error;

use super::{BOM, COLUMNS, as_written, header};
use crate::outcome::{Finding, Reason, Reupload, Status};
use crate::reader::RESULT_ROW_LIMIT;
use crate::text;

/// No row that this program writes is longer, in bytes.
const LONGEST: u64 = RESULT_ROW_LIMIT as u64;

/// The part of a results file that consists of whole rows.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// Result rows.
    pub rows: u64,
    /// Where they end.
    pub bytes: u64,
    /// Where the last window of them begins: those before it were durable when the run ended.
    pub recent: u64,
    /// Bytes behind them that a crash left and that may be cut off.
    pub torn: u64,
    /// The last row of which anything is there, in what is torn too.
    pub reached: u64,
    /// Of the header and the whole rows, as they stand.
    pub hash: blake3::Hasher,
}

/// Why an existing results file is not touched.
#[derive(Debug, Error)]
pub enum ScanError {
    /// The header is not the one this run would write.
    #[error("its header is not the one that this input gives")]
    ForeignHeader,
    /// What stands behind the whole rows is not what a crash leaves.
    #[error(
        "result row {row} (byte {byte}) is not as it was written, and that is not the doing of a crash"
    )]
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
/// its bytes are exactly those that this program writes for it, and `visit` does not call it another input's.
/// `window`: so many rows at most were not durable yet when the run ended that wrote the file.
///
/// # Errors
/// When the file is not ours, was edited, or `visit` objects.
pub fn scan(
    path: &Path,
    carried: &StringRecord,
    window: u64,
    mut visit: impl FnMut(&ResultRow) -> Result<(), ScanError>,
) -> Result<Whole, ScanError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let header = scan_header(&file, length, carried)?;
    let start = header.len() as u64;
    let mut hash = blake3::Hasher::new();
    hash.update(&header);
    (&file).seek(SeekFrom::Start(start))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader((&file).take(0));
    let mut rows = 0;
    let mut bytes = start;
    let mut starts = VecDeque::new();
    let mut objection = None;
    let mut record = StringRecord::new();
    let width = COLUMNS.len() + carried.len();
    loop {
        // A quote that is never closed must not take the rest of the file into memory.
        reader.get_mut().set_limit(LONGEST);
        if !has_record(reader.read_record(&mut record))? {
            break;
        }
        let end = start + reader.position().byte();
        let row = parse(&record, rows + 1).filter(|_| record.len() == width);
        let Some(row) = row else { break };
        let Some(written) = as_it_stands(&file, bytes, end, &record)? else {
            break;
        };
        match visit(&row) {
            Ok(()) => {}
            // A block that never reached the disk may lie in the row's own cells.
            Err(other @ ScanError::OtherInput { .. }) => {
                objection = Some(other);
                break;
            }
            Err(error) => return Err(error),
        }
        if starts.len() as u64 == window {
            starts.pop_front();
        }
        starts.push_back(bytes);
        rows += 1;
        bytes = end;
        hash.update(&written);
    }
    let reached = Tail::read(&file, bytes)?.reached(rows, window);
    let Some(reached) = reached else {
        let row = rows + 1;
        return Err(objection.unwrap_or(ScanError::Edited { row, byte: bytes }));
    };
    Ok(Whole {
        rows,
        bytes,
        recent: starts.front().copied().unwrap_or(bytes),
        torn: length.saturating_sub(bytes),
        reached,
        hash,
    })
}

/// Whether there was another record; one that is no UTF-8 is not ours.
fn has_record(read: csv::Result<bool>) -> io::Result<bool> {
    match read.map_err(csv::Error::into_kind) {
        Ok(read) => Ok(read),
        Err(csv::ErrorKind::Io(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// The header as it stands.
fn scan_header(file: &File, length: u64, carried: &StringRecord) -> Result<Vec<u8>, ScanError> {
    let plain = as_written(&header(carried));
    let longest = BOM.iter().chain(&plain).count();
    let mut found = vec![0; usize::try_from(length).map_or(longest, |length| length.min(longest))];
    file.read_exact_at(&mut found, 0)?;
    let bom = if found.starts_with(BOM) { BOM.len() } else { 0 };
    if found[bom..].starts_with(&plain) {
        found.truncate(bom + plain.len());
        Ok(found)
    } else {
        Err(ScanError::ForeignHeader)
    }
}

/// The record as a result row, when every cell of ours is one that this program writes.
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
    let (phone, http_status, at, detail) = (field(5)?, field(6)?, field(8)?, field(9)?);
    let written = (phone.is_empty() || is_e164(phone))
        && (http_status.is_empty() || http_status.parse::<u16>().is_ok())
        && field(7)?.parse::<u32>().is_ok()
        && at.parse::<Timestamp>().is_ok()
        && text::for_spreadsheet(detail) == detail;
    written.then_some(ResultRow {
        number,
        line: field(1)?.parse().ok()?,
        finding,
        record,
    })
}

fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The bytes of the record, where they are those that this program writes for it.
fn as_it_stands(
    file: &File,
    start: u64,
    end: u64,
    record: &StringRecord,
) -> io::Result<Option<Vec<u8>>> {
    let expected = as_written(record);
    if end - start != expected.len() as u64 {
        return Ok(None);
    }
    let mut found = vec![0; expected.len()];
    file.read_exact_at(&mut found, start)?;
    Ok((found == expected).then_some(found))
}

/// What stands behind the whole rows.
#[derive(Debug, Default)]
struct Tail {
    length: u64,
    /// Its first row holds bytes that no text has: a block that never reached the disk.
    is_garbled: bool,
    /// A line ends in it that is not inside of a quoted cell.
    has_whole_line: bool,
    /// The highest number with which a line begins that looks like a result row.
    highest: u64,
}

impl Tail {
    fn read(mut file: &File, start: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        let mut reader = BufReader::new(file);
        let mut tail = Self::default();
        let mut line = Vec::new();
        let mut quoted = false;
        while reader.by_ref().take(LONGEST).read_until(b'\n', &mut line)? > 0 {
            tail.length += line.len() as u64;
            tail.is_garbled |= !tail.has_whole_line && is_of_no_text(&line);
            quoted = line
                .iter()
                .fold(quoted, |quoted, byte| quoted ^ (*byte == b'"'));
            tail.has_whole_line |= line.ends_with(b"\n") && !quoted;
            tail.highest = tail.highest.max(row_number(&line).unwrap_or(0));
            line.clear();
        }
        Ok(tail)
    }

    /// The last row of which anything is there behind `rows` whole ones; `None` where a crash did not leave this.
    /// A crash leaves the next row, cut off, or a block of it that never reached the disk, and behind that rows that
    /// did: no more of them than a window.
    fn reached(&self, rows: u64, window: u64) -> Option<u64> {
        let torn = if self.is_garbled {
            self.highest <= rows + window
        } else {
            !self.has_whole_line && self.highest <= rows + 1 && self.length <= LONGEST
        };
        torn.then_some(rows.max(self.highest))
    }
}

/// Whether there is a NUL in it, which no input has, or anything that is no UTF-8, but for a last character that is cut.
fn is_of_no_text(line: &[u8]) -> bool {
    let is_broken = |error: std::str::Utf8Error| error.error_len().is_some();
    line.contains(&0) || str::from_utf8(line).is_err_and(is_broken)
}

/// The number of the result row that begins here, if one does.
fn row_number(line: &[u8]) -> Option<u64> {
    let mut fields = line.split(|byte| *byte == b',').take(3).map(str::from_utf8);
    let number = fields.next()?.ok()?.parse().ok()?;
    let _line: u64 = fields.next()?.ok()?.parse().ok()?;
    let _status: Status = fields.next()?.ok()?.parse().ok()?;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failing_read_is_no_end() {
        let failed = csv::Error::from(io::Error::from(io::ErrorKind::TimedOut));
        assert_eq!(
            has_record(Err(failed)).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        for read in [true, false] {
            assert_eq!(has_record(Ok(read)).unwrap(), read);
        }
        let mut reader = csv::Reader::from_reader(&b"a\n\xff\n"[..]);
        let foreign = reader.read_record(&mut StringRecord::new());
        assert!(foreign.is_err(), "no UTF-8");
        assert!(!has_record(foreign).unwrap());
    }

    #[test]
    fn phone_numbers_that_this_program_writes() {
        for (text, expected) in [
            ("+919876543210", true),
            ("+1", true),
            ("+", false),
            ("", false),
            ("919876543210", false),
            ("+91 98765", false),
            ("+phone", false),
        ] {
            assert_eq!(is_e164(text), expected, "{text}");
        }
    }
}
