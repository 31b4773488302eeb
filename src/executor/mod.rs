//! Takes one correction to its end: admit, send, classify, wait, settle. Knows no CSV, no files and no order.

mod read;
mod reply;
mod request;
mod row;
mod sights;
mod wait;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::info;

use crate::api::{Dialect, Lead};
use crate::classify::{self, Question, Seen, Systemic, Verdict};
use crate::client::{Answer, Client};
use crate::correction::Correction;
use crate::first_answers::{FirstAnswers, Trust};
use crate::halt::{self, Halt};
use crate::limiter::{Limiter, Permit};
use crate::outcome::{Cause, Finding, Outcome, Reason, Status};
use crate::plan::{Evidence, MetadataMode, Plan};
use crate::retry_budget::RetryBudget;
use crate::text;
use reply::{complaint_in, is_verdict, lead_in, lead_of};
use request::Sent;
use row::Row;
use sights::Sights;

/// So many leads are remembered by which key and server can be shown to work.
pub const WITNESSES: usize = 3;

/// How rows are sent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `PATCH` requests for one row; replies of 429 are not counted.
    pub max_attempts: u32,
    /// How variables meet the ones that the lead has.
    pub metadata: MetadataMode,
    /// Read every lead first, and send only what differs.
    pub read_first: bool,
    /// The body spelling; `None` learns it from what comes back.
    pub dialect: Option<Dialect>,
    /// How long rows under way may take once the run is ending.
    pub grace: Duration,
}

/// What the run has done so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Traffic {
    /// Requests of all kinds.
    pub requests: u64,
    /// `GET` requests among them.
    pub reads: u64,
    /// `PATCH` requests beyond the first for a row.
    pub retries: u64,
}

/// Settles corrections, many at once.
#[derive(Debug)]
pub struct Executor<'a> {
    client: &'a Client,
    limiter: &'a Limiter,
    halt: &'a Halt,
    settings: Settings,
    proven: Cell<Option<Dialect>>,
    succeeded: Cell<bool>,
    /// A connection was made, so that a byte may have got there.
    reached: Cell<bool>,
    /// What the last failed connection, timeout or 5xx was.
    last_trouble: RefCell<String>,
    /// The server has answered anything at all.
    answered: Cell<bool>,
    first_answers: FirstAnswers,
    /// A request of an earlier run may still arrive.
    latecomers: Cell<bool>,
    /// Some leads that the server has shown, in this run or an earlier one.
    witnesses: RefCell<Vec<String>>,
    /// Which fields of a lead that need not be shown reads have shown.
    sights: Cell<Sights>,
    /// Rows that have begun and are not settled, and those among them that wait for what the others' replies tell.
    under_way: Cell<u32>,
    waiting: Cell<u32>,
    /// One row at a time finds out whether the server is there.
    checking: Mutex<()>,
    retry_budget: RefCell<RetryBudget>,
    started: Instant,
    /// `PATCH` requests of which a byte may have left.
    sent: Cell<u64>,
    traffic: RefCell<Traffic>,
}

/// What a row comes to before it is sent.
#[derive(Debug)]
pub enum Prepared<'c> {
    /// To be sent, in this spelling.
    Send(Plan<'c>, Vec<u8>),
    /// Settled without being sent.
    Settled(Outcome),
}

impl<'a> Executor<'a> {
    /// An executor that sends through `client`, as `limiter` admits, until `halt` is pulled.
    pub fn new(
        client: &'a Client,
        limiter: &'a Limiter,
        halt: &'a Halt,
        settings: Settings,
    ) -> Self {
        Self {
            client,
            limiter,
            halt,
            settings,
            proven: Cell::new(None),
            succeeded: Cell::new(false),
            reached: Cell::new(false),
            last_trouble: RefCell::default(),
            answered: Cell::new(false),
            first_answers: FirstAnswers::default(),
            latecomers: Cell::new(false),
            witnesses: RefCell::default(),
            sights: Cell::default(),
            under_way: Cell::new(0),
            waiting: Cell::new(0),
            checking: Mutex::new(()),
            retry_budget: RefCell::default(),
            started: Instant::now(),
            sent: Cell::new(0),
            traffic: RefCell::default(),
        }
    }

