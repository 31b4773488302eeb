//! Admission: how many requests at once, how far apart, and when everyone holds. Two verbs,
//! [`Limiter::admit`] and [`Permit::report`]; knows nothing of HTTP statuses or rows.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Mutex, Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::rate::Rate;

/// Without a `Retry-After` that says more, a refusal holds everyone at least this long.
const HOLD_FLOOR: Duration = Duration::from_secs(1);
/// Refusals in a row double the hold, up to this.
const HOLD_CEILING: Duration = Duration::from_mins(1);
/// A server that asks for more than this is asking for another day.
const LONGEST_HOLD: Duration = Duration::from_hours(1);
/// After so many failures in a row, from whichever rows, one request at a time finds out whether the server is
/// back.
const BREAKER: u32 = 10;
/// Longest pause between two such requests.
const PROBE_CEILING: Duration = Duration::from_secs(15);

/// What a reply says about admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The server answered.
    Good {
        /// Time until the next window, where the current one is used up.
        hold: Option<Duration>,
    },
    /// The server refused for want of quota.
    Throttled {
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// No connection, no answer, or an answer that says that the server is in trouble.
    Trouble,
}

/// Why nothing more is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing but trouble for too long.
    GaveUp,
    /// The server asks for a pause longer than an hour.
    HeldTooLong,
}

/// The one place that admits requests.
#[derive(Debug)]
pub struct Limiter {
    slots: Semaphore,
    pace: Option<RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Tick>>>,
    started: Instant,
    give_up_after: Duration,
    probed: Notify,
    /// Who comes first is admitted first, so that rows are begun in their order.
    queue: Mutex<()>,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Nobody is admitted before this.
    gate: Option<Instant>,
    /// Counts the lessons learnt from refusals, so that a burst of them is one.
    epoch: u64,
    /// Refusals in a row, each an epoch.
    refusals: u32,
    /// When the current run of nothing but trouble began.
    trouble_since: Option<Instant>,
    /// Troubles in a row.
    troubles: u32,
    /// A probe is under way while the breaker is open.
    probing: bool,
    /// Probes in a row that met trouble.
    failed_probes: u32,
    refusal: Option<Refusal>,
    throttled: u64,
}

/// The right to make one request.
#[derive(Debug)]
#[must_use = "a permit holds a slot until it reports"]
pub struct Permit<'a> {
    limiter: &'a Limiter,
    _slot: SemaphorePermit<'a>,
    epoch: u64,
    probe: bool,
}

impl Limiter {
    /// `concurrency` requests at once, never more than `rate`; `give_up_after` of nothing but trouble ends it.
    pub fn new(concurrency: usize, rate: Option<Rate>, give_up_after: Duration) -> Self {
        let started = Instant::now();
        Self {
            slots: Semaphore::new(concurrency),
            pace: rate.map(|rate| RateLimiter::direct_with_clock(quota(rate), TokioClock(started))),
            started,
            give_up_after,
            probed: Notify::new(),
            queue: Mutex::new(()),
            state: RefCell::default(),
        }
    }

    /// Waits for a slot, an open gate and a turn; first come, first served.
    ///
    /// # Errors
    /// When waiting is pointless.
    pub async fn admit(&self) -> Result<Permit<'_>, Refusal> {
        let Ok(slot) = self.slots.acquire().await else {
            unreachable!("the semaphore is never closed")
        };
        let _turn = self.queue.lock().await;
        loop {
            if let Some(refusal) = self.state.borrow().refusal {
                return Err(refusal);
            }
            match self.obstacle() {
                Obstacle::None => break,
                Obstacle::Until(until) => tokio::time::sleep_until(until).await,
                Obstacle::Probe => self.probed.notified().await,
            }
        }
        let mut state = self.state.borrow_mut();
        let probe = state.troubles >= BREAKER;
        state.probing |= probe;
        Ok(Permit {
            limiter: self,
            _slot: slot,
            epoch: state.epoch,
            probe,
        })
    }

    /// How often the server refused for want of quota.
    pub fn throttled(&self) -> u64 {
        self.state.borrow().throttled
    }

    /// Time until the gate opens, where it is shut.
    pub fn held_for(&self) -> Option<Duration> {
        let gate = self.state.borrow().gate?;
        gate.checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
    }

    fn obstacle(&self) -> Obstacle {
        let state = self.state.borrow();
        match state.gate {
            Some(gate) if gate > Instant::now() => return Obstacle::Until(gate),
            _ if state.probing => return Obstacle::Probe,
            _ => {}
        }
        // Last, because a turn that is asked for is taken.
        match self.pace.as_ref().map(RateLimiter::check) {
            Some(Err(early)) => Obstacle::Until(self.started + early.earliest_possible().0),
            Some(Ok(())) | None => Obstacle::None,
        }
    }
}

