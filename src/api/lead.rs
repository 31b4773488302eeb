//! A lead as a reply shows it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Change, Dialect, Variables};
use crate::shown::is_as_sent;
use crate::unambiguous::Unambiguous;

/// A lead as the server shows it, in either of its two documented shapes. It stands in the reply: most replies are
/// asked for two of their fields and then forgotten, so nothing is copied out of them unless it is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Lead<'a> {
    /// The lead's ID.
    #[serde(borrow, default, deserialize_with = "scalar")]
    pub id: Option<Text<'a>>,
    /// The campaign's ID; path examples in the documentation use it for the lead.
    #[serde(borrow, default, deserialize_with = "scalar")]
    pub campaign_id: Option<Text<'a>>,
    /// In the first shape.
    #[serde(borrow, default, deserialize_with = "scalar")]
    phone_number: Option<Text<'a>>,
    /// In the second shape.
    #[serde(borrow, default, rename = "phoneNumber", deserialize_with = "scalar")]
    other_phone_number: Option<Text<'a>>,
    /// Shown in the second shape only. `null` is shown, and is no name.
    #[serde(borrow, default, deserialize_with = "present")]
    name: Option<&'a RawValue>,
    /// Variables in the first shape. `null` is shown, and means none.
    #[serde(borrow, default, deserialize_with = "present")]
    metadata: Option<&'a RawValue>,
    /// Free text, or the variables in the second shape. `null` is shown, and means none.
    #[serde(borrow, default, deserialize_with = "present")]
    notes: Option<&'a RawValue>,
    /// `pending`, `in_progress`, `completed`, `failed` or `removed`.
    #[serde(borrow, default, deserialize_with = "scalar")]
    pub status: Option<Text<'a>>,
    /// Of an envelope: an error that travels under a 200.
    #[serde(rename = "statusCode")]
    status_code: Option<u16>,
    #[serde(borrow, default, deserialize_with = "present")]
    success: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    ok: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    errors: Option<&'a RawValue>,
}

/// Text of a reply; copied only where it holds escapes.
#[derive(Clone, Debug, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> Lead<'a> {
    /// Reads a lead from a whole JSON reply, also when it is wrapped in `{"statusCode":…,"data":{…}}`. `None`
    /// where the reply is no JSON object or shows nothing that identifies a lead.
    pub fn from_reply(body: &'a [u8]) -> Option<Self> {
        let outer = read::<Self>(body).filter(|outer| !outer.fails())?;
        if outer.is_identified() {
            return Some(outer);
        }
        // A lead has states of its own; of an envelope it is the one word for a failure.
        let wrapped = read::<Wrapped>(body).filter(|_| outer.status.as_deref() != Some("error"))?;
        let inner = wrapped.data;
        (inner.is_identified() && !inner.fails()).then_some(inner)
    }

    fn is_identified(&self) -> bool {
        self.id.is_some() || self.campaign_id.is_some()
    }

    /// Whether what stands beside the lead, or around it, says that something failed.
    fn fails(&self) -> bool {
        let nothing = ["null", "false", "\"\"", "[]", "{}"];
        let is_denied = |field: Option<&RawValue>| field.is_some_and(|said| said.get() == "false");
        let complains =
            |field: Option<&RawValue>| field.is_some_and(|said| !nothing.contains(&said.get()));
        let status = self.status.as_ref().and_then(|status| status.parse().ok());
        [self.status_code, status]
            .into_iter()
            .flatten()
            .any(|code| code >= 400)
            || is_denied(self.success)
            || is_denied(self.ok)
            || complains(self.error)
            || complains(self.errors)
    }

    /// Whether the server names this lead in either of the places where its ID is documented to stand.
    pub fn is_named(&self, lead_id: &str) -> bool {
        [&self.id, &self.campaign_id]
            .into_iter()
            .any(|shown| shown.as_deref() == Some(lead_id))
    }

    /// E.164, as documented. `None` where it shows none, or two that differ.
    pub fn phone_number(&self) -> Option<&str> {
        match (&self.phone_number, &self.other_phone_number) {
            (Some(one), Some(other)) => (**one == **other).then_some(&**one),
            (one, other) => one.as_ref().or(other.as_ref()).map(|shown| &**shown),
        }
    }

    /// Whether it shows a name, be it none.
    pub fn shows_name(&self) -> bool {
        self.name.is_some()
    }

    /// Whether this is the name that it shows; `None` where it shows none.
    pub fn has_name(&self, wanted: &str) -> Option<bool> {
        let shown = self.name?;
        Some(text(shown).is_some_and(|shown| is_as_sent(&shown, wanted)))
    }

    /// The variables, from whichever field shows them. `None` where nobody knows what the lead holds: neither an
    /// object nor an explicit `null`, something else where the object should be, a key that stands twice, or two objects
    /// that both hold some and differ.
    pub fn variables(&self) -> Option<Variables> {
        let read = |field: &RawValue| {
            serde_json::from_str::<Unambiguous>(field.get())?;
            serde_json::from_str::<Value>(field.get())
        };
        let metadata = self.metadata.map(read).transpose().ok()?;
        let notes = self.notes.map(read).transpose().ok()?;
        match (metadata, notes) {
            (Some(Value::Object(first)), Some(Value::Object(second))) => {
                match (first.len(), second.len()) {
                    (_, 0) => Some(first),
                    (0, _) => Some(second),
                    _ => (first == second).then_some(first),
                }
            }
            (Some(Value::Object(only)), _)
            | (None | Some(Value::Null), Some(Value::Object(only))) => Some(only),
            (Some(Value::Null), _) | (None, Some(Value::Null)) => Some(Variables::new()),
            _ => None,
        }
    }

    /// Whether the lead says that a call to it has begun. Anything else, silence included, does not: a lead that is
    /// pending will be called, and one that was taken out must not be.
    pub fn is_dialled(&self) -> bool {
        let dialled = ["in_progress", "completed", "failed"];
        let status = self.status.as_ref().map(|status| status.to_lowercase());
        status.is_some_and(|status| dialled.contains(&status.as_str()))
    }

    /// The free-text notes, empty for `null`; `None` where the lead shows none.
    pub fn notes_text(&self) -> Option<Text<'a>> {
        let shown = self.notes?;
        if shown.get() == "null" {
            Some(Text("".into()))
        } else {
            text(shown)
        }
    }

    /// Whether a change in this spelling would overwrite something else of this lead: free text sent as `notes`
    /// to a lead whose variables stand there, or variables sent there over somebody's free text.
    pub fn would_lose(&self, change: &Change, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Guide => change.notes.is_some() && self.notes.is_some_and(is_object),
            // A lead that shows its variables in `metadata` keeps something else in `notes`, shown or not.
            Dialect::Reference => {
                change.variables.is_some()
                    && (self.metadata.is_some_and(is_object)
                        || self.notes_text().is_some_and(|text| !text.is_empty()))
            }
        }
    }
}

