//! The ledger: what was asked, what was really done, how it was answered.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::lead::{Origin, Status, Variables};

/// How a reply left the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Handed to the connection, all of it.
    Whole,
    /// The head and half of the body, then the connection was closed.
    Cut,
    /// Nothing; the connection was reset.
    Reset,
    /// Nothing; the connection was closed in good order.
    Closed,
    /// The head, then one byte of the body a second.
    Dripped,
    /// Nothing: the server kept silent, or the client went away before it spoke.
    None,
}

impl Delivery {
    /// Whether the client gets to see a status.
    pub(super) fn shows_status(self) -> bool {
        matches!(self, Self::Whole | Self::Cut | Self::Dripped)
    }
}

/// One field that a request changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// `phone_number`, `name`, `notes`, `metadata` or `status`, whatever spelling was used.
    pub field: &'static str,
    /// Its value before.
    pub old: Value,
    /// Its value after: the same, when the request said what was there already.
    pub new: Value,
}

/// One request and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Receipt {
    /// Counts from 1, in the order of arrival.
    pub number: u64,
    /// When the request was looked at.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// The connection that it came on, counted from 1.
    pub connection: u64,
    /// As received.
    pub method: String,
    /// As received.
    pub path: String,
    /// The lead, decoded; the campaign for an upload.
    pub lead: Option<String>,
    /// As received, up to 4 KB.
    pub body: Option<String>,
    /// The scripted step or seeded trouble that struck.
    pub trouble: Option<String>,
    /// What it changed: empty when it was refused, or lost.
    pub applied: Vec<Change>,
    /// When that happened, if it was only after the answer.
    #[serde(serialize_with = "as_optional_text")]
    pub applied_late: Option<Timestamp>,
    /// Leads that it enrolled.
    pub created: Vec<String>,
    /// The status that was answered, unless nothing was.
    pub status: Option<u16>,
    /// How the answer was delivered.
    pub delivery: Delivery,
}

/// A lead as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeadState {
    /// Its ID.
    pub id: String,
    /// Its campaign.
    pub campaign_id: String,
    /// The number that would be dialled.
    pub phone_number: String,
    /// Its name, shown in replies or not.
    pub name: Option<String>,
    /// Its free-form notes, shown in replies or not.
    pub notes: Option<String>,
    /// Its variables.
    pub metadata: Variables,
    /// Where it is in its campaign.
    pub status: Status,
    /// When its call started.
    #[serde(serialize_with = "as_optional_text")]
    pub dialled_at: Option<Timestamp>,
    /// Every number that it ever had, in order, the present one last.
    pub held: Vec<String>,
    /// How many requests changed it, or said what was there already.
    pub applied: u64,
    /// Where the sandbox has it from.
    pub origin: Origin,
}

/// A call that the campaign placed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// When.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// For which lead.
    pub lead: String,
    /// The phone that rang.
    pub phone_number: String,
}

/// Counts over everything, never capped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Connections accepted.
    pub connections: u64,
    /// Requests, those refused by the limit included.
    pub requests: u64,
    /// Requests by method.
    pub methods: BTreeMap<String, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers by how they were delivered.
    pub deliveries: BTreeMap<Delivery, u64>,
    /// Requests struck by a scripted step or by seeded trouble.
    pub troubled: u64,
    /// Changes of a lead that were applied.
    pub applied: u64,
    /// Leads enrolled.
    pub created: u64,
    /// Leads removed.
    pub removed: u64,
    /// Calls placed.
    pub calls: u64,
}

/// A snapshot of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ledger {
    /// Counts over everything.
    pub counts: Counts,
    /// Receipts no longer kept: the oldest go first.
    pub receipts_dropped: u64,
    /// In order of arrival, the latest ones.
    pub receipts: Vec<Receipt>,
    /// In order, the latest ones.
    pub calls: Vec<Call>,
    /// Every lead that is listed, was created or was changed.
    pub leads: BTreeMap<String, LeadState>,
}

impl Ledger {
    /// The lead with this ID, unless nothing ever happened to it.
    pub fn lead(&self, lead: &str) -> Option<&LeadState> {
        self.leads.get(lead)
    }

    /// Whether the lead has, or ever had, this number.
    pub fn ever_held(&self, lead: &str, phone: &str) -> bool {
        self.lead(lead)
            .is_some_and(|state| state.held.iter().any(|held| held == phone))
    }

    /// How many requests changed the lead, or said what was there already.
    pub fn applied_count(&self, lead: &str) -> u64 {
        self.lead(lead).map_or(0, |state| state.applied)
    }

    /// The receipts for one lead, in order.
    pub fn receipts_for<'ledger>(
        &'ledger self,
        lead: &'ledger str,
    ) -> impl Iterator<Item = &'ledger Receipt> {
        self.receipts
            .iter()
            .filter(move |receipt| receipt.lead.as_deref() == Some(lead))
    }

    /// How often this phone rang.
    pub fn rang(&self, phone: &str) -> usize {
        self.calls
            .iter()
            .filter(|call| call.phone_number == phone)
            .count()
    }
}

