//! Rows a second, and the memory that a million rows need: `cargo bench --bench reader`.
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use leadfix::reader::{Input, ReadOptions, Row};

const ROWS: u32 = 1_000_000;
const ROUNDS: usize = 7;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kinds: [(
        &str,
        Option<&'static encoding_rs::Encoding>,
        fn(&str) -> Vec<u8>,
    ); 4] = [
        ("UTF-8, LF", None, |text| text.as_bytes().to_vec()),
        ("UTF-8, every cell quoted, CRLF", None, |text| {
            quoted(text).into_bytes()
        }),
        ("UTF-16LE", None, |text| {
            text.encode_utf16()
                .fold(vec![0xFF, 0xFE], |mut bytes, unit| {
                    bytes.extend(unit.to_le_bytes());
                    bytes
                })
        }),
        ("Windows-1252", Some(encoding_rs::WINDOWS_1252), |text| {
            encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
        }),
    ];
    for (name, _, encode) in &kinds {
        std::fs::write(folder.path().join(name), encode(&table())).expect("room");
    }
    println!("{ROWS} rows of id, phone, name and two variables; median of {ROUNDS} passes");
    let before = peak();
    for (name, encoding, _) in kinds {
        let path = folder.path().join(name);
        let options = ReadOptions {
            encoding,
            ..ReadOptions::default()
        };
        let seconds = median((0..ROUNDS).map(|_| pass(&path, &options)).collect());
        let bytes = std::fs::metadata(&path).expect("our file").len();
        println!(
            "{name:32} {:>10.0} rows/s {:>6.0} MB/s",
            f64::from(ROWS) / seconds,
            bytes as f64 / seconds / 1e6
        );
    }
    println!(
        "peak memory of all passes: {} kB more than before",
        peak().saturating_sub(before)
    );
}

fn table() -> String {
    let mut text = "lead_id,phone_number,name,metadata.city,metadata.due\n".to_owned();
    for i in 0..ROWS {
        writeln!(
            text,
            "0c8d3f3e-5b1a-4a53-9d5c-{i:012x},+91 9{i:09},Asha Rao {i},Chennai,2026-03-{:02}",
            i % 28 + 1
        )
        .expect("a string takes all");
    }
    text
}

fn quoted(text: &str) -> String {
    text.lines()
        .map(|line| format!("\"{}\"\r\n", line.replace(',', "\",\"")))
        .collect()
}

fn pass(path: &Path, options: &ReadOptions) -> f64 {
    let start = Instant::now();
    let input = Input::open(path, options).expect("a readable file");
    let mut rows = input.rows().expect("a pass");
    let mut row = Row::default();
    while rows.read(&mut row).expect("a row") {}
    assert_eq!(rows.finish().rows, u64::from(ROWS));
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// The most memory this process has had, in kB; 0 where the system does not say.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}
