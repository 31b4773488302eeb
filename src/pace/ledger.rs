//! What is known of the requests so far, whatever kind of quota they meet.

use super::answered::Answered;
use super::latency::Latency;
use super::sent::Sent;
use super::{Seconds, Sight};

/// How many more requests overtake a sight than are overtaken by it, at most: in square roots of those near it by chance,
/// and a share of them where the sight itself was early or late.
const BY_CHANCE: f64 = 3.0;
const BY_ITSELF: f64 = 1.0 / 3.0;

/// So many requests in a row that are granted without a word show that a quota is announced no more.
const SILENCE: u32 = 16;

/// A reply is awaited for so many round trips, and for what they differ by.
const AWAITED: f64 = 4.0;

/// Requests and what their replies announced.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) sent: Sent,
    /// Requests without a reply.
    pub(super) outstanding: u64,
    /// Requests that were granted.
    pub(super) granted: u64,
    /// Requests a window, as last announced.
    pub(super) limit: u64,
    /// The newest request whose reply announced something.
    pub(super) sight: Option<Sight>,
    /// When the window ends, as last announced, on our clock.
    pub(super) resets_at: Option<Seconds>,
    /// Requests behind the sight that were granted without a word of what remains.
    silent: u32,
    pub(super) latency: Latency,
    /// When the last request was sent that was refused or lost.
    pub(super) uncounted_at: Option<Seconds>,
    /// A request was refused.
    pub(super) was_refused: bool,
    /// The last request that was seen before the newest window, and the first in it.
    reset: Option<(Sight, Sight)>,
    answered: Answered,
    /// Requests that may have arrived on the other side of the newest sight than they were sent.
    noise: f64,
}

impl Ledger {
    /// A reply to request `number` came at `now`.
    pub(super) fn reply(&mut self, number: u64, now: Seconds) -> Option<Seconds> {
        self.outstanding = self.outstanding.saturating_sub(1);
        let sent_at = self.sent.time(number)?;
        self.answered.note(number, now);
        if let Some(departure) = self.latency.departure(sent_at, now) {
            // If something behind it was answered, it was the reply that was late, or this request alone.
            let first = self.answered.unanswered_from(number);
            self.sent.hold_up(first, departure);
        }
        self.latency.observe(now - sent_at);
        Some(sent_at)
    }

    /// Request `number` was sent, but need not have been counted.
    pub(super) fn uncounted(&mut self, number: u64) {
        if let Some(sent_at) = self.sent.time(number) {
            let last = self.uncounted_at.get_or_insert(sent_at);
            *last = last.max(sent_at);
        }
    }

    /// The limit that is announced; what was seen under another one says nothing of the next window.
    pub(super) fn limit_to(&mut self, limit: u64) {
        if limit != self.limit {
            (self.limit, self.reset) = (limit, None);
        }
    }

    /// The newest sight.
    pub(super) fn sighted(&mut self, sight: Sight) {
        if let Some(before) = self.sight
            && self.is_reset(before, sight)
        {
            self.reset = Some((before, sight));
        }
        self.sight = Some(sight);
        self.silent = 0;
        let reach = self.latency.worst_jitter();
        let until = |time| self.sent.total() - self.sent.since(time);
        let before = sight.number.saturating_sub(until(sight.sent_at - reach));
        let after = until(sight.sent_at + reach).saturating_sub(sight.number + 1);
        let reached = as_f64(before.max(after));
        let net = (BY_CHANCE * reached.sqrt()).max(BY_ITSELF * reached);
        self.noise = reached.min(net).min(as_f64(self.limit / 8));
    }

    /// Request `number` was granted, and nothing was said of what remains.
    pub(super) fn silence(&mut self, number: u64) {
        if self.sight.is_none_or(|sight| sight.number < number) {
            self.silent = self.silent.saturating_add(1);
        }
    }

    /// Whether what remains has not been spoken of for so long that the sight tells nothing any more.
    pub(super) fn is_silent(&self) -> bool {
        self.silent >= SILENCE
    }

    /// Forgets what was announced.
    pub(super) fn forget(&mut self) {
        (self.sight, self.reset, self.resets_at) = (None, None, None);
        (self.limit, self.noise) = (0, 0.0);
    }

    /// Whether a request came before the first one seen in a window, though it was sent later: then it was counted in the
    /// window before, and less remains than the requests between the two can have taken.
    pub(super) fn is_overtaken(&self, sight: Sight) -> bool {
        self.reset.is_some_and(|(last, first)| {
            let between = as_f64(sight.number - first.number);
            sight.sent_at < first.sent_at + self.latency.worst_jitter()
                && sight.remaining <= last.remaining + self.noise
                && first.remaining - sight.remaining > between + self.noise
        })
    }

