//! The rate limit: a fixed window per API key, opened by the first request after the last one closed.

use std::str::FromStr;
use std::time::Duration;

/// So many requests in a window of such a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many requests one window admits.
    pub requests: u64,
    /// How long a window lasts.
    pub window: Duration,
}

impl Limit {
    /// What is announced and enforced when no limit was asked for. The API sends its headers with every
    /// response, so there is always a limit; this one is out of reach on one core.
    pub const UNREACHABLE: Self = Self {
        requests: 1_000_000,
        window: Duration::from_secs(1),
    };
}

/// A limit that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a limit: write requests per window, as in `100/10s`, `5/s` or `600/min`")]
pub struct LimitError(String);

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let read = || {
            let (requests, window) = text.trim().split_once('/')?;
            let requests = requests
                .trim()
                .parse()
                .ok()
                .filter(|&count: &u64| count > 0)?;
            let window = window.trim();
            let digits = window.len()
                - window
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .len();
            let (count, unit) = window.split_at(digits);
            let count: u64 = if count.is_empty() {
                1
            } else {
                count.parse().ok()?
            };
            let milliseconds = match unit.trim() {
                "ms" => 1,
                "s" | "sec" => 1_000,
                "m" | "min" => 60_000,
                "h" => 3_600_000,
                _ => return None,
            };
            let window = Duration::from_millis(count.checked_mul(milliseconds)?);
            // Half a century is as good as for ever, and keeps all later sums within range.
            let sensible = !window.is_zero() && window < Duration::from_hours(24 * 365 * 50);
            sensible.then_some(Self { requests, window })
        };
        read().ok_or_else(|| LimitError(text.to_owned()))
    }
}

/// One key's window. Times are Unix milliseconds, handed in so that tests need no clock.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    opened: Option<i64>,
    used: u64,
}

/// What the headers say about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Unix seconds, rounded up: whoever waits for it never comes too early.
    pub(super) reset: i64,
    /// Seconds to wait, when the request was refused.
    pub(super) retry_after: Option<i64>,
}

impl Window {
    /// Counts one request, or refuses it. A refused request is not counted.
    pub(super) fn admit(&mut self, limit: Limit, now: i64) -> Quota {
        let length = milliseconds(limit.window);
        let opened = match self.opened {
            // A clock set back would otherwise hold a window open for as long as it was set back.
            Some(opened) if (opened..opened.saturating_add(length)).contains(&now) => opened,
            _ => {
                self.used = 0;
                *self.opened.insert(now)
            }
        };
        let closes = opened.saturating_add(length);
        let refused = self.used >= limit.requests;
        if !refused {
            self.used += 1;
        }
        Quota {
            limit: limit.requests,
            remaining: limit.requests.saturating_sub(self.used),
            reset: seconds_up(closes),
            retry_after: refused.then(|| seconds_up(closes - now)),
        }
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn seconds_up(milliseconds: i64) -> i64 {
    milliseconds.saturating_add(999).div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let table = [
            ("100/10s", Some((100, 10_000))),
            ("5/s", Some((5, 1_000))),
            (" 600 / min ", Some((600, 60_000))),
            ("3/250ms", Some((3, 250))),
            ("1/2h", Some((1, 7_200_000))),
            ("0/s", None),
            ("5/0s", None),
            ("5", None),
            ("5/", None),
            ("5/10", None),
            ("-5/s", None),
            ("5/99999999999999999h", None),
        ];
        for (text, wanted) in table {
            let read = text.parse::<Limit>().ok();
            let wanted = wanted.map(|(requests, milliseconds)| Limit {
                requests,
                window: Duration::from_millis(milliseconds),
            });
            assert_eq!(read, wanted, "{text}");
        }
    }

    #[test]
    fn a_window_admits_its_share_and_reopens() {
        let limit: Limit = "2/10s".parse().expect("a limit");
        let mut window = Window::default();
        let quota = |remaining, reset, retry_after| Quota {
            limit: 2,
            remaining,
            reset,
            retry_after,
        };
        assert_eq!(window.admit(limit, 1_500), quota(1, 12, None));
        assert_eq!(window.admit(limit, 2_000), quota(0, 12, None));
        assert_eq!(window.admit(limit, 3_000), quota(0, 12, Some(9)));
        assert_eq!(window.admit(limit, 11_499), quota(0, 12, Some(1)));
        assert_eq!(window.admit(limit, 11_500), quota(1, 22, None));
    }

    #[test]
    fn a_clock_set_back_opens_a_new_window() {
        let limit: Limit = "1/10s".parse().expect("a limit");
        let mut window = Window::default();
        window.admit(limit, 1_000_000);
        assert_eq!(window.admit(limit, 5_000).retry_after, None);
    }
}
