//! Leads: as a file lists them, as the sandbox keeps them, as the API shows them.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Honours;
use super::script::Script;

/// A lead's dynamic variables.
pub type Variables = Map<String, Value>;

/// Where a lead is in its campaign. Only a pending lead can be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not dialled yet.
    #[default]
    Pending,
    /// Its call has started.
    InProgress,
    /// Its call is over.
    Completed,
    /// Its call failed.
    Failed,
    /// Taken out of the campaign.
    Removed,
}

impl Status {
    pub(super) fn is_pending(self) -> bool {
        self == Self::Pending
    }

    pub(super) fn is_there(self) -> bool {
        self != Self::Removed
    }
}

/// A lead as the leads file lists it: the object that GET answers, in either documented shape, and
/// optionally a script. What the object shows, replies about this lead will show: with `name` in it, the
/// name; with `notes` as text, the notes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeadRecord {
    /// An opaque string.
    pub id: String,
    /// The campaign that it belongs to.
    #[serde(default)]
    pub campaign_id: Option<String>,
    /// The number before any correction, as it stands: a lead may well have a wrong one.
    pub phone_number: String,
    /// Absent: replies do not show it.
    #[serde(default, deserialize_with = "present")]
    pub name: Option<Option<String>>,
    /// Its variables, in the first shape.
    #[serde(default)]
    pub metadata: Option<Variables>,
    /// Text: free-form notes, which replies then show. An object: its variables, in the second shape.
    #[serde(default)]
    pub notes: Option<Value>,
    /// Where it is in its campaign.
    #[serde(default)]
    pub status: Status,
    /// The log of its call, once there was one.
    #[serde(default)]
    pub call_log_id: Option<String>,
    /// As it stands.
    #[serde(default)]
    pub created_at: Option<String>,
    /// What goes wrong with requests for this lead.
    #[serde(default)]
    pub sandbox: Option<Script>,
}

#[expect(
    clippy::option_option,
    reason = "absent, null and there are three things in JSON"
)]
fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Which leads there are.
#[derive(Clone, Debug, Default)]
pub enum Leads {
    /// These; every other ID is a 404.
    Listed(Vec<LeadRecord>),
    /// Every ID is known: pending, with an old number and no variables, until someone changes it. To
    /// rehearse one's own file.
    #[default]
    AnyPending,
}

/// A leads file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LeadsError {
    /// It cannot be read at all.
    #[error("cannot read the leads file `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A line is not a lead.
    #[error("{}, line {line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
}

impl Leads {
    /// Reads a leads file: JSON Lines, one lead a line, blank lines left out.
    pub fn from_file(path: &Path) -> Result<Self, LeadsError> {
        let text = std::fs::read_to_string(path).map_err(|source| LeadsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        text.parse()
            .map_err(|LineError { line, what }| LeadsError::Line {
                path: path.to_owned(),
                line,
                what,
            })
    }
}

/// A line that is not a lead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LineError {
    line: usize,
    what: String,
}

impl FromStr for Leads {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        let mut seen = std::collections::HashSet::new();
        let mut records = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let wrong = |what: String| LineError { line, what };
            let record: LeadRecord =
                serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
            if !matches!(
                record.notes,
                None | Some(Value::String(_) | Value::Object(_))
            ) {
                return Err(wrong("`notes` is neither text nor an object".to_owned()));
            }
            if record.metadata.is_some() && matches!(record.notes, Some(Value::Object(_))) {
                return Err(wrong(
                    "variables in `metadata` and in `notes` at once".to_owned(),
                ));
            }
            if !seen.insert(record.id.clone()) {
                return Err(wrong(format!("a second lead with the ID `{}`", record.id)));
            }
            records.push(record);
        }
        Ok(Self::Listed(records))
    }
}

/// Where the sandbox has a lead from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It was in the leads file.
    Listed,
    /// Every ID is known, so this one was.
    Assumed,
    /// It was enrolled through the API.
    Created,
}

/// Variables as compact JSON text: a million leads are kept, few are looked at.
#[derive(Clone)]
pub(super) struct Packed(Box<RawValue>);

