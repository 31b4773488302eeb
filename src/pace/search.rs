//! Nothing is announced: refusals alone tell. A rate that was granted and one that was refused close in on the quota;
//! after that it is asked again from time to time whether it has grown.

use super::Seconds;
use super::ledger::{Ledger, as_f64};
use super::lessons::Lessons;

/// A rate counts as granted when it was kept up so long, or half as long again as the last hold.
const TRIAL: Seconds = 1.5;
/// A rate of which less than this share was used was not tried.
const REACHED: f64 = 0.5;
/// What a bucket can pay for out of its content is tried no longer than this.
const LONGEST_TRIAL: Seconds = 10.0;
/// First step up, and the growth of the next with each that is granted; bolder until one was refused, for a bucket that
/// was emptied at once may give many times what the beginning shows.
const STEP: f64 = 0.02;
const GROWTH: f64 = 3.0;
const BOLD_GROWTH: f64 = 10.0;
/// No window as long as a trial grants so many times what was granted before the first refusal: it is a bucket.
const REFILLED: f64 = 2.0;
/// The search ends when no more than this share is to be gained.
const PRECISION: f64 = 0.02;
/// What was granted for long and is refused is tried a little lower.
const RETREAT: f64 = 0.99;
/// Refusals further apart are not of one kind.
const LESSON_SPAN: Seconds = 10.0;
/// After the search, a step up is tried so much later, since one that is refused costs a second; each of those doubles that.
const PATIENCE: Seconds = 60.0;
const MOST_PATIENCE: Seconds = 300.0;
/// Fewer that were granted between two holds say little of the rate.
const FEW: u64 = 8;
/// The rate then, in requests a second; it doubles or halves.
const FIRST: f64 = 4.0;
/// No rate is lower, in requests a second.
const LOWEST: f64 = 0.02;

/// A search for the rate.
#[derive(Debug)]
pub(super) struct Search {
    rate: f64,
    /// When this rate began, or was looked at last, and how many had been granted by then.
    since: (Seconds, u64),
    granted: Option<f64>,
    refused: Option<f64>,
    step: f64,
    /// Nothing that was tried was refused yet.
    is_bold: bool,
    /// What was granted at once before the first refusal: if it is a bucket, so much is in it. 0 where an earlier run
    /// has found the rate, which says nothing of it.
    burst: f64,
    trial: Seconds,
    patience: Seconds,
    /// The end of the last hold, and how many had been granted by then.
    cycle: (Seconds, u64),
    /// How many were granted since the last refusal that were under way when it came.
    late: u64,
    lessons: Lessons,
}

impl Search {
    pub(super) fn new(ledger: &Ledger, hold: Seconds) -> Self {
        let mut search = Self {
            is_bold: true,
            ..Self::from((hold, ledger.granted))
        };
        search.begin(ledger);
        search
    }

    pub(super) fn knowing(rate: f64) -> Self {
        Self {
            rate: rate.max(LOWEST),
            granted: Some(rate.max(LOWEST)),
            ..Self::from((0.0, 0))
        }
    }

    /// Nothing is known, and so many have been granted until then.
    fn from(since: (Seconds, u64)) -> Self {
        Self {
            rate: LOWEST,
            since,
            granted: None,
            refused: None,
            step: STEP,
            is_bold: false,
            burst: 0.0,
            trial: TRIAL,
            patience: PATIENCE,
            cycle: since,
            late: 0,
            lessons: Lessons::default(),
        }
    }

