//! The quotas that are to be told apart and used.

use crate::scenario::Scenario;
use crate::server::{Manners, Reset, Seconds, Server, Shape};

fn nobody(_: Seconds) -> f64 {
    -1.0
}

/// Takes half of 500 requests a second every other ten seconds.
fn half_now_and_then(now: Seconds) -> f64 {
    if (now / 10.0) % 2.0 < 1.0 { 0.0 } else { 250.0 }
}

/// Takes 600 requests a second for one second, every ten seconds.
fn more_than_there_is(now: Seconds) -> f64 {
    if now % 10.0 < 9.0 { 0.0 } else { 600.0 }
}

/// Takes sixty requests in a tenth of a second, every two seconds.
fn in_bursts(now: Seconds) -> f64 {
    if now % 2.0 < 1.9 { 0.0 } else { 600.0 }
}

/// A quota of 500 requests a second.
pub(crate) fn second(shape: Shape) -> Scenario {
    scenario(shape, 500, 1.0)
}

fn scenario(shape: Shape, limit: u32, window: Seconds) -> Scenario {
    Scenario {
        server: Server::new(shape, limit, window),
        latency: (0.001, 0.001),
        limits: Vec::new(),
        other: nobody,
        duration: (8.0 * window).max(60.0),
        ceiling: 4096,
        stall: 0.0,
        slow: None,
        lost: None,
    }
}

fn manners(reset: Option<Reset>, retry_after: bool, skew: Seconds) -> Manners {
    Manners {
        reset,
        retry_after,
        skew,
    }
}

/// Every line of the table, by name.
pub(crate) fn all() -> Vec<(String, Scenario)> {
    [
        kinds(),
        headers(),
        silent(),
        changing(),
        distant(),
        halting(),
    ]
    .concat()
}

const FIXED: (Shape, &str) = (Shape::Aligned, "fixed");
const FIRST: (Shape, &str) = (Shape::FirstRequest, "opens with the first request");
const SLIDING: (Shape, &str) = (Shape::Sliding, "sliding");
const BUCKET: (Shape, &str) = (Shape::Bucket(50.0), "bucket of 50");

fn kinds() -> Vec<(String, Scenario)> {
    let at_50_ms = Scenario {
        latency: (0.05, 0.005),
        ..second(Shape::Aligned)
    };
    [
        ("fixed, 500 per 1 s", second(Shape::Aligned)),
        ("fixed, 500 per 1 s, latency 50 ms", at_50_ms),
        ("fixed, 100 per 10 s", scenario(Shape::Aligned, 100, 10.0)),
        ("fixed, 600 per 60 s", scenario(Shape::Aligned, 600, 60.0)),
        (
            "opens with the first request, 500 per 1 s",
            second(Shape::FirstRequest),
        ),
        (
            "opens with the first request, 100 per 10 s",
            scenario(Shape::FirstRequest, 100, 10.0),
        ),
        ("sliding, 500 per 1 s", second(Shape::Sliding)),
        ("sliding, 600 per 60 s", scenario(Shape::Sliding, 600, 60.0)),
        ("bucket of 50, 500/s", second(Shape::Bucket(50.0))),
        ("fixed, 100 per 1.25 s", scenario(Shape::Aligned, 100, 1.25)),
        ("fixed, 100 per 0.75 s", scenario(Shape::Aligned, 100, 0.75)),
        (
            "sliding, 100 per 1.25 s",
            scenario(Shape::Sliding, 100, 1.25),
        ),
        (
            "sliding, 100 per 0.75 s",
            scenario(Shape::Sliding, 100, 0.75),
        ),
        ("fixed, 5 per 1 s", scenario(Shape::Aligned, 5, 1.0)),
        ("fixed, 5 per 60 s", scenario(Shape::Aligned, 5, 60.0)),
        ("fixed, 7 per 1 s", scenario(Shape::Aligned, 7, 1.0)),
        (
            "opens with the first request, 7 per 1 s",
            scenario(Shape::FirstRequest, 7, 1.0),
        ),
        ("sliding, 7 per 1 s", scenario(Shape::Sliding, 7, 1.0)),
        ("sliding, 5 per 1 s", scenario(Shape::Sliding, 5, 1.0)),
    ]
    .map(|(name, scenario)| (name.to_owned(), scenario))
    .to_vec()
}

fn mannered((shape, kind): (Shape, &str), words: &str, manners: Manners) -> (String, Scenario) {
    let mut scenario = second(shape);
    scenario.server = scenario.server.with(manners);
    (format!("{kind}, {words}"), scenario)
}

