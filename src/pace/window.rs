//! A known number of requests in a window of known length, fixed or sliding: never more than that many in *any*
//! stretch as long as the window, wherever its edges lie.

use super::ledger::{Ledger, as_f64};
use super::lessons::Lessons;
use super::{Seconds, Sight};

/// Between two requests a little less than the quota's interval, so that a late one is made up for.
const HASTE: f64 = 1.03;
/// A window is taken to be longer by this share and this time, because requests do not arrive as evenly as they
/// were sent; the share grows with each refusal up to a maximum, and decays by a factor a window.
const SLACK: f64 = 0.003;
const LEAST_SLACK: Seconds = 0.0015;
const GROWTH: f64 = 1.6;
const MOST_SLACK: f64 = 0.03;
const DECAY: f64 = 0.98;
/// How far the number of requests that arrive in a window may be from that sent, in standard deviations; there are
/// more windows in which it may be that where every moment ends one.
const CHANCE: f64 = 2.0;
const SLIDING_CHANCE: f64 = 2.7;
/// Refusals further apart are not of one kind.
const LESSON_WINDOWS: f64 = 10.0;
const LESSON_SPAN: Seconds = 10.0;
/// Other clients that use less than this share of the limit are not noticed.
const OTHERS: f64 = 0.02;
/// Windows that begin anew after less than this share are not this long.
const SHORTER: f64 = 0.8;
/// Others are counted each time this share of the window is over.
const COUNT_EACH: f64 = 0.2;
/// What others send while our own request is under way, besides its latency.
const RACE: Seconds = 0.004;
/// A refusal holds everyone so long, as a rule.
const HOLD: Seconds = 1.0;

/// A window as it is understood.
#[derive(Debug)]
pub(super) struct Window {
    length: Seconds,
    is_sliding: bool,
    /// This run has seen it begin anew; else an earlier one has.
    is_confirmed: bool,
    slack: f64,
    /// The window in which the last sight lies: its begin and its end.
    begin: Seconds,
    end: Seconds,
    /// Number of the first request in it.
    first: u64,
    /// What other clients use, in requests a second.
    others: f64,
    /// When they were noticed last, and what they used then.
    noticed: (Seconds, f64),
    /// When they were counted last, and how many requests they had made in this window at most.
    counted: (Seconds, f64),
    lessons: Lessons,
}

impl Window {
    /// A window that this run has come to know; `edge`: the first request in it.
    pub(super) fn new(length: Seconds, edge: Option<Sight>, is_sliding: bool) -> Self {
        let begin = edge.map_or(f64::NEG_INFINITY, |edge| edge.sent_at);
        Self {
            length,
            is_sliding,
            is_confirmed: true,
            slack: SLACK,
            begin,
            end: begin + length,
            first: edge.map_or(0, |edge| edge.number),
            others: 0.0,
            noticed: (f64::NEG_INFINITY, 0.0),
            counted: (begin, 0.0),
            lessons: Lessons::default(),
        }
    }

    /// A window that an earlier run has come to know.
    pub(super) fn known(length: Seconds, is_sliding: bool) -> Self {
        Self {
            is_confirmed: false,
            ..Self::new(length, None, is_sliding)
        }
    }

    pub(super) fn length(&self) -> Seconds {
        self.length
    }

    pub(super) fn is_sliding(&self) -> bool {
        self.is_sliding
    }

    pub(super) fn pace(&self, ledger: &Ledger) -> f64 {
        HASTE * as_f64(ledger.limit.max(1)) / self.length
    }

    /// In how long no more than the limit may go: what was sent as evenly as can be arrives by chance more densely.
    fn stretch(&self, ledger: &Ledger) -> Seconds {
        let jitter = ledger.latency.jitter();
        let deviations = if self.is_sliding {
            SLIDING_CHANCE
        } else {
            CHANCE
        };
        let chance = deviations * (jitter * self.length / as_f64(ledger.limit.max(1))).sqrt();
        self.length
            + (self.length * self.slack + LEAST_SLACK)
                .max(chance.min(ledger.latency.worst_jitter()))
    }

    /// Until when nothing may go.
    pub(super) fn closed_until(&self, ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let guard = ledger
            .sent
            .back(ledger.limit)
            .map(|time| time + self.stretch(ledger))
            .filter(|until| *until > now);
        guard.or_else(|| {
            if self.is_sliding {
                self.full_until(ledger, now)
            } else {
                self.used_up_until(ledger, now)
            }
        })
    }

    /// Fixed windows: until when the one that is open now is used up, by us and by others.
    fn used_up_until(&self, ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let sight = ledger
            .sight
            .filter(|sight| now - sight.sent_at < self.length)?;
        let (left, end) = if now < self.end || self.begin.is_infinite() {
            (self.left(ledger, now, sight), self.end)
        } else {
            let begin = self.end + ((now - self.end) / self.length).floor() * self.length;
            (
                as_f64(ledger.limit) - as_f64(ledger.sent.since(begin)),
                begin + self.length,
            )
        };
        if left > 0.0 {
            None
        } else if end.is_finite() {
            Some(end + LEAST_SLACK)
        } else if ledger.outstanding > 0 {
            Some(f64::INFINITY)
        } else {
            ledger.resets_at.filter(|at| *at > now)
        }
    }