    /// If the window slides and nobody else uses it, how long it is by this sight: as old at least as the oldest request
    /// that is still counted, and at most as the one before that. `margin`: so many more or fewer may be counted.
    pub(super) fn sliding_length(&self, sight: Sight, margin: f64) -> Option<(Seconds, Seconds)> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts"
        )]
        let (missing, margin) = ((as_f64(self.limit) - sight.remaining) as u64, margin as u64);
        let oldest = (sight.number + 1).checked_sub(missing)?;
        let age = |number| Some(sight.sent_at - self.sent.time(number)?);
        let shortest = age((oldest + margin).min(sight.number))?;
        Some((shortest, age(oldest.checked_sub(1 + margin)?)?))
    }

    /// Requests behind the sight.
    pub(super) fn unseen(&self) -> u64 {
        let seen = self.sight.map_or(0, |sight| sight.number + 1);
        self.sent.total() - seen
    }

    /// Until when a reply is awaited, where one is: a request that takes much longer than others stops nobody.
    pub(super) fn awaits_until(&self, now: Seconds) -> Option<Seconds> {
        let until =
            self.last_sent() + AWAITED * self.latency.smooth() + self.latency.worst_jitter();
        (self.outstanding > 0 && now < until).then_some(until)
    }

    /// When the last request was sent.
    pub(super) fn last_sent(&self) -> Seconds {
        self.sent.last().unwrap_or_default()
    }

    /// Differences in `Remaining` up to this mean nothing.
    pub(super) fn noise(&self) -> f64 {
        self.noise
    }

    /// So many requests are enough to tell by: `usual`, and more than noise; half of the limit always is.
    pub(super) fn notable(&self, usual: f64) -> f64 {
        usual.max(3.0 * self.noise()).min(as_f64(self.limit) / 2.0)
    }

    /// Whether a window began between two sights: most of what was used is there again.
    pub(super) fn is_reset(&self, before: Sight, after: Sight) -> bool {
        let used = as_f64(self.limit) - before.remaining;
        let rise = after.remaining - before.remaining;
        rise > 0.0 && 2.0 * rise >= used && used >= self.notable(6.0)
    }
}

/// Counts stay far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten requests a tenth of a second apart; replies take 200 to 220 ms.
    fn ledger() -> Ledger {
        let mut ledger = Ledger {
            limit: 100,
            ..Ledger::default()
        };
        for number in 0..10_u32 {
            let sent_at = f64::from(number) / 10.0;
            ledger.sent.push(sent_at);
            let latency = if number % 2 == 0 { 0.2 } else { 0.22 };
            ledger.reply(u64::from(number), sent_at + latency);
        }
        ledger
    }

    fn sight(number: u32, sent_at: Seconds, remaining: f64) -> Sight {
        Sight {
            number: u64::from(number),
            sent_at,
            remaining,
        }
    }

    #[test]
    fn what_came_before_a_window_though_sent_in_it_is_overtaken() {
        let mut ledger = ledger();
        assert!((0.01..0.1).contains(&ledger.latency.worst_jitter()));
        ledger.sighted(sight(10, 1.0, 2.0));
        ledger.sighted(sight(11, 1.01, 99.0));
        assert!(ledger.is_overtaken(sight(12, 1.015, 1.0)));
        assert!(
            !ledger.is_overtaken(sight(12, 1.015, 98.0)),
            "in the window"
        );
        assert!(
            !ledger.is_overtaken(sight(12, 1.015, 50.0)),
            "others took it"
        );
        assert!(
            !ledger.is_overtaken(sight(12, 1.5, 1.0)),
            "too late for that"
        );
        ledger.limit_to(50);
        assert!(!ledger.is_overtaken(sight(12, 1.015, 1.0)), "another limit");
    }

    #[test]
    fn a_late_reply_holds_up_only_what_was_not_answered() {
        for answered in [false, true] {
            let mut ledger = ledger();
            for time in [1.0, 1.1, 1.2] {
                ledger.sent.push(time);
            }
            if answered {
                ledger.reply(11, 1.3);
            }
            ledger.reply(10, 2.0);
            let departures = [3, 2, 1].map(|count| ledger.sent.departure(count).unwrap());
            let is_held_up = departures.map(|departure| departure > 1.7);
            assert_eq!(is_held_up, [!answered, !answered, true]);
        }
    }
}
