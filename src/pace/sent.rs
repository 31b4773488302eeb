//! When each of the latest requests was sent.

use std::collections::VecDeque;

use super::Seconds;

/// So many are kept; quotas beyond that are paced without looking at single requests.
pub(super) const KEPT: usize = 1 << 16;

/// Requests are numbered from 0 in the order in which they were sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    times: VecDeque<Seconds>,
    /// How many were ever sent.
    total: u64,
}

impl Sent {
    /// Takes down a request; its number.
    pub(super) fn push(&mut self, now: Seconds) -> u64 {
        if self.times.len() == KEPT {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.total += 1;
        self.total - 1
    }

    /// How many were ever sent; the number of the next one.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// When the request of this number was sent, where that is still known.
    pub(super) fn time(&self, number: u64) -> Option<Seconds> {
        let forgotten = self.total - self.times.len() as u64;
        let index = number.checked_sub(forgotten)?;
        self.times.get(usize::try_from(index).ok()?).copied()
    }

    /// When the request was sent that makes `count` together with those behind it.
    pub(super) fn back(&self, count: u64) -> Option<Seconds> {
        self.time(self.total.checked_sub(count)?)
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
