//! A known number of requests in a window of known length, fixed or sliding: never more than that many in *any*
//! stretch as long as the window, wherever its edges lie.

use super::gauge::Gauge;
use super::learning::whole;
use super::ledger::{Ledger, as_f64};
use super::lessons::Lessons;
use super::others::Others;
use super::{Seconds, Sight};

/// Between two requests a little less than the quota's interval, so that a late one is made up for.
const HASTE: f64 = 1.03;
/// A window is taken to be longer by this share and this time, because requests do not arrive as evenly as they
/// were sent.
const SLACK: f64 = 0.003;
const LEAST_SLACK: Seconds = 0.0015;
/// Where every moment ends a window, what a pause of this machine moves together is refused at once, and a refusal costs
/// a second.
const SLIDING_LEAST_SLACK: Seconds = 0.008;
/// What it is longer by grows by this factor with each refusal, and by no more than this share of the window with all of
/// them; that decays by a factor a window.
const GROWTH: f64 = 1.6;
const MOST_WIDENED: f64 = 0.03;
const DECAY: f64 = 0.98;
/// How far the number of requests that arrive in a window may be from that sent, in standard deviations; there are
/// more windows in which it may be that where every moment ends one.
const CHANCE: f64 = 1.8;
const SLIDING_CHANCE: f64 = 2.7;
/// Refusals further apart are not of one kind.
const LESSON_WINDOWS: f64 = 10.0;
const LESSON_SPAN: Seconds = 10.0;
/// Windows that begin anew after less than this share are not this long.
const SHORTER: f64 = 0.8;
/// A reset that is further away than so many windows and this is no end of one, however it is rounded.
const LONGER: f64 = 1.5;
const LONGER_BY: Seconds = 2.0;
/// What is measured to be shorter by less than this share is as long as it was taken to be.
const SAME: f64 = 0.02;

/// A window as it is understood.
#[derive(Debug)]
pub(super) struct Window {
    length: Seconds,
    is_sliding: bool,
    /// This run has seen it begin anew; else an earlier one has.
    is_confirmed: bool,
    /// Share of it that refusals have added to what it is taken to be longer by.
    widened: f64,
    /// The window in which the last sight lies: its begin and its end. One that slides has no edges.
    begin: Seconds,
    end: Seconds,
    /// When what refusals have added to one that slides fades next.
    fades: Seconds,
    /// Number of the first request in it, and when the last one of the window before was sent.
    first: u64,
    last: Seconds,
    /// When the last request before the first edge was sent, and how many windows have begun after that one.
    measured: (Seconds, f64),
    /// Measures a sliding window.
    gauge: Gauge,
    others: Others,
    lessons: Lessons,
}

impl Window {
    /// A window that this run has come to know; `edge`: the last request before it, and the first in it.
    pub(super) fn new(
        length: Seconds,
        edge: Option<(Sight, Sight)>,
        is_sliding: bool,
        widened: f64,
    ) -> Self {
        let begin = edge.map_or(f64::NEG_INFINITY, |(_, first)| first.sent_at);
        let last = edge.map_or(f64::NEG_INFINITY, |(last, _)| last.sent_at);
        Self {
            length,
            is_sliding,
            is_confirmed: true,
            widened,
            begin,
            end: begin + length,
            fades: f64::NEG_INFINITY,
            first: edge.map_or(0, |(_, first)| first.number),
            last,
            measured: (last, 0.0),
            gauge: Gauge::default(),
            others: Others::new(length, begin),
            lessons: Lessons::default(),
        }
    }

    /// A window that an earlier run has come to know.
    pub(super) fn known(length: Seconds, is_sliding: bool) -> Self {
        Self {
            is_confirmed: false,
            ..Self::new(length, None, is_sliding, 0.0)
        }
    }

    pub(super) fn length(&self) -> Seconds {
        self.length
    }

    /// Share of the length that refusals have added to what it is taken to be longer by.
    pub(super) fn widened(&self) -> f64 {
        self.widened
    }

    pub(super) fn is_sliding(&self) -> bool {
        self.is_sliding
    }

    /// Whether what is announced ends when no window of this length does: where that comes with another limit, it is another
    /// quota's.
    pub(super) fn ends_before(&self, resets_at: Seconds, now: Seconds) -> bool {
        resets_at - now > LONGER * self.length + LONGER_BY
    }

    pub(super) fn pace(&self, ledger: &Ledger) -> f64 {
        HASTE * as_f64(ledger.limit.max(1)) / self.length
    }

    /// In how long no more than the limit may go, less what is withheld.
    fn stretch(&self, ledger: &Ledger) -> Seconds {
        let limit = as_f64(ledger.limit.max(1));
        let part = self.widened - as_f64(self.withheld(ledger)) / limit;
        self.length * (1.0 + part) + self.slack(ledger)
    }

