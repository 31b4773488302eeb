//! The leads file: one lead a line, as GET answers it, with what shall go wrong with it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::lead::{Status, Variables};
use super::script::Script;

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
    #[error("cannot read the leads file `{}`: {source}", path.display())]
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
