//! A column `region` that holds the states of a country: Indiana is `IN` and Madhya Pradesh `MP`, and read as countries
//! they would turn a number into somebody else's.

use std::fmt;

use crate::correction::plain_country;
use crate::outcome::Reason;
use crate::phone::{Refusal, Region};

/// What speaks against reading such a column as the country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct States {
    line: u64,
    cell: String,
    why: &'static str,
}

impl States {
    /// For machines.
    pub const CODE: &str = "region_column_of_states";

    /// Judges one filled cell of the column. `refused`: why its row is not sent, if so.
    pub fn find(
        line: u64,
        cell: &str,
        default_region: Option<Region>,
        refused: Option<Reason>,
    ) -> Option<Self> {
        let cell = plain_country(cell);
        let is_code = cell.len() == 2 && cell.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_foreign = |region: Region| {
            default_region.is_some_and(|home| home.calling_code() != region.calling_code())
        };
        let why = match cell.parse::<Region>() {
            _ if !is_code => None,
            Err(_) => Some("which is no country"),
            Ok(_) if refused == Some(Refusal::CountryMismatch.into()) => {
                Some("which the number's own country code contradicts")
            }
            Ok(region) if is_foreign(region) => Some("which is not what --region says"),
            Ok(_) => None,
        }?;
        Some(Self { line, cell, why })
    }
}

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the column `region` seems to hold states and not countries (line {}: `{}`, {}), and a state that is read \
             as a country makes a number somebody else's: rename it, or say --map country=region if they are countries",
            self.line, self.cell, self.why
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Cause;

    #[test]
    fn states_are_told_from_countries_as_far_as_they_can_be() {
        let mismatch = Some(Refusal::CountryMismatch.into());
        for (cell, default_region, refused, expected) in [
            ("IN", None, None, None),
            ("IN", Some("IN"), None, None),
            (" in ", Some("SG"), None, Some("--region")),
            ("MP", Some("IN"), None, Some("--region")),
            ("BR", Some("IN"), None, Some("--region")),
            ("(UK)", Some("IN"), None, Some("--region")),
            ("M\u{200b}P", Some("IN"), None, Some("--region")),
            (
                "TX",
                None,
                Some(Cause::CountryUnknown.into()),
                Some("no country"),
            ),
            ("ny", None, None, Some("no country")),
            ("IN", None, mismatch, Some("contradicts")),
            ("DE", Some("US"), None, Some("--region")),
            ("CA", Some("US"), None, None),
            ("+91", Some("US"), None, None),
            ("91", None, mismatch, None),
            ("Narnia", None, Some(Cause::CountryUnknown.into()), None),
            ("IN", None, Some(Refusal::PhoneTooShort.into()), None),
        ] {
            let region = default_region.map(|region| region.parse().unwrap());
            let found = States::find(7, cell, region, refused);
            match (&found, expected) {
                (None, None) => {}
                (Some(found), Some(words)) => {
                    let said = found.to_string();
                    assert!(said.contains(words) && said.contains("line 7"), "{said}");
                }
                _ => panic!("{cell} {default_region:?} {refused:?}: {found:?}"),
            }
        }
    }
}
