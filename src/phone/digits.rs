//! A cell brought down to what can be dialled: digits, perhaps with a `+` in front.

/// No number has more than 15 digits; the rest is room for whatever is dialled before it.
const MOST: usize = 22;

/// Digits, perhaps with a `+` in front.
#[derive(Clone, Copy)]
pub(super) struct Digits {
    /// The `+`, whether meant or not, then the digits.
    text: [u8; MOST + 1],
    length: u8,
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

    /// Adds an ASCII digit; false when there are too many for any number.
    pub(super) fn push(&mut self, digit: u8) -> bool {
        debug_assert!(digit.is_ascii_digit());
        let length = usize::from(self.length);
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

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text[1..=usize::from(self.length)]
    }

    /// For the library: with the `+`, if there is one.
    pub(super) fn as_str(&self) -> &str {
        let start = usize::from(!self.plus);
        std::str::from_utf8(&self.text[start..=usize::from(self.length)]).unwrap_or_default()
    }

    /// The same digits from the `skip`th on, as an international number.
    pub(super) fn international_from(&self, skip: usize) -> Digits {
        let mut rest = Digits::new(true);
        for &digit in &self.as_bytes()[skip.min(usize::from(self.length))..] {
            rest.push(digit);
        }
        rest
    }
}