impl Packed {
    pub(super) fn new(variables: &Variables) -> Self {
        // A map with text for keys always has a JSON form; should that ever fail, `null` unpacks to nothing.
        Self(
            serde_json::value::to_raw_value(variables)
                .unwrap_or_else(|_| RawValue::NULL.to_owned()),
        )
    }

    pub(super) fn unpack(&self) -> Variables {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.get())
    }
}

/// What can be changed.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) phone: Box<str>,
    pub(super) name: Option<Box<str>>,
    pub(super) notes: Option<Box<str>>,
    pub(super) variables: Packed,
}

/// What only few leads have, apart so that a million plain ones stay small.
#[derive(Debug, Default)]
pub(super) struct Extra {
    pub(super) campaign: Option<Box<str>>,
    pub(super) created: Option<Box<str>>,
    pub(super) call_log: Option<Box<str>>,
    pub(super) script: Option<Script>,
    pub(super) shows_name: bool,
    pub(super) shows_notes: bool,
    /// Its values before the last change, for a reply that is out of date.
    pub(super) past: Option<Values>,
}

/// A lead as the sandbox keeps it.
#[derive(Debug)]
pub(super) struct Lead {
    pub(super) values: Values,
    pub(super) status: Status,
    pub(super) origin: Origin,
    pub(super) dialled: Option<Timestamp>,
    /// Numbers that it had before the present one.
    pub(super) earlier: Vec<Box<str>>,
    pub(super) applied: u32,
    /// Requests so far, by method: PATCH, GET, DELETE.
    pub(super) requests: [u32; 3],
    pub(super) extra: Option<Box<Extra>>,
}

impl Lead {
    /// The lead that stands behind an ID when every ID is known.
    pub(super) fn assumed(id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        // No Indian mobile begins with 600: nobody's correction can happen to be the old number.
        let phone = format!("+91600{:07}", hasher.finish() % 10_000_000);
        Self::new(phone.into(), &Variables::new(), Origin::Assumed)
    }

    pub(super) fn new(phone: Box<str>, variables: &Variables, origin: Origin) -> Self {
        Self {
            values: Values {
                phone,
                name: None,
                notes: None,
                variables: Packed::new(variables),
            },
            status: Status::Pending,
            origin,
            dialled: None,
            earlier: Vec::new(),
            applied: 0,
            requests: [0; 3],
            extra: None,
        }
    }

    pub(super) fn listed(record: LeadRecord) -> Self {
        let shows_notes = matches!(record.notes, Some(Value::String(_)));
        let (notes, variables) = match record.notes {
            Some(Value::String(text)) => (Some(text.into()), record.metadata),
            Some(Value::Object(variables)) => (None, Some(variables)),
            _ => (None, record.metadata),
        };
        let mut lead = Self::new(
            record.phone_number.into(),
            &variables.unwrap_or_default(),
            Origin::Listed,
        );
        lead.values.notes = notes;
        lead.status = record.status;
        lead.extra = Some(Box::new(Extra {
            campaign: record.campaign_id.map(Into::into),
            created: record.created_at.map(Into::into),
            call_log: record.call_log_id.map(Into::into),
            script: record.sandbox,
            shows_name: record.name.is_some(),
            shows_notes,
            past: None,
        }));
        lead.values.name = record.name.flatten().map(Into::into);
        lead
    }

    pub(super) fn campaign(&self) -> &str {
        let campaign = self
            .extra
            .as_ref()
            .and_then(|extra| extra.campaign.as_deref());
        campaign.unwrap_or("cmp_sandbox00001")
    }

