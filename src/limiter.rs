//! Admission: how many requests at once, how far apart, and when everyone holds. Two verbs,
//! [`Limiter::admit`] and [`Permit::report`]; knows nothing of HTTP statuses or rows. What is decided is decided in
//! [`Pace`] and `Concurrency`; this waits.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota as Metering, RateLimiter};
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;

use crate::bound::Waits;
pub use crate::concurrency::Ceiling;
use crate::concurrency::Concurrency;
use crate::pace::{Pace, Quota, Seconds, Turn};
use crate::quota::Announcement;
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

#[derive(Debug)]
struct State {
    pace: Pace,
    concurrency: Concurrency,
    in_flight: usize,
    waits: Waits,
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
    /// The request's number, and when it was admitted.
    number: u64,
    admitted: Instant,
    /// All slots were in use with this one.
    was_full: bool,
    epoch: u64,
    probe: bool,
    is_reported: bool,
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
        Self {
            rate: rate
                .map(|rate| RateLimiter::direct_with_clock(metering(rate), TokioClock(started))),
            started,
            give_up_after,
            replied: Notify::new(),
            queue: Mutex::new(()),
            state: RefCell::new(State {
                pace: known.map_or_else(Pace::default, Pace::knowing),
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
            }),
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
                return Ok(self.permit(now));
            };
            if let Obstacle::Quota(Some(until)) = obstacle
                && until - now > LONGEST_HOLD
            {
                return Err(Refusal::HeldTooLong);
            }
            let until = match obstacle {
                Obstacle::Gate(until) | Obstacle::Quota(until) => until,
                Obstacle::Slots | Obstacle::Probe => None,
            };
            match until {
                Some(until) => tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    () = self.replied.notified() => {}
                },
                None => self.replied.notified().await,
            }
            self.state.borrow_mut().waits.add(&obstacle, now.elapsed());
        }
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
        if let Some(gate) = state.gate.filter(|gate| *gate > now) {
            return Some(Obstacle::Gate(Some(gate)));
        }
        if state.probing {
            return Some(Obstacle::Probe);
        }
        if state.in_flight >= state.allowed() {
            return Some(Obstacle::Slots);
        }
        if let Turn::Wait(until) = state.pace.turn(self.seconds(now)) {
            let until = Duration::try_from_secs_f64(until).ok();
            let until = until.map(|until| self.started + until);
            // Less than a clock tells apart is no wait, or one that does not move would wait for ever.
            if until.is_none_or(|until| until > now) {
                return Some(Obstacle::Quota(until));
            }
        }
        // Last, because a turn that is asked for is taken.
        let early = self.rate.as_ref()?.check().err()?;
        Some(Obstacle::Quota(Some(
            self.started + early.earliest_possible().0,
        )))
    }

    fn permit(&self, now: Instant) -> Permit<'_> {
        let mut state = self.state.borrow_mut();
        let probe = state.troubles >= BREAKER;
        state.probing |= probe;
        state.in_flight += 1;
        Permit {
            limiter: self,
            number: state.pace.send(self.seconds(now)),
            admitted: now,
            was_full: state.in_flight >= state.allowed(),
            epoch: state.epoch,
            probe,
            is_reported: false,
        }
    }

    fn seconds(&self, at: Instant) -> Seconds {
        (at - self.started).as_secs_f64()
    }
}

/// What stands in the way of a request.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// Everyone holds.
    Gate(Option<Instant>),
    /// The quota, or the rate that was asked for; `None`: until a reply.
    Quota(Option<Instant>),
    /// As many are under way as may be.
    Slots,
    /// Another request finds out whether the server is back.
    Probe,
}

impl Permit<'_> {
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
                state.concurrency.replied(seconds, latency, self.was_full);
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
                state.pace.lost();
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
            state.pace.lost();
        }
        drop(state);
        self.limiter.replied.notify_one();
    }
}

impl State {
    fn allowed(&self) -> usize {
        self.concurrency.allowed(self.pace.rate())
    }

    fn recover(&mut self) {
        self.trouble_since = None;
        self.troubles = 0;
        self.failed_probes = 0;
    }

    fn trouble(
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

    fn shut_until(&mut self, now: Instant, hold: Duration) {
        if hold > LONGEST_HOLD {
            self.refusal.get_or_insert(Refusal::HeldTooLong);
            return;
        }
        self.gate = self.gate.max(Some(now + hold));
    }
}

/// A twentieth of a second's worth may go at once: a timer that fires late then costs no turn.
fn metering(rate: Rate) -> Metering {
    let burst = (rate.per_second() / 20.0).ceil().clamp(1.0, 1e6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 1..=1e6"
    )]
    let burst = NonZeroU32::new(burst as u32).unwrap_or(NonZeroU32::MIN);
    Metering::with_period(rate.interval())
        .unwrap_or(Metering::per_second(NonZeroU32::MAX))
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
    use crate::bound::Bound;
    use futures::future::{FutureExt, join_all};

