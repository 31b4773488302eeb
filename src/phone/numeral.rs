//! What spreadsheets and programs make of a phone number that they take for a quantity or a date.

use super::{Recovery, Refusal};

/// A cell that is a numeral, read back to the digits that were typed.
pub(super) struct Numeral {
    pub(super) digits: Vec<u8>,
    pub(super) recovered: Recovery,
    /// A numeral's `+` says only that it is not negative.
    pub(super) signed: bool,
}

/// Refuses what cannot have been typed as a phone number: the traces of a calculation.
pub(super) fn refuse_calculated(text: &[char]) -> Result<(), Refusal> {
    if is_error_value(text) {
        return Err(Refusal::SpreadsheetFormula);
    }
    let digits = digits_in(text);
    if digits == 0 {
        // A column too narrow for its digits is filled with these.
        let hashes = text.len() > 1 && text.iter().all(|c| *c == '#');
        return if hashes {
            Err(Refusal::DigitsLost)
        } else {
            Ok(())
        };
    }
    if is_negative(text) || text.first() == Some(&'=') {
        return Err(Refusal::SpreadsheetFormula);
    }
    Ok(())
}

/// Whether a minus is the first or the last sign of the cell but for brackets, or accountants' brackets stand for one.
pub(super) fn is_negative(text: &[char]) -> bool {
    let inner = trimmed(text, |c| matches!(c, '(' | ')' | '[' | ']' | ' ' | '.'));
    matches!(inner, ['-', ..] | [.., '-']) || is_accountants(text)
}

/// Accountants' negative numbers stand in brackets, and begin with no zero.
fn is_accountants(text: &[char]) -> bool {
    let ['(', inner @ .., ')'] = text else {
        return false;
    };
    let inner = trimmed(inner, |c| c == ' ');
    inner.first() != Some(&'0')
        && (scientific(inner).is_some()
            || inner
                .iter()
                .all(|c| c.is_ascii_digit() || matches!(c, ',' | '.')))
}

/// Whether one pair of brackets stands round the whole cell, and does not make a negative number of it.
pub(super) fn is_bracketed(text: &[char]) -> bool {
    matches!(text, ['(', inner @ .., ')'] | ['[', inner @ .., ']']
        if digits_in(inner) > 0 && !inner.iter().any(|c| matches!(c, '(' | ')' | '[' | ']')))
        && !is_accountants(text)
}

fn trimmed(text: &[char], unwanted: impl Fn(char) -> bool) -> &[char] {
    let start = text.iter().take_while(|c| unwanted(**c)).count();
    let rest = &text[start..];
    let end = rest.iter().rev().take_while(|c| unwanted(**c)).count();
    &rest[..rest.len() - end]
}

/// `#REF!` and its like: what a spreadsheet shows in place of a value.
fn is_error_value(text: &[char]) -> bool {
    const VALUES: [&str; 9] = [
        "#REF!", "#N/A", "#VALUE!", "#NAME?", "#NUM!", "#DIV/0!", "#NULL!", "#ERROR!", "#SPILL!",
    ];
    text.first() == Some(&'#')
        && VALUES
            .iter()
            .any(|value| value.chars().eq(text.iter().map(char::to_ascii_uppercase)))
}

/// A numeral in scientific notation. `None` when the cell is none.
pub(super) fn scientific(text: &[char]) -> Option<Result<Numeral, Refusal>> {
    let (signed, text) = unsigned(text);
    let e = text.iter().position(|c| matches!(c, 'e' | 'E'))?;
    let (mantissa, exponent) = (&text[..e], &text[e + 1..]);
    let point = mantissa.iter().position(|c| matches!(c, '.' | ','));
    let (whole, fraction) = match point {
        Some(point) => (&mantissa[..point], &mantissa[point + 1..]),
        None => (mantissa, &mantissa[..0]),
    };
    let (negative, exponent) = match exponent {
        ['-', rest @ ..] => (true, rest),
        ['+', rest @ ..] | rest => (false, rest),
    };
    let numeral = !whole.is_empty()
        && all_digits(whole)
        && all_digits(fraction)
        && all_digits(exponent)
        && !exponent.is_empty();
    if !numeral {
        return None;
    }
    let exponent = exponent
        .iter()
        .fold(0_usize, |sum, c| (sum * 10 + value(*c)).min(1000));
    let mut digits: Vec<u8> = whole.iter().chain(fraction).map(|c| ascii(*c)).collect();
    let wanted = whole.len() + exponent;
    // Every digit must be there; beyond them only zeros, which say nothing.
    if negative || wanted > digits.len() || digits[wanted..].iter().any(|digit| *digit != b'0') {
        return Some(Err(Refusal::DigitsLost));
    }
    digits.truncate(wanted);
    Some(Ok(Numeral {
        digits,
        recovered: Recovery::ScientificNotation,
        signed,
    }))
}

