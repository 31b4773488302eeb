//! What admission stands at: what is under way, how long everyone holds, and how much trouble there was.

use std::time::Duration;

use tokio::time::Instant;

use super::{Refusal, Waits};
use crate::concurrency::{Ceiling, Concurrency};
use crate::pace::Pace;

/// A server that asks for more than this is asking for another day.
pub(super) const LONGEST_HOLD: Duration = Duration::from_hours(1);
/// After so many failures in a row, from whichever rows, one request at a time finds out whether the server is
/// back.
pub(super) const BREAKER: u32 = 10;
/// Longest pause between two such requests.
const PROBE_CEILING: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct State {
    pub(super) pace: Pace,
    pub(super) concurrency: Concurrency,
    pub(super) in_flight: usize,
    pub(super) waits: Waits,
    /// Nobody is admitted before this.
    pub(super) gate: Option<Instant>,
    /// Counts the lessons learnt from refusals, so that a burst of them is one.
    pub(super) epoch: u64,
    /// Refusals in a row, each an epoch.
    pub(super) refusals: u32,
    /// When the current run of nothing but trouble began.
    pub(super) trouble_since: Option<Instant>,
    /// Troubles in a row.
    pub(super) troubles: u32,
    /// A probe is under way while the breaker is open.
    pub(super) probing: bool,
    /// Probes in a row that met trouble.
    pub(super) failed_probes: u32,
    pub(super) refusal: Option<Refusal>,
    pub(super) throttled: u64,
}

impl State {
    pub(super) fn new(pace: Pace, ceiling: Ceiling) -> Self {
        Self {
            pace,
            concurrency: Concurrency::new(ceiling),
            in_flight: 0,
            waits: Waits::default(),
            gate: None,
            epoch: 0,
            refusals: 0,
            trouble_since: None,
            troubles: 0,
            probing: false,
            failed_probes: 0,
            refusal: None,
            throttled: 0,
        }
    }

    pub(super) fn allowed(&self) -> usize {
        self.concurrency.allowed(self.pace.rate())
    }

    pub(super) fn recover(&mut self) {
        self.refusal.take_if(|refusal| *refusal == Refusal::GaveUp);
        self.trouble_since = None;
        self.troubles = 0;
        self.failed_probes = 0;
    }

    pub(super) fn trouble(
        &mut self,
        now: Instant,
        asked: Option<Duration>,
        probe: bool,
        give_up_after: Duration,
    ) {
        self.troubles = self.troubles.saturating_add(1);
        let since = *self.trouble_since.get_or_insert(now);
        if now - since >= give_up_after {
            self.refusal.get_or_insert(Refusal::GaveUp);
            return;
        }
        let mut pause = asked.unwrap_or_default();
        if self.troubles >= BREAKER {
            self.failed_probes += u32::from(probe);
            let backoff = Duration::from_secs(1) * 2_u32.saturating_pow(self.failed_probes.min(6));
            pause = pause.max(backoff.min(PROBE_CEILING));
        }
        let left = (since + give_up_after) - now;
        self.shut_until(now, pause.min(left));
    }

    pub(super) fn shut_until(&mut self, now: Instant, hold: Duration) {
        if hold > LONGEST_HOLD {
            self.refusal.get_or_insert(Refusal::HeldTooLong);
            return;
        }
        self.gate = self.gate.max(Some(now + hold));
    }
}
