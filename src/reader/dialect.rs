//! How the rows are written: encoding, delimiter, and what stands before the header.

use csv::StringRecord;
use encoding_rs::{Encoding, UTF_8};

use super::encoding::recognise;
use super::error::{ErrorKind, InputError};
use super::input::ReadOptions;
use super::names;
use super::source::Source;
use super::split::{Split, Splitter};
use super::text::{End, Text};
use crate::results;

/// The delimiters that are recognised.
pub(super) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// So many columns of ours make a results file, from which a person may have deleted the others.
const RESULT_COLUMNS: usize = 2;
/// How much of a file is looked at to tell its encoding.
const HEAD: usize = 128 * 1024;
/// How much text is looked at to tell its delimiter.
const HEADER_LIMIT: usize = 1024 * 1024;

/// How the rows are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dialect {
    pub(super) encoding: &'static Encoding,
    pub(super) delimiter: u8,
    /// The length of Excel's `sep=;` line.
    pub(super) preamble: usize,
    /// The number of the line after it.
    pub(super) first_line: u64,
    /// Whether every record is one line, as the rows of a sheet are, whatever line breaks are in its cells.
    pub(super) counts_records: bool,
    /// Whether it is a results file of ours.
    pub(super) is_results: bool,
}

impl Dialect {
    /// Of the text that a sheet became, whose first row is `first_line`.
    pub(super) fn of_sheet(first_line: u64) -> Dialect {
        Dialect {
            encoding: UTF_8,
            delimiter: b',',
            preamble: 0,
            first_line,
            counts_records: true,
            is_results: false,
        }
    }

    /// Of a results file of ours. What is stated holds for the input that the results came from, and not for them.
    pub(super) fn of_results(source: &Source) -> Result<Option<Dialect>, InputError> {
        let mut head = vec![0; HEAD];
        let length = source.read_at(0, &mut head)?;
        let Ok(encoding) = recognise(&head[..length], None) else {
            return Ok(None);
        };
        let mut text = Text::new(source.clone(), encoding);
        text.fill()?;
        let mut cells = StringRecord::new();
        let mut has_columns_at = |delimiter: u8| {
            let split = Splitter::new(delimiter).split(text.window(), true, &mut cells);
            let ours = cells.iter().filter(|name| results::COLUMNS.contains(name));
            matches!(split, Split::Record(_)) && ours.count() >= RESULT_COLUMNS
        };
        let delimiter = DELIMITERS.into_iter().find(|&byte| has_columns_at(byte));
        Ok(delimiter.map(|delimiter| Dialect {
            encoding,
            delimiter,
            preamble: 0,
            first_line: 1,
            counts_records: false,
            is_results: true,
        }))
    }

    pub(super) fn recognise(source: &Source, options: &ReadOptions) -> Result<Dialect, InputError> {
        let error = |kind| InputError::new(source.path(), kind);
        let mut head = vec![0; HEAD];
        let length = source.read_at(0, &mut head)?;
        if length == 0 {
            return Err(error(ErrorKind::Empty));
        }
        let encoding = recognise(&head[..length], options.encoding).map_err(|suspicion| {
            error(ErrorKind::NotText {
                encoding: options.encoding.unwrap_or(UTF_8).name(),
                suspicion,
            })
        })?;

        let mut text = Text::new(source.clone(), encoding);
        text.fill()?;
        if is_markup(text.window()) {
            return Err(error(ErrorKind::Markup));
        }
        let (preamble, announced) = announced(text.window()).unwrap_or((0, None));
        let delimiter = match options.delimiter.or(announced) {
            Some(delimiter) if is_delimiter(delimiter) => delimiter,
            Some(delimiter) => return Err(error(ErrorKind::BadDelimiter(delimiter))),
            None => {
                text.consume(preamble);
                told_by_header(&mut text)?.map_err(error)?
            }
        };
        let first_line = if preamble == 0 { 1 } else { 2 };
        Ok(Dialect {
            encoding,
            delimiter,
            preamble,
            first_line,
            counts_records: false,
            is_results: false,
        })
    }
}

fn is_delimiter(byte: u8) -> bool {
    byte == b'\t' || ((byte.is_ascii_punctuation() || byte == b' ') && byte != b'"')
}

