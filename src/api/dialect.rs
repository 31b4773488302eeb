//! The two documented spellings of a request's body.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// One of the two documented spellings of the `PATCH` body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `phone_number`, `metadata`, free-text `notes`.
    Guide,
    /// `phoneNumber`, `notes` as the object of variables.
    Reference,
}

impl Dialect {
    /// Both, in the order in which they are tried.
    pub const ALL: [Self; 2] = [Self::Guide, Self::Reference];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Guide => Self::Reference,
            Self::Reference => Self::Guide,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guide => "guide",
            Self::Reference => "reference",
        })
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.to_string() == word)
            .ok_or_else(|| format!("`{word}` is neither `guide` nor `reference`"))
    }
}
