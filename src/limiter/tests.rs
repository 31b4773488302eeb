//! Admission on a paused clock.

use super::permit::HOLD_FLOOR;
use super::state::BREAKER;
use super::*;
use crate::bound::Bound;
use crate::stopwatch::Stopwatch;
use futures::future::{FutureExt, join_all};
use governor::clock::Reference;
use governor::nanos::Nanos;

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
async fn a_good_reply_takes_back_that_it_gave_up() {
    let limiter = limiter(2, None);
    let slow = limiter.admit().await.unwrap();
    limiter.admit().await.unwrap().report(TROUBLE);
    tokio::time::advance(GIVE_UP).await;
    limiter.admit().await.unwrap().report(TROUBLE);
    assert_eq!(limiter.admit().await.err(), Some(Refusal::GaveUp));
    slow.report(GOOD);
    assert!(limiter.admit().await.is_ok());
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
        (1, held, Bound::Trouble),
        (BREAKER, TROUBLE, Bound::Trouble),
    ] {
        let limiter = Limiter::new(Settings {
            ceiling: Ceiling::exactly(1),
            rate: None,
            give_up_after: HOUR * 9,
            known: None,
        });
        let watch = Stopwatch::start();
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
        assert_eq!(Bound::of(&limiter, &watch), expected);
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

#[tokio::test(start_paused = true)]
async fn a_refusal_for_want_of_quota_binds_as_the_quota() {
    let limiter = limiter(1, None);
    let watch = Stopwatch::start();
    let refused = throttled(Some(Duration::from_mins(50)));
    limiter.admit().await.unwrap().report(refused);
    drop(limiter.admit().await.unwrap());
    let bound = Bound::of(&limiter, &watch);
    assert!(matches!(bound, Bound::Quota(Some(_))), "{bound:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_in_trouble_is_no_quota() {
    let limiter = limiter(4, None);
    let watch = Stopwatch::start();
    for _ in 0..BREAKER + 3 {
        limiter.admit().await.unwrap().report(TROUBLE);
    }
    assert_eq!(Bound::of(&limiter, &watch), Bound::Trouble);
}

#[tokio::test(start_paused = true)]
async fn trouble_means_fewer_at_once_until_one_at_a_time_is_left() {
    let limiter = limiter(64, None);
    let at_once = |limiter: &Limiter| limiter.concurrency().0;
    limiter.admit().await.unwrap().report(GOOD);
    let before = at_once(&limiter);
    for _ in 0..BREAKER {
        limiter.admit().await.unwrap().report(TROUBLE);
    }
    let fewer = at_once(&limiter);
    assert!(fewer < before, "{fewer} of {before}");
    for _ in 0..8 {
        limiter.admit().await.unwrap().report(TROUBLE);
    }
    assert_eq!(at_once(&limiter), fewer);
}

#[tokio::test(start_paused = true)]
async fn the_rate_that_was_asked_for_is_no_quota_of_the_server_s() {
    let limiter = limiter(4, Some("1/min"));
    let watch = Stopwatch::start();
    for _ in 0..100 {
        limiter.admit().await.unwrap().report(GOOD);
    }
    assert_eq!(Bound::of(&limiter, &watch), Bound::Rate);
}
