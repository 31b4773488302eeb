//! `apply` and `reconcile`: preflight, then every row to its result.

use std::cell::Cell;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::bound::Bound;
use crate::client::{self, Client};
use crate::config::{Action, Earlier, Run, Target};
use crate::error::{Exit, Fatal};
use crate::executor::Executor;
use crate::halt::{Cause, Halt};
use crate::learnt::Learnt;
use crate::limiter::{self, Limiter};
use crate::lock::Lock;
use crate::open_files;
use crate::outcome::{self, Status};
use crate::pipeline::{self, Job};
use crate::preflight::{Preflight, Surveyed};
use crate::private;
use crate::progress::Progress;
use crate::reader::{Input, Warning};
use crate::rehearsal;
use crate::report;
use crate::sandbox::{self, Leads, Sandbox};
use crate::session::{self, Claim, Opened, Session};
use crate::summary::Summary;

/// Runs a resolved `apply` or `reconcile`; `halt` is pulled by signals. `chatty`: the log takes the place of the
/// progress bar.
///
/// # Errors
/// What ended the run, with its exit code.
pub async fn run(run: Run, halt: Rc<Halt>, chatty: bool) -> Result<Exit, Fatal> {
    let deadline = run.deadline.map(|deadline| Instant::now() + deadline);
    let server = connect(&run)?;
    let (lock, learnt) = server.lock_key()?.unzip();
    let begun = Instant::now();
    let client =
        Client::new(server.settings).map_err(|error| Fatal::new(Exit::Misconfigured, error))?;
    let files = if run.is_sandbox() { 2 } else { 1 };
    let limiter = Limiter::new(limiter::Settings {
        ceiling: run.ceiling.at_most(open_files::connections(files)),
        rate: run.rate,
        give_up_after: run.give_up_after,
        known: learnt.as_ref().and_then(Learnt::load),
    });
    let executor = Executor::new(&client, &limiter, &halt, run.sending.clone());
    let was_left = lock.as_ref().is_some_and(Lock::was_left);
    if was_left {
        executor.expect_latecomers();
    }
    let apply = Apply {
        run: &run,
        executor: &executor,
        limiter: &limiter,
        halt: &halt,
        begun,
        leaves_nothing: Cell::new(!was_left),
        deadline,
    };
    let exit = match run.action {
        Action::Show => apply.show().await,
        Action::Send => apply.send(chatty).await,
    };
    if let (Some(learnt), Some(quota)) = (learnt, limiter.quota())
        && let Err(error) = learnt.store(quota)
    {
        warn!(%error, "what was learnt of the quota is not kept");
    }
    if let Some(lock) = lock.filter(|_| apply.leaves_nothing.get())
        && let Err(error) = lock.leave_nothing()
    {
        warn!(%error, "the next run will look twice at locked leads");
    }
    exit
}

struct Apply<'a> {
    run: &'a Run,
    executor: &'a Executor<'a>,
    limiter: &'a Limiter,
    halt: &'a Halt,
    /// When earlier runs with this key had ended.
    begun: Instant,
    /// No request of this run, or of one before it, may still arrive.
    leaves_nothing: Cell<bool>,
    deadline: Option<Instant>,
}

