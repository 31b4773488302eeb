//! Enrolments: one lead, or a file of them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, NOT_DIALABLE, Refusal};
use super::body;
use super::decision::{Outcome, Request};
use super::destinations;
use super::lead::{Extra, Lead, Origin};
use super::ledger::Receipt;
use super::plan::{Applies, Plan, Says};
use super::route::Route;
use super::state::State;
use super::upload::{self, Enrolled};

impl State {
    pub(super) fn enrolment(&mut self, request: &Request<'_>, receipt: &mut Receipt) -> Outcome {
        let number = self.enrolments;
        self.enrolments = number.wrapping_add(1);
        let struck = self.trouble.strike("POST", request.path, number);
        let (word, plan) = struck.map_or((None, Plan::NORMAL), |(word, plan)| (Some(word), plan));
        receipt.trouble = word;
        let applied = plan.applies != Applies::No;
        let truth = match (request.route, request.file) {
            (Route::Upload { .. }, Some(Err(refusal))) => Err(refusal.clone()),
            (Route::Upload { campaign }, Some(Ok(file))) => {
                self.enrol_file(file, campaign, applied, receipt)
            }
            _ => self.enrol_one(request.json_body(), applied, receipt),
        };
        let answer = match truth {
            Ok(body) => Answer::instead(plan.says, Answer::json(201, &body), &[]),
            Err(refusal) if plan.says.is_of_lead() => Answer::refusal(&refusal),
            Err(refusal) => Answer::instead(plan.says, Answer::refusal(&refusal), &[]),
        };
        Outcome::planned(answer, plan)
    }

    fn enrol_file(
        &mut self,
        file: &[u8],
        campaign: &str,
        applied: bool,
        receipt: &mut Receipt,
    ) -> Result<Value, Refusal> {
        let rows = upload::rows(file, self.destinations.as_deref())?;
        if applied {
            receipt.created = rows
                .leads
                .iter()
                .map(|lead| self.enrol(lead, None, campaign))
                .collect();
        }
        let created = rows.leads.len();
        Ok(json!({
            "campaign_id": campaign, "leads_created": created, "leads_skipped": rows.skipped,
            "message": format!("{created} leads created, {} rows skipped", rows.skipped),
        }))
    }

    fn enrol_one(
        &mut self,
        body: &[u8],
        applied: bool,
        receipt: &mut Receipt,
    ) -> Result<Value, Refusal> {
        let asked = body::enrolment(body)?;
        let lead = Enrolled {
            phone: asked.phone.unwrap_or_default(),
            variables: asked.variables.unwrap_or_default(),
        };
        if !destinations::allow(self.destinations.as_deref(), &lead.phone) {
            return Err(Refusal::new(400, NOT_DIALABLE));
        }
        if !applied {
            return Ok(Value::Null);
        }
        let id = self.enrol(&lead, asked.name, &asked.campaign.unwrap_or_default());
        let shape = self.shape(Says::Truth);
        let shown = self
            .leads
            .get(id.as_str())
            .map(|lead| json!(lead.shown(&id, shape)));
        receipt.created.push(id);
        Ok(shown.unwrap_or_default())
    }

    /// Enrols a lead and gives its ID.
    fn enrol(&mut self, enrolled: &Enrolled, name: Option<String>, campaign: &str) -> String {
        let random: String = (0..12).map(|_| self.random.digit(36)).collect();
        let id = format!("lead_{random}");
        let mut lead = Lead::new(
            enrolled.phone.as_str().into(),
            &enrolled.variables,
            Origin::Created,
        );
        lead.values.name = name.map(Into::into);
        lead.extra = Some(Box::new(Extra {
            campaign: Some(campaign.into()),
            created: Some(format!("{:.3}", Timestamp::now()).into()),
            ..Extra::default()
        }));
        self.keep(id.as_str().into(), lead);
        id
    }
}
