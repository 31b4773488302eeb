//! Admission: how many requests at once, how far apart, and when everyone holds. Two verbs,
//! [`Limiter::admit`] and [`Permit::report`]; knows nothing of HTTP statuses or rows. What is decided is decided in
//! [`Pace`] and `Concurrency`; this waits.

mod metering;
mod permit;
mod state;
#[cfg(test)]
mod tests;
mod waits;

use std::cell::RefCell;
use std::time::Duration;

use governor::RateLimiter;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

pub use crate::concurrency::Ceiling;
use crate::pace::{Pace, Quota, Seconds, Turn};
use crate::quota::Announcement;
use crate::rate::Rate;
use metering::{Tick, TokioClock, metering};
pub use permit::Permit;
use state::{LONGEST_HOLD, State};
use waits::Wait;
pub use waits::Waits;

/// A hold shorter than this is the pace.
const MOMENT: Duration = Duration::from_secs(1);

/// What a reply says about admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The server answered, and announced this.
    Answered(Announcement),
    /// The server refused for want of quota.
    Throttled(Announcement),
    /// No connection, no answer, or an answer that says that the server is in trouble.
    Trouble {
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
}

/// Why nothing more is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing but trouble for too long.
    GaveUp,
    /// The server asks for a pause longer than an hour.
    HeldTooLong,
}

/// What is known before the first request.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Requests at once.
    pub ceiling: Ceiling,
    /// Never more than this, whatever the server would grant.
    pub rate: Option<Rate>,
    /// So long nothing but trouble ends it.
    pub give_up_after: Duration,
    /// What an earlier run has learnt of the quota.
    pub known: Option<Quota>,
}

/// The one place that admits requests.
#[derive(Debug)]
pub struct Limiter {
    rate: Option<RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Tick>>>,
    started: Instant,
    give_up_after: Duration,
    /// A reply came, which may open what was shut.
    replied: Notify,
    /// Who comes first is admitted first, so that rows are begun in their order.
    queue: Mutex<()>,
    state: RefCell<State>,
}

impl Limiter {
    /// Begins with what is known.
    pub fn new(settings: Settings) -> Self {
        let started = Instant::now();
        let Settings {
            ceiling,
            rate,
            give_up_after,
            known,
        } = settings;
        let pace = known.map_or_else(Pace::default, Pace::knowing);
        Self {
            rate: rate
                .map(|rate| RateLimiter::direct_with_clock(metering(rate), TokioClock(started))),
            started,
            give_up_after,
            replied: Notify::new(),
            queue: Mutex::new(()),
            state: RefCell::new(State::new(pace, ceiling)),
        }
    }

    /// Waits for a slot, an open gate and a turn; first come, first served.
    ///
    /// # Errors
    /// When waiting is pointless.
    pub async fn admit(&self) -> Result<Permit<'_>, Refusal> {
        let _turn = self.queue.lock().await;
        loop {
            if let Some(refusal) = self.state.borrow().refusal {
                return Err(refusal);
            }
            let now = Instant::now();
            let Some(obstacle) = self.obstacle(now) else {
                return Ok(Permit::take(self, now));
            };
            let Obstacle { wait, until } = obstacle;
            if until.is_some_and(|until| until - now > LONGEST_HOLD) {
                return Err(Refusal::HeldTooLong);
            }
            match until {
                Some(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = self.replied.notified() => {}
                },
                None => self.replied.notified().await,
            }
            self.state.borrow_mut().waits.add(wait, now.elapsed());
        }
    }

    /// Whether nothing but trouble was met for too long.
    pub fn has_given_up(&self) -> bool {
        self.state.borrow().refusal == Some(Refusal::GaveUp)
    }

    /// The server is there after all.
    pub fn go_on(&self) {
        self.state.borrow_mut().recover();
    }

    /// How often the server refused for want of quota.
    pub fn throttled(&self) -> u64 {
        self.state.borrow().throttled
    }

    /// Time until anything is admitted, where that is known and more than a moment.
    pub fn held_for(&self) -> Option<Duration> {
        let state = self.state.borrow();
        let now = Instant::now();
        let gate = state.gate.map(|gate| gate - now).unwrap_or_default();
        let quota = match state.pace.turn(self.seconds(now)) {
            Turn::Wait(until) => Duration::try_from_secs_f64(until - self.seconds(now)).ok(),
            Turn::Now => None,
        };
        Some(gate.max(quota.unwrap_or_default())).filter(|left| *left >= MOMENT)
    }

    /// What the server's quota is understood to be.
    pub fn quota(&self) -> Option<Quota> {
        self.state.borrow().pace.quota()
    }

    /// What admission has waited for so far.
    pub fn waits(&self) -> Waits {
        self.state.borrow().waits
    }

    /// Requests that may be under way at once now, and the smoothed time to a reply.
    pub fn concurrency(&self) -> (usize, Duration) {
        let state = self.state.borrow();
        let latency = Duration::from_secs_f64(state.pace.latency());
        (state.allowed(), latency)
    }

    fn obstacle(&self, now: Instant) -> Option<Obstacle> {
        let state = self.state.borrow();
        let obstacle = |wait, until| Some(Obstacle { wait, until });
        let for_a_turn = if state.trouble_since.is_some() {
            Wait::Trouble
        } else if state.pace.is_known() {
            Wait::Quota
        } else {
            // The first reply is waited for.
            Wait::Slots
        };
        if let Some(gate) = state.gate.filter(|gate| *gate > now) {
            return obstacle(for_a_turn, Some(gate));
        }
        if state.probing {
            return obstacle(Wait::Trouble, None);
        }
        if state.in_flight >= state.allowed() {
            return obstacle(Wait::Slots, None);
        }
        if let Turn::Wait(until) = state.pace.turn(self.seconds(now)) {
            let until = Duration::try_from_secs_f64(until).ok();
            let until = until.map(|until| self.started + until);
            // Less than a clock tells apart is no wait, or one that does not move would wait for ever.
            if until.is_none_or(|until| until > now) {
                return obstacle(for_a_turn, until);
            }
        }
        // Last, because a turn that is asked for is taken.
        let early = self.rate.as_ref()?.check().err()?;
        obstacle(Wait::Rate, Some(self.started + early.earliest_possible().0))
    }

    fn seconds(&self, at: Instant) -> Seconds {
        (at - self.started).as_secs_f64()
    }
}

/// What stands in the way of a request, and until when; `None`: until a reply.
#[derive(Debug)]
struct Obstacle {
    wait: Wait,
    until: Option<Instant>,
}
