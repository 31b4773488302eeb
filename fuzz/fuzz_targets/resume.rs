//! Whatever stands behind the durable rows of a results file, reading it back never panics, never gives up a durable
//! row or takes a row for whole that the input does not have, and what the repair leaves reads back as the same rows.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use csv::StringRecord;
use leadfix::outcome::{Cause, Outcome};
use leadfix::results::{Results, ScanError, Whole, scan};
use libfuzzer_sys::fuzz_target;

const WINDOW: u64 = 3;
const CELLS: [[&str; 2]; 6] = [
    ["a", "1"],
    ["b", "2\n3"],
    ["c", "x,\"y\""],
    ["d", ""],
    ["é", "\r\n"],
    ["f", "6,7,updated,"],
];

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = ["/dev/shm", "/tmp"]
        .map(PathBuf::from)
        .into_iter()
        .find(|folder| folder.is_dir());
    folder
        .expect("a folder")
        .join(format!("leadfix-fuzz-{}", std::process::id()))
});

/// A file of whole rows, and where each ends, the header first.
static WRITTEN: LazyLock<(Vec<u8>, Vec<usize>)> = LazyLock::new(|| {
    let _ = std::fs::remove_file(&*PATH);
    let mut results = Results::create(&PATH, &carried(), false).expect("a new file");
    let mut ends = vec![std::fs::read(&*PATH).expect("a file").len()];
    for (index, cells) in CELLS.iter().enumerate() {
        let outcome = Outcome::invalid(Cause::NoChange, "said\nso, \"twice\"");
        results
            .append(index as u64 + 2, &outcome, cells.iter().copied())
            .expect("space");
        results.flush().expect("space");
        ends.push(std::fs::read(&*PATH).expect("a file").len());
    }
    (std::fs::read(&*PATH).expect("a file"), ends)
});

fn carried() -> StringRecord {
    StringRecord::from(vec!["lead_id", "phone"])
}

fn read_back() -> Result<Whole, ScanError> {
    let mut next = 1;
    scan(&PATH, &carried(), WINDOW, |row| {
        assert_eq!(row.number, next);
        next += 1;
        let ours = CELLS
            .get(row.number as usize - 1)
            .is_some_and(|cells| row.cells().eq(cells.iter().copied()));
        ours.then_some(())
            .ok_or(ScanError::OtherInput { row: row.number })
    })
}

// The first byte chooses how many rows are durable. Of the rest each chunk begins with a byte that says what comes:
// up to 63 bytes as they were written, or as many zeros, or as many bytes of the input.
fuzz_target!(|input: &[u8]| {
    let [durable, rest @ ..] = input else { return };
    let (full, ends) = &*WRITTEN;
    let durable = usize::from(*durable) % ends.len();
    let mut file = full[..ends[durable]].to_vec();
    let mut rest = rest.iter();
    while let Some(order) = rest.next() {
        let (kind, length) = (order >> 6, usize::from(order & 63));
        let at = file.len();
        match kind {
            0 => file.resize(at + length, 0),
            1 => file.extend(rest.by_ref().take(length)),
            _ => file.extend_from_slice(
                full.get(at..)
                    .map_or(&[], |left| &left[..length.min(left.len())]),
            ),
        }
    }
    std::fs::write(&*PATH, &file).expect("space");
    let Ok(whole) = read_back() else { return };
    let end = whole.bytes as usize;
    assert!(whole.rows >= durable as u64 && end >= ends[durable]);
    assert!(whole.recent <= whole.bytes && whole.bytes + whole.torn == file.len() as u64);
    assert!((whole.rows..=whole.rows + WINDOW).contains(&whole.reached));
    drop(Results::resume(&PATH, &whole).expect("space"));
    assert!(std::fs::read(&*PATH).expect("a file") == file[..end]);
    let again = read_back().expect("whole rows");
    assert_eq!(
        (again.rows, again.bytes, again.torn),
        (whole.rows, whole.bytes, 0)
    );
});
