//! Headers, but what they mean is not known yet: what remains is spent until the reset, and never more than remains,
//! which draws no refusal from any kind of quota.

use super::bucket::Bucket;
use super::ledger::{Ledger, as_f64};
use super::window::Window;
use super::{Kind, Seconds, Sight};

/// The pace begins here, in requests a second, and doubles each tenth of a second.
const FIRST: f64 = 64.0;
const DOUBLES_EACH: Seconds = 0.1;
/// A reset further away is waited for, but what remains is spent by then.
const HORIZON: Seconds = 60.0;
/// A reset nearer than this, or than a round trip, is not raced against.
const NEAREST: Seconds = 0.25;
/// A window in which fewer are granted shows too little to tell what kind it is.
const FEWEST: u64 = 3;
/// A sliding window is no shorter; what recovers sooner is a bucket, or came out of order.
const SHORTEST: Seconds = 0.5;
/// Windows are rather made in whole seconds: one that is measured to be no further from them than this share is one.
const ODD: f64 = 0.02;
/// Lengths that differ by no more than this share are the same.
const SAME: f64 = 0.1;
/// A length of which this share is certain is measured by two resets.
const EXACT: f64 = 0.6;
/// Where no reset is announced.
const USUAL_WINDOW: Seconds = 1.0;

/// What the headers have done so far.
#[derive(Debug)]
pub(super) struct Learning {
    began: Seconds,
    /// What was sent before this shows a quota that is used up, which tells nothing.
    from: Seconds,
    /// Where the stretch without a reset began.
    stretch: Sight,
    /// The last sight of the stretch up to which `Remaining` fell by one for each request.
    falling: Sight,
    /// How many others took in the stretch before anything recovered, at least.
    others: f64,
    /// The first reset: the last request that did not show it, and the first that did.
    edge: Option<(Sight, Sight)>,
    /// The window's length at most if it is a sliding one, and how many requests had recovered when that came up.
    sliding: Option<(Seconds, f64)>,
    /// What refusals have added to a window that was given up for them: the next one begins with it.
    widened: f64,
}

impl Learning {
    pub(super) fn new(sight: Sight, now: Seconds) -> Self {
        Self {
            began: now,
            from: sight.sent_at,
            stretch: sight,
            falling: sight,
            others: 0.0,
            edge: None,
            sliding: None,
            widened: 0.0,
        }
    }

    /// Anew after a refusal, for which everyone waits until `hold`.
    pub(super) fn after(sight: Sight, hold: Seconds, widened: f64) -> Self {
        Self {
            from: hold,
            widened,
            ..Self::new(sight, hold)
        }
    }

    pub(super) fn pace(&self, ledger: &Ledger, now: Seconds) -> f64 {
        let brisk = FIRST * 2.0_f64.powf(((now - self.began) / DOUBLES_EACH).clamp(0.0, 20.0));
        let remaining = ledger.sight.map_or(1.0, |sight| sight.remaining);
        let left = ledger
            .resets_at
            .map_or(USUAL_WINDOW, |at| (at - now).min(HORIZON));
        let left = left.max(NEAREST).max(ledger.latency.smooth());
        brisk
            .min((remaining - as_f64(ledger.unseen())).max(1.0) / left)
            .max(1.0 / HORIZON)
    }

    /// A request was refused while some remained, for which everyone waits until `hold`: it was not counted, and would seem
    /// to have recovered.
    pub(super) fn refused(&mut self, hold: Seconds) {
        self.from = hold;
    }

    /// Until when nothing may go.
    pub(super) fn closed_until(ledger: &Ledger, now: Seconds) -> Option<Seconds> {
        let remaining = ledger.sight.map_or(1.0, |sight| sight.remaining);
        if remaining - as_f64(ledger.unseen()) >= 1.0 {
            return None;
        }
        // The window is used up. One request finds out whether the next one has begun.
        ledger
            .awaits_until(now)
            .or(ledger.resets_at.filter(|at| *at > now))
    }

    /// Two sights, one after the other; what kind of quota shows, once one does.
    pub(super) fn see(&mut self, ledger: &Ledger, before: Sight, sight: Sight) -> Option<Kind> {
        if ledger.limit < FEWEST {
            return None;
        }
        if before.sent_at < self.from {
            self.begin(sight);
            return None;
        }
        if ledger.is_reset(before, sight) {
            let first = self.edge.replace((before, sight));
            self.begin(sight);
            let (last, first) = first?;
            let shortest = before.sent_at - first.sent_at;
            let longest = sight.sent_at - last.sent_at;
            if longest <= 0.0 {
                return None;
            }
            // After a long pause a sliding window has given back as much.
            let is_vague = shortest < EXACT * longest;
            let sliding = is_vague.then(|| self.returning(ledger, before, sight));
            return sliding.flatten().or_else(|| {
                let length = whole(ledger, shortest, longest);
                let window = Window::new(length, Some((before, sight)), false, self.widened);
                Some(Kind::Window(window))
            });
        }
        let rise = sight.remaining - before.remaining;
        let sent = as_f64(sight.number - self.stretch.number);
        let recovered = sent - (self.stretch.remaining - sight.remaining);
        self.others = self.others.max(-recovered);
        if recovered <= ledger.noise() + 1.0 {
            self.falling = sight;
            return None;
        }
        if rise >= ledger.notable(8.0) && 2.0 * rise >= recovered {
            // All at once, but too little was used for it to be certain.
            self.begin(sight);
            return None;
        }
        if recovered < ledger.notable(4.0) {
            return None;
        }
        let fell = as_f64(self.falling.number - self.stretch.number);
        if fell < ledger.notable(8.0) {
            return Some(
                self.returning(ledger, self.stretch, sight)
                    .unwrap_or_else(|| self.bucket(sight, recovered)),
            );
        }
        // A sliding window gives back what was sent a window ago; a bucket that was emptied, little by little.
        let (shortest, longest) = self.age(ledger, sight, recovered)?;
        let Some((length, first)) = self.sliding else {
            if longest < SHORTEST {
                self.begin(sight);
            } else {
                self.sliding = Some((longest, recovered));
            }
            return None;
        };
        let length = length.min(longest);
        if length < SHORTEST {
            // What was sent a moment ago cannot have returned from a window.
            self.begin(sight);
            return None;
        }
        self.sliding = Some((length, first));
        let began = self.stretch.sent_at;
        let expected = as_f64(ledger.sent.since(began) - ledger.sent.since(sight.sent_at - length));
        if expected < 2.0 * first + 8.0 + ledger.noise() {
            return None;
        }
        if recovered < expected / 2.0 {
            return Some(self.bucket(sight, recovered));
        }
        Some(self.sliding(ledger, shortest, length))
    }

