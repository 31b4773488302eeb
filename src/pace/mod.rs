//! When the next request may go. Learns from what the server announces, and from its refusals, what kind of quota it
//! keeps, and uses all of it. Pure: the caller keeps the clock.
//!
//! | kind | told by | kept to by |
//! | --- | --- | --- |
//! | open | no headers, no refusal yet | nothing |
//! | learning | headers, but no reset seen yet | spending what remains until the reset, never more than remains |
//! | windows | `Remaining` jumps back up | the limit in any stretch as long as a window |
//! | sliding | `Remaining` falls by one each, and then recovers one by one | the same |
//! | bucket | `Remaining` recovers at once | the refill rate, trimmed by the level that is foreseen |
//! | search | refusals without headers | halving the interval between a rate that was granted and one that was not |
//!
//! Everything is said in terms of when requests were *sent*: a window's edge lies between the last request that was
//! counted in the old one and the first in the new one, whatever the latency and the clocks are.

mod answered;
mod bucket;
mod gauge;
mod latency;
mod learning;
mod ledger;
mod lessons;
mod others;
mod search;
mod sent;
mod window;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::quota::{Announcement, LONGEST_WINDOW};
use bucket::Bucket;
use learning::Learning;
use ledger::{Ledger, as_f64};
use search::Search;
use window::Window;

/// Seconds since the run began.
pub type Seconds = f64;

/// Turns that came while a timer was late are made up for, up to this; less where nothing else keeps a burst from
/// being too much.
const LATENESS: Seconds = 0.02;
const SEARCH_LATENESS: Seconds = 0.005;
/// No quota lets more requests a second through, as far as it matters here.
const FASTEST: f64 = 1e6;
/// Until a server has answered, so many requests a second find out what it is like.
const FIRST_PACE: f64 = 16.0;
/// And so many without a reply.
const FIRST_REQUESTS: u64 = 64;
/// A refusal while some remains, which another quota must have had a part in, leaves this share of the pace; it doubles in
/// this time.
const LOWERED: f64 = 0.5;
const RECOVERS: Seconds = 60.0;

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Turn {
    /// Now.
    Now,
    /// Not before this, unless a reply changes it.
    Wait(Seconds),
}

/// What a reply showed of the quota.
#[derive(Clone, Copy, Debug)]
struct Sight {
    /// Number of the request.
    number: u64,
    sent_at: Seconds,
    remaining: f64,
}

/// What a quota is understood to be: what is shown, and kept for the next run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// So many requests in each window, which begins all at once.
    Windows {
        /// Requests.
        limit: u64,
        /// Length in seconds.
        window: Seconds,
    },
    /// So many requests in any stretch as long as the window.
    Sliding {
        /// Requests.
        limit: u64,
        /// Length in seconds.
        window: Seconds,
    },
    /// A bucket that refills steadily.
    Bucket {
        /// Requests a second.
        rate: f64,
    },
    /// Nothing is announced; refusals showed this.
    Unannounced {
        /// Requests a second.
        rate: f64,
    },
}

impl Quota {
    /// Whether it can be a quota at all.
    pub fn is_sane(&self) -> bool {
        let rate = self.rate();
        let window = match *self {
            Self::Windows { window, .. } | Self::Sliding { window, .. } => window,
            Self::Bucket { .. } | Self::Unannounced { .. } => 0.0,
        };
        rate > 0.0 && rate <= FASTEST && window <= LONGEST_WINDOW.as_secs_f64()
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        match *self {
            Self::Windows { limit, window } | Self::Sliding { limit, window } => {
                as_f64(limit) / window
            }
            Self::Bucket { rate } | Self::Unannounced { rate } => rate,
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Windows { limit, window } => write!(f, "{limit} requests in each {window:.3} s"),
            Self::Sliding { limit, window } => write!(f, "{limit} requests in any {window:.3} s"),
            Self::Bucket { rate } => write!(f, "a bucket refilled at {rate:.0}/s"),
            Self::Unannounced { rate } => write!(f, "about {rate:.0}/s, not announced"),
        }
    }
}

