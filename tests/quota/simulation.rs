//! A client and a server on a simulated clock: every event in its order, nothing waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use leadfix::pace::{Pace, Quota, Turn};

use crate::scenario::{Outcome, STALL_EACH, Scenario, measure};
use crate::server::{Reply, Seconds, Server};

/// How late the client's timer fires, at most.
const LATENESS: Seconds = 0.002;

/// So many are under way at most where no quota is known.
const USUAL: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wake,
    Arrive(usize),
    Reply(usize),
    Other,
}

/// Nanoseconds, so that events have an order.
type Instant = u64;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "hours in nanoseconds"
)]
fn instant(seconds: Seconds) -> Instant {
    (seconds * 1e9) as u64
}

#[expect(clippy::cast_precision_loss, reason = "hours in nanoseconds")]
fn seconds(instant: Instant) -> Seconds {
    instant as f64 / 1e9
}

/// What a run of a scenario comes to; the same seed gives the same run.
pub(crate) fn run(scenario: &Scenario, pace: Pace, seed: u64) -> Outcome {
    watched(scenario, pace, seed).outcome
}

/// A run, and what else there is to see of it.
pub(crate) struct Watched {
    pub(crate) outcome: Outcome,
    /// The longest time without a granted request in the second half.
    pub(crate) gap: Seconds,
    /// What the quota is understood to be in the end.
    pub(crate) quota: Option<Quota>,
}

/// The same, watched.
pub(crate) fn watched(scenario: &Scenario, pace: Pace, seed: u64) -> Watched {
    let mut random = fastrand::Rng::with_seed(seed);
    let server = scenario.server.clone();
    let mut simulation = Simulation {
        scenario,
        pace,
        // The server's clock does not begin with our run.
        offset: 100.0 * server.window + random.f64() * server.window,
        capacity: vec![(0.0, server.rate())],
        server,
        random,
        events: BinaryHeap::new(),
        scheduled: 0,
        timer: 0,
        replies: Vec::new(),
        in_flight: 0,
        gate: 0.0,
        refusals: 0,
        untaught: 0,
        granted_at: Vec::new(),
        refused: 0,
    };
    simulation.schedule(0.0, Event::Wake);
    if (scenario.other)(0.0) >= 0.0 {
        simulation.schedule(0.0, Event::Other);
    }
    simulation.run();
    let Simulation {
        granted_at,
        capacity,
        refused,
        replies,
        pace,
        ..
    } = simulation;
    let half = scenario.duration / 2.0;
    let from = granted_at.partition_point(|at| *at < half).max(1);
    let gaps = granted_at[from - 1..].windows(2);
    let counts = (refused, replies.len());
    Watched {
        outcome: measure(scenario, &granted_at, &capacity, counts),
        gap: gaps.map(|pair| pair[1] - pair[0]).fold(0.0, f64::max),
        quota: pace.quota(),
    }
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    pace: Pace,
    server: Server,
    /// The server's clock when ours began.
    offset: Seconds,
    random: fastrand::Rng,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    scheduled: u64,
    /// When the client's timer fires.
    timer: Instant,
    /// By request: what the server said.
    replies: Vec<Option<Reply>>,
    in_flight: usize,
    /// Everyone holds until then, as the limiter does after a refusal, and how many refusals came in a row.
    gate: Seconds,
    refusals: i32,
    /// The first request sent after the last lesson: refusals of those before it teach nothing new.
    untaught: usize,
    granted_at: Vec<Seconds>,
    refused: usize,
    /// Requests a second that could be had, from when on.
    capacity: Vec<(Seconds, f64)>,
}

impl Simulation<'_> {
    fn run(&mut self) {
        let mut limits = self.scenario.limits.iter().copied().peekable();
        while let Some(Reverse((at, _, event))) = self.events.pop() {
            let now = seconds(at);
            if now >= self.scenario.duration {
                break;
            }
            while let Some((_, limit)) = limits.next_if(|(from, _)| *from <= now) {
                self.server.limit = limit;
                self.capacity.push((now, self.server.rate()));
            }
            match event {
                // An earlier reply may have set the timer anew.
                Event::Wake if at == self.timer => self.send(now),
                Event::Wake => {}
                Event::Arrive(number) => {
                    let reply = self.arrive(now);
                    self.replies[number] = Some(reply);
                }
                Event::Reply(number) => {
                    self.reply(number, now);
                    self.send(now);
                }
                Event::Other => {
                    let rate = (self.scenario.other)(now);
                    if rate > 0.0 {
                        self.arrive(now);
                    }
                    let pause = if rate > 0.0 { 1.0 / rate } else { 0.05 };
                    self.schedule(now + pause, Event::Other);
                }
            }
        }
    }

    fn schedule(&mut self, at: Seconds, event: Event) {
        self.scheduled += 1;
        self.events
            .push(Reverse((instant(at), self.scheduled, event)));
    }

    fn arrive(&mut self, now: Seconds) -> Reply {
        let reply = self.server.request(self.offset + now);
        if reply.granted {
            self.granted_at.push(now);
        }
        reply
    }

    fn reply(&mut self, number: usize, now: Seconds) {
        self.in_flight -= 1;
        let reply = self.replies[number].clone().expect("it has arrived");
        let announced = reply.announcement(self.offset + now);
        if reply.granted {
            self.refusals = 0;
            self.pace.granted(number as u64, now, &announced);
            return;
        }
        self.refused += 1;
        let asked = announced.retry_after.map(|wait| wait.as_secs_f64());
        let is_lesson = number >= self.untaught;
        if is_lesson {
            let backoff = 2.0_f64.powi(self.refusals.min(6)).min(60.0);
            self.refusals += 1;
            self.untaught = self.replies.len();
            self.gate = self.gate.max(now + asked.unwrap_or(backoff).max(1.0));
        } else if let Some(asked) = asked {
            self.gate = self.gate.max(now + asked);
        }
        let hold = is_lesson.then_some(self.gate);
        self.pace.refused(number as u64, now, &announced, hold);
    }

    /// When what is due at `at` happens: not while everything stands still.
    fn awake(&self, at: Seconds) -> Seconds {
        let begin = (at / STALL_EACH).floor() * STALL_EACH;
        at.max(begin + self.scenario.stall)
    }

    /// How many may be under way.
    fn allowed(&self) -> usize {
        match self.pace.rate() {
            Some(_) => self.scenario.ceiling,
            None => self.scenario.ceiling.min(USUAL),
        }
    }

    /// Sends what may go now, and sets the timer for what may go later.
    fn send(&mut self, now: Seconds) {
        while self.in_flight < self.allowed() {
            let turn = if now < self.gate {
                Turn::Wait(self.gate)
            } else {
                self.pace.turn(now)
            };
            if let Turn::Wait(until) = turn {
                if until.is_finite() {
                    // Timers have a granularity of a millisecond, and are late.
                    let due = (until * 1e3).ceil() / 1e3;
                    let late = self.random.f64() * LATENESS;
                    let wake = self.awake((due + late).max(now + 1e-6));
                    self.timer = instant(wake);
                    self.schedule(wake, Event::Wake);
                }
                return;
            }
            let number = self.replies.len();
            assert_eq!(self.pace.send(now), number as u64);
            self.in_flight += 1;
            let (out, back) = self.scenario.ways(&mut self.random);
            let arrival = self.awake(now + out);
            self.replies.push(None);
            self.schedule(arrival, Event::Arrive(number));
            self.schedule(self.awake(arrival + back), Event::Reply(number));
        }
    }
}