enum Obstacle {
    None,
    Until(Instant),
    Probe,
}

impl Permit<'_> {
    /// Says how the request went, and frees the slot.
    pub fn report(self, signal: Signal) {
        let now = Instant::now();
        let state = &mut *self.limiter.state.borrow_mut();
        match signal {
            Signal::Good { hold } => {
                state.refusals = 0;
                state.recover();
                if let Some(hold) = hold {
                    state.shut_until(now, hold);
                }
            }
            Signal::Throttled { retry_after } => {
                state.throttled += 1;
                state.recover();
                // Requests admitted before the last lesson was learnt teach nothing new.
                if self.epoch == state.epoch {
                    state.epoch += 1;
                    let backoff = HOLD_FLOOR * 2_u32.saturating_pow(state.refusals.min(6));
                    state.refusals += 1;
                    let asked = retry_after.unwrap_or_else(|| backoff.min(HOLD_CEILING));
                    state.shut_until(now, asked.max(HOLD_FLOOR));
                } else if let Some(asked) = retry_after {
                    state.shut_until(now, asked);
                }
            }
            Signal::Trouble => {
                state.troubles = state.troubles.saturating_add(1);
                let since = *state.trouble_since.get_or_insert(now);
                if now - since >= self.limiter.give_up_after {
                    state.refusal.get_or_insert(Refusal::GaveUp);
                } else if state.troubles >= BREAKER {
                    state.failed_probes += u32::from(self.probe);
                    let pause =
                        Duration::from_secs(1) * 2_u32.saturating_pow(state.failed_probes.min(6));
                    let left = (since + self.limiter.give_up_after) - now;
                    state.shut_until(now, pause.min(PROBE_CEILING).min(left));
                }
            }
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.limiter.state.borrow_mut().probing = false;
            self.limiter.probed.notify_waiters();
        }
    }
}

impl State {
    fn recover(&mut self) {
        self.trouble_since = None;
        self.troubles = 0;
        self.failed_probes = 0;
    }

    fn shut_until(&mut self, now: Instant, hold: Duration) {
        if hold > LONGEST_HOLD {
            self.refusal.get_or_insert(Refusal::HeldTooLong);
            return;
        }
        self.gate = self.gate.max(Some(now + hold));
    }
}

/// A twentieth of a second's worth may go at once: a timer that fires late then costs no turn.
fn quota(rate: Rate) -> Quota {
    let burst = (rate.per_second() / 20.0).ceil().clamp(1.0, 1e6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1..=1e6"
    )]
    let burst = NonZeroU32::new(burst as u32).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(rate.interval())
        .unwrap_or(Quota::per_second(NonZeroU32::MAX))
        .allow_burst(burst)
}

/// Time since the limiter began; follows tokio's clock, so that tests can pause it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(Duration);

#[derive(Clone, Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(self.0.elapsed())
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.into()))
    }
}