/// A lead in an envelope.
#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    data: Lead<'a>,
}

/// Tells an explicit `null` (shown) from a field that is absent (not shown).
fn present<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Text, or a number as it is written; anything else is as good as not shown, and hides nothing beside it.
fn scalar<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Text<'a>>, D::Error> {
    struct Scalar;

    impl<'de> Visitor<'de> for Scalar {
        type Value = Option<Text<'de>>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("anything")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Some(Text(text.into())))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(Text(text.to_owned().into())))
        }

        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Some(Text(number.to_string().into())))
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            IgnoredAny.visit_seq(list).map(|_| None)
        }

        fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
            IgnoredAny.visit_map(object).map(|_| None)
        }
    }

    deserializer.deserialize_any(Scalar)
}

/// Checked for UTF-8 as a whole, a reply needs no check of each string; damage in a field that nobody reads does no
/// harm.
fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text).ok(),
        Err(_) => serde_json::from_slice(body).ok(),
    }
}

fn text(field: &RawValue) -> Option<Text<'_>> {
    serde_json::from_str(field.get()).ok()
}

fn is_object(field: &RawValue) -> bool {
    field.get().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A lead that shows these fields besides its ID.
    fn shown(fields: Value) -> Lead<'static> {
        let fields: Variables = serde_json::from_value(fields).unwrap();
        let mut lead = json!({"id": "lead_1"});
        lead.as_object_mut().unwrap().extend(fields);
        Lead::from_reply(lead.to_string().leak().as_bytes()).unwrap()
    }

    #[test]
    fn a_lead_in_both_shapes_and_wrapped() {
        let first = br#"{"id":"lead_1","campaign_id":"cmp_1","phone_number":"+91","metadata":{"a":"1"},"status":"pending"}"#;
        let second = br#"{"id":"lead_1","phoneNumber":"+91","name":"P","notes":{"a":"1"},"call_log_id":null}"#;
        let wrapped = [br#"{"statusCode":200,"data":"#.as_slice(), first, b"}"].concat();
        for reply in [first.as_slice(), second, &wrapped] {
            let lead = Lead::from_reply(reply).unwrap();
            assert!(lead.is_named("lead_1") && !lead.is_named("lead_2"));
            assert_eq!(lead.phone_number(), Some("+91"));
            assert_eq!(lead.variables().as_ref(), json!({"a": "1"}).as_object());
            assert!(lead.notes_text().is_none());
        }
        for reply in [
            b"".as_slice(),
            b"{}",
            b"[]",
            b"OK",
            b"<html>",
            br#"{"id":"lead_1""#,
            br#"{"data":{}}"#,
        ] {
            assert!(
                Lead::from_reply(reply).is_none(),
                "{}",
                String::from_utf8_lossy(reply)
            );
        }
    }

    #[test]
    fn an_odd_field_hides_no_other() {
        let lead = |reply: &'static str| Lead::from_reply(reply.as_bytes()).unwrap();
        for (reply, phone_number) in [
            (
                r#"{"id":"lead_1","phone_number":"+91","phoneNumber":"+91"}"#,
                Some("+91"),
            ),
            (
                r#"{"id":"lead_1","phone_number":"+91","phoneNumber":"+92"}"#,
                None,
            ),
            (
                r#"{"id":"lead_1","phone_number":null,"phoneNumber":"+91"}"#,
                Some("+91"),
            ),
            (
                r#"{"id":"lead_1","campaign_id":42,"phone_number":"+91"}"#,
                Some("+91"),
            ),
            (
                r#"{"id":"lead_1","campaign_id":{"a":[1,-2.5]},"status":["x"],"phone_number":"+91"}"#,
                Some("+91"),
            ),
            (r#"{"id":"lead_1","status":-1,"phone_number":true}"#, None),
        ] {
            let lead = lead(reply);
            assert!(lead.is_named("lead_1") && !lead.is_dialled(), "{reply}");
            assert_eq!(lead.phone_number(), phone_number, "{reply}");
        }
        assert!(lead(r#"{"id":42}"#).is_named("42"));
        assert!(Lead::from_reply(br#"{"id":{"a":1}}"#).is_none());
    }

    #[test]
    fn an_error_under_a_200_is_no_lead() {
        for reply in [
            r#"{"statusCode":409,"message":"locked","data":{"id":"lead_1","phone_number":"+91"}}"#,
            r#"{"statusCode":500,"id":"lead_1","phone_number":"+91"}"#,
            r#"{"success":false,"id":"lead_1","phone_number":"+91"}"#,
            r#"{"success":false,"message":"locked","data":{"id":"lead_1","phone_number":"+91"}}"#,
            r#"{"error":"Conflict","data":{"id":"lead_1","phone_number":"+91"}}"#,
            r#"{"status":409,"data":{"id":"lead_1","phone_number":"+91"}}"#,
            r#"{"errors":[{"field":"metadata"}],"data":{"id":"lead_1","phone_number":"+91"}}"#,
            r#"{"status":"error","data":{"id":"lead_1","phone_number":"+91"}}"#,
            r#"{"ok":false,"data":{"id":"lead_1","phone_number":"+91"}}"#,
            r#"{"statusCode":200,"data":{"id":"lead_1","phone_number":"+91","error":"stale copy"}}"#,
            r#"{"id":"lead_1","phone_number":"+91","error":"Conflict"}"#,
            r#"{"id":"lead_1","phone_number":"+91","errors":["x"]}"#,
            r#"{"id":"lead_1","phone_number":"+91","ok":false}"#,
            r#"{"id":"lead_1","phone_number":"+91","status":409}"#,
        ] {
            assert!(Lead::from_reply(reply.as_bytes()).is_none(), "{reply}");
        }
        for reply in [
            r#"{"id":"lead_1","status":"failed","error":null,"errors":[],"ok":true}"#,
            r#"{"status":"success","error":"","data":{"id":"lead_1","status":"failed"}}"#,
            r#"{"status":200,"data":{"id":"lead_1"}}"#,
        ] {
            assert!(Lead::from_reply(reply.as_bytes()).is_some(), "{reply}");
        }
    }

    /// What a lead shows, taken out of the reply at once, as [`Lead`] does it only when it is asked.
    #[derive(Debug, PartialEq)]
    struct Taken {
        name: Option<bool>,
        variables: Option<Variables>,
        notes: Option<String>,
    }

    impl Taken {
        fn out_of(reply: &[u8]) -> Option<Self> {
            let Ok(Value::Object(fields)) = serde_json::from_slice(reply) else {
                return None;
            };
            let (metadata, notes) = (fields.get("metadata"), fields.get("notes"));
            let variables = match (metadata, notes) {
                (Some(Value::Object(first)), Some(Value::Object(second))) => {
                    let rivals = !first.is_empty() && !second.is_empty() && first != second;
                    (!rivals).then(|| {
                        first
                            .iter()
                            .chain(second)
                            .map(|(k, v)| (k.clone(), v.clone()))
                            .collect()
                    })
                }
                (Some(Value::Object(only)), _)
                | (None | Some(Value::Null), Some(Value::Object(only))) => Some(only.clone()),
                (Some(Value::Null), _) | (None, Some(Value::Null)) => Some(Variables::new()),
                _ => None,
            };
            Some(Self {
                name: fields.get("name").map(|name| name == "Priya"),
                variables,
                notes: notes.and_then(|notes| match notes {
                    Value::Null => Some(String::new()),
                    notes => notes.as_str().map(str::to_owned),
                }),
            })
        }
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(json!("Priya")),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("[a-z\"]{0,2}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_stands_in_a_reply_is_read_as_if_it_were_taken_out_of_it(
            fields in proptest::collection::btree_map("name|metadata|notes", json_value(), 0..4),
            pretty in any::<bool>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut lead = json!({"id": "lead_1"});
            lead.as_object_mut().unwrap().extend(fields);
            let reply = if pretty { serde_json::to_vec_pretty(&lead) } else { serde_json::to_vec(&lead) }.unwrap();
            let read = |reply: &[u8]| Lead::from_reply(reply).map(|lead| Taken {
                name: lead.has_name("Priya"),
                variables: lead.variables(),
                notes: lead.notes_text().map(|text| text.to_string()),
            });
            prop_assert_eq!(read(&reply), Taken::out_of(&reply));
            prop_assert_eq!(read(&reply[..cut.index(reply.len())]), None, "a reply that was cut");
        }
    }

    #[test]
    fn a_field_that_cannot_be_taken_out_is_not_shown_and_hides_no_other() {
        let lone = r#"{"id":"l","phone_number":"+91","name":"\ud800","metadata":{"a":"\ud800"}}"#;
        let lead = Lead::from_reply(lone.as_bytes()).unwrap();
        assert_eq!(lead.phone_number(), Some("+91"));
        assert_eq!((lead.variables(), lead.has_name("x")), (None, Some(false)));
    }

    #[test]
    fn variables_that_nobody_can_be_sure_of_are_not_shown() {
        for (fields, shown) in [
            (r#""metadata":"{\"a\":1}","notes":null"#, None),
            (r#""metadata":[{"key":"a"}],"notes":null"#, None),
            (r#""metadata":{"a":"1"},"notes":{"b":"2"}"#, None),
            (r#""metadata":{"a":"1"},"notes":{"a":"1"}"#, Some(1)),
            (r#""metadata":{"a":"1","a":"2"},"notes":null"#, None),
            (r#""metadata":null,"notes":{"a":{"b":1,"b":2}}"#, None),
            (r#""metadata":{},"notes":{"b":"2"}"#, Some(1)),
            (r#""metadata":{"a":"1"},"notes":"text""#, Some(1)),
            (r#""metadata":null,"notes":"text""#, Some(0)),
        ] {
            let reply = format!(r#"{{"id":"l",{fields}}}"#);
            let lead = Lead::from_reply(reply.as_bytes()).unwrap();
            assert_eq!(lead.variables().map(|found| found.len()), shown, "{fields}");
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        let reply = br#"{"id":"l","metadata":{"acct":12345678901234567890123,"amt":1.10}}"#;
        let lead = Lead::from_reply(reply).unwrap();
        let text = serde_json::to_string(&lead.variables().unwrap()).unwrap();
        assert_eq!(text, r#"{"acct":12345678901234567890123,"amt":1.10}"#);
    }

    #[test]
    fn null_is_shown_and_absent_is_not() {
        let null = shown(json!({"metadata": null, "notes": null}));
        assert_eq!(null.variables(), Some(Variables::new()));
        assert_eq!(null.notes_text().as_deref(), Some(""));
        let absent = shown(json!({}));
        assert!(absent.variables().is_none() && absent.notes_text().is_none());
    }

    #[test]
    fn a_spelling_that_would_overwrite_something_else_is_seen() {
        let lead = |notes: Value| shown(json!({"notes": notes}));
        let variables = Variables::new();
        let text = Change {
            notes: Some("new"),
            ..Change::default()
        };
        let vars = Change {
            variables: Some(Cow::Borrowed(&variables)),
            ..Change::default()
        };
        assert!(lead(json!({"product": "x"})).would_lose(&text, Dialect::Guide));
        assert!(!lead(json!("old")).would_lose(&text, Dialect::Guide));
        assert!(lead(json!("old")).would_lose(&vars, Dialect::Reference));
        assert!(!lead(json!(null)).would_lose(&vars, Dialect::Reference));
        let first_shape = shown(json!({"metadata": {}}));
        assert!(
            first_shape.would_lose(&vars, Dialect::Reference),
            "`notes` is not shown, and not ours"
        );
        assert!(!lead(json!({"product": "x"})).would_lose(&vars, Dialect::Reference));
    }
}
