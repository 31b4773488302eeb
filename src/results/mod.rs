//! The append-only results file: one result row for each input row, in input order. How many whole rows it holds
//! *is* the point from which a run resumes.

mod scan;
mod storage;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use csv::StringRecord;
use jiff::Timestamp;
use tokio::task::JoinHandle;

use crate::outcome::{Outcome, Reason};
use crate::private;
use crate::reader::RESULT_ROW_LIMIT;
use crate::text;

pub use scan::{ResultRow, ScanError, Whole, scan};
use storage::Fused;
pub use storage::Storage;

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
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Appends result rows.
#[derive(Debug)]
pub struct Results<S: Storage = File> {
    writer: csv::Writer<Fused<S>>,
    rows: u64,
    /// A time in milliseconds, and how it is written: many rows in a row share theirs.
    at: (i64, String),
}

impl Results {
    /// Starts a new file with its header. After a crash there is all of that, or nothing. The file must not exist.
    pub fn create(path: &Path, carried: &StringRecord, bom: bool) -> io::Result<Self> {
        let header = as_written(&header(carried));
        let bom = if bom { BOM } else { b"" };
        let begin = [bom, &header].concat();
        let mut hash = blake3::Hasher::new();
        hash.update(&begin);
        Ok(Self::behind(private::create(path, &begin)?, 0, hash))
    }

    /// Goes on after the whole rows that [`scan`] found; what stands behind them is cut off. The last of them are
    /// written once more: they may have been read from memory, and never reached the disk because a sync failed.
    pub fn resume(path: &Path, whole: &Whole) -> io::Result<Self> {
        let mut file = File::options().read(true).write(true).open(path)?;
        let length = whole.bytes - whole.recent;
        let mut recent = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact_at(&mut recent, whole.recent)?;
        file.write_all_at(&recent, whole.recent)?;
        file.set_len(whole.bytes)?;
        file.sync_all()?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self::behind(file, whole.rows, whole.hash.clone()))
    }

    /// Another handle on the file, which shares its position.
    pub fn handle(&self) -> io::Result<File> {
        self.writer.get_ref().storage().try_clone()
    }
}

impl<S: Storage> Results<S> {
    /// Goes on behind `rows` rows in a storage that holds them, and the header.
    pub fn over(storage: S, rows: u64) -> Self {
        Self::behind(storage, rows, blake3::Hasher::new())
    }

    /// `hash`: of what the storage holds.
    fn behind(storage: S, rows: u64, hash: blake3::Hasher) -> Self {
        let writer = csv::WriterBuilder::new()
            .buffer_capacity(65_536)
            .from_writer(Fused::new(storage, hash));
        Self {
            writer,
            rows,
            at: (i64::MIN, String::new()),
        }
    }

    /// Appends the next row; `line` is where it starts in the input, `cells` are the carried input cells.
    pub fn append<'a>(
        &mut self,
        line: u64,
        outcome: &Outcome,
        cells: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        let finding = outcome.finding;
        self.number(self.rows + 1)?;
        self.number(line)?;
        self.writer.write_field(finding.status.as_str())?;
        self.writer
            .write_field(finding.reason.map_or("", Reason::as_str))?;
        self.writer.write_field(finding.reupload.as_str())?;
        match outcome.phone_number {
            Some(number) => self.writer.write_field(number.text().as_bytes())?,
            None => self.writer.write_field("")?,
        }
        match outcome.http_status {
            Some(status) => self.number(status)?,
            None => self.writer.write_field("")?,
        }
        self.number(outcome.attempts)?;
        self.time(outcome.at)?;
        self.writer
            .write_field(text::for_spreadsheet(&outcome.detail))?;
        for cell in cells {
            self.writer.write_field(cell)?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        self.rows += 1;
        Ok(())
    }

    fn number(&mut self, number: impl itoa::Integer) -> io::Result<()> {
        let mut text = itoa::Buffer::new();
        Ok(self.writer.write_field(text.format(number))?)
    }

    fn time(&mut self, at: Timestamp) -> io::Result<()> {
        let (latest, text) = &mut self.at;
        if *latest != at.as_millisecond() {
            (*latest, *text) = (at.as_millisecond(), format!("{at:.3}"));
        }
        Ok(self.writer.write_field(text)?)
    }

    /// Hands everything appended to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }

    /// Rows in the file, those of earlier runs included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Of everything that was flushed, and what it was appended to.
    pub fn hash(&self) -> blake3::Hash {
        self.writer.get_ref().hash()
    }

    /// Begins to make durable what was flushed.
    pub fn sync(&self) -> JoinHandle<io::Result<()>> {
        self.writer.get_ref().storage().sync()
    }
}

