//! A bucket that refills steadily: its rate is measured by the level, and the level held low, foreseen over the round
//! trip in which it cannot be seen.

use super::ledger::{Ledger, as_f64};
use super::lessons::Lessons;
use super::{Seconds, Sight};

/// Refusals further apart are not of one kind.
const LESSON_SPAN: Seconds = 10.0;
/// Between two measurements of the rate.
const MEASURE_EACH: Seconds = 0.1;
/// What is tried beyond what is known while the bucket stays full: so much of it may be lost before that shows.
const GROWTH: f64 = 0.4;
/// A rate of which less than this share was sent was not tried.
const REACHED: f64 = 0.5;
/// A measurement as exact as this is the next one's beginning.
const PRECISION: f64 = 0.1;
/// No rate is lower, in requests a second.
const LOWEST: f64 = 0.1;
/// The level that is held, in seconds of the rate, and besides as a share of what comes in during a round trip: late
/// requests, and those of a rate that is a little wrong, then find it above empty.
const LEVEL: Seconds = 0.015;
const MISTAKE: f64 = 0.05;
/// A level that differs is brought there in this time, or two round trips.
const HORIZON: Seconds = 0.25;
/// One stretch may show others who take much for a moment: it leaves at least this share of the rate.
const FALL: f64 = 0.5;
/// Where no reply is awaited, one request finds out after this time, or after that in which two came in at best.
const PATIENCE: Seconds = 2.0;
/// A full bucket is emptied down to this share, to see how fast it fills.
const LEFT: f64 = 0.33;
/// In this time.
const PROBE: Seconds = 0.02;

/// A bucket as it is understood.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: f64,
    /// It has given so much, with nobody else or before they came.
    most: f64,
    /// Highest level seen.
    full: f64,
    /// Level behind the last request, as far as is known, and when that went.
    level: (f64, Seconds),
    /// What was sent before this does not show the rate that was tried last; `None`: more than is known was not tried.
    tried: Option<Seconds>,
    /// Where the current measurement began, and with which rate.
    from: Option<(Sight, f64)>,
    lessons: Lessons,
}

impl Bucket {
    pub(super) fn new(rate: f64) -> Self {
        let rate = rate.max(1.0);
        Self {
            rate,
            most: rate,
            full: 0.0,
            level: (1.0, 0.0),
            tried: Some(f64::NEG_INFINITY),
            from: None,
            lessons: Lessons::default(),
        }
    }

