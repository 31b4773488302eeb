//! Requests about one lead: what the script has in store, what is applied, what is said.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, LOCKED, MISSING, NOT_DIALABLE, Refusal};
use super::body::{self, Asked};
use super::decision::Outcome;
use super::destinations;
use super::lead::{Lead, Packed, Status};
use super::ledger::{Change, Receipt};
use super::plan::{Applies, Dials, Plan, Says};
use super::route::Act;
use super::script::{Custom, Step};
use super::state::State;

impl State {
    pub(super) fn about_lead(
        &mut self,
        act: Act,
        id: &str,
        body: &[u8],
        receipt: &mut Receipt,
    ) -> Outcome {
        // A lead that is only looked at need not be remembered, unless its requests are counted.
        let remembered = act != Act::Read || self.trouble.is_on() || self.script.is_some();
        if self.any_lead && !self.leads.contains_key(id) {
            let lead = Lead::assumed(id);
            if !remembered {
                return Outcome::plain(Answer::json(200, &lead.shown(id, self.shape(Says::Truth))));
            }
            self.keep(id.into(), lead);
        }
        let (plan, custom) = self.plan(act, id, receipt);
        if plan.dials == Dials::Before {
            self.dial(id);
        }
        let mut sent = Vec::new();
        let mut late = None;
        let outcome = match act {
            Act::Change => self
                .change(id, body, plan.applies, receipt, &mut sent)
                .map(|asked| {
                    late = asked.map(|asked| (id.to_owned(), asked));
                }),
            Act::Read => self.open(id, Status::is_there).map(|_| ()),
            Act::Remove => self.open(id, Status::is_pending).map(|lead| {
                if plan.applies != Applies::No {
                    receipt.applied.push(change(
                        "status",
                        json!(lead.status),
                        json!(Status::Removed),
                    ));
                    lead.status = Status::Removed;
                }
            }),
        };
        if act == Act::Remove && !receipt.applied.is_empty() {
            self.journal.counts.removed += 1;
        }
        let truth = match (&outcome, self.leads.get(id)) {
            (Ok(()), Some(lead)) => Answer::json(200, &lead.shown(id, self.shape(plan.says))),
            (Err(refusal), _) => Answer::refusal(refusal),
            (Ok(()), None) => Answer::refusal(&Refusal::new(404, MISSING)),
        };
        if plan.dials == Dials::After {
            self.dial(id);
        }
        let answer = match &custom {
            Some(custom) if outcome.is_err() && custom.says_lead() => truth,
            Some(custom) => Answer::custom(custom, truth),
            None if outcome.is_err() && plan.says.is_of_lead() => truth,
            None => Answer::instead(plan.says, truth, &sent),
        };
        Outcome {
            answer,
            plan,
            custom,
            late,
        }
    }

    /// What is in store for this request: the lead's script, else the one for everybody, else seeded trouble.
    fn plan(&mut self, act: Act, id: &str, receipt: &mut Receipt) -> (Plan, Option<Box<Custom>>) {
        let normal = (Plan::NORMAL, None);
        let Some(lead) = self.leads.get_mut(id) else {
            return normal;
        };
        let (requests, method) = match act {
            Act::Change => (&mut lead.requests[0], "PATCH"),
            Act::Read => (&mut lead.requests[1], "GET"),
            Act::Remove => (&mut lead.requests[2], "DELETE"),
        };
        let earlier = *requests;
        *requests = earlier.saturating_add(1);
        let own = lead.extra.as_ref().and_then(|extra| extra.script.as_ref());
        if let Some(script) = own.or(self.script.as_ref()) {
            let steps = match act {
                Act::Change => &script.patch,
                Act::Read => &script.get,
                Act::Remove => &script.delete,
            };
            let Some(step) = steps.at(earlier) else {
                return normal;
            };
            receipt.trouble = Some(step.name());
            return match step {
                Step::Named { plan, .. } => (*plan, None),
                Step::Custom(custom) => (custom.plan(), Some(custom.clone())),
            };
        }
        match self.trouble.strike(method, id, earlier) {
            Some((word, plan)) => {
                receipt.trouble = Some(word);
                (plan, None)
            }
            None => normal,
        }
    }