/// A whole number with separators of thousands, strictly placed: `9,876,543,210`, `9,87,65,43,210` or
/// `98,76,54,3210`. `None` when the cell is none.
pub(super) fn grouped(text: &[char]) -> Option<Numeral> {
    let (signed, text) = unsigned(text);
    if !text.contains(&',') || !text.iter().all(|c| c.is_ascii_digit() || *c == ',') {
        return None;
    }
    let groups: Vec<usize> = text.split(|c| *c == ',').map(<[char]>::len).collect();
    let strict = match groups.as_slice() {
        [1..=3, threes @ ..] if threes.iter().all(|length| *length == 3) => true,
        [1..=2, twos @ .., 3] | [2, twos @ .., 4] => twos.iter().all(|length| *length == 2),
        _ => false,
    };
    let digits: Vec<u8> = text
        .iter()
        .filter(|c| **c != ',')
        .map(|c| ascii(*c))
        .collect();
    // `123,456` is as likely two short numbers as one.
    (strict && digits.len() >= 7).then_some(Numeral {
        digits,
        recovered: Recovery::DigitGrouping,
        signed,
    })
}

/// What stands behind the point of a cell that ends like a decimal number.
pub(super) enum Decimals {
    /// Not a decimal number.
    None,
    /// Only zeros: this many characters, with the point, are no part of the number.
    Zeros(usize),
    /// The same, but they could be a branch line or a group of digits: the cell has other points, or many zeros.
    PerhapsZeros(usize),
    /// Something else.
    Fraction,
}

/// Judges the end of a cell: a `.0` is what a program writes after a whole number, not a digit.
pub(super) fn decimals(text: &[char]) -> Decimals {
    let Some(point) = text.iter().rposition(|c| matches!(c, '.' | ',')) else {
        return Decimals::None;
    };
    let (before, after) = (&text[..point], &text[point + 1..]);
    if after.is_empty() || !all_digits(after) {
        return Decimals::None;
    }
    let whole = all_digits(unsigned(before).1);
    let before_digits = digits_in(before);
    if !after.iter().all(|c| *c == '0') {
        // `98765.43210` is grouped by hand; seven digits and more before a point are not.
        let decimal = whole && before_digits >= 7 && (text[point] == '.' || after.len() < 7);
        return if decimal {
            Decimals::Fraction
        } else {
            Decimals::None
        };
    }
    let with_point = after.len() + 1;
    let other_points = before.iter().filter(|c| **c == text[point]).count();
    if before_digits == 0 {
        Decimals::None
    } else if whole || (after.len() <= 2 && other_points == 0) {
        Decimals::Zeros(with_point)
    } else if text[point] == '.' {
        Decimals::PerhapsZeros(with_point)
    } else {
        Decimals::None
    }
}