    /// A bucket that an earlier run has come to know.
    pub(super) fn known(rate: f64) -> Self {
        let rate = rate.max(LOWEST);
        Self {
            rate,
            most: rate,
            tried: None,
            ..Self::new(rate)
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Level now, as far as is known.
    fn level(&self, now: Seconds) -> f64 {
        let (level, at) = self.level;
        (level + self.rate * (now - at)).min(self.full.max(1.0))
    }

    /// A request goes at `now`.
    pub(super) fn send(&mut self, now: Seconds) {
        self.level = (self.level(now) - 1.0, now);
    }

    /// Goes again through what was sent since the last sight: what a full bucket could not take is lost.
    fn foresee(&mut self, ledger: &Ledger, sight: Sight) {
        self.level = (sight.remaining, sight.sent_at);
        for time in ledger.sent.behind(sight.number) {
            self.send(time);
        }
    }

    pub(super) fn pace(&self, ledger: &Ledger, now: Seconds) -> f64 {
        let latency = &ledger.latency;
        let spare = LEVEL + latency.jitter() + MISTAKE * latency.smooth();
        let target = (spare * self.rate).clamp(1.0, 0.5 * self.full.max(2.0));
        let (target, horizon) = if ledger.sight.is_some_and(|sight| self.is_full(sight)) {
            (target.max(LEFT * self.full), PROBE)
        } else {
            (target, HORIZON.max(2.0 * latency.smooth()))
        };
        let least = if ledger.outstanding == 0 {
            1.0 / self.patience()
        } else {
            0.0
        };
        (self.rate + (self.level(now) - target) / horizon)
            .max(0.1 * self.rate)
            .max(least)
    }

    /// What is foreseen may be wrong by everything that was lost or that others took; nothing waits longer for it.
    fn patience(&self) -> Seconds {
        PATIENCE.max(2.0 / self.most)
    }

    fn is_full(&self, sight: Sight) -> bool {
        sight.remaining >= self.full - 1.0
    }

    /// Until when nothing may go.
    pub(super) fn closed_until(&self, ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let missing = 2.0_f64.min(self.full.max(1.0)) - self.level(now);
        if missing <= 0.0 {
            return None;
        }
        let until = now + (missing / self.rate).min(self.patience());
        Some(if ledger.outstanding == 0 {
            until.min(ledger.last_sent() + self.patience())
        } else {
            until
        })
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
        self.full = self.full.max(sight.remaining);
        self.measure(ledger, sight);
        self.foresee(ledger, sight);
        false
    }

    /// What came in between the beginning of the stretch and this sight.
    fn measure(&mut self, ledger: &Ledger, sight: Sight) {
        if sight.remaining < 1.0 {
            // Some may have been refused, and took nothing.
            self.from = None;
            return;
        }
        let (from, rate) = *self.from.get_or_insert((sight, self.rate));
        let (latency, jitter) = (ledger.latency.smooth(), ledger.latency.jitter());
        let span = sight.sent_at - from.sent_at;
        if span < MEASURE_EACH.max(2.0 * jitter) {
            return;
        }
        // What certainly was sent between the two, and what may have been, whatever came out of order.
        let between = |margin: Seconds| {
            let after = ledger.sent.since(from.sent_at + margin);
            as_f64(after.saturating_sub(ledger.sent.since(sight.sent_at - margin)))
        };
        let gained = sight.remaining - from.remaining;
        let low = (gained + between(jitter) - 1.0) / (span + jitter);
        let high = (gained + between(-jitter) + 1.0) / (span - jitter);
        // It gives so much at least; a full one keeps the rest to itself.
        self.rate = self.rate.max(low);
        self.most = self.most.max(low);
        if self.is_full(sight) {
            self.from = Some((sight, self.rate));
            self.try_more(ledger, sight);
            return;
        }
        let lowest = (FALL * rate).max(LOWEST);
        self.rate = self.rate.min(high).max(lowest);
        if span >= latency && high - low <= PRECISION * self.rate {
            let measured = (gained + as_f64(sight.number - from.number)) / span;
            self.rate = f64::midpoint(self.rate, measured).max(lowest);
            self.from = Some((sight, self.rate));
        }
    }

    /// The bucket is full: it may give more than is known, if as much was drawn from it.
    fn try_more(&mut self, ledger: &Ledger, sight: Sight) {
        if self.tried.is_some_and(|tried| sight.sent_at < tried) {
            return;
        }
        if let Some(tried) = self.tried
            && self.is_reached(ledger, tried, sight.sent_at)
        {
            let lost = GROWTH * self.full / ledger.latency.smooth().max(MEASURE_EACH);
            self.rate += lost.min(GROWTH * self.rate);
        }
        self.tried = Some(ledger.last_sent());
    }

    /// Whether enough was sent between `from` and `to` for the rate to be tried; before the first trial it is.
    fn is_reached(&self, ledger: &Ledger, from: Seconds, to: Seconds) -> bool {
        let sent = as_f64(ledger.sent.since(from) - ledger.sent.since(to));
        from.is_infinite() || sent >= REACHED * self.rate * (to - from)
    }

    /// A refusal; whether there are too many of them for it to be a bucket.
    pub(super) fn refused(&mut self, now: Seconds) -> bool {
        self.rate = (0.95 * self.rate).max(LOWEST);
        self.from = None;
        self.lessons.take(now, LESSON_SPAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request at `now`, and what its reply shows.
    fn see(bucket: &mut Bucket, ledger: &mut Ledger, now: Seconds, remaining: f64) {
        let before = ledger.sight;
        let sight = Sight {
            number: ledger.sent.push(now),
            sent_at: now,
            remaining,
        };
        bucket.send(now);
        ledger.limit = 50;
        ledger.sighted(sight);
        bucket.see(ledger, before, sight);
    }

    #[test]
    fn what_was_lost_is_not_waited_for() {
        for rate in [LOWEST, 2.0, 500.0] {
            let (mut bucket, mut ledger) = (Bucket::known(500.0), Ledger::default());
            see(&mut bucket, &mut ledger, 10.0, 49.0);
            for _ in 0..1000 {
                ledger.sent.push(10.0);
                bucket.send(10.0);
            }
            bucket.rate = rate;
            let until = bucket.closed_until(&ledger, 10.5).unwrap_or_default();
            assert!(until <= 12.0, "{rate}/s: {until}");
            assert!(bucket.pace(&ledger, 10.5) >= 0.5, "{rate}/s");
            ledger.outstanding = 1;
            let until = bucket.closed_until(&ledger, 20.0).unwrap_or_default();
            assert!(until <= 22.0, "{rate}/s: {until} with a reply to come");
        }
    }

    /// It is full because little is drawn from it: that shows nothing of what it gives.
    #[test]
    fn a_bucket_that_is_hardly_drawn_from_gives_no_more_than_is_known() {
        let mut bucket = Bucket::new(500.0);
        let mut ledger = Ledger::default();
        for count in 0..6000_u32 {
            see(&mut bucket, &mut ledger, f64::from(count) / 50.0, 49.0);
        }
        assert!(bucket.rate() <= 700.0, "{}/s", bucket.rate());
    }

    #[test]
    fn one_stretch_halves_the_rate_at_most() {
        let (mut bucket, mut ledger) = (Bucket::known(500.0), Ledger::default());
        see(&mut bucket, &mut ledger, 10.0, 49.0);
        see(&mut bucket, &mut ledger, 10.05, 40.0);
        see(&mut bucket, &mut ledger, 10.16, 2.0);
        assert!((250.0..=500.0).contains(&bucket.rate()), "{}", bucket.rate);
        for _ in 0..1000 {
            bucket.refused(20.0);
        }
        assert!(bucket.rate() >= LOWEST, "{}", bucket.rate);
    }
}
