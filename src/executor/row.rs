//! A row on its way: what is known of it, and what it comes to.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::debug;

use crate::api::{Dialect, Lead, Variables};
use crate::client::Reply;
use crate::correction::Correction;
use crate::limiter::Permit;
use crate::outcome::{Cause, Finding, Outcome, Status};

/// First pause before another attempt; full jitter below it.
const BACKOFF: Duration = Duration::from_millis(500);
/// Longest pause before another attempt.
const BACKOFF_CEILING: Duration = Duration::from_secs(30);
/// What a read of a lead showed is believed this long.
const FRESH: Duration = Duration::from_mins(1);

/// A row on its way.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, in any combination"
)]
pub(super) struct Row<'c, 'p> {
    pub(super) correction: &'c Correction,
    /// For its next request, where it has one already.
    pub(super) permit: Option<Permit<'p>>,
    pub(super) doubt: bool,
    pub(super) attempts: u32,
    pub(super) spelling: Dialect,
    pub(super) tried_other: bool,
    /// How the row ends when the server refuses the other spelling too.
    pub(super) fallback: Option<Fallback>,
    pub(super) reconnected: bool,
    /// Successes that have shown no lead, and pages before the API has said a word.
    pub(super) blanks: u32,
    /// When the lead was read to be merged with the row.
    pub(super) merged_at: Option<Instant>,
    /// It was read anew because that had become too long ago: the next turn is the row's to send, however late it
    /// comes, or a quota that lets few through would be used up by reads.
    pub(super) renewed: bool,
    /// The lead said that a call to it has begun.
    pub(super) is_dialled: bool,
    /// Variables that the lead had before our own first request, and any that came since: what our request may
    /// have lost is restored from here.
    pub(super) held: Variables,
    pub(super) http_status: Option<u16>,
    /// The server's words, or what happened to the connection.
    pub(super) words: String,
    /// What a read of the lead showed.
    pub(super) shown: String,
    /// The lead's variables that differ from the row's only in case, in words.
    pub(super) look_alikes: String,
}

/// What the first spelling came to.
pub(super) struct Fallback {
    finding: Finding,
    http_status: Option<u16>,
    words: String,
}

impl<'c, 'p> Row<'c, 'p> {
    pub(super) fn new(
        permit: Option<Permit<'p>>,
        correction: &'c Correction,
        doubt: bool,
        spelling: Dialect,
    ) -> Self {
        Self {
            correction,
            permit,
            doubt,
            attempts: 0,
            spelling,
            tried_other: false,
            fallback: None,
            reconnected: false,
            blanks: 0,
            merged_at: None,
            renewed: false,
            is_dialled: false,
            held: Variables::new(),
            http_status: None,
            words: String::new(),
            shown: String::new(),
            look_alikes: String::new(),
        }
    }

    /// Into the log, without anything that the server said.
    pub(super) fn trace(&self, method: &str, lead_id: &str, reply: &Reply) {
        debug!(
            lead = lead_id,
            method,
            attempt = self.attempts + 1,
            in_doubt = self.doubt,
            status = reply.status(),
            "replied"
        );
    }

    /// Whether what is to be sent was merged from a lead that may be another one by now.
    pub(super) fn is_stale(&self) -> bool {
        !self.renewed && self.merged_at.is_some_and(|at| at.elapsed() > FRESH)
    }

    pub(super) fn remember(&mut self, lead: &Lead) {
        self.is_dialled = lead.is_dialled();
        let shown = lead.variables().unwrap_or_default();
        if self.attempts == 0 {
            self.held = shown;
        } else {
            self.held.extend(shown);
        }
    }

    /// The row is sent in the other spelling next; where that comes to nothing, it has come to this.
    pub(super) fn try_other(&mut self, finding: Finding) {
        self.spelling = self.spelling.other();
        self.tried_other = true;
        self.fallback = Some(Fallback {
            finding,
            http_status: self.http_status,
            words: self.words.clone(),
        });
    }

    /// A refusal of the other spelling says nothing of the row: what the first one came to does.
    pub(super) fn finding(&self, finding: Finding) -> Finding {
        match &self.fallback {
            Some(fallback) if finding.status == Status::Invalid => fallback.finding,
            _ => finding,
        }
    }