    /// Sliding windows: until when as many are in the trailing window as may be, others' included.
    fn full_until(&self, ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let sight = ledger.sight?;
        let stretch = self.stretch(ledger);
        let counted = ledger.sent.since(sight.sent_at - self.length);
        let left_since = counted.saturating_sub(ledger.sent.since(now - stretch));
        let left = self.left(ledger, now, sight) + as_f64(left_since);
        // What is older than a window tells nothing: one request finds out.
        let is_old = now > sight.sent_at + stretch && ledger.outstanding == 0;
        if left <= 0.0 && !is_old {
            return Some(now + 1.0 / self.pace(ledger));
        }
        // Where others come between, one request finds out whether what an old sight promises is still there.
        let is_stale = now > sight.sent_at + 2.0 * ledger.latency.smooth() + RACE;
        (is_stale && ledger.outstanding > 0 && self.expected(ledger, now) > 0.0)
            .then_some(f64::INFINITY)
    }

    fn has_others(&self, ledger: &Ledger) -> bool {
        self.others * self.length > (OTHERS * as_f64(ledger.limit)).max(3.0 + ledger.noise())
    }

    /// What may still go by the last sight. Where others take of the same quota, what they may send during a round trip
    /// is left to them, and what was sent close to the sight may still have to be counted; where there are none, replies
    /// out of order mean nothing.
    fn left(&self, ledger: &Ledger, now: Seconds, sight: Sight) -> f64 {
        let left = sight.remaining - as_f64(ledger.unseen());
        match self.expected(ledger, now) {
            rate if rate > 0.0 => left - ledger.noise() - race(ledger, rate),
            _ => left + ledger.noise(),
        }
    }

    /// Requests a second of others that must be reckoned with.
    fn expected(&self, ledger: &Ledger, now: Seconds) -> f64 {
        let (last, most) = self.noticed;
        if race(ledger, most) * (now - last) < HOLD * as_f64(ledger.limit) {
            most
        } else if self.has_others(ledger) {
            self.others
        } else {
            0.0
        }
    }

    /// Two sights, one after the other; whether they show that it is not this window.
    pub(super) fn see(&mut self, ledger: &Ledger, before: Sight, sight: Sight) -> bool {
        if self.is_sliding {
            if sight.sent_at >= self.end {
                self.end = sight.sent_at + self.length;
                self.slack = (self.slack * DECAY).max(SLACK);
            }
            return self.see_sliding(ledger, sight);
        }
        if self.begin.is_infinite() {
            // A window that an earlier run has known: what was used in it so far was not used by this run.
            (self.begin, self.first) = (sight.sent_at, sight.number);
            self.end = self.begin + self.length;
            self.counted = (self.begin, as_f64(ledger.limit) - sight.remaining - 1.0);
        } else if ledger.is_reset(before, sight) {
            let since = sight.sent_at - self.begin;
            if self.is_confirmed && since < SHORTER * self.length {
                return true;
            }
            self.is_confirmed = true;
            let passed = ((sight.sent_at - self.end) / self.length).floor().max(0.0);
            let predicted = self.end + passed * self.length;
            let fits = before.sent_at < predicted && predicted <= sight.sent_at;
            self.begin = if fits { predicted } else { sight.sent_at };
            self.end = self.begin + self.length;
            self.first = sight.number;
            self.counted = (self.begin, 0.0);
            self.slack = (self.slack * DECAY).max(SLACK);
        } else if sight.sent_at >= self.end {
            self.end = sight.sent_at + LEAST_SLACK;
        }
        self.count_others(ledger, sight)
    }

    /// What is missing should be what was sent in the trailing window, and what others have.
    fn see_sliding(&mut self, ledger: &Ledger, sight: Sight) -> bool {
        let own = ledger
            .sent
            .since(sight.sent_at - self.length)
            .saturating_sub(ledger.unseen());
        let others = as_f64(ledger.limit) - sight.remaining - as_f64(own);
        self.others = ((others - ledger.noise()) / self.length).max(0.0);
        self.notice(ledger, sight);
        self.is_confirmed |= as_f64(own) >= as_f64(ledger.limit) / 2.0;
        is_given_back(ledger, others)
    }

    /// What others have used since the last count, from what is missing and is not ours; whether less is missing
    /// than we have used, as if some had been given back.
    fn count_others(&mut self, ledger: &Ledger, sight: Sight) -> bool {
        let own = as_f64(sight.number - self.first + 1);
        let others = as_f64(ledger.limit) - sight.remaining - own;
        let (since, counted) = self.counted;
        let span = sight.sent_at - since;
        if span >= COUNT_EACH * self.length {
            let certain = others - ledger.noise() - counted;
            self.others = (certain / span).max(0.0);
            self.counted = (sight.sent_at, others.max(0.0) + ledger.noise() + 1.0);
            self.notice(ledger, sight);
        }
        is_given_back(ledger, others)
    }

    fn notice(&mut self, ledger: &Ledger, sight: Sight) {
        if self.has_others(ledger) {
            let most = self.expected(ledger, sight.sent_at).max(self.others);
            self.noticed = (sight.sent_at, most);
        }
    }

    /// A refusal; whether there are too many of them for it to be this window.
    pub(super) fn refused(&mut self, ledger: &Ledger, now: Seconds) -> bool {
        if !self.is_confirmed {
            return true;
        }
        if self.has_others(ledger) {
            return false;
        }
        self.slack = (self.slack * GROWTH).min(MOST_SLACK);
        self.lessons
            .take(now, LESSON_SPAN.max(LESSON_WINDOWS * self.length))
    }
}

/// How many of others' requests may overtake ours, where they make `rate` a second.
fn race(ledger: &Ledger, rate: f64) -> f64 {
    3.0 + rate * (1.5 * ledger.latency.smooth() + RACE)
}

/// Whether so much less is missing than was used that the quota must have given some of it back.
fn is_given_back(ledger: &Ledger, missing: f64) -> bool {
    -missing > (as_f64(ledger.limit) / 4.0).max(ledger.notable(8.0))
}
