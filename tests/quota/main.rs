//! How quotas are learnt and used, on a simulated clock: the short form of `cargo bench --bench quota`, which has a real
//! one. The simulation is the judge: it counts what the server granted, and what it would have.

mod scenario;
mod scenarios;
mod server;
mod simulation;

use leadfix::pace::{Pace, Quota};
use scenario::Scenario;
use server::{Seconds, Server, Shape};
use simulation::run;

/// What is asked of a scenario.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    /// At least this share of what could be had.
    used: f64,
    /// At most this share of refusals.
    refused: f64,
    /// 95 % within this time.
    within: Seconds,
}

/// 0.98, 0.1 % and three windows or ten seconds, but for what cannot be had.
fn wanted(name: &str, scenario: &Scenario) -> Wanted {
    let usual = Wanted {
        used: 0.98,
        refused: 0.001,
        within: (3.0 * scenario.server.window).max(10.0),
    };
    match name {
        // Only refusals tell, and each costs a second.
        _ if name.starts_with("no headers, bucket") => Wanted {
            used: 0.95,
            refused: 0.005,
            within: 20.0,
        },
        _ if name.starts_with("no headers") => Wanted {
            used: 0.95,
            refused: 0.005,
            ..usual
        },
        // Where the other one begins, what it takes was promised to us.
        _ if name.starts_with("sliding, a second client") => Wanted {
            used: 0.94,
            refused: 0.005,
            ..usual
        },
        _ if name.contains("second client") => Wanted {
            used: 0.96,
            refused: 0.005,
            ..usual
        },
        // The first reply takes half of the ten seconds.
        _ if name.ends_with("latency 5 s") && !name.starts_with("bucket") => Wanted {
            used: 0.92,
            within: 15.0,
            ..usual
        },
        // What is too much for a small bucket shows only a round trip later.
        "bucket of 50, latency 1 s" => Wanted {
            refused: 0.002,
            within: 30.0,
            ..usual
        },
        "bucket of 50, latency 5 s" => Wanted {
            used: 0.1,
            within: Seconds::INFINITY,
            ..usual
        },
        _ => usual,
    }
}

#[test]
fn every_kind_of_quota_is_learnt_and_used() {
    let mut failures = Vec::new();
    for (name, scenario) in scenarios::all() {
        let Wanted {
            used,
            refused,
            within,
        } = wanted(&name, &scenario);
        let outcome = run(&scenario, Pace::default(), 1);
        let reached = outcome.reached.unwrap_or(Seconds::INFINITY);
        if outcome.used < used || outcome.refused > refused || reached > within {
            failures.push(format!("{name}: {outcome:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A quota of a kind, a length and a size, drawn with a seed.
fn drawn(seed: u64) -> (Scenario, Quota) {
    let mut random = fastrand::Rng::with_seed(seed);
    let window = f64::from(random.u32(1..=10));
    let limit = random.u32(20..2000);
    let shape = [Shape::Aligned, Shape::FirstRequest, Shape::Sliding][random.usize(0..3)];
    let scenario = Scenario {
        server: Server::new(shape, limit, window),
        latency: (0.001 + random.f64() * 0.2, 0.0),
        limits: Vec::new(),
        other: |_| -1.0,
        duration: 12.0 * window,
        ceiling: 4096,
    };
    let limit = u64::from(limit);
    let quota = match shape {
        Shape::Sliding => Quota::Sliding { limit, window },
        _ => Quota::Windows { limit, window },
    };
    (scenario, quota)
}

#[test]
fn a_known_quota_is_never_overdrawn_and_never_left_waiting() {
    for seed in 0..60 {
        let (scenario, quota) = drawn(seed);
        let outcome = run(&scenario, Pace::knowing(quota), seed);
        let shape = scenario.server.shape;
        assert!(
            outcome.refused == 0.0 && outcome.used >= 0.97,
            "{shape:?} {quota}, latency {:?}: {outcome:?}",
            scenario.latency
        );
    }
}

#[test]
fn a_larger_limit_never_grants_less() {
    for seed in 0..20 {
        let (scenario, _) = drawn(seed);
        let granted = |factor| {
            let mut scenario = scenario.clone();
            scenario.server.limit *= factor;
            let rate = scenario.server.rate();
            rate * run(&scenario, Pace::default(), seed).used
        };
        let (once, twice) = (granted(1), granted(2));
        assert!(twice >= once, "seed {seed}: {once} and {twice}");
    }
}

#[test]
fn wrong_knowledge_costs_little() {
    for wrong in [
        Quota::Windows {
            limit: 500,
            window: 10.0,
        },
        Quota::Windows {
            limit: 50,
            window: 1.0,
        },
        Quota::Windows {
            limit: 500,
            window: 0.5,
        },
        Quota::Sliding {
            limit: 5000,
            window: 1.0,
        },
        Quota::Sliding {
            limit: 500,
            window: 10.0,
        },
        Quota::Bucket { rate: 5.0 },
        Quota::Bucket { rate: 5000.0 },
        Quota::Unannounced { rate: 20.0 },
    ] {
        for shape in [Shape::Aligned, Shape::Bucket(50.0)] {
            let truth = Scenario {
                duration: 40.0,
                ..scenarios::second(shape)
            };
            let outcome = run(&truth, Pace::knowing(wrong), 1);
            let reached = outcome.reached.unwrap_or(Seconds::INFINITY);
            assert!(
                outcome.used >= 0.98 && reached <= 10.0 && outcome.refused <= 0.01,
                "{wrong}, in truth {shape:?}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_quota_that_is_gone_is_forgotten() {
    let mut pace = Pace::knowing(Quota::Windows {
        limit: 5,
        window: 60.0,
    });
    let number = pace.send(0.0);
    pace.granted(number, 0.1, &leadfix::quota::Announcement::default());
    assert_eq!((pace.quota(), pace.rate()), (None, None));
}
