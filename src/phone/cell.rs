//! A cell's text with its characters brought to ASCII where they have one plain meaning.
//!
//! Not by Unicode's compatibility folding: a superscript two is no digit, and a circled one neither.

use super::{Recoveries, Recovery, Refusal};

/// Google's library reads no more than this either.
pub(super) const LONGEST: usize = 250;

/// The text of a cell, from `start` to `end`, and what was done to it so far.
pub(super) struct Cell {
    chars: [char; LONGEST],
    start: usize,
    end: usize,
    pub(super) recovered: Recoveries,
}

impl Cell {
    pub(super) fn read(text: &str) -> Result<Cell, Refusal> {
        let mut cell = Cell {
            chars: ['\0'; LONGEST],
            start: 0,
            end: 0,
            recovered: Recoveries::NONE,
        };
        for (place, character) in text.chars().enumerate() {
            if place == LONGEST {
                return Err(Refusal::TextTooLong);
            }
            if let Some(plain) = plain(character, &mut cell.recovered) {
                cell.chars[cell.end] = plain;
                cell.end += 1;
            }
        }
        cell.trim();
        Ok(cell)
    }

    pub(super) fn text(&self) -> &[char] {
        &self.chars[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes this many characters off the start, and spaces after them.
    pub(super) fn cut_start(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        self.trim();
    }

    /// Takes this many characters off the end, and spaces before them.
    pub(super) fn cut_end(&mut self, count: usize) {
        self.end = self.end.saturating_sub(count).max(self.start);
        self.trim();
    }

    fn trim(&mut self) {
        while let [' ' | '\t' | '\n' | '\r', ..] = self.text() {
            self.start += 1;
        }
        while let [.., ' ' | '\t' | '\n' | '\r'] = self.text() {
            self.end -= 1;
        }
    }
}

/// The character as this module judges it, or nothing if it is not to be seen at all.
fn plain(character: char, recovered: &mut Recoveries) -> Option<char> {
    if character.is_ascii() {
        return Some(character);
    }
    let (plain, recovery) = match character {
        '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206f}'
        | '\u{feff}' => {
            recovered.insert(Recovery::InvisibleMarks);
            return None;
        }
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            (' ', Some(Recovery::UnusualSpaces))
        }
        '＋' => ('+', Some(Recovery::OtherScript)),
        '（' => ('(', Some(Recovery::OtherScript)),
        '）' => (')', Some(Recovery::OtherScript)),
        '［' => ('[', Some(Recovery::OtherScript)),
        '］' => (']', Some(Recovery::OtherScript)),
        '．' => ('.', Some(Recovery::OtherScript)),
        '／' => ('/', Some(Recovery::OtherScript)),
        '，' | '、' => (',', Some(Recovery::OtherScript)),
        '；' => (';', Some(Recovery::OtherScript)),
        '：' => (':', Some(Recovery::OtherScript)),
        // Hyphens, dashes and the minus sign; the katakana length mark, wide or narrow, is what Japanese keyboards give. A soft hyphen is
        // seen where a program shows it, and may have been a minus.
        '\u{ad}'
        | '\u{2010}'..='\u{2015}'
        | '\u{2212}'
        | 'ー'
        | 'ｰ'
        | '－'
        | '\u{fe58}'
        | '\u{fe63}' => ('-', None),
        '‘' | '’' | '‚' | '‛' | '′' | '＇' => ('\'', None),
        '“' | '”' | '„' | '‟' | '«' | '»' | '″' | '＂' => ('"', None),
        // What digits are hidden behind.
        '•' | '●' | '∙' | '◦' | '○' | '■' | '█' | '×' | '✕' | '✖' | '＊' | '∗' | '…' | '⋅'
        | 'Ｘ' | 'ｘ' | '\u{2592}' | '\u{2591}' | '\u{2593}' => ('*', None),
        _ => match digit(character) {
            Some(digit) => (digit, Some(Recovery::OtherScript)),
            None => (character, None),
        },
    };
    if let Some(recovery) = recovery {
        recovered.insert(recovery);
    }
    Some(plain)
}

/// The zeros of the scripts in which people write phone numbers; nine digits follow each.
const ZEROS: [char; 22] = [
    '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}', '\u{f20}',
    '\u{1040}', '\u{1090}', '\u{17e0}', '\u{1810}', '\u{1946}', '\u{ff10}',
];

fn digit(character: char) -> Option<char> {
    ZEROS.iter().find_map(|&zero| {
        let value = u32::from(character).checked_sub(u32::from(zero))?;
        char::from_digit(value, 10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Cell::read(text).expect(text).text().iter().collect()
    }

    #[test]
    fn characters_with_one_plain_meaning_become_ascii() {
        for (text, plain) in [
            ("९८७६५४३२१०", "9876543210"),
            ("৯৮৭৬৫৪৩২১০", "9876543210"),
            ("٩٨٧٦٥٤٣٢١٠", "9876543210"),
            ("۹۸۷۶۵۴۳۲۱۰", "9876543210"),
            ("９８７６５４３２１０", "9876543210"),
            ("＋９１（９８）", "+91(98)"),
            ("\u{202d}98\u{200b}76\u{202c}\u{feff}", "9876"),
            ("98\u{a0}76\u{2009}54", "98 76 54"),
            ("98–76−54", "98-76-54"),
            ("9²③½", "9²③½"),
            ("\u{a0} 98 \t\r\n", "98"),
        ] {
            assert_eq!(read(text), plain, "{text:?}");
        }
    }

    #[test]
    fn long_text_is_refused_by_its_characters() {
        assert!(Cell::read(&"९".repeat(250)).is_ok());
        assert_eq!(
            Cell::read(&"९".repeat(251)).err(),
            Some(Refusal::TextTooLong)
        );
        assert_eq!(
            Cell::read(&"9".repeat(5_000_000)).err(),
            Some(Refusal::TextTooLong)
        );
    }

    #[test]
    fn every_zero_begins_a_run_of_ten_numerals() {
        for zero in ZEROS {
            for value in 0..10 {
                let numeral = char::from_u32(u32::from(zero) + value).expect("a character");
                assert!(numeral.is_numeric(), "{zero:?} {value}");
                assert_eq!(digit(numeral), char::from_digit(value, 10));
            }
        }
    }
}
