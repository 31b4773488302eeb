//! What a run is bound by: the quota, the latency, or the machine.

use std::fmt;
use std::time::Duration;

use crate::limiter::{Limiter, Obstacle};
use crate::pace::Quota;

/// A share of the time below this binds nothing.
const NOTABLE: f64 = 0.2;
/// A process that is on its processor for this share of the time is what binds.
const BUSY: f64 = 0.8;

/// How long admission has waited, and for what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waits {
    quota: Duration,
    slots: Duration,
    trouble: Duration,
}

impl Waits {
    pub(crate) fn add(&mut self, obstacle: &Obstacle, waited: Duration) {
        match obstacle {
            Obstacle::Quota(_) | Obstacle::Gate(_) => self.quota += waited,
            Obstacle::Slots => self.slots += waited,
            Obstacle::Probe => self.trouble += waited,
        }
    }
}

/// What binds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The server's quota, as understood, or the rate that was asked for.
    Quota(Option<Quota>),
    /// So many at once, each of which takes so long.
    Latency(usize, Duration),
    /// A server in trouble.
    Trouble,
    /// This machine: its processor, its disk, or the file.
    Machine,
}

impl Bound {
    /// What has bound a run that admits through `limiter` and has gone on for `elapsed`.
    pub fn of(limiter: &Limiter, elapsed: Duration) -> Self {
        let (at_once, latency) = limiter.concurrency();
        let busy = on_processor().map(|busy| busy.as_secs_f64() / elapsed.as_secs_f64().max(1e-9));
        match told(limiter.waits(), elapsed, busy) {
            Told::Quota => Self::Quota(limiter.quota()),
            Told::Latency => Self::Latency(at_once, latency),
            Told::Trouble => Self::Trouble,
            Told::Machine => Self::Machine,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Quota,
    Latency,
    Trouble,
    Machine,
}

fn told(waits: Waits, elapsed: Duration, busy: Option<f64>) -> Told {
    let longest = waits.quota.max(waits.slots).max(waits.trouble);
    if longest.as_secs_f64() < NOTABLE * elapsed.as_secs_f64() {
        Told::Machine
    } else if longest == waits.quota {
        Told::Quota
    } else if longest == waits.trouble {
        Told::Trouble
    } else if busy.is_some_and(|busy| busy >= BUSY) {
        Told::Machine
    } else {
        Told::Latency
    }
}

/// How long this process's first thread, which does everything but syncing, has been on a processor; only Linux
/// tells.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota(Some(quota)) => write!(f, "the quota ({quota})"),
            Self::Quota(None) => f.write_str("the quota"),
            Self::Latency(at_once, latency) => {
                write!(
                    f,
                    "latency ({at_once} at once, {:.0} ms a reply)",
                    latency.as_secs_f64() * 1e3
                )
            }
            Self::Trouble => f.write_str("the server's trouble"),
            Self::Machine => f.write_str("this machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_waited_for_longest_binds() {
        let seconds = Duration::from_secs;
        for (quota, slots, trouble, busy, expected) in [
            (0, 0, 0, None, Told::Machine),
            (1, 1, 0, None, Told::Machine),
            (8, 1, 0, Some(0.1), Told::Quota),
            (1, 8, 0, Some(0.1), Told::Latency),
            (1, 8, 0, None, Told::Latency),
            (1, 8, 0, Some(0.9), Told::Machine),
            (0, 1, 8, Some(0.0), Told::Trouble),
        ] {
            let waits = Waits {
                quota: seconds(quota),
                slots: seconds(slots),
                trouble: seconds(trouble),
            };
            assert_eq!(
                told(waits, seconds(10), busy),
                expected,
                "{waits:?}, {busy:?}"
            );
        }
    }
}
