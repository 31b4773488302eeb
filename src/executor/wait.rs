//! What a row waits for: admission, and the pause before a retry; neither for longer than the run may take to end.

use std::time::Duration;

use futures::StreamExt;
use futures::future;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::Executor;
use super::row::{Row, backoff};
use crate::first_answers::ENOUGH;
use crate::halt;
use crate::limiter::{Permit, Refusal, Signal};

/// A row waits so long for others to begin that may tell what its reply means, and looks so often.
const OTHERS_BEGIN_WITHIN: Duration = Duration::from_secs(1);
const LOOK_EACH: Duration = Duration::from_millis(50);

impl<'a> Executor<'a> {
    /// The permit that the row began with, else another one: a row that has begun may finish while the run ends.
    pub(super) async fn permit(&self, row: &mut Row<'_, 'a>) -> Option<Permit<'a>> {
        match row.permit.take() {
            Some(permit) => Some(permit),
            None => self.admit().await,
        }
    }

    async fn admit(&self) -> Option<Permit<'a>> {
        let admitted = tokio::select! {
            biased;
            // Asked first: the usual row is admitted at once and waits for nothing else.
            admitted = self.admitted() => admitted,
            () = self.held_beyond_the_end() => return None,
        };
        self.heed(admitted)
    }

    /// Waits for admission. That nothing but trouble is met may be the fault of the rows that are left: the server is
    /// given up only if it shows no other lead either.
    pub(super) async fn admitted(&self) -> Result<Permit<'a>, Refusal> {
        loop {
            match self.limiter.admit().await {
                Err(Refusal::GaveUp) if self.is_server_there().await => {}
                admitted => return admitted,
            }
        }
    }

    /// Waits until the replies to other rows have told something that this row's may mean: as long as one of those is under
    /// way that do not wait for the same, and a moment for those that have not begun. Whether they have.
    pub(super) async fn have_others_told(&self, told: impl Fn() -> bool) -> bool {
        self.waiting.set(self.waiting.get() + 1);
        let asked_at = Instant::now();
        let may_be_told = || {
            self.under_way.get() > self.waiting.get()
                || self.waiting.get() < ENOUGH && asked_at.elapsed() < OTHERS_BEGIN_WITHIN
        };
        while !told() && !self.halt.is_pulled() && may_be_told() {
            tokio::time::sleep(LOOK_EACH).await;
        }
        self.waiting.set(self.waiting.get() - 1);
        told()
    }

    /// Waits while so many rows wait for what those under way are told that others would only join them.
    pub(super) async fn let_others_hear(&self) {
        while self.waiting.get() >= ENOUGH && !self.halt.is_pulled() {
            tokio::time::sleep(LOOK_EACH).await;
        }
    }

    /// Asks for leads that it has shown before, one row for all; a run that is ending asks no more.
    async fn is_server_there(&self) -> bool {
        let _turn = self.checking.lock().await;
        if !self.limiter.has_given_up() {
            return true;
        }
        if self.halt.is_pulled() {
            return false;
        }
        let witnesses = self.witnesses.borrow().clone();
        let replies = FuturesUnordered::new();
        for lead_id in &witnesses {
            replies.push(self.read_unadmitted(lead_id));
        }
        let is_there = replies
            .any(|reply| future::ready(!matches!(self.signal(&reply), Signal::Trouble { .. })))
            .await;
        if is_there {
            self.limiter.go_on();
        }
        is_there
    }

    /// A limiter that admits nothing more ends the run.
    pub(super) fn heed(&self, admitted: Result<Permit<'a>, Refusal>) -> Option<Permit<'a>> {
        admitted
            .inspect_err(|refusal| {
                self.halt.pull(match refusal {
                    Refusal::GaveUp => halt::Cause::GaveUp(self.last_trouble.borrow().clone()),
                    Refusal::HeldTooLong => halt::Cause::HeldTooLong,
                });
            })
            .ok()
    }

    /// Pauses before the request after `attempts` that failed: longer with each, and as long as retries are too
    /// large a share of all requests.
    pub(super) async fn pause_to_retry(&self, attempts: u32) -> Option<()> {
        self.pause(backoff(attempts)).await?;
        loop {
            let now = self.started.elapsed().as_secs_f64();
            let taken = self.retry_budget.borrow_mut().take(now);
            match taken {
                Ok(()) => return Some(()),
                Err(wait) => self.pause(Duration::from_secs_f64(wait)).await?,
            }
        }
    }

    /// Waits for the end of a run in which everyone is held for longer than rows under way may take: they would wait
    /// for nothing.
    async fn held_beyond_the_end(&self) {
        self.halt.pulled().await;
        let held = self.limiter.held_for().unwrap_or_default();
        if held <= self.settings.grace {
            std::future::pending::<()>().await;
        }
    }

    /// Pauses before another request for a row that has begun, unless the server is what ends the run.
    async fn pause(&self, pause: Duration) -> Option<()> {
        let ended = async {
            self.halt.pulled().await;
            if self.halt.is_orderly() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = ended => None,
            () = tokio::time::sleep(pause) => Some(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::executor::row::tests::{client, limiter, settings};
    use crate::halt::Halt;

    #[tokio::test]
    async fn a_server_that_answers_nobody_is_asked_once_for_all_rows() {
        // The system makes the connections, and nobody answers.
        let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let client = client(&format!("http://{}/v1", silent.local_addr().unwrap()));
        let limiter = limiter(Duration::ZERO);
        let permit = limiter.admit().await.unwrap();
        permit.report(Signal::Trouble { retry_after: None });
        let halt = Halt::default();
        let executor = Executor::new(&client, &limiter, &halt, settings());
        executor.trust(vec!["lead_1".to_owned()]);
        let admitted = future::join3(executor.admit(), executor.admit(), executor.admit()).await;
        assert!(matches!(admitted, (None, None, None)));
        assert_eq!(halt.cause(), Some(halt::Cause::GaveUp(String::new())));
        assert_eq!(executor.traffic().reads, 1);
    }
}