/// Whether it is a table of a web page or of an XML file, which some programs save as `.xls`.
fn is_markup(text: &str) -> bool {
    let text = text.trim_start().as_bytes();
    [&b"<!doctype"[..], b"<html", b"<table", b"<?xml"]
        .iter()
        .any(|tag| {
            text.get(..tag.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(tag))
        })
}

/// The length of Excel's first line `sep=;`, and the delimiter it announces.
fn announced(text: &str) -> Option<(usize, Option<u8>)> {
    let end = text.find(['\n', '\r'])?;
    let line = text[..end].trim_matches('"');
    let announced = line
        .get(..4)
        .filter(|start| start.eq_ignore_ascii_case("sep="))
        .map(|_| &line[4..])?;
    // A program that knows nothing of this line fills it up to the columns of the others.
    let [delimiter, filling @ ..] = announced.as_bytes() else {
        return None;
    };
    if filling.iter().any(|byte| byte != delimiter) {
        return None;
    }
    let line_break = if text[end..].starts_with("\r\n") {
        2
    } else {
        1
    };
    Some((end + line_break, Some(*delimiter)))
}

/// The delimiter at which the header falls into the most columns, known names counting first.
fn told_by_header(text: &mut Text) -> Result<Result<u8, ErrorKind>, InputError> {
    loop {
        let last = text.end() != End::Open || text.window().len() > HEADER_LIMIT;
        let readings: Option<Vec<_>> = DELIMITERS
            .iter()
            .map(|&delimiter| Some((score(text.window(), last, delimiter)?, delimiter)))
            .collect();
        let Some(mut readings) = readings else {
            text.fill()?;
            continue;
        };
        readings.sort_by_key(|&(score, _)| std::cmp::Reverse(score));
        let [(best, first), (next, second), ..] = readings[..] else {
            return Ok(Ok(b','));
        };
        return Ok(match best {
            (_, 0 | 1) => Ok(b','),
            _ if best == next => Err(ErrorKind::AmbiguousDelimiter(first, second)),
            _ => Ok(first),
        });
    }
}

/// The known names and the columns in the header, if `delimiter` separates them. `None`: more text is needed.
fn score(text: &str, last: bool, delimiter: u8) -> Option<(usize, usize)> {
    let mut splitter = Splitter::new(delimiter);
    let mut cells = StringRecord::new();
    let mut rest = text;
    loop {
        match splitter.split(rest, last, &mut cells) {
            Split::Incomplete => return None,
            Split::Fault(_) => return Some((0, 0)),
            Split::Record(extent) => {
                // A line of nothing but delimiters is blank, whichever of them is meant.
                let is_blank =
                    |cell: &str| cell.trim_matches([',', ';', '|', '\t', ' ']).is_empty();
                if !cells.iter().all(is_blank) || (extent.taken == rest.len() && last) {
                    let known = cells.iter().filter(|name| names::is_known(name)).count();
                    return Some((known, cells.len()));
                }
                rest = &rest[extent.taken..];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn recognised(text: &str) -> Result<Dialect, InputError> {
        let source = Source::spool(Path::new("-"), &mut text.as_bytes()).expect("a temporary file");
        Dialect::recognise(&source, &ReadOptions::default())
    }

    #[test]
    fn the_delimiter_is_told_by_the_header() {
        let cases = [
            ("lead_id,phone\n1,2\n", b','),
            ("lead_id;phone\n1;2,3,4\n", b';'),
            ("lead_id\tphone", b'\t'),
            ("lead_id|phone|name\r\n", b'|'),
            ("\n , \nlead_id;phone\n", b';'),
            ("\"lead_id\";\"Mobile, if any, or else, landline\"\n", b';'),
            ("lead_id;first, last, or other name\n", b';'),
            ("only\n", b','),
            ("sep=;\nlead_id,phone\n", b';'),
            ("\"sep=|\"\r\nlead_id|phone\n", b'|'),
            ("sep=;;;\nlead_id;phone,a,b;c\n", b';'),
            ("\u{feff}SEP=^\rlead_id^phone\r", b'^'),
        ];
        for (text, expected) in cases {
            assert_eq!(
                recognised(text).expect(text).delimiter,
                expected,
                "{text:?}"
            );
        }
        let filled = recognised("sep=;;;\nlead_id;phone;a;b\n").expect("a header");
        assert_eq!((filled.preamble, filled.first_line), (8, 2));
        let error = recognised("a;b,c\n")
            .expect_err("two ways to read it")
            .to_string();
        assert!(error.contains("`,` and with `;`"), "{error}");
    }
}