    /// Changes a lead as the body asks, as far as the plan lets it; what is to land late is handed back.
    fn change(
        &mut self,
        id: &str,
        body: &[u8],
        applies: Applies,
        receipt: &mut Receipt,
        sent: &mut Vec<String>,
    ) -> Result<Option<Asked>, Refusal> {
        let mut asked = body::change(body, self.honours, self.unknown_fields)?;
        *sent = std::mem::take(&mut asked.sent);
        if let Some(phone) = &asked.phone
            && !destinations::allow(self.destinations.as_deref(), phone)
        {
            return Err(Refusal::new(400, NOT_DIALABLE));
        }
        let lead = self.open(id, Status::is_pending)?;
        match applies {
            Applies::Yes => receipt.applied = apply(lead, &asked),
            Applies::PhoneAlone => {
                let phone = asked.phone.take();
                let asked = Asked {
                    phone,
                    ..Asked::default()
                };
                receipt.applied = apply(lead, &asked);
            }
            Applies::No => {}
            Applies::Late => return Ok(Some(asked)),
        }
        Ok(None)
    }

    /// A change that was held up lands: the lock is not looked at again.
    pub(super) fn land(&mut self, id: &str, asked: &Asked, number: u64) {
        let Some(lead) = self.leads.get_mut(id) else {
            return;
        };
        let changes = apply(lead, asked);
        self.journal.counts.applied += 1;
        if let Some(receipt) = self.journal.receipt(number) {
            receipt.applied = changes;
            receipt.applied_late = Some(Timestamp::now());
        }
    }

    fn open(&mut self, id: &str, fits: fn(Status) -> bool) -> Result<&mut Lead, Refusal> {
        match self.leads.get_mut(id) {
            Some(lead) if fits(lead.status) => Ok(lead),
            Some(lead) if lead.status.is_there() => Err(Refusal::new(409, LOCKED)),
            _ => Err(Refusal::new(404, MISSING)),
        }
    }
}

/// Lays what was asked for over a lead, and tells field by field what that changed.
fn apply(lead: &mut Lead, asked: &Asked) -> Vec<Change> {
    let values = &mut lead.values;
    let scripted = lead
        .extra
        .as_ref()
        .is_some_and(|extra| extra.script.is_some());
    let before = scripted.then(|| values.clone());
    let mut changes = Vec::new();
    if let Some(phone) = &asked.phone {
        changes.push(change("phone_number", json!(values.phone), json!(phone)));
        if *phone != *values.phone {
            // Most leads are corrected once, and there may be a million of them: no room to spare.
            lead.earlier.reserve_exact(1);
            lead.earlier
                .push(std::mem::replace(&mut values.phone, phone.as_str().into()));
        }
    }
    if let Some(name) = &asked.name {
        changes.push(change("name", json!(values.name), json!(name)));
        values.name = Some(name.as_str().into());
    }
    if let Some(notes) = &asked.notes {
        changes.push(change("notes", json!(values.notes), json!(notes)));
        values.notes = Some(notes.as_str().into());
    }
    if let Some(variables) = &asked.variables {
        changes.push(change(
            "metadata",
            Value::Object(values.variables.unpack()),
            json!(variables),
        ));
        values.variables = Packed::new(variables);
    }
    if !changes.is_empty() {
        lead.applied = lead.applied.saturating_add(1);
        if let Some(extra) = &mut lead.extra
            && before.is_some()
        {
            extra.past = before;
        }
    }
    changes
}

fn change(field: &'static str, old: Value, new: Value) -> Change {
    Change { field, old, new }
}
