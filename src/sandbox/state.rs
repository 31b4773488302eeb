//! The sandbox's memory, and what each request does to it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::answer::{Answer, LOCKED, MISSING, NOT_DIALABLE, Refusal, UNAUTHORIZED};
use super::body::{self, Asked};
use super::destinations;
use super::lead::{Extra, Lead, Leads, Origin, Packed, Shape, Status, Values, Variables};
use super::ledger::{Call, Change, Delivery, Journal, LeadState, Ledger, Receipt};
use super::route::{Act, Route};
use super::script::{Applies, Custom, Dials, Plan, Says, Script, Step};
use super::trouble::Trouble;
use super::upload::{self, Enrolled};
use super::window::{Limit, Quota, Window};
use super::{Honours, Options, UnknownFields};

/// The longest body that a receipt keeps.
const LONGEST_KEPT: usize = 4 * 1024;

/// Keys whose windows are remembered.
const MOST_KEYS: usize = 1_024;

/// A request as it came.
pub(super) struct Request<'wire> {
    pub(super) method: &'wire Method,
    pub(super) path: &'wire str,
    pub(super) route: &'wire Route,
    pub(super) key: Option<&'wire str>,
    pub(super) body: &'wire [u8],
    /// Whether it calls itself JSON.
    pub(super) json: bool,
    /// The file of an upload.
    pub(super) file: Option<Result<&'wire [u8], &'wire Refusal>>,
    pub(super) connection: u64,
}

impl Request<'_> {
    /// The body, unless it does not call itself JSON: then a body parser leaves it alone, as if it were empty.
    fn json_body(&self) -> &[u8] {
        if self.json { self.body } else { &[] }
    }
}

/// What is to be done about it.
pub(super) struct Decision {
    pub(super) answer: Answer,
    pub(super) delivery: Delivery,
    pub(super) delay: Duration,
    /// The number of its receipt.
    pub(super) number: u64,
    /// A change of this lead that lands after the answer.
    pub(super) late: Option<(String, Asked)>,
}

/// What came of a request that was let in.
struct Outcome {
    answer: Answer,
    plan: Plan,
    /// An answer spelled out, whose headers count over all others.
    custom: Option<Box<Custom>>,
    late: Option<(String, Asked)>,
}

impl Outcome {
    fn plain(answer: Answer) -> Self {
        Self::planned(answer, Plan::NORMAL)
    }

    fn planned(answer: Answer, plan: Plan) -> Self {
        Self {
            answer,
            plan,
            custom: None,
            late: None,
        }
    }
}

/// Everything that the sandbox remembers.
pub(super) struct State {
    honours: Honours,
    unknown_fields: UnknownFields,
    limit: Limit,
    key: Option<SecretString>,
    script: Option<Script>,
    destinations: Option<Vec<String>>,
    trouble: Trouble,
    any_lead: bool,
    leads: HashMap<Box<str>, Box<Lead>>,
    /// Leads in the order in which they will be dialled; empty when nothing dials.
    queue: Option<VecDeque<Box<str>>>,
    windows: HashMap<u64, Window>,
    journal: Journal,
    random: fastrand::Rng,
    enrolments: u32,
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

    /// Looks at a request, does what it asks for or what the script has instead, and writes the receipt.
    pub(super) fn decide(&mut self, request: &Request<'_>) -> Decision {
        let now = Timestamp::now();
        let mut receipt = Receipt {
            number: 0,
            at: now,
            connection: request.connection,
            method: request.method.as_str().to_owned(),
            path: request.path.to_owned(),
            lead: request.route.subject().map(str::to_owned),
            body: kept(request.body),
            trouble: None,
            applied: Vec::new(),
            applied_late: None,
            created: Vec::new(),
            status: None,
            delivery: Delivery::None,
        };
        let (quota, refused) = self.admit(request, now);
        let outcome = match refused {
            Some(answer) => Outcome::plain(answer),
            None => self.answer(request, &mut receipt),
        };
        let Outcome {
            mut answer,
            plan,
            custom,
            late,
        } = outcome;
        announce(&mut answer, quota);
        if let Some(custom) = custom {
            answer.overlay(&custom.headers);
        }
        receipt.status = plan.delivery.shows_status().then_some(answer.status);
        self.journal.counts.applied +=
            u64::from(request.route.is_change() && !receipt.applied.is_empty());
        self.journal.counts.created += u64::try_from(receipt.created.len()).unwrap_or(u64::MAX);
        Decision {
            answer,
            delivery: plan.delivery,
            delay: plan.delay,
            number: self.journal.write(receipt),
            late,
        }
    }

