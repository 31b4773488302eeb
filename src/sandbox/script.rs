//! Scripted trouble: what goes wrong with which request for a lead, by name, in a set order.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::ledger::Delivery;
use super::plan::{Applies, Dials, Plan, Says};

const SERVER_ERROR: Says = Says::Error(500, "Internal server error");
const UNAVAILABLE: Says = Says::Error(503, "Service Unavailable");
const REQUEST_TIMEOUT: Says = Says::Error(408, "Request Timeout");
const LOCKED: Says = Says::Error(409, super::answer::LOCKED);

/// Every step that a script may name. `docs/sandbox.md` explains them one by one, which a test checks.
const STEPS: &[(&str, Plan)] = &[
    ("ok", Plan::NORMAL),
    ("500_before", Plan::refuses(SERVER_ERROR)),
    ("500_after", Plan::says(SERVER_ERROR)),
    ("500_late", Plan::says(SERVER_ERROR).late()),
    ("502_before", Plan::refuses(Says::Html(502))),
    ("502_after", Plan::says(Says::Html(502))),
    ("503_before", Plan::refuses(UNAVAILABLE)),
    ("503_after", Plan::says(UNAVAILABLE)),
    ("408_before", Plan::refuses(REQUEST_TIMEOUT)),
    ("408_after", Plan::says(REQUEST_TIMEOUT)),
    ("timeout_before", Plan::delivers(Delivery::None).unapplied()),
    ("timeout_after", Plan::delivers(Delivery::None)),
    ("timeout_late", Plan::delivers(Delivery::None).late()),
    ("reset_before", Plan::delivers(Delivery::Reset).unapplied()),
    ("reset_after", Plan::delivers(Delivery::Reset)),
    ("close_before", Plan::delivers(Delivery::Closed).unapplied()),
    ("close_after", Plan::delivers(Delivery::Closed)),
    ("cut_body", Plan::delivers(Delivery::Cut)),
    ("cut_body_before", Plan::delivers(Delivery::Cut).unapplied()),
    ("drip", Plan::delivers(Delivery::Dripped)),
    ("empty_200", Plan::says(Says::Empty(200))),
    ("empty_200_before", Plan::refuses(Says::Empty(200))),
    ("empty_204", Plan::says(Says::Empty(204))),
    ("html_200", Plan::says(Says::Html(200))),
    ("html_200_before", Plan::refuses(Says::Html(200))),
    ("garbled_200", Plan::says(Says::Garbled)),
    ("garbled_200_before", Plan::refuses(Says::Garbled)),
    ("oversized_200", Plan::says(Says::Oversized)),
    ("oversized_200_before", Plan::refuses(Says::Oversized)),
    ("success_200", Plan::says(Says::Success)),
    ("success_200_before", Plan::refuses(Says::Success)),
    ("wrapped_200", Plan::says(Says::Wrapped)),
    ("old_values_200", Plan::refuses(Says::Truth)),
    ("stale_200", Plan::says(Says::Past)),
    (
        "phone_only_200",
        Plan {
            applies: Applies::PhoneAlone,
            ..Plan::NORMAL
        },
    ),
    ("without_variables_200", Plan::says(Says::WithoutVariables)),
    ("other_lead_200", Plan::says(Says::OtherLead)),
    ("other_lead_200_before", Plan::refuses(Says::OtherLead)),
    ("dial", Plan::NORMAL.dials(Dials::After)),
    ("dial_then_409", Plan::NORMAL.dials(Dials::Before)),
    (
        "apply_then_dial_then_409",
        Plan::says(LOCKED).dials(Dials::After),
    ),
    (
        "500_after_then_dial",
        Plan::says(SERVER_ERROR).dials(Dials::After),
    ),
    ("409", Plan::refuses(LOCKED)),
    (
        "404",
        Plan::refuses(Says::Error(404, super::answer::MISSING)),
    ),
    (
        "401",
        Plan::refuses(Says::Error(401, super::answer::UNAUTHORIZED)),
    ),
    (
        "forbidden_403",
        Plan::refuses(Says::Error(
            403,
            "You do not have access to campaign data of this workspace",
        )),
    ),
    (
        "destination_blocked_403",
        Plan::refuses(Says::Error(
            403,
            "Calls to this destination are blocked by the telephony settings of this workspace",
        )),
    ),
    (
        "destination_400",
        Plan::refuses(Says::Error(400, super::answer::NOT_DIALABLE)),
    ),
    (
        "422",
        Plan::refuses(Says::Error(
            422,
            "metadata.product is not a product of this campaign",
        )),
    ),
    (
        "400_string",
        Plan::refuses(Says::Error(
            400,
            "phone_number must be a valid E.164 phone number",
        )),
    ),
    (
        "400_array",
        Plan::refuses(Says::Errors(
            400,
            &[
                "phone_number must be a valid E.164 phone number",
                "metadata must not have more than 15 keys",
            ],
        )),
    ),
    ("unknown_field_400", Plan::refuses(Says::UnknownFields)),
    ("redirect_302", Plan::refuses(Says::Redirect)),
    ("429", Plan::refuses(Says::TooMany)),
];

