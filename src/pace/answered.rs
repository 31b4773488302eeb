//! Which requests were answered before others: what was answered had left.

use super::Seconds;

/// Replies that come within this time come together.
const MOMENT: Seconds = 0.001;

/// The newest request that was answered, and the newest but for the last moment.
#[derive(Debug, Default)]
pub(super) struct Answered {
    before: Option<u64>,
    /// When the last moment began, and the newest request that was answered in it.
    last: Option<(Seconds, u64)>,
}

impl Answered {
    /// The reply to request `number` came at `now`.
    pub(super) fn note(&mut self, number: u64, now: Seconds) {
        self.last = match self.last {
            Some((moment, newest)) if now <= moment + MOMENT => Some((moment, newest.max(number))),
            last => {
                self.before = self.before.max(last.map(|(_, newest)| newest));
                Some((now, number))
            }
        };
    }

    /// The first request from `number` on with nothing behind it that was answered before the last moment.
    pub(super) fn unanswered_from(&self, number: u64) -> u64 {
        self.before.map_or(number, |newest| number.max(newest + 1))
    }
}
