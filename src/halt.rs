//! Why a run ends before its file does. The first cause wins; everyone who waits can wait for it too.

use tokio::sync::watch;

/// What ended the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Ctrl-C (`SIGINT`).
    Interrupted,
    /// `SIGTERM`.
    Terminated,
    /// `--deadline` is over.
    Deadline,
    /// Nothing but failed connections, timeouts and 5xx for `--give-up-after`; the words are of the last one.
    GaveUp(String),
    /// A row is at its end, and the server has answered nothing so far; the words say why.
    Unreachable(String),
    /// The server asks for a longer pause than a run waits.
    HeldTooLong,
    /// The key was refused; the words say how.
    KeyRefused(String),
    /// What answers is not the API that was meant, or the key is not for these leads: a redirect, a certificate that is
    /// not trusted, first answers that are all refusals or show no lead, leads settled before that are unknown; the
    /// words say which.
    Misconfigured(String),
    /// The server answers for other leads than the ones asked for.
    ContractBroken(String),
}

/// Pulled once, seen by all.
#[derive(Debug)]
pub struct Halt {
    cause: watch::Sender<Option<Cause>>,
    forced: watch::Sender<bool>,
}

impl Default for Halt {
    fn default() -> Self {
        Self {
            cause: watch::Sender::new(None),
            forced: watch::Sender::new(false),
        }
    }
}

impl Halt {
    /// Ends the run; without effect when it is ending already.
    pub fn pull(&self, cause: Cause) {
        self.cause.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                *state = Some(cause);
            }
            first
        });
    }

    /// The cause, once there is one.
    pub fn cause(&self) -> Option<Cause> {
        self.cause.borrow().clone()
    }

    /// Whether rows that have begun may still be taken to their end: the server is not what ended the run.
    pub fn is_orderly(&self) -> bool {
        matches!(
            self.cause(),
            None | Some(Cause::Interrupted | Cause::Terminated | Cause::Deadline)
        )
    }

    /// Whether the run is ending.
    pub fn is_pulled(&self) -> bool {
        self.cause.borrow().is_some()
    }

    /// Waits for the end.
    pub async fn pulled(&self) {
        // The sender lives as long as `self`, so the only way out is the condition.
        let _ = self.cause.subscribe().wait_for(Option::is_some).await;
    }

    /// Ends the run without waiting for what is under way.
    pub fn force(&self) {
        self.forced.send_replace(true);
    }

    /// Waits for [`Halt::force`].
    pub async fn forced(&self) {
        let _ = self.forced.subscribe().wait_for(|forced| *forced).await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_first_cause_wins_and_wakes_those_who_wait() {
        let halt = Halt::default();
        assert!(!halt.is_pulled());
        let mut waiter = pin!(halt.pulled());
        assert!(waiter.as_mut().now_or_never().is_none());
        halt.pull(Cause::Interrupted);
        halt.pull(Cause::Deadline);
        waiter.await;
        assert_eq!(halt.cause(), Some(Cause::Interrupted));
    }
}
