//! A cell brought down to what can be dialled: digits, perhaps with a `+` in front. Without memory of its own.

use std::ops::Deref;

use arrayvec::ArrayString;

/// No number has more than 15 digits; the rest is room for whatever is dialled before it.
const MOST: usize = 22;

/// Digits, perhaps with a `+` in front.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// The `+`, whether meant or not, then the digits.
    text: ArrayString<{ MOST + 1 }>,
    plus: bool,
    /// How many of them the cell sets apart in front, where that is known.
    pub(super) first_group: usize,
}

impl Digits {
    pub(super) fn new(plus: bool) -> Digits {
        let mut text = ArrayString::new();
        text.push('+');
        Digits {
            text,
            plus,
            first_group: 0,
        }
    }

    /// Those of a number, with a `+`.
    pub(super) fn of(number: u64) -> Digits {
        let mut digits = Digits::new(true);
        digits.text.push_str(itoa::Buffer::new().format(number));
        digits
    }

    /// Adds an ASCII digit; false when there are too many for any number.
    pub(super) fn push(&mut self, digit: u8) -> bool {
        debug_assert!(digit.is_ascii_digit());
        self.text.try_push(char::from(digit)).is_ok()
    }

    pub(super) fn has_plus(&self) -> bool {
        self.plus
    }

    pub(super) fn without_plus(&self) -> &[u8] {
        &self.text.as_bytes()[1..]
    }

    /// The same digits without the `+`.
    pub(super) fn domestic(&self) -> Digits {
        Digits {
            plus: false,
            ..*self
        }
    }

    /// The same digits with a zero in front, and without a `+`.
    pub(super) fn behind_zero(&self) -> Digits {
        let mut digits = Digits::new(false);
        digits.text.push('0');
        digits.text.push_str(self.text.get(1..).unwrap_or_default());
        digits
    }

    /// The same digits from the `skip`th on, as an international number.
    pub(super) fn international_from(&self, skip: usize) -> Digits {
        let mut rest = Digits::new(true);
        rest.text
            .push_str(self.text.get(1 + skip..).unwrap_or_default());
        rest
    }
}

/// As the library reads them: with the `+`, if there is one.
impl Deref for Digits {
    type Target = str;

    fn deref(&self) -> &str {
        if self.plus {
            &self.text
        } else {
            &self.text[1..]
        }
    }
}
