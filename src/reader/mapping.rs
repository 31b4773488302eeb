//! What a column can be, and `--map`, which says outright which one is what.

use std::fmt;
use std::str::FromStr;

use super::names;
use crate::text::is_blank;

/// A field that a column can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// Which lead; required.
    LeadId,
    /// The number to call.
    PhoneNumber,
    /// The country that numbers without one belong to.
    Country,
    /// The person's name.
    Name,
    /// Free text.
    Notes,
    /// All variables, as a JSON object.
    Metadata,
}

impl Field {
    /// Every field.
    pub const ALL: [Field; 6] = [
        Field::LeadId,
        Field::PhoneNumber,
        Field::Country,
        Field::Name,
        Field::Notes,
        Field::Metadata,
    ];

    /// The name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Field::LeadId => "lead_id",
            Field::PhoneNumber => "phone_number",
            Field::Country => "country",
            Field::Name => "name",
            Field::Notes => "notes",
            Field::Metadata => "metadata",
        }
    }

    /// The names that are taken for it, folded.
    pub(super) fn spellings(self) -> &'static [&'static str] {
        match self {
            Field::LeadId => names::LEAD_ID,
            Field::PhoneNumber => names::PHONE_NUMBER,
            Field::Country => names::COUNTRY,
            Field::Name => names::NAME,
            Field::Notes => names::NOTES,
            Field::Metadata => names::METADATA,
        }
    }

    /// The field that a name in a header is, if any.
    pub(super) fn named(name: &str) -> Option<Field> {
        let folded = names::fold(name);
        Field::ALL
            .into_iter()
            .find(|field| field.spellings().contains(&folded.as_str()))
    }
}

/// What a column can be mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapTarget {
    /// A field.
    Field(Field),
    /// One variable, by its KEY.
    Variable(String),
}

/// An argument of `--map` that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// No `=`.
    #[error("`{0}` has no `=`; write for example phone_number=\"Mobile No.\"")]
    NoEquals(String),
    /// Nothing after the `=`.
    #[error("`{0}` names no column after the `=`")]
    NoColumn(String),
    /// Not a field.
    #[error(
        "`{0}` is not a field; the fields are lead_id, phone_number, country, name, notes, metadata and metadata.KEY"
    )]
    UnknownField(String),
}

/// Reads a whole argument `field=Column`, as `--map` takes it.
pub fn mapping(argument: &str) -> Result<(MapTarget, String), MappingError> {
    let (target, column) = argument
        .split_once('=')
        .ok_or_else(|| MappingError::NoEquals(argument.to_owned()))?;
    if is_blank(column) {
        return Err(MappingError::NoColumn(argument.to_owned()));
    }
    Ok((target.parse()?, column.to_owned()))
}

impl FromStr for MapTarget {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<MapTarget, MappingError> {
        match (Field::named(text), names::variable(text)) {
            (Some(field), _) => Ok(MapTarget::Field(field)),
            (None, Some(key)) if !key.is_empty() => Ok(MapTarget::Variable(key.to_owned())),
            _ => Err(MappingError::UnknownField(text.to_owned())),
        }
    }
}

impl fmt::Display for MapTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MapTarget::Field(field) => f.write_str(field.name()),
            MapTarget::Variable(key) => write!(f, "metadata.{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_one_argument() {
        let variable = MapTarget::Variable("First".to_owned());
        assert_eq!(
            mapping("metadata.First=a=b"),
            Ok((variable, "a=b".to_owned()))
        );
        assert_eq!(
            mapping("Phone=x"),
            Ok((MapTarget::Field(Field::PhoneNumber), "x".to_owned()))
        );
        for bad in ["phone", "phone=", "fax=x", "metadata.=x", "=x"] {
            assert!(mapping(bad).is_err(), "{bad}");
        }
    }
}
