//! Answers: the API's error envelope, the lead, and what a script says instead.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::{Value, json};

use super::plan::Says;
use super::script::Custom;

pub(super) const LOCKED: &str = "Lead has already been dialled and can no longer be modified";
pub(super) const MISSING: &str = "Lead not found";
pub(super) const UNAUTHORIZED: &str = "Unauthorized";
pub(super) const NOT_DIALABLE: &str = "phone_number: this destination is not allowed on this route";

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) messages: Vec<Cow<'static, str>>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            messages: vec![message.into()],
        }
    }
}

/// What goes back to the client.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self::typed(status, "application/json; charset=utf-8", body),
            Err(error) => Self::typed(500, "text/plain", error.to_string()),
        }
    }

    pub(super) fn typed(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(hyper::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let body = body.into();
        Self {
            status,
            headers,
            body,
        }
    }

    /// The error envelope: one message as a string, several as an array.
    pub(super) fn refusal(refusal: &Refusal) -> Self {
        let message = match refusal.messages.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        Self::envelope(refusal.status, &message)
    }

    fn envelope(status: u16, message: &Value) -> Self {
        Self::json(
            status,
            &json!({"statusCode": status, "message": message, "error": reason(status)}),
        )
    }

    /// What a script says instead of the truth. `lead` is the truth, if the lead can be shown at all, and
    /// `sent` are the fields of the body.
    pub(super) fn instead(says: Says, lead: Answer, sent: &[String]) -> Self {
        match says {
            Says::Truth | Says::Past | Says::WithoutVariables => lead,
            Says::OtherLead => lead.with_other_id(),
            Says::Wrapped => {
                let body = [br#"{"statusCode":200,"data":"#, &*lead.body, b"}"].concat();
                Self {
                    body: body.into(),
                    ..lead
                }
            }
            Says::Success => Self::json(200, &json!({"success": true})),
            Says::Empty(status) => Self {
                status,
                headers: HeaderMap::new(),
                body: Bytes::new(),
            },
            Says::Html(status) => {
                let page = format!(
                    "<html>\r\n<head><title>{status} {0}</title></head>\r\n<body>\r\n<center><h1>{status} {0}</h1></center>\r\n</body>\r\n</html>\r\n",
                    reason(status)
                );
                Self::typed(status, "text/html", page)
            }
            Says::Oversized => {
                let mut body = lead.body.to_vec();
                body.resize(body.len() + 2 * 1024 * 1024, b' ');
                Self {
                    body: body.into(),
                    ..lead
                }
            }
            Says::Garbled => {
                let half = lead.body.len() / 2;
                Self {
                    body: lead.body.slice(..half),
                    ..lead
                }
            }
            Says::Error(status, message) => Self::envelope(status, &json!(message)),
            Says::Errors(status, messages) => Self::envelope(status, &json!(messages)),
            Says::UnknownFields => {
                let messages: Vec<_> = sent
                    .iter()
                    .map(|field| format!("property {field} should not exist"))
                    .collect();
                Self::envelope(400, &json!(messages))
            }
            Says::TooMany => Self::too_many(1),
            Says::Redirect => {
                let mut answer = Self::typed(
                    302,
                    "text/plain",
                    "Found. Redirecting to https://elsewhere.invalid/",
                );
                let elsewhere = HeaderValue::from_static("https://elsewhere.invalid/");
                answer.headers.insert(hyper::header::LOCATION, elsewhere);
                answer
            }
        }
    }

    /// An answer spelled out in the leads file, its headers apart. `lead` is what would have been said.
    pub(super) fn custom(custom: &Custom, lead: Answer) -> Self {
        let status = custom.status;
        match &custom.body {
            Some(body) => Self::typed(status, "application/json; charset=utf-8", body.clone()),
            None if status < 300 => Self { status, ..lead },
            None => Self::envelope(status, &json!(reason(status))),
        }
    }

    /// Lays these headers over the ones there are, or takes them away. What is no header is left out.
    pub(super) fn overlay(&mut self, headers: &BTreeMap<String, Option<String>>) {
        for (name, value) in headers {
            let Ok(name) = HeaderName::try_from(name) else {
                continue;
            };
            match value.as_ref().map(HeaderValue::try_from) {
                Some(Ok(value)) => drop(self.headers.insert(name, value)),
                Some(Err(_)) => {}
                None => drop(self.headers.remove(name)),
            }
        }
    }

    pub(super) fn too_many(retry_after: i64) -> Self {
        let mut answer = Self::envelope(429, &json!("ThrottlerException: Too Many Requests"));
        answer
            .headers
            .insert(hyper::header::RETRY_AFTER, retry_after.into());
        answer
    }

    fn with_other_id(self) -> Self {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(mut lead)) => {
                lead.insert("id".to_owned(), json!("lead_000000000000"));
                Self::json(self.status, &lead)
            }
            _ => self,
        }
    }
}

/// The words that belong to a status.
fn reason(status: u16) -> &'static str {
    let status = hyper::StatusCode::from_u16(status).ok();
    status
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &Answer) -> String {
        String::from_utf8_lossy(&answer.body).into_owned()
    }

    #[test]
    fn one_message_is_a_string_and_several_are_an_array() {
        let one = Refusal::new(404, MISSING);
        assert_eq!(
            text(&Answer::refusal(&one)),
            r#"{"statusCode":404,"message":"Lead not found","error":"Not Found"}"#
        );
        let several = Refusal {
            status: 400,
            messages: vec!["a".into(), "b".into()],
        };
        assert_eq!(
            text(&Answer::refusal(&several)),
            r#"{"statusCode":400,"message":["a","b"],"error":"Bad Request"}"#
        );
    }

    #[test]
    fn what_is_said_instead() {
        let lead = || Answer::json(200, &json!({"id": "lead_1", "status": "pending"}));
        for (says, status, body) in [
            (
                Says::OtherLead,
                200,
                r#"{"id":"lead_000000000000","status":"pending"}"#,
            ),
            (
                Says::Wrapped,
                200,
                r#"{"statusCode":200,"data":{"id":"lead_1","status":"pending"}}"#,
            ),
            (Says::Garbled, 200, r#"{"id":"lead_1","s"#),
            (Says::Empty(204), 204, ""),
            (
                Says::UnknownFields,
                400,
                r#"{"statusCode":400,"message":["property notes should not exist"],"error":"Bad Request"}"#,
            ),
        ] {
            let answer = Answer::instead(says, lead(), &["notes".to_owned()]);
            assert_eq!(
                (answer.status, text(&answer).as_str()),
                (status, body),
                "{says:?}"
            );
        }
        assert!(Answer::instead(Says::Oversized, lead(), &[]).body.len() > 2 * 1024 * 1024);
    }
}
