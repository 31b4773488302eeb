//! Every fixture in `fixtures/input/`, with the reader's whole answer. `docs/input.md` quotes the same answers.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use leadfix::reader::{Input, InputError, ReadOptions, Row};

const FOLDER: &str = "fixtures/input";

/// The two rows that most readable fixtures hold, with the lines on which they start.
const PLAIN: [&str; 2] = ["L1,919876543210,René", "L2,919876543211,Asha"];

/// Reads a fixture as `check` would: columns first, then every row.
fn answer(name: &str, options: &ReadOptions) -> Result<Vec<(u64, String)>, InputError> {
    let input = Input::open(&Path::new(FOLDER).join(name), options)?;
    input.columns(&[])?;
    let mut seen = Vec::new();
    let mut rows = input.rows()?;
    let mut row = Row::default();
    while rows.read(&mut row)? {
        let mut text = row.cells.iter().collect::<Vec<_>>().join(",");
        if let Some(damage) = &row.damage {
            write!(text, " ({damage})").expect("a string takes all");
        }
        seen.push((row.line, text));
    }
    for warning in rows.finish().warnings {
        seen.push((0, warning.to_string()));
    }
    Ok(seen)
}

fn plain_at(first: u64, second: u64) -> Vec<(u64, String)> {
    vec![(first, PLAIN[0].to_owned()), (second, PLAIN[1].to_owned())]
}

fn windows_1252() -> ReadOptions {
    ReadOptions {
        encoding: Some(encoding_rs::WINDOWS_1252),
        ..ReadOptions::default()
    }
}

fn sheet(name: &str) -> ReadOptions {
    ReadOptions {
        sheet: Some(name.to_owned()),
        ..ReadOptions::default()
    }
}

fn skip() -> ReadOptions {
    ReadOptions {
        skip_bad_rows: true,
        ..ReadOptions::default()
    }
}

#[test]
fn what_is_certain_is_read() {
    let default = ReadOptions::default;
    let cases = [
        ("utf8.csv", default(), "UTF-8, separated by `,`", 2, 3),
        ("utf8-bom.csv", default(), "UTF-8, separated by `,`", 2, 3),
        (
            "utf16le-bom.csv",
            default(),
            "UTF-16LE, separated by `,`",
            2,
            3,
        ),
        (
            "utf16be-bom.csv",
            default(),
            "UTF-16BE, separated by `,`",
            2,
            3,
        ),
        (
            "windows-1252.csv",
            windows_1252(),
            "windows-1252, separated by `,`",
            2,
            3,
        ),
        ("semicolon.csv", default(), "UTF-8, separated by `;`", 2, 3),
        ("tab.tsv", default(), "UTF-8, separated by tabs", 2, 3),
        ("pipe.csv", default(), "UTF-8, separated by `|`", 2, 3),
        (
            "excel-sep-line.csv",
            default(),
            "UTF-8, separated by `;`",
            3,
            4,
        ),
        ("crlf.csv", default(), "UTF-8, separated by `,`", 2, 3),
        ("ctrl-z.csv", default(), "UTF-8, separated by `,`", 2, 3),
        ("cr.csv", default(), "UTF-8, separated by `,`", 2, 3),
        (
            "blank-lines.csv",
            default(),
            "UTF-8, separated by `,`",
            5,
            9,
        ),
        (
            "no-final-line-break-but-quoted.csv",
            default(),
            "UTF-8, separated by `,`",
            2,
            3,
        ),
        (
            "packed.csv.gz",
            default(),
            "gzip, UTF-8, separated by `,`",
            2,
            3,
        ),
        (
            "packed.csv.zst",
            default(),
            "zstd, UTF-8, separated by `,`",
            2,
            3,
        ),
        ("excel.xlsx", default(), "sheet `Leads`", 2, 4),
        ("excel.xls", default(), "sheet `Leads`", 2, 4),
        ("sheet.ods", default(), "sheet `Leads`", 2, 4),
        ("packed.xlsx.gz", default(), "gzip, sheet `Leads`", 2, 4),
        (
            "two-sheets.xlsx",
            sheet("Leads"),
            "sheet `Leads` (not read: `Notes`)",
            2,
            4,
        ),
    ];
    for (name, options, description, first, second) in cases {
        let input = Input::open(&Path::new(FOLDER).join(name), &options).expect(name);
        assert_eq!(input.description().to_string(), description, "{name}");
        assert_eq!(
            answer(name, &options).expect(name),
            plain_at(first, second),
            "{name}"
        );
    }
}