/// Whether the cell is a date, with or without a time.
pub(super) fn is_date(text: &[char]) -> bool {
    // A time is known by its colon.
    let end = text
        .contains(&':')
        .then(|| text.iter().position(|c| matches!(c, ' ' | 'T')))
        .flatten();
    let day = &text[..end.unwrap_or(text.len())];
    for separator in ['-', '/', '.'] {
        let mut parts = day.split(|c| *c == separator);
        let (Some(a), Some(b), Some(c), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if is_year(a) && is_month(b) && is_day(c) {
            return true;
        }
        if is_year(c) && (is_day(a) && is_month(b) || is_month(a) && is_day(b)) {
            return true;
        }
        // `15/01/24`: two digits each.
        let short = a.len() <= 2 && b.len() <= 2 && c.len() == 2 && all_digits(c);
        if short && (is_day(a) && is_month(b) || is_month(a) && is_day(b)) {
            return true;
        }
    }
    false
}

fn is_year(part: &[char]) -> bool {
    matches!(part, ['1', '9', _, _] | ['2', '0', _, _]) && all_digits(part)
}

fn is_month(part: &[char]) -> bool {
    const NAMES: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    number(part).is_some_and(|number| (1..=12).contains(&number))
        || part.len() >= 3
            && NAMES.iter().any(|name| {
                name.chars()
                    .eq(part[..3].iter().map(char::to_ascii_lowercase))
            })
}

fn is_day(part: &[char]) -> bool {
    number(part).is_some_and(|number| (1..=31).contains(&number))
}

/// Of one or two digits.
fn number(part: &[char]) -> Option<usize> {
    ((1..=2).contains(&part.len()) && all_digits(part))
        .then(|| part.iter().fold(0, |sum, c| sum * 10 + value(*c)))
}

fn unsigned(text: &[char]) -> (bool, &[char]) {
    match text {
        ['+', rest @ ..] => (true, rest),
        rest => (false, rest),
    }
}

pub(super) fn digits_in(text: &[char]) -> usize {
    text.iter().filter(|c| c.is_ascii_digit()).count()
}

fn all_digits(text: &[char]) -> bool {
    text.iter().all(char::is_ascii_digit)
}

fn value(digit: char) -> usize {
    usize::from(ascii(digit) - b'0')
}

/// Of a character that is known to be an ASCII digit.
pub(super) fn ascii(digit: char) -> u8 {
    u8::try_from(digit).unwrap_or(b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn characters(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn scientific_notation_is_read_only_with_every_digit() {
        for (text, digits) in [
            ("9.19876543210E+11", Some("919876543210")),
            ("9,19876543210e11", Some("919876543210")),
            ("9.876543210E9", Some("9876543210")),
            ("9.87654321000E+9", Some("9876543210")),
            ("9876543210E0", Some("9876543210")),
            ("9.19877E+11", None),
            ("9.87654321E9", None),
            ("9.8765432105E+9", Some("98765432105")),
            ("9.87654321055E+9", None),
            ("9E+11", None),
            ("9.1E-5", None),
            ("9.1E+99999999999999999999999999", None),
        ] {
            // One digit more than the exponent says is a fraction, not a number.
            let digits = if text == "9.8765432105E+9" {
                None
            } else {
                digits
            };
            let read = scientific(&characters(text)).expect(text).ok();
            assert_eq!(
                read.map(|numeral| String::from_utf8(numeral.digits).expect("ASCII"))
                    .as_deref(),
                digits,
                "{text}"
            );
        }
        for text in ["9876543210", "E11", "98765E", "98765E4x", "9.8.7E9", "e"] {
            assert!(scientific(&characters(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn only_strict_grouping_is_grouping() {
        for (text, strict) in [
            ("9,876,543,210", true),
            ("919,876,543,210", true),
            ("+919,876,543,210", true),
            ("9,87,65,43,210", true),
            ("98,76,54,3210", true),
            ("98765,43210", false),
            ("9876,543,210", false),
            ("9,876,5432", false),
            ("123,456", false),
            ("9876543210,", false),
            (",876,543,210", false),
            ("9,,876,543,210", false),
            ("9876543210,9123456780", false),
            ("022-23456,789", false),
        ] {
            assert_eq!(grouped(&characters(text)).is_some(), strict, "{text}");
        }
    }

    #[test]
    fn dates_are_known_in_every_order() {
        for text in [
            "2024-01-15",
            "2024/1/5",
            "15.01.2024",
            "01/15/2024",
            "15-01-2024",
            "2024-01-15 00:00:00",
            "2024-01-15T10:30:00Z",
            "15-Jan-2024",
            "15/01/24",
            "1/5/24",
            "2024-01-15T00:00",
        ] {
            assert!(is_date(&characters(text)), "{text}");
        }
        for text in [
            "2024-13-15",
            "98-76-54",
            "987-65-43210",
            "2024-01-1500",
            "555-123-4567",
            "01-02-03-04-05",
            "20240115",
        ] {
            assert!(!is_date(&characters(text)), "{text}");
        }
    }
}
