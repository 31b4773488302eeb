//! The real binary under `strace`, which makes the n-th system call on one of the run's files fail, for n = 1, 2, 3 …
//! until there is none left to fail. Each time the run ends with 74 and says why, and a clean run ends with the file of
//! an undisturbed one.

use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use leadfix::sandbox::Options;

use crate::judge::Terms;
use crate::table::Table;
use crate::world::{INPUT, RESULTS, Ran, World, campaign, number, plain, tell};

/// Failures that are tried at once: the runs mostly wait.
const AT_ONCE: usize = 4;
/// No run makes so many calls of one kind.
const MANY: usize = 10_000;
/// What may differ between a resumed and an undisturbed run.
const FREE: [&str; 2] = ["result_at", "result_attempts"];
const RUN: &str = "corrections.run.json";
const FILES: [&str; 7] = [
    RESULTS,
    "corrections.results.csv.leadfix-new",
    RUN,
    "corrections.run.json.leadfix-new",
    "corrections.summary.json",
    "corrections.summary.json.leadfix-new",
    "corrections.lock",
];

/// Where a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// With nothing.
    Fresh,
    /// Behind a crash that has left a torn row.
    Torn,
}

/// One way to fail.
#[derive(Clone, Copy, Debug)]
struct Fault {
    begin: Begin,
    call: &'static str,
    error: &'static str,
    words: &'static str,
}

const fn fault(
    begin: Begin,
    call: &'static str,
    error: &'static str,
    words: &'static str,
) -> Fault {
    Fault {
        begin,
        call,
        error,
        words,
    }
}

const IO: &str = "Input/output error";
const FULL: &str = "No space left on device";
const FAULTS: [Fault; 16] = [
    fault(Begin::Fresh, "fdatasync", "EIO", IO),
    fault(Begin::Fresh, "fsync", "EIO", IO),
    fault(Begin::Fresh, "write", "ENOSPC", FULL),
    fault(Begin::Fresh, "rename,renameat", "EIO", IO),
    fault(Begin::Fresh, "renameat2", "EIO", IO),
    fault(Begin::Fresh, "openat", "EIO", IO),
    fault(Begin::Fresh, "unlink", "EIO", IO),
    fault(Begin::Torn, "fdatasync", "EIO", IO),
    fault(Begin::Torn, "fsync", "EIO", IO),
    fault(Begin::Torn, "write", "ENOSPC", FULL),
    fault(Begin::Torn, "rename,renameat", "EIO", IO),
    fault(Begin::Torn, "openat", "EIO", IO),
    fault(Begin::Torn, "read", "EIO", IO),
    fault(Begin::Torn, "pread64", "EIO", IO),
    fault(Begin::Torn, "pwrite64", "ENOSPC", FULL),
    fault(Begin::Torn, "ftruncate", "EIO", IO),
];

/// An undisturbed run: where the others begin, and how they shall end.
struct Calm {
    rows: usize,
    base_url: String,
    results: Vec<u8>,
    checkpoint: String,
    wanted: Table,
}

impl Calm {
    fn new(rows: usize) -> Self {
        let world = World::plain(rows, Options::default());
        world.run("apply corrections.csv --region IN").expect(0);
        let wanted = world.judge().without(&FREE);
        world.forget_the_end();
        let checkpoint = String::from_utf8(world.read(RUN)).expect("text");
        Self {
            rows,
            base_url: world.sandbox.base_url(),
            results: world.read(RESULTS),
            checkpoint,
            wanted,
        }
    }

    fn begin(&self, begin: Begin) -> World {
        let (mut leads, rows) = plain(self.rows);
        let half = &self.results[..self.results.len() / 2];
        let whole = half.iter().rposition(|byte| *byte == b'\n').expect("rows") + 1;
        let settled = half.split(|byte| *byte == b'\n').count() - 2;
        if begin == Begin::Torn {
            for (index, lead) in leads.iter_mut().take(settled).enumerate() {
                lead["phone_number"] = format!("+91{}", number(index)).into();
            }
        }
        // Slow enough for several syncs.
        let latency = Duration::from_millis(60);
        let world = World::in_memory(
            leads,
            Options {
                latency,
                ..Options::default()
            },
        );
        world.write(INPUT, rows);
        if begin == Begin::Torn {
            world.write(RESULTS, &self.results[..whole + 20]);
            world.write(
                RUN,
                self.checkpoint
                    .replace(&self.base_url, &world.sandbox.base_url()),
            );
        }
        world
    }

