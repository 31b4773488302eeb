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
    /// Nothing but failed connections, timeouts and 5xx for `--give-up-after`.
    GaveUp,
    /// The server asks for a longer pause than a run waits.
    HeldTooLong,
    /// The key was refused.
    KeyRefused,
    /// The server redirects, or its certificate is not trusted; the words say which.
    Misconfigured(String),
    /// The server answers for other leads than the ones asked for.
    ContractBroken(String),
}

/// Pulled once, seen by all.
#[derive(Debug)]
pub struct Halt(watch::Sender<Option<Cause>>);

impl Default for Halt {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Halt {
    /// Ends the run; without effect when it is ending already.
    pub fn pull(&self, cause: Cause) {
        self.0.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                *state = Some(cause);
            }
            first
        });
    }

    /// The cause, once there is one.
    pub fn cause(&self) -> Option<Cause> {
        self.0.borrow().clone()
    }

    /// Whether the run is ending.
    pub fn is_pulled(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits for the end.
    pub async fn pulled(&self) {
        // The sender lives as long as `self`, so the only way out is the condition.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_cause_wins_and_wakes_those_who_wait() {
        let halt = Halt::default();
        assert!(!halt.is_pulled());
        let waiter = halt.pulled();
        halt.pull(Cause::Interrupted);
        halt.pull(Cause::Deadline);
        waiter.await;
        assert_eq!(halt.cause(), Some(Cause::Interrupted));
    }
}
