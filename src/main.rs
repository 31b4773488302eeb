//! Wiring and the exit code.

use std::io::Write;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use leadfix::cli::{Cli, Command, LogFormat, RunArgs, SandboxArgs};
use leadfix::config::{Reading, Run};
use leadfix::error::{Exit, Fatal};
use leadfix::halt::{Cause, Halt};
use leadfix::log::{self, Log};
use leadfix::sandbox::Sandbox;
use leadfix::{apply, check, open_files};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// A fifth of what a request costs is allocation (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    forbid_cores();
    open_files::allow_all();
    let ended = match Cli::parse().command {
        Command::Apply(args) => in_runtime(|| run(*args, false)),
        Command::Reconcile(args) => in_runtime(|| run(*args, true)),
        Command::Check(args) => {
            log::start(Log {
                verbose: 0,
                format: LogFormat::Text,
            });
            let args = *args;
            Reading::resolve(args.input)
                .and_then(|reading| check::run(&reading, args.json, args.fixed.as_deref()))
        }
        Command::Sandbox(args) => in_runtime(|| serve(args)),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(fatal) => {
            // A closed stderr is nothing to stop for.
            let _ = writeln!(std::io::stderr(), "leadfix: {fatal}");
            fatal.exit.into()
        }
    }
}

/// A core would hold the key. No core fits into one byte; a limit of nought would not hold for one that is piped to a
/// program, which Linux refuses at exactly one. Where the limit cannot be set, it is the system's to say.
fn forbid_cores() {
    let one_byte = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    let _ = setrlimit(Resource::Core, one_byte);
}

/// So many tasks may go on before sockets and timers are looked at again, where the usual is 61: more of them are ready
/// then, so that more rows go through the same code together. A task takes microseconds, and only where there are that
/// many is a timer late by them.
const EVENT_INTERVAL: u32 = 256;

/// One thread does all the work; a second one makes results durable.
fn in_runtime<F: Future<Output = Result<Exit, Fatal>>>(
    work: impl FnOnce() -> F,
) -> Result<Exit, Fatal> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .event_interval(EVENT_INTERVAL)
        .enable_all()
        .build()
        .map_err(|error| Fatal::new(Exit::LocalIo, format!("cannot start: {error}")))?;
    runtime.block_on(work())
}

async fn run(args: RunArgs, reconcile: bool) -> Result<Exit, Fatal> {
    let log = args.log();
    log::start(log);
    let run = Run::resolve(args, reconcile)?;
    let halt = Rc::new(Halt::default());
    tokio::select! {
        // In this order: until the file is read nothing is caught, and Ctrl-C ends the program as it always does.
        biased;
        ended = apply::run(run, Rc::clone(&halt), log.verbose > 0) => ended,
        failed = signals(&halt) => failed,
    }
}

/// The first Ctrl-C or SIGTERM ends the run in order, the second at once.
async fn signals(halt: &Halt) -> Result<Exit, Fatal> {
    let failed = |error| Fatal::new(Exit::LocalIo, format!("cannot watch signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    loop {
        let cause = tokio::select! {
            _ = interrupt.recv() => Cause::Interrupted,
            _ = terminate.recv() => Cause::Terminated,
        };
        if halt.is_pulled() {
            halt.force();
        } else {
            let _ = writeln!(
                std::io::stderr(),
                "ending: what is under way may settle (once more: end at once)"
            );
            halt.pull(cause);
        }
    }
}

async fn serve(args: SandboxArgs) -> Result<Exit, Fatal> {
    let port = args.port;
    let options = args
        .options()
        .map_err(|error| Fatal::new(Exit::BadInput, error))?;
    let sandbox = Sandbox::start(options, ([127, 0, 0, 1], port).into()).map_err(|error| {
        Fatal::new(
            Exit::LocalIo,
            format!("cannot listen on port {port}: {error}"),
        )
    })?;
    let _ = writeln!(std::io::stdout(), "{}", sandbox.base_url());
    let failed = |error| Fatal::new(Exit::LocalIo, format!("cannot watch signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed)?,
        _ = terminate.recv() => {}
    }
    Ok(Exit::Fine)
}
