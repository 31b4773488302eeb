//! The files of one run: locks taken, results begun or resumed, checkpoint kept.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use tracing::info;

use crate::checkpoint::{Files, Identity, RunFile};
use crate::config::Earlier;
use crate::error::{Exit, Fatal};
use crate::executor::WITNESSES;
use crate::lock::{Lock, LockError};
use crate::outcome::{Cause, Finding, Reason, Status};
use crate::pipeline::{Progressed, Settled};
use crate::preflight::Surveyed;
use crate::private;
use crate::reader::{Input, Pass, Row};
use crate::results::{self, Results, ScanError};
use crate::summary::Counts;

/// A run's files, locked and ready.
#[derive(Debug)]
pub struct Session {
    files: Files,
    run: RunFile,
    _lock: Lock,
}

/// What earlier runs have left.
#[derive(Debug)]
pub struct Opened {
    /// The results, and what later rows need of them.
    pub settled: Settled,
    /// The rows that are settled.
    pub counts: Counts,
    /// Rows up to this one may have been sent.
    pub doubt_through: u64,
    /// Some leads that the server has shown in an earlier run.
    pub witnesses: Vec<String>,
}

/// The lock on a results file, taken before anything else is looked at.
#[derive(Debug)]
pub struct Claim {
    files: Files,
    lock: Lock,
}

impl Claim {
    /// Takes the lock.
    ///
    /// # Errors
    /// When another run holds it, or the path cannot hold results.
    pub fn take(files: &Files, input: &Path) -> Result<Self, Fatal> {
        refuse_misuse(files, input)?;
        let lock = Lock::take(&files.lock).map_err(|error| match error {
            LockError::Held { .. } | LockError::StateFolder(..) => Fatal::from(error),
            LockError::Foreign(_) => Fatal::new(
                Exit::Misconfigured,
                format!("{error}, or name other results with --out"),
            ),
            LockError::Io(..) => Fatal::new(
                Exit::LocalIo,
                format!("{error}; --out names results in a folder that can be written"),
            ),
        })?;
        Ok(Self {
            files: files.clone(),
            lock,
        })
    }

    /// Moves aside what `earlier` does not go on with; the new name of the results, where there were any.
    ///
    /// # Errors
    /// When a file cannot be renamed.
    pub fn set_aside(&self, earlier: Earlier) -> Result<Option<PathBuf>, Fatal> {
        let moved = match earlier {
            Earlier::SetAside => self.files.set_aside(),
            Earlier::ResumeUnfinished if self.is_finished() => self.files.set_finished_aside(),
            Earlier::ResumeUnfinished | Earlier::Resume => Ok(None),
        };
        moved.map_err(|error| io_error(&self.files.results, "cannot set aside", &error))
    }

    /// Whether an earlier run has given every row of its input a result. Its results may have been moved aside already.
    fn is_finished(&self) -> bool {
        let is_theirs = self.files.results.exists() && !results::are_ours(&self.files.results);
        !is_theirs && matches!(RunFile::load(&self.files.run), Ok(Some(run)) if run.finished)
    }

    /// Begins the results, or goes on with those of an earlier run.
    ///
    /// # Errors
    /// When what stands there does not belong to this run (nothing is touched), or cannot be written.
    pub fn open(
        self,
        identity: Identity,
        window: u64,
        bom: bool,
        surveyed: &Surveyed,
    ) -> Result<(Session, Opened), Fatal> {
        let Self { files, lock } = self;
        let (run, opened) = match load(&files)? {
            None => begin(&files, identity, window, bom, surveyed)?,
            Some(run) if run.has_sent_nothing() && is_other(&run, &identity, &files) => {
                match std::fs::remove_file(&files.results) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(io_error(&files.results, "cannot remove", &error));
                    }
                    _ => {}
                }
                begin(&files, identity, window, bom, surveyed)?
            }
            Some(run) => resume(&files, run, &identity, window, bom, surveyed)?,
        };
        Ok((
            Session {
                files,
                run,
                _lock: lock,
            },
            opened,
        ))
    }
}

impl Session {
    /// The checkpoint after an orderly end of a run of so many `rows`. The lock lasts as long as the session.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn close(&mut self, progressed: Progressed, rows: u64) -> Result<(), Fatal> {
        let begun = progressed.begun_through.max(self.run.doubt_through);
        self.run.begun_through = Some(begun);
        self.run.durable = progressed.durable;
        self.run.finished = progressed.durable == rows;
        self.run.hash = Some(progressed.hash.to_string());
        store(&self.run, &self.files)
    }
}