/// The ledger as it is being written: receipts up to a cap, counts for all.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) counts: Counts,
    cap: usize,
    receipts: VecDeque<Receipt>,
    calls: VecDeque<Call>,
}

impl Journal {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            counts: Counts::default(),
            cap,
            receipts: VecDeque::new(),
            calls: VecDeque::new(),
        }
    }

    /// Writes a receipt down and gives it its number. Until [`Journal::delivered`], its delivery is `none`.
    pub(super) fn write(&mut self, mut receipt: Receipt) -> u64 {
        let counts = &mut self.counts;
        counts.requests += 1;
        count(&mut counts.methods, receipt.method.as_str());
        if let Some(status) = receipt.status {
            *counts.statuses.entry(status).or_default() += 1;
        }
        counts.troubled += u64::from(receipt.trouble.is_some());
        receipt.number = counts.requests;
        *counts.deliveries.entry(receipt.delivery).or_default() += 1;
        if self.cap > 0 {
            if self.receipts.len() == self.cap {
                self.receipts.pop_front();
            }
            self.receipts.push_back(receipt);
        }
        self.counts.requests
    }

    /// Says how the answer left.
    pub(super) fn delivered(&mut self, number: u64, delivery: Delivery) {
        if let Some(silent) = self.counts.deliveries.get_mut(&Delivery::None) {
            *silent = silent.saturating_sub(1);
        }
        self.counts.deliveries.retain(|_, count| *count > 0);
        *self.counts.deliveries.entry(delivery).or_default() += 1;
        if let Some(receipt) = self.receipt(number) {
            receipt.delivery = delivery;
        }
    }

    /// The receipt with this number, if it is still kept.
    pub(super) fn receipt(&mut self, number: u64) -> Option<&mut Receipt> {
        let first = self.receipts.front()?.number;
        let index = usize::try_from(number.checked_sub(first)?).ok()?;
        self.receipts.get_mut(index)
    }

    pub(super) fn call(&mut self, call: Call) {
        self.counts.calls += 1;
        if self.cap > 0 {
            if self.calls.len() == self.cap {
                self.calls.pop_front();
            }
            self.calls.push_back(call);
        }
    }

    /// The ledger with these leads, and all receipts or those for one lead.
    pub(super) fn snapshot(
        &self,
        leads: BTreeMap<String, LeadState>,
        only: Option<&str>,
    ) -> Ledger {
        let wanted = |lead: Option<&str>| only.is_none() || lead == only;
        let receipts = self
            .receipts
            .iter()
            .filter(|receipt| wanted(receipt.lead.as_deref()));
        let calls = self.calls.iter().filter(|call| wanted(Some(&call.lead)));
        Ledger {
            counts: self.counts.clone(),
            receipts_dropped: self
                .receipts
                .front()
                .map_or(self.counts.requests, |first| first.number - 1),
            receipts: receipts.cloned().collect(),
            calls: calls.cloned().collect(),
            leads,
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    match counts.get_mut(key) {
        Some(count) => *count += 1,
        None => {
            counts.insert(key.to_owned(), 1);
        }
    }
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

#[expect(
    clippy::ref_option,
    reason = "serde hands over a reference to the field"
)]
fn as_optional_text<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => as_text(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(lead: &str) -> Receipt {
        Receipt {
            number: 0,
            at: Timestamp::UNIX_EPOCH,
            connection: 1,
            method: "PATCH".to_owned(),
            path: String::new(),
            lead: Some(lead.to_owned()),
            body: None,
            trouble: None,
            applied: Vec::new(),
            applied_late: None,
            created: Vec::new(),
            status: Some(200),
            delivery: Delivery::None,
        }
    }

    #[test]
    fn the_oldest_receipts_go_first_and_counts_stay() {
        let mut journal = Journal::new(2);
        for lead in ["a", "b", "c"] {
            let number = journal.write(receipt(lead));
            journal.delivered(number, Delivery::Whole);
        }
        let ledger = journal.snapshot(BTreeMap::new(), None);
        assert_eq!((ledger.counts.requests, ledger.receipts_dropped), (3, 1));
        let kept: Vec<_> = ledger
            .receipts
            .iter()
            .map(|receipt| (receipt.number, receipt.delivery))
            .collect();
        assert_eq!(kept, [(2, Delivery::Whole), (3, Delivery::Whole)]);
        assert_eq!(
            journal.snapshot(BTreeMap::new(), Some("b")).receipts.len(),
            1
        );
    }

    #[test]
    fn a_cap_of_nothing_keeps_counts_alone() {
        let mut journal = Journal::new(0);
        journal.write(receipt("a"));
        let ledger = journal.snapshot(BTreeMap::new(), None);
        assert_eq!((ledger.counts.requests, ledger.receipts_dropped), (1, 1));
    }
}