    const SILENT: Announcement = Announcement {
        limit: None,
        remaining: None,
        resets_in: None,
        retry_after: None,
    };
    const GOOD: Signal = Signal::Answered(SILENT);
    const TROUBLE: Signal = Signal::Trouble { retry_after: None };
    const GIVE_UP: Duration = Duration::from_mins(2);

    fn used_up(resets_in: Duration) -> Signal {
        Signal::Answered(Announcement {
            limit: Some(100),
            remaining: Some(0),
            resets_in: Some(resets_in),
            ..SILENT
        })
    }

    fn throttled(retry_after: Option<Duration>) -> Signal {
        Signal::Throttled(Announcement {
            retry_after,
            ..SILENT
        })
    }

    fn limiter(concurrency: usize, rate: Option<&str>) -> Limiter {
        Limiter::new(Settings {
            ceiling: Ceiling::exactly(concurrency),
            rate: rate.map(|rate| rate.parse().unwrap()),
            give_up_after: GIVE_UP,
            known: None,
        })
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
            permit.unwrap().report(throttled(None));
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
        again.report(throttled(None));
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
                .report(throttled(retry_after));
            assert_eq!(limiter.held_for(), Some(Duration::from_secs(expected)));
        }
        let limiter = limiter(1, None);
        let retry_after = Some(Duration::from_hours(25));
        limiter
            .admit()
            .await
            .unwrap()
            .report(throttled(retry_after));
        assert_eq!(limiter.admit().await.err(), Some(Refusal::HeldTooLong));
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_window_is_waited_out() {
        let limiter = limiter(4, None);
        let resets_in = Duration::from_secs(3);
        limiter.admit().await.unwrap().report(used_up(resets_in));
        let start = Instant::now();
        limiter.admit().await.unwrap().report(GOOD);
        assert_eq!(start.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_ends_another_day_is_not_waited_for() {
        let limiter = limiter(4, None);
        let resets_in = Duration::from_hours(5);
        limiter.admit().await.unwrap().report(used_up(resets_in));
        assert_eq!(limiter.admit().await.err(), Some(Refusal::HeldTooLong));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_in_trouble_says_how_long_it_wants_to_be_left_alone() {
        let limiter = limiter(4, None);
        let retry_after = Some(Duration::from_secs(7));
        limiter
            .admit()
            .await
            .unwrap()
            .report(Signal::Trouble { retry_after });
        let start = Instant::now();
        limiter.admit().await.unwrap().report(GOOD);
        assert_eq!(start.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_is_not_used_leaves_nothing_behind() {
        let limiter = limiter(1, None);
        for _ in 0..200 {
            drop(limiter.admit().await.unwrap());
        }
        limiter.admit().await.unwrap().report(GOOD);
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
                    // So long that the pace would let another one through.
                    tokio::time::advance(Duration::from_millis(100)).await;
                    assert!(
                        requests <= BREAKER || limiter.admit().now_or_never().is_none(),
                        "two probes"
                    );
                    permit.report(TROUBLE);
                }
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(refusal, Refusal::GaveUp);
        assert!(start.elapsed() >= GIVE_UP && start.elapsed() < GIVE_UP + Duration::from_secs(1));
        assert!(
            (15..40).contains(&requests),
            "{requests} requests to a server that is down"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_good_answer_closes_the_breaker() {
        let limiter = limiter(2, None);
        for _ in 0..BREAKER + 2 {
            limiter.admit().await.unwrap().report(TROUBLE);
        }
        limiter.admit().await.unwrap().report(GOOD);
        let _one = limiter.admit().await.unwrap();
        assert!(
            limiter.admit().now_or_never().is_some(),
            "still one at a time"
        );
    }

    /// The holds that a limiter shows after each of these, each waited out before the next.
    async fn holds(limiter: &Limiter, signals: impl IntoIterator<Item = Signal>) -> Vec<u64> {
        let mut holds = Vec::new();
        for signal in signals {
            limiter.admit().await.unwrap().report(signal);
            holds.push(limiter.held_for().map_or(0, |held| held.as_secs()));
        }
        holds
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_in_a_row_double_the_hold_up_to_a_minute() {
        let limiter = limiter(1, None);
        assert_eq!(
            holds(&limiter, [throttled(None); 8]).await,
            [1, 2, 4, 8, 16, 32, 60, 60]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn probes_that_meet_trouble_double_the_pause_until_one_is_answered() {
        let limiter = limiter(1, None);
        for end in [GOOD, throttled(None), GOOD] {
            assert_eq!(
                holds(&limiter, [TROUBLE; 15]).await,
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 15, 15],
                "before {end:?}"
            );
            limiter.admit().await.unwrap().report(end);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_probe_comes_when_it_would_give_up() {
        let limiter = limiter(1, None);
        let long = Signal::Trouble {
            retry_after: Some(Duration::from_secs(50)),
        };
        assert_eq!(holds(&limiter, [long; 3]).await, [50, 50, 20]);
        limiter.admit().await.unwrap().report(long);
        assert_eq!(limiter.admit().await.err(), Some(Refusal::GaveUp));
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_refusal_of_a_burst_holds_as_long_as_it_asks_and_no_longer() {
        for (asked, expected) in [(None, 5), (Some(3), 5), (Some(9), 9)] {
            let limiter = limiter(16, None);
            let first = limiter.admit().await.unwrap();
            let late = limiter.admit().await.unwrap();
            first.report(throttled(Some(Duration::from_secs(5))));
            late.report(throttled(asked.map(Duration::from_secs)));
            let expected = Some(Duration::from_secs(expected));
            assert_eq!(limiter.held_for(), expected, "{asked:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_is_waited_and_no_longer() {
        for (asked, expected) in [
            (LONGEST_HOLD, None),
            (LONGEST_HOLD + MOMENT, Some(Refusal::HeldTooLong)),
        ] {
            let limiter = limiter(1, None);
            let refused = throttled(Some(asked));
            limiter.admit().await.unwrap().report(refused);
            assert_eq!(limiter.admit().await.err(), expected, "{asked:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_quota_holds_too_and_a_hold_of_less_than_a_moment_is_the_pace() {
        let limiter = limiter(4, None);
        let resets_in = Duration::from_secs(3);
        limiter.admit().await.unwrap().report(used_up(resets_in));
        for (after, expected) in [(0, Some(3)), (1500, Some(2)), (600, None)] {
            tokio::time::advance(Duration::from_millis(after)).await;
            let held = limiter.held_for().map(|held| held.as_secs_f64().round());
            assert_eq!(held, expected.map(f64::from), "{after}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_known_is_kept_to_from_the_start() {
        let known = Some(Quota::Bucket { rate: 10.0 });
        let limiter = Limiter::new(Settings {
            ceiling: Ceiling::exactly(64),
            rate: None,
            give_up_after: GIVE_UP,
            known,
        });
        assert_eq!(limiter.quota(), known);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_finds_every_slot_in_use_adds_one() {
        let limiter = limiter(64, None);
        limiter.admit().await.unwrap().report(GOOD);
        let mut permits = Vec::new();
        for _ in 0..16 {
            permits.push(limiter.admit().await.unwrap());
        }
        for (permit, expected) in [(permits.remove(0), 16), (permits.remove(14), 17)] {
            permit.report(GOOD);
            assert_eq!(limiter.concurrency().0, expected);
        }
    }

    /// Waits of an hour, beside which what the test itself takes of the processor is nothing.
    #[tokio::test(start_paused = true)]
    async fn what_was_waited_for_binds() {
        const HOUR: Duration = Duration::from_hours(1);
        let held = Signal::Trouble {
            retry_after: Some(HOUR),
        };
        for (before, signal, expected) in [
            (0, GOOD, Bound::Latency(1, HOUR)),
            (1, held, Bound::Quota(None)),
            (BREAKER, TROUBLE, Bound::Trouble),
        ] {
            let limiter = Limiter::new(Settings {
                ceiling: Ceiling::exactly(1),
                rate: None,
                give_up_after: HOUR * 9,
                known: None,
            });
            let start = Instant::now();
            for _ in 0..before {
                limiter.admit().await.unwrap().report(signal);
            }
            let slow = limiter.admit().await.unwrap();
            let answer = async {
                tokio::time::sleep(if signal == held { MOMENT } else { HOUR }).await;
                slow.report(GOOD);
            };
            let next = async { drop(limiter.admit().await.unwrap()) };
            tokio::join!(answer, next);
            assert_eq!(Bound::of(&limiter, start.elapsed()), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_twentieth_of_a_second_s_worth_may_go_at_once() {
        for (rate, expected) in [("10/s", 1), ("50/s", 3), ("1000/s", 50)] {
            let limiter = limiter(1000, Some(rate));
            limiter.admit().await.unwrap().report(GOOD);
            tokio::time::advance(Duration::from_secs(1)).await;
            let mut at_once = 0;
            while let Some(permit) = limiter.admit().now_or_never() {
                permit.unwrap().report(GOOD);
                at_once += 1;
            }
            assert_eq!(at_once, expected, "{rate}");
        }
    }

    #[test]
    fn ticks_never_go_below_the_beginning() {
        let second = |second| Tick(Duration::from_secs(second));
        let apart: Nanos = Duration::from_secs(2).into();
        assert_eq!(second(3).duration_since(second(1)), apart);
        assert_eq!(second(1).duration_since(second(3)), Nanos::from(0));
        assert_eq!(second(3).saturating_sub(apart), second(1));
        assert_eq!(second(1).saturating_sub(apart), second(0));
        assert_eq!(second(1) + apart, second(3));
    }
}
