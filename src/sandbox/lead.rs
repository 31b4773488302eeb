//! Leads: as the sandbox keeps them, and as the API shows them.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Honours;
use super::record::LeadRecord;
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
    use super::super::record::Leads;
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
    fn an_assumed_lead_is_always_the_same() {
        let (one, same, other) = (Lead::assumed("a"), Lead::assumed("a"), Lead::assumed("b"));
        assert_eq!(one.values.phone, same.values.phone);
        assert_ne!(one.values.phone, other.values.phone);
    }
}
