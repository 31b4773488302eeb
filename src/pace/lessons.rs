//! Refusals that should not have been.

use super::Seconds;

/// So many in a row show that the quota is not what it is taken for.
const MOST: u32 = 3;

/// Refusals in a row.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    count: u32,
    last: Seconds,
}

impl Lessons {
    /// One more at `now`; those further apart than `span` have nothing to do with each other. Whether there are too
    /// many.
    pub(super) fn take(&mut self, now: Seconds, span: Seconds) -> bool {
        self.count = if now - self.last < span {
            self.count + 1
        } else {
            1
        };
        self.last = now;
        self.count >= MOST
    }
}
