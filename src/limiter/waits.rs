//! How long admission has waited, and for what.

use std::time::Duration;

/// How long admission has waited, and for what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waits {
    /// For the quota.
    pub quota: Duration,
    /// For the rate that was asked for.
    pub rate: Duration,
    /// For replies: as many requests were under way as may be.
    pub slots: Duration,
    /// For the server's recovery.
    pub trouble: Duration,
}

/// What admission waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    Quota,
    Rate,
    Slots,
    Trouble,
}

impl Waits {
    pub(super) fn add(&mut self, wait: Wait, waited: Duration) {
        *match wait {
            Wait::Quota => &mut self.quota,
            Wait::Rate => &mut self.rate,
            Wait::Slots => &mut self.slots,
            Wait::Trouble => &mut self.trouble,
        } += waited;
    }
}