impl Apply<'_> {
    /// `--dry-run`.
    async fn show(&self) -> Result<Exit, Fatal> {
        if self.run.is_sandbox() {
            self.talk("SANDBOX: a rehearsal, no real lead is touched");
        }
        let surveyed = survey(self.run, open(self.run)?)?;
        let policy = &self.run.reading.policy;
        let shown = rehearsal::show(&surveyed, policy, self.executor, self.halt);
        let forecast = tokio::select! {
            // In this order: where the deadline is over already, nothing begins.
            biased;
            never = self.keep_deadline() => match never {},
            forecast = shown => forecast?,
        };
        if let Some(cause) = self.halt.cause() {
            return Err(explain(&cause, self.run.give_up_after));
        }
        let Some(forecast) = forecast else {
            return Ok(Exit::Fine);
        };
        self.talk(&forecast.to_string());
        Ok(forecast.exit())
    }

    async fn send(&self, chatty: bool) -> Result<Exit, Fatal> {
        let Self { run, .. } = self;
        let (started_at, started) = (Timestamp::now(), Instant::now());
        let input = open(run)?;
        let claim = Claim::take(&run.files, &run.reading.file)?;
        let surveyed = survey(run, input)?;
        let is_over = match run.earlier {
            Earlier::SetAside => true,
            Earlier::ResumeUnfinished => claim.is_finished(),
            Earlier::Resume => false,
        };
        if is_over && let Some(path) = claim.set_aside()? {
            self.talk(&format!(
                "the earlier results are kept as `{}`",
                path.display()
            ));
        }
        let identity = run.identity(surveyed.preflight.pass.fingerprint);
        let (mut session, opened) = claim.open(identity, run.window, run.bom, &surveyed)?;
        let rows = surveyed.preflight.pass.rows;
        let resumed_from = opened.counts.total();
        if resumed_from == rows {
            self.talk(
                "finished already: every row has its result, nothing is sent (--fresh starts anew)",
            );
        } else if resumed_from > 0 {
            self.talk(&format!("resuming behind row {resumed_from} of {rows}"));
        }
        if Status::TOUCHED
            .iter()
            .any(|status| opened.counts.of(*status) > 0)
        {
            self.executor.trust(opened.witnesses.clone());
        }
        let progress = Progress::new(rows, opened.counts.clone(), run.quiet, chatty);
        let ended = self
            .settle(&surveyed, &mut session, opened, &progress)
            .await;
        progress.finish();
        let counts = progress.counts();
        let stop = self.stop(ended, counts.total() == rows);
        let exit = match &stop {
            Some(fatal) => fatal.exit,
            None if counts.all_fine() => Exit::Fine,
            None => Exit::NeedsPerson,
        };
        let finished = self.finish(&Summary {
            input: run.reading.file.clone(),
            results: run.files.results.clone(),
            sandbox: run.is_sandbox(),
            rows,
            resumed_from,
            counts,
            traffic: self.executor.traffic(),
            throttled: self.limiter.throttled(),
            quota: self.limiter.quota(),
            bound: Bound::of(self.limiter, progress.watch()),
            dialect: self.executor.proven_dialect(),
            started_at,
            ended_at: Timestamp::now(),
            elapsed: started.elapsed(),
            stopped: stop.as_ref().map(|fatal| fatal.message.clone()),
            exit,
        });
        match (stop, finished) {
            (None, finished) => finished.map(|()| exit),
            (Some(stop), Ok(())) => Err(stop),
            (Some(stop), Err(error)) => Err(Fatal {
                message: format!("{}; {}", stop.message, error.message),
                ..stop
            }),
        }
    }

    /// Takes every row that has no result yet to its end.
    async fn settle(
        &self,
        surveyed: &Surveyed,
        session: &mut Session,
        opened: Opened,
        progress: &Progress,
    ) -> Result<(), Fatal> {
        let Self { run, .. } = self;
        let job = Job {
            input: &surveyed.input,
            columns: &surveyed.columns,
            policy: &run.reading.policy,
            preflight: &surveyed.preflight,
            executor: self.executor,
            halt: self.halt,
            window: run.window,
            doubt_through: opened.doubt_through,
            grace: run.sending.grace,
        };
        let note = || match self.limiter.held_for() {
            Some(left) => format!("held back for {} s", left.as_secs() + 1),
            None => format!("bound by {}", Bound::of(self.limiter, progress.watch())),
        };
        let written = |finding| progress.written(finding);
        let results = opened
            .settled
            .results
            .handle()
            .map_err(|error| self.lost(&error))?;
        let found_nothing = self.leaves_nothing.replace(false);
        // From here on signals end a run in order: whoever watches them has its turn before the first request.
        tokio::task::yield_now().await;
        let ended = tokio::select! {
            // In this order: where the deadline is over already, nothing begins.
            biased;
            never = self.keep_deadline() => match never {},
            ended = pipeline::run(&job, opened.settled, &written) => ended,
            never = progress.keep_alive(note) => match never {},
        };
        match ended {
            Ok(progressed) => {
                let begun_through = if self.executor.has_sent() {
                    progressed.begun_through
                } else {
                    0
                };
                let progressed = pipeline::Progressed {
                    begun_through,
                    ..progressed
                };
                let rows = surveyed.preflight.pass.rows;
                session.close(progressed, rows)?;
                // What earlier runs have sent has arrived by then, or never will.
                let is_over = found_nothing || self.begun.elapsed() >= run.sending.grace;
                let is_known = progress.counts().because(outcome::Cause::OutcomeUnknown) == 0;
                let reached = begun_through.max(job.doubt_through.min(rows));
                self.leaves_nothing
                    .set(is_over && is_known && progressed.durable >= reached);
                match holds(results, &run.files.results, progressed.hash) {
                    Ok(true) => Ok(()),
                    Ok(false) => Err(self.lost(&"it was changed, replaced or removed meanwhile")),
                    Err(error) => Err(self.lost(&error)),
                }
            }
            Err(pipeline::PipelineError::Input(error)) => Err(error.into()),
            Err(error @ pipeline::PipelineError::Changed) => Err(Fatal::new(
                Exit::BadInput,
                format!(
                    "`{}`: {error}; rows sent so far have their results",
                    run.reading.file.display()
                ),
            )),
            Err(error @ pipeline::PipelineError::Results(_)) => Err(Fatal::new(
                Exit::LocalIo,
                format!(
                    "{error} (`{}`); mend that and run the same command again",
                    run.files.results.display()
                ),
            )),
        }
    }

    /// Ends the run when its deadline is over.
    async fn keep_deadline(&self) -> Infallible {
        if let Some(deadline) = self.deadline {
            // A timer that is set when its time is over fires at the next turn of the clock, and not before.
            if Instant::now() < deadline {
                tokio::time::sleep_until(deadline).await;
            }
            self.halt.pull(Cause::Deadline);
        }
        std::future::pending().await
    }

    /// The results are not what was written.
    fn lost(&self, why: &dyn std::fmt::Display) -> Fatal {
        Fatal::new(
            Exit::LocalIo,
            format!(
                "the results `{}` are not the account of this run: {why}; put them back and run the same command again, \
                 or use --fresh",
                self.run.files.results.display()
            ),
        )
    }

    /// Why the run stopped; a cause that came when every row was settled stopped nothing.
    fn stop(&self, ended: Result<(), Fatal>, complete: bool) -> Option<Fatal> {
        ended.err().or_else(|| {
            let cause = self.halt.cause().filter(|_| !complete)?;
            Some(explain(&cause, self.run.give_up_after))
        })
    }

    /// Writes the summary file and shows the summary.
    fn finish(&self, summary: &Summary) -> Result<(), Fatal> {
        let files = &self.run.files;
        info!(
            settled = summary.counts.total(),
            requests = summary.traffic.requests,
            "ended"
        );
        let written = serde_json::to_vec_pretty(&summary.to_json())
            .map_err(io::Error::other)
            .and_then(|json| private::replace(&files.summary, &json));
        if !self.run.quiet {
            report::show(|out| report::summary(out, summary, files))?;
        }
        written.map_err(|error| {
            let path = files.summary.display();
            Fatal::new(Exit::LocalIo, format!("cannot write `{path}`: {error}"))
        })
    }

    fn talk(&self, words: &str) {
        if !self.run.quiet {
            // A closed stderr is nothing to stop for.
            let _ = writeln!(io::stderr(), "{words}");
        }
    }
}