/// Whether a run with other settings has left no results, or some without a row.
fn is_other(run: &RunFile, identity: &Identity, files: &Files) -> bool {
    let has_no_row = !files.results.exists() || results::hold_no_row(&files.results);
    has_no_row && run.identity.difference(identity).is_some()
}

/// Results that a run has left unfinished are not the account of its input: whoever ran them again would forget the
/// rows behind them.
///
/// # Errors
/// When the input is such a file.
pub fn refuse_unfinished(file: &Path, input: &Input, pass: &Pass) -> Result<(), Fatal> {
    let is_ours = input
        .headers()
        .iter()
        .any(|name| results::COLUMNS.contains(&name));
    let is_unfinished = |run: RunFile| {
        // A results file under another name may be the input of the run beside it.
        !run.finished && run.identity.fingerprint != pass.fingerprint.to_string()
    };
    let beside = || RunFile::load(&Files::beside(file).run);
    if is_ours && beside().is_ok_and(|run| run.is_some_and(is_unfinished)) {
        return Err(Fatal::new(
            Exit::Misconfigured,
            format!(
                "`{}` has {} rows of a run that was cut off before it had one for each row of its input; run its command \
                 again first, which goes on behind them, or give this file another name to go on with these rows alone",
                file.display(),
                pass.rows
            ),
        ));
    }
    Ok(())
}

/// Paths that can never hold results.
fn refuse_misuse(files: &Files, input: &Path) -> Result<(), Fatal> {
    let shown = files.results.display();
    let refuse = |what: &str| {
        Err(Fatal::new(
            Exit::Misconfigured,
            format!("results file `{shown}`: {what}"),
        ))
    };
    let folder = private::folder(&files.results);
    if !folder.is_dir() {
        return Err(Fatal::new(
            Exit::LocalIo,
            format!(
                "results file `{shown}`: there is no folder `{}`; make it, or name another one with --out",
                folder.display()
            ),
        ));
    }
    if let (Ok(results), Ok(input)) = (files.results.canonicalize(), input.canonicalize())
        && results == input
    {
        return refuse("it is the input itself; name another one with --out");
    }
    let may_be_written = may_hold_a_summary(&files.summary)
        .map_err(|error| io_error(&files.summary, "cannot read", &error))?;
    if !may_be_written {
        return Err(Fatal::new(
            Exit::Misconfigured,
            format!(
                "`{}` is no summary of this program, and was not touched; name other results with --out, or give that \
                 file another name",
                files.summary.display()
            ),
        ));
    }
    match files.results.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => {
            refuse("it is a symbolic link; name the file itself with --out")
        }
        Ok(metadata) if metadata.is_dir() => refuse("it is a folder; name a file in it with --out"),
        _ => Ok(()),
    }
}

