//! The real binary, killed with SIGKILL at random moments and resumed until it is done, against a server that loses
//! requests and replies, writes late, locks leads meanwhile, and judges in the end.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use leadfix::sandbox::{Honours, Options};
use serde_json::json;

use crate::judge::Terms;
use crate::world::{INPUT, RESULTS, Running, World, campaign, lead_with, number, tell};

const RUN: &str = "corrections.run.json";
const LOCK: &str = "corrections.lock";
const ROWS: usize = 40;
/// After so many kills a story is let to its end.
const KILLS: usize = 12;
/// Stories that are told at once: they mostly wait.
const AT_ONCE: usize = 6;
/// What becomes of the first request for a lead, besides what strikes at random.
const SCRIPTS: [&str; 8] = [
    "500_late",
    "500_after",
    "reset_after",
    "close_after",
    "garbled_200_before",
    "stale_200",
    "empty_200_before",
    "dial",
];

/// How far a run had come when it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Starting,
    Preflight,
    Opening,
    Sending,
    Ending,
}

/// Rows of every kind for leads of every kind.
fn world(random: &mut fastrand::Rng, seed: u64) -> World {
    let mut leads = Vec::new();
    let mut rows = "lead_id,phone_number,metadata.product,remark\n".to_owned();
    for index in 0..ROWS {
        let id = format!("lead_{index:02}");
        let mobile = number(index);
        let mut over = json!({});
        if random.u8(..4) == 0 {
            over["sandbox"] = json!({"patch": [random.choice(SCRIPTS).expect("some")]});
        }
        if random.u8(..16) == 0 {
            over["status"] = json!("completed");
        }
        if random.u8(..16) > 0 {
            leads.push(lead_with(&id, &over));
        }
        let text = match random.u8(..10) {
            0 => format!("{id},12345,,too short\n"),
            1 => format!("{id},{mobile},home_loan,variable\n"),
            2 => format!("{id},{mobile},,\"two\nlines\"\n{id},+91{mobile},,\"=again\"\n"),
            _ => format!("{id},{mobile},,\n"),
        };
        rows.push_str(&text);
    }
    let honours = [Honours::Guide, Honours::Reference, Honours::Both];
    let options = Options {
        latency: Duration::from_millis(random.u64(..4)),
        honours: random.choice(honours).expect("some"),
        trouble: f64::from(random.u8(..3)) / 10.0,
        seed,
        ..Options::default()
    };
    let world = World::in_memory(leads, options);
    world.write(INPUT, rows);
    world
}

fn start(world: &World) -> Running {
    world
        .leadfix("apply corrections.csv --region IN --concurrency 8 --max-attempts 8 --quiet")
        .start()
}

/// What is seen of a run from outside.
struct Sight<'a> {
    world: &'a World,
    /// Requests that earlier runs have sent.
    requests: u64,
    /// The checkpoint that an earlier run has left.
    checkpoint: Vec<u8>,
    /// The lock as an earlier run has left it.
    lock: Vec<u8>,
}

impl<'a> Sight<'a> {
    fn new(world: &'a World) -> Self {
        let requests = world.sandbox.counts().requests;
        let (checkpoint, lock) = (found(world, RUN), found(world, LOCK));
        Self {
            world,
            requests,
            checkpoint,
            lock,
        }
    }

    fn requests(&self) -> u64 {
        self.world.sandbox.counts().requests - self.requests
    }

    fn phase(&self) -> Phase {
        let checkpoint = found(self.world, RUN);
        let has_closed = serde_json::from_slice(&checkpoint)
            .is_ok_and(|run: serde_json::Value| run["begun_through"].is_u64());
        if checkpoint == self.checkpoint {
            if found(self.world, LOCK) == self.lock {
                Phase::Starting
            } else {
                Phase::Preflight
            }
        } else if has_closed || rows_in(self.world) > ROWS {
            Phase::Ending
        } else if self.requests() == 0 {
            Phase::Opening
        } else {
            Phase::Sending
        }
    }