fn headers() -> Vec<(String, Scenario)> {
    let forms = [
        (Reset::Relative, 0.0, "reset in seconds from now"),
        (Reset::Milliseconds, 0.0, "reset in milliseconds"),
        (Reset::Fractional, 0.0, "reset with fractions"),
        (Reset::Unix, 3600.0, "clock an hour ahead"),
        (Reset::Unix, -3600.0, "clock an hour behind"),
        (Reset::Unix, 0.5, "clock half a second ahead"),
        (Reset::Unix, -1.5, "clock 1.5 s behind"),
    ];
    let from_now = manners(Some(Reset::WindowFromNow), true, 0.0);
    [FIXED, FIRST, SLIDING, BUCKET]
        .into_iter()
        .flat_map(|kind| {
            forms
                .map(|(reset, skew, words)| mannered(kind, words, manners(Some(reset), true, skew)))
        })
        .chain([mannered(SLIDING, "reset a window from now", from_now)])
        .collect()
}

fn silent() -> Vec<(String, Scenario)> {
    let answers = [(true, "429 with Retry-After alone"), (false, "429 alone")];
    [FIXED, SLIDING, BUCKET]
        .into_iter()
        .flat_map(|kind| {
            answers.map(|(retry_after, words)| {
                let (name, scenario) = mannered(kind, words, manners(None, retry_after, 0.0));
                let scenario = Scenario {
                    duration: 120.0,
                    ..scenario
                };
                (format!("no headers, {name}"), scenario)
            })
        })
        .collect()
}

fn changing() -> Vec<(String, Scenario)> {
    let changed = [FIXED, SLIDING].map(|(shape, kind)| {
        let scenario = Scenario {
            limits: vec![(20.0, 250), (40.0, 500)],
            duration: 80.0,
            ..second(shape)
        };
        (format!("{kind}, limit halved, then doubled"), scenario)
    });
    let shared = [
        (FIXED, 0.001, ""),
        (FIXED, 0.02, ", latency 20 ms"),
        (SLIDING, 0.001, ""),
    ]
    .map(|((shape, kind), latency, words)| {
        let scenario = Scenario {
            other: half_now_and_then,
            duration: 120.0,
            latency: (latency, latency / 5.0),
            ..second(shape)
        };
        (format!("{kind}, a second client{words}"), scenario)
    });
    let bucket = [
        (
            50,
            half_now_and_then as fn(Seconds) -> f64,
            0.001,
            "a second client",
        ),
        (50, more_than_there_is, 0.001, "a greedy client"),
        (
            50,
            more_than_there_is,
            0.5,
            "a greedy client, latency 500 ms",
        ),
        (500, in_bursts, 0.02, "a client in bursts, latency 20 ms"),
    ]
    .map(|(size, other, latency, words)| {
        let scenario = Scenario {
            other,
            duration: 120.0,
            latency: (latency, latency / 5.0),
            ..second(Shape::Bucket(f64::from(size)))
        };
        (format!("bucket of {size}, {words}"), scenario)
    });
    // What they take seems not to recover: the window must not be taken for a longer one.
    let from_the_start = Scenario {
        other: |_| 100.0,
        latency: (0.05, 0.005),
        ..scenario(Shape::Sliding, 1500, 3.0)
    };
    let name = "sliding, 1,500 per 3 s, a second client from the start";
    changed
        .into_iter()
        .chain(shared)
        .chain(bucket)
        .chain([(name.to_owned(), from_the_start)])
        .collect()
}

fn distant() -> Vec<(String, Scenario)> {
    let kinds = [FIXED, FIRST, SLIDING, BUCKET];
    [
        ((0.2, 0.1), "latency 200 to 300 ms"),
        ((1.0, 0.01), "latency 1 s"),
        ((5.0, 0.01), "latency 5 s"),
    ]
    .into_iter()
    .flat_map(|(latency, words)| {
        kinds.map(|(shape, kind)| {
            let scenario = Scenario {
                latency,
                duration: 90.0,
                ..second(shape)
            };
            (format!("{kind}, {words}"), scenario)
        })
    })
    .collect()
}

fn halting() -> Vec<(String, Scenario)> {
    let kinds = [FIXED, FIRST, SLIDING, BUCKET];
    let stalls = kinds.map(|(shape, kind)| {
        let scenario = Scenario {
            stall: 0.02,
            ..second(shape)
        };
        (format!("{kind}, stalls of 20 ms"), scenario)
    });
    let slow = kinds.map(|(shape, kind)| {
        let scenario = Scenario {
            slow: Some((300, 1.0)),
            latency: (0.05, 0.02),
            ..second(shape)
        };
        (format!("{kind}, one reply in 300 a second late"), scenario)
    });
    let lost = kinds.map(|(shape, kind)| {
        let scenario = Scenario {
            lost: Some((300, 0.2)),
            latency: (0.05, 0.02),
            ..second(shape)
        };
        (
            format!("{kind}, one request in 300 arrives 0.2 s late"),
            scenario,
        )
    });
    let distant = Scenario {
        stall: 0.02,
        latency: (1.0, 0.02),
        ..second(Shape::Sliding)
    };
    let mut all = [stalls, slow, lost].concat();
    all.push(("sliding, stalls of 20 ms, latency 1 s".to_owned(), distant));
    all
}