/// Decides when requests may go.
#[derive(Debug)]
pub struct Pace {
    ledger: Ledger,
    kind: Kind,
    /// When the last request was due.
    due: Seconds,
    /// What another quota than the announced one has left; it outlasts what is learnt of the announced one.
    lowered: Option<Lowered>,
}

/// A pace that is no more than this because a request was refused while some remained.
#[derive(Clone, Copy, Debug)]
struct Lowered {
    at: Seconds,
    /// Requests a second then.
    pace: f64,
    /// How many had been granted by then.
    granted: u64,
}

#[derive(Debug)]
enum Kind {
    Unknown,
    Open,
    Learning(Learning),
    Window(Window),
    Bucket(Bucket),
    Search(Search),
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ledger: Ledger::default(),
            kind: Kind::Unknown,
            due: f64::NEG_INFINITY,
            lowered: None,
        }
    }
}

impl Pace {
    /// Begins with what an earlier run has learnt; what is wrong in it shows soon.
    pub fn knowing(quota: Quota) -> Self {
        let mut pace = Self::default();
        pace.kind = match quota {
            Quota::Windows { limit, window } => {
                pace.ledger.limit = limit;
                Kind::Window(Window::known(window, false))
            }
            Quota::Sliding { limit, window } => {
                pace.ledger.limit = limit;
                Kind::Window(Window::known(window, true))
            }
            Quota::Bucket { rate } => Kind::Bucket(Bucket::known(rate)),
            Quota::Unannounced { rate } => Kind::Search(Search::knowing(rate)),
        };
        pace
    }

    /// What the quota is understood to be.
    pub fn quota(&self) -> Option<Quota> {
        let limit = self.ledger.limit;
        match &self.kind {
            Kind::Window(window) if window.is_sliding() => Some(Quota::Sliding {
                limit,
                window: window.length(),
            }),
            Kind::Window(window) => Some(Quota::Windows {
                limit,
                window: window.length(),
            }),
            Kind::Bucket(bucket) => Some(Quota::Bucket {
                rate: bucket.rate(),
            }),
            Kind::Search(search) => Some(Quota::Unannounced {
                rate: search.rate(),
            }),
            Kind::Unknown | Kind::Open | Kind::Learning(_) => None,
        }
    }

    /// Requests a second that the quota lets through now, as far as the server has announced one; what refusals alone
    /// have told is no knowledge of it.
    pub fn rate(&self) -> Option<f64> {
        match &self.kind {
            Kind::Unknown | Kind::Open | Kind::Search(_) => None,
            Kind::Learning(_) | Kind::Window(_) => self.pace(self.due),
            // At once is not for long.
            Kind::Bucket(bucket) => Some(bucket.rate()),
        }
    }

    /// Whether a reply has told anything of the quota, be it that there is none.
    pub fn is_known(&self) -> bool {
        !matches!(self.kind, Kind::Unknown)
    }

    /// Whether a request may go at `now`.
    pub fn turn(&self, now: Seconds) -> Turn {
        let open = match &self.kind {
            Kind::Unknown | Kind::Window(_) | Kind::Bucket(_)
                if self.ledger.sight.is_none() && self.ledger.outstanding >= FIRST_REQUESTS =>
            {
                Some(f64::INFINITY)
            }
            Kind::Unknown | Kind::Open | Kind::Search(_) => None,
            Kind::Learning(_) => Learning::closed_until(&self.ledger, now),
            Kind::Window(window) => window.closed_until(&self.ledger, now),
            Kind::Bucket(bucket) => bucket.closed_until(&self.ledger, now),
        };
        let until = self.due(now).max(open.unwrap_or(f64::NEG_INFINITY));
        if until <= now {
            Turn::Now
        } else {
            Turn::Wait(until)
        }
    }

    /// A request goes at `now`; its number.
    pub fn send(&mut self, now: Seconds) -> u64 {
        let lateness = match self.kind {
            Kind::Search(_) => SEARCH_LATENESS,
            _ => LATENESS,
        };
        self.due = self.due(now).max(now - lateness).min(now);
        if let Kind::Bucket(bucket) = &mut self.kind {
            bucket.send(now);
        }
        self.ledger.outstanding += 1;
        self.ledger.sent.push(now)
    }

