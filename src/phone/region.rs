//! The region whose numbering plan reads a number without `+`.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, Region as LibraryRegion};

use super::guard;

/// A region whose numbering plan is used. Read from `IN`, `in`, `+91` or `91`; a calling code that several
/// regions share (`+1`, `+44`, `+7`) stands for the main one, which has the plan of them all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Region {
    plan: LibraryRegion,
    calling_code: u16,
}

impl Region {
    /// The digits that stand after the `+`.
    pub fn calling_code(self) -> u16 {
        self.calling_code
    }

    pub(super) fn plan(self) -> LibraryRegion {
        self.plan
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(text: &str) -> Result<Region, UnknownRegion> {
        let text = text.trim();
        let digits = text.strip_prefix('+').unwrap_or(text);
        // The longest calling code has three digits; two zeros or one may stand in front, as people dial them.
        let found = if !digits.is_empty()
            && digits.len() <= 5
            && digits.bytes().all(|b| b.is_ascii_digit())
        {
            digits.parse().ok().and_then(region_of_calling_code)
        } else if text.eq_ignore_ascii_case("uk") {
            Some(LibraryRegion::GB)
        } else {
            LibraryRegion::from_code(text).ok()
        };
        found
            .filter(|&plan| plan != LibraryRegion::World)
            .and_then(|plan| {
                let code = guard::quietly(|| PHONE_NUMBER_UTIL.get_country_code_for_region(plan))??;
                Some(Region {
                    plan,
                    calling_code: u16::try_from(code).ok()?,
                })
            })
            .ok_or_else(|| UnknownRegion(text.chars().take(40).collect()))
    }
}

fn region_of_calling_code(code: i32) -> Option<LibraryRegion> {
    guard::quietly(|| PHONE_NUMBER_UTIL.get_region_for_country_code(code))?
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.plan)
    }
}

/// The text names no region that has a numbering plan.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no country; write two letters as in `IN`, or a calling code as in `+91`")]
pub struct UnknownRegion(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_read_from_letters_and_calling_codes() {
        for (text, region, code) in [
            ("IN", "IN", 91),
            ("in", "IN", 91),
            (" +91 ", "IN", 91),
            ("91", "IN", 91),
            ("0091", "IN", 91),
            ("001", "US", 1),
            ("+1", "US", 1),
            ("CA", "CA", 1),
            ("44", "GB", 44),
            ("UK", "GB", 44),
            ("+7", "RU", 7),
            ("+971", "AE", 971),
            ("+39", "IT", 39),
        ] {
            let read: Region = text.parse().expect(text);
            assert_eq!(
                (read.to_string().as_str(), read.calling_code()),
                (region, code),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for text in [
            "", "+", "India", "ZZ", "AQ", "+800", "999", "+0", "-91", "9 1", "é", "II", "१",
        ] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }
}
