//! Headers as servers send them, and as they do not: a short form of the fuzz target of the same name.

mod property;

use jiff::Timestamp;
use leadfix::quota::Headers;
use proptest::prelude::*;

/// Numbers and dates, whole and damaged.
fn value() -> impl Strategy<Value = Option<String>> {
    let text = prop_oneof![
        "-?[0-9]{1,21}",
        "[0-9]{1,14}\\.[0-9]{0,4}",
        "[0-9]{1,3}[eE]-?[0-9]{1,3}",
        "17[0-9]{8}(000)?",
        "(Mon|Tue|Sun), [0-3]?[0-9] (Nov|Feb|Dez) [0-9]{2,4} [0-2]?[0-9]:[0-6][0-9](:[0-6][0-9])? (GMT|UTC|EST|\\+0530|-0000|Z)?",
        "(Sunday), [0-3][0-9]-Nov-[0-9]{2} 08:49:37 GMT",
        "Sun Nov  6 08:49:37 [0-9]{4}",
        prop::sample::select(vec![
            "", " ", "inf", "-inf", "NaN", "-0", "1e400", "1e-400", "soon", "٣", "+5", "0x10"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop_oneof![1 => Just(None), 6 => text.prop_map(Some)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_server_says_of_its_quota_is_understood_or_ignored(
        (limit, remaining, reset, retry_after, date) in (value(), value(), value(), value(), value()),
        now in 0_i64..200_000_000_000,
        nanosecond in 0..1_000_000_000,
    ) {
        let headers = Headers {
            limit: limit.as_deref(),
            remaining: remaining.as_deref(),
            reset: reset.as_deref(),
            retry_after: retry_after.as_deref(),
            date: date.as_deref(),
        };
        property::check(headers, Timestamp::new(now, nanosecond).expect("before the year 9999"));
    }
}
