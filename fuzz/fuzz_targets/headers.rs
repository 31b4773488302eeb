//! Whatever a server says of its quota is understood or ignored, as `tests/headers/property.rs` has it.
#![no_main]

use jiff::Timestamp;
use leadfix::quota::Headers;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/headers/property.rs"]
mod property;

// Eight bytes are our clock; each line of the rest is a header, an empty one is absent.
fuzz_target!(|input: &[u8]| {
    let Some((clock, text)) = input.split_first_chunk() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    // From 1970 to the year 8307.
    let milliseconds = u64::from_le_bytes(*clock) % 200_000_000_000_000;
    let now = Timestamp::UNIX_EPOCH + std::time::Duration::from_millis(milliseconds);
    let mut lines = text
        .split('\n')
        .map(|line| (!line.is_empty()).then_some(line));
    let mut header = || lines.next().flatten();
    let headers = Headers {
        limit: header(),
        remaining: header(),
        reset: header(),
        retry_after: header(),
        date: header(),
    };
    property::check(headers, now);
});
