//! A server with a quota, what happens to it, and what a run against it came to.

use crate::server::{Seconds, Server};

/// A server and what happens to it.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) server: Server,
    /// Round trip, and how much longer it may take at random.
    pub(crate) latency: (Seconds, Seconds),
    /// From these times on the limit is another one.
    pub(crate) limits: Vec<(Seconds, u32)>,
    /// Requests a second of another client on the same key.
    pub(crate) other: fn(Seconds) -> f64,
    pub(crate) duration: Seconds,
    /// Requests without a reply, where a quota is known.
    pub(crate) ceiling: usize,
    /// The line and the client stand still for so long now and then: nothing arrives, and nothing is sent.
    pub(crate) stall: Seconds,
    /// One reply in so many is late by so much, though its request was not.
    pub(crate) slow: Option<(usize, Seconds)>,
    /// One request in so many arrives so much later, as if a packet had been lost.
    pub(crate) lost: Option<(usize, Seconds)>,
}

/// Time from one stall to the next: no multiple of any window.
pub(crate) const STALL_EACH: Seconds = 3.1;

impl Scenario {
    /// How long a request and its reply are on their ways.
    pub(crate) fn ways(&self, random: &mut fastrand::Rng) -> (Seconds, Seconds) {
        let (least, more) = self.latency;
        let mut way = || 0.5 * (least + random.f64() * more);
        let (out, back) = (way(), way());
        let mut late = |which: Option<(usize, Seconds)>| match which {
            Some((one_in, late)) if random.usize(0..one_in) == 0 => late,
            _ => 0.0,
        };
        (out + late(self.lost), back + late(self.slow))
    }
}

/// What a scenario came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Granted requests, the other client's included, of those that could be had in the second half.
    pub(crate) used: f64,
    /// Share of refusals among all our replies.
    pub(crate) refused: f64,
    /// When 95 % of the quota was used for the first time, at the end of that window.
    pub(crate) reached: Option<Seconds>,
}

/// What a run of `scenario` came to, from when each request was granted, how many requests a second could be had from
/// when on, and how many were refused of how many.
pub(crate) fn measure(
    scenario: &Scenario,
    granted_at: &[Seconds],
    capacity: &[(Seconds, f64)],
    (refused, sent): (usize, usize),
) -> Outcome {
    let window = scenario.server.window.max(1.0);
    let count = |from: Seconds, to: Seconds| {
        let count =
            granted_at.partition_point(|at| *at < to) - granted_at.partition_point(|at| *at < from);
        f64::from(u32::try_from(count).expect("few enough"))
    };
    let available = |from: Seconds, to: Seconds| -> f64 {
        let ends = capacity
            .iter()
            .skip(1)
            .map(|(at, _)| *at)
            .chain([f64::INFINITY]);
        let parts = capacity.iter().zip(ends);
        parts
            .map(|((begin, rate), end)| rate * (end.min(to) - begin.max(from)).max(0.0))
            .sum()
    };
    let reached = (1..100_000)
        .map(|step| f64::from(step) * window / 4.0)
        .take_while(|begin| begin + window <= scenario.duration)
        .find(|begin| count(*begin, begin + window) >= 0.95 * available(*begin, begin + window))
        .map(|begin| begin + window);
    let half = scenario.duration / 2.0;
    let used = count(half, scenario.duration) / available(half, scenario.duration);
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let refused = refused as f64 / sent.max(1) as f64;
    Outcome {
        used,
        refused,
        reached,
    }
}
