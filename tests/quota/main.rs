//! How quotas are learnt and used, on a simulated clock: the short form of `cargo bench --bench quota`, which has a real
//! one. The simulation is the judge: it counts what the server granted, and what it would have.

mod scenario;
mod scenarios;
mod server;
mod simulation;

use leadfix::pace::{Pace, Quota, Turn};
use leadfix::quota::Announcement;
use scenario::Scenario;
use server::{Seconds, Server, Shape};
use simulation::{Watched, run, watched};

/// Each scenario is judged so often; once, where it is but another way to write the same headers.
const SEEDS: u64 = 3;

/// As many requests are judged at least, in half a run: one more or less at its ends is a hundredth then.
const JUDGED: f64 = 100.0;

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
        _ if name.starts_with("no headers") => Wanted {
            refused: 0.005,
            ..usual
        },
        // Each refusal costs a second, in which a small bucket is full and loses what comes in.
        "bucket of 50, a second client" => Wanted {
            used: 0.975,
            ..usual
        },
        "bucket of 50, a greedy client" => Wanted {
            used: 0.93,
            ..usual
        },
        "bucket of 500, a client in bursts, latency 20 ms" => Wanted {
            used: 0.85,
            refused: 0.01,
            ..usual
        },
        // And what is under way meanwhile is refused too.
        "bucket of 50, a greedy client, latency 500 ms" => Wanted {
            used: 0.65,
            refused: 0.055,
            ..usual
        },
        _ if name.contains("second client") => Wanted {
            refused: 0.005,
            ..usual
        },
        // By chance more arrives at once than was sent at once; what that may be is left over, in a window that ends at
        // every moment more.
        "sliding, latency 200 to 300 ms" => Wanted {
            used: 0.95,
            ..usual
        },
        // What a stall has moved together is refused before it can be seen, until 2 % of a window is left over for it. Each
        // refusal costs a second of the thirty that are judged.
        "sliding, stalls of 20 ms, latency 1 s" => Wanted {
            used: 0.93,
            ..usual
        },
        // And so does one for a request that was lost, until some are left over for those.
        "sliding, one request in 300 arrives 0.2 s late"
        | "opens with the first request, one request in 300 arrives 0.2 s late" => Wanted {
            used: 0.94,
            ..usual
        },
        // What fills again in a tenth of a second is blurred by it.
        "bucket of 50, latency 200 to 300 ms" => Wanted {
            refused: 0.003,
            ..usual
        },
        // A round trip shows how much faster the bucket is than the last trial, and no more.
        "bucket of 50, latency 5 s" => Wanted {
            within: 40.0,
            ..usual
        },
        // What tells the kind is sent in the first two seconds and answered in the seventh; another second has to be
        // used up, and the requests have to get there.
        _ if name.ends_with("latency 5 s") => Wanted {
            within: 11.0,
            ..usual
        },
        _ => usual,
    }
}

#[test]
fn every_kind_of_quota_is_learnt_and_used() {
    let scenarios = scenarios::all();
    let failures = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=SEEDS)
            .map(|seed| {
                let scenarios = &scenarios;
                scope.spawn(move || failures(scenarios, seed))
            })
            .collect();
        let failures = threads.into_iter().map(|thread| thread.join().unwrap());
        failures.flatten().collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Where requests are few, each tells more and chance decides more.
