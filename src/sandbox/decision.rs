//! Decisions: what a request is worth before its lead is looked at, and what goes into its receipt.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderValue;
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::answer::{Answer, Refusal, UNAUTHORIZED};
use super::body::Asked;
use super::destinations;
use super::ledger::{Delivery, Receipt};
use super::plan::Plan;
use super::route::Route;
use super::script::Custom;
use super::state::State;
use super::window::{Quota, Window};

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
    pub(super) fn json_body(&self) -> &[u8] {
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
pub(super) struct Outcome {
    pub(super) answer: Answer,
    pub(super) plan: Plan,
    /// An answer spelled out, whose headers count over all others.
    pub(super) custom: Option<Box<Custom>>,
    pub(super) late: Option<(String, Asked)>,
}

impl Outcome {
    pub(super) fn plain(answer: Answer) -> Self {
        Self::planned(answer, Plan::NORMAL)
    }

    pub(super) fn planned(answer: Answer, plan: Plan) -> Self {
        Self {
            answer,
            plan,
            custom: None,
            late: None,
        }
    }
}

impl State {
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
