//! The grammar: where one record ends, and what its cells are. RFC 4180, read strictly; a pure function of text.
//!
//! Two readings go beyond the RFC. CR, LF and CRLF all end a record. And a quote *inside* an unquoted cell
//! (`5" pipe`) stands for itself: it can be read in one way only, and if it was meant to protect a delimiter,
//! the row comes out ragged. After nothing but blanks (`, "x"`) it was meant as an opening quote, and is refused.

use csv::StringRecord;

use crate::text::is_blank;

/// The longest cell, in bytes of UTF-8 that it holds, however they are quoted.
pub const CELL_LIMIT: usize = 64 * 1024;
/// The longest row, in bytes of UTF-8 as it is written; it bounds the memory.
pub(super) const ROW_LIMIT: usize = 4 * 1024 * 1024;
/// The same in results: quoting may have doubled the length of the row that they carry, and their own cells come on top.
pub(crate) const RESULT_ROW_LIMIT: usize = 2 * (ROW_LIMIT + CELL_LIMIT);

/// What the text begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Split {
    /// Part of a record: more text is needed.
    Incomplete,
    /// A record, whose cells are in the record handed in.
    Record(Extent),
    /// A record that breaks the grammar.
    Fault(Fault),
}

/// How far a record reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// The bytes it takes, its line break included.
    pub(super) taken: usize,
    /// The line breaks in it, its own included.
    pub(super) breaks: u64,
    /// Whether a line break ends it, and not the end of the text.
    pub(super) terminated: bool,
    /// Whether its last cell is quoted, and therefore whole.
    pub(super) closed: bool,
}

/// A breach of the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where in the record it is.
    pub(super) at: usize,
    /// Where the cell begins in which it is.
    pub(super) cell: usize,
    pub(super) breach: Breach,
}

/// Which rule was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    Unclosed,
    /// `end`: how far the record reaches if its line is all of it, which no further quote puts in doubt.
    TextAfterQuote {
        end: Option<Extent>,
    },
    BlankBeforeQuote {
        end: Option<Extent>,
    },
    LongCell,
    LongRow,
}

/// Splits records at one delimiter.
#[derive(Clone, Debug)]
pub(super) struct Splitter {
    delimiter: u8,
    /// Which bytes end an unquoted cell, or may.
    ends: [bool; 256],
    row_limit: usize,
    unescaped: String,
}

/// What follows a cell.
enum After {
    Delimiter,
    Break(usize),
    End,
}

impl Splitter {
    pub(super) fn new(delimiter: u8) -> Splitter {
        let mut ends = [false; 256];
        for byte in [delimiter, b'\n', b'\r', b'"'] {
            ends[usize::from(byte)] = true;
        }
        Splitter {
            delimiter,
            ends,
            row_limit: ROW_LIMIT,
            unescaped: String::new(),
        }
    }

    /// For a results file of ours.
    pub(super) fn of_results(delimiter: u8) -> Splitter {
        Splitter {
            row_limit: RESULT_ROW_LIMIT,
            ..Splitter::new(delimiter)
        }
    }

    /// Splits the record that `text` begins with into `cells`. `last`: nothing follows `text`.
    pub(super) fn split(&mut self, text: &str, last: bool, cells: &mut StringRecord) -> Split {
        cells.clear();
        match self.cells(text, last, cells) {
            Ok(Some(extent)) if extent.taken > self.row_limit => long_row(),
            Ok(Some(extent)) => Split::Record(extent),
            Ok(None) if text.len() > self.row_limit => long_row(),
            Ok(None) => Split::Incomplete,
            Err(fault) => Split::Fault(fault),
        }
    }