    /// The other spelling cannot be sent: what the first one came to, in the words of then. In doubt a refusal is no
    /// proof.
    pub(super) fn fall_back(&mut self) -> Option<Outcome> {
        let fallback = self.fallback.take()?;
        self.http_status = fallback.http_status;
        self.words = fallback.words;
        let is_unproven = self.doubt && fallback.finding.status == Status::Invalid;
        Some(self.settled(if is_unproven {
            Finding::new(Status::Failed, Cause::OutcomeUnknown)
        } else {
            fallback.finding
        }))
    }

    /// A row that cannot be sent, or not once more: what an earlier attempt came to is then not known.
    pub(super) fn unfit(&mut self, cause: Cause) -> Outcome {
        if let Some(outcome) = self.fall_back() {
            return outcome;
        }
        let (status, words) = match cause {
            Cause::VariablesUnread => (
                Status::Failed,
                "the lead does not show its variables, so that laying others over them could lose some; \
                 --metadata replace sends the row's alone",
            ),
            Cause::TooManyVariables => (
                Status::Invalid,
                "with the row's the lead would have more than 15 variables; clear some of them",
            ),
            _ => (
                Status::Invalid,
                "the server keeps the variables in `notes`, so free text cannot be sent; empty the notes cell",
            ),
        };
        self.words = words.into();
        self.settled(if self.doubt {
            Finding::new(Status::Failed, Cause::OutcomeUnknown)
        } else {
            Finding::new(status, cause)
        })
    }

    pub(super) fn settled(&self, finding: Finding) -> Outcome {
        let remark = self.correction.remark();
        let parts = [&*self.words, &self.shown, &self.look_alikes, &remark];
        let detail: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        Outcome {
            finding,
            phone_number: self.correction.phone_number(),
            http_status: self.http_status,
            attempts: self.attempts,
            at: Timestamp::now(),
            detail: detail.join("; "),
        }
    }
}

/// Exponential, with full jitter.
pub(super) fn backoff(attempts: u32) -> Duration {
    let ceiling = BACKOFF * 2_u32.saturating_pow(attempts.saturating_sub(1).min(10));
    ceiling.min(BACKOFF_CEILING).mul_f64(fastrand::f64())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::client::{self, Client};
    use crate::executor::Settings;
    use crate::limiter::{self, Ceiling, Limiter};
    use crate::plan::MetadataMode;

    /// Lets one request go at once.
    pub(in crate::executor) fn limiter(give_up_after: Duration) -> Limiter {
        Limiter::new(limiter::Settings {
            ceiling: Ceiling::exactly(1),
            rate: None,
            give_up_after,
            known: None,
        })
    }

    pub(in crate::executor) fn client(base_url: &str) -> Client {
        Client::new(client::Settings {
            base_url: base_url.parse().unwrap(),
            api_key: "key".into(),
            timeout: Duration::from_secs(1),
            concurrency: 1,
            ca_file: None,
            proxy: None,
        })
        .unwrap()
    }

    pub(in crate::executor) fn settings() -> Settings {
        Settings {
            max_attempts: 1,
            metadata: MetadataMode::Merge,
            read_first: false,
            dialect: None,
            grace: Duration::ZERO,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_is_believed_for_a_minute() {
        let limiter = limiter(Duration::from_mins(2));
        let correction = Correction::of("lead_1");
        let permit = limiter.admit().await.unwrap();
        let mut row = Row::new(Some(permit), &correction, false, Dialect::Guide);
        tokio::time::advance(2 * FRESH).await;
        assert!(!row.is_stale(), "nothing was merged");
        row.merged_at = Some(Instant::now());
        tokio::time::advance(FRESH).await;
        assert!(!row.is_stale());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(row.is_stale());
    }

    #[test]
    fn pauses_grow_and_stay_below_their_ceiling() {
        for (attempts, ceiling) in [(1, 500), (2, 1_000), (4, 4_000), (7, 30_000), (100, 30_000)] {
            let pauses: Vec<_> = (0..200).map(|_| backoff(attempts)).collect();
            let ceiling = Duration::from_millis(ceiling);
            assert!(pauses.iter().all(|pause| *pause <= ceiling), "{attempts}");
            assert!(
                pauses.iter().any(|pause| *pause > ceiling / 2),
                "{attempts}: no jitter up to the ceiling"
            );
        }
    }
}
