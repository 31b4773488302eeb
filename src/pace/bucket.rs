//! A bucket that refills steadily: its rate is measured by the level, and the level held just above empty.

use super::ledger::{Ledger, as_f64};
use super::lessons::Lessons;
use super::{Seconds, Sight};

/// Refusals further apart are not of one kind.
const LESSON_SPAN: Seconds = 10.0;
/// Between two measurements of the rate.
const MEASURE_EACH: Seconds = 0.1;
/// Growth of the rate in a measurement, at most, while the bucket stays full.
const GROWTH: f64 = 0.3;
/// Share of a measurement in the rate.
const WEIGHT: f64 = 0.5;
/// No rate is lower, in requests a second.
const LOWEST: f64 = 0.1;
/// The level that is held, in seconds of the rate: late requests then find it above empty.
const LEVEL: Seconds = 0.015;
/// A level that differs is brought there in this time, or two round trips.
const HORIZON: Seconds = 0.25;

/// A bucket as it is understood.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: f64,
    /// Highest level seen.
    full: f64,
    /// Where the current measurement began.
    from: Option<Sight>,
    lessons: Lessons,
}

impl Bucket {
    pub(super) fn new(rate: f64) -> Self {
        Self {
            rate: rate.max(1.0),
            full: 0.0,
            from: None,
            lessons: Lessons::default(),
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Level now, as far as is known.
    fn level(&self, ledger: &Ledger, now: Seconds) -> f64 {
        let Some(sight) = ledger.sight else {
            return 1.0;
        };
        let next = ledger.sent.time(sight.number + 1).unwrap_or(now);
        let full = self.full.max(sight.remaining);
        let before = (sight.remaining + self.rate * (next - sight.sent_at)).min(full);
        (before + self.rate * (now - next) - as_f64(ledger.unseen())).min(full)
    }

    pub(super) fn pace(&self, ledger: &Ledger, now: Seconds) -> f64 {
        let target = (LEVEL * self.rate).clamp(1.0, 0.5 * self.full.max(2.0));
        let horizon = HORIZON.max(2.0 * ledger.latency.smooth());
        (self.rate + (self.level(ledger, now) - target) / horizon).max(0.1 * self.rate)
    }

    /// Until when nothing may go.
    pub(super) fn closed_until(&self, ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let missing = 2.0_f64.min(self.full.max(1.0)) - self.level(ledger, now);
        (missing > 0.0).then(|| now + missing / self.rate)
    }

    /// A new sight, and the one before; whether they show that it is no bucket.
    pub(super) fn see(&mut self, ledger: &Ledger, before: Option<Sight>, sight: Sight) -> bool {
        if let Some(before) = before {
            let rise = sight.remaining - before.remaining;
            let refill = self.rate * (sight.sent_at - before.sent_at);
            if rise > 8.0 + 3.0 * ledger.noise() + 2.0 * refill {
                return true;
            }
        }
        self.measure(ledger, sight);
        false
    }

    fn measure(&mut self, ledger: &Ledger, sight: Sight) {
        self.full = self.full.max(sight.remaining);
        let from = *self.from.get_or_insert(sight);
        let span = sight.sent_at - from.sent_at;
        if span < MEASURE_EACH.max(ledger.latency.smooth()) {
            return;
        }
        self.from = Some(sight);
        let refilled = sight.remaining - from.remaining + as_f64(sight.number - from.number);
        let measured = refilled / span;
        if sight.remaining < self.full - 1.0 - ledger.noise() {
            self.rate += WEIGHT * (measured - self.rate);
        } else if measured >= 0.9 * self.rate {
            // A full bucket keeps what it gives to itself: it may give more.
            // What is too much shows only a round trip later, and must not overdraw it.
            let spare = 0.5 * self.full / (self.rate * span);
            self.rate = self.rate.max(measured) * (1.0 + spare.min(GROWTH));
        }
        self.rate = self.rate.max(LOWEST);
    }

    /// A refusal; whether there are too many of them for it to be a bucket.
    pub(super) fn refused(&mut self, now: Seconds) -> bool {
        self.rate *= 0.95;
        self.from = None;
        self.lessons.take(now, LESSON_SPAN)
    }
}
