//! Every state in which a power loss can leave the files of a run. The real pipeline writes to a storage that knows
//! what is durable; whatever may be left of the rest, the real binary goes on from it and ends with the same file.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use clap::Parser;
use leadfix::cli::{Cli, Command};
use leadfix::client::{Client, Settings};
use leadfix::config::{Run, Target};
use leadfix::error::Exit;
use leadfix::executor::Executor;
use leadfix::halt::Halt;
use leadfix::limiter::{self, Limiter};
use leadfix::outcome::Finding;
use leadfix::pipeline::{self, Job, Settled};
use leadfix::preflight::{Preflight, Surveyed};
use leadfix::reader::Input;
use leadfix::results::{Results, Storage};
use leadfix::sandbox::Options;
use leadfix::session::{Claim, Opened, Session};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::judge::Terms;
use crate::table::Table;
use crate::world::{INPUT, KEY, RESULTS, World, campaign, lead, number, tell};

/// So many rows may be under way behind the last durable one.
const WINDOW: u64 = 4;
/// A disk forgets blocks of these sizes.
const BLOCKS: [usize; 3] = [64, 512, 4096];
/// What may differ between a resumed and an undisturbed run.
const FREE: [&str; 2] = ["result_at", "result_attempts"];
const RUN: &str = "corrections.run.json";

/// What the row becomes, by its place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sent,
    SentWithLongCells,
    Invalid,
    /// Says the same as the row before.
    Repeated,
}

fn kind(row: usize) -> Kind {
    match row % 5 {
        1 => Kind::SentWithLongCells,
        3 => Kind::Invalid,
        4 => Kind::Repeated,
        _ => Kind::Sent,
    }
}

/// `count` rows under a header so wide that the results cross the end of a block of 4,096 bytes.
fn world(count: usize) -> World {
    let mut leads = Vec::new();
    let mut rows = format!("lead_id,phone_number,{}\n", "remark".repeat(560));
    for row in 0..count {
        let id = |row: usize| format!("lead_{row:03}");
        leads.push(lead(&id(row)));
        let of = |row: usize, cell: &str| format!("{},{},{cell}\n", id(row), number(row));
        let text = match kind(row) {
            Kind::Sent => of(row, ""),
            Kind::SentWithLongCells => of(row, "\"two\nlines, and a \"\"word\"\" of café\""),
            Kind::Invalid => format!("{},12345,\n", id(row)),
            Kind::Repeated => of(row - 2, "again"),
        };
        rows.push_str(&text);
    }
    let world = World::in_memory(leads, Options::default());
    world.write(INPUT, rows);
    world
}

/// What was written, and how much of it is safe.
#[derive(Default)]
struct Disk {
    written: Vec<u8>,
    durable: usize,
    /// The power fails after so many more events.
    left: usize,
    is_off: bool,
    /// Rows that were sent too early.
    overtaken: Vec<String>,
}

impl Disk {
    fn happened(&mut self, off: &Notify) {
        self.left -= 1;
        if self.left == 0 {
            self.is_off = true;
            off.notify_one();
        }
    }
}

/// Remembers what is written and made durable, until the power fails.
#[derive(Clone)]
struct Recorder {
    disk: Arc<Mutex<Disk>>,
    off: Arc<Notify>,
    world: Arc<World>,
}

impl Recorder {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("a lock")
    }

    /// A sync takes until everything has been sent that may be, and a little longer, for rows that may not.
    async fn wait_for_the_server(&self, durable: u64) {
        let allowed = durable + WINDOW;
        let rows = self.world.table(INPUT).rows.len();
        let is_sent = |row: &u64| {
            let kind = kind(usize::try_from(*row).expect("few") - 1);
            kind == Kind::Sent || kind == Kind::SentWithLongCells
        };
        let last = (1..=allowed.min(rows as u64)).rfind(is_sent).unwrap_or(0);
        let arrived = || highest(&self.world.ledger().receipts) >= last || self.disk().is_off;
        while !arrived() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        let highest = highest(&self.world.ledger().receipts);
        if highest > allowed {
            let early =
                format!("row {highest} was sent when row {durable} was the last durable one");
            self.disk().overtaken.push(early);
        }
    }
}

