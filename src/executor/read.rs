//! What a row reads its lead for: to plan its request, to answer a question about it, to tell whose fault a 403 is.

use std::time::Duration;

use tokio::time::Instant;

use super::Executor;
use super::reply::lead_of;
use super::row::Row;
use crate::classify::{self, Question, Systemic, Verdict};
use crate::client::{Answer, Reply};
use crate::limiter::Signal;
use crate::outcome::{Cause, Finding, Outcome, Status};
use crate::plan::Plan;

/// A read that fails in passing is tried this often.
const READ_TRIES: u32 = 3;
/// A lock that was in doubt is looked at a second time after this.
const SECOND_LOOK: Duration = Duration::from_millis(1_100);

impl<'a> Executor<'a> {
    /// An answer that shows the lead as it is before the request, or the outcome of a row that ends here.
    pub(super) async fn read_before(
        &self,
        row: &mut Row<'_, 'a>,
    ) -> Option<Result<Answer, Outcome>> {
        let mut tries = 0;
        loop {
            let reply = self.get(row).await?;
            let seen = self.see(row, &reply, None);
            let verdict = match classify::read_before(seen, row.doubt, self.succeeded.get()) {
                Some(Verdict::Stop(Systemic::KeyRefused))
                    if self.is_key_known_to_work(row, &reply).await? =>
                {
                    continue;
                }
                None => {
                    row.renewed = row.is_stale();
                    row.merged_at = Some(Instant::now());
                    match reply {
                        Reply::Answer(answer) => return Some(Ok(answer)),
                        Reply::NotConnected { .. } | Reply::Lost { .. } => {
                            Verdict::Retry { doubt: row.doubt }
                        }
                    }
                }
                Some(verdict) => verdict,
            };
            match verdict {
                Verdict::Settle(finding) => return Some(Err(row.settled(finding))),
                Verdict::Reconnect => self.reconnect(row)?,
                Verdict::Stop(systemic) => return self.stop(systemic, reply.answer()?),
                Verdict::Hold => {}
                Verdict::Retry { .. } | Verdict::Ask { .. } | Verdict::OtherSpelling(_) => {
                    tries += 1;
                    if tries >= self.settings.max_attempts {
                        let cause = if row.doubt {
                            Cause::OutcomeUnknown
                        } else if let Some(outcome) = row.fall_back() {
                            return Some(Err(outcome));
                        } else {
                            Cause::Unreachable
                        };
                        return Some(Err(row.settled(Finding::new(Status::Failed, cause))));
                    }
                    self.pause_to_retry(tries).await?;
                }
            }
        }
    }

    /// Reads the lead to answer a question about it.
    pub(super) async fn ask(
        &self,
        row: &mut Row<'_, 'a>,
        plan: &Plan<'_>,
        question: Question,
    ) -> Option<Verdict> {
        if question == Question::ConflictAgain {
            tokio::time::sleep(SECOND_LOOK).await;
        }
        let asked_about = (row.http_status, row.words.clone());
        let mut tries = 0;
        loop {
            let reply = self.get(row).await?;
            let seen = self.see(row, &reply, Some(plan));
            // Status and words of a settled row are those of its `PATCH`.
            (row.http_status, row.words) = asked_about.clone();
            let passing = classify::is_passing(seen);
            // A refusal for want of quota is no try.
            tries += u32::from(passing);
            if passing && tries < READ_TRIES {
                self.pause_to_retry(tries).await?;
                continue;
            }
            match classify::read(question, seen, row.doubt) {
                Verdict::Hold => {}
                Verdict::Reconnect => self.reconnect(row)?,
                Verdict::Stop(Systemic::KeyRefused)
                    if self.is_key_known_to_work(row, &reply).await? =>
                {
                    return Some(classify::forbidden(question, row.doubt));
                }
                Verdict::Stop(systemic) => return self.stop(systemic, reply.answer()?),
                verdict => {
                    if let Some(lead) = lead_of(&reply) {
                        self.sights.set(self.sights.get().after(&lead));
                        row.shown = self.client.redact(&plan.explain(&lead));
                    }
                    return Some(verdict);
                }
            }
        }
    }

    /// Whether a 403 must be about the row: the key may read other leads, or one that it could touch in an earlier run.
    async fn is_key_known_to_work(&self, row: &mut Row<'_, 'a>, reply: &Reply) -> Option<bool> {
        if reply.status() == Some(401) {
            return Some(false);
        }
        self.ask_witnesses(row).await?;
        let is_answered = || self.succeeded.get();
        Some(self.have_others_told(is_answered).await)
    }

    /// Reads the leads that an earlier run has settled, until one is shown. Whether the server knows none of them, so that
    /// the key is another workspace's.
    pub(super) async fn ask_witnesses(&self, row: &mut Row<'_, 'a>) -> Option<bool> {
        let witnesses = self.witnesses.borrow().clone();
        let mut are_unknown = !witnesses.is_empty();
        for lead_id in &witnesses {
            if self.succeeded.get() {
                return Some(false);
            }
            are_unknown &= self.is_unknown(row, lead_id).await?;
        }
        Some(are_unknown && !self.succeeded.get())
    }

    /// Whether the server refuses to show this lead; that it shows it is noted.
    async fn is_unknown(&self, row: &mut Row<'_, 'a>, lead_id: &str) -> Option<bool> {
        let mut tries = 0;
        while tries < READ_TRIES {
            let reply = self.read(row, lead_id).await?;
            match self.signal(&reply) {
                Signal::Throttled(_) => {}
                Signal::Answered(_) if reply.status() == Some(401) => {
                    return self.stop(Systemic::KeyRefused, reply.answer()?);
                }
                Signal::Answered(_) => {
                    let is_shown = lead_of(&reply).is_some_and(|lead| lead.is_named(lead_id));
                    self.succeeded.set(self.succeeded.get() || is_shown);
                    return Some(matches!(reply.status(), Some(403 | 404)));
                }
                Signal::Trouble { .. } => {
                    tries += 1;
                    self.pause_to_retry(tries).await?;
                }
            }
        }
        Some(false)
    }
}
