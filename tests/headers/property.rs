//! What holds for whatever a server says of its quota. The fuzz target `headers` shares this file.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use leadfix::quota::Headers;

const DAY: Duration = Duration::from_hours(24);
/// Whole numbers above this are not exact in a double.
const EXACT: u64 = 1 << 53;

/// Panics where the interpretation of headers received at `now` breaks its word. `now` lies between 1970 and 9000.
pub(crate) fn check(headers: Headers, now: Timestamp) {
    let announced = headers.interpret(|| now);
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
    let is_below_zero = |text| number(text).is_some_and(|number| number < 0.0);

    assert!(
        announced.resets_in <= Some(DAY),
        "a window of more than a day"
    );
    assert!(announced.resets_in.is_none() || number(headers.reset) >= Some(0.0));
    assert!(announced.retry_after.is_none() || !is_below_zero(headers.retry_after));
    let count = headers.remaining.and_then(|text| text.trim().parse().ok());
    assert_eq!(announced.remaining, count);
    let digits = headers
        .retry_after
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(seconds) = digits
        .and_then(|text| text.parse().ok())
        .filter(|seconds| *seconds < EXACT)
    {
        assert_eq!(announced.retry_after, Some(Duration::from_secs(seconds)));
    }

    a_server_with_another_clock_is_understood_by_its_own(headers, now);
    what_is_waited_for_comes_nearer(headers, now);
    // Doubles do not tell a whole day from a hair more.
    let wait = announced
        .resets_in
        .unwrap_or(DAY)
        .min(Duration::from_secs(86_399));
    a_date_is_waited_for(now, wait);
    a_time_is_waited_for(now, wait);
}

fn later(time: Timestamp, wait: Duration) -> Timestamp {
    time + SignedDuration::try_from(wait).expect("it is no more than a day")
}

fn http_date(time: Timestamp) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .expect("before the year 9999")
}

fn a_server_with_another_clock_is_understood_by_its_own(headers: Headers, now: Timestamp) {
    let date = http_date(later(now, DAY));
    let skewed = Headers {
        date: Some(&date),
        ..headers
    };
    let an_hour_on = later(now, Duration::from_hours(1));
    assert_eq!(skewed.interpret(|| now), skewed.interpret(|| an_hour_on));
}

fn what_is_waited_for_comes_nearer(headers: Headers, now: Timestamp) {
    let undated = Headers {
        date: None,
        ..headers
    };
    let before = undated.interpret(|| now);
    let after = undated.interpret(|| later(now, Duration::from_secs(1)));
    assert_eq!(before.retry_after.is_some(), after.retry_after.is_some());
    assert!(after.retry_after <= before.retry_after);
    // What was more than a day away may be heard of later.
    assert!(after.resets_in <= before.resets_in.or(Some(DAY)));
}

fn a_date_is_waited_for(now: Timestamp, wait: Duration) {
    let date = http_date(later(now, wait));
    let told = Headers {
        retry_after: Some(&date),
        ..Headers::default()
    };
    let understood = told.interpret(|| now).retry_after.expect("an HTTP date");
    assert!(
        understood <= wait && wait.abs_diff(understood) < Duration::from_secs(1),
        "{date} at {now}"
    );
}

fn a_time_is_waited_for(now: Timestamp, wait: Duration) {
    let end = later(now, wait);
    let (seconds, milliseconds) = (end.as_second(), end.as_millisecond());
    // Smaller numbers are a number of seconds, and larger ones milliseconds.
    let mut forms = Vec::new();
    if (200_000_000..100_000_000_000).contains(&seconds) {
        forms.push(seconds.to_string());
    }
    if milliseconds >= 200_000_000_000 {
        forms.push(milliseconds.to_string());
    }
    for form in forms {
        let told = Headers {
            reset: Some(&form),
            ..Headers::default()
        };
        let understood = told.interpret(|| now).resets_in.expect("a time");
        assert!(
            understood.abs_diff(wait) <= Duration::from_millis(1_001),
            "{form} at {now}"
        );
    }
}