#[test]
fn cells_stay_as_they_stand() {
    let cases: [(&str, &[(u64, &str)]); 6] = [
        (
            "quoted-line-breaks.csv",
            &[
                (2, "L1,919876543210,René\nDupont"),
                (4, "L2,919876543211,Asha \"A.\" Rao"),
            ],
        ),
        (
            "quote-inside-cell.csv",
            &[(2, "L1,919876543210,5\" pipe"), (3, PLAIN[1])],
        ),
        (
            "no-final-line-break.csv",
            &[
                (2, PLAIN[0]),
                (3, PLAIN[1]),
                (
                    0,
                    "line 3: the file ends without a line break; make sure that its last cell, `Asha`, is complete",
                ),
            ],
        ),
        (
            "results-again.csv",
            &[
                (2, "1,failed,L1,919876543210,René"),
                (3, "2,failed,L2,919876543211,Asha"),
            ],
        ),
        ("misspelt-column.csv", &[(2, PLAIN[0]), (3, PLAIN[1])]),
        (
            "values.xlsx",
            &[
                (2, "whole,919876543210"),
                (3, "long,9.198765432101235e18"),
                (4, "date,2026-03-01"),
                (5, "moment,2026-03-01T09:30:00"),
                (6, "yes,TRUE"),
                (7, "fraction,12.5"),
                (8, "text,+91 98765"),
                (9, "break,a\nb"),
                (10, "1,919876543210"),
                (11, "2,#REF!"),
            ],
        ),
    ];
    for (name, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|&(line, text)| (line, text.to_owned()))
            .collect();
        assert_eq!(
            answer(name, &ReadOptions::default()).expect(name),
            expected,
            "{name}"
        );
    }
}