    /// Waits for a moment of a kind that is drawn too.
    fn wait_for_a_moment(&self, run: &mut Running, random: &mut fastrand::Rng) {
        let started = Instant::now();
        let requests = random.u64(1..40);
        let bytes = found(self.world, RESULTS).len() + random.usize(1..1_500);
        let pause = Duration::from_micros(random.u64(..20_000));
        let kind = random.u8(..10);
        let come = || match kind {
            0 => started.elapsed() >= pause,
            1 => self.phase() >= Phase::Preflight,
            2 => self.phase() >= Phase::Opening,
            3 => self.phase() >= Phase::Ending,
            4..7 => found(self.world, RESULTS).len() >= bytes,
            _ => self.requests() >= requests,
        };
        while !come() && !run.has_ended() {
            sleep(Duration::from_micros(500));
        }
        sleep(Duration::from_micros(random.u64(..500)));
    }
}

fn found(world: &World, name: &str) -> Vec<u8> {
    std::fs::read(world.path(name)).unwrap_or_default()
}

/// Lines, the header among them: no fewer than rows.
fn rows_in(world: &World) -> usize {
    found(world, RESULTS).split(|byte| *byte == b'\n').count() - 1
}

/// The part of the results that consists of whole rows, or would if every quote were closed.
fn whole(results: &[u8]) -> &[u8] {
    let mut quoted = false;
    let mut end = 0;
    for (at, byte) in results.iter().enumerate() {
        quoted ^= *byte == b'"';
        if *byte == b'\n' && !quoted {
            end = at + 1;
        }
    }
    &results[..end]
}

/// Names the story in which something went wrong.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tell(&format!("in the story of seed {}", self.0));
        }
    }
}

/// One file, from its first run to its last; how far the runs had come that were killed.
fn live_through(seed: u64) -> Vec<Phase> {
    let _seed = Seed(seed);
    let mut random = fastrand::Rng::with_seed(seed);
    let world = world(&mut random, seed);
    let mut phases = Vec::new();
    let mut settled = Vec::new();
    while phases.len() < KILLS {
        let sight = Sight::new(&world);
        let mut run = start(&world);
        sight.wait_for_a_moment(&mut run, &mut random);
        run.kill();
        let ran = run.end();
        let results = found(&world, RESULTS);
        assert!(
            results.starts_with(&settled),
            "seed {seed}: a settled row has changed\n{ran}"
        );
        settled = whole(&results).to_vec();
        if ran.code.is_some() {
            break;
        }
        phases.push(sight.phase());
        for _ in 0..random.u8(..3) {
            world
                .sandbox
                .dial(&format!("lead_{:02}", random.usize(..ROWS)));
        }
    }
    let ran = start(&world).end();
    assert!(matches!(ran.code, Some(0 | 1)), "seed {seed}\n{ran}");
    assert!(
        world.read(RESULTS).starts_with(&settled),
        "seed {seed}: a settled row has changed\n{ran}"
    );
    world.judge_on(Terms {
        input: INPUT,
        results: RESULTS,
        replaces: false,
        resumed: true,
    });
    let names: Vec<String> = world
        .files()
        .iter()
        .filter_map(|(path, _)| {
            let is_state = path.starts_with(world.path("state"));
            (!is_state).then(|| {
                path.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned()
            })
        })
        .collect();
    let ours = [
        "corrections.csv",
        "corrections.lock",
        RESULTS,
        "corrections.run.json",
        "corrections.summary.json",
    ];
    assert_eq!(names, ours, "seed {seed}");
    phases
}

/// Long: `LEADFIX_KILLS=5000 cargo test --test command kills`.
#[test]
fn killed_again_and_again_every_row_has_one_result_and_none_is_untrue() {
    let wanted = campaign("LEADFIX_KILLS", 200);
    let (told, killed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let tally = Mutex::new(BTreeMap::<Phase, usize>::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while killed.load(Ordering::Relaxed) < wanted {
                    let phases = live_through(told.fetch_add(1, Ordering::Relaxed) as u64);
                    killed.fetch_add(phases.len(), Ordering::Relaxed);
                    let mut tally = tally.lock().expect("a lock");
                    for phase in phases {
                        *tally.entry(phase).or_default() += 1;
                    }
                }
            });
        }
    });
    let tally = tally.into_inner().expect("a lock");
    tell(&format!(
        "SIGKILL: {killed:?} kills in {told:?} stories: {tally:?}"
    ));
    assert!(tally.len() == 5, "not everywhere: {tally:?}");
}
