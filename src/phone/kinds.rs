//! The kinds of number that an outbound voice campaign leaves alone unless told otherwise.

use std::str::FromStr;

use rlibphonenumber::PhoneNumberType;

/// The kinds of number allowed beyond the default, read from `premium_rate,shared_cost,pager`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AllowedTypes(u8);

/// A kind that is not called unless it is allowed.
#[derive(Clone, Copy)]
enum Kind {
    PremiumRate = 1,
    SharedCost = 2,
    Pager = 4,
}

impl AllowedTypes {
    /// Every kind is allowed.
    pub const ALL: AllowedTypes = AllowedTypes(7);

    pub(super) fn admits(self, kind: PhoneNumberType) -> bool {
        let kind = match kind {
            PhoneNumberType::PremiumRate => Kind::PremiumRate,
            PhoneNumberType::SharedCost => Kind::SharedCost,
            PhoneNumberType::Pager => Kind::Pager,
            _ => return true,
        };
        self.0 & kind as u8 != 0
    }
}

impl FromStr for AllowedTypes {
    type Err = UnknownType;

    fn from_str(text: &str) -> Result<AllowedTypes, UnknownType> {
        let mut allowed = AllowedTypes::default();
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            let kind = match name.to_ascii_lowercase().replace('-', "_").as_str() {
                "premium_rate" => Kind::PremiumRate,
                "shared_cost" => Kind::SharedCost,
                "pager" => Kind::Pager,
                _ => return Err(UnknownType(name.chars().take(40).collect())),
            };
            allowed.0 |= kind as u8;
        }
        Ok(allowed)
    }
}

/// The text names no kind that can be allowed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{0}` is no kind of number that can be allowed; the kinds are `premium_rate`, `shared_cost` and `pager`"
)]
pub struct UnknownType(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_from_a_list() {
        let allowed: AllowedTypes = " pager, Premium-Rate ".parse().expect("a list");
        assert!(allowed.admits(PhoneNumberType::Pager));
        assert!(allowed.admits(PhoneNumberType::PremiumRate));
        assert!(!allowed.admits(PhoneNumberType::SharedCost));
        assert!(allowed.admits(PhoneNumberType::Mobile));
        assert_eq!(
            "premium_rate,shared_cost,pager".parse(),
            Ok(AllowedTypes::ALL)
        );
        assert_eq!("".parse(), Ok(AllowedTypes::default()));
        assert!("mobile".parse::<AllowedTypes>().is_err());
    }
}
