//! What a reply shows, and what it says about admission.

use jiff::Timestamp;

use crate::api::Lead;
use crate::client::{Answer, Reply};
use crate::limiter::Signal;

/// The lead that a 2xx shows.
pub(super) fn lead_in(answer: &Answer) -> Option<Lead<'_>> {
    let body = answer.body.as_deref()?;
    (200..=299)
        .contains(&answer.status)
        .then(|| Lead::from_reply(body))
        .flatten()
}

/// The same of any reply.
pub(super) fn lead_of(reply: &Reply) -> Option<Lead<'_>> {
    match reply {
        Reply::Answer(answer) => lead_in(answer),
        Reply::NotConnected { .. } | Reply::Lost { .. } => None,
    }
}

/// What a reply says about admission.
pub(super) fn signal(reply: &Reply) -> Signal {
    match reply {
        Reply::NotConnected { .. } | Reply::Lost { .. } => Signal::Trouble { retry_after: None },
        Reply::Answer(answer) => {
            let announced = answer.quota_headers().interpret(Timestamp::now());
            match answer.status {
                429 => Signal::Throttled(announced),
                408 | 500.. => Signal::Trouble {
                    retry_after: announced.retry_after,
                },
                _ => Signal::Answered(announced),
            }
        }
    }
}