/// Where the requests go; the sandbox lives as long as this.
struct Server {
    settings: client::Settings,
    sandbox: Option<Sandbox>,
}

impl Server {
    /// One run for each key and base URL, and what earlier ones have learnt; a sandbox of our own is nobody else's.
    fn lock_key(&self) -> Result<Option<(Lock, Learnt)>, Fatal> {
        if self.sandbox.is_some() {
            return Ok(None);
        }
        let client::Settings {
            base_url, api_key, ..
        } = &self.settings;
        let path = Lock::key_path(base_url.as_str(), api_key.expose_secret())?;
        Ok(Some((Lock::take(&path)?, Learnt::beside(&path))))
    }
}

fn connect(run: &Run) -> Result<Server, Fatal> {
    let settings = |base_url, api_key, ca_file, proxy| client::Settings {
        base_url,
        api_key,
        timeout: run.timeout,
        concurrency: run.ceiling.most,
        ca_file,
        proxy,
    };
    match &run.target {
        Target::Api {
            base_url,
            key,
            ca_file,
            proxy,
        } => Ok(Server {
            settings: settings(
                base_url.clone(),
                key.clone(),
                ca_file.clone(),
                proxy.clone(),
            ),
            sandbox: None,
        }),
        Target::Sandbox(leads) => {
            let leads = match leads {
                Some(path) => {
                    Leads::from_file(path).map_err(|error| Fatal::new(Exit::BadInput, error))?
                }
                None => Leads::AnyPending,
            };
            let options = sandbox::Options {
                leads,
                receipts: 0,
                ..sandbox::Options::default()
            };
            let failed = |error: &dyn std::fmt::Display| {
                Fatal::new(Exit::LocalIo, format!("cannot start the sandbox: {error}"))
            };
            let sandbox = Sandbox::start(options, ([127, 0, 0, 1], 0).into())
                .map_err(|error| failed(&error))?;
            let base_url = sandbox.base_url().parse().map_err(|error| failed(&error))?;
            let key = SecretString::from("rehearsal-key");
            Ok(Server {
                settings: settings(base_url, key, None, None),
                sandbox: Some(sandbox),
            })
        }
    }
}