    fn cells(
        &mut self,
        text: &str,
        last: bool,
        cells: &mut StringRecord,
    ) -> Result<Option<Extent>, Fault> {
        let bytes = text.as_bytes();
        let mut at = 0;
        let mut breaks = 0;
        loop {
            let quoted = bytes.get(at) == Some(&b'"');
            let end = if quoted {
                self.quoted(text, at, last, cells, &mut breaks)?
            } else {
                self.plain(text, at, last)?
            };
            let Some(end) = end else { return Ok(None) };
            if !quoted {
                cells.push_field(&text[at..end]);
            }
            let extent = |taken, breaks, terminated| {
                Some(Extent {
                    taken,
                    breaks,
                    terminated,
                    closed: quoted,
                })
            };
            match self.after(bytes, end, last) {
                None => return Ok(None),
                Some(After::Delimiter) => at = end + 1,
                Some(After::Break(length)) => return Ok(extent(end + length, breaks + 1, true)),
                Some(After::End) => return Ok(extent(end, breaks, false)),
            }
        }
    }

    /// The end of the unquoted cell that begins at `start`.
    fn plain(&self, text: &str, start: usize, last: bool) -> Result<Option<usize>, Fault> {
        let bytes = text.as_bytes();
        let mut at = start;
        loop {
            let Some(step) = bytes[at..]
                .iter()
                .position(|&byte| self.ends[usize::from(byte)])
            else {
                let end = within_limit(start, bytes.len())?;
                return Ok(last.then_some(end));
            };
            at += step;
            if bytes[at] != b'"' {
                return within_limit(start, at).map(Some);
            }
            if is_blank(&text[start..at]) {
                let Some(rest) = self.rest_of_line(text, at + 1, last) else {
                    return Ok(None);
                };
                let end = (rest.quotes == 1).then_some(rest.extent);
                return Err(Fault {
                    at,
                    cell: start,
                    breach: Breach::BlankBeforeQuote { end },
                });
            }
            at += 1;
        }
    }

    /// The end of the quoted cell that begins at `start`, after its closing quote. Adds its content to `cells`.
    fn quoted(
        &mut self,
        text: &str,
        start: usize,
        last: bool,
        cells: &mut StringRecord,
        breaks: &mut u64,
    ) -> Result<Option<usize>, Fault> {
        let bytes = text.as_bytes();
        let mut from = start + 1;
        let mut escapes = 0;
        loop {
            let step = bytes[from..].iter().position(|&byte| byte == b'"');
            let close = step.map_or(bytes.len(), |step| from + step);
            if close - (start + 1) - escapes > CELL_LIMIT {
                return Err(Fault::long_cell(start));
            }
            if step.is_none() {
                return if last {
                    Err(Fault {
                        at: start,
                        cell: start,
                        breach: Breach::Unclosed,
                    })
                } else {
                    Ok(None)
                };
            }
            match bytes.get(close + 1) {
                Some(b'"') => {
                    escapes += 1;
                    from = close + 2;
                    continue;
                }
                None if !last => return Ok(None),
                Some(&byte) if !self.stops(byte) => {
                    let Some(rest) = self.rest_of_line(text, close + 1, last) else {
                        return Ok(None);
                    };
                    let end = (rest.quotes == 0).then_some(rest.extent);
                    return Err(Fault {
                        at: close + 1,
                        cell: start,
                        breach: Breach::TextAfterQuote { end },
                    });
                }
                _ => {}
            }
            let content = &text[start + 1..close];
            *breaks += line_breaks(content);
            if escapes > 0 {
                self.unescaped.clear();
                content.split("\"\"").enumerate().for_each(|(i, part)| {
                    if i > 0 {
                        self.unescaped.push('"');
                    }
                    self.unescaped.push_str(part);
                });
                cells.push_field(&self.unescaped);
            } else {
                cells.push_field(content);
            }
            return Ok(Some(close + 1));
        }
    }

    fn stops(&self, byte: u8) -> bool {
        byte == self.delimiter || byte == b'\n' || byte == b'\r'
    }

    fn after(&self, bytes: &[u8], at: usize, last: bool) -> Option<After> {
        match (bytes.get(at), bytes.get(at + 1)) {
            (None, _) => last.then_some(After::End),
            (Some(&byte), _) if byte == self.delimiter => Some(After::Delimiter),
            (Some(b'\r'), Some(b'\n')) => Some(After::Break(2)),
            (Some(b'\r'), None) if !last => None,
            _ => Some(After::Break(1)),
        }
    }

