//! How many requests may be under way at once: as many as the pace needs at the latency seen, no more. Pure: the
//! caller keeps the clock.

use crate::pace::Seconds;

/// Where no quota is known, it begins with so many, and each reply that finds all of them in use adds one.
const FIRST: f64 = 16.0;
/// Never fewer.
const FEWEST: f64 = 4.0;
/// A reply sooner than this is no queue worth shortening.
const HARMLESS: Seconds = 0.1;
/// Latency above so many times the base is a queue.
const QUEUE: f64 = 2.0;
/// What is left of the limit after a cut.
const CUT: f64 = 0.8;
/// A cut that shortens the latency by less than this share was none of ours.
const WORTH: f64 = 0.1;
/// A little more than the pace needs, for latencies that vary.
const SPARE: f64 = 1.5;
/// Between two looks at the latency, or two round trips: a cut shows only in requests sent after it.
const LOOK_EACH: Seconds = 0.5;
/// And so many replies to requests sent since, before a cut is judged.
const SETTLED: u32 = 32;
/// Where more than this share of the latest replies were trouble, so many at once may be what the trouble is.
const TROUBLED: f64 = 0.1;
/// The latest replies are about so many.
const LATEST: f64 = 32.0;
/// A number is near the one that was too many from this share of it; growth is slow from there: by so much a round trip,
/// or by this share.
const NEAR: f64 = 0.8;
const SLOWLY: f64 = 0.25;
const SLOWLY_SHARE: f64 = 0.01;
/// Growth of the base between two looks, so that an old one is forgotten.
const DRIFT: f64 = 1.0005;

/// How many may be under way where nothing was stated otherwise, and how many where a known quota needs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Where no quota is known.
    pub usual: usize,
    /// Where a known quota cannot be used with fewer.
    pub most: usize,
}

/// At five seconds a reply, 500 requests a second need 2,500 of them under way, and the window of rows has room for
/// those that are not durable yet.
pub(crate) const CEILING: Ceiling = Ceiling {
    usual: 64,
    most: 3072,
};

impl Ceiling {
    /// The same, and never more than `most`.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self {
            usual: self.usual.min(most),
            most: self.most.min(most),
        }
    }

    /// Stated outright.
    pub fn exactly(count: usize) -> Self {
        Self {
            usual: count,
            most: count,
        }
    }
}

/// The limit, as latency allows.
#[derive(Debug)]
pub(crate) struct Concurrency {
    ceiling: Ceiling,
    /// Where no quota is known.
    limit: f64,
    /// Where one is known, and a queue was seen; infinite before.
    cap: f64,
    /// Smoothed latency.
    latency: Option<Seconds>,
    /// What the latency is without a queue.
    base: Seconds,
    next_look: Seconds,
    /// When that was looked at last, and how many replies have come to requests sent since.
    looked_at: Seconds,
    fresh: u32,
    /// The last cut, until it has proved its worth.
    cut: Option<Cut>,
    /// Share of the latest replies that were trouble.
    troubled: f64,
    /// So many at once met trouble; infinite before that was seen.
    too_many: f64,
    /// When that was seen: what was sent before says nothing new.
    troubled_at: Seconds,
}

/// What there was before a cut.
#[derive(Debug)]
struct Cut {
    limit: f64,
    cap: f64,
    /// The latency; infinite where nothing was cut yet, but held at what it was.
    before: Seconds,
}

impl Concurrency {
    pub(crate) fn new(ceiling: Ceiling) -> Self {
        Self {
            ceiling,
            limit: FIRST.min(as_f64(ceiling.usual)),
            cap: f64::INFINITY,
            latency: None,
            base: f64::INFINITY,
            next_look: 0.0,
            looked_at: f64::NEG_INFINITY,
            fresh: 0,
            cut: None,
            troubled: 0.0,
            too_many: f64::INFINITY,
            troubled_at: f64::NEG_INFINITY,
        }
    }

    /// How many may be under way, where a quota is known that lets `rate` requests a second through.
    pub(crate) fn allowed(&self, rate: Option<f64>) -> usize {
        let Some(latency) = self.latency else {
            // Until the first reply the pace is what limits.
            return self.ceiling.usual;
        };
        let Some(rate) = rate else {
            return whole(self.limit).min(self.ceiling.usual);
        };
        let base = self.base.max(HARMLESS / QUEUE);
        let latency = latency.min(QUEUE * base);
        whole((SPARE * rate * latency + FIRST).min(self.cap)).min(self.ceiling.most)
    }

