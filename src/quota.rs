//! What the server's headers announce about its quota: `X-RateLimit-*`, `Retry-After` and `Date`. Pure; what
//! makes no sense is ignored.

use std::time::Duration;

use jiff::Timestamp;

/// Header values as they came; `None` where absent or not text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `X-RateLimit-Limit`.
    pub limit: Option<&'a str>,
    /// `X-RateLimit-Remaining`.
    pub remaining: Option<&'a str>,
    /// `X-RateLimit-Reset`: Unix seconds as documented; seconds from now and milliseconds are met too.
    pub reset: Option<&'a str>,
    /// `Retry-After` (RFC 9110, section 10.2.3): seconds, or an HTTP date.
    pub retry_after: Option<&'a str>,
    /// `Date` (RFC 9110, section 6.6.1): the server's clock.
    pub date: Option<&'a str>,
}

/// What the headers mean, in terms of our own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// Requests in a window.
    pub limit: Option<u64>,
    /// Requests left in the current window.
    pub remaining: Option<u64>,
    /// Time until the window resets.
    pub resets_in: Option<Duration>,
    /// How long the server asks us to wait.
    pub retry_after: Option<Duration>,
}

/// Below this a `Reset` is a number of seconds, not a time (it would be 1973).
const SMALLEST_TIME: f64 = 1e8;
/// Above this it is a time in milliseconds (in seconds it would be the year 5138).
const SMALLEST_MILLISECONDS: f64 = 1e11;
/// A clock that differs by less is taken to be right: `Date` has no fractions.
const TOLERATED_SKEW: Duration = Duration::from_secs(2);
/// A window that lasts longer than this is nonsense.
pub(crate) const LONGEST_WINDOW: Duration = Duration::from_hours(24);

impl Headers<'_> {
    /// Interprets the headers of a reply received at `now`, which is asked where a time stands in them.
    pub fn interpret(&self, now: impl Fn() -> Timestamp) -> Announcement {
        let server_now = || {
            let now = now();
            match self.date.and_then(http_date) {
                Some(date) if date.duration_since(now).unsigned_abs() > TOLERATED_SKEW => date,
                _ => now,
            }
        };
        Announcement {
            limit: self.limit.and_then(count).filter(|limit| *limit > 0),
            remaining: self.remaining.and_then(count),
            resets_in: self.reset.and_then(|value| resets_in(value, server_now)),
            retry_after: self
                .retry_after
                .and_then(|value| retry_after(value, server_now)),
        }
    }
}

fn count(value: &str) -> Option<u64> {
    value.trim().parse().ok()
}

/// Each of the three forms that RFC 9110, section 5.6.7, asks for.
fn http_date(value: &str) -> Option<Timestamp> {
    let date = httpdate::parse_http_date(value.trim()).ok()?;
    Timestamp::try_from(date).ok()
}

fn seconds(value: &str) -> Option<f64> {
    value
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && *number >= 0.0)
}

fn resets_in(value: &str, server_now: impl Fn() -> Timestamp) -> Option<Duration> {
    let number = seconds(value)?;
    let until = if number < SMALLEST_TIME {
        number
    } else {
        let unix = if number < SMALLEST_MILLISECONDS {
            number
        } else {
            number / 1e3
        };
        (unix - server_now().as_duration().as_secs_f64()).max(0.0)
    };
    Duration::try_from_secs_f64(until)
        .ok()
        .filter(|until| *until <= LONGEST_WINDOW)
}

fn retry_after(value: &str, server_now: impl Fn() -> Timestamp) -> Option<Duration> {
    match seconds(value) {
        Some(number) => Some(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)),
        None => http_date(value).map(|date| {
            Duration::try_from(date.duration_since(server_now())).unwrap_or(Duration::ZERO)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T12:00:00.250Z.
    fn now() -> Timestamp {
        "2026-11-24T12:00:00.25Z".parse().unwrap()
    }

    fn millis(duration: Option<Duration>) -> Option<u128> {
        duration.map(|duration| duration.as_millis())
    }

    #[test]
    fn reset_is_understood_in_every_form_met() {
        for (reset, date, expected) in [
            ("1795521610", None, Some(9_750)),
            ("1795521610.5", None, Some(10_250)),
            ("1795521610000", None, Some(9_750)),
            ("10", None, Some(10_000)),
            ("0", None, Some(0)),
            ("1795521590", None, Some(0)),
            (
                "1795525210",
                Some("Tue, 24 Nov 2026 13:00:00 GMT"),
                Some(10_000),
            ),
            (
                "1795521610",
                Some("Tue, 24 Nov 2026 12:00:01 GMT"),
                Some(9_750),
            ),
            ("1795521610", Some("yesterday"), Some(9_750)),
            ("4000000000", None, None),
            ("-5", None, None),
            ("NaN", None, None),
            ("inf", None, None),
            ("soon", None, None),
            ("", None, None),
        ] {
            let headers = Headers {
                reset: Some(reset),
                date,
                ..Headers::default()
            };
            assert_eq!(
                millis(headers.interpret(now).resets_in),
                expected,
                "{reset} {date:?}"
            );
        }
    }

    #[test]
    fn retry_after_is_understood_in_every_form_met() {
        for (value, expected) in [
            ("2", Some(2_000)),
            ("0", Some(0)),
            ("1.5", Some(1_500)),
            (" 3 ", Some(3_000)),
            ("Tue, 24 Nov 2026 12:00:10 GMT", Some(9_750)),
            ("Tuesday, 24-Nov-26 12:00:10 GMT", Some(9_750)),
            ("Tue Nov 24 12:00:10 2026", Some(9_750)),
            ("Tue, 24 Nov 2026 11:00:00 GMT", Some(0)),
            ("-1", None),
            ("in a while", None),
            ("", None),
            ("99999999999999999999", Some(Duration::MAX.as_millis())),
            ("1e300", Some(Duration::MAX.as_millis())),
        ] {
            let headers = Headers {
                retry_after: Some(value),
                ..Headers::default()
            };
            let found = millis(headers.interpret(now).retry_after);
            assert_eq!(
                found.map(|ms| ms / 1_000),
                expected.map(|ms| ms / 1_000),
                "{value}"
            );
        }
    }

    #[test]
    fn remaining_is_a_count_or_nothing() {
        for (value, expected) in [
            ("0", Some(0)),
            (" 12 ", Some(12)),
            ("-1", None),
            ("many", None),
        ] {
            let headers = Headers {
                remaining: Some(value),
                ..Headers::default()
            };
            assert_eq!(headers.interpret(now).remaining, expected);
        }
    }
}
