//! A client that shares nothing with the one under test: raw TCP, so that it sees how a reply ends.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use leadfix::sandbox::{Leads, Options, Sandbox};
use serde_json::Value;

pub(crate) const JSON: &[(&str, &str)] = &[
    ("Authorization", "Bearer key"),
    ("Content-Type", "application/json"),
];

/// How a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As long as it said it would be.
    Whole,
    /// The connection was closed too early.
    Closed,
    /// The connection was reset.
    Reset,
    /// Nothing more came.
    Silent,
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// 0 when there was none.
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) ending: Ending,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn message(&self) -> Value {
        self.json()["message"].clone()
    }
}

pub(crate) fn start(options: Options) -> Sandbox {
    Sandbox::start(options, ([127, 0, 0, 1], 0).into()).expect("a free port")
}

/// A sandbox with these leads, one JSON object a line.
pub(crate) fn with_leads(lines: &str) -> Sandbox {
    start(Options {
        leads: leads(lines),
        ..Options::default()
    })
}

pub(crate) fn leads(lines: &str) -> Leads {
    lines.parse().expect("leads")
}

/// A pending lead with this script, `lead_1`.
pub(crate) fn scripted(script: &str) -> Sandbox {
    let script = script.replace('\n', " ");
    with_leads(&format!(
        r#"{{"id":"lead_1","campaign_id":"cmp_1","phone_number":"+919876500000","metadata":{{"product":"old","city":"Pune"}},"sandbox":{script}}}"#
    ))
}

pub(crate) fn patch(sandbox: &Sandbox, lead: &str, body: &str) -> Reply {
    call(
        sandbox,
        "PATCH",
        &format!("/v1/campaigns-leads/{lead}"),
        JSON,
        body,
    )
}

/// The same, by a client that soon loses patience: for replies that never come.
pub(crate) fn patch_briefly(sandbox: &Sandbox, lead: &str, body: &str) -> Reply {
    let path = format!("/v1/campaigns-leads/{lead}");
    call_within(
        Duration::from_millis(700),
        sandbox,
        "PATCH",
        &path,
        JSON,
        body,
    )
}

pub(crate) fn get(sandbox: &Sandbox, lead: &str) -> Reply {
    call(
        sandbox,
        "GET",
        &format!("/v1/campaigns-leads/{lead}"),
        JSON,
        "",
    )
}

pub(crate) fn call(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    // Far longer than any reply takes, also on a busy machine.
    call_within(
        Duration::from_secs(20),
        sandbox,
        method,
        path,
        headers,
        body,
    )
}

fn call_within(
    patience: Duration,
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut stream = TcpStream::connect(sandbox.address()).expect("a connection");
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            request.push_str(part);
        }
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream
        .write_all(request.as_bytes())
        .expect("a request sent");
    receive(&mut stream)
}

fn receive(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 65_536];
    let ending = loop {
        if is_whole(&bytes) {
            break Ending::Whole;
        }
        match stream.read(&mut chunk) {
            Ok(0) => break Ending::Closed,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break Ending::Reset,
            Err(_) => break Ending::Silent,
        }
    };
    let text = String::from_utf8(bytes).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Reply {
        status: head
            .get(9..12)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
        ending,
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let length = lines
        .find(|(name, _)| *name == "content-length")
        .and_then(|(_, length)| length.parse().ok());
    body.len() >= length.unwrap_or(0)
}