fn open(run: &Run) -> Result<Input, Fatal> {
    Ok(Input::open(&run.reading.file, &run.reading.options)?)
}

/// Reads the whole file, and stops where it is not fit to be sent.
fn survey(run: &Run, input: Input) -> Result<Surveyed, Fatal> {
    let reading = &run.reading;
    let columns = input.columns(&reading.map)?;
    let mut preflight = Preflight::survey(&input, &columns, &reading.policy)?;
    session::refuse_unfinished(&reading.file, &input, &preflight.pass)?;
    preflight.pass.warnings.iter_mut().for_each(Warning::mask);
    if !run.quiet {
        let mut err = io::stderr().lock();
        // A closed stderr is nothing to stop for.
        let _ = report::meanings(&mut err, input.headers(), &columns)
            .and_then(|()| report::warnings(&mut err, &columns, &preflight));
    }
    let invalid = preflight.findings.invalid_rows();
    if let Some(limit) = reading.max_invalid
        && limit.is_exceeded(invalid, preflight.pass.rows)
    {
        return Err(Fatal::new(
            Exit::BadInput,
            format!(
                "`{0}`: {invalid} of {1} rows are invalid, more than --max-invalid allows; nothing was sent; \
                 `leadfix check` lists them",
                reading.file.display(),
                preflight.pass.rows
            ),
        ));
    }
    let suspicions = preflight.suspicions();
    if !suspicions.is_empty() && !reading.accept_suspect {
        return Err(Fatal::new(
            Exit::BadInput,
            format!(
                "`{}`: nothing was sent: {}; --accept-suspect goes on all the same",
                reading.file.display(),
                suspicions.join("; ")
            ),
        ));
    }
    Ok(Surveyed {
        input,
        columns,
        preflight,
    })
}

/// Whether the file that was written to is the one at this path, and holds what was written.
fn holds(mut written: File, path: &Path, hash: blake3::Hash) -> io::Result<bool> {
    let found = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    let ours = written.metadata()?;
    // The handle shares its position with the one that wrote.
    let end = written.stream_position()?;
    if (found.dev(), found.ino(), found.len()) != (ours.dev(), ours.ino(), end) {
        return Ok(false);
    }
    written.rewind()?;
    let mut held = blake3::Hasher::new();
    held.update_reader(written)?;
    Ok(held.finalize() == hash)
}

/// What ended the run, and what to do about it.
fn explain(cause: &Cause, give_up_after: Duration) -> Fatal {
    let resume = "run the same command again to resume";
    match cause {
        Cause::Interrupted => Fatal::new(Exit::Interrupted, format!("interrupted; {resume}")),
        Cause::Terminated => Fatal::new(Exit::Terminated, format!("terminated; {resume}")),
        Cause::Deadline => Fatal::new(Exit::TryLater, format!("the deadline is over; {resume}")),
        Cause::GaveUp(last) => Fatal::new(
            Exit::TryLater,
            format!(
                "for {} s there was nothing but failed connections, timeouts and 5xx (the last: {last}); {resume} when the \
                 server is back",
                give_up_after.as_secs()
            ),
        ),
        Cause::Unreachable(why) => Fatal::new(
            Exit::TryLater,
            format!("the server cannot be reached ({why}); {resume} when it can"),
        ),
        Cause::HeldTooLong => Fatal::new(
            Exit::TryLater,
            format!(
                "the server asks for a pause of more than an hour (Retry-After), or its quota is used up for as long; \
                 {resume} then"
            ),
        ),
        Cause::KeyRefused(how) => Fatal::new(
            Exit::KeyRefused,
            format!(
                "the server refused the key ({how}): check it, and that it may touch this workspace's campaigns; {resume}"
            ),
        ),
        Cause::Misconfigured(what) => Fatal::new(Exit::Misconfigured, what),
        Cause::ContractBroken(what) => Fatal::new(Exit::ContractBroken, what),
    }
}
