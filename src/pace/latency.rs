//! How long round trips take, and how far they differ.

use super::Seconds;

/// How much further apart than as a rule two requests may arrive.
const WORST: f64 = 1.5;
/// How far the ways there differ as a rule at most, in mean deviations of round trips, where the ways there and back have
/// nothing to do with each other.
const WAY: f64 = 3.0;
/// A difference larger than so many mean deviations, and than this share of a usual round trip, and than this time, counts
/// as no more than that: a reply now and then that was held up says little of the others.
const OUTLIER: f64 = 12.0;
const ORDINARY: f64 = 0.25;
const LEAST: Seconds = 0.001;

/// Round trips, smoothed.
#[derive(Debug, Default)]
pub(super) struct Latency {
    smooth: Option<Seconds>,
    /// How far they are from that on average.
    spread: Seconds,
}

impl Latency {
    pub(super) fn observe(&mut self, latency: Seconds) {
        let smooth = self.smooth.get_or_insert(latency);
        let most = (OUTLIER * self.spread).max(ORDINARY * *smooth).max(LEAST);
        let difference = (latency - *smooth).clamp(-most, most);
        self.spread += (difference.abs() - self.spread) / 16.0;
        *smooth += difference / 8.0;
    }

    /// 0 while there is none.
    pub(super) fn smooth(&self) -> Seconds {
        self.smooth.unwrap_or_default()
    }

    /// A reply came so late that its request, as far as can be known, was not under way before this.
    pub(super) fn departure(&self, sent_at: Seconds, now: Seconds) -> Option<Seconds> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_late_reply_changes_little_and_many_change_all() {
        let mut latency = Latency::default();
        for number in 0..100 {
            latency.observe(if number % 2 == 0 { 0.05 } else { 0.056 });
        }
        let (smooth, jitter) = (latency.smooth(), latency.jitter());
        latency.observe(1.0);
        assert!(latency.smooth() < 1.1 * smooth && latency.jitter() < 2.0 * jitter);
        for changed in [1.0, 0.05] {
            for _ in 0..200 {
                latency.observe(changed);
            }
            assert!((latency.smooth() - changed).abs() < 0.1 * changed);
            assert!(latency.jitter() < 0.1 * changed);
        }
    }

    #[test]
    fn the_first_round_trip_may_be_like_no_other() {
        for first in [0.0, 0.001, 1.0] {
            let mut latency = Latency::default();
            latency.observe(first);
            for _ in 0..100 {
                latency.observe(0.1);
            }
            assert!(
                (latency.smooth() - 0.1).abs() < 0.01,
                "{first}: {latency:?}"
            );
        }
    }
}