    /// The request was counted against the quota, and the reply came at `now`.
    pub fn granted(&mut self, number: u64, now: Seconds, announced: &Announcement) {
        self.ledger.granted += 1;
        let sent_at = self.ledger.reply(number, now);
        let limit = self.seen_limit();
        let seen = sent_at.and_then(|sent_at| self.see(number, sent_at, now, announced));
        let is_another = self.is_another_window(limit, now);
        if announced.remaining.is_none() {
            self.ledger.silence(number);
        }
        if self.ledger.sight.is_some() && self.ledger.is_silent() {
            self.ledger.forget();
            self.kind = if self.ledger.was_refused {
                Kind::Search(Search::new(&self.ledger, now))
            } else {
                Kind::Open
            };
            return;
        }
        let ledger = &self.ledger;
        let kind = match (&mut self.kind, seen) {
            (Kind::Unknown | Kind::Open, Some((_, sight))) => {
                Some(Kind::Learning(Learning::new(sight, now)))
            }
            (Kind::Unknown, None) => Some(Kind::Open),
            (Kind::Learning(learning), Some((Some(before), sight))) => {
                learning.see(ledger, before, sight)
            }
            (Kind::Learning(learning), Some((None, sight))) => {
                learning.begin_anew(sight);
                None
            }
            (Kind::Window(_), Some((None, sight))) if is_another => {
                Some(Kind::Learning(Learning::new(sight, now)))
            }
            (Kind::Window(window), Some((Some(before), sight))) => window
                .see(ledger, before, sight)
                .then(|| Kind::Learning(Learning::new(sight, now))),
            (Kind::Bucket(bucket), Some((before, sight))) => bucket
                .see(ledger, before, sight)
                .then(|| Kind::Learning(Learning::new(sight, now))),
            (Kind::Search(_), Some((_, sight))) => Some(Kind::Learning(Learning::new(sight, now))),
            (Kind::Search(search), None) => {
                search.granted(ledger, now);
                None
            }
            // An earlier run knew a quota that nobody speaks of any more.
            (Kind::Window(_) | Kind::Bucket(_), None) if ledger.sight.is_none() => Some(Kind::Open),
            (Kind::Learning(_) | Kind::Window(_) | Kind::Bucket(_), _) | (Kind::Open, None) => None,
        };
        if let Some(kind) = kind {
            self.kind = kind;
        }
    }

    /// The request was refused for want of quota. `hold`: until when everyone waits, if this is the first refusal of a
    /// burst; `None` for the rest of it.
    pub fn refused(
        &mut self,
        number: u64,
        now: Seconds,
        announced: &Announcement,
        hold: Option<Seconds>,
    ) {
        if let Some(sent_at) = self.ledger.reply(number, now) {
            self.ledger.was_refused = true;
            self.ledger.uncounted(number);
            // Where only refusals announce something, it is somebody else's quota, or not enough to go by.
            if !self.ledger.is_silent() {
                let limit = self.seen_limit();
                self.see(number, sent_at, now, announced);
                if let Some(sight) = self.ledger.sight
                    && self.is_another_window(limit, now)
                {
                    self.kind = Kind::Learning(Learning::after(sight, hold.unwrap_or(now), 0.0));
                }
            }
        }
        let Some(hold) = hold else { return };
        if self.is_of_another_quota(announced) {
            self.lower(now);
            if let Kind::Learning(learning) = &mut self.kind {
                learning.refused(hold);
            }
            return;
        }
        let ledger = &self.ledger;
        let is_wrong = match &mut self.kind {
            Kind::Unknown | Kind::Open => true,
            Kind::Learning(_) => false,
            Kind::Window(window) => window.refused(ledger, now),
            Kind::Bucket(bucket) => bucket.refused(now),
            Kind::Search(search) => {
                search.refused(ledger, now, hold);
                false
            }
        };
        if is_wrong {
            let widened = match &self.kind {
                Kind::Window(window) => window.widened(),
                _ => 0.0,
            };
            self.kind = match ledger.sight {
                Some(sight) => Kind::Learning(Learning::after(sight, hold, widened)),
                None => Kind::Search(Search::new(ledger, hold)),
            };
        }
    }