/// Whether these are results of ours, by their header.
pub fn are_ours(path: &Path) -> bool {
    begun(path).is_ok_and(|reader| reader.is_some())
}

/// Whether these are results of ours with a header and nothing behind it.
pub fn hold_no_row(path: &Path) -> bool {
    begun(path)
        .is_ok_and(|reader| reader.is_some_and(|mut reader| reader.records().next().is_none()))
}

/// Results of ours, read up to behind their header.
fn begun(path: &Path) -> csv::Result<Option<csv::Reader<io::Take<File>>>> {
    // A quote that is never closed must not take the whole file into memory.
    let file = File::open(path)?.take(RESULT_ROW_LIMIT as u64);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = reader.headers()?;
    let ours = header.iter().take(COLUMNS.len()).eq(COLUMNS) && header.len() > COLUMNS.len();
    Ok(ours.then_some(reader))
}

fn header(carried: &StringRecord) -> StringRecord {
    COLUMNS.iter().copied().chain(carried.iter()).collect()
}

/// The bytes of a record as this program writes it.
fn as_written(record: &StringRecord) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory fails only for records of unequal length, and this is the only one.
    let _ = writer.write_record(record);
    writer.into_inner().unwrap_or_default()
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

    const WINDOW: u64 = 2;

    fn count(path: &Path) -> Result<Whole, ScanError> {
        scan(path, &carried(), WINDOW, |_| Ok(()))
    }

    const ROWS: [(&str, &str); 4] = [("a", "1"), ("b", "2\n3"), ("c", "x,\"y\""), ("d", "")];

    #[test]
    fn what_was_written_reads_back_cell_by_cell() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let mut seen = Vec::new();
        let whole = scan(&path, &carried(), WINDOW, |row| {
            assert_eq!(row.finding, outcome().finding);
            seen.push((
                row.number,
                row.line,
                row.cells().map(str::to_owned).collect::<Vec<_>>(),
            ));
            Ok(())
        });
        let whole = whole.unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        assert_eq!((whole.rows, whole.bytes, whole.torn), (4, length, 0));
        assert_eq!(whole.reached, 4);
        let text = std::fs::read_to_string(&path).unwrap();
        let recent = text.find("\n3,4,").unwrap() as u64 + 1;
        assert_eq!(whole.recent, recent, "the last window of rows");
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
    fn each_row_has_its_own_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        let mut results = Results::create(&path, &carried(), false).unwrap();
        let times = [0, 1, 1, 0, 61_000].map(|more| 1_795_521_600_123 + more);
        for at in times {
            let at = Timestamp::from_millisecond(at).unwrap();
            let outcome = Outcome { at, ..outcome() };
            results.append(2, &outcome, ["a", "1"]).unwrap();
        }
        results.flush().unwrap();
        let found: Vec<i64> = csv::Reader::from_path(&path)
            .unwrap()
            .records()
            .map(|row| row.unwrap()[8].parse::<Timestamp>().unwrap())
            .map(Timestamp::as_millisecond)
            .collect();
        assert_eq!(found, times);
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

    /// Cut anywhere, zero-filled behind the cut or not: what is left is a prefix of the rows, and resuming leaves a
    /// file of whole rows.
    #[test]
    fn every_torn_tail_is_repaired() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let full = std::fs::read(&path).unwrap();
        let header = as_written(&header(&carried())).len();
        for cut in header..full.len() {
            for zeros in [0, 1, 4096] {
                let mut torn = full[..cut].to_vec();
                torn.extend(vec![0; zeros]);
                std::fs::write(&path, &torn).unwrap();
                let whole = count(&path)
                    .unwrap_or_else(|error| panic!("cut {cut}, zeros {zeros}: {error}"));
                assert!(whole.bytes <= cut as u64);
                assert!(full.starts_with(&torn[..usize::try_from(whole.bytes).unwrap()]));
                drop(Results::resume(&path, &whole).unwrap());
                assert!(full.starts_with(&std::fs::read(&path).unwrap()));
                let again = count(&path).unwrap();
                assert_eq!(
                    (again.rows, again.torn),
                    (whole.rows, 0),
                    "cut {cut}, zeros {zeros}"
                );
            }
        }
    }

    /// A header is there from the start or not at all, so less of it is no crash's doing.
    #[test]
    fn a_header_that_is_cut_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let full = std::fs::read(&path).unwrap();
        for cut in 0..as_written(&header(&carried())).len() {
            std::fs::write(&path, &full[..cut]).unwrap();
            assert!(
                matches!(count(&path), Err(ScanError::ForeignHeader)),
                "{cut}"
            );
        }
    }

    /// A block that never reached the disk takes rows with it that did, but never more than were not durable yet.
    #[test]
    fn one_damaged_byte_costs_a_window_of_rows_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        let rows: Vec<(String, String)> = (0..9)
            .map(|index| (format!("lead{index}"), "1".to_owned()))
            .collect();
        let rows: Vec<(&str, &str)> = rows
            .iter()
            .map(|(id, phone)| (id.as_str(), phone.as_str()))
            .collect();
        write(&path, &rows);
        let full = std::fs::read(&path).unwrap();
        let starts: Vec<usize> = (1..=9)
            .map(|row| {
                String::from_utf8_lossy(&full)
                    .find(&format!("\n{row},"))
                    .unwrap()
                    + 1
            })
            .collect();
        for (row, start) in starts.iter().enumerate() {
            let end = starts.get(row + 1).copied().unwrap_or(full.len());
            for at in *start..end {
                let mut damaged = full.clone();
                damaged[at] = 0;
                std::fs::write(&path, &damaged).unwrap();
                let lost = (rows.len() - row) as u64;
                let ours = |row: &ResultRow| {
                    let (id, phone) = rows[usize::try_from(row.number).unwrap() - 1];
                    let ours = row.cells().eq([id, phone]);
                    ours.then_some(())
                        .ok_or(ScanError::OtherInput { row: row.number })
                };
                match scan(&path, &carried(), WINDOW, ours) {
                    Ok(whole) => {
                        assert!(lost <= WINDOW, "{lost} rows would be cut off");
                        assert!(
                            whole.reached >= 8,
                            "damage hides one row at most: {whole:?}"
                        );
                    }
                    Err(error) => assert!(lost > WINDOW, "byte {at}, {lost}: {error}"),
                }
                assert!(
                    std::fs::read(&path).unwrap() == damaged,
                    "only resuming may cut"
                );
            }
        }
    }

    /// A block of zeros or of anything that is not text, wherever it begins and however long: a whole row is never
    /// taken for another one.
    #[test]
    fn a_row_with_foreign_bytes_is_not_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &[("a", "1"), ("b", "2")]);
        let full = std::fs::read(&path).unwrap();
        let second = String::from_utf8_lossy(&full).find("\n2,").unwrap() + 1;
        let own_cells = String::from_utf8_lossy(&full).rfind(",b,2").unwrap();
        for from in second..own_cells {
            for to in from + 1..=own_cells {
                for byte in [0, 0xff] {
                    let mut damaged = full.clone();
                    damaged[from..to].fill(byte);
                    std::fs::write(&path, &damaged).unwrap();
                    let whole = count(&path).unwrap();
                    assert_eq!(
                        (whole.rows, whole.bytes),
                        (1, second as u64),
                        "{from}..{to}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_edited_file_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let full = String::from_utf8(std::fs::read(&path).unwrap()).unwrap();
        for (from, to, expected) in [
            ("\n1,2,invalid", "\n1,2,sorted", 1),
            ("\n2,3,invalid", "\n7,3,invalid", 2),
            (
                "\n1,2,invalid,no_change,,,,0",
                "\n1,2,invalid,no_change,,,,0,",
                1,
            ),
            ("\n3,4,", "\n\"3\",4,", 3),
            ("\n4,5,invalid", "\n4,5,sorted", 4),
            (",d,\n", ",d,\nand more\n", 5),
            (",d,\n", ",d,\n6,7,invalid,", 5),
        ] {
            assert!(full.contains(from), "{from}");
            std::fs::write(&path, full.replace(from, to)).unwrap();
            assert!(
                matches!(count(&path), Err(ScanError::Edited { row, .. }) if row == expected),
                "{from} -> {to}"
            );
        }
        std::fs::write(&path, full.replace("result_row", "row")).unwrap();
        assert!(matches!(count(&path), Err(ScanError::ForeignHeader)));
    }

    #[test]
    fn rows_of_earlier_runs_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let mut results = Results::resume(&path, &count(&path).unwrap()).unwrap();
        assert_eq!(results.rows(), 4);
        results.append(6, &outcome(), ["e", "5"]).unwrap();
        assert_eq!(results.rows(), 5);
    }

    #[test]
    fn a_header_of_ours_alone_holds_no_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        assert!(!hold_no_row(&path), "no file");
        let ours = COLUMNS.join(",");
        for (text, expected) in [
            ("", false),
            (&*format!("{ours},lead_id\n"), true),
            (&*format!("\u{feff}{ours},lead_id,phone\n"), true),
            (&*format!("{ours},lead_id\n1,2\n"), false),
            (&*format!("{ours}\n"), false),
            ("lead_id,phone\n", false),
            ("1,2,3,4,5,6,7,8,9,10,11,12\n", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(hold_no_row(&path), expected, "{text:?}");
        }
    }

    #[test]
    fn other_cells_are_an_edit_unless_a_block_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let text = std::fs::read_to_string(&path).unwrap();
        let visit = |row: &ResultRow| match row.cells().next() {
            Some("a" | "b" | "c" | "d") => Ok(()),
            _ => Err(ScanError::OtherInput { row: row.number }),
        };
        for (cell, torn) in [("e", false), ("\0", true)] {
            std::fs::write(&path, text.replace(",d,\n", &format!(",{cell},\n"))).unwrap();
            match scan(&path, &carried(), WINDOW, visit) {
                Ok(whole) => assert!(torn && whole.rows == 3, "{cell:?}: {whole:?}"),
                Err(error) => assert!(
                    !torn && matches!(error, ScanError::OtherInput { row: 4 }),
                    "{cell:?}: {error}"
                ),
            }
        }
    }

    /// Cells may hold any character but NUL.
    #[test]
    fn a_control_character_in_a_cell_is_no_lost_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        let visit = |row: &ResultRow| match row.cells().next() {
            Some("a" | "b\u{b}") => Ok(()),
            _ => Err(ScanError::OtherInput { row: row.number }),
        };
        write(&path, &[("edited", "1"), ("b\u{b}", "2")]);
        let found = scan(&path, &carried(), WINDOW, visit);
        assert!(
            matches!(found, Err(ScanError::OtherInput { row: 1 })),
            "{found:?}"
        );
    }

    #[test]
    fn a_block_that_was_lost_behind_an_edit_does_not_hide_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &[("a", "1"), ("edited", "2"), ("c", "3")]);
        let full = std::fs::read(&path).unwrap();
        let lost = [&full[..full.len() - 4], &[0; 4]].concat();
        std::fs::write(&path, lost).unwrap();
        let visit = |row: &ResultRow| match row.cells().next() {
            Some("a" | "c") => Ok(()),
            _ => Err(ScanError::OtherInput { row: row.number }),
        };
        let found = scan(&path, &carried(), WINDOW, visit);
        assert!(
            matches!(found, Err(ScanError::OtherInput { row: 2 })),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_longer_than_any_row_is_none_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &ROWS);
        let longest = crate::reader::RESULT_ROW_LIMIT;
        for (length, torn) in [(longest, true), (longest + 1, false)] {
            let mut text = std::fs::read(&path).unwrap();
            let whole = text.len();
            text.push(b'"');
            text.resize(whole + length, b'x');
            let damaged = folder.path().join("damaged.csv");
            std::fs::write(&damaged, text).unwrap();
            let found = count(&damaged);
            assert_eq!(found.is_ok(), torn, "{length}: {found:?}");
        }
    }

    #[test]
    fn a_character_that_is_cut_is_no_lost_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        write(&path, &[("edited", "é")]);
        let full = std::fs::read(&path).unwrap();
        std::fs::write(
            &path,
            [&full[..], &full[full.len() - 3..full.len() - 2]].concat(),
        )
        .unwrap();
        let found = scan(&path, &carried(), WINDOW, |row| {
            Err(ScanError::OtherInput { row: row.number })
        });
        assert!(found.is_err(), "{found:?}");
    }

    /// Takes half of what it is given, then nothing for once, then everything.
    #[derive(Clone, Default)]
    struct Full(std::rc::Rc<std::cell::RefCell<(u32, Vec<u8>)>>);

    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (calls, held) = &mut *self.0.borrow_mut();
            *calls += 1;
            match calls {
                1 => {
                    held.extend(&bytes[..bytes.len() / 2]);
                    Ok(bytes.len() / 2)
                }
                2 => Err(io::ErrorKind::StorageFull.into()),
                _ => {
                    held.extend(bytes);
                    Ok(bytes.len())
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Storage for Full {
        fn sync(&self) -> JoinHandle<io::Result<()>> {
            unreachable!("nothing is synced here")
        }
    }

    #[test]
    fn after_a_write_that_failed_nothing_more_is_written() {
        let full = Full::default();
        let mut results = Results::over(full.clone(), 0);
        results.append(2, &outcome(), ["a", "1"]).unwrap();
        results.append(3, &outcome(), ["b", "2"]).unwrap();
        assert_eq!(
            results.flush().unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        let (_, before) = full.0.borrow().clone();
        drop(results);
        assert_eq!(
            full.0.borrow().1,
            before,
            "the buffer was written a second time"
        );
    }

    proptest! {
        #[test]
        fn any_cells_survive(rows in prop::collection::vec((".{0,12}", "\\PC{0,12}|[\r\n\",]{0,6}"), 0..8)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("r.csv");
            let borrowed: Vec<_> = rows.iter().map(|(id, phone)| (id.as_str(), phone.as_str())).collect();
            write(&path, &borrowed);
            let mut seen = Vec::new();
            let whole = scan(&path, &carried(), WINDOW, |row| {
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
