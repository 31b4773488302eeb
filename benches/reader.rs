//! Rows a second, and the memory that a million rows need: `cargo bench --bench reader`.
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod memory;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use encoding_rs::{Encoding, WINDOWS_1252};
use leadfix::reader::{Input, ReadOptions, Row};

use memory::peak;

const ROWS: u32 = 1_000_000;
const ROUNDS: usize = 7;

/// A way to write the same rows.
struct Form {
    name: &'static str,
    encoding: Option<&'static Encoding>,
    mark: &'static [u8],
    encode: fn(&str) -> Vec<u8>,
}

const FORMS: [Form; 4] = [
    Form {
        name: "UTF-8",
        encoding: None,
        mark: b"",
        encode: |line| format!("{line}\n").into_bytes(),
    },
    Form {
        name: "UTF-8, quoted, CRLF",
        encoding: None,
        mark: b"",
        encode: quoted,
    },
    Form {
        name: "UTF-16",
        encoding: None,
        mark: b"\xFF\xFE",
        encode: utf16,
    },
    Form {
        name: "Windows-1252",
        encoding: Some(WINDOWS_1252),
        mark: b"",
        encode: |line| format!("{line}\n").into_bytes(),
    },
];

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("{ROWS} rows of id, phone, name and two variables; median of {ROUNDS} passes");
    for form in FORMS {
        let path = folder.path().join(form.name);
        write(&path, &form);
        let before = peak();
        let options = ReadOptions {
            encoding: form.encoding,
            ..ReadOptions::default()
        };
        let seconds = median((0..ROUNDS).map(|_| pass(&path, &options)).collect());
        let rate = f64::from(ROWS) / seconds;
        let grown = peak().saturating_sub(before);
        println!(
            "{:20} {rate:>10.0} rows/s, peak memory {} kB ({grown} kB more)",
            form.name,
            peak()
        );
    }
}

/// Row by row, so that the peak memory is the reader's.
fn write(path: &Path, form: &Form) {
    let mut file = BufWriter::new(File::create(path).expect("our folder"));
    let mut put = |bytes: &[u8]| file.write_all(bytes).expect("room");
    put(form.mark);
    put(&(form.encode)(
        "lead_id,phone_number,name,metadata.city,metadata.due",
    ));
    for i in 0..ROWS {
        let day = i % 28 + 1;
        put(&(form.encode)(&format!(
            "0c8d3f3e-5b1a-4a53-9d5c-{i:012x},+91 9{i:09},Asha Rao {i},Chennai,2026-03-{day:02}"
        )));
    }
    file.flush().expect("room");
}

fn quoted(line: &str) -> Vec<u8> {
    format!("\"{}\"\r\n", line.replace(',', "\",\"")).into_bytes()
}

fn utf16(line: &str) -> Vec<u8> {
    format!("{line}\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
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
