//! What is to be sent for a correction, given what the lead holds, and whether a lead shows it afterwards. Pure.

use std::borrow::Cow;

use crate::api::{Change, Lead, MAX_VARIABLES, Variables};
use crate::correction::Correction;
use crate::outcome::Cause;
use crate::shown::{is_as_sent, same_number, same_value};
use crate::text;

/// How the row's variables meet the ones the lead has; the API replaces the whole object.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum MetadataMode {
    /// The row's are laid over the lead's, which are read first.
    #[default]
    Merge,
    /// The row's are all that is left.
    Replace,
}

/// A correction made definite: the fields to send, and so the fields to find afterwards.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    correction: &'a Correction,
    mode: MetadataMode,
    /// The whole variables as they shall be afterwards.
    variables: Option<Cow<'a, Variables>>,
}

/// What a lead, as shown, says of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// Nothing: no lead was shown, or one without its number or variables.
    Nothing,
    /// Another lead was shown.
    OtherLead,
    /// Our lead, with every field in place.
    Whole,
    /// Our lead; all that is shown is in place, and some fields are never shown.
    Partly,
    /// Our lead, but nothing was sent that it shows.
    Unshown,
    /// Our lead, with some of the fields in place and others not.
    Mixed,
    /// Our lead, with none of the fields in place.
    Differs,
    /// The same, of a lead that does not say that it has been dialled.
    DiffersUndialled,
    /// Our lead, with none of the shown fields in place, but with others that it never shows and that an earlier request
    /// may have set.
    Uncertain,
}

impl Evidence {
    /// Every member.
    pub const ALL: [Self; 9] = [
        Self::Nothing,
        Self::OtherLead,
        Self::Whole,
        Self::Partly,
        Self::Unshown,
        Self::Mixed,
        Self::Differs,
        Self::DiffersUndialled,
        Self::Uncertain,
    ];
}

impl<'a> Plan<'a> {
    /// Plans a correction over what the lead holds now; `lead` may only be `None` where nothing has to be merged.
    /// `held_before`: variables that an earlier read of this row showed, restored should our own request have
    /// lost them.
    ///
    /// # Errors
    /// Why the row must not be sent: too many variables, or a lead that does not show the ones it has.
    pub fn new(
        correction: &'a Correction,
        mode: MetadataMode,
        lead: Option<&Lead>,
        held_before: &Variables,
    ) -> Result<Self, Cause> {
        let variables = match mode {
            _ if !correction.touches_variables() => None,
            MetadataMode::Replace => Some(Cow::Borrowed(&correction.variables)),
            MetadataMode::Merge => {
                let held = lead
                    .and_then(Lead::variables)
                    .ok_or(Cause::VariablesUnread)?;
                let mut whole = held_before.clone();
                whole.extend(held);
                whole.retain(|key, _| !correction.removed.contains(key));
                whole.extend(correction.variables.clone());
                Some(Cow::Owned(whole))
            }
        };
        if variables
            .as_ref()
            .is_some_and(|variables| variables.len() > MAX_VARIABLES)
        {
            return Err(Cause::TooManyVariables);
        }
        Ok(Self {
            correction,
            mode,
            variables,
        })
    }