    fn finish(&self, world: &World, before: &[u8], context: &str) {
        let ran = world.run("apply corrections.csv --region IN --quiet");
        assert!(ran.code == Some(0), "{context}\n{ran}");
        assert!(
            world.read(RESULTS).starts_with(before),
            "{context}: a settled row has changed\n{ran}"
        );
        let judged = world.judge_on(Terms {
            input: INPUT,
            results: RESULTS,
            replaces: false,
            resumed: true,
        });
        assert_eq!(judged.without(&FREE), self.wanted, "{context}\n{ran}");
    }

    /// Whether there was an `n`-th call to fail.
    fn try_to_fail(&self, fault: Fault, n: usize) -> bool {
        let context = format!("{fault:?} for the {n}. time");
        let world = self.begin(fault.begin);
        let (ran, trace) = under_strace(&world, fault.call, Some((fault.error, n)));
        let Some((_, after)) = trace.split_once("(INJECTED)") else {
            ran.expect(0);
            return false;
        };
        ran.complains(74, &[fault.words, "corrections."]);
        let synced_again = after
            .lines()
            .any(|line| line.contains("sync(") && line.contains("results.csv>"));
        let failed_sync = fault.call == "fdatasync";
        assert!(
            !(failed_sync && synced_again),
            "a failed sync was tried again: {context}\n{trace}\n{ran}"
        );
        let left = std::fs::read(world.path(RESULTS)).unwrap_or_default();
        let end = left
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        self.finish(&world, &left[..end], &context);
        true
    }
}

/// Runs the binary; the trace of `calls` on its files.
fn under_strace(world: &World, calls: &str, inject: Option<(&str, usize)>) -> (Ran, String) {
    let log = world.path("trace");
    // The filter in the kernel stops the binary at these calls alone.
    let words = format!("strace -f --seccomp-bpf -y -o {}", log.display());
    let mut strace: Vec<String> = words.split(' ').map(str::to_owned).collect();
    for name in FILES {
        strace.extend(["-P".to_owned(), world.path(name).display().to_string()]);
    }
    strace.extend(["-P".to_owned(), world.folder().display().to_string()]);
    strace.push(format!("--trace={calls}"));
    if let Some((error, n)) = inject {
        strace.push(format!("--inject={calls}:error={error}:when={n}"));
    }
    let input = world.path(INPUT).display().to_string();
    let ran = world
        .leadfix("apply --region IN --concurrency 2 --quiet")
        .arg(&input)
        .under(&strace)
        .run();
    let trace = String::from_utf8_lossy(&world.read("trace")).into_owned();
    (ran, trace)
}

/// Whether processes may be traced here. Without `strace` the test fails; where the system forbids tracing it cannot be
/// run, and says so on a stderr that the test harness does not hold back.
fn may_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    let tried = tried.expect("strace must be installed: apt-get install strace");
    let why = String::from_utf8_lossy(&tried.stderr).into_owned();
    let forbidden = why.contains("ptrace") && why.contains("not permitted");
    assert!(
        tried.status.success() || forbidden,
        "strace does not work: {why}"
    );
    if forbidden {
        tell(&format!(
            "NOT TESTED: no system error was injected, because this system forbids tracing: {why}"
        ));
    }
    !forbidden
}

