//! What a request shall change, and its body in either spelling.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::{Dialect, Variables};
use crate::phone::E164;

/// What a `PATCH` shall change, before it is spelled. `None` leaves a field alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change<'a> {
    /// The number to be called.
    pub phone_number: Option<E164>,
    /// The lead's name.
    pub name: Option<&'a str>,
    /// Free text; empty to clear it. Only the guide spelling can say it.
    pub notes: Option<&'a str>,
    /// The whole object as it shall be afterwards.
    pub variables: Option<Cow<'a, Variables>>,
}

impl Change<'_> {
    /// Whether the two spellings of this change differ, so that a proof of one says something.
    pub fn tells_dialects_apart(&self) -> bool {
        self.phone_number.is_some() || self.variables.is_some() || self.notes.is_some()
    }

    /// The JSON body in one spelling, or `None` where that spelling cannot say it.
    pub fn body(&self, dialect: Dialect) -> Option<Vec<u8>> {
        let body = match dialect {
            Dialect::Guide => Body {
                phone_number: self.phone_number.map(Number),
                name: self.name,
                notes: self.notes.map(Notes::Text),
                metadata: self.variables.as_deref(),
                ..Body::default()
            },
            Dialect::Reference if self.notes.is_some() => return None,
            Dialect::Reference => Body {
                phone_number_camel: self.phone_number.map(Number),
                name: self.name,
                notes: self.variables.as_deref().map(Notes::Variables),
                ..Body::default()
            },
        };
        serde_json::to_vec(&body).ok()
    }
}

#[derive(Default, Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<Number>,
    #[serde(rename = "phoneNumber", skip_serializing_if = "Option::is_none")]
    phone_number_camel: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Notes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Variables>,
}

struct Number(E164);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Notes<'a> {
    Text(&'a str),
    Variables(&'a Variables),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(change: &Change, dialect: Dialect) -> Option<String> {
        change
            .body(dialect)
            .map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn the_two_spellings() {
        let variables = json!({"product": "home_loan"});
        let change = Change {
            phone_number: Some("+919876543210".parse().unwrap()),
            name: Some("Priya"),
            notes: None,
            variables: variables.as_object().map(Cow::Borrowed),
        };
        insta::assert_snapshot!(text(&change, Dialect::Guide).unwrap(),
            @r#"{"phone_number":"+919876543210","name":"Priya","metadata":{"product":"home_loan"}}"#);
        insta::assert_snapshot!(text(&change, Dialect::Reference).unwrap(),
            @r#"{"phoneNumber":"+919876543210","name":"Priya","notes":{"product":"home_loan"}}"#);
        let notes = Change {
            notes: Some("call after six"),
            ..Change::default()
        };
        assert_eq!(
            text(&notes, Dialect::Guide).unwrap(),
            r#"{"notes":"call after six"}"#
        );
        assert_eq!(
            text(&notes, Dialect::Reference),
            None,
            "the reference spelling has no free text"
        );
    }
}
