//! The bar on a terminal, a line every ten seconds elsewhere, or nothing.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::outcome::Finding;
use crate::stopwatch::Stopwatch;
use crate::summary::Counts;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Between two updates of the bar.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// How far the run is, shown on stderr.
#[derive(Debug)]
pub struct Progress {
    rows: u64,
    watch: Stopwatch,
    begun_with: u64,
    display: Display,
    counts: RefCell<Counts>,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// Shows progress over `rows`, of which `counts` are done; `quiet` shows nothing, a chatty log takes the
    /// bar's place.
    pub fn new(rows: u64, counts: Counts, quiet: bool, log_is_chatty: bool) -> Self {
        let display = if quiet {
            Display::Nothing
        } else if std::io::stderr().is_terminal() && !log_is_chatty {
            let bar = bar(rows);
            bar.set_position(counts.total());
            bar.reset_eta();
            Display::Bar(bar)
        } else {
            Display::Lines
        };
        Self {
            rows,
            watch: Stopwatch::start(),
            begun_with: counts.total(),
            display,
            counts: RefCell::new(counts),
        }
    }

    /// Counts a row that was written.
    pub fn written(&self, finding: Finding) {
        self.counts.borrow_mut().add(finding);
    }

    /// Keeps showing how far the run is; never ends. `note` says what it waits for.
    pub async fn keep_alive(&self, note: impl Fn() -> String) -> Infallible {
        let every = match self.display {
            Display::Bar(_) => BAR_EVERY,
            Display::Lines => LINE_EVERY,
            Display::Nothing => return std::future::pending().await,
        };
        loop {
            tokio::time::sleep(every).await;
            self.show(&note());
        }
    }

    /// Since this run has begun to send.
    pub fn watch(&self) -> &Stopwatch {
        &self.watch
    }

    /// Everything that is settled, earlier runs included.
    pub fn counts(&self) -> Counts {
        self.counts.borrow().clone()
    }

    /// Clears the bar.
    pub fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    fn show(&self, note: &str) {
        let counts = self.counts.borrow();
        let done = counts.total();
        let parts: Vec<String> = counts
            .by_status()
            .filter(|(_, count, _)| *count > 0)
            .map(|(status, count, _)| format!("{status} {count}"))
            .chain([note.to_owned()])
            .collect();
        let message = parts.join(" · ");
        match &self.display {
            Display::Bar(bar) => {
                bar.set_position(done);
                bar.set_message(message);
            }
            Display::Lines => {
                #[expect(clippy::cast_precision_loss, reason = "a pace for people")]
                let pace =
                    (done - self.begun_with) as f64 / self.watch.elapsed().as_secs_f64().max(1e-3);
                let left = left(self.rows - done, pace)
                    .map(|left| format!(", {} left", HumanDuration(left)))
                    .unwrap_or_default();
                // A closed stderr is nothing to stop for.
                let _ = writeln!(
                    std::io::stderr(),
                    "{done} of {} rows, {pace:.0}/s{left} · {message}",
                    self.rows
                );
            }
            Display::Nothing => {}
        }
    }
}

/// How long so many rows take at this pace; unknown where nothing has gone yet.
fn left(rows: u64, pace: f64) -> Option<Duration> {
    #[expect(clippy::cast_precision_loss, reason = "a time for people")]
    let rows = rows as f64;
    Duration::try_from_secs_f64(rows / pace).ok()
}

fn bar(rows: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(rows), ProgressDrawTarget::stderr_with_hz(10));
    let template = "{bar:24} {human_pos}/{human_len} {pace} left {eta} · {wide_msg}";
    let style = ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("pace", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A terminal that went away is nothing to stop for.
            let _ = write!(out, "{:.0}/s", state.per_sec());
        });
    bar.set_style(style);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_unknown_until_something_has_gone() {
        assert_eq!(left(1008, 252.0), Some(Duration::from_secs(4)));
        assert_eq!(left(1008, 0.0), None);
    }
}
