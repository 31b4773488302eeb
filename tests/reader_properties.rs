//! What must hold for every input: what was written is read, nothing panics, and where both the strict reader and
//! the csv crate accept a file, they agree.

use std::io::Write;

use csv::{QuoteStyle, ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use leadfix::reader::{Input, InputError, ReadOptions, Row};
use proptest::prelude::*;
use tempfile::NamedTempFile;

fn read(bytes: &[u8], options: &ReadOptions) -> Result<Vec<Row>, InputError> {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("room in the temporary folder");
    let input = Input::open(file.path(), options)?;
    let mut rows = input.rows()?;
    let mut row = Row::default();
    let mut all = Vec::new();
    while rows.read(&mut row)? {
        all.push(row.clone());
    }
    let pass = rows.finish();
    assert_eq!(pass.rows, all.len() as u64);
    Ok(all)
}

/// How a table is written down.
#[derive(Clone, Copy, Debug)]
struct Style {
    delimiter: u8,
    line_break: &'static str,
    quotes: QuoteStyle,
    encoding: Option<&'static Encoding>,
    mark: bool,
}

fn styles() -> impl Strategy<Value = Style> {
    (
        prop::sample::select(b",;\t|".to_vec()),
        prop::sample::select(vec!["\n", "\r\n", "\r"]),
        prop::sample::select(vec![QuoteStyle::Necessary, QuoteStyle::Always]),
        prop::sample::select(vec![
            (None, false),
            (Some(UTF_8), true),
            (Some(UTF_16LE), true),
            (Some(UTF_16BE), true),
            (Some(WINDOWS_1252), false),
        ]),
    )
        .prop_map(|(delimiter, line_break, quotes, (encoding, mark))| Style {
            delimiter,
            line_break,
            quotes,
            encoding,
            mark,
        })
}

fn encode(text: &str, style: Style) -> Vec<u8> {
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect();
    let mark = if style.mark { "\u{feff}" } else { "" };
    match style.encoding {
        Some(encoding) if encoding == UTF_16LE => {
            [vec![0xFF, 0xFE], utf16(u16::to_le_bytes)].concat()
        }
        Some(encoding) if encoding == UTF_16BE => {
            [vec![0xFE, 0xFF], utf16(u16::to_be_bytes)].concat()
        }
        Some(encoding) if encoding == WINDOWS_1252 => encoding.encode(text).0.into_owned(),
        _ => format!("{mark}{text}").into_bytes(),
    }
}

fn write(rows: &[Vec<String>], style: Style) -> Vec<u8> {
    let terminator = match style.line_break {
        "\n" => Terminator::Any(b'\n'),
        "\r" => Terminator::Any(b'\r'),
        _ => Terminator::CRLF,
    };
    let mut writer = WriterBuilder::new()
        .delimiter(style.delimiter)
        .terminator(terminator)
        .quote_style(style.quotes)
        .from_writer(Vec::new());
    writer.write_record(HEADER).expect("memory");
    for row in rows {
        writer.write_record(row).expect("memory");
    }
    let text = String::from_utf8(writer.into_inner().expect("memory")).expect("UTF-8");
    encode(&text, style)
}

const HEADER: [&str; 3] = ["lead_id", "phone_number", "metadata.City"];

/// Cells full of what hurts; none beyond Windows-1252, so that every encoding can hold them.
fn cells() -> impl Strategy<Value = Vec<String>> {
    let cell = prop_oneof!["[a-z0-9+]{0,12}", "[a,;|\t\"\r\n é€+1]{0,8}"];
    (("[a-zA-Z0-9/?#% -]{0,6}[a-z]"), cell.clone(), cell).prop_map(|(id, a, b)| vec![id, a, b])
}

fn line_breaks(row: &[String]) -> u64 {
    row.iter()
        .map(|cell| cell.replace("\r\n", "\n").matches(['\n', '\r']).count() as u64)
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read_with_its_lines(
        rows in prop::collection::vec(cells(), 1..12),
        style in styles(),
    ) {
        let stated = style.encoding.filter(|_| !style.mark);
        let options = ReadOptions { encoding: stated, ..ReadOptions::default() };
        let bytes = write(&rows, style);
        // Windows-1252 that is UTF-8 by chance: `é€€` is U+9000.
        prop_assume!(stated != Some(WINDOWS_1252) || bytes.is_ascii() || std::str::from_utf8(&bytes).is_err());
        let found = read(&bytes, &options).expect("a well-formed file");
        let mut line = 2;
        let expected: Vec<_> = rows
            .iter()
            .zip(1_u64..)
            .map(|(row, number)| {
                let place = (number, line, row.clone());
                line += 1 + line_breaks(row);
                place
            })
            .collect();
        let found: Vec<_> = found
            .into_iter()
            .map(|row| (row.number, row.line, row.cells.iter().map(str::to_owned).collect::<Vec<_>>()))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn nothing_panics(
        start in prop::sample::select(vec![
            &b""[..], b"lead_id,phone_number\n", b"\xFF\xFE", b"\xFE\xFF", b"\xEF\xBB\xBF", b"\x1F\x8B\x08\0",
            b"\x28\xB5\x2F\xFD", b"sep=;\n", b"\"",
        ]),
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(prop::sample::select(b"a1,;\t|\"\r\n \0\xC3\xA9\xEF\xBB\xBF=".to_vec()), 0..200),
        ],
        skip_bad_rows in any::<bool>(),
    ) {
        let options = ReadOptions { skip_bad_rows, ..ReadOptions::default() };
        let _ = read(&[start, &bytes].concat(), &options).map_err(|error| error.to_string());
    }

    #[test]
    fn what_both_accept_they_read_alike(
        rows in prop::collection::vec(
            "([a1+é ]{0,3}|\"[a,\r\n]{0,3}(\"\")?\"|a[\"1]{0,2}|\"a\"1|\"),([a1+é ]{0,3}|\"[a,\r\n]{0,3}\"|a\")(\r\n|\r|\n)",
            1..4,
        ),
    ) {
        let text = format!("lead_id,name\n{}", rows.concat());
        let options = ReadOptions { delimiter: Some(b','), ..ReadOptions::default() };
        if let Ok(rows) = read(text.as_bytes(), &options) {
            let lenient: Vec<StringRecord> = ReaderBuilder::new()
                .flexible(true)
                .from_reader(text.as_bytes())
                .into_records()
                .map(|record| record.expect("UTF-8"))
                .filter(|record| record.iter().any(|cell| !cell.trim().is_empty()))
                .collect();
            let strict: Vec<_> = rows.into_iter().map(|row| row.cells).collect();
            prop_assert_eq!(strict, lenient);
        }
    }

    #[test]
    fn a_damaged_row_costs_no_other_row(
        rows in prop::collection::vec(cells(), 2..8),
        at in any::<prop::sample::Index>(),
        damage in prop::sample::select(vec!["x", "x,y,z,w", "\"+1\"555,y,z", "x, \"y\",z", "lead_id,phone_number,metadata.City"]),
    ) {
        let style =
            Style { delimiter: b',', line_break: "\n", quotes: QuoteStyle::Always, encoding: None, mark: false };
        let at = at.index(rows.len());
        let whole = String::from_utf8(write(&rows[at..], style)).expect("UTF-8");
        let after = whole.split_once('\n').expect("a header").1;
        let before = String::from_utf8(write(&rows[..at], style)).expect("UTF-8");
        let text = format!("{before}{damage}\n{after}");
        let strict = read(text.as_bytes(), &ReadOptions::default());
        prop_assert!(strict.is_err());
        let found = read(text.as_bytes(), &ReadOptions { skip_bad_rows: true, ..ReadOptions::default() })
            .expect("the other rows");
        prop_assert!(found[at].damage.is_some());
        let others: Vec<_> = found
            .into_iter()
            .filter(|row| row.damage.is_none())
            .map(|row| row.cells.iter().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        prop_assert_eq!(others, rows);
    }

    /// Two rows in which a quote is opened and not closed are one record, which holds every row between them.
    #[test]
    fn damaged_rows_swallow_no_row(
        rows in prop::collection::vec(prop::array::uniform3("[a-z0-9+é]{1,8}"), 2..8),
        damages in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                prop::sample::select(vec!["x", "x,y,z,w", "x,y,\"z", "x,\"y,z", "\"x,y,z", "x,y,\"+1\"555", "x, \"y\",z"]),
            ),
            1..4,
        ),
    ) {
        let mut lines: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        for (at, damage) in damages {
            lines.insert(at.index(lines.len() + 1), damage.to_owned());
        }
        let text = format!("{}\n{}\n", HEADER.join(","), lines.join("\n"));
        if let Ok(found) = read(text.as_bytes(), &ReadOptions { skip_bad_rows: true, ..ReadOptions::default() }) {
            let others: Vec<Vec<_>> = found
                .iter()
                .filter(|row| row.damage.is_none())
                .map(|row| row.cells.iter().map(str::to_owned).collect())
                .collect();
            prop_assert_eq!(others, rows);
        }
    }
}

