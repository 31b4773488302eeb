//! Other clients of the same quota: how much of it they use, and what is left to them.

use super::ledger::{Ledger, as_f64};
use super::{Seconds, Sight};

/// Those that use less than this share of the limit are not noticed.
const LEAST: f64 = 0.02;
/// They are counted each time this share of the window is over.
const COUNT_EACH: f64 = 0.2;
/// What they send while our own request is under way, besides its latency.
const RACE: Seconds = 0.004;
/// And so many requests besides.
const SPARE: f64 = 3.0;
/// A refusal holds everyone so long, as a rule.
const HOLD: Seconds = 1.0;

/// Other clients, as far as they were noticed.
#[derive(Debug)]
pub(super) struct Others {
    /// Length of the window.
    length: Seconds,
    /// What they use, in requests a second.
    rate: f64,
    /// When they used most of late, and how much: less is no reason to reckon with that for longer.
    noticed: (Seconds, f64),
    /// When they were counted last, and how many requests they had made in this window.
    counted: (Seconds, f64),
}

impl Others {
    /// Nobody was noticed so far in a window that began at `begin`.
    pub(super) fn new(length: Seconds, begin: Seconds) -> Self {
        Self {
            length,
            rate: 0.0,
            noticed: (f64::NEG_INFINITY, 0.0),
            counted: (begin, 0.0),
        }
    }

    /// Whether they use the quota now.
    pub(super) fn are_there(&self, ledger: &Ledger) -> bool {
        self.rate * self.length > (LEAST * as_f64(ledger.limit)).max(SPARE + ledger.noise())
    }

    /// What must be left to them because it may overtake ours; `None` where nobody is reckoned with. Who has gone is,
    /// until what was left has cost as much as the refusal that it saves when they return.
    pub(super) fn share(&self, ledger: &Ledger, now: Seconds) -> Option<f64> {
        let share = race(ledger, self.expected(ledger, now)?);
        Some(share + ledger.noise())
    }

    /// Requests a second that must be reckoned with.
    fn expected(&self, ledger: &Ledger, now: Seconds) -> Option<f64> {
        let (last, most) = self.noticed;
        let is_worth_it = race(ledger, most) * (now - last) < HOLD * as_f64(ledger.limit);
        if is_worth_it {
            Some(most)
        } else {
            self.are_there(ledger).then_some(self.rate)
        }
    }

    /// Whether a sight of this time no longer tells what they have left.
    pub(super) fn outdate(&self, ledger: &Ledger, now: Seconds, sent_at: Seconds) -> bool {
        now > sent_at + 2.0 * ledger.latency.smooth() + RACE && self.expected(ledger, now).is_some()
    }

    /// A window began, and `sight` is the first in it: what else is missing may be ours, out of order.
    pub(super) fn begin(&mut self, ledger: &Ledger, sight: Sight, begin: Seconds) {
        let unexplained = as_f64(ledger.limit) - sight.remaining - 1.0;
        self.counted = (begin, unexplained + ledger.noise());
    }

    /// A sight at `now`. `unexplained`: requests missing from the limit in this window and not sent by us; negative if the
    /// quota has given back more than that.
    pub(super) fn count(&mut self, ledger: &Ledger, now: Seconds, unexplained: f64) {
        let (since, counted) = self.counted;
        let span = now - since;
        if span < COUNT_EACH * self.length {
            return;
        }
        let more = unexplained - ledger.noise() - counted;
        self.notice(ledger, now, more / span);
        self.counted = (now, unexplained.max(0.0) + ledger.noise());
    }

    /// The same, in the trailing window.
    pub(super) fn count_trailing(&mut self, ledger: &Ledger, now: Seconds, unexplained: f64) {
        self.notice(ledger, now, (unexplained - ledger.noise()) / self.length);
    }

    fn notice(&mut self, ledger: &Ledger, now: Seconds, rate: f64) {
        self.rate = rate.max(0.0);
        let most = self.expected(ledger, now).unwrap_or_default();
        if self.are_there(ledger) && self.rate >= most {
            self.noticed = (now, self.rate);
        }
    }
}

/// How many of their requests may overtake ours, where they make `rate` a second.
fn race(ledger: &Ledger, rate: f64) -> f64 {
    SPARE + rate * (1.5 * ledger.latency.smooth() + RACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_took_much_once_and_take_little_now_are_left_little() {
        let mut ledger = Ledger::default();
        ledger.limit_to(500);
        let number = ledger.sent.push(0.0);
        ledger.reply(number, 0.05);
        let mut others = Others::new(1.0, 0.0);
        let mut left = Vec::new();
        for count in 0..600_u32 {
            let now = f64::from(count) / 10.0;
            let taken = if now < 1.0 { 400.0 } else { 20.0 };
            others.count_trailing(&ledger, now, taken);
            left.extend(others.share(&ledger, now));
        }
        assert!(left[20] > 25.0, "they may return at once: {}", left[20]);
        assert!(left[599] < 6.0, "after a minute: {}", left[599]);
    }
}