/// The last row that the server has heard of.
fn highest(receipts: &[leadfix::sandbox::Receipt]) -> u64 {
    let row = |lead: &str| {
        lead.trim_start_matches("lead_")
            .parse::<u64>()
            .expect("a row")
            + 1
    };
    let leads = receipts
        .iter()
        .filter_map(|receipt| receipt.lead.as_deref());
    leads.map(row).max().unwrap_or(0)
}

impl Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.disk();
        if !disk.is_off {
            disk.written.extend(bytes);
            disk.happened(&self.off);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Recorder {
    fn sync(&self) -> JoinHandle<io::Result<()>> {
        let recorder = self.clone();
        let (length, durable) = {
            let disk = self.disk();
            (disk.written.len(), rows_in(&disk.written[..disk.durable]))
        };
        tokio::spawn(async move {
            recorder.wait_for_the_server(durable).await;
            if recorder.disk().is_off {
                std::future::pending::<()>().await;
            }
            let mut disk = recorder.disk();
            disk.durable = length;
            disk.happened(&recorder.off);
            Ok(())
        })
    }
}

/// Where the rows end, the header first.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut quoted = false;
    let ended = bytes.iter().enumerate().filter_map(|(at, byte)| {
        quoted ^= *byte == b'"';
        (*byte == b'\n' && !quoted).then_some(at + 1)
    });
    ended.collect()
}

fn rows_in(bytes: &[u8]) -> u64 {
    ends(bytes).len() as u64 - 1
}

/// The binary's own settings, but for the window.
fn settings(world: &World) -> Run {
    let key = world.path("key");
    world.write("key", KEY);
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a file");
    let input = world.path(INPUT);
    let url = world.sandbox.base_url();
    let words = [
        "leadfix",
        "apply",
        "--region",
        "IN",
        "--concurrency",
        "64",
        "--base-url",
        &url,
        "--api-key-file",
    ];
    let words = words
        .iter()
        .map(std::ffi::OsStr::new)
        .chain([key.as_os_str(), input.as_os_str()]);
    let Command::Apply(args) = Cli::parse_from(words).command else {
        unreachable!("these are the words of `apply`")
    };
    let mut run = Run::resolve(*args, false).expect("settings");
    run.window = WINDOW;
    run
}

/// An input that was read to its end, as `apply` does it.
struct Prepared {
    run: Run,
    surveyed: Surveyed,
}

impl Prepared {
    fn new(world: &World) -> Self {
        let run = settings(world);
        let input = Input::open(&run.reading.file, &run.reading.options).expect("an input");
        let columns = input.columns(&run.reading.map).expect("columns");
        let preflight = Preflight::survey(&input, &columns, &run.reading.policy).expect("rows");
        let surveyed = Surveyed {
            input,
            columns,
            preflight,
        };
        Self { run, surveyed }
    }

    fn open(&self) -> (Session, Opened) {
        let Self { run, surveyed } = self;
        // A process that another test is just starting has our lock too, until it becomes the binary.
        let claim = loop {
            match Claim::take(&run.files, &run.reading.file) {
                Ok(claim) => break claim,
                Err(error) => assert_eq!(error.exit, Exit::TryLater, "{error}"),
            }
            std::thread::yield_now();
        };
        let identity = run.identity(surveyed.preflight.pass.fingerprint);
        claim
            .open(identity, WINDOW, false, surveyed)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Goes on until the power fails. What is on the disk then; whether the run has come to its end before.
    fn run_until(&self, world: &Arc<World>, event: usize) -> (Disk, bool) {
        let (_session, opened) = self.open();
        let Opened {
            settled,
            doubt_through,
            ..
        } = opened;
        let Settled { results, firsts } = settled;
        let rows = results.rows();
        drop(results);
        let found = world.read(RESULTS);
        let disk = Disk {
            durable: found.len(),
            written: found,
            left: event,
            is_off: event == 0,
            ..Disk::default()
        };
        let recorder = Recorder {
            disk: Arc::new(Mutex::new(disk)),
            off: Arc::default(),
            world: Arc::clone(world),
        };
        let ended = event > 0 && self.settle(&recorder, rows, firsts, doubt_through);
        let disk = std::mem::take(&mut *recorder.disk());
        (disk, ended)
    }

    fn settle(
        &self,
        recorder: &Recorder,
        rows: u64,
        firsts: std::collections::HashMap<u64, Finding>,
        doubt_through: u64,
    ) -> bool {
        let Self { run, surveyed } = self;
        let Target::Api { base_url, key, .. } = &run.target else {
            unreachable!("the settings name a server")
        };
        let client = Client::new(Settings {
            base_url: base_url.clone(),
            api_key: key.clone(),
            timeout: run.timeout,
            concurrency: run.ceiling.most,
            ca_file: None,
            proxy: None,
        });
        let client = client.expect("a client");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let limiter = Limiter::new(limiter::Settings {
                ceiling: run.ceiling,
                rate: run.rate,
                give_up_after: run.give_up_after,
                known: None,
            });
            let halt = Halt::default();
            let executor = Executor::new(&client, &limiter, &halt, run.sending.clone());
            if rows > 0 {
                executor.trust(vec!["lead_0000".to_owned()]);
            }
            let job = Job {
                input: &surveyed.input,
                columns: &surveyed.columns,
                policy: &run.reading.policy,
                preflight: &surveyed.preflight,
                executor: &executor,
                halt: &halt,
                window: WINDOW,
                doubt_through,
                grace: run.timeout,
            };
            let settled = Settled {
                results: Results::over(recorder.clone(), rows),
                firsts,
            };
            tokio::select! {
                biased;
                () = recorder.off.notified() => false,
                ended = pipeline::run(&job, settled, &|_| {}) => {
                    ended.unwrap_or_else(|error| panic!("{error}"));
                    true
                }
            }
        })
    }
}