    /// How much longer a window is taken to be: what was sent as evenly as can be arrives by chance more densely.
    fn slack(&self, ledger: &Ledger) -> Seconds {
        let jitter = ledger.latency.jitter();
        let (deviations, least) = if self.is_sliding {
            (SLIDING_CHANCE, SLIDING_LEAST_SLACK)
        } else {
            (CHANCE, LEAST_SLACK)
        };
        let chance = deviations * (jitter * self.length / as_f64(ledger.limit.max(1))).sqrt();
        let least = self.length * SLACK + least;
        least.max(chance.min(ledger.latency.worst_jitter()))
    }

    /// How many fewer than the limit may go in a stretch: whole requests of what refusals have added, which a small limit
    /// has none of. However late one arrives, it takes no other's place then.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of the limit"
    )]
    fn withheld(&self, ledger: &Ledger) -> u64 {
        (self.widened * as_f64(ledger.limit)) as u64
    }

    /// Until when nothing may go.
    pub(super) fn closed_until(&self, ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let guard = ledger
            .sent
            .departure(ledger.limit - self.withheld(ledger))
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
            return None;
        }
        let end = end + LEAST_SLACK;
        if end.is_finite() && (self.is_confirmed || ledger.resets_at.is_none()) {
            return Some(end);
        }
        // Where its edges are is not known: one request finds out.
        let reset = ledger.resets_at.filter(|at| *at > now);
        let until = ledger.awaits_until(now).or(reset)?;
        Some(if end.is_finite() {
            until.min(end)
        } else {
            until
        })
    }

    /// Sliding windows: until when as many are in the trailing window as may be, others' included.
    fn full_until(&self, ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let sight = ledger.sight?;
        let stretch = self.stretch(ledger);
        let counted = ledger.sent.since(sight.sent_at - self.length);
        let left_since = counted.saturating_sub(ledger.sent.since(now - stretch));
        let left = self.left(ledger, now, sight) + as_f64(left_since);
        // What is older than a window tells nothing: one request finds out.
        let awaits_until = ledger.awaits_until(now);
        let is_old = now > sight.sent_at + stretch && awaits_until.is_none();
        if left <= 0.0 && !is_old {
            return Some(now + 1.0 / self.pace(ledger));
        }
        // Where others come between, one request finds out whether what an old sight promises is still there.
        let is_stale = self.others.outdate(ledger, now, sight.sent_at);
        awaits_until.filter(|_| is_stale)
    }

    /// What may still go by the last sight. Where there are no others, replies out of order mean nothing.
    fn left(&self, ledger: &Ledger, now: Seconds, sight: Sight) -> f64 {
        let left = sight.remaining - as_f64(ledger.unseen());
        match self.others.share(ledger, now) {
            Some(share) => left - share,
            None => left + ledger.noise(),
        }
    }

    /// Two sights, one after the other; whether they show that it is not this window.
    pub(super) fn see(&mut self, ledger: &Ledger, before: Sight, sight: Sight) -> bool {
        if self.is_sliding {
            if sight.sent_at >= self.fades {
                self.fades = sight.sent_at + self.length;
                self.widened *= DECAY;
            }
            return self.see_sliding(ledger, sight);
        }
        if self.begin.is_infinite() {
            // A window that an earlier run has known: what was used in it so far was not used by this run.
            (self.begin, self.first) = (sight.sent_at, sight.number);
            self.end = self.begin + self.length;
            self.others.begin(ledger, sight, self.begin);
        } else if ledger.is_reset(before, sight) {
            let since = sight.sent_at - self.begin;
            if self.is_confirmed && since < SHORTER * self.length {
                return true;
            }
            self.is_confirmed = true;
            self.shorten(ledger, before, sight);
            let passed = ((sight.sent_at - self.end) / self.length).floor().max(0.0);
            let predicted = self.end + passed * self.length;
            let fits = before.sent_at < predicted && predicted <= sight.sent_at;
            self.begin = if fits { predicted } else { sight.sent_at };
            self.end = self.begin + self.length;
            self.first = sight.number;
            self.others.begin(ledger, sight, self.begin);
            self.widened *= DECAY;
        } else if sight.sent_at >= self.end {
            self.end = sight.sent_at + LEAST_SLACK;
        }
        let own = as_f64(sight.number - self.first + 1);
        let unexplained = as_f64(ledger.limit) - sight.remaining - own;
        self.others.count(ledger, sight.sent_at, unexplained);
        is_given_back(ledger, unexplained)
    }

    /// A window began between two sights: two edges are no further apart than the requests around them, and many edges
    /// show that the more exactly.
    fn shorten(&mut self, ledger: &Ledger, before: Sight, sight: Sight) {
        let (origin, windows) = &mut self.measured;
        if origin.is_infinite() {
            *origin = before.sent_at;
        } else {
            *windows += 1.0;
            let jitter = ledger.latency.worst_jitter();
            let mean = (sight.sent_at - *origin + jitter) / *windows;
            let longest = mean.min(sight.sent_at - self.last + jitter);
            if longest < self.length {
                self.length = whole(ledger, longest, longest);
            }
        }
        self.last = before.sent_at;
    }

    /// What is missing should be what was sent in the trailing window, and what others have.
    fn see_sliding(&mut self, ledger: &Ledger, sight: Sight) -> bool {
        let own = ledger
            .sent
            .since(sight.sent_at - self.length)
            .saturating_sub(ledger.unseen());
        let unexplained = as_f64(ledger.limit) - sight.remaining - as_f64(own);
        self.others
            .count_trailing(ledger, sight.sent_at, unexplained);
        self.is_confirmed |= as_f64(own) >= as_f64(ledger.limit) / 2.0;
        if let Some(measured) = self.gauge.see(ledger, sight, self.length)
            && measured < (1.0 - SAME) * self.length
        {
            self.length = whole(ledger, measured, measured);
        }
        is_given_back(ledger, unexplained)
    }

    /// A refusal; whether there are too many of them for it to be this window.
    pub(super) fn refused(&mut self, ledger: &Ledger, now: Seconds) -> bool {
        if !self.is_confirmed {
            return true;
        }
        if self.others.are_there(ledger) {
            return false;
        }
        let longer = self.slack(ledger) / self.length + self.widened;
        self.widened = (self.widened + (GROWTH - 1.0) * longer).min(MOST_WIDENED);
        self.lessons
            .take(now, LESSON_SPAN.max(LESSON_WINDOWS * self.length))
    }
}