/// Whether nothing stands there, or an earlier summary.
fn may_hold_a_summary(path: &Path) -> io::Result<bool> {
    match std::fs::read(path) {
        Ok(content) => Ok(serde_json::from_slice::<serde_json::Value>(&content)
            .is_ok_and(|summary| summary.get("leadfix").is_some())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// The checkpoint of an earlier run; none when there are neither results nor a checkpoint.
fn load(files: &Files) -> Result<Option<RunFile>, Fatal> {
    let run = RunFile::load(&files.run).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => foreign(
            files,
            &format!(
                "its checkpoint `{}` cannot be read: {error}",
                files.run.display()
            ),
            None,
        ),
        _ => io_error(&files.run, "cannot read", &error),
    })?;
    if run.is_none() && files.results.exists() {
        return Err(foreign(
            files,
            &format!("there is no checkpoint `{}` beside it", files.run.display()),
            None,
        ));
    }
    Ok(run)
}

fn begin(
    files: &Files,
    identity: Identity,
    window: u64,
    bom: bool,
    surveyed: &Surveyed,
) -> Result<(RunFile, Opened), Fatal> {
    let mut run = RunFile::new(identity, window);
    // Until the results are there nothing is sent.
    run.begun_through = Some(0);
    store(&run, files)?;
    let results = Results::create(&files.results, &surveyed.carried(), bom)
        .map_err(|error| io_error(&files.results, "cannot create", &error))?;
    run.begun_through = None;
    store(&run, files)?;
    let opened = Opened {
        settled: Settled {
            results,
            firsts: HashMap::new(),
        },
        counts: Counts::default(),
        doubt_through: 0,
        witnesses: Vec::new(),
    };
    Ok((run, opened))
}

fn resume(
    files: &Files,
    mut run: RunFile,
    identity: &Identity,
    window: u64,
    bom: bool,
    surveyed: &Surveyed,
) -> Result<(RunFile, Opened), Fatal> {
    if let Some(difference) = run.identity.difference(identity) {
        return Err(foreign(files, &difference, Some(&run)));
    }
    let Surveyed {
        input,
        columns,
        preflight,
    } = surveyed;
    let carried = surveyed.carried();
    let mut counts = Counts::default();
    let mut firsts = HashMap::new();
    let mut witnesses = Vec::new();
    let mut rows = input.rows()?;
    let mut row = Row::default();
    let scanned = results::scan(&files.results, &carried, run.window, |result| {
        let same = rows.read(&mut row)?
            && row.line == result.line
            && columns
                .carried
                .iter()
                .map(|&column| row.carried(column))
                .eq(result.cells());
        if !same {
            return Err(ScanError::OtherInput { row: result.number });
        }
        counts.add(result.finding);
        if witnesses.len() < WITNESSES && has_shown_the_lead(result.finding) {
            let lead_id = row.cells.get(columns.lead_id).unwrap_or_default().trim();
            if !witnesses.iter().any(|witness| witness == lead_id) {
                witnesses.push(lead_id.to_owned());
            }
        }
        if preflight.is_first(result.number) {
            firsts.insert(result.number, result.finding);
        }
        Ok(())
    });
    let whole = match scanned {
        Ok(whole) => Some(whole),
        Err(ScanError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Err(ScanError::Io(error)) => return Err(io_error(&files.results, "cannot read", &error)),
        Err(ScanError::Input(error)) => return Err(error.into()),
        Err(error) => return Err(foreign(files, &error.to_string(), Some(&run))),
    };
    if let Some(contradiction) = run.contradiction(whole.as_ref()) {
        return Err(foreign(files, &contradiction, Some(&run)));
    }
    let found = whole.clone().unwrap_or_default();
    info!(rows = found.rows, torn_bytes = found.torn, "resuming");
    // First the results, then what is said of them: until then what the earlier checkpoint says is true.
    let results = match &whole {
        Some(whole) => Results::resume(&files.results, whole),
        None => Results::create(&files.results, &carried, bom),
    };
    let results = results.map_err(|error| io_error(&files.results, "cannot reopen", &error))?;
    run.resume(found.rows, found.reached, window);
    store(&run, files)?;
    let doubt_through = run.doubt_through;
    Ok((
        run,
        Opened {
            settled: Settled { results, firsts },
            counts,
            doubt_through,
            witnesses,
        },
    ))
}

/// Whether the key could touch the row's lead, as far as the result tells.
fn has_shown_the_lead(finding: Finding) -> bool {
    let was_unread = finding.reason == Some(Reason::Cause(Cause::LockUnread));
    Status::TOUCHED.contains(&finding.status) && !was_unread
}

fn store(run: &RunFile, files: &Files) -> Result<(), Fatal> {
    run.store(&files.run)
        .map_err(|error| io_error(&files.run, "cannot write", &error))
}

fn io_error(path: &Path, what: &str, error: &io::Error) -> Fatal {
    Fatal::new(
        Exit::LocalIo,
        format!("{what} `{}`: {error}", path.display()),
    )
}

/// What stands there does not belong to this run, but to `run`, as far as that is known.
fn foreign(files: &Files, why: &str, run: Option<&RunFile>) -> Fatal {
    let first = match run {
        Some(run) if run.finished => {
            "to send mended rows, run the results file itself through `leadfix reconcile`; else "
                .to_owned()
        }
        Some(run) => {
            let row = run.begun_through.map(|_| run.durable);
            let place = row.map(|row| format!(" behind row {row}"));
            format!(
                "the run that it belongs to was cut off{}; to finish it, run its command again with the same file, and with \
                 the results as they were; else ",
                place.unwrap_or_default()
            )
        }
        None => String::new(),
    };
    Fatal::new(
        Exit::Misconfigured,
        format!(
            "`{}` does not belong to this run, and was not touched: {why}; {first}use --fresh to start anew (the \
             old files are kept under another name), or --out for another file",
            files.results.display()
        ),
    )
}
