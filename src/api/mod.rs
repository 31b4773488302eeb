//! The wire contract of the campaign-leads API: paths, header names, the two body spellings, the lead and the
//! error envelope. `docs/api.md` says how sure each fact is. Knows nothing of retries, nor of what an answer
//! means.

mod change;
mod complaint;
mod dialect;
mod lead;

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

pub use change::Change;
pub use complaint::Complaint;
pub use dialect::Dialect;
pub use lead::{Lead, Text};

/// The dynamic variables of a lead: what the agent's prompt fills in.
pub type Variables = Map<String, Value>;

/// Where the live API is.
pub const DEFAULT_BASE_URL: &str = "https://api.dialnexa.com/v1";
/// Requests in the current window.
pub const RATE_LIMIT: &str = "x-ratelimit-limit";
/// Requests left in the current window.
pub const RATE_REMAINING: &str = "x-ratelimit-remaining";
/// When the window resets (documented as Unix seconds).
pub const RATE_RESET: &str = "x-ratelimit-reset";
/// A lead has at most this many variables.
pub const MAX_VARIABLES: usize = 15;

/// No ID is longer as a segment of a URL, in bytes: servers refuse what is.
pub const LONGEST_SEGMENT: usize = 2048;

/// RFC 3986 unreserved characters stay as they are in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Path of the leads, below the base URL.
pub const LEADS: &str = "/campaigns-leads";

/// Last segment of one lead's path, behind [`LEADS`]; the ID is opaque and percent-encoded.
pub fn lead_segment(lead_id: &str) -> Cow<'_, str> {
    utf8_percent_encode(lead_id, SEGMENT).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_path_segment_whatever_stands_in_it() {
        for (id, segment) in [
            ("lead_m4b7", "lead_m4b7"),
            ("a/b?c#d%e f", "a%2Fb%3Fc%23d%25e%20f"),
            ("http://x", "http%3A%2F%2Fx"),
            ("लीड", "%E0%A4%B2%E0%A5%80%E0%A4%A1"),
        ] {
            assert_eq!(lead_segment(id), segment);
        }
    }
}