/// Whether so much less is missing than was used that the quota must have given some of it back. `unexplained`: requests
/// missing from the limit and not sent by us; negative if it has given back more than that.
fn is_given_back(ledger: &Ledger, unexplained: f64) -> bool {
    -unexplained > (as_f64(ledger.limit) / 4.0).max(ledger.notable(8.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_refusal_has_widened_narrows_again() {
        for differ in [0.0, 0.05] {
            let mut ledger = Ledger::default();
            ledger.limit_to(100);
            for number in 0..100_u32 {
                let sent_at = f64::from(number);
                let number = ledger.sent.push(sent_at);
                let more = if number % 2 == 0 { differ } else { 0.0 };
                ledger.reply(number, sent_at + 0.5 + more);
            }
            let mut window = Window::new(10.0, None, true, 0.0);
            let longer = |window: &Window, ledger: &Ledger| {
                window.stretch(ledger) - 10.0 + as_f64(window.withheld(ledger)) / 10.0
            };
            let narrow = longer(&window, &ledger);
            window.refused(&ledger, 100.0);
            assert!((longer(&window, &ledger) - GROWTH * narrow).abs() < 1e-9);
            window.refused(&ledger, 300.0);
            assert!(longer(&window, &ledger) > 1.2 * GROWTH * narrow);
            for count in 1..300_u32 {
                let sent_at = 100.0 + 10.0 * f64::from(count);
                let sight = Sight {
                    number: ledger.sent.push(sent_at),
                    sent_at,
                    remaining: 99.0,
                };
                window.see(&ledger, sight, sight);
            }
            assert!(longer(&window, &ledger) < 1.05 * narrow);
        }
    }

    #[test]
    fn what_refusals_have_added_is_withheld_where_it_makes_whole_requests() {
        for (limit, withheld) in [(100, 2), (20, 0)] {
            let closed_after = |widened: f64, count: u64| {
                let mut ledger = Ledger::default();
                ledger.limit_to(limit);
                for _ in 0..count {
                    ledger.sent.push(0.0);
                }
                let window = Window::new(10.0, None, true, widened);
                window.closed_until(&ledger, 0.0)
            };
            let until = closed_after(0.0, limit).unwrap();
            assert!(closed_after(0.0, limit - 1).is_none());
            assert!(closed_after(0.02, limit - withheld).is_some());
            assert!(closed_after(0.02, limit - withheld - 1).is_none());
            let later = closed_after(0.02, limit).unwrap() - until;
            let rest = 0.2 - 10.0 * as_f64(withheld) / as_f64(limit);
            assert!((later - rest).abs() < 1e-9, "{limit}: {later} s later");
        }
    }
}
