//! The sandbox's memory.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::lead::{Lead, Shape, Status, Values, Variables};
use super::ledger::{Call, Delivery, Journal, LeadState, Ledger};
use super::plan::Says;
use super::record::Leads;
use super::script::Script;
use super::trouble::Trouble;
use super::window::{Limit, Window};
use super::{Honours, Options, UnknownFields};

/// Everything that the sandbox remembers.
pub(super) struct State {
    pub(super) honours: Honours,
    pub(super) unknown_fields: UnknownFields,
    pub(super) limit: Limit,
    pub(super) key: Option<SecretString>,
    pub(super) script: Option<Script>,
    pub(super) destinations: Option<Vec<String>>,
    pub(super) trouble: Trouble,
    pub(super) any_lead: bool,
    pub(super) leads: HashMap<Box<str>, Box<Lead>>,
    /// Leads in the order in which they will be dialled; empty when nothing dials.
    pub(super) queue: Option<VecDeque<Box<str>>>,
    pub(super) windows: HashMap<u64, Window>,
    pub(super) journal: Journal,
    pub(super) random: fastrand::Rng,
    pub(super) enrolments: u32,
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        let records = match options.leads {
            Leads::Listed(records) => Some(records),
            Leads::AnyPending => None,
        };
        let mut state = Self {
            honours: options.honours,
            unknown_fields: options.unknown_fields,
            limit: options.limit.unwrap_or(Limit::UNREACHABLE),
            key: options.api_key,
            script: options.script,
            destinations: options.destinations,
            trouble: Trouble::new(options.trouble, options.seed),
            any_lead: records.is_none(),
            leads: HashMap::new(),
            queue: options.dialling.map(|_| VecDeque::new()),
            windows: HashMap::new(),
            journal: Journal::new(options.receipts),
            random: fastrand::Rng::with_seed(options.seed),
            enrolments: 0,
        };
        for record in records.into_iter().flatten() {
            let id = record.id.as_str().into();
            state.keep(id, Lead::listed(record));
        }
        state
    }

    pub(super) fn keep(&mut self, id: Box<str>, lead: Lead) {
        if let Some(queue) = &mut self.queue {
            queue.push_back(id.clone());
        }
        self.leads.insert(id, Box::new(lead));
    }

    /// The campaign dials this lead, if it is pending.
    pub(super) fn dial(&mut self, id: &str) -> bool {
        let Some(lead) = self
            .leads
            .get_mut(id)
            .filter(|lead| lead.status.is_pending())
        else {
            return false;
        };
        let now = Timestamp::now();
        lead.status = Status::InProgress;
        lead.dialled = Some(now);
        if let Some(extra) = &mut lead.extra {
            extra.call_log = Some(format!("call_{id}").into());
        }
        let phone_number = lead.values.phone.to_string();
        self.journal.call(Call {
            at: now,
            lead: id.to_owned(),
            phone_number,
        });
        true
    }

    /// The campaign dials whichever pending lead is next.
    pub(super) fn dial_next(&mut self) {
        while let Some(id) = self.queue.as_mut().and_then(VecDeque::pop_front) {
            if self.dial(&id) {
                return;
            }
        }
    }

    pub(super) fn set_limit(&mut self, limit: Option<Limit>) {
        self.limit = limit.unwrap_or(Limit::UNREACHABLE);
    }

    pub(super) fn connected(&mut self) -> u64 {
        self.journal.counts.connections += 1;
        self.journal.counts.connections
    }

    pub(super) fn delivered(&mut self, number: u64, delivery: Delivery) {
        self.journal.delivered(number, delivery);
    }

    /// The ledger, of everything or of one lead.
    pub(super) fn ledger(&self, only: Option<&str>) -> Ledger {
        let leads: BTreeMap<_, _> = match only {
            None => self
                .leads
                .iter()
                .map(|(id, lead)| (id.to_string(), state_of(id, lead)))
                .collect(),
            Some(only) => {
                let lead = self.leads.get(only);
                lead.map(|lead| (only.to_owned(), state_of(only, lead)))
                    .into_iter()
                    .collect()
            }
        };
        self.journal.snapshot(leads, only)
    }

    /// The counts alone.
    pub(super) fn summary(&self) -> Value {
        let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
        for lead in self.leads.values() {
            let status = json!(lead.status);
            *statuses
                .entry(status.as_str().unwrap_or_default().to_owned())
                .or_default() += 1;
        }
        json!({"counts": self.journal.counts, "leads": self.leads.len(), "leads_by_status": statuses})
    }

    pub(super) fn shape(&self, says: Says) -> Shape {
        Shape {
            honours: self.honours,
            past: says == Says::Past,
            without_variables: says == Says::WithoutVariables,
        }
    }
}

fn state_of(id: &str, lead: &Lead) -> LeadState {
    let Values {
        phone,
        name,
        notes,
        variables,
    } = &lead.values;
    let variables: Variables = variables.unpack();
    LeadState {
        id: id.to_owned(),
        campaign_id: lead.campaign().to_owned(),
        phone_number: phone.to_string(),
        name: name.as_deref().map(str::to_owned),
        notes: notes.as_deref().map(str::to_owned),
        metadata: variables,
        status: lead.status,
        dialled_at: lead.dialled,
        held: lead
            .earlier
            .iter()
            .chain([phone])
            .map(ToString::to_string)
            .collect(),
        applied: lead.applied.into(),
        origin: lead.origin,
    }
}