/// Rows that cross the boundaries of what is read at once, at every alignment.
#[test]
fn rows_are_whole_across_the_chunks_they_are_read_in() {
    let rows: Vec<Vec<String>> = (0..6000)
        .map(|i| {
            vec![
                format!("L{i}"),
                format!("+91 98765 {i:05}"),
                "é\"\r\n€,".repeat(i % 13),
            ]
        })
        .collect();
    for padding in 0..4 {
        for (encoding, mark) in [
            (None, false),
            (Some(UTF_16LE), true),
            (Some(WINDOWS_1252), false),
        ] {
            let style = Style {
                delimiter: b',',
                line_break: "\r\n",
                quotes: QuoteStyle::Necessary,
                encoding,
                mark,
            };
            let mut rows = rows.clone();
            rows[0][1].push_str(&"x".repeat(padding));
            let options = ReadOptions {
                encoding: encoding.filter(|_| !mark),
                ..ReadOptions::default()
            };
            let bytes = write(&rows, style);
            assert!(bytes.len() > 3 * 128 * 1024);
            let found = read(&bytes, &options).expect("a well-formed file");
            let found: Vec<Vec<_>> = found
                .iter()
                .map(|row| row.cells.iter().map(str::to_owned).collect())
                .collect();
            assert!(found == rows, "padding {padding}, {encoding:?}");
        }
    }
}