    /// What was granted until the end of the first hold is where the search begins.
    fn begin(&mut self, ledger: &Ledger) {
        let (hold, _) = self.since;
        let began = ledger.sent.time(0).unwrap_or_default();
        let average = as_f64(ledger.granted) / (hold - began).max(1e-3);
        let is_vague = ledger.granted < FEW;
        self.rate = average.max(if is_vague { FIRST } else { LOWEST });
        self.step = if is_vague { 1.0 } else { STEP };
        self.burst = as_f64(ledger.granted);
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// A request was granted.
    pub(super) fn granted(&mut self, ledger: &Ledger, now: Seconds) {
        let (since, before) = self.since;
        if now < since {
            self.granted_late(ledger);
            return;
        }
        let is_found = self
            .refused
            .is_some_and(|refused| is_close(self.rate, refused));
        let trial = if is_found {
            self.patience
        } else {
            self.trial.max(self.absorbed())
        };
        let span = now - since;
        if span < trial {
            return;
        }
        self.since = (now, ledger.granted);
        if as_f64(ledger.granted - before) < REACHED * self.rate * span {
            return;
        }
        self.granted = Some(self.rate);
        if let (Some(refused), false) = (self.refused, is_found) {
            self.rate = f64::midpoint(self.rate, refused);
        } else {
            self.refused = None;
            self.rate *= 1.0 + self.step;
            let growth = if self.is_bold { BOLD_GROWTH } else { GROWTH };
            self.step = (self.step * growth).min(1.0);
        }
    }

    /// A request was granted that was under way when another was refused: it belongs to what was granted before that.
    fn granted_late(&mut self, ledger: &Ledger) {
        self.late += 1;
        (self.since.1, self.cycle.1) = (ledger.granted, ledger.granted);
        if self.is_bold && self.granted.is_none() {
            self.begin(ledger);
        }
    }

    /// A bucket pays for a small step up out of its content for so long, and refuses it only then. Not while the first
    /// steps grow.
    fn absorbed(&self) -> Seconds {
        match self.granted {
            Some(granted) if granted < self.rate && self.refused.is_none() && !self.is_bold => {
                (self.burst / (self.rate - granted)).min(LONGEST_TRIAL)
            }
            _ => 0.0,
        }
    }

    /// If it is a bucket, which was full when this rate began and is empty now: what it was given meanwhile.
    fn refill(&self, ledger: &Ledger, now: Seconds) -> Option<f64> {
        let is_bucket = self.burst > 0.0 && self.granted? * TRIAL > REFILLED * self.burst;
        let (since, before) = self.since;
        let refilled = as_f64(ledger.granted - before) - self.burst;
        is_bucket.then(|| refilled / (now - since))
    }

    /// The first of a burst of refusals, for which everyone waits until `hold`.
    pub(super) fn refused(&mut self, ledger: &Ledger, now: Seconds, hold: Seconds) {
        let (from, before) = self.cycle;
        let late = std::mem::take(&mut self.late);
        let count = match ledger.granted - before {
            // Refusals come sooner than what is granted.
            0 => late,
            count => count,
        };
        if count == 0 {
            // It says nothing of the rate, and the hold grows.
            self.since = (hold, ledger.granted);
            return;
        }
        let average = as_f64(count) / (hold - from).max(1e-3);
        self.cycle = (hold, ledger.granted);
        let refill = self.refill(ledger, now);
        self.trial = TRIAL.max(1.5 * (hold - now));
        self.since = (hold, ledger.granted);
        (self.step, self.is_bold) = (STEP, false);
        match self.granted {
            Some(granted) if granted < self.rate => {
                self.refused = Some(self.rate);
                self.rate = if is_close(granted, self.rate) {
                    self.patience = (self.patience * 2.0).min(MOST_PATIENCE);
                    granted
                } else {
                    refill
                        .filter(|refill| (granted..self.rate).contains(refill))
                        .unwrap_or(f64::midpoint(granted, self.rate))
                };
            }
            // A little less, before all of it is doubted.
            Some(_) if !self.lessons.take(now, LESSON_SPAN) => {
                self.rate *= RETREAT;
                self.granted = Some(self.rate);
            }
            _ => {
                self.granted = None;
                self.refused = Some(self.rate);
                let average = if count < FEW {
                    0.5 * self.rate
                } else {
                    average
                };
                self.rate = average.clamp(0.3 * self.rate, 0.97 * self.rate).max(LOWEST);
            }
        }
    }
}

fn is_close(granted: f64, refused: f64) -> bool {
    refused <= granted * (1.0 + PRECISION)
}
