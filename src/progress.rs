//! The bar on a terminal, a line every ten seconds elsewhere, or nothing.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::outcome::Finding;
use crate::summary::Counts;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Between two updates of the bar.
const BAR_EVERY: Duration = Duration::from_millis(100);

/// How far the run is, shown on stderr.
#[derive(Debug)]
pub struct Progress {
    rows: u64,
    started: Instant,
    begun_with: u64,
    display: Display,
    state: RefCell<State>,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

#[derive(Debug)]
struct State {
    counts: Counts,
    /// What the run waits for.
    note: String,
    shown: Instant,
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
        let now = Instant::now();
        let begun_with = counts.total();
        let progress = Self {
            rows,
            started: now,
            begun_with,
            display,
            state: RefCell::new(State {
                counts,
                note: String::new(),
                shown: now,
            }),
        };
        progress.show();
        progress
    }

    /// Counts a row that was written.
    pub fn written(&self, finding: Finding) {
        let every = match self.display {
            Display::Bar(_) => BAR_EVERY,
            Display::Lines | Display::Nothing => LINE_EVERY,
        };
        self.state.borrow_mut().counts.add(finding);
        if self.state.borrow().shown.elapsed() >= every {
            self.show();
        }
    }

    /// Keeps showing that the run is alive although no row is settled; never ends. `note` says what it waits for.
    pub async fn keep_alive(&self, note: impl Fn() -> String) -> Infallible {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            match (&self.display, note()) {
                (Display::Bar(_), note) => {
                    self.state.borrow_mut().note = note;
                    self.show();
                }
                (Display::Lines, note) if self.state.borrow().shown.elapsed() >= LINE_EVERY => {
                    self.state.borrow_mut().note = note;
                    self.show_line();
                }
                (Display::Lines | Display::Nothing, _) => {}
            }
        }
    }

    /// Since this run has begun to send.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Everything that is settled, earlier runs included.
    pub fn counts(&self) -> Counts {
        self.state.borrow().counts.clone()
    }

    /// Clears the bar.
    pub fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    fn show(&self) {
        match &self.display {
            Display::Bar(bar) => {
                bar.set_position(self.state.borrow().counts.total());
                bar.set_message(self.message());
                self.state.borrow_mut().shown = Instant::now();
            }
            Display::Lines if self.state.borrow().shown.elapsed() >= LINE_EVERY => {
                self.show_line();
            }
            Display::Lines | Display::Nothing => {}
        }
    }

    fn show_line(&self) {
        let done = self.state.borrow().counts.total();
        #[expect(clippy::cast_precision_loss, reason = "a pace for people")]
        let pace = (done - self.begun_with) as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        // A closed stderr is nothing to stop for.
        let _ = writeln!(
            std::io::stderr(),
            "{done} of {} rows, {pace:.0}/s · {}",
            self.rows,
            self.message()
        );
        self.state.borrow_mut().shown = Instant::now();
    }

    fn message(&self) -> String {
        let state = self.state.borrow();
        let parts: Vec<String> = state
            .counts
            .by_status()
            .filter(|(_, count, _)| *count > 0)
            .map(|(status, count, _)| format!("{status} {count}"))
            .chain((!state.note.is_empty()).then(|| state.note.clone()))
            .collect();
        parts.join(" · ")
    }
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
