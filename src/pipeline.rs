//! Rows to settlement and back into input order, a window at a time, to the results file.
//!
//! Row *i* is not sent until row *i* − W is durable (W: the window), so that after a crash at most W rows behind the
//! last result are in doubt, and memory holds at most W rows.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use futures::stream::{self, FusedStream, FuturesOrdered};
use futures::{Stream, StreamExt};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::correction::Correction;
use crate::executor::Executor;
use crate::halt::Halt;
use crate::limiter::Permit;
use crate::outcome::{Cause, Finding, Outcome, Reupload, Status};
use crate::preflight::{Judgement, Policy, Preflight};
use crate::reader::{Columns, Input, InputError, Row, Rows};
use crate::results::{Results, Storage};

/// Results are made durable at least this often.
const SYNC_EVERY: Duration = Duration::from_millis(250);

/// So many rows at most are begun one after the other before replies are looked at again, and the other way round: what
/// many rows go through together is in the processor's cache, and what each goes through alone is not.
const BATCH: usize = 64;

/// Everything a run is about.
#[derive(Debug)]
pub struct Job<'a> {
    /// The corrections.
    pub input: &'a Input,
    /// Which column is which.
    pub columns: &'a Columns,
    /// How rows are judged.
    pub policy: &'a Policy,
    /// What is known of the whole file.
    pub preflight: &'a Preflight,
    /// What settles a row.
    pub executor: &'a Executor<'a>,
    /// What ends the run early.
    pub halt: &'a Halt,
    /// How many rows may be under way behind the last durable one.
    pub window: u64,
    /// Rows up to this one may have been sent by an earlier run.
    pub doubt_through: u64,
    /// How long rows under way may take to settle once the run is ending.
    pub grace: Duration,
}

/// Why a run broke.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The input changed or became unreadable.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The input is not what the preflight has read.
    #[error("the input file changed between preflight and sending")]
    Changed,
    /// Results could not be written or made durable.
    #[error("cannot write the results: {0}")]
    Results(io::Error),
}

/// What earlier runs have settled.
#[derive(Debug)]
pub struct Settled<S: Storage = File> {
    /// The results, behind their last whole row.
    pub results: Results<S>,
    /// Findings of those rows whose outcome later rows share.
    pub firsts: HashMap<u64, Finding>,
}

/// What reached the results in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progressed {
    /// No row behind this one was begun.
    pub begun_through: u64,
    /// So many rows have results, all of them durable.
    pub durable: u64,
    /// Of the results as they were written.
    pub hash: blake3::Hash,
}

/// Runs the job behind the rows that are settled already, and says of each what was written.
///
/// # Errors
/// When the input or the results break; whatever is durable stays so.
pub async fn run<S: Storage>(
    job: &Job<'_>,
    Settled { results, firsts }: Settled<S>,
    written: &impl Fn(Finding),
) -> Result<Progressed, PipelineError> {
    let durable = watch::Sender::new(results.rows());
    let broken = RefCell::new(None);
    let begun = Cell::new(results.rows());
    let spare = Spare::default();
    // Boxed, because it is handed on with each row.
    let source = Box::new(Source {
        job,
        rows: job.input.rows()?,
        durable: durable.subscribe(),
        begun: &begun,
        spare: Rc::clone(&spare),
        skip: results.rows(),
    });
    let rows = stream::unfold(source, |mut source| async {
        match source.next().await {
            Ok(item) => item.map(|item| (item, source)),
            Err(error) => {
                *broken.borrow_mut() = Some(error);
                None
            }
        }
    })
    .ready_chunks(BATCH);
    let mut rows = std::pin::pin!(rows);
    let mut under_way = FuturesOrdered::new();

    let mut writer = Writer::new(job, results, firsts, written, spare);
    let mut ending: Option<Instant> = None;
    while !(rows.is_terminated() && under_way.is_empty()) {
        let sync_due = writer.sync_due();
        tokio::select! {
            biased;
            synced = writer.synced() => {
                durable.send_replace(synced.map_err(PipelineError::Results)?);
            }
            Some(settled) = batch(&mut under_way) => {
                for item in settled {
                    writer.take(item);
                }
            }
            begun = rows.next(), if !rows.is_terminated() => {
                // Boxed, because it is large and handed on several times before it begins.
                let begun = begun.into_iter().flatten();
                under_way.extend(begun.map(|item| Box::pin(settle(job, item))));
            }
            () = job.halt.pulled(), if ending.is_none() => ending = Some(Instant::now() + job.grace),
            () = sleep_until(ending) => break,
            () = job.halt.forced() => break,
            () = sleep_until(sync_due) => {}
        }
        writer.write().map_err(PipelineError::Results)?;
    }
    let (durable, hash) = writer.finish().await.map_err(PipelineError::Results)?;
    match broken.take() {
        Some(error) => Err(error),
        None => Ok(Progressed {
            begun_through: begun.get(),
            durable,
            hash,
        }),
    }
}

