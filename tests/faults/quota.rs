//! Faults of the quota: one gate for everybody, no hot loop whatever the headers say, and no row given up.

use std::time::{Duration, Instant};

use crate::script::{Deed, Reply, Script, refusal, refusal_with, step};
use crate::world::{APPLY, World, side_by_side};

/// How long nobody asked anything after the first request, which was answered like this.
fn quiet_after(first: Reply) -> Duration {
    let world = World::new(3, Script::default().on("PATCH", "lead_0", [step(first)]));
    world.run(&format!("{APPLY} --concurrency 1")).expect(0);
    assert!(world.judge().iter().all(|row| row.verdict() == "updated//"));
    let receipts = world.server.ledger().receipts;
    receipts[1].at - receipts[0].at
}

/// Each case: its headers, and how long everyone holds at the least. Side by side, since they only wait.
fn hold(answer: fn(&[(&'static str, &str)]) -> Reply, cases: &[(&[(&'static str, &str)], u64)]) {
    side_by_side(cases, |(headers, least)| {
        let quiet = quiet_after(answer(headers));
        let least = Duration::from_millis(*least);
        assert!(quiet >= least, "{headers:?}: only {quiet:?}");
        let most = least + Duration::from_secs(30);
        assert!(quiet < most, "{headers:?}: {quiet:?}");
    });
}