/// An answer spelled out in the leads file, for what no named step says.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(super) struct Custom {
    pub(super) status: u16,
    /// Laid over the usual headers; `null` takes one away.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Option<String>>,
    /// The body as it goes out; absent: an error envelope, or the lead with a 2xx.
    #[serde(default)]
    pub(super) body: Option<String>,
    /// Whether the request is applied first.
    #[serde(default)]
    pub(super) applies: bool,
}

impl Custom {
    /// Whether it answers with the lead.
    pub(super) fn says_lead(&self) -> bool {
        self.body.is_none() && self.status < 300
    }

    pub(super) fn plan(&self) -> Plan {
        let applies = if self.applies {
            Applies::Yes
        } else {
            Applies::No
        };
        Plan {
            applies,
            ..Plan::NORMAL
        }
    }
}

/// One scripted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Named { name: String, plan: Plan },
    Custom(Box<Custom>),
}

impl Step {
    pub(super) fn named(name: &str) -> Option<Self> {
        let plan = match name.strip_prefix("delay:") {
            Some(milliseconds) => {
                Plan::NORMAL.delayed(Duration::from_millis(milliseconds.parse().ok()?))
            }
            None => STEPS.iter().find(|(known, _)| *known == name)?.1,
        };
        Some(Self::Named {
            name: name.to_owned(),
            plan,
        })
    }

    /// What the ledger calls it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Named { name, .. } => name.clone(),
            Self::Custom(custom) => format!("custom {}", custom.status),
        }
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(name) => Self::named(&name)
                .ok_or_else(|| D::Error::custom(format!("`{name}` is not a step that is known"))),
            other => {
                let custom: Custom = serde_json::from_value(other).map_err(D::Error::custom)?;
                if !(200..=599).contains(&custom.status) {
                    return Err(D::Error::custom(format!(
                        "`{}` is not a status to answer with",
                        custom.status
                    )));
                }
                Ok(Self::Custom(Box::new(custom)))
            }
        }
    }
}

/// The steps for one method: some in order, then normal, or one for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    first: Vec<Step>,
    always: Option<Step>,
}

impl Steps {
    /// The step for the request that comes after `earlier` others.
    pub(super) fn at(&self, earlier: u32) -> Option<&Step> {
        usize::try_from(earlier)
            .ok()
            .and_then(|earlier| self.first.get(earlier))
            .or(self.always.as_ref())
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            #[serde(default)]
            first: Vec<Step>,
            always: Option<Step>,
        }
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.is_array() {
            let first = serde_json::from_value(value).map_err(D::Error::custom)?;
            return Ok(Self {
                first,
                always: None,
            });
        }
        let written: Written = serde_json::from_value(value).map_err(D::Error::custom)?;
        Ok(Self {
            first: written.first,
            always: written.always,
        })
    }
}

/// What goes wrong with the requests for one lead, method by method. Read from JSON, as in the leads file:
/// `{"patch": ["500_after", "ok"], "get": {"always": "timeout_before"}}`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    pub(super) patch: Steps,
    pub(super) get: Steps,
    pub(super) delete: Steps,
}

impl std::str::FromStr for Script {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_used_up_and_always_never_is() {
        let script: Script =
            r#"{"patch": ["500_before", "ok"], "get": {"first": ["404"], "always": "delay:20"}}"#
                .parse()
                .expect("a script");
        let names = |steps: &Steps| {
            (0..4)
                .map(|n| steps.at(n).map(Step::name))
                .collect::<Vec<_>>()
        };
        let name = |text: &str| Some(text.to_owned());
        assert_eq!(
            names(&script.patch),
            [name("500_before"), name("ok"), None, None]
        );
        assert_eq!(
            names(&script.get),
            [
                name("404"),
                name("delay:20"),
                name("delay:20"),
                name("delay:20")
            ]
        );
        assert_eq!(names(&script.delete), [None, None, None, None]);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (text, part) in [
            (r#"{"patch": ["500_befor"]}"#, "`500_befor` is not a step"),
            (r#"{"patch": ["delay:soon"]}"#, "`delay:soon` is not a step"),
            (r#"{"patch": [{"status": 42}]}"#, "`42` is not a status"),
            (
                r#"{"patch": [{"status": 200, "bdy": ""}]}"#,
                "unknown field `bdy`",
            ),
            (r#"{"put": ["ok"]}"#, "unknown field `put`"),
            (r#"{"patch": {"allways": "ok"}}"#, "unknown field `allways`"),
        ] {
            let error = text.parse::<Script>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn every_step_is_documented() {
        let documentation = include_str!("../../docs/sandbox.md");
        for (name, _) in STEPS {
            assert!(documentation.contains(&format!("| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn step_names_are_unique() {
        let names: std::collections::BTreeSet<_> = STEPS.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}