/// Damage, and the message after the file's name.
const DAMAGE: &[(&str, &str)] = &[
    (
        "no-header.csv",
        " line 1: no header row: the first row begins with `L1`, `919876543210`, `René`; put the column names above it, for example lead_id,phone_number",
    ),
    (
        "no-lead-id.csv",
        " line 1: no column `lead_id`; the columns are `customer`, `phone_number`, `name`; rename one, or name it with --map lead_id=\"customer\"",
    ),
    (
        "nothing-to-change.csv",
        " line 1: no column to change anything with (phone_number, name, notes, metadata or metadata.KEY); the columns are `lead_id`, `batch`; rename one, or name it with --map phone_number=\"Column\"",
    ),
    (
        "two-phone-columns.csv",
        " line 1: columns `Phone` and `Mobile` are both `phone_number`; rename one, or name the right one with --map",
    ),
    (
        "same-name-twice.csv",
        " line 1: columns 2 and 3 are both called `name`; rename one, or delete the column",
    ),
    (
        "unnamed-column.csv",
        " line 1: column 3 has no name in the header row; name it, or delete the column",
    ),
    (
        "ambiguous-delimiter.csv",
        ": cannot tell the delimiter: the header can be read with `,` and with `;`; state it with --delimiter",
    ),
    (
        "empty.csv",
        ": is empty; it needs a header row and at least one row",
    ),
    (
        "only-blank-lines.csv",
        ": is empty; it needs a header row and at least one row",
    ),
    ("header-only.csv", ": has a header row but no rows"),
    (
        "header-twice.csv",
        " line 4: the header row again; delete the line, it looks as if files had been joined; --skip-bad-rows leaves it out",
    ),
    (
        "too-few-cells.csv",
        " line 3: 2 cells where the header has 3; quote cells that contain the delimiter, or export the file again; --skip-bad-rows leaves such rows out",
    ),
    (
        "too-many-cells.csv",
        " line 3: 4 cells where the header has 3; quote cells that contain the delimiter, or export the file again; --skip-bad-rows leaves such rows out",
    ),
    (
        "unclosed-quote.csv",
        " line 2, column 17: a quote is opened here and never closed; close it, or export the file again",
    ),
    (
        "text-after-quote.csv",
        " line 2, column 9: text after a closing quote; write a quote inside a quoted cell twice (`\"\"`)",
    ),
    (
        "quote-opened-lines-before.csv",
        " line 3, column 18: text after a closing quote (the quote was opened in line 2, column 17); write a quote inside a quoted cell twice (`\"\"`)",
    ),
    (
        "blank-before-quote.csv",
        " line 3, column 18: blanks before an opening quote; delete the blanks between the delimiter and the quote",
    ),
    (
        "cut-in-row.csv",
        " line 3: the file ends in the middle of this row, after 2 of 3 cells; copy or export the file again in full; --skip-bad-rows leaves this row out",
    ),
    (
        "cut-in-number.csv",
        " line 6: the file ends in the middle of this row's last cell: 7 characters where every other row has 12; copy or export the file again in full; if the row is right, end it with a line break",
    ),
    (
        "nul.csv",
        " line 3, column 19: a NUL character; the file is damaged, export it again",
    ),
    (
        "not-utf8-western.csv",
        " line 2, column 20: not UTF-8: the byte 0xE9 is `é` in Windows-1252; if that is right here, state --encoding windows-1252, or save the file as UTF-8",
    ),
    (
        "not-utf8-cyrillic.csv",
        " line 2, column 17: not UTF-8: it looks like an encoding of another script; state the one it was exported in with --encoding (windows-1251, shift_jis, gbk, …), or save the file as UTF-8",
    ),
    (
        "not-utf8-mixed.csv",
        " line 4, column 21: not UTF-8: the text before is UTF-8 and this is not, as when files of two encodings are joined; save the file as UTF-8",
    ),
    (
        "cut-in-character.csv",
        " line 4, column 20: not UTF-8: the file ends in the middle of a character; copy or export it again in full",
    ),
    (
        "utf16-without-bom.csv",
        ": not UTF-8: it looks like UTF-16 without a byte order mark; state it with --encoding UTF-16LE",
    ),
    (
        "utf32.csv",
        ": not UTF-8: it looks like UTF-32; save it as UTF-8",
    ),
    (
        "utf16-broken.csv",
        " line 3, column 17: not UTF-16LE: these bytes are not text in it; is it the right --encoding?",
    ),
    (
        "cut.csv.gz",
        ": cannot unpack gzip data: incomplete deflate stream; copy the file again in full",
    ),
    (
        "damaged.csv.gz",
        ": cannot unpack gzip data: corrupt gzip stream does not have a matching checksum; copy the file again in full",
    ),
    ("twice.csv.gz", ": is compressed twice; unpack it first"),
    (
        "cut.csv.zst",
        ": cannot unpack zstd data: it is cut off or damaged; copy the file again in full",
    ),
    (
        "damaged.csv.zst",
        ": cannot unpack zstd data: it is cut off or damaged; copy the file again in full",
    ),
    (
        "cut.xlsx",
        ": cannot read the spreadsheet: Zip error: invalid Zip archive: Could not find EOCD; save it again as .xlsx or .csv, without a password",
    ),
    (
        "cell-outside-table.xlsx",
        ": cell A3 lies outside the table, left of the header; delete it or give it a header",
    ),
    (
        "cell-right-of-table.xlsx",
        " line 4: 5 cells where the header has 3; quote cells that contain the delimiter, or export the file again; --skip-bad-rows leaves such rows out",
    ),
    (
        "title-above-header.xlsx",
        " line 1: no column names: line 2 looks like the header; delete what stands above it",
    ),
    (
        "title-above-header.csv",
        " line 1: no column names: line 3 looks like the header; delete what stands above it",
    ),
    (
        "title-above-header-padded.csv",
        " line 1: no column names: line 2 looks like the header; delete what stands above it",
    ),
    (
        "empty-sheet.xlsx",
        " line 1: no column `lead_id`; the columns are `about`; rename one, or name it with --map lead_id=\"about\"",
    ),
    (
        "two-sheets.xlsx",
        " line 1: no column `lead_id`; the columns are `about`; rename one, or name it with --map lead_id=\"about\"; or is it another sheet (`Leads`)? --sheet names it",
    ),
    (
        "web-page.xls",
        ": is a web page or XML, whatever its name says; open it in a spreadsheet program and save it as .xlsx or CSV",
    ),
    (
        "zipped.zip",
        ": is a zip archive and no spreadsheet; unpack it first",
    ),
    (
        "formula-without-result.xlsx",
        ": cell B2 holds a formula whose result was never saved; open the file in a spreadsheet program and save it",
    ),
];

#[test]
fn formulas_that_all_hold_nothing_are_pointed_out() {
    for name in ["formula-without-result.xls", "formula-at-zero.xlsx"] {
        let input = Input::open(&Path::new(FOLDER).join(name), &ReadOptions::default());
        let found = input.expect(name).unsolved().to_vec();
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0].column, 1, "{name}");
        assert!(found[0].to_string().contains("B2"), "{}", found[0]);
    }
}

