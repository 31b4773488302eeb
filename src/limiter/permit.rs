//! The right to make one request, and the second verb: how the request went.

use std::time::Duration;

use tokio::time::Instant;

use super::state::BREAKER;
use super::{Limiter, Signal};

/// Without a `Retry-After` that says more, a refusal holds everyone at least this long.
pub(super) const HOLD_FLOOR: Duration = Duration::from_secs(1);
/// Refusals in a row double the hold, up to this.
const HOLD_CEILING: Duration = Duration::from_mins(1);

/// The right to make one request.
#[derive(Debug)]
#[must_use = "a permit holds a slot until it reports"]
pub struct Permit<'a> {
    limiter: &'a Limiter,
    /// The request's number, and when it was admitted.
    number: u64,
    admitted: Instant,
    /// All slots were in use with this one.
    was_full: bool,
    epoch: u64,
    probe: bool,
    is_reported: bool,
}

impl<'a> Permit<'a> {
    /// Admitted at `now`.
    pub(super) fn take(limiter: &'a Limiter, now: Instant) -> Self {
        let mut state = limiter.state.borrow_mut();
        let probe = state.troubles >= BREAKER;
        state.probing |= probe;
        state.in_flight += 1;
        Self {
            limiter,
            number: state.pace.send(limiter.seconds(now)),
            admitted: now,
            was_full: state.in_flight >= state.allowed(),
            epoch: state.epoch,
            probe,
            is_reported: false,
        }
    }

    /// Says how the request went, and frees the slot.
    pub fn report(mut self, signal: Signal) {
        self.is_reported = true;
        let limiter = self.limiter;
        let now = Instant::now();
        let seconds = limiter.seconds(now);
        let state = &mut *limiter.state.borrow_mut();
        match signal {
            Signal::Answered(announced) => {
                state.refusals = 0;
                state.recover();
                state.pace.granted(self.number, seconds, &announced);
                let latency = (now - self.admitted).as_secs_f64();
                let rate = state.pace.rate();
                state
                    .concurrency
                    .replied(seconds, latency, self.was_full, rate);
            }
            Signal::Throttled(announced) => {
                state.throttled += 1;
                state.recover();
                let asked = announced.retry_after;
                // Requests admitted before the last lesson was learnt teach nothing new.
                let is_lesson = self.epoch == state.epoch;
                if is_lesson {
                    state.epoch += 1;
                    let backoff = HOLD_FLOOR * 2_u32.saturating_pow(state.refusals.min(6));
                    state.refusals += 1;
                    let asked = asked.unwrap_or_else(|| backoff.min(HOLD_CEILING));
                    state.shut_until(now, asked.max(HOLD_FLOOR));
                } else if let Some(asked) = asked {
                    state.shut_until(now, asked);
                }
                let hold = state.gate.filter(|_| is_lesson);
                let hold = hold.map(|gate| limiter.seconds(gate));
                state.pace.refused(self.number, seconds, &announced, hold);
            }
            Signal::Trouble { retry_after } => {
                state.pace.lost(self.number);
                // A server that answers nobody is not one that has too much to do.
                if state.troubles < BREAKER {
                    let (rate, sent_at) = (state.pace.rate(), limiter.seconds(self.admitted));
                    state.concurrency.trouble(seconds, sent_at, rate);
                }
                state.trouble(now, retry_after, self.probe, limiter.give_up_after);
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.state.borrow_mut();
        state.in_flight -= 1;
        if self.probe {
            state.probing = false;
        }
        if !self.is_reported {
            state.pace.lost(self.number);
        }
        drop(state);
        self.limiter.replied.notify_one();
    }
}