    /// The rest of the line on which a record is damaged.
    fn rest_of_line(&self, text: &str, at: usize, last: bool) -> Option<RestOfLine> {
        let length = text[at..].find(['\n', '\r']);
        if length.is_none() && !last {
            return None;
        }
        let end = length.map_or(text.len(), |length| at + length);
        let (taken, terminated) = match self.after(text.as_bytes(), end, last)? {
            After::Break(length) => (end + length, true),
            After::Delimiter | After::End => (end, false),
        };
        let breaks = line_breaks(&text[..taken]);
        let quotes = text[at..end].matches('"').count();
        Some(RestOfLine {
            extent: Extent {
                taken,
                breaks,
                terminated,
                closed: false,
            },
            quotes,
        })
    }

    /// Adds to `cells` what stands between the delimiters of a damaged `line`, quotes and all, from the cell at
    /// `fault` on.
    pub(super) fn mend(&self, line: &str, fault: Fault, cells: &mut StringRecord) {
        let line = line.trim_end_matches(['\r', '\n']);
        let delimiter = char::from(self.delimiter);
        let end = line[fault.at..]
            .find(delimiter)
            .map_or(line.len(), |length| fault.at + length);
        cells.push_field(&line[fault.cell..end]);
        if let Some(rest) = line.get(end + 1..) {
            rest.split(delimiter)
                .for_each(|cell| cells.push_field(cell));
        }
    }
}

struct RestOfLine {
    extent: Extent,
    quotes: usize,
}

impl Fault {
    fn long_cell(at: usize) -> Fault {
        Fault {
            at,
            cell: at,
            breach: Breach::LongCell,
        }
    }
}

fn long_row() -> Split {
    Split::Fault(Fault {
        at: 0,
        cell: 0,
        breach: Breach::LongRow,
    })
}

/// `end`, unless an unquoted cell that reaches there from `start` is too long.
fn within_limit(start: usize, end: usize) -> Result<usize, Fault> {
    if end - start > CELL_LIMIT {
        Err(Fault::long_cell(start))
    } else {
        Ok(end)
    }
}