    /// What the `PATCH` shall say.
    pub fn change(&self) -> Change<'_> {
        Change {
            phone_number: self.correction.phone_number(),
            name: self.correction.name.as_deref(),
            notes: self.correction.notes.as_deref(),
            variables: self.variables.as_deref().map(Cow::Borrowed),
        }
    }

    /// What else the lead has under a name of the row's in other case, for people: names are case-sensitive.
    pub fn look_alikes(&self) -> String {
        let Some(variables) = &self.variables else {
            return String::new();
        };
        let Correction {
            variables: set,
            removed,
            ..
        } = self.correction;
        let differs_in_case = |name: &&String| {
            let mut named = set.keys().chain(removed);
            !set.contains_key(*name) && named.any(|ours| ours.eq_ignore_ascii_case(name))
        };
        let others = variables.keys().filter(differs_in_case);
        let words = others.map(|name| {
            format!(
                "the lead also has `{}`, which differs only in case",
                text::cut(name)
            )
        });
        words.collect::<Vec<_>>().join("; ")
    }

    /// Compares a lead with the plan; `doubt`: an earlier request may have been applied.
    pub fn evidence(&self, lead: Option<&Lead>, doubt: bool) -> Evidence {
        let Some(lead) = lead else {
            return Evidence::Nothing;
        };
        if !lead.is_named(&self.correction.lead_id) {
            return Evidence::OtherLead;
        }
        let Some(tally) = self.tally(lead) else {
            return Evidence::Nothing;
        };
        match tally {
            Tally {
                equal: 0,
                different: 0,
                ..
            } => Evidence::Unshown,
            Tally {
                different: 0,
                unshown: 0,
                ..
            } => Evidence::Whole,
            Tally { different: 0, .. } => Evidence::Partly,
            Tally {
                equal: 0,
                unshown: 1..,
                ..
            } if doubt => Evidence::Uncertain,
            Tally { equal: 0, .. } if !lead.is_dialled() => Evidence::DiffersUndialled,
            Tally { equal: 0, .. } => Evidence::Differs,
            _ => Evidence::Mixed,
        }
    }

    /// The fields in place, not in place, and not shown, by name; for people.
    pub fn explain(&self, lead: &Lead) -> String {
        let held = self.held(lead);
        let names = |wanted: Option<bool>| {
            let names: Vec<String> = self
                .fields(lead, held.as_ref())
                .filter(|(_, shown)| *shown == wanted)
                .map(|(name, _)| name.into_owned())
                .collect();
            names.join(", ")
        };
        let losses = self.losses(held.as_ref()).into_iter();
        let losses: Vec<String> = losses
            .map(|key| format!("metadata.{}", text::cut(key)))
            .collect();
        let lost = match self.mode {
            MetadataMode::Merge => "lost or changed",
            MetadataMode::Replace => "left over",
        };
        let parts = [
            ("in place", names(Some(true))),
            ("not in place", names(Some(false))),
            (lost, losses.join(", ")),
            ("never shown by the server", names(None)),
        ];
        let parts = parts.iter().filter(|(_, names)| !names.is_empty());
        let parts: Vec<String> = parts
            .map(|(what, names)| format!("{what}: {names}"))
            .collect();
        parts.join("; ")
    }

    /// The lead's variables, where the row speaks of any.
    fn held(&self, lead: &Lead) -> Option<Variables> {
        let concerned = self.correction.touches_variables();
        concerned.then(|| lead.variables()).flatten()
    }

    /// `None` where the lead hides a field that every documented lead shows.
    fn tally(&self, lead: &Lead) -> Option<Tally> {
        let held = self.held(lead);
        let mut tally = Tally::default();
        for (field, shown) in self.fields(lead, held.as_ref()) {
            *match shown {
                Some(true) => &mut tally.equal,
                Some(false) => &mut tally.different,
                None if matches!(field.as_ref(), "name" | "notes") => &mut tally.unshown,
                None => return None,
            } += 1;
        }
        tally.different += self.losses(held.as_ref()).len();
        Some(tally)
    }

    /// Every field that the row sets, each variable by itself, and whether the lead shows it as wanted.
    fn fields<'b>(
        &'b self,
        lead: &'b Lead,
        held: Option<&'b Variables>,
    ) -> impl Iterator<Item = (Cow<'b, str>, Option<bool>)> {
        let Correction {
            name,
            notes,
            variables,
            removed,
            empties,
            ..
        } = self.correction;
        let phone = self.correction.phone_number().map(|wanted| {
            let shown = lead
                .phone_number()
                .and_then(|shown| same_number(shown, wanted));
            ("phone_number".into(), shown)
        });
        let name = name
            .as_ref()
            .map(|wanted| ("name".into(), lead.has_name(wanted)));
        let notes = notes.as_ref().map(|wanted| {
            (
                "notes".into(),
                lead.notes_text().map(|shown| is_as_sent(&shown, wanted)),
            )
        });
        let set = variables.iter().map(move |(key, wanted)| {
            let found =
                held.map(|held| held.get(key).is_some_and(|value| same_value(value, wanted)));
            (format!("metadata.{key}").into(), found)
        });
        let gone = removed.iter().map(move |key| {
            let gone = held.map(|held| !held.contains_key(key));
            (format!("metadata.{key}").into(), gone)
        });
        let none = empties.then(|| ("metadata".into(), held.map(Variables::is_empty)));
        phone
            .into_iter()
            .chain(name)
            .chain(notes)
            .chain(set)
            .chain(gone)
            .chain(none)
    }

    /// The variables that are not as they shall be although the row does not name them: lost or changed in a merge,
    /// left over in a replacement.
    fn losses<'b>(&'b self, held: Option<&'b Variables>) -> Vec<&'b String> {
        let (Some(wanted), Some(shown)) = (&self.variables, held) else {
            return Vec::new();
        };
        let named = |key: &String| {
            self.correction.variables.contains_key(key) || self.correction.removed.contains(key)
        };
        let is_kept = |key: &String, value| {
            let shown = shown.get(key);
            shown.is_some_and(|shown| same_value(shown, value))
        };
        match self.mode {
            MetadataMode::Merge => wanted
                .iter()
                .filter(|(key, value)| !named(key) && !is_kept(key, value))
                .map(|(key, _)| key)
                .collect(),
            MetadataMode::Replace => shown
                .keys()
                .filter(|key| !wanted.contains_key(*key))
                .collect(),
        }
    }
}