    /// Waits until another row may begin. Rows are begun in the order of these calls; `None` when the run is
    /// ending.
    pub async fn begin(&self) -> Option<Permit<'a>> {
        self.let_others_hear().await;
        let admitted = tokio::select! {
            biased;
            admitted = self.admitted() => admitted,
            () = self.halt.pulled() => return None,
        };
        // Asked behind the wait and not before it, so that the usual row, which need not wait, waits for nothing.
        self.heed(admitted).filter(|_| !self.halt.is_pulled())
    }

    /// Settles one correction; `doubt`: an earlier run may have sent it. `None` when the run ended first: then the
    /// row is not settled, may have been sent, and the halt says why.
    pub async fn settle(
        &self,
        permit: Permit<'a>,
        correction: &Correction,
        doubt: bool,
    ) -> Option<Outcome> {
        let mut row = Row::new(Some(permit), correction, doubt, self.first_spelling());
        self.under_way.set(self.under_way.get() + 1);
        let outcome = self.take_to_the_end(&mut row).await;
        self.under_way.set(self.under_way.get() - 1);
        let outcome = outcome?;
        let is_unknown = outcome.finding.status == Status::Missing && !self.succeeded.get();
        if is_unknown && self.ask_witnesses(&mut row).await? {
            self.halt.pull(halt::Cause::Misconfigured(
                "the server shows none of the leads that an earlier run has settled: the key is another workspace's, or \
                 they are gone (--fresh starts anew)"
                    .to_owned(),
            ));
            return None;
        }
        self.remember(correction, &outcome);
        let is_blank = row.blanks > 0
            && outcome.http_status.is_some_and(is_verdict)
            && outcome.finding.status == Status::Failed
            && !self.first_answers.have_spoken();
        if is_blank {
            self.stop_at_a_stranger(&row.words);
            return None;
        }
        let is_unreached = match outcome.finding.reason {
            Some(Reason::Cause(Cause::Unreachable)) => !self.answered.get(),
            // What an earlier run has sent, this one has not even asked about.
            Some(Reason::Cause(Cause::OutcomeUnknown)) => !self.reached.get(),
            _ => false,
        };
        if is_unreached {
            self.halt.pull(halt::Cause::Unreachable(row.words));
            return None;
        }
        Some(outcome)
    }

    /// A lead that was shown can show again that key and server work.
    fn remember(&self, correction: &Correction, outcome: &Outcome) {
        let mut witnesses = self.witnesses.borrow_mut();
        let is_shown = matches!(outcome.finding.status, Status::Updated | Status::Unchanged);
        if witnesses.len() < WITNESSES && is_shown {
            witnesses.push(correction.lead_id.clone());
        }
    }

    /// Takes what a row of this run came to, in the order of the rows.
    pub fn observe(&self, outcome: &Outcome) {
        if let Some(status) = outcome.http_status
            && let Trust::Refused(status) = self.first_answers.observe(status)
        {
            self.halt.pull(halt::Cause::Misconfigured(format!(
                "the first {} answers were all {status}: the key, the workspace or the base URL is wrong; if it is the \
                 rows that are wrong, put others before them (with another base URL or other rows, add --fresh)",
                crate::first_answers::ENOUGH,
            )));
        }
    }

    /// What one correction would come to, without sending it, and whether its lead said that it was dialled; waits for
    /// admission only to read it. `None` when the run ended first.
    pub async fn rehearse<'c>(&self, correction: &'c Correction) -> Option<(Prepared<'c>, bool)> {
        let mut row = Row::new(None, correction, false, self.first_spelling());
        let prepared = self.prepare(&mut row).await?;
        Some((prepared, row.is_dialled))
    }

    /// An earlier run has shown that key, workspace and URL are right, by these leads.
    pub fn trust(&self, lead_ids: Vec<String>) {
        self.first_answers.see(200);
        self.witnesses.replace(lead_ids);
    }

    /// An earlier run, of whichever file, has left requests under way: what a lock shows may yet change.
    pub fn expect_latecomers(&self) {
        self.latecomers.set(true);
    }

    /// Whether the first answers leave no suspicion that all of this is pointless.
    pub fn is_trusted(&self) -> bool {
        self.first_answers.are_trusted()
    }

    /// The spelling that proved itself.
    pub fn proven_dialect(&self) -> Option<Dialect> {
        self.proven.get()
    }

    /// Whether the server may know of this run.
    pub fn has_sent(&self) -> bool {
        self.sent.get() > 0
    }

    /// What was sent so far.
    pub fn traffic(&self) -> Traffic {
        *self.traffic.borrow()
    }

    fn first_spelling(&self) -> Dialect {
        self.settings
            .dialect
            .or(self.proven.get())
            .unwrap_or(Dialect::Guide)
    }

    /// `None` when the run ended first: then the halt says why.
    async fn take_to_the_end(&self, row: &mut Row<'_, 'a>) -> Option<Outcome> {
        loop {
            let (plan, body) = match self.prepare(row).await? {
                Prepared::Send(plan, body) => (plan, body),
                Prepared::Settled(outcome) => return Some(outcome),
            };
            let Sent::Replied(reply) = self.patch_while_fresh(row, &body).await? else {
                continue;
            };
            let seen = self.see(row, &reply, Some(&plan));
            let mut verdict = classify::patch(seen, row.doubt, self.succeeded.get());
            self.note_success(seen, row, &plan);
            if matches!(verdict, Verdict::Ask { question, .. } if question == Question::Unshown)
                && let Some(lead) = lead_of(&reply)
                && self.sights.get().show_no_more(&lead, row.correction)
            {
                verdict = classify::read(Question::Unshown, seen, row.doubt);
            }
            loop {
                match verdict {
                    Verdict::Settle(finding) => return Some(row.settled(row.finding(finding))),
                    Verdict::Hold => break,
                    Verdict::Ask { question, doubt } => {
                        let is_lock = question == Question::Conflict;
                        row.doubt = doubt || (is_lock && self.latecomers.get());
                        verdict = self.ask(row, &plan, question).await?;
                    }
                    Verdict::Retry { doubt } => {
                        row.doubt = doubt;
                        if row.attempts >= self.settings.max_attempts {
                            verdict = classify::exhausted(doubt);
                            continue;
                        }
                        self.pause_to_retry(row.attempts).await?;
                        break;
                    }
                    Verdict::OtherSpelling(finding) => {
                        let is_stated = self.settings.dialect.is_some();
                        let other = plan.change().body(row.spelling.other());
                        if row.tried_other || is_stated || other.is_none() {
                            verdict = classify::refused(row.finding(finding), row.doubt);
                            continue;
                        }
                        row.try_other(finding);
                        break;
                    }
                    Verdict::Reconnect => {
                        row.doubt = true;
                        self.reconnect(row)?;
                        break;
                    }
                    Verdict::Stop(systemic) => return self.stop(systemic, reply.answer()?),
                }
            }
        }
    }

    /// Reads the lead where that is needed, and plans the request.
    async fn prepare<'c>(&self, row: &mut Row<'c, 'a>) -> Option<Prepared<'c>> {
        let answer = if self.must_read(row) {
            match self.read_before(row).await? {
                Ok(answer) => Some(answer),
                Err(outcome) => return Some(Prepared::Settled(outcome)),
            }
        } else {
            None
        };
        let lead = answer.as_ref().and_then(lead_in);
        if let Some(lead) = &lead {
            self.sights.set(self.sights.get().after(lead));
            if row.correction.touches_variables() {
                row.remember(lead);
            }
        }
        let plan = match Plan::new(
            row.correction,
            self.settings.metadata,
            lead.as_ref(),
            &row.held,
        ) {
            Ok(plan) => plan,
            Err(cause) => return Some(Prepared::Settled(row.unfit(cause))),
        };
        row.look_alikes = self.client.redact(&plan.look_alikes());
        if plan.evidence(lead.as_ref(), row.doubt) == Evidence::Whole {
            let finding = if row.doubt {
                Finding::new(Status::Updated, Cause::ConfirmedByRead)
            } else {
                Finding::new(Status::Unchanged, Cause::AlreadyCorrect)
            };
            return Some(Prepared::Settled(row.settled(finding)));
        }
        let change = plan.change();
        // Who states the reference spelling knows where such a server keeps the variables.
        let is_stated = self.settings.dialect == Some(Dialect::Reference);
        let loses = |spelling| {
            let would_lose = |lead: &Lead| lead.would_lose(&change, spelling);
            !is_stated && lead.as_ref().is_some_and(would_lose)
        };
        let other = row.spelling.other();
        // What other rows have taught need not be so for this one.
        if self.settings.dialect.is_none()
            && !row.tried_other
            && loses(row.spelling)
            && !loses(other)
            && change.body(other).is_some()
        {
            row.spelling = other;
        }
        let loses = loses(row.spelling);
        if let Some(body) = change.body(row.spelling).filter(|_| !loses) {
            return Some(Prepared::Send(plan, body));
        }
        Some(Prepared::Settled(row.unfit(Cause::NotExpressible)))
    }

    fn must_read(&self, row: &Row) -> bool {
        let merges =
            self.settings.metadata == MetadataMode::Merge && row.correction.touches_variables();
        // Free text in `notes` would wipe out the variables of a server that keeps them there, and variables there
        // somebody's free text.
        let is_learnt = self.settings.dialect.is_none();
        let risks = is_learnt
            && (row.correction.notes.is_some()
                || row.spelling == Dialect::Reference && row.correction.touches_variables());
        // The other spelling of this row's variables may stand where the lead keeps something else.
        merges || risks || row.tried_other || self.settings.read_first
    }

    /// What answers has never shown a lead, nor refused anything in the API's way.
    fn stop_at_a_stranger(&self, words: &str) {
        self.halt.pull(halt::Cause::Misconfigured(format!(
            "{words}, and nothing else was a reply of the API either: something else answers at the base URL, which may \
             be wrong (with another one, add --fresh); where it is right, run the same command again when the API is \
             back"
        )));
    }

    fn reconnect(&self, row: &mut Row<'_, 'a>) -> Option<()> {
        if row.reconnected {
            self.halt.pull(halt::Cause::ContractBroken(format!(
                "asked for lead `{}`, the server answered with another one, also on a new connection",
                text::cut(&row.correction.lead_id)
            )));
            return None;
        }
        row.reconnected = true;
        if let Err(error) = self.client.reconnect() {
            self.halt
                .pull(halt::Cause::Misconfigured(error.to_string()));
            return None;
        }
        Some(())
    }

    fn stop<T>(&self, systemic: Systemic, answer: &Answer) -> Option<T> {
        self.halt.pull(match systemic {
            Systemic::KeyRefused => halt::Cause::KeyRefused(match answer.status {
                200..=299 => "the server refuses the change, and shows no lead".to_owned(),
                status => self.words(status, &complaint_in(answer)),
            }),
            Systemic::Redirected => halt::Cause::Misconfigured(format!(
                "the server redirects ({}{}), which is never followed: check the base URL (with another one, add --fresh)",
                answer.status,
                text::quoted(&self.client.redact(&answer.redirects_to().unwrap_or_default())),
            )),
        });
        None
    }

    fn note_success(&self, seen: Seen, row: &Row, plan: &Plan) {
        if let Seen::Answer {
            status: 200..=299,
            evidence,
            ..
        } = seen
        {
            self.succeeded.set(true);
            let proof = matches!(evidence, Evidence::Whole | Evidence::Partly);
            if proof
                && plan.change().tells_dialects_apart()
                && self.proven.replace(Some(row.spelling)) != Some(row.spelling)
            {
                info!(spelling = %row.spelling, "this body spelling has proved itself");
            }
        }
    }
}