/// The line breaks in `text`: CR, LF and CRLF are one each.
pub(super) fn line_breaks(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let breaks = bytes
        .iter()
        .enumerate()
        .filter(|&(i, &byte)| byte == b'\n' || (byte == b'\r' && bytes.get(i + 1) != Some(&b'\n')))
        .count();
    breaks as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, last: bool) -> (Split, Vec<String>) {
        let mut cells = StringRecord::new();
        let split = Splitter::new(b',').split(text, last, &mut cells);
        (split, cells.iter().map(str::to_owned).collect())
    }

    #[test]
    fn a_record_ends_where_its_line_ends() {
        // Text, cells, bytes taken, line breaks, terminated, last cell closed.
        type Case = (
            &'static str,
            &'static [&'static str],
            usize,
            u64,
            bool,
            bool,
        );
        let cases: [Case; 17] = [
            ("a,b\nc", &["a", "b"], 4, 1, true, false),
            ("a,b\r\nc", &["a", "b"], 5, 1, true, false),
            ("a,b\rc", &["a", "b"], 4, 1, true, false),
            ("a,b", &["a", "b"], 3, 0, false, false),
            ("a,b\r", &["a", "b"], 4, 1, true, false),
            ("\n", &[""], 1, 1, true, false),
            (",\n", &["", ""], 2, 1, true, false),
            ("a,", &["a", ""], 2, 0, false, false),
            ("\"a\",\"b\"\nc", &["a", "b"], 8, 1, true, true),
            ("\"a,b\"\n", &["a,b"], 6, 1, true, true),
            (
                "\"a\nb\r\nc\rd\",e\n",
                &["a\nb\r\nc\rd", "e"],
                13,
                4,
                true,
                false,
            ),
            ("\"a\"\"b\"\n", &["a\"b"], 7, 1, true, true),
            ("\"\"\"\"\n", &["\""], 5, 1, true, true),
            ("\"\",x\n", &["", "x"], 5, 1, true, false),
            ("5\" pipe,x\"\n", &["5\" pipe", "x\""], 11, 1, true, false),
            (" a , b \n", &[" a ", " b "], 8, 1, true, false),
            ("é,日本\n", &["é", "日本"], 10, 1, true, false),
        ];
        for (text, expected, taken, breaks, terminated, closed) in cases {
            let (split, cells) = split(text, true);
            assert_eq!(
                split,
                Split::Record(Extent {
                    taken,
                    breaks,
                    terminated,
                    closed
                }),
                "{text:?}"
            );
            assert_eq!(cells, expected, "{text:?}");
        }
    }

    #[test]
    fn a_part_of_a_record_waits_for_the_rest() {
        for text in [
            "", "a", "a,", "a,b\r", "\"a", "\"a\"", "\"a\"\"", "\"a\nb", "\"a\"x", " \"x",
        ] {
            assert_eq!(split(text, false).0, Split::Incomplete, "{text:?}");
        }
    }

    #[test]
    fn breaches_are_found_where_they_are() {
        let end = |taken| {
            Some(Extent {
                taken,
                breaks: 1,
                terminated: true,
                closed: false,
            })
        };
        let cases = [
            ("x,\"a\n", 2, 2, Breach::Unclosed),
            ("x,\"\"\"\n", 2, 2, Breach::Unclosed),
            (
                "x,\"+1\"555,y\nz",
                6,
                2,
                Breach::TextAfterQuote { end: end(12) },
            ),
            ("\"a\" ,y\n", 3, 0, Breach::TextAfterQuote { end: end(7) }),
            (
                "\"say \"hi\"\",y\n",
                6,
                0,
                Breach::TextAfterQuote { end: None },
            ),
            ("x, \"a\"\n", 3, 2, Breach::BlankBeforeQuote { end: end(7) }),
            ("x, \"a\n", 3, 2, Breach::BlankBeforeQuote { end: None }),
        ];
        for (text, at, cell, breach) in cases {
            assert_eq!(
                split(text, true).0,
                Split::Fault(Fault { at, cell, breach }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn cells_and_rows_have_a_limit_which_is_told_before_they_end() {
        let fits = "x".repeat(CELL_LIMIT);
        let quotes = "\"".repeat(CELL_LIMIT);
        let escaped = quotes.replace('"', "\"\"");
        for (text, content) in [
            (fits.clone(), &fits),
            (format!("\"{fits}\""), &fits),
            (format!("\"{escaped}\""), &quotes),
        ] {
            let (found, cells) = split(&text, true);
            assert!(matches!(found, Split::Record(_)) && cells == [content.as_str()]);
            assert_eq!(split(&text, false).0, Split::Incomplete);
        }
        for (text, at) in [
            (format!("{fits}x"), 0),
            (format!("{fits}x,"), 0),
            (format!("a,\"{fits}xx"), 2),
            (format!("a,\"{fits}x\""), 2),
            (format!("a,\"{fits}x\","), 2),
            (format!("a,\"{escaped}\"\"\","), 2),
            (format!("a,\"{escaped}x"), 2),
        ] {
            for last in [true, false] {
                assert_eq!(split(&text, last).0, Split::Fault(Fault::long_cell(at)));
            }
        }
        for text in [",".repeat(ROW_LIMIT + 1), ",".repeat(ROW_LIMIT) + "\n"] {
            assert_eq!(split(&text, false).0, long_row());
            let found = Splitter::of_results(b',').split(&text, true, &mut StringRecord::new());
            assert!(
                matches!(found, Split::Record(_)),
                "results have room for it"
            );
        }
    }

    #[test]
    fn a_damaged_line_keeps_what_is_left_of_its_cells() {
        let text = "x,\"+1\"555,y\r\n";
        let mut cells = StringRecord::new();
        let mut splitter = Splitter::new(b',');
        let Split::Fault(fault) = splitter.split(text, true, &mut cells) else {
            panic!("a fault")
        };
        splitter.mend(text, fault, &mut cells);
        assert_eq!(cells, StringRecord::from(vec!["x", "\"+1\"555", "y"]));
    }
}