    /// The limit is another one: what was seen under the one before says nothing of it.
    pub(super) fn begin_anew(&mut self, sight: Sight) {
        self.edge = None;
        self.begin(sight);
    }

    /// A stretch without a reset.
    fn begin(&mut self, sight: Sight) {
        (self.stretch, self.falling, self.sliding) = (sight, sight, None);
        self.others = 0.0;
    }

    fn bucket(&self, sight: Sight, recovered: f64) -> Kind {
        let span = sight.sent_at - self.stretch.sent_at;
        Kind::Bucket(Bucket::new(recovered / span.max(NEAREST)))
    }

    /// If requests are given back when they are a window old: how old that is at least and at most.
    fn age(&self, ledger: &Ledger, sight: Sight, recovered: f64) -> Option<(Seconds, Seconds)> {
        let age = |recovered: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count"
            )]
            let number = self.stretch.number + recovered.max(0.0) as u64;
            Some(sight.sent_at - ledger.sent.time(number)?)
        };
        let (shortest, longest) = (age(recovered)?, age(recovered - 1.0 - ledger.noise())?);
        // What others take seems not to recover, which makes the window seem longer.
        let share = self.others / as_f64(self.falling.number - self.stretch.number).max(1.0);
        Some((shortest - (SAME + share) * longest, longest))
    }

    /// What is missing is what was sent in the trailing window, where that can have the same length at both
    /// sights: what recovers then was sent before it.
    fn returning(&self, ledger: &Ledger, before: Sight, sight: Sight) -> Option<Kind> {
        let before = ledger.sliding_length(before, 0.0)?;
        let now = ledger.sliding_length(sight, 0.0)?;
        let (shortest, longest) = (before.0.max(now.0), before.1.min(now.1));
        (longest >= SHORTEST && shortest <= (1.0 + SAME) * longest)
            .then(|| self.sliding(ledger, shortest, longest))
    }

    /// A sliding window of one of these lengths.
    fn sliding(&self, ledger: &Ledger, shortest: Seconds, longest: Seconds) -> Kind {
        let length = whole(ledger, shortest.min(longest), longest);
        Kind::Window(Window::new(length, None, true, self.widened))
    }
}

/// How long a window of these lengths is taken to be: as long as can be, which draws no refusals and is mended by what
/// is seen later, or the whole seconds next to that. Round trips that differ are a reason to round up, and none to round
/// down: a second would then be made of 1.25.
pub(super) fn whole(ledger: &Ledger, shortest: Seconds, longest: Seconds) -> Seconds {
    let most = (1.0 + ODD) * longest + ledger.latency.worst_jitter();
    let rounded = most.floor().min(longest.round());
    if rounded >= 1.0 && rounded >= (1.0 - ODD) * shortest {
        rounded
    } else {
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(number: u32, remaining: f64) -> Sight {
        Sight {
            number: u64::from(number),
            sent_at: f64::from(number) / 10.0,
            remaining,
        }
    }

    /// A learner that has seen these, from requests a tenth of a second apart, and whether one of them showed a kind.
    fn shows(sights: impl IntoIterator<Item = Sight>) -> bool {
        let mut ledger = Ledger::default();
        ledger.limit_to(200);
        for number in 0..60_u32 {
            ledger.sent.push(f64::from(number) / 10.0);
        }
        let mut before = sight(0, 99.0);
        ledger.sighted(before);
        let mut learning = Learning::new(before, 0.0);
        sights.into_iter().any(|sight| {
            ledger.sighted(sight);
            let kind = learning.see(&ledger, std::mem::replace(&mut before, sight), sight);
            kind.is_some()
        })
    }

    #[test]
    fn more_than_was_sent_returns_from_no_window() {
        let falling = (1..=30).map(|number| sight(number, 99.0 - f64::from(number)));
        let returning = [(33, 76.0), (34, 83.0), (35, 90.0)];
        let returning = returning.map(|(number, remaining)| sight(number, remaining));
        let seen = falling.chain(returning);
        assert!(!shows(seen.chain([sight(36, 110.0)])));
    }

    #[test]
    fn resets_at_one_moment_are_no_window() {
        let at = |remaining| Sight {
            remaining,
            ..sight(20, 0.0)
        };
        let numbered = |number, sight| Sight { number, ..sight };
        assert!(!shows([
            numbered(20, at(20.0)),
            numbered(21, at(190.0)),
            numbered(22, at(20.0)),
            numbered(23, at(190.0)),
        ]));
    }
}