    /// Checks the path, the key and the limit, in this order.
    fn admit(&mut self, request: &Request<'_>, now: Timestamp) -> (Quota, Option<Answer>) {
        let now = now.as_millisecond();
        let refusal = match request.key {
            _ if *request.route == Route::Nowhere => {
                let path = request.path.split('?').next().unwrap_or_default();
                Some(Refusal::new(
                    404,
                    format!("Cannot {} {path}", request.method),
                ))
            }
            Some(key)
                if self
                    .key
                    .as_ref()
                    .is_none_or(|known| known.expose_secret() == key) =>
            {
                None
            }
            _ => Some(Refusal::new(401, UNAUTHORIZED)),
        };
        if let Some(refusal) = refusal {
            // Nobody's window: it is announced whole, and nothing is counted.
            let quota = Window::default().admit(self.limit, now);
            let untouched = Quota {
                remaining: quota.limit,
                ..quota
            };
            return (untouched, Some(Answer::refusal(&refusal)));
        }
        if self.windows.len() > MOST_KEYS {
            self.windows.clear();
        }
        let mut hasher = DefaultHasher::new();
        request.key.hash(&mut hasher);
        let window = self.windows.entry(hasher.finish()).or_default();
        let quota = window.admit(self.limit, now);
        (quota, quota.retry_after.map(Answer::too_many))
    }

    fn answer(&mut self, request: &Request<'_>, receipt: &mut Receipt) -> Outcome {
        let destinations = self.destinations.as_deref();
        match request.route {
            Route::Lead { act, id } => self.about_lead(*act, id, request.json_body(), receipt),
            Route::Enrolment | Route::Upload { .. } => self.enrolment(request, receipt),
            Route::Countries => Outcome::plain(Answer::json(200, &destinations::countries())),
            Route::EnabledGroups => {
                Outcome::plain(Answer::json(200, &destinations::enabled(destinations)))
            }
            // Both are answered elsewhere.
            Route::Ledger | Route::Nowhere => {
                Outcome::plain(Answer::refusal(&Refusal::new(404, "Not Found")))
            }
        }
    }

    fn about_lead(&mut self, act: Act, id: &str, body: &[u8], receipt: &mut Receipt) -> Outcome {
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

    fn enrolment(&mut self, request: &Request<'_>, receipt: &mut Receipt) -> Outcome {
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

    fn keep(&mut self, id: Box<str>, lead: Lead) {
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

    fn shape(&self, says: Says) -> Shape {
        Shape {
            honours: self.honours,
            past: says == Says::Past,
            without_variables: says == Says::WithoutVariables,
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

fn announce(answer: &mut Answer, quota: Quota) {
    let mut put = |name: &'static str, value: HeaderValue| answer.headers.insert(name, value);
    put("x-ratelimit-limit", quota.limit.into());
    put("x-ratelimit-remaining", quota.remaining.into());
    put("x-ratelimit-reset", quota.reset.into());
}

fn kept(body: &[u8]) -> Option<String> {
    let kept = body.get(..LONGEST_KEPT).unwrap_or(body);
    (!kept.is_empty()).then(|| String::from_utf8_lossy(kept).into_owned())
}
