//! How much of each kind of quota the real limiter uses on a real clock, with servers in the same process. The servers
//! and the scenarios are those of `tests/quota`, which has a simulated clock; a paused or simulated clock is never late,
//! this one is. `cargo bench --bench quota [-- PART OF A NAME]` prints the table of docs/performance.md.

#[path = "../tests/quota/scenario.rs"]
mod scenario;
#[path = "../tests/quota/scenarios.rs"]
mod scenarios;
#[path = "../tests/quota/server.rs"]
mod server;

use std::cell::RefCell;
use std::thread;
use std::time::Duration;

use futures::{StreamExt, stream};
use leadfix::limiter::{Ceiling, Limiter, Settings, Signal};
use scenario::{Outcome, STALL_EACH, Scenario, measure};
use server::Seconds;

use tokio::time::{Instant, sleep, timeout};

/// So many at a time: each needs little, and none may wait for a processor.
const AT_ONCE: usize = 12;

fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    let mut scenarios: Vec<_> = scenarios::all()
        .into_iter()
        .filter(|(name, _)| name.contains(&wanted))
        .collect();
    // The long ones together, so that they are waited for once.
    scenarios.sort_by(|(_, one), (_, other)| one.duration.total_cmp(&other.duration));
    print("| quota | used | 429 | 95 % after |\n| --- | --- | --- | --- |");
    for batch in scenarios.chunks(AT_ONCE) {
        let runs: Vec<_> = batch
            .iter()
            .cloned()
            .map(|(name, scenario)| (name, thread::spawn(move || run_alone(&scenario))))
            .collect();
        for (name, run) in runs {
            let outcome = run.join().expect("no run panics");
            let reached = outcome
                .reached
                .map_or_else(|| "never".to_owned(), |at| format!("{at:.1} s"));
            print(&format!(
                "| {name} | {:.3} | {:.3} % | {reached} |",
                outcome.used,
                outcome.refused * 100.0
            ));
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what the bench is for")]
fn print(line: &str) {
    println!("{line}");
}

fn run_alone(scenario: &Scenario) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime
        .expect("a runtime can be made")
        .block_on(run(scenario))
}

async fn run(scenario: &Scenario) -> Outcome {
    let limiter = Limiter::new(Settings {
        ceiling: Ceiling {
            usual: 64,
            most: scenario.ceiling,
        },
        rate: None,
        give_up_after: Duration::from_mins(2),
        known: None,
    });
    let server = RefCell::new(scenario.server.clone());
    let offset = 100.3 * scenario.server.window;
    let started = Instant::now();
    let now = || started.elapsed().as_secs_f64();
    let granted_at = RefCell::new(Vec::new());
    let refused = RefCell::new(0_usize);
    let sent = RefCell::new(0_usize);
    let capacity = RefCell::new(vec![(0.0, scenario.server.rate())]);
    let request = || {
        let now = now();
        let reply = server.borrow_mut().request(offset + now);
        if reply.granted {
            granted_at.borrow_mut().push(now);
        }
        reply
    };
    let permits = stream::unfold(&limiter, |limiter| async move {
        Some((limiter.admit().await.ok()?, limiter))
    });
    let client = permits.for_each_concurrent(None, |permit| async {
        let (out, back) = scenario.ways(&mut fastrand::Rng::new());
        *sent.borrow_mut() += 1;
        sleep(Duration::from_secs_f64(out)).await;
        let reply = request();
        sleep(Duration::from_secs_f64(back)).await;
        let announced = reply.announcement(offset + now());
        if reply.granted {
            permit.report(Signal::Answered(announced));
        } else {
            *refused.borrow_mut() += 1;
            permit.report(Signal::Throttled(announced));
        }
    });
    let limits = async {
        for (at, limit) in &scenario.limits {
            sleep(Duration::from_secs_f64((at - now()).max(0.0))).await;
            server.borrow_mut().limit = *limit;
            capacity.borrow_mut().push((now(), server.borrow().rate()));
        }
    };
    let other = async {
        let mut due = now();
        loop {
            let rate = (scenario.other)(due);
            due += if rate > 0.0 { 1.0 / rate } else { 0.05 };
            if rate > 0.0 {
                request();
            }
            sleep(Duration::from_secs_f64((due - now()).max(0.0))).await;
        }
    };
    let stalls = async {
        let stall = Duration::from_secs_f64(scenario.stall);
        loop {
            sleep(Duration::from_secs_f64(STALL_EACH)).await;
            thread::sleep(stall);
        }
    };
    let everything = async { tokio::join!(client, limits, stalls, other) };
    let _: Result<((), (), Seconds, Seconds), _> =
        timeout(Duration::from_secs_f64(scenario.duration), everything).await;
    let counts = (*refused.borrow(), *sent.borrow());
    measure(scenario, &granted_at.borrow(), &capacity.borrow(), counts)
}