#[derive(Default)]
struct Tally {
    equal: usize,
    different: usize,
    unshown: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone;
    use serde_json::{Value, json};

    fn correction(phone: Option<&str>, set: Value, removed: &[&str]) -> Correction {
        Correction {
            phone: phone
                .map(|cell| phone::normalise(cell, None, &phone::Rules::default()).unwrap()),
            variables: serde_json::from_value(set).unwrap(),
            removed: removed.iter().map(|key| (*key).to_owned()).collect(),
            ..Correction::of("lead_1")
        }
    }

    fn lead(shown: Value) -> Lead<'static> {
        let shown: Variables = serde_json::from_value(shown).unwrap();
        let mut whole = json!({"id": "lead_1", "status": "completed"});
        whole.as_object_mut().unwrap().extend(shown);
        Lead::from_reply(whole.to_string().leak().as_bytes()).unwrap()
    }

    const NEW: &str = "+919876543210";

    #[test]
    fn a_merge_keeps_what_the_row_does_not_name() {
        let correction = correction(None, json!({"b": "2", "new": "3"}), &["gone"]);
        let held = lead(json!({"metadata": {"a": 1, "b": "1", "gone": "x"}}));
        let plan = Plan::new(
            &correction,
            MetadataMode::Merge,
            Some(&held),
            &Variables::new(),
        )
        .unwrap();
        let sent = plan.change().variables.unwrap().into_owned();
        assert_eq!(Value::Object(sent), json!({"a": 1, "b": "2", "new": "3"}));
        let evidence =
            |metadata: Value| plan.evidence(Some(&lead(json!({"metadata": metadata}))), false);
        assert_eq!(
            evidence(json!({"a": 1, "b": "2", "new": "3"})),
            Evidence::Whole
        );
        assert_eq!(
            evidence(json!({"a": "1", "b": 2, "new": "3", "other": "4"})),
            Evidence::Whole
        );
        assert_eq!(
            evidence(json!({"b": "2", "new": "3"})),
            Evidence::Mixed,
            "a variable was lost"
        );
        assert_eq!(
            evidence(json!({"a": 9, "b": "2", "new": "3"})),
            Evidence::Mixed,
            "one was changed"
        );
        assert_eq!(
            evidence(json!({"a": 1, "b": "2", "new": "3", "gone": "x"})),
            Evidence::Mixed
        );
        assert_eq!(
            evidence(json!({"a": 1, "b": "1", "gone": "x"})),
            Evidence::Differs
        );
    }

    #[test]
    fn what_an_earlier_request_lost_is_restored() {
        let correction = correction(None, json!({"b": "2"}), &[]);
        let before = json!({"a": "1", "b": "1"}).as_object().unwrap().clone();
        let now = lead(json!({"metadata": {"b": "2"}}));
        let plan = Plan::new(&correction, MetadataMode::Merge, Some(&now), &before).unwrap();
        let sent = plan.change().variables.unwrap().into_owned();
        assert_eq!(Value::Object(sent), json!({"a": "1", "b": "2"}));
        assert_eq!(
            plan.evidence(Some(&now), false),
            Evidence::Mixed,
            "the lost variable is not yet back"
        );
        assert_eq!(
            plan.explain(&now),
            "in place: metadata.b; lost or changed: metadata.a"
        );
    }

    #[test]
    fn a_merge_over_variables_that_nobody_can_see_is_not_sent() {
        let correction = correction(None, json!({"b": "2"}), &[]);
        let merge = |lead: Option<&Lead>| {
            Plan::new(&correction, MetadataMode::Merge, lead, &Variables::new()).map(|_| ())
        };
        assert_eq!(merge(None), Err(Cause::VariablesUnread));
        assert_eq!(merge(Some(&lead(json!({})))), Err(Cause::VariablesUnread));
        assert_eq!(
            merge(Some(&lead(json!({"notes": "text"})))),
            Err(Cause::VariablesUnread)
        );
        assert_eq!(merge(Some(&lead(json!({"metadata": null})))), Ok(()));
    }

    #[test]
    fn a_replacement_leaves_nothing_else() {
        let correction = correction(None, json!({"b": "2"}), &[]);
        let plan = Plan::new(&correction, MetadataMode::Replace, None, &Variables::new()).unwrap();
        let evidence =
            |metadata: Value| plan.evidence(Some(&lead(json!({"metadata": metadata}))), false);
        assert_eq!(evidence(json!({"b": "2"})), Evidence::Whole);
        assert_eq!(evidence(json!({"b": "2", "old": "x"})), Evidence::Mixed);
        let kept = lead(json!({"metadata": {"b": "2", "old": "x"}}));
        assert_eq!(
            plan.explain(&kept),
            "in place: metadata.b; left over: metadata.old"
        );
        assert_eq!(evidence(json!({})), Evidence::Differs);
    }

    #[test]
    fn fifteen_variables_and_no_more() {
        let many = |count: usize| -> Value {
            (0..count)
                .map(|index| (format!("k{index}"), json!("v")))
                .collect::<Variables>()
                .into()
        };
        let held = lead(json!({"metadata": many(14)}));
        let plan = |keys: Value| {
            let correction = correction(None, keys, &[]);
            Plan::new(
                &correction,
                MetadataMode::Merge,
                Some(&held),
                &Variables::new(),
            )
            .map(|_| ())
        };
        assert_eq!(plan(json!({"new": "v"})), Ok(()));
        assert_eq!(
            plan(json!({"new": "v", "newer": "v"})),
            Err(Cause::TooManyVariables)
        );
        assert_eq!(plan(json!({"k0": "v", "k1": "w", "new": "x"})), Ok(()));
    }

    #[test]
    fn evidence_needs_our_lead_and_the_fields_that_every_lead_shows() {
        let correction = Correction {
            name: Some("Priya".into()),
            notes: Some("call late".into()),
            ..correction(Some(NEW), json!({}), &[])
        };
        let plan = Plan::new(&correction, MetadataMode::Merge, None, &Variables::new()).unwrap();
        let evidence = |shown: Value| plan.evidence(Some(&lead(shown)), false);
        assert_eq!(plan.evidence(None, false), Evidence::Nothing);
        assert_eq!(
            evidence(json!({"id": "lead_2", "phone_number": NEW})),
            Evidence::OtherLead
        );
        assert_eq!(
            evidence(json!({"id": "x", "campaign_id": "lead_1", "phone_number": NEW})),
            Evidence::Partly
        );
        assert_eq!(
            evidence(json!({"name": "Priya", "notes": "call late"})),
            Evidence::Nothing
        );
        assert_eq!(evidence(json!({"phone_number": NEW})), Evidence::Partly);
        assert_eq!(
            evidence(json!({"phone_number": NEW, "name": "Priya", "notes": "call late"})),
            Evidence::Whole
        );
        assert_eq!(
            evidence(json!({"phone_number": NEW, "name": "Old"})),
            Evidence::Mixed
        );
        assert_eq!(
            evidence(json!({"phone_number": NEW, "name": null})),
            Evidence::Mixed,
            "null is shown, and is another name"
        );
        assert_eq!(
            evidence(json!({"phone_number": "+919876543211"})),
            Evidence::Differs
        );
        assert_eq!(
            evidence(json!({"phone_number": "+91******3210"})),
            Evidence::Nothing
        );
        for status in ["pending", "PENDING", "removed", "unheard of"] {
            let shown = json!({"phone_number": "+919876543211", "status": status});
            assert_eq!(evidence(shown), Evidence::DiffersUndialled, "{status}");
        }
        let old = lead(json!({"phone_number": "+919876543211"}));
        assert_eq!(plan.evidence(Some(&old), true), Evidence::Uncertain);
        let other_name = lead(json!({"phone_number": "+919876543211", "name": "Old", "notes": ""}));
        assert_eq!(plan.evidence(Some(&other_name), true), Evidence::Differs);
        let shown = lead(json!({"phone_number": NEW, "name": "Old"}));
        assert_eq!(
            plan.explain(&shown),
            "in place: phone_number; not in place: name; never shown by the server: notes"
        );
    }

    #[test]
    fn no_variables_at_all_are_proved_by_a_lead_that_shows_none() {
        let correction = Correction {
            empties: true,
            ..correction(None, json!({}), &[])
        };
        let plan = Plan::new(&correction, MetadataMode::Replace, None, &Variables::new()).unwrap();
        assert_eq!(plan.change().variables.unwrap().len(), 0);
        let evidence = |shown| plan.evidence(Some(&lead(shown)), false);
        assert_eq!(evidence(json!({"metadata": {}})), Evidence::Whole);
        assert_eq!(evidence(json!({"metadata": {"a": "1"}})), Evidence::Differs);
        assert_eq!(evidence(json!({})), Evidence::Nothing, "it may have some");
    }

    #[test]
    fn what_a_server_has_trimmed_is_what_was_sent() {
        let correction = Correction {
            name: Some("Priya ".into()),
            notes: Some("\ncall late".into()),
            ..correction(None, json!({"city": " Pune"}), &[])
        };
        let plan = Plan::new(&correction, MetadataMode::Replace, None, &Variables::new()).unwrap();
        let evidence = |name, notes, city| {
            let shown = json!({"name": name, "notes": notes, "metadata": {"city": city}});
            plan.evidence(Some(&lead(shown)), false)
        };
        assert_eq!(evidence("Priya", "call late", "Pune"), Evidence::Whole);
        assert_eq!(evidence("Priya ", "\ncall late", " Pune"), Evidence::Whole);
        assert_eq!(evidence(" Priya", "call  late", "Pune "), Evidence::Differs);
    }

    #[test]
    fn a_name_alone_is_never_shown_in_the_first_shape() {
        let correction = Correction {
            name: Some("Priya".into()),
            ..correction(None, json!({}), &[])
        };
        let plan = Plan::new(&correction, MetadataMode::Merge, None, &Variables::new()).unwrap();
        assert_eq!(
            plan.evidence(Some(&lead(json!({"phone_number": NEW}))), false),
            Evidence::Unshown
        );
        assert!(!plan.change().tells_dialects_apart());
    }
}
