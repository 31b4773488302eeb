//! Foreign text made fit to be shown: one line, no control characters, not too long.

use std::fmt::Write;

/// Longest foreign text that is shown, in characters.
const LONGEST: usize = 300;
/// Longest text in a cell of ours, in bytes: a spreadsheet holds 32,767 characters in one, and our reader twice that.
const LONGEST_CELL: usize = 32_000;

/// Whether there is nothing in it but white space and marks without width.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || is_invisible(c))
}

/// One line without control characters (terminal escapes included), cut to a readable length.
pub fn cut(text: &str) -> String {
    let mut line = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            line.push('…');
            break;
        }
        line.push(if character.is_control() || is_invisible(character) {
            ' '
        } else {
            character
        });
    }
    line
}

/// One line, however long, in which control characters and marks without width are written out as JSON does
/// (`\u001b`), so that JSON stays what it is.
pub fn written_out(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            // All of them have four digits, and a string takes all.
            let _ = write!(line, "\\u{:04x}", u32::from(character));
        } else {
            line.push(character);
        }
    }
    line
}

/// At most so many bytes of it, with `…` at the end where there were more.
pub fn shorten(text: &mut String, longest: usize) {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest - '…'.len_utf8()));
        text.push('…');
    }
}

/// One line that a spreadsheet does not take for a formula and that a cell has room for.
pub fn for_spreadsheet(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if line.starts_with(['=', '+', '-', '@']) {
        line.insert(0, '\'');
    }
    shorten(&mut line, LONGEST_CELL);
    line
}

/// [`cut`] and in parentheses, for the middle of a sentence; nothing for nothing.
pub fn quoted(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(" (`{}`)", cut(text))
    }
}

/// Marks without width: some change the order of what is shown around them, and all make equal texts differ.
pub fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_or_breaks_a_line_gets_through() {
        assert_eq!(cut("a\u{1b}[31mb\r\nc\u{202e}d"), "a [31mb  c d");
        assert_eq!(cut(&"x".repeat(1000)).chars().count(), LONGEST + 1);
        assert_eq!(cut("नमस्ते"), "नमस्ते");
        assert_eq!(quoted(""), "");
    }

    #[test]
    fn what_nobody_sees_is_blank() {
        assert!(is_blank("") && is_blank(" \u{200b}\u{a0}\u{feff}\t"));
        assert!(!is_blank("\u{200b}x"));
    }

    #[test]
    fn what_cannot_be_shown_is_written_out() {
        assert_eq!(
            written_out("a\u{1b}[31mb\r\nc\u{9b}\u{202e}d नमस्ते"),
            r"a\u001b[31mb\u000d\u000ac\u009b\u202ed नमस्ते"
        );
    }

    #[test]
    fn a_spreadsheet_sees_text() {
        assert_eq!(
            for_spreadsheet("=HYPERLINK(\"x\")\n"),
            "'=HYPERLINK(\"x\") "
        );
        for text in ["+1", "-1", "@SUM(A1)"] {
            assert_eq!(for_spreadsheet(text), format!("'{text}"));
        }
        assert_eq!(for_spreadsheet("plain"), "plain");
        let long = for_spreadsheet(&format!("={}", "é".repeat(LONGEST_CELL)));
        assert!(long.ends_with("é…") && (LONGEST_CELL - 4..=LONGEST_CELL).contains(&long.len()));
        assert_eq!(
            for_spreadsheet(&long),
            long,
            "what was read back is as it was written"
        );
    }
}
