//! What a cell looks like before anybody asks whether it is a valid number: enough to judge a whole column.

use super::cell::Cell;
use super::clean::unwrap;
use super::numeral::{self, Decimals};

/// What a cell looks like before anybody asks whether it is a valid number, for judging a whole column.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// Nothing in it.
    Empty,
    /// A negative number, without its sign.
    Negative(u64),
    /// Scientific notation without all its digits.
    Lossy,
    /// At most 18 digits, however they are written.
    Number(u64),
    /// Anything else.
    Text,
}

/// The shape of a cell.
pub(crate) fn shape(text: &str) -> Shape {
    if text.is_empty() {
        return Shape::Empty;
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    if let Some(number) = integer(digits.bytes().map(char::from)) {
        return Shape::Number(number);
    }
    let Ok(mut cell) = Cell::read(text) else {
        return Shape::Text;
    };
    if cell.is_empty() {
        return Shape::Empty;
    }
    if unwrap(&mut cell).is_err() {
        return Shape::Text;
    }
    if let Some(numeral) = numeral::scientific(cell.text()) {
        return numeral.map_or(Shape::Lossy, |numeral| {
            integer(numeral.digits.iter().copied().map(char::from))
                .map_or(Shape::Text, Shape::Number)
        });
    }
    if let Decimals::Zeros(count) = numeral::decimals(cell.text()) {
        cell.cut_end(count);
    }
    let text = cell.text();
    let negative = numeral::is_negative(text);
    let punctuation =
        |c: &char| matches!(c, '+' | '-' | '.' | ',' | ' ' | '(' | ')' | '[' | ']' | '/');
    match integer(text.iter().copied().filter(|c| !punctuation(c))) {
        Some(number) if negative => Shape::Negative(number),
        Some(number) => Shape::Number(number),
        None => Shape::Text,
    }
}

/// The integer that these digits are, if they are nothing else and not too many.
fn integer(digits: impl Iterator<Item = char>) -> Option<u64> {
    let (value, count) =
        digits
            .enumerate()
            .try_fold((0_u64, 0), |(value, _), (place, digit)| {
                let digit = digit.to_digit(10).filter(|_| place < 18)?;
                Some((value * 10 + u64::from(digit), place + 1))
            })?;
    (count > 0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_the_shape_of_what_it_is() {
        for (cell, expected) in [
            ("", Shape::Empty),
            (" \u{200b}", Shape::Empty),
            ("9876543210", Shape::Number(9_876_543_210)),
            ("+919876543210", Shape::Number(919_876_543_210)),
            ("+", Shape::Text),
            ("+1234567890123456789", Shape::Text),
            ("'+91 98765-43210", Shape::Number(919_876_543_210)),
            ("9876543488.0", Shape::Number(9_876_543_488)),
            ("9.876543210E+9", Shape::Number(9_876_543_210)),
            ("9.19877E+11", Shape::Lossy),
            ("-9876543119", Shape::Negative(9_876_543_119)),
            ("−9,876,543,119.00", Shape::Negative(9_876_543_119)),
            ("(9876543119)", Shape::Negative(9_876_543_119)),
            ("9876543119-", Shape::Negative(9_876_543_119)),
            ("(-9876543119)", Shape::Negative(9_876_543_119)),
            ("[ -9876543119]", Shape::Negative(9_876_543_119)),
            ("( 9876543119 )", Shape::Negative(9_876_543_119)),
            ("(09876543210)", Shape::Number(9_876_543_210)),
            ("\u{ad}9876543119", Shape::Negative(9_876_543_119)),
            ("[9876543488.0]", Shape::Number(9_876_543_488)),
            ("(98765) 43210", Shape::Number(9_876_543_210)),
            ("(022) 234567 (89)", Shape::Number(2_223_456_789)),
            ("7", Shape::Number(7)),
            ("()", Shape::Text),
            ("98765XXXXX", Shape::Text),
            ("1234567890123456789", Shape::Text),
            ("N/A", Shape::Text),
        ] {
            assert_eq!(shape(cell), expected, "{cell:?}");
        }
    }
}