/// What may be left of `written`, of which `durable` bytes are safe, when the power fails.
fn states(written: &[u8], durable: usize, random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let mut states = Vec::new();
    let length = written.len();
    for cut in durable..=length {
        let kept = &written[..cut];
        states.push(kept.to_vec());
        let rest = length - cut;
        states.push([kept, &vec![0; rest]].concat());
        states.push([kept, &garbage(rest, random)].concat());
    }
    for block in BLOCKS {
        let starts: Vec<usize> = (durable / block * block..length).step_by(block).collect();
        // One block of them is missing, or all but one.
        for chosen in &starts {
            for missing in [true, false] {
                let gone = |start: &&usize| (*start == chosen) == missing;
                let mut zeros = written.to_vec();
                let mut foreign = written.to_vec();
                for start in starts.iter().filter(gone) {
                    let range = durable.max(*start)..length.min(start + block);
                    foreign[range.clone()].copy_from_slice(&garbage(range.len(), random));
                    zeros[range].fill(0);
                }
                states.extend([zeros, foreign]);
            }
        }
    }
    states
}

/// Anything, but no text: text that nobody wrote cannot be told from an edit, and is refused with nothing touched.
fn garbage(length: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut garbage: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
    if let Some(first) = garbage.first_mut() {
        *first = if random.bool() { 0 } else { 0xff };
    }
    garbage
}

/// Counts of what was looked at.
#[derive(Debug, Default)]
struct Tally {
    crashes: usize,
    states: usize,
    finished: usize,
}

/// Opens every state that the crash can have left, and finishes each one that differs.
fn go_on_from_everything(
    world: &World,
    prepared: &Prepared,
    disk: &Disk,
    random: &mut fastrand::Rng,
    tally: &mut Tally,
) {
    let checkpoint = world.read(RUN);
    let (safe, sent) = (
        rows_in(&disk.written[..disk.durable]),
        highest(&world.ledger().receipts),
    );
    let ends = ends(&disk.written);
    let mut different = BTreeSet::new();
    let mut to_finish = Vec::new();
    for state in states(&disk.written, disk.durable, random) {
        world.write(RUN, &checkpoint);
        world.write(RESULTS, &state);
        let (session, opened) = prepared.open();
        let rows = opened.settled.results.rows();
        assert!(rows >= safe, "{rows} rows are left of {safe} safe ones");
        assert!(
            opened.doubt_through >= sent,
            "row {sent} was sent and is not in doubt behind row {rows}"
        );
        let left = world.read(RESULTS);
        let end = ends[usize::try_from(rows).expect("few")];
        assert!(
            left == disk.written[..end],
            "what is left is not what was written"
        );
        drop((session, opened));
        if different.insert(rows) {
            to_finish.push(state);
        }
        tally.states += 1;
    }
    tally.crashes += 1;
    for state in to_finish {
        world.write(RUN, &checkpoint);
        world.write(RESULTS, state);
        finish(world);
        tally.finished += 1;
    }
}

