//! What is known of the requests so far, whatever kind of quota they meet.

use super::sent::Sent;
use super::{Seconds, Sight};

/// How much further apart than as a rule two requests may arrive.
const WORST: f64 = 1.5;
/// How far the ways there differ as a rule at most, in mean deviations of round trips, where the ways there and back have
/// nothing to do with each other.
const WAY: f64 = 3.0;
/// How many more requests overtake a sight than are overtaken by it, at most, in square roots of those near it.
const CHANCE: f64 = 3.0;

/// Requests and what their replies announced.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) sent: Sent,
    /// Requests without a reply.
    pub(super) outstanding: u64,
    /// Requests that were granted.
    pub(super) granted: u64,
    /// Requests a window, as last announced.
    pub(super) limit: u64,
    /// The newest request whose reply announced something.
    pub(super) sight: Option<Sight>,
    /// When the window ends, as last announced, on our clock.
    pub(super) resets_at: Option<Seconds>,
    pub(super) latency: Latency,
    /// The first request that was seen in the newest window.
    reset: Option<Sight>,
    /// Requests that may have arrived on the other side of the newest sight than they were sent.
    noise: f64,
}

/// Round trips, smoothed.
#[derive(Debug, Default)]
pub(super) struct Latency {
    smooth: Option<Seconds>,
    /// How far they are from that on average.
    spread: Seconds,
}

impl Ledger {
    /// A reply to request `number` came at `now`.
    pub(super) fn reply(&mut self, number: u64, now: Seconds) -> Option<Seconds> {
        self.outstanding = self.outstanding.saturating_sub(1);
        let sent_at = self.sent.time(number)?;
        if let Some(departure) = self.latency.departure(sent_at, now) {
            self.sent.hold_up(number, departure);
        }
        self.latency.observe(now - sent_at);
        Some(sent_at)
    }

    /// The newest sight.
    pub(super) fn sighted(&mut self, sight: Sight) {
        if self
            .sight
            .is_some_and(|before| self.is_reset(before, sight))
        {
            self.reset = Some(sight);
        }
        self.sight = Some(sight);
        let reach = self.latency.worst_jitter();
        let until = |time| self.sent.total() - self.sent.since(time);
        let before = sight.number.saturating_sub(until(sight.sent_at - reach));
        let after = until(sight.sent_at + reach).saturating_sub(sight.number + 1);
        let reached = as_f64(before.max(after));
        let by_chance = CHANCE * reached.sqrt();
        self.noise = reached.min(by_chance).min(as_f64(self.limit / 8));
    }

    /// Whether a request that was sent later than the first one seen in a window came before it, and was counted in the
    /// window before.
    pub(super) fn is_overtaken(&self, sight: Sight) -> bool {
        self.reset.is_some_and(|reset| {
            sight.sent_at < reset.sent_at + self.latency.worst_jitter()
                && self.is_reset(sight, reset)
        })
    }

    /// Requests behind the sight.
    pub(super) fn unseen(&self) -> u64 {
        let seen = self.sight.map_or(0, |sight| sight.number + 1);
        self.sent.total() - seen
    }

    /// When the last request was sent.
    pub(super) fn last_sent(&self) -> Seconds {
        self.sent.back(1).unwrap_or_default()
    }

    /// Differences in `Remaining` up to this mean nothing.
    pub(super) fn noise(&self) -> f64 {
        self.noise
    }

    /// So many requests are enough to tell by: `usual`, and more than noise; half of the limit always is.
    pub(super) fn notable(&self, usual: f64) -> f64 {
        usual.max(3.0 * self.noise()).min(as_f64(self.limit) / 2.0)
    }

    /// Whether a window began between two sights: most of what was used is there again.
    pub(super) fn is_reset(&self, before: Sight, after: Sight) -> bool {
        let used = as_f64(self.limit) - before.remaining;
        let rise = after.remaining - before.remaining;
        rise > 0.0 && 2.0 * rise >= used && used >= self.notable(6.0)
    }
}

impl Latency {
    fn observe(&mut self, latency: Seconds) {
        let smooth = self.smooth.get_or_insert(latency);
        self.spread += ((latency - *smooth).abs() - self.spread) / 16.0;
        *smooth += (latency - *smooth) / 8.0;
    }

    /// 0 while there is none.
    pub(super) fn smooth(&self) -> Seconds {
        self.smooth.unwrap_or_default()
    }

    /// A reply came so late that its request, as far as can be known, was not under way before this.
    fn departure(&self, sent_at: Seconds, now: Seconds) -> Option<Seconds> {
        let departure = now - self.smooth?;
        (departure > sent_at + self.worst_jitter()).then_some(departure)
    }

    /// How far apart two requests arrive, as a rule at most, that were sent together.
    pub(super) fn jitter(&self) -> Seconds {
        WAY * self.spread
    }

    /// Hardly any are further apart.
    pub(super) fn worst_jitter(&self) -> Seconds {
        WORST * self.jitter()
    }
}

/// Counts stay far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}
