//! When each of the latest requests was sent.

use std::collections::VecDeque;

use super::Seconds;

/// So many are kept; quotas beyond that are paced without looking at single requests.
pub(super) const KEPT: usize = 1 << 16;

/// Requests are numbered from 0 in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    times: VecDeque<Seconds>,
    /// When each left, as far as can be known, in the same order: as it was sent, unless its reply showed that it was held
    /// up. Never falls.
    departures: VecDeque<Seconds>,
    /// How many were ever sent.
    total: u64,
}

impl Sent {
    /// Takes down a request; its number.
    pub(super) fn push(&mut self, now: Seconds) -> u64 {
        if self.times.len() == KEPT {
            self.times.pop_front();
            self.departures.pop_front();
        }
        self.times.push_back(now);
        let departure = self.departures.back().map_or(now, |last| last.max(now));
        self.departures.push_back(departure);
        self.total += 1;
        self.total - 1
    }

    /// The request of this number and all behind it did not leave before `departure`.
    pub(super) fn hold_up(&mut self, number: u64, departure: Seconds) {
        let Some(index) = self.index(number) else {
            return;
        };
        let behind = self.departures.range_mut(index..);
        for time in behind.take_while(|time| **time < departure) {
            *time = departure;
        }
    }

    /// How many were ever sent; the number of the next one.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// When the request of this number was sent, where that is still known.
    pub(super) fn time(&self, number: u64) -> Option<Seconds> {
        Some(self.times[self.index(number)?])
    }

    /// When the request left that makes `count` together with those behind it.
    pub(super) fn departure(&self, count: u64) -> Option<Seconds> {
        Some(self.departures[self.index(self.total.checked_sub(count)?)?])
    }

    fn index(&self, number: u64) -> Option<usize> {
        let forgotten = self.total - self.times.len() as u64;
        let index = usize::try_from(number.checked_sub(forgotten)?).ok()?;
        (index < self.times.len()).then_some(index)
    }

    /// When the last request was sent.
    pub(super) fn last(&self) -> Option<Seconds> {
        self.times.back().copied()
    }

    /// When the requests behind that of this number were sent, in their order.
    pub(super) fn behind(&self, number: u64) -> impl Iterator<Item = Seconds> {
        let count = usize::try_from(self.total - number - 1).unwrap_or(KEPT);
        self.times
            .range(self.times.len().saturating_sub(count)..)
            .copied()
    }

    /// How many were sent at `from` or later.
    pub(super) fn since(&self, from: Seconds) -> u64 {
        (self.times.len() - self.times.partition_point(|time| *time < from)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_held_up_holds_up_what_is_behind_it() {
        let mut sent = Sent::default();
        for time in [1.0, 2.0, 3.0, 4.0] {
            sent.push(time);
        }
        sent.hold_up(1, 3.5);
        sent.push(3.2);
        let departures: Vec<_> = (1..=5).rev().map(|count| sent.departure(count)).collect();
        assert_eq!(departures, [1.0, 3.5, 3.5, 4.0, 4.0].map(Some));
        assert_eq!((sent.time(1), sent.departure(6)), (Some(2.0), None));
    }
}
