//! What a run is bound by: the quota, the latency, its slowest rows, or the machine.

use std::fmt;
use std::time::Duration;

use crate::limiter::{Limiter, Waits};
use crate::pace::Quota;
use crate::stopwatch::Stopwatch;

/// A share of the time below this binds nothing.
const NOTABLE: f64 = 0.2;
/// A process that is on its processor for this share of the time is what binds.
const BUSY: f64 = 0.8;

/// What binds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// The server's quota, as understood.
    Quota(Option<Quota>),
    /// The rate that was asked for.
    Rate,
    /// So many at once, each of which takes so long.
    Latency(usize, Duration),
    /// A server in trouble.
    Trouble,
    /// Rows under way that take longer than the others: behind a whole window of them nothing begins, nor at the end.
    Rows,
    /// This machine: its processor, its disk, or the file.
    Machine,
}

impl Bound {
    /// What has bound a run that has admitted through `limiter` since the `watch` was started.
    pub fn of(limiter: &Limiter, watch: &Stopwatch) -> Self {
        told(
            limiter.waits(),
            watch.elapsed(),
            watch.busy(),
            limiter.quota(),
            limiter.concurrency(),
        )
    }
}

fn told(
    waits: Waits,
    elapsed: Duration,
    busy: Option<f64>,
    quota: Option<Quota>,
    (at_once, latency): (usize, Duration),
) -> Bound {
    let Waits {
        quota: for_quota,
        rate,
        slots,
        trouble,
    } = waits;
    let longest = for_quota.max(rate).max(slots).max(trouble);
    if longest.as_secs_f64() < NOTABLE * elapsed.as_secs_f64() {
        if busy.is_some_and(|busy| busy < NOTABLE) {
            Bound::Rows
        } else {
            Bound::Machine
        }
    } else if longest == for_quota {
        Bound::Quota(quota)
    } else if longest == rate {
        Bound::Rate
    } else if longest == trouble {
        Bound::Trouble
    } else if busy.is_some_and(|busy| busy >= BUSY) {
        Bound::Machine
    } else {
        Bound::Latency(at_once, latency)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota(Some(quota)) => write!(f, "the quota ({quota})"),
            Self::Quota(None) => f.write_str("the quota"),
            Self::Rate => f.write_str("the rate that was asked for"),
            Self::Latency(at_once, latency) => {
                write!(
                    f,
                    "latency ({at_once} at once, {:.0} ms a reply)",
                    latency.as_secs_f64() * 1e3
                )
            }
            Self::Trouble => f.write_str("the server's trouble"),
            Self::Rows => f.write_str("its slowest rows"),
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
        let quota_bound = Bound::Quota(Some(Quota::Bucket { rate: 5.0 }));
        let slots_bound = Bound::Latency(64, seconds(2));
        for (quota, rate, slots, trouble, busy, expected) in [
            (0, 0, 0, 0, None, Bound::Machine),
            (1, 0, 1, 0, None, Bound::Machine),
            (1, 0, 1, 0, Some(0.9), Bound::Machine),
            (1, 0, 1, 0, Some(0.1), Bound::Rows),
            (8, 0, 1, 0, Some(0.1), quota_bound),
            (1, 8, 1, 0, Some(0.1), Bound::Rate),
            (1, 0, 8, 0, Some(0.1), slots_bound),
            (1, 0, 8, 0, None, slots_bound),
            (1, 0, 8, 0, Some(0.9), Bound::Machine),
            (0, 0, 1, 8, Some(0.0), Bound::Trouble),
        ] {
            let waits = Waits {
                quota: seconds(quota),
                rate: seconds(rate),
                slots: seconds(slots),
                trouble: seconds(trouble),
            };
            assert_eq!(
                told(
                    waits,
                    seconds(10),
                    busy,
                    Some(Quota::Bucket { rate: 5.0 }),
                    (64, seconds(2)),
                ),
                expected,
                "{waits:?}, {busy:?}"
            );
        }
    }
}