    /// A reply came at `now`, `latency` after its request; `was_full`: as many were under way as may be; `rate`: as for
    /// [`Self::allowed`].
    pub(crate) fn replied(
        &mut self,
        now: Seconds,
        latency: Seconds,
        was_full: bool,
        rate: Option<f64>,
    ) {
        let smooth = self
            .latency
            .map_or(latency, |smooth| smooth + (latency - smooth) / 16.0);
        self.latency = Some(smooth);
        self.base = self.base.min(smooth);
        let is_queue = is_queue(smooth, self.base);
        self.troubled -= self.troubled / LATEST;
        if was_full && !is_queue && self.cut.is_none() {
            self.limit = (self.limit + self.growth(self.limit)).min(as_f64(self.ceiling.usual));
            self.cap += self.growth(self.cap);
        }
        if now - latency >= self.looked_at {
            self.fresh += 1;
        }
        let is_settled = self.cut.is_none() || self.fresh >= SETTLED;
        if now >= self.next_look && is_settled {
            self.look(smooth, is_queue, rate);
            (self.looked_at, self.fresh) = (now, 0);
            self.next_look = now + LOOK_EACH.max(2.0 * smooth);
        }
    }

    /// What a reply that finds all of `count` in use adds.
    fn growth(&self, count: f64) -> f64 {
        if count < NEAR * self.too_many {
            1.0
        } else {
            (SLOWLY / count).max(SLOWLY_SHARE)
        }
    }

    /// The server was in trouble over a request that was sent at `sent_at`, and answers others: where that comes often,
    /// fewer go. `rate`: as for [`Self::allowed`].
    pub(crate) fn trouble(&mut self, now: Seconds, sent_at: Seconds, rate: Option<f64>) {
        self.troubled += (1.0 - self.troubled) / LATEST;
        if self.troubled <= TROUBLED || sent_at < self.troubled_at {
            return;
        }
        self.too_many = as_f64(self.allowed(rate));
        (self.troubled_at, self.troubled, self.cut) = (now, 0.0, None);
        let fewer = (CUT * self.too_many).max(FEWEST);
        match rate {
            Some(_) => self.cap = self.cap.min(fewer),
            None => self.limit = self.limit.min(fewer),
        }
    }

    fn look(&mut self, smooth: Seconds, is_queue: bool, rate: Option<f64>) {
        self.base *= DRIFT;
        let cut = self.cut.take();
        let kept = Cut {
            limit: self.limit,
            cap: self.cap,
            before: smooth,
        };
        match (cut, rate) {
            // The server takes its time whatever we do.
            (Some(cut), _) if !is_worth(cut.before, smooth) => {
                (self.limit, self.cap) = (cut.limit, cut.cap);
                self.base = smooth;
            }
            _ if !is_queue => {}
            // What is under way already may still lengthen the queue: first no more, then fewer.
            (None, Some(_)) => {
                self.cap = as_f64(self.allowed(rate));
                self.cut = Some(Cut {
                    before: f64::INFINITY,
                    ..kept
                });
            }
            (Some(cut), Some(_)) if self.cap > FEWEST => {
                self.cap = (self.cap * CUT).max(FEWEST);
                let is_first = cut.before.is_infinite();
                let cap = if is_first { cut.cap } else { kept.cap };
                self.cut = Some(Cut { cap, ..kept });
            }
            (_, None) if self.limit > FEWEST => {
                self.limit = (self.limit * CUT).max(FEWEST);
                self.cut = Some(kept);
            }
            _ => {}
        }
    }
}

/// Whether replies wait for each other, where without that they took `base`.
fn is_queue(latency: Seconds, base: Seconds) -> bool {
    latency > HARMLESS.max(QUEUE * base)
}

/// Whether a cut has shortened the latency.
fn is_worth(before: Seconds, after: Seconds) -> bool {
    after <= before * (1.0 - WORTH)
}

