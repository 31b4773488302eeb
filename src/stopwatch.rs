//! How long something has gone on, by the clock and on the processor.

use std::time::Duration;

use tokio::time::Instant;

/// Started once, and read while it goes on.
#[derive(Debug)]
pub struct Stopwatch {
    started: Instant,
    busy_before: Option<Duration>,
}

impl Stopwatch {
    /// Starts one.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            busy_before: on_processor(),
        }
    }

    /// By the clock.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// For which share of that the process was on its processor, where the system tells.
    pub fn busy(&self) -> Option<f64> {
        let busy = on_processor()?.saturating_sub(self.busy_before?);
        Some(busy.as_secs_f64() / self.elapsed().as_secs_f64().max(1e-9))
    }
}

/// How long this process's first thread, which does everything but syncing, has been on a processor; only Linux
/// tells.
fn on_processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
