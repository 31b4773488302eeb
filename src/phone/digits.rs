//! A cell brought down to what can be dialled: digits, perhaps with a `+` in front. Without memory of its own.

use std::ops::Deref;

/// No number has more than 15 digits; the rest is room for whatever is dialled before it.
const MOST: usize = 22;

/// Digits, perhaps with a `+` in front.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// The `+`, whether meant or not, then the digits.
    text: [u8; MOST + 1],
    length: usize,
    plus: bool,
}

impl Digits {
    pub(super) fn new(plus: bool) -> Digits {
        let mut text = [0; MOST + 1];
        text[0] = b'+';
        Digits {
            text,
            length: 0,
            plus,
        }
    }

    /// Those of a number, with a `+`.
    pub(super) fn of(number: u64) -> Digits {
        let mut buffer = itoa::Buffer::new();
        let decimal = buffer.format(number).as_bytes();
        let mut digits = Digits::new(true);
        digits.text[1..=decimal.len()].copy_from_slice(decimal);
        digits.length = decimal.len();
        digits
    }

    /// Adds an ASCII digit; false when there are too many for any number.
    pub(super) fn push(&mut self, digit: u8) -> bool {
        debug_assert!(digit.is_ascii_digit());
        let length = self.length;
        if length == MOST {
            return false;
        }
        self.text[length + 1] = digit;
        self.length += 1;
        true
    }

    pub(super) fn has_plus(&self) -> bool {
        self.plus
    }

    pub(super) fn without_plus(&self) -> &[u8] {
        &self.text[1..=self.length]
    }

    /// The same digits from the `skip`th on, as an international number.
    pub(super) fn international_from(&self, skip: usize) -> Digits {
        let mut rest = Digits::new(true);
        for &digit in &self.without_plus()[skip.min(self.length)..] {
            rest.push(digit);
        }
        rest
    }
}

/// As the library reads them: with the `+`, if there is one.
impl Deref for Digits {
    type Target = str;

    fn deref(&self) -> &str {
        let start = usize::from(!self.plus);
        str::from_utf8(&self.text[start..=self.length]).unwrap_or_default()
    }
}