/// The binary goes on to the end, and the ledger judges.
fn finish(world: &World) -> Table {
    world
        .run("apply corrections.csv --region IN --quiet")
        .expect(1);
    world.judge_on(Terms {
        input: INPUT,
        results: RESULTS,
        replaces: false,
        resumed: true,
    })
}

/// Lets the power fail after every event of a run; `before` it, other runs may have failed.
fn fail_after_every_event(rows: usize, before: impl Fn(&Arc<World>, &Prepared)) -> Tally {
    let calm = world(rows);
    let wanted = finish(&calm).without(&FREE);
    let mut random = fastrand::Rng::with_seed(5);
    let mut tally = Tally::default();
    for event in 0.. {
        let world = Arc::new(world(rows));
        let prepared = Prepared::new(&world);
        before(&world, &prepared);
        let (disk, ended) = prepared.run_until(&world, event);
        assert_eq!(disk.overtaken, <[String; 0]>::default());
        go_on_from_everything(&world, &prepared, &disk, &mut random, &mut tally);
        assert_eq!(
            world.table(RESULTS).without(&FREE),
            wanted,
            "after event {event}"
        );
        if ended {
            break;
        }
    }
    tell(&format!("crash states: {tally:?}"));
    tally
}

/// Long: `LEADFIX_CRASH_ROWS=40 cargo test --test command crash_states`.
#[test]
fn whatever_a_power_loss_leaves_is_finished_to_the_same_file() {
    let rows = campaign("LEADFIX_CRASH_ROWS", 8);
    let tally = fail_after_every_event(rows, |_, _| {});
    let wanted = tally.crashes > rows / 2 && tally.states > 300 * rows && tally.finished > rows;
    assert!(wanted, "{tally:?}");
}

#[test]
fn so_it_is_when_the_power_fails_a_second_time() {
    let rows = campaign("LEADFIX_CRASH_ROWS", 8);
    let tally = fail_after_every_event(rows, |world, prepared| {
        let (disk, ended) = prepared.run_until(world, 3);
        assert!(
            !ended && disk.durable < disk.written.len(),
            "nothing is lost"
        );
        world.write(RESULTS, &disk.written[..disk.durable + 10]);
    });
    assert!(tally.crashes > 2 && tally.finished > rows / 2, "{tally:?}");
}

/// The checkpoint is replaced as a whole, after the results were repaired and before anything is sent. So until then
/// there is the one before, or, in the very first run, none.
#[test]
fn the_checkpoint_of_the_run_before_is_as_good_until_something_is_sent() {
    let world = Arc::new(world(8));
    let prepared = Prepared::new(&world);
    let (disk, _) = prepared.run_until(&world, 3);
    let (checkpoint, sent) = (world.read(RUN), highest(&world.ledger().receipts));
    let torn = &disk.written[..disk.written.len() - 5];
    world.write(RESULTS, torn);
    let doubt = prepared.open().1.doubt_through;
    let repaired = world.read(RESULTS);
    assert!(repaired.len() < torn.len() && doubt >= sent);
    assert!(
        world.read(RUN) != checkpoint,
        "the checkpoint says what is doubted now"
    );
    world.write(RUN, &checkpoint);
    let (_, opened) = prepared.open();
    assert!(
        world.read(RESULTS) == repaired && opened.doubt_through >= sent,
        "{opened:?}"
    );
    drop(opened);
    finish(&world);

    let (finished, last) = (world.read(RESULTS), world.read(RUN));
    world.write(RUN, &checkpoint);
    finish(&world);
    assert!(
        world.read(RESULTS) == finished,
        "every result was there already"
    );
    let facts = |checkpoint: &[u8]| {
        let json: serde_json::Value = serde_json::from_slice(checkpoint).expect("JSON");
        [json["durable"].clone(), json["begun_through"].clone()]
    };
    assert_eq!(facts(&world.read(RUN))[0], facts(&last)[0]);

    fs::remove_file(world.path(RESULTS)).expect("a file");
    world.write(RUN, &checkpoint);
    finish(&world);
    for name in [RESULTS, RUN] {
        fs::remove_file(world.path(name)).expect("a file");
    }
    finish(&world);
}