    /// The lead as a reply shows it.
    pub(super) fn shown<'lead>(&'lead self, id: &'lead str, shape: Shape) -> Shown<'lead> {
        let extra = self.extra.as_deref();
        let past = extra
            .and_then(|extra| extra.past.as_ref())
            .filter(|_| shape.past);
        let values = past.unwrap_or(&self.values);
        let second = shape.honours == Honours::Reference;
        let shows_name = second || extra.is_some_and(|extra| extra.shows_name);
        let shows_notes = !second && extra.is_some_and(|extra| extra.shows_notes);
        let variables = (!shape.without_variables).then_some(&*values.variables.0);
        Shown {
            id,
            campaign_id: self.campaign(),
            phone_number: &values.phone,
            name: shows_name.then_some(values.name.as_deref()),
            metadata: variables.filter(|_| !second),
            notes: match variables {
                Some(variables) if second => Some(Notes::Variables(variables)),
                _ => shows_notes.then_some(Notes::Text(values.notes.as_deref())),
            },
            status: self.status,
            call_log_id: second.then(|| extra.and_then(|extra| extra.call_log.as_deref())),
            created_at: extra
                .and_then(|extra| extra.created.as_deref())
                .unwrap_or("2026-11-01T09:05:00.000Z"),
        }
    }
}

/// In which shape a reply shows a lead.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) honours: Honours,
    pub(super) past: bool,
    pub(super) without_variables: bool,
}

#[expect(
    clippy::option_option,
    reason = "absent, null and there are three things in JSON"
)]
#[derive(Serialize)]
pub(super) struct Shown<'lead> {
    id: &'lead str,
    campaign_id: &'lead str,
    phone_number: &'lead str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Option<&'lead str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'lead RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<Notes<'lead>>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_log_id: Option<Option<&'lead str>>,
    created_at: &'lead str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Notes<'lead> {
    Text(Option<&'lead str>),
    Variables(&'lead RawValue),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str, honours: Honours) -> String {
        let Ok(Leads::Listed(mut records)) = line.parse() else {
            panic!("not a lead: {line}");
        };
        let record = records.remove(0);
        let id = record.id.clone();
        let shape = Shape {
            honours,
            past: false,
            without_variables: false,
        };
        serde_json::to_string(&Lead::listed(record).shown(&id, shape)).expect("JSON")
    }

    #[test]
    fn a_record_comes_back_as_it_was_listed() {
        let first = r#"{"id":"lead_1","campaign_id":"cmp_1","phone_number":"+919876543211","metadata":{"b":"1","a":"2"},"status":"pending","created_at":"2024-05-01T09:05:00.000Z"}"#;
        assert_eq!(shown(first, Honours::Guide), first);
        let named = r#"{"id":"lead_1","campaign_id":"cmp_1","phone_number":"+919876543211","name":null,"metadata":{},"notes":"call late","status":"failed","created_at":"2024-05-01T09:05:00.000Z"}"#;
        assert_eq!(shown(named, Honours::Both), named);
        let second = r#"{"id":"lead_1","campaign_id":"cmp_1","phone_number":"+919876543211","name":"Priya","notes":{"a":"2"},"status":"completed","call_log_id":"call_1","created_at":"2024-05-01T09:05:00.000Z"}"#;
        assert_eq!(shown(second, Honours::Reference), second);
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = r#"{"id":"a","phone_number":"+911"}"#;
        for (bad, what) in [
            ("{", "EOF"),
            (r#"{"id":"b"}"#, "missing field `phone_number`"),
            (
                r#"{"id":"b","phone_number":"+911","stats":"x"}"#,
                "unknown field `stats`",
            ),
            (
                r#"{"id":"b","phone_number":"+911","notes":3}"#,
                "neither text nor an object",
            ),
            (
                r#"{"id":"b","phone_number":"+911","notes":{},"metadata":{}}"#,
                "at once",
            ),
            (good, "a second lead with the ID `a`"),
        ] {
            let error = format!("{good}\n\n{bad}\n")
                .parse::<Leads>()
                .expect_err(bad)
                .to_string();
            assert!(
                error.starts_with("line 3: ") && error.contains(what),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn an_assumed_lead_is_always_the_same() {
        let (one, same, other) = (Lead::assumed("a"), Lead::assumed("a"), Lead::assumed("b"));
        assert_eq!(one.values.phone, same.values.phone);
        assert_ne!(one.values.phone, other.values.phone);
    }
}