#[expect(clippy::cast_precision_loss, reason = "counts of connections")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates where it is larger than any ceiling"
)]
fn whole(count: f64) -> usize {
    count.ceil() as usize
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Replies with everything in use, at what `latency` makes of the limit, for so many round trips.
    fn drive(
        concurrency: &mut Concurrency,
        now: &mut Seconds,
        trips: u32,
        latency: impl Fn(f64) -> Seconds,
    ) {
        // The first one alone, as the pace has it.
        concurrency.replied(*now, latency(1.0), false, None);
        for _ in 0..trips {
            let limit = concurrency.allowed(None);
            let trip = latency(as_f64(limit));
            for _ in 0..limit {
                *now += trip / as_f64(limit);
                concurrency.replied(*now, trip, true, None);
            }
        }
    }

    #[test]
    fn without_a_quota_it_grows_to_the_ceiling_in_a_few_round_trips() {
        for latency in [0.001, 0.05, 2.0] {
            let mut concurrency = Concurrency::new(CEILING);
            drive(&mut concurrency, &mut 0.0, 3, |_| latency);
            assert_eq!(concurrency.allowed(None), 64, "latency {latency}");
        }
    }

    #[test]
    fn a_server_that_only_queues_gets_fewer_at_once() {
        // Serves 20 at once in 0.1 s; the rest waits.
        let queue = |limit: f64| 0.1 * (limit / 20.0).max(1.0);
        let mut concurrency = Concurrency::new(Ceiling::exactly(256));
        drive(&mut concurrency, &mut 0.0, 400, queue);
        let limit = concurrency.allowed(None);
        assert!((20..=60).contains(&limit), "{limit} at once");
    }

    #[test]
    fn a_server_that_is_slow_whatever_we_do_keeps_what_it_had() {
        let mut concurrency = Concurrency::new(Ceiling::exactly(64));
        let mut now = 0.0;
        drive(&mut concurrency, &mut now, 20, |_| 0.05);
        drive(&mut concurrency, &mut now, 40, |_| 0.5);
        assert_eq!(concurrency.allowed(None), 64);
    }

    #[test]
    fn a_known_quota_gets_what_its_latency_needs_up_to_the_most() {
        // Each latency is that of many replies; the first one is what it is without a queue.
        for (latencies, rate, expected) in [
            // Until the first reply the pace is what limits.
            (&[][..], 500.0, 64),
            (&[0.01], 500.0, 24),
            (&[1.0], 500.0, 766),
            (&[5.0], 400.0, 3016),
            (&[5.0], 500.0, 3072),
            (&[0.05], 10.0, 17),
            // A queue is not what the quota needs.
            (&[0.01, 1.0], 1000.0, 166),
            (&[0.2, 1.0], 100.0, 76),
        ] {
            let mut concurrency = Concurrency::new(CEILING);
            for latency in latencies {
                settle(&mut concurrency, 0.0, *latency);
            }
            let allowed = concurrency.allowed(Some(rate));
            assert_eq!(allowed, expected, "{latencies:?} s, {rate}/s");
        }
        let stated = Concurrency::new(Ceiling::exactly(8));
        assert_eq!(stated.allowed(Some(500.0)), 8, "what was stated is kept");
    }

    /// So many replies of one latency at one moment that the smoothed one is the same, not all slots in use.
    fn settle(concurrency: &mut Concurrency, now: Seconds, latency: Seconds) {
        for _ in 0..300 {
            concurrency.replied(now, latency, false, None);
        }
    }

    #[test]
    fn one_slow_reply_counts_a_sixteenth() {
        let mut concurrency = Concurrency::new(CEILING);
        concurrency.replied(0.0, 0.1, false, None);
        concurrency.replied(0.0, 0.1 + 16.0 * 0.0105, false, None);
        assert_eq!(concurrency.allowed(Some(1000.0)), 182, "0.1105 s");
    }

    #[test]
    fn what_it_is_without_a_queue_is_forgotten_when_it_is_old() {
        for (seconds, expected) in [(1, 76), (300, 86), (2000, 99)] {
            let mut concurrency = Concurrency::new(CEILING);
            settle(&mut concurrency, 0.0, 0.2);
            for second in 1..seconds {
                concurrency.replied(f64::from(second), 0.3, false, None);
            }
            settle(&mut concurrency, f64::from(seconds - 1), 0.55);
            let allowed = concurrency.allowed(Some(100.0));
            assert_eq!(allowed, expected, "after {seconds} s");
        }
    }

    #[test]
    fn twice_as_long_is_no_queue_yet_and_a_tenth_is_worth_a_cut() {
        for (latency, base, expected) in [
            (0.1, 0.01, false),
            (0.11, 0.01, true),
            (0.4, 0.2, false),
            (0.41, 0.2, true),
        ] {
            assert_eq!(is_queue(latency, base), expected, "{latency}, {base}");
        }
        for (before, after, expected) in [(1.0, 0.9, true), (1.0, 0.91, false), (1.0, 0.5, true)] {
            assert_eq!(is_worth(before, after), expected, "{before}, {after}");
        }
    }

    #[test]
    fn only_a_reply_that_finds_all_in_use_and_no_queue_adds_one() {
        for (was_full, slow, expected) in [
            (true, false, 17),
            (false, false, 16),
            (true, true, 16),
            (false, true, 16),
        ] {
            let mut concurrency = Concurrency::new(Ceiling::exactly(64));
            settle(&mut concurrency, 0.0, 0.05);
            if slow {
                settle(&mut concurrency, 0.0, 0.8);
            }
            concurrency.replied(0.0, if slow { 0.8 } else { 0.05 }, was_full, None);
            let allowed = concurrency.allowed(None);
            assert_eq!(allowed, expected, "full: {was_full}, slow: {slow}");
        }
    }

    /// Replies of 0.05 s, and then of 0.8 s, for which a fifth was cut at half a second.
    fn cut() -> Concurrency {
        let mut concurrency = Concurrency::new(Ceiling::exactly(64));
        settle(&mut concurrency, 0.0, 0.05);
        settle(&mut concurrency, 0.4, 0.8);
        assert_eq!(concurrency.allowed(None), 16, "before the second look");
        concurrency.replied(0.5, 0.8, false, None);
        assert_eq!(concurrency.allowed(None), 13, "the queue is cut");
        concurrency
    }

    #[test]
    fn a_cut_is_judged_after_two_round_trips() {
        for (latency, expected, later, why) in [
            (0.8, 16, 16, "the server takes its time whatever we do"),
            (0.4, 11, 9, "a cut that helped is followed by the next"),
            (0.06, 13, 13, "a queue that is gone needs no other cut"),
        ] {
            let mut concurrency = cut();
            settle(&mut concurrency, 2.0, latency);
            assert_eq!(concurrency.allowed(None), 13, "{latency}: too early");
            concurrency.replied(2.2, latency, false, None);
            assert_eq!(concurrency.allowed(None), expected, "{why}");
            settle(&mut concurrency, 2.2, latency / 2.0);
            settle(&mut concurrency, 10.0, latency / 2.0);
            assert_eq!(concurrency.allowed(None), later, "{latency}, later");
        }
    }

    #[test]
    fn it_is_never_cut_below_the_fewest_and_grows_again_from_there() {
        let mut concurrency = cut();
        let (mut now, mut latency) = (0.5, 0.8);
        for _ in 0..6 {
            latency *= 0.8;
            settle(&mut concurrency, now, latency);
            now += 2.0;
            concurrency.replied(now, latency, false, None);
        }
        latency *= 0.8;
        assert!(latency > 0.1, "a queue still");
        settle(&mut concurrency, now, latency);
        now += 2.0;
        concurrency.replied(now, latency, true, None);
        assert_eq!(concurrency.allowed(None), 4);
        settle(&mut concurrency, now, 0.05);
        concurrency.replied(now, 0.05, true, None);
        assert_eq!(
            concurrency.allowed(None),
            5,
            "no cut has to prove its worth"
        );
    }

    /// A server that answers `room` requests at once in 0.1 s, and those beyond them with trouble: how many are under way in
    /// the end, and how many in a hundred met trouble in the second half of two minutes.
    fn crowded(room: usize, rate: Option<f64>) -> (usize, usize) {
        let mut concurrency = Concurrency::new(CEILING);
        let (mut troubles, mut replies) = (0, 0);
        for trip in 0..1200 {
            let now = f64::from(trip) / 10.0;
            for place in 0..concurrency.allowed(rate) {
                if place < room {
                    concurrency.replied(now + 0.1, 0.1, true, rate);
                } else {
                    concurrency.trouble(now + 0.1, now, rate);
                }
                if trip >= 600 {
                    replies += 1;
                    troubles += usize::from(place >= room);
                }
            }
        }
        (concurrency.allowed(rate), 100 * troubles / replies)
    }

    #[test]
    fn a_server_that_is_in_trouble_over_too_many_at_once_gets_fewer() {
        for (room, rate) in [(10, None), (40, None), (10, Some(500.0)), (40, Some(500.0))] {
            let (at_once, troubles) = crowded(room, rate);
            assert!(
                (room / 2..=room + room / 4).contains(&at_once) && troubles <= 10,
                "{room}, {rate:?}: {at_once} at once, {troubles} % met trouble"
            );
        }
    }

    #[test]
    fn trouble_now_and_then_is_none_of_ours() {
        let mut concurrency = Concurrency::new(CEILING);
        for count in 0..1000_u32 {
            let now = f64::from(count) / 10.0;
            if count % 12 == 0 {
                concurrency.trouble(now, now - 0.1, None);
            } else {
                concurrency.replied(now, 0.1, true, None);
            }
        }
        assert_eq!(concurrency.allowed(None), 64);
    }

    #[test]
    fn requests_that_were_under_way_together_are_one_reason_to_send_fewer() {
        let mut concurrency = Concurrency::new(CEILING);
        settle(&mut concurrency, 0.0, 0.1);
        for _ in 0..100 {
            concurrency.trouble(1.0, 0.5, None);
        }
        assert_eq!(concurrency.allowed(None), 13);
    }

    /// Ten minutes with a server that takes `base` seconds for each request and begins no more than `capacity` a second,
    /// and announces `rate`: how many were under way at most in the second half of it, and how many were answered a
    /// second.
    fn announced(rate: f64, capacity: f64, base: impl Fn(Seconds) -> Seconds) -> (usize, f64) {
        let mut concurrency = Concurrency::new(CEILING);
        let mut under_way = VecDeque::new();
        let (mut due, mut last, mut most, mut answered) = (0.0, 0.0, 0, 0.0);
        for millisecond in 0..600_000_u32 {
            let now = f64::from(millisecond) / 1e3;
            let is_judged = now >= 300.0;
            while let Some((sent_at, was_full, _)) =
                under_way.pop_front_if(|(_, _, answer)| *answer <= now)
            {
                concurrency.replied(now, now - sent_at, was_full, Some(rate));
                answered += if is_judged { 1.0 / 300.0 } else { 0.0 };
            }
            while under_way.len() < concurrency.allowed(Some(rate)) && due <= now {
                due = f64::max(due, now - 0.02) + 1.0 / rate;
                last = f64::max(last + 1.0 / capacity, now + base(now));
                let is_full = under_way.len() + 1 >= concurrency.allowed(Some(rate));
                under_way.push_back((now, is_full, last));
            }
            if is_judged {
                most = most.max(under_way.len());
            }
        }
        (most, answered)
    }

    #[test]
    fn a_server_slower_than_its_quota_gets_no_more_than_it_answers_soon() {
        for (rate, capacity, base, expected) in [
            (500.0, 100.0, 0.05, 64),
            (500.0, 10.0, 0.2, 64),
            (1000.0, 300.0, 0.02, 64),
            (100.0, 50.0, 1.0, 256),
            (2000.0, 500.0, 0.5, 1280),
        ] {
            let (most, answered) = announced(rate, capacity, |_| base);
            assert!(
                most <= expected && answered >= 0.99 * capacity,
                "{rate}/s announced, {capacity}/s kept, {base} s: {most} at once, {answered}/s"
            );
        }
    }

    #[test]
    fn a_server_that_becomes_slow_gets_as_many_as_its_quota_needs() {
        for slow in [0.5, 5.0] {
            let base = |now| if now < 100.0 { 0.05 } else { slow };
            let (_, answered) = announced(500.0, 1e6, base);
            assert!(answered >= 495.0, "{slow} s: {answered}/s");
        }
    }
}