fn throttled(headers: &[(&'static str, &str)]) -> Reply {
    refusal_with(429, headers)
}

fn used_up(headers: &[(&'static str, &str)]) -> Reply {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let remaining = ("X-RateLimit-Remaining", "0".to_owned());
    Reply::With(headers.chain([remaining]).collect())
}

#[test]
fn retry_after_is_kept_in_seconds_and_as_a_date() {
    hold(
        throttled,
        &[
            (&[("Retry-After", "2")], 2_000),
            (&[("Retry-After", "1.5")], 1_500),
            (&[("Retry-After", "@date+4")], 2_000),
            // By the server's own clock, which is an hour ahead or behind.
            (
                &[("Date", "@date+3600"), ("Retry-After", "@date+3602")],
                1_000,
            ),
            (
                &[("Date", "@date-3600"), ("Retry-After", "@date-3598")],
                1_000,
            ),
        ],
    );
}

#[test]
fn a_retry_after_without_sense_holds_for_a_second() {
    let cases: Vec<[(&'static str, &str); 1]> = ["0", "-5", "soon", "", "NaN", "-inf"]
        .map(|value| [("Retry-After", value)])
        .into();
    let past = [("Retry-After", "@date-600")];
    let mut cases: Vec<(&[(&'static str, &str)], u64)> =
        cases.iter().map(|headers| (&headers[..], 1_000)).collect();
    cases.push((&past, 1_000));
    hold(throttled, &cases);
}

#[test]
fn of_two_retry_afters_the_longer_one_is_kept() {
    hold(
        throttled,
        &[
            (&[("Retry-After", "1"), ("Retry-After", "3")], 3_000),
            (&[("Retry-After", "3"), ("Retry-After", "1")], 3_000),
            (&[("Retry-After", "soon"), ("Retry-After", "3")], 3_000),
        ],
    );
}

#[test]
fn a_huge_retry_after_stops_the_run() {
    for value in [
        "3601",
        "86400",
        "99999999999999999999",
        "1e300",
        "@date+86400",
    ] {
        let answer = refusal_with(429, &[("Retry-After", value)]);
        let world = World::new(3, Script::default().whatever(step(answer)));
        world.run(APPLY).complains(75, &["Retry-After", "hour"]);
        assert_eq!(world.judge_so_far().len(), 0, "{value}");
        world.server.behave(Script::default());
        world.run(APPLY).expect(0);
        world.judge();
    }
}

#[test]
fn an_announced_end_of_the_quota_holds_everyone() {
    hold(
        used_up,
        &[
            (&[("X-RateLimit-Reset", "2")], 2_000),
            (&[("X-RateLimit-Reset", "@unix+3")], 1_500),
            (&[("X-RateLimit-Reset", "@millis+3")], 1_500),
            (
                &[("Date", "@date+3600"), ("X-RateLimit-Reset", "@unix+3603")],
                1_500,
            ),
        ],
    );
}

#[test]
fn a_reset_without_sense_holds_nobody_for_long() {
    let cases =
        ["0", "@unix-100", "-3", "soon", "", "1e300"].map(|value| [("X-RateLimit-Reset", value)]);
    let cases: Vec<(&[(&'static str, &str)], u64)> =
        cases.iter().map(|headers| (&headers[..], 0)).collect();
    hold(used_up, &cases);
    hold(used_up, &[(&[], 0)]);
}

#[test]
fn without_any_header_a_429_holds_for_a_second() {
    hold(throttled, &[(&[], 1_000)]);
}

#[test]
fn one_gate_holds_everyone_and_a_burst_is_one_lesson() {
    let answer = refusal_with(429, &[("Retry-After", "2")]);
    // The first answer shows a server without a quota, so that the others go at once.
    let script = (1..9).fold(Script::default(), |script, index| {
        script.on("PATCH", &format!("lead_{index}"), [step(answer.clone())])
    });
    let world = World::new(9, script);
    world.run(&format!("{APPLY} --concurrency 8")).expect(0);
    let attempts: Vec<String> = world
        .judge()
        .iter()
        .map(|row| row["result_attempts"].to_owned())
        .collect();
    assert_eq!(attempts, ["1"; 9], "a 429 is no attempt");
    let receipts = world.server.ledger().receipts;
    let early = receipts
        .iter()
        .filter(|receipt| receipt.at - receipts[1].at < Duration::from_secs(2))
        .count();
    assert!(early <= 9, "{early} requests while everyone should hold");
}

#[test]
fn a_limit_that_is_lowered_in_mid_run_or_shared_costs_no_row() {
    // Seven are left, the header says; another client has used them.
    let lies = [
        ("X-RateLimit-Limit", "10"),
        ("X-RateLimit-Remaining", "7"),
        ("Retry-After", "1"),
    ];
    let script = (10..14).fold(Script::default(), |script, index| {
        let lead = format!("lead_{index}");
        script.on("PATCH", &lead, [step(refusal_with(429, &lies))])
    });
    let world = World::new(20, script);
    world.run(&format!("{APPLY} --concurrency 2")).expect(0);
    assert!(world.judge().iter().all(|row| row.verdict() == "updated//"));
}

#[test]
fn a_429_for_ever_ends_with_the_deadline_and_is_no_hot_loop() {
    side_by_side([&[("Retry-After", "0")][..], &[]], |headers| {
        let script = Script::default().whatever(step(refusal_with(429, headers)));
        let world = World::new(5, script);
        let started = Instant::now();
        world
            .run(&format!(
                "{APPLY} --concurrency 2 --deadline 2s --timeout 1s"
            ))
            .complains(75, &["deadline", "same command again"]);
        let seconds = started.elapsed().as_secs() + 1;
        assert_eq!(world.judge_so_far().len(), 0);
        let requests = world.server.ledger().receipts.len() as u64;
        assert!(
            requests <= 2 * (seconds + 1),
            "{requests} requests in {seconds} s"
        );
        world.server.behave(Script::default());
        world.run(APPLY).expect(0);
        world.judge();
    });
}

#[test]
fn a_429_is_not_counted_among_the_tries_of_a_read() {
    let throttled = || step(refusal_with(429, &[("Retry-After", "0")]));
    let script = Script::default()
        .on("PATCH", "lead_0", [step(Reply::Honest).first(Deed::Dial)])
        .on(
            "GET",
            "lead_0",
            [
                throttled(),
                throttled(),
                step(refusal(503)),
                step(refusal(503)),
            ],
        );
    let world = World::new(1, script);
    world.run(APPLY).expect(1);
    assert_eq!(world.judge()[0].verdict(), "locked/already_dialled/yes");
}

#[test]
fn an_interruption_does_not_wait_out_a_long_hold() {
    for reads in [false, true] {
        let long = step(refusal_with(429, &[("Retry-After", "600")]));
        let script = Script::default();
        let script = if reads {
            // The first row's change is answered; what holds it is the read.
            script
                .on("PATCH", "lead_0", [step(refusal(409))])
                .everybody("GET", long)
        } else {
            script.everybody("PATCH", long)
        };
        let world = World::new(1, script);
        let mut run = world.start(APPLY);
        let wanted = 1 + usize::from(reads);
        world
            .server
            .wait_for("a refusal", |ledger| ledger.receipts.len() == wanted);
        let started = Instant::now();
        run.signal("INT");
        run.end()
            .complains(130, &["interrupted", "same command again"]);
        // The grace is 35 s.
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(world.judge_so_far().len(), 0);
        world.server.behave(Script::default());
        world.run(APPLY).expect(0);
        world.judge();
    }
}