#[test]
fn few_requests_are_enough_to_learn_by() {
    let mut few = scenarios::all();
    few.retain(|(_, scenario)| scenario.server.rate() < 200.0);
    let failures: Vec<_> = (1..=20).flat_map(|seed| failures(&few, seed)).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Round trips that differ by a quarter of the window are no reason to take it for a whole second, which draws refusals
/// again and again.
#[test]
fn windows_of_no_whole_seconds_are_learnt_whatever_round_trips_are() {
    for shape in [Shape::Aligned, Shape::FirstRequest] {
        for seed in 1..=20 {
            let scenario = Scenario {
                server: Server::new(shape, 100, 1.25),
                latency: (0.3, 0.3),
                duration: 90.0,
                ..scenarios::second(shape)
            };
            let outcome = run(&scenario, Pace::default(), seed);
            assert!(
                outcome.used >= 0.91 && outcome.refused <= 0.01,
                "{shape:?}, seed {seed}: {outcome:?}"
            );
        }
    }
}

/// Nor are they one to take a sliding window for longer than it is, once it is known.
#[test]
fn sliding_windows_of_no_whole_seconds_are_measured() {
    for window in [0.75, 1.25] {
        for seed in 1..=20 {
            let scenario = Scenario {
                server: Server::new(Shape::Sliding, 100, window),
                latency: (0.2, 0.1),
                duration: 90.0,
                ..scenarios::second(Shape::Sliding)
            };
            let outcome = run(&scenario, Pace::default(), seed);
            assert!(
                outcome.used >= 0.92 && outcome.refused <= 0.001,
                "{window} s, seed {seed}: {outcome:?}"
            );
        }
    }
}

fn failures(scenarios: &[(String, Scenario)], seed: u64) -> Vec<String> {
    let usual = Server::new(Shape::Aligned, 1, 1.0).manners;
    let judged = scenarios.iter().filter(|(_, scenario)| {
        let manners = scenario.server.manners;
        seed == 1 || manners == usual || manners.reset.is_none()
    });
    let runs = judged.map(|(name, scenario)| {
        let longer = Scenario {
            duration: scenario.duration.max(2.0 * JUDGED / scenario.server.rate()),
            ..scenario.clone()
        };
        let outcome = run(&longer, Pace::default(), seed);
        (name, wanted(name, scenario), outcome)
    });
    let missed = runs.filter(|(_, wanted, outcome)| {
        outcome.used < wanted.used
            || outcome.refused > wanted.refused
            || outcome.reached.is_none_or(|at| at > wanted.within)
    });
    missed
        .map(|(name, _, outcome)| format!("{name}, seed {seed}: {outcome:?}"))
        .collect()
}

/// A quota of a kind, a length and a size, drawn with a seed, and what is to be known of it.
fn drawn(seed: u64) -> (Scenario, Quota) {
    let mut random = fastrand::Rng::with_seed(seed);
    let window = f64::from(random.u32(1..=10));
    let limit = random.u32(20..2000);
    let shape = [
        Shape::Aligned,
        Shape::FirstRequest,
        Shape::Sliding,
        Shape::Bucket(f64::from(random.u32(20..100))),
    ][random.usize(0..4)];
    let latency = [0.001 + random.f64() * 0.2, random.f64() * 2.0][random.usize(0..2)];
    let scenario = Scenario {
        server: Server::new(shape, limit, window),
        latency: (latency, 0.0),
        limits: Vec::new(),
        other: |_| -1.0,
        duration: 12.0 * window.max(latency),
        ceiling: 4096,
        stall: 0.0,
        slow: None,
        lost: None,
    };
    let (rate, limit) = (scenario.server.rate(), u64::from(limit));
    let quota = match shape {
        Shape::Sliding => Quota::Sliding { limit, window },
        Shape::Bucket(_) => Quota::Bucket { rate },
        Shape::Aligned | Shape::FirstRequest => Quota::Windows { limit, window },
    };
    (scenario, quota)
}

#[test]
fn a_known_quota_is_never_overdrawn_and_never_left_waiting() {
    for seed in 0..60 {
        let (scenario, quota) = drawn(seed);
        let Watched { outcome, gap, .. } = watched(&scenario, Pace::knowing(quota), seed);
        let Server { shape, window, .. } = scenario.server;
        // A window is used up a little before its end, and one that slides is taken to be longer by 8 ms and 0.3 %; besides
        // that a timer may be late.
        let longest = 4.0 / quota.rate() + 0.05 * window + 0.012;
        assert!(
            outcome.refused == 0.0 && outcome.used >= 0.97 && gap <= longest,
            "seed {seed}: {shape:?} {quota}, latency {:?}: {outcome:?}, {gap} s without any",
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
fn wrong_knowledge_costs_a_window_at_most() {
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
        Quota::Windows {
            limit: 500,
            window: 60.0,
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
        // Until a long window is over, less than half of which is used, it may be as it is known.
        let within = match wrong {
            Quota::Windows { window, .. } | Quota::Sliding { window, .. } => window.max(10.0),
            _ => 10.0,
        };
        for shape in [Shape::Aligned, Shape::Sliding, Shape::Bucket(50.0)] {
            let truth = Scenario {
                duration: 60.0,
                ..scenarios::second(shape)
            };
            let outcome = run(&truth, Pace::knowing(wrong), 1);
            let reached = outcome.reached.unwrap_or(Seconds::INFINITY);
            assert!(
                outcome.used >= 0.98 && reached <= within && outcome.refused <= 0.01,
                "{wrong}, in truth {shape:?}: {outcome:?}"
            );
        }
    }
}

/// What an earlier run has found a little below the truth, where nothing is announced, is searched on from like any
/// other rate: it is no proof of a bucket.
#[test]
fn a_rate_that_is_known_without_headers_costs_few_refusals() {
    for (shape, rate, used) in [
        (Shape::Aligned, 450.0, 0.99),
        (Shape::FirstRequest, 400.0, 0.97),
        (Shape::Sliding, 450.0, 0.99),
        (Shape::Bucket(50.0), 450.0, 0.88),
    ] {
        for seed in 1..=4 {
            let mut scenario = scenarios::second(shape);
            scenario.server.manners.reset = None;
            let known = Pace::knowing(Quota::Unannounced { rate });
            let outcome = run(&scenario, known, seed);
            assert!(
                outcome.used >= used && outcome.refused <= 0.001,
                "{shape:?}, known as {rate}, seed {seed}: {outcome:?}"
            );
        }
    }
}

/// What was known is tried for as long as any other rate before a step up: no bucket has to pay for it.
#[test]
fn a_rate_that_is_known_too_low_is_soon_raised() {
    for shape in [Shape::Aligned, Shape::Sliding] {
        let mut scenario = scenarios::second(shape);
        scenario.server.manners.reset = None;
        let known = Pace::knowing(Quota::Unannounced { rate: 300.0 });
        let outcome = run(&scenario, known, 1);
        let reached = outcome.reached.unwrap_or(Seconds::INFINITY);
        assert!(reached <= 10.0, "{shape:?}: {outcome:?}");
    }
}

#[test]
fn a_quota_that_is_gone_is_forgotten() {
    let mut pace = Pace::knowing(Quota::Windows {
        limit: 5,
        window: 60.0,
    });
    let number = pace.send(0.0);
    pace.granted(number, 0.1, &Announcement::default());
    assert_eq!((pace.quota(), pace.rate()), (None, None));
}

/// A client that waits for each reply, which takes 50 ms, for two minutes; `announced`: what the reply to the request of
/// this number shows that arrives then, and whether that was granted. How many were granted and how many refused in the
/// second minute.
fn one_by_one(
    pace: &mut Pace,
    mut announced: impl FnMut(u64, Seconds) -> (bool, Announcement),
) -> (u32, u32) {
    let (mut now, mut granted, mut refused) = (0.0, 0, 0);
    while now < 120.0 {
        if let Turn::Wait(until) = pace.turn(now) {
            now = until;
        }
        let number = pace.send(now);
        now += 0.05;
        let is_judged = u32::from(now >= 60.0);
        let (is_granted, announced) = announced(number, now);
        if is_granted {
            pace.granted(number, now, &announced);
            granted += is_judged;
        } else {
            pace.refused(number, now, &announced, Some(now + 1.0));
            refused += is_judged;
            now += 1.0;
        }
    }
    (granted, refused)
}

const USED_UP: Announcement = Announcement {
    limit: Some(100),
    remaining: Some(0),
    resets_in: None,
    retry_after: None,
};

#[test]
fn headers_of_refusals_alone_are_not_waited_for() {
    for each in [0, 300] {
        let announced = |number, _| match number {
            100 => (false, USED_UP),
            _ if each > 0 && number % each == 0 => (false, USED_UP),
            _ => (true, Announcement::default()),
        };
        let (count, _) = one_by_one(&mut Pace::default(), announced);
        assert!(count >= 1000, "a refusal each {each}: {count}");
    }
}

#[test]
fn headers_that_are_heard_no_more_are_forgotten() {
    for (number, granted) in [(3, true), (0, false)] {
        let announced = |sent, _| match sent {
            _ if sent > number => (true, Announcement::default()),
            _ => (sent < number || granted, USED_UP),
        };
        let mut pace = Pace::default();
        let (count, _) = one_by_one(&mut pace, announced);
        assert!(count >= 1000, "{number}, {granted}: {count}");
        assert_eq!(pace.rate(), None, "{number}, {granted}");
    }
}

#[test]
fn a_request_that_is_not_answered_stops_the_others_for_a_few_round_trips_only() {
    let announced = Announcement {
        resets_in: Some(std::time::Duration::from_secs(1)),
        ..USED_UP
    };
    let fixed = Quota::Windows {
        limit: 100,
        window: 10.0,
    };
    let sliding = Quota::Sliding {
        limit: 100,
        window: 1.0,
    };
    for (known, answered) in [(None, 1), (Some(fixed), 1), (Some(sliding), 2)] {
        let mut pace = known.map_or_else(Pace::default, Pace::knowing);
        pace.send(0.0);
        for count in 1..=answered {
            let sent_at = f64::from(count) / 10.0;
            let number = pace.send(sent_at);
            pace.granted(number, sent_at + 0.05, &announced);
        }
        let turn = pace.turn(2.0);
        assert_eq!(turn, Turn::Now, "{known:?}");
    }
}

/// 5,000 an hour are announced, and no more than ten a second are granted, of which nothing is said.
#[test]
fn a_quota_behind_the_announced_one_is_not_met_all_the_time() {
    let mut server = Server::new(Shape::Bucket(10.0), 10, 1.0);
    let mut remaining = 5000;
    let announced = |_, now: Seconds| {
        let is_granted = server.request(now).granted;
        remaining -= u64::from(is_granted);
        let announced = Announcement {
            limit: Some(5000),
            remaining: Some(remaining),
            resets_in: Some(std::time::Duration::from_secs_f64(3600.0 - now)),
            retry_after: None,
        };
        (is_granted, announced)
    };
    let (granted, refused) = one_by_one(&mut Pace::default(), announced);
    assert!(
        granted >= 300 && refused <= 3,
        "{granted} granted, {refused} refused"
    );
}

/// Nor where the announced one is known well: 40 in each two seconds, behind which five a second are granted.
#[test]
fn a_quota_behind_a_known_window_is_not_met_all_the_time() {
    let mut hidden = Server::new(Shape::Bucket(5.0), 5, 1.0);
    let mut shown = Server::new(Shape::Aligned, 40, 2.0);
    let known = Quota::Windows {
        limit: 40,
        window: 2.0,
    };
    let announced = |_, now: Seconds| {
        let is_granted = hidden.request(now).granted;
        let before = shown.clone();
        let announced = shown.request(now).announcement(now);
        if is_granted {
            return (true, announced);
        }
        shown = before;
        (
            false,
            Announcement {
                retry_after: None,
                ..announced
            },
        )
    };
    let mut pace = Pace::knowing(known);
    let (granted, refused) = one_by_one(&mut pace, announced);
    assert!(
        granted >= 180 && refused <= 3,
        "{granted} granted, {refused} refused"
    );
    assert_eq!(pace.quota(), Some(known));
}

/// Of two quotas that one is announced of which less remains: what a minute has left is not spent in a second.
#[test]
fn another_limit_whose_window_ends_much_later_is_another_quota() {
    for is_granted in [true, false] {
        let mut pace = Pace::knowing(Quota::Windows {
            limit: 20,
            window: 1.0,
        });
        for (now, limit, remaining, seconds) in [(0.0, 20, 19, 1), (1.0, 600, 9, 30)] {
            let number = pace.send(now);
            let announced = Announcement {
                limit: Some(limit),
                remaining: Some(remaining),
                resets_in: Some(std::time::Duration::from_secs(seconds)),
                retry_after: None,
            };
            if is_granted || limit == 20 {
                pace.granted(number, now, &announced);
            } else {
                pace.refused(number, now, &announced, Some(now + 1.0));
            }
        }
        assert_eq!(pace.quota(), None, "granted: {is_granted}");
    }
}

/// What an earlier run has known is as long as it was, but may have begun before this run has.
#[test]
fn a_known_window_that_is_nearly_over_is_not_waited_for_as_a_whole() {
    let mut pace = Pace::knowing(Quota::Windows {
        limit: 100,
        window: 3600.0,
    });
    let announced = Announcement {
        resets_in: Some(std::time::Duration::from_mins(1)),
        ..USED_UP
    };
    for sent_at in [0.0, 40.0] {
        let number = pace.send(sent_at);
        pace.granted(number, sent_at + 0.1, &announced);
    }
    assert_eq!(pace.turn(90.0), Turn::Wait(100.1));
}

/// Thirty a second were too many, not the pace of the moment in which little remained.
#[test]
fn what_went_is_halved_and_not_what_little_remains_leaves() {
    let announced = |remaining| Announcement {
        limit: Some(100),
        remaining: Some(remaining),
        resets_in: Some(std::time::Duration::from_mins(1)),
        retry_after: None,
    };
    let mut pace = Pace::default();
    for count in 0..30 {
        let now = f64::from(count) / 30.0;
        let number = pace.send(now);
        pace.granted(number, now, &announced(32 - number));
    }
    let number = pace.send(1.0);
    pace.refused(number, 1.0, &announced(2), Some(2.0));
    let number = pace.send(2.0);
    pace.granted(number, 2.0, &announced(99));
    let Turn::Wait(until) = pace.turn(2.0) else {
        return;
    };
    assert!(until <= 3.0, "{until}");
}

/// Others at half a second's latency are seen too late, and refusals are many; that must not be taken for another kind.
/// What they take makes the window seem longer while they are there; in the end they have been gone for ten seconds, and
/// it is measured again.
#[test]
fn refusals_do_not_make_a_bucket_of_a_sliding_window() {
    for seed in 0..3 {
        let scenario = Scenario {
            other: |now| if now % 20.0 < 10.0 { 0.0 } else { 25.0 },
            latency: (0.5, 0.1),
            duration: 130.0,
            ..scenarios::second(Shape::Sliding)
        };
        let Watched { outcome, quota, .. } = watched(&scenario, Pace::default(), seed);
        let is_sliding = quota.is_some_and(
            |quota| matches!(quota, Quota::Sliding { limit: 500, window } if (0.99..1.01).contains(&window)),
        );
        assert!(
            outcome.refused <= 0.01 && outcome.used >= 0.8 && is_sliding,
            "seed {seed}: {outcome:?}, {quota:?}"
        );
    }
}

/// Ten minutes of refusals say that nothing is granted, and nothing of how much is granted later.
#[test]
fn refusals_with_nothing_granted_between_lower_the_rate_once() {
    let silence = Announcement::default();
    let mut pace = Pace::knowing(Quota::Unannounced { rate: 100.0 });
    let number = pace.send(0.0);
    pace.granted(number, 0.1, &silence);
    let (mut now, mut hold) = (1.0, 1.0);
    while now < 600.0 {
        let number = pace.send(now);
        now += 0.1;
        pace.refused(number, now, &silence, Some(now + hold));
        now += hold;
        hold = f64::min(2.0 * hold, 60.0);
    }
    let rate = pace.quota().map_or(f64::NAN, |quota| quota.rate());
    assert!((95.0..100.0).contains(&rate), "{rate}/s");
}

/// A server that takes its time over ten requests and refuses the others at once: every refusal comes before what is
/// granted, and the rate is to be lowered all the same.
#[test]
fn refusals_that_come_sooner_than_what_is_granted_lower_the_rate() {
    let silence = Announcement::default();
    let mut pace = Pace::knowing(Quota::Unannounced { rate: 200.0 });
    for round in 0..4 {
        let now = 2.0 * f64::from(round);
        let numbers: Vec<_> = (0..11).map(|_| pace.send(now)).collect();
        pace.refused(numbers[10], now + 0.01, &silence, Some(now + 1.01));
        for number in &numbers[..10] {
            pace.granted(*number, now + 0.5, &silence);
        }
    }
    let rate = pace.quota().map_or(f64::NAN, |quota| quota.rate());
    assert!((5.0..=100.0).contains(&rate), "{rate}/s");
}

/// Requests that come to nothing before they are counted are sent, and not missing from what remains.
#[test]
fn requests_that_are_lost_do_not_shorten_a_sliding_window() {
    let known = Quota::Sliding {
        limit: 100,
        window: 2.0,
    };
    let mut server = Server::new(Shape::Sliding, 100, 2.0);
    let (mut pace, mut now) = (Pace::knowing(known), 0.0);
    for count in 1..2000 {
        now += 0.025;
        let number = pace.send(now);
        if count % 8 == 0 {
            pace.lost(number);
        } else {
            let announced = server.request(now).announcement(now);
            pace.granted(number, now + 0.001, &announced);
        }
    }
    assert_eq!(pace.quota(), Some(known));
}

/// A server that keeps no quota but refuses once, and a client that makes a hundred requests a second.
#[test]
fn a_rate_that_is_not_reached_is_not_raised() {
    let silence = Announcement::default();
    let (mut pace, mut now) = (Pace::default(), 0.0);
    for count in 0..30_000 {
        now += 0.01;
        if let Turn::Wait(until) = pace.turn(now) {
            now = until;
        }
        let number = pace.send(now);
        if count == 100 {
            pace.refused(number, now, &silence, Some(now + 1.0));
            now += 1.0;
        } else {
            pace.granted(number, now, &silence);
        }
    }
    let rate = pace.quota().map_or(f64::NAN, |quota| quota.rate());
    assert!((100.0..=400.0).contains(&rate), "{rate}/s");
    assert_eq!(pace.rate(), None, "what is found by searching is not known");
}

/// One window begins under the old limit and one under the new one: they are no two windows of either.
#[test]
fn windows_of_two_limits_are_not_measured_together() {
    let mut pace = Pace::default();
    for (number, (limit, remaining)) in [(100, 20), (100, 99), (50, 20), (50, 49)]
        .into_iter()
        .enumerate()
    {
        let now = f64::from(u32::try_from(number).unwrap());
        let number = pace.send(now);
        let announced = Announcement {
            limit: Some(limit),
            remaining: Some(remaining),
            ..Announcement::default()
        };
        pace.granted(number, now + 0.1, &announced);
    }
    assert_eq!(pace.quota(), None);
}

#[test]
fn no_number_that_a_server_announces_is_too_large() {
    let mut pace = Pace::default();
    for seconds in 0..10 {
        let now = f64::from(seconds);
        let number = pace.send(now);
        let announced = Announcement {
            remaining: Some(u64::MAX),
            ..Announcement::default()
        };
        pace.granted(number, now, &announced);
    }
    assert_eq!(pace.turn(10.0), Turn::Now);
}
