//! JSON in which no object has a key twice: serde would take the last one, and nobody knows which was meant.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Any such JSON; its values are not kept.
#[derive(Clone, Copy, Debug)]
pub struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Unambiguous, M::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<Unambiguous>()?;
            if let Some(twice) = keys.replace(key) {
                return Err(M::Error::custom(format!("the key `{twice}` stands twice")));
            }
        }
        Ok(Unambiguous)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut values: S) -> Result<Unambiguous, S::Error> {
        while values.next_element::<Unambiguous>()?.is_some() {}
        Ok(Unambiguous)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }

    fn visit_unit<E: Error>(self) -> Result<Unambiguous, E> {
        Ok(Unambiguous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_stand_once_in_each_object() {
        for (json, expected) in [
            (r#"{"a": 1, "b": [1, -2.5e3, "x", true, null, {}]}"#, None),
            (r#"{"a": {"a": {"a": 12345678901234567890123}}}"#, None),
            (r#"[{"a": 1}, {"a": 1}]"#, None),
            (r#"{"a": 1, "A": 2, "": 3}"#, None),
            (r#"{"a": 1, "a": 1}"#, Some("the key `a` stands twice")),
            (
                r#"{"a": [{"x": 1, "x": 2}]}"#,
                Some("the key `x` stands twice"),
            ),
            (r#"{"a": 1, "\u0061": 2}"#, Some("the key `a` stands twice")),
            ("{", Some("EOF")),
            ("", Some("EOF")),
        ] {
            let found = serde_json::from_str::<Unambiguous>(json).err();
            let said = found.map(|error| error.to_string());
            match expected {
                None => assert_eq!(said, None, "{json}"),
                Some(words) => assert!(said.is_some_and(|said| said.starts_with(words)), "{json}"),
            }
        }
    }
}