#[test]
fn what_is_uncertain_is_refused_with_its_place_and_a_remedy() {
    let mut wrong = String::new();
    for (name, expected) in DAMAGE {
        let error = answer(name, &ReadOptions::default()).expect_err(name);
        let found = error
            .to_string()
            .replacen(&format!("`{FOLDER}/{name}`"), "", 1);
        if found != *expected {
            writeln!(wrong, "    ({name:?}, {found:?}),").expect("a string takes all");
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn options_that_do_not_fit_the_file_are_refused() {
    let cases = [
        (
            "two-sheets.xlsx",
            sheet("leads"),
            ": has no sheet `leads`; its sheets are `Notes`, `Leads`",
        ),
        (
            "two-sheets.xlsx",
            sheet("Notes"),
            ": has a header row but no rows",
        ),
        (
            "utf8.csv",
            sheet("Leads"),
            ": is not a spreadsheet; leave --sheet away",
        ),
        (
            "utf8.csv",
            windows_1252(),
            ": not windows-1252: it is UTF-8, and its letters would change; leave --encoding away (it may stand in leadfix.toml)",
        ),
        (
            "utf8.csv",
            ReadOptions {
                delimiter: Some(b'"'),
                ..ReadOptions::default()
            },
            ": `\\\"` cannot be a delimiter; use a printable ASCII character, or a tab",
        ),
    ];
    for (name, options, expected) in cases {
        let error = Input::open(&Path::new(FOLDER).join(name), &options)
            .and_then(|input| input.rows()?.read(&mut Row::default()))
            .expect_err(name);
        assert_eq!(error.to_string(), format!("`{FOLDER}/{name}`{expected}"));
    }
}

#[test]
fn with_skip_bad_rows_the_rows_around_the_damage_are_read() {
    let cases: [(&str, &[&str]); 8] = [
        (
            "too-few-cells.csv",
            &[PLAIN[0], "L2,Asha (2 cells where the header has 3)"],
        ),
        (
            "too-many-cells.csv",
            &[
                PLAIN[0],
                "L2,919876543211,Rao, Asha (4 cells where the header has 3)",
            ],
        ),
        (
            "text-after-quote.csv",
            &[
                "L1,\"+91\"9876543210,René (text after a closing quote)",
                PLAIN[1],
            ],
        ),
        (
            "blank-before-quote.csv",
            &[
                PLAIN[0],
                "L2,919876543211, \"Asha\" (blanks before an opening quote)",
            ],
        ),
        (
            "header-twice.csv",
            &[
                PLAIN[0],
                PLAIN[1],
                "lead_id,phone_number,name (the header row again)",
                PLAIN[0],
                PLAIN[1],
            ],
        ),
        (
            "cut-in-row.csv",
            &[
                PLAIN[0],
                "L2,919876 (the file ends in the middle of this row, after 2 of 3 cells)",
            ],
        ),
        (
            "cell-right-of-table.xlsx",
            &[
                PLAIN[0],
                "L2,919876543211,Asha,,note to self (5 cells where the header has 3)",
            ],
        ),
        (
            "cut-in-number.csv",
            &[
                "L1,919876543211",
                "L2,919876543212",
                "L3,919876543213",
                "L4,919876543214",
                "L5,9198765 (the file ends in the middle of this row's last cell: 7 characters where every other row \
                 has 12)",
            ],
        ),
    ];
    for (name, expected) in cases {
        let rows: Vec<_> = answer(name, &skip())
            .expect(name)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(rows, expected, "{name}");
    }
    for name in [
        "unclosed-quote.csv",
        "quote-opened-lines-before.csv",
        "nul.csv",
        "not-utf8-western.csv",
    ] {
        assert!(answer(name, &skip()).is_err(), "{name} stays fatal");
    }
}

#[test]
fn every_fixture_is_used_and_every_answer_is_in_the_document() {
    let this = include_str!("reader_fixtures.rs");
    let document = std::fs::read_to_string("docs/input.md").expect("the document");
    let files: BTreeSet<String> = std::fs::read_dir(FOLDER)
        .expect("the fixtures")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name != "make.py")
        .collect();
    for name in &files {
        assert!(
            this.contains(&format!("\"{name}\"")),
            "{name} is not tested"
        );
        assert!(
            document.contains(&format!("`{name}`")),
            "{name} is not documented"
        );
    }
    for (name, message) in DAMAGE {
        assert!(
            document.contains(message),
            "the document does not quote the answer to {name}:\n{message}"
        );
    }
}