/// Whatever the stream has ready, up to a batch of it.
async fn batch<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<Vec<T>> {
    stream.ready_chunks(BATCH).next().await
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Reads rows as the window allows.
struct Source<'a> {
    job: &'a Job<'a>,
    rows: Rows,
    durable: watch::Receiver<u64>,
    /// The last row that was begun.
    begun: &'a Cell<u64>,
    spare: Spare<'a>,
    /// Rows that have a result already.
    skip: u64,
}

/// A row on its way to the results; boxed, so that it stays where it is from its judgement to its writing.
struct Item<'a> {
    row: Row,
    step: Step<'a>,
}

/// Rows that were written, to be read into again: what was used last is still in the processor's cache. Not more than
/// a batch of them, because each keeps the memory of its longest row.
type Spare<'a> = Rc<RefCell<Vec<Box<Item<'a>>>>>;

/// How far it has come.
#[derive(Default)]
enum Step<'a> {
    /// Judged, with the right to its first request.
    Send(Option<Permit<'a>>, Correction),
    /// It shares the outcome of an earlier row.
    Repeat {
        first_row: u64,
        first_line: u64,
        correction: Correction,
    },
    Settled(Outcome),
    /// The run ended first.
    #[default]
    Abandoned,
}

impl From<Judgement> for Step<'_> {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Send(correction) => Self::Send(None, correction),
            Judgement::Repeat {
                first_row,
                first_line,
                correction,
            } => Self::Repeat {
                first_row,
                first_line,
                correction,
            },
            Judgement::Reject(rejection) => {
                Self::Settled(Outcome::invalid(rejection.reason, rejection.detail))
            }
        }
    }
}

impl<'a> Source<'a> {
    async fn next(&mut self) -> Result<Option<Box<Item<'a>>>, PipelineError> {
        let spare = self.spare.borrow_mut().pop();
        let mut item = spare.unwrap_or_else(|| {
            Box::new(Item {
                row: self.rows.room(),
                step: Step::Abandoned,
            })
        });
        let row = &mut item.row;
        loop {
            if self.job.halt.is_pulled() {
                return Ok(None);
            }
            if !self.rows.read(row)? {
                let unchanged = self.rows.fingerprint() == self.job.preflight.pass.fingerprint;
                return if unchanged {
                    Ok(None)
                } else {
                    Err(PipelineError::Changed)
                };
            }
            if row.number > self.skip {
                break;
            }
        }
        let window = self.job.window;
        let open = self
            .durable
            .wait_for(|durable| row.number <= durable + window);
        tokio::select! {
            biased;
            // The sender outlives the stream, so the wait ends with the condition.
            _ = open => {}
            () = self.job.halt.pulled() => return Ok(None),
        }
        let Job {
            columns,
            policy,
            executor,
            preflight,
            ..
        } = self.job;
        item.step = preflight.judge(&item.row, columns, policy).into();
        if let Step::Send(permit, _) = &mut item.step {
            *permit = executor.begin().await;
            if permit.is_none() {
                return Ok(None);
            }
        }
        self.begun.set(item.row.number);
        Ok(Some(item))
    }
}

async fn settle<'a>(job: &Job<'a>, mut item: Box<Item<'a>>) -> Box<Item<'a>> {
    if let Step::Send(permit, correction) = &mut item.step
        && let Some(permit) = permit.take()
    {
        let doubt = item.row.number <= job.doubt_through;
        let outcome = job.executor.settle(permit, correction, doubt).await;
        item.step = outcome.map_or(Step::Abandoned, Step::Settled);
    }
    item
}

/// Appends settled rows and makes them durable from another thread.
struct Writer<'a, S: Storage, W> {
    job: &'a Job<'a>,
    results: Results<S>,
    written: &'a W,
    /// Findings of rows whose outcome later rows share.
    firsts: HashMap<u64, Finding>,
    waiting: VecDeque<Box<Item<'a>>>,
    /// Findings of the rows that were appended and not handed over yet.
    appended: Vec<Finding>,
    spare: Spare<'a>,
    /// A row without an outcome ends the results: those behind it must not be written.
    ended: bool,
    synced_rows: u64,
    syncing: Option<(u64, JoinHandle<io::Result<()>>)>,
    last_sync: Instant,
}

impl<'a, S: Storage, W: Fn(Finding)> Writer<'a, S, W> {
    fn new(
        job: &'a Job<'a>,
        results: Results<S>,
        firsts: HashMap<u64, Finding>,
        written: &'a W,
        spare: Spare<'a>,
    ) -> Self {
        Self {
            job,
            synced_rows: results.rows(),
            results,
            written,
            firsts,
            waiting: VecDeque::new(),
            appended: Vec::new(),
            spare,
            ended: false,
            syncing: None,
            last_sync: Instant::now(),
        }
    }

    fn take(&mut self, item: Box<Item<'a>>) {
        self.ended |= matches!(item.step, Step::Abandoned);
        if !self.ended {
            if let Step::Settled(outcome) = &item.step {
                self.job.executor.observe(outcome);
            }
            self.waiting.push_back(item);
        }
    }