impl Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::{FutureExt, join_all};

    const GOOD: Signal = Signal::Good { hold: None };
    const GIVE_UP: Duration = Duration::from_mins(2);

    fn limiter(concurrency: usize, rate: Option<&str>) -> Limiter {
        Limiter::new(concurrency, rate.map(|rate| rate.parse().unwrap()), GIVE_UP)
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_concurrency_at_once() {
        let limiter = limiter(2, None);
        let first = limiter.admit().await.unwrap();
        let _second = limiter.admit().await.unwrap();
        assert!(
            limiter.admit().now_or_never().is_none(),
            "a third is admitted"
        );
        first.report(GOOD);
        assert!(
            limiter.admit().now_or_never().is_some(),
            "a freed slot is not used"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_a_ceiling_and_is_reached() {
        for (rate, requests) in [("50/s", 500), ("600/min", 100), ("1000/s", 5000)] {
            let limiter = limiter(1000, Some(rate));
            let start = Instant::now();
            for _ in 0..requests {
                limiter.admit().await.unwrap().report(GOOD);
            }
            let expected = f64::from(requests) / rate.parse::<Rate>().unwrap().per_second();
            let took = start.elapsed().as_secs_f64();
            assert!(
                (0.93..=1.01).contains(&(took / expected)),
                "{rate}: {took} s instead of {expected} s"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn first_come_first_served() {
        let limiter = limiter(3, Some("10/s"));
        let order = RefCell::new(Vec::new());
        join_all((0..30).map(|number| {
            let (limiter, order) = (&limiter, &order);
            async move {
                let permit = limiter.admit().await.unwrap();
                order.borrow_mut().push(number);
                tokio::time::sleep(Duration::from_millis(fastrand::u64(1..700))).await;
                permit.report(GOOD);
            }
        }))
        .await;
        assert_eq!(order.into_inner(), (0..30).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_holds_everyone_and_a_burst_of_them_is_one_lesson() {
        let limiter = limiter(16, None);
        let permits = join_all((0..16).map(|_| limiter.admit())).await;
        for permit in permits {
            permit
                .unwrap()
                .report(Signal::Throttled { retry_after: None });
        }
        assert_eq!(
            limiter.held_for(),
            Some(HOLD_FLOOR),
            "sixteen refusals at once double nothing"
        );
        assert_eq!(limiter.throttled(), 16);
        let start = Instant::now();
        let again = limiter.admit().await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 1);
        again.report(Signal::Throttled { retry_after: None });
        assert_eq!(
            limiter.held_for(),
            Some(HOLD_FLOOR * 2),
            "the next one doubles the hold"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_kept_and_never_a_hot_loop() {
        for (asked, expected) in [(Some(7), 7), (Some(0), 1), (None, 1)] {
            let limiter = limiter(1, None);
            let retry_after = asked.map(Duration::from_secs);
            limiter
                .admit()
                .await
                .unwrap()
                .report(Signal::Throttled { retry_after });
            assert_eq!(limiter.held_for(), Some(Duration::from_secs(expected)));
        }
        let limiter = limiter(1, None);
        let retry_after = Some(Duration::from_hours(25));
        limiter
            .admit()
            .await
            .unwrap()
            .report(Signal::Throttled { retry_after });
        assert_eq!(limiter.admit().await.err(), Some(Refusal::HeldTooLong));
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_window_is_waited_out() {
        let limiter = limiter(4, None);
        let hold = Some(Duration::from_secs(3));
        limiter.admit().await.unwrap().report(Signal::Good { hold });
        let start = Instant::now();
        limiter.admit().await.unwrap().report(GOOD);
        assert_eq!(start.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_but_trouble_slows_to_single_requests_and_then_gives_up() {
        let limiter = limiter(16, None);
        let start = Instant::now();
        let mut requests = 0;
        let refusal = loop {
            match limiter.admit().await {
                Ok(permit) => {
                    requests += 1;
                    assert!(
                        requests <= BREAKER || limiter.admit().now_or_never().is_none(),
                        "two probes"
                    );
                    tokio::time::advance(Duration::from_millis(10)).await;
                    permit.report(Signal::Trouble);
                }
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(refusal, Refusal::GaveUp);
        assert!(start.elapsed() >= GIVE_UP && start.elapsed() < GIVE_UP + PROBE_CEILING);
        assert!(
            (15..40).contains(&requests),
            "{requests} requests to a server that is down"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_good_answer_closes_the_breaker() {
        let limiter = limiter(2, None);
        for _ in 0..BREAKER + 2 {
            limiter.admit().await.unwrap().report(Signal::Trouble);
        }
        limiter.admit().await.unwrap().report(GOOD);
        let _one = limiter.admit().await.unwrap();
        assert!(
            limiter.admit().now_or_never().is_some(),
            "still one at a time"
        );
    }
}
