//! How long a sliding window is, by what many sights of it show.

use super::ledger::Ledger;
use super::{Seconds, Sight};

/// So many sights at least, through a whole window, measure it.
const SIGHTS: u32 = 64;
/// A sight that leaves more than this share of it open does not measure it.
const VAGUE: f64 = 0.25;
/// A sight that shows less than this share of it is out of order.
const LEAST: f64 = 0.5;

/// A measurement under way.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// When the first of its sights was sent.
    from: Option<Seconds>,
    /// Sum of the lengths that they show, and how many they are.
    sum: Seconds,
    count: u32,
}

impl Gauge {
    /// One more sight of a window that is taken to be of this `length`; how long it is, once enough have shown it. Other
    /// clients can only make it look longer. Requests that were sent but not counted make it look shorter, so measuring
    /// starts again after those.
    pub(super) fn see(
        &mut self,
        ledger: &Ledger,
        sight: Sight,
        length: Seconds,
    ) -> Option<Seconds> {
        if ledger.uncounted_at >= self.from {
            *self = Self::default();
        }
        let from = *self.from.get_or_insert(sight.sent_at);
        let margin = 1.0 + ledger.noise();
        let (shortest, longest) = ledger.sliding_length(sight, margin)?;
        let is_clear = longest - shortest <= VAGUE * length
            && longest >= LEAST * length
            && sight.remaining >= 1.0
            && Some(sight.sent_at - longest) > ledger.uncounted_at;
        if is_clear {
            self.sum += f64::midpoint(shortest, longest);
            self.count += 1;
        }
        if self.count < SIGHTS || sight.sent_at - from < length {
            return None;
        }
        let mean = self.sum / f64::from(self.count);
        *self = Self::default();
        Some(mean)
    }
}