/// Long: `LEADFIX_ERROR_ROWS=40 cargo test --test command system_errors`.
#[test]
fn any_system_call_may_fail_once() {
    if !may_trace() {
        return;
    }
    let calm = Calm::new(campaign("LEADFIX_ERROR_ROWS", 8));
    let left = Mutex::new(FAULTS.to_vec());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = { left.lock().expect("a lock").pop() } {
                    let failed = (1..MANY)
                        .take_while(|n| calm.try_to_fail(fault, *n))
                        .count();
                    assert!(
                        failed > 0 && failed + 1 < MANY,
                        "{fault:?} strikes {failed} times"
                    );
                    let Fault {
                        begin, call, error, ..
                    } = fault;
                    failures
                        .lock()
                        .expect("a lock")
                        .push((format!("{begin:?} {call} {error}"), failed));
                }
            });
        }
    });
    let failures = failures.into_inner().expect("a lock");
    let sum: usize = failures.iter().map(|(_, failed)| failed).sum();
    tell(&format!("{sum} injected system errors: {failures:?}"));
    assert_eq!(failures.len(), FAULTS.len());
}

/// Before the first request the checkpoint and the results are there for certain, their names too.
#[test]
fn files_and_folder_are_durable_before_anything_is_sent() {
    if !may_trace() {
        return;
    }
    let world = World::plain(3, Options::default());
    let log = world.path("trace").display().to_string();
    let calls = "--trace=fsync,fdatasync,rename,renameat,renameat2,connect";
    let input = world.path(INPUT);
    world
        .leadfix("apply --region IN --quiet")
        .arg(input)
        .under(&["strace", "-f", "-y", "-o", &log, calls].map(str::to_owned))
        .run()
        .expect(0);
    let trace = String::from_utf8_lossy(&world.read("trace")).into_owned();
    let folder = format!("fsync({{}}<{}>)", world.folder().display());
    let mut lines = trace.lines();
    let mut comes = |what: &str| {
        let (start, end) = what.split_once("{}").unwrap_or((what, ""));
        assert!(
            lines.any(|line| line.contains(start) && line.contains(end)),
            "no `{what}` at its place:\n{trace}"
        );
    };
    for what in [
        "fsync({}run.json.leadfix-new>",
        "rename{}run.json\"",
        &folder,
        "fsync({}results.csv.leadfix-new>",
        "rename{}results.csv\"",
        &folder,
        "connect(",
        "fdatasync({}results.csv>",
        "fsync({}run.json.leadfix-new>",
        "rename{}run.json\"",
        &folder,
    ] {
        comes(what);
    }
    let port = format!("htons({})", world.sandbox.address().port());
    let first = trace.find(&port).expect("a connection");
    let ready = trace.find("results.csv\"").expect("a name");
    assert!(ready < first, "{trace}");
}

/// A disk that is full takes the part of a line that it has room for.
#[test]
fn a_disk_that_is_full_in_the_middle_of_a_line_ends_the_run() {
    let calm = Calm::new(12);
    let mut torn = 0;
    for blocks in 1.. {
        let world = calm.begin(Begin::Fresh);
        let shell = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        let ran = world
            .leadfix("apply corrections.csv --region IN --concurrency 2 --quiet")
            .under(&["sh", "-c", &shell, "sh"].map(str::to_owned))
            .run();
        if ran.code == Some(0) {
            break;
        }
        ran.complains(74, &["File too large", "corrections."]);
        let left = std::fs::read(world.path(RESULTS)).unwrap_or_default();
        let end = left
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        torn += usize::from(end < left.len());
        calm.finish(&world, &left[..end], &format!("{blocks} blocks"));
    }
    assert!(torn > 0, "no line was cut");
}

/// Other settings begin anew where nothing was sent, in place of results without a row.
#[test]
fn results_without_a_row_that_cannot_be_removed_are_named() {
    if !may_trace() {
        return;
    }
    let world = World::plain(1, Options::default());
    world
        .leadfix("apply corrections.csv --region IN --max-attempts 1")
        .env("DIALNEXA_BASE_URL", "http://127.0.0.1:9/v1")
        .run()
        .expect(75);
    let (ran, _trace) = under_strace(&world, "unlink", Some(("EIO", 1)));
    ran.complains(74, &["cannot remove", RESULTS, IO]);
}