    /// Writes what may be written. While the first answers leave a suspicion that the run is pointless, nothing
    /// may, unless the window is full of such rows.
    fn write(&mut self) -> io::Result<()> {
        if self.job.executor.is_trusted() || self.waiting.len() as u64 >= self.job.window {
            self.write_waiting()?;
        }
        self.sync_if_due()
    }

    fn write_waiting(&mut self) -> io::Result<()> {
        while let Some(mut item) = self.waiting.pop_front() {
            let row = &item.row;
            let outcome = match std::mem::take(&mut item.step) {
                Step::Settled(outcome) => outcome,
                Step::Repeat {
                    first_row,
                    first_line,
                    correction,
                } => {
                    let Some(first) = self.firsts.get(&first_row) else {
                        return Err(io::Error::other(format!(
                            "result row {first_row} is missing"
                        )));
                    };
                    repeat(*first, first_line, &correction)
                }
                Step::Send(..) | Step::Abandoned => {
                    return Err(io::Error::other(format!(
                        "row {} is not settled",
                        row.number
                    )));
                }
            };
            let outcome = once_for_a_number(outcome, self.job.preflight.sharing(row.number));
            if self.job.preflight.is_first(row.number) {
                self.firsts.insert(row.number, outcome.finding);
            }
            let carried = self.job.columns.carried.iter();
            let cells = carried.map(|&column| row.carried(column));
            self.results.append(row.line, &outcome, cells)?;
            self.appended.push(outcome.finding);
            let mut spare = self.spare.borrow_mut();
            if spare.len() < BATCH {
                spare.push(item);
            }
        }
        Ok(())
    }

    fn unsynced(&self) -> u64 {
        self.results.rows() - self.synced_rows
    }

    /// When rows that are written and not durable must be made so; `None` while that is under way or there are
    /// none.
    fn sync_due(&self) -> Option<Instant> {
        let pending = self.syncing.is_none() && self.unsynced() > 0;
        pending.then(|| self.last_sync + SYNC_EVERY)
    }

    fn sync_if_due(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let due = self
            .sync_due()
            .is_some_and(|due| now >= due || self.unsynced() * 2 >= self.job.window);
        if due { self.begin_sync() } else { Ok(()) }
    }

    /// Hands over what was appended since the last time, and not sooner: a call for each batch of rows costs more than
    /// writing them.
    fn begin_sync(&mut self) -> io::Result<()> {
        self.results.flush()?;
        for finding in self.appended.drain(..) {
            (self.written)(finding);
        }
        self.syncing = Some((self.results.rows(), self.results.sync()));
        self.last_sync = Instant::now();
        Ok(())
    }

    /// Waits for the sync under way; how many rows are durable after it. A sync that failed is never repeated.
    async fn synced(&mut self) -> io::Result<u64> {
        let Some((rows, sync)) = &mut self.syncing else {
            return std::future::pending().await;
        };
        let rows = *rows;
        sync.await.map_err(io::Error::other)??;
        self.syncing = None;
        self.synced_rows = rows;
        Ok(rows)
    }

    /// Writes and makes durable what is left, but for rows held back by a suspicion that was not dispelled; how many
    /// rows there are then, and the hash of the results.
    async fn finish(mut self) -> io::Result<(u64, blake3::Hash)> {
        // A file with few rows runs through; an interrupted run sends its suspicious rows again.
        if self.job.executor.is_trusted() || !self.job.halt.is_pulled() {
            self.write_waiting()?;
        }
        if self.syncing.is_some() {
            self.synced().await?;
        }
        if self.unsynced() > 0 {
            self.begin_sync()?;
            self.synced().await?;
        }
        Ok((self.synced_rows, self.results.hash()))
    }
}

/// The outcome of a row whose correction stands in an earlier row too. It never asks for a re-upload: the
/// earlier row does, and two would make the phone ring twice.
fn repeat(first: Finding, first_line: u64, correction: &Correction) -> Outcome {
    let finding = if first.status.is_fine() {
        Finding::new(Status::Unchanged, Cause::IdenticalDuplicate)
    } else {
        Finding {
            reupload: Reupload::No,
            ..first
        }
    };
    let mut detail = format!(
        "the same correction as line {first_line}, which is `{}`",
        first.status
    );
    let remark = correction.remark();
    if !remark.is_empty() {
        detail = format!("{detail}; {remark}");
    }
    Outcome {
        phone_number: correction.phone_number(),
        ..Outcome::unsent(finding, detail)
    }
}

/// Two leads that would get the same number must not both be enrolled again: the same phone would ring twice.
fn once_for_a_number(mut outcome: Outcome, other_line: Option<u64>) -> Outcome {
    if let (Reupload::Yes, Some(line)) = (outcome.finding.reupload, other_line) {
        outcome.finding.reupload = Reupload::Review;
        outcome.detail = format!(
            "{}; line {line} gives the same number to another lead",
            outcome.detail
        );
    }
    outcome
}
