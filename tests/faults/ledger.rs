//! What the server really received, and what each lead really was, over time. It judges; the program's report is
//! what is judged.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::script::Deed;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) lead: String,
    /// Path and query as they stood.
    pub(crate) target: String,
    pub(crate) body: Value,
    /// Connections are counted from 1.
    pub(crate) connection: usize,
}

/// A lead at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lead {
    pub(crate) phone_number: String,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) status: &'static str,
}

impl Lead {
    pub(crate) fn is_locked(&self) -> bool {
        self.status == "completed"
    }

    fn is_there(&self) -> bool {
        self.status != "removed"
    }

    /// What the contract shows of it.
    pub(crate) fn shown(&self, id: &str) -> Value {
        json!({"id": id, "campaign_id": "cmp_1", "phone_number": self.phone_number, "metadata": self.metadata,
               "status": self.status})
    }

    /// After a change that was asked for; fields of the other spelling are dropped silently.
    pub(crate) fn changed(&self, body: &Value) -> Self {
        let mut lead = self.clone();
        if let Some(number) = body["phone_number"].as_str() {
            number.clone_into(&mut lead.phone_number);
        }
        if let Some(variables) = body["metadata"].as_object() {
            lead.metadata.clone_from(variables);
        }
        lead
    }
}

/// Everything that happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) connections: usize,
    pub(crate) receipts: Vec<Receipt>,
    /// Each lead's states, oldest first.
    pub(crate) history: BTreeMap<String, Vec<Lead>>,
    /// Requests that were taken and not yet applied.
    held: BTreeMap<String, Value>,
    /// Replies that somebody waits for may be given.
    pub(crate) cued: bool,
}

impl Ledger {
    /// A new lead, pending, with a number of its own.
    pub(crate) fn add(&mut self, id: &str) {
        let lead = Lead {
            phone_number: "+919811000001".to_owned(),
            metadata: Map::from_iter([("product".to_owned(), "gold_loan".into())]),
            status: "pending",
        };
        self.history.insert(id.to_owned(), vec![lead]);
    }

    /// The lead as it is now; none that was removed.
    pub(crate) fn lead(&self, id: &str) -> Option<&Lead> {
        self.history.get(id)?.last().filter(|lead| lead.is_there())
    }

    /// Requests of one kind for one lead.
    pub(crate) fn of(&self, method: &str, lead: &str) -> Vec<&Receipt> {
        self.receipts
            .iter()
            .filter(|receipt| receipt.method == method && receipt.lead == lead)
            .collect()
    }

    /// Requests of one kind.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.receipts
            .iter()
            .filter(|receipt| receipt.method == method)
            .count()
    }

    /// Does something to a lead.
    pub(crate) fn act(&mut self, deed: &Deed, id: &str, body: &Value) {
        let Some(lead) = self.history.get(id).and_then(|states| states.last()) else {
            return;
        };
        let mut lead = lead.clone();
        match deed {
            Deed::Apply => lead = lead.changed(body),
            Deed::Hold => {
                self.held.insert(id.to_owned(), body.clone());
                return;
            }
            Deed::ApplyHeld => {
                let body = self.held.remove(id).expect("a request was held");
                lead = lead.changed(&body);
            }
            Deed::Dial => lead.status = "completed",
            Deed::Remove => lead.status = "removed",
            Deed::Edit(number) => (*number).clone_into(&mut lead.phone_number),
        }
        self.history.entry(id.to_owned()).or_default().push(lead);
    }
}
