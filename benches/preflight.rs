//! How fast a file is surveyed before the first request, and in how much memory: `cargo bench --bench preflight`.
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod memory;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use leadfix::correction::Rules;
use leadfix::phone;
use leadfix::plan::MetadataMode;
use leadfix::preflight::{Policy, Preflight};
use leadfix::reader::{Input, ReadOptions};

use memory::peak;

const ROWS: u32 = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let short = folder.path().join("short.csv");
    let long = folder.path().join("long.csv");
    write_table(&short, ROWS / 100);
    write_table(&long, ROWS);
    survey(&short, ROWS / 100);
    let before = peak();
    let mut seconds: Vec<f64> = (0..ROUNDS).map(|_| survey(&long, ROWS)).collect();
    seconds.sort_by(f64::total_cmp);
    println!(
        "{ROWS} rows of id, phone, name and two variables: {:.0} rows/s (median of {ROUNDS} rounds, {:.2} to {:.2} s)",
        f64::from(ROWS) / seconds[ROUNDS / 2],
        seconds[0],
        seconds[ROUNDS - 1],
    );
    println!(
        "peak memory: {before} kB after {} rows, {} kB after {ROWS}",
        ROWS / 100,
        peak()
    );
}

/// Distinct leads and valid, distinct Indian mobiles.
fn write_table(path: &Path, rows: u32) {
    let mut file = BufWriter::new(File::create(path).expect("a new file"));
    writeln!(file, "lead_id,phone_number,name,metadata.city,metadata.due").expect("room");
    for row in 0..rows {
        let number = 9_000_000_001_u64 + u64::from(row) * 937;
        writeln!(
            file,
            "lead_{row:012x},{number},Asha Rao {row},Chennai,2026-03-{:02}",
            row % 28 + 1
        )
        .expect("room");
    }
    file.flush().expect("room");
}

/// Seconds that one survey takes.
fn survey(path: &Path, rows: u32) -> f64 {
    let policy = Policy {
        rules: Rules {
            phone: phone::Rules {
                default_region: Some("IN".parse().expect("a region")),
                ..phone::Rules::default()
            },
            clear_token: "<clear>".to_owned(),
            metadata: MetadataMode::Merge,
        },
        forbid_shared_numbers: false,
    };
    let start = Instant::now();
    let input = Input::open(path, &ReadOptions::default()).expect("a readable file");
    let columns = input.columns(&[]).expect("known columns");
    let preflight = Preflight::survey(&input, &columns, &policy).expect("a survey");
    let taken = start.elapsed().as_secs_f64();
    assert_eq!(preflight.pass.rows, u64::from(rows));
    assert!(
        preflight.findings.valid > u64::from(rows) * 99 / 100,
        "the numbers are not valid"
    );
    taken
}