    /// No reply to the request, or one that says nothing of the quota: it need not have been counted.
    pub fn lost(&mut self, number: u64) {
        self.ledger.outstanding = self.ledger.outstanding.saturating_sub(1);
        self.ledger.uncounted(number);
    }

    /// Smoothed round trip.
    pub fn latency(&self) -> Seconds {
        self.ledger.latency.smooth()
    }

    /// When the next request is due by the pace alone.
    fn due(&self, now: Seconds) -> Seconds {
        self.pace(now).map_or(now, |pace| self.due + 1.0 / pace)
    }

    fn pace(&self, now: Seconds) -> Option<f64> {
        let pace = match &self.kind {
            Kind::Unknown => return Some(FIRST_PACE),
            Kind::Open => return None,
            Kind::Search(search) => return Some(search.rate()),
            Kind::Learning(learning) => learning.pace(&self.ledger, now),
            Kind::Window(window) => window.pace(&self.ledger),
            Kind::Bucket(bucket) => bucket.pace(&self.ledger, now),
        };
        let ceiling = self.lowered.map_or(f64::INFINITY, |lowered| {
            lowered.pace * 2.0_f64.powf((now - lowered.at) / RECOVERS)
        });
        Some(pace.min(ceiling))
    }

    /// Whether the limit that is announced now, where it was `before`, is that of a longer window than the known one: of two
    /// quotas the one of which less remains is announced.
    fn is_another_window(&self, before: Option<u64>, now: Seconds) -> bool {
        let (Kind::Window(window), Some(resets_at)) = (&self.kind, self.ledger.resets_at) else {
            return false;
        };
        before.is_some_and(|before| before != self.ledger.limit)
            && window.ends_before(resets_at, now)
    }

    /// The limit, where this run has seen it announced.
    fn seen_limit(&self) -> Option<u64> {
        self.ledger.sight.map(|_| self.ledger.limit)
    }

    /// Whether a refusal that announces this is another quota's, of which nothing is said: some of the announced one
    /// remained.
    fn is_of_another_quota(&self, announced: &Announcement) -> bool {
        let remained = match &self.kind {
            Kind::Learning(_) => self.ledger.sight.map(|sight| sight.remaining >= 1.0),
            Kind::Window(_) | Kind::Bucket(_) => None,
            Kind::Unknown | Kind::Open | Kind::Search(_) => return false,
        };
        let remains = announced.remaining.map(|remaining| remaining >= 1);
        remains.or(remained) == Some(true)
    }

    /// Another quota than the announced one has refused a request.
    fn lower(&mut self, now: Seconds) {
        // Nothing was granted since the last one, which had lowered it: that says nothing of the pace.
        if self
            .lowered
            .is_some_and(|lowered| lowered.granted == self.ledger.granted)
        {
            return;
        }
        // Where little remains the pace of this moment is little, and it was not what was too much.
        let went = as_f64(self.ledger.sent.since(now - 1.0).saturating_sub(1));
        let pace = self.pace(now).map_or(went, |pace| pace.max(went));
        self.lowered = Some(Lowered {
            at: now,
            pace: (LOWERED * pace).max(1.0 / RECOVERS),
            granted: self.ledger.granted,
        });
    }

    /// Takes down what a reply announced, unless a newer request has told already; the sight before and the new
    /// one.
    fn see(
        &mut self,
        number: u64,
        sent_at: Seconds,
        now: Seconds,
        announced: &Announcement,
    ) -> Option<(Option<Sight>, Sight)> {
        let remaining = announced.remaining?;
        let before = self.ledger.sight;
        if before.is_some_and(|before| before.number >= number) {
            return None;
        }
        let limit = announced
            .limit
            .unwrap_or(self.ledger.limit.max(remaining.saturating_add(1)));
        let changed = limit != self.ledger.limit;
        let sight = Sight {
            number,
            sent_at,
            remaining: as_f64(remaining),
        };
        if !changed && self.ledger.is_overtaken(sight) {
            return None;
        }
        self.ledger.limit_to(limit);
        self.ledger.resets_at = announced
            .resets_in
            .map(|resets_in| now + resets_in.as_secs_f64());
        self.ledger.sighted(sight);
        Some((before.filter(|_| !changed), sight))
    }
}
