//! What the hostile server does with each request: by method, lead and attempt.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Something that happens to the lead of a request.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// What the request asks for is applied, whatever the lead's state.
    Apply,
    /// What the request asks for is kept, to be applied later.
    Hold,
    /// What was kept is applied now, also past a lock: the check for it is over.
    ApplyHeld,
    /// The campaign calls the lead, which locks it.
    Dial,
    /// The lead is deleted.
    Remove,
    /// A person gives it this number.
    Edit(&'static str),
}

/// What comes back.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// As the contract has it: applied and shown, or 404, or 409.
    Honest,
    /// The same with these headers.
    With(Vec<(&'static str, String)>),
    /// 200 that shows the lead as it is; nothing is applied for it.
    Show,
    /// 200 that shows the new values whether the lead has them or not, under this ID where one is given.
    Claim(Option<&'static str>),
    /// A whole answer.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Nothing, and the connection is reset.
    Reset,
    /// Nothing, and the connection is closed in order.
    Close,
    /// Nothing, for as long as the client waits.
    Hang,
    /// The lead, but the connection is closed in the middle of the body.
    Cut,
    /// The lead, byte by byte, with such pauses.
    Drip(Duration),
    /// Nothing until the cue is given, and then the lead, to whoever is still there.
    OnCue,
    /// The lead; then the connection is reset under the next request, which is not read.
    ResetUnderNext,
    /// As the contract has it, and after a pause a second reply that nobody asked for, which shows this lead with
    /// this number.
    Twice(&'static str, String, Duration),
}

/// One request's fate.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) before: Vec<Deed>,
    pub(crate) reply: Reply,
    pub(crate) after: Vec<Deed>,
}

impl Step {
    /// Before the reply.
    pub(crate) fn first(mut self, deed: Deed) -> Self {
        self.before.push(deed);
        self
    }

    /// After the reply, or what there was of it.
    pub(crate) fn then(mut self, deed: Deed) -> Self {
        self.after.push(deed);
        self
    }
}

impl From<Reply> for Step {
    fn from(reply: Reply) -> Self {
        Self {
            before: Vec::new(),
            reply,
            after: Vec::new(),
        }
    }
}

/// A step without deeds.
pub(crate) fn step(reply: Reply) -> Step {
    reply.into()
}

/// A step that applies the request first.
pub(crate) fn applied(reply: Reply) -> Step {
    step(reply).first(Deed::Apply)
}

/// An answer without headers of its own.
pub(crate) fn answer(status: u16, body: &str) -> Reply {
    Reply::Answer {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
    }
}

/// An error envelope.
pub(crate) fn refusal(status: u16) -> Reply {
    let body = serde_json::json!({"statusCode": status, "message": "scripted", "error": "Error"});
    answer(status, &body.to_string())
}

/// An error envelope with headers.
pub(crate) fn refusal_with(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    let body = r#"{"statusCode":429,"message":"slow down"}"#.to_owned();
    Reply::Answer {
        status,
        headers,
        body,
    }
}

/// Steps for one lead, in order, and what is done when they are used up. A request without a step is answered
/// honestly.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    steps: HashMap<(&'static str, String), VecDeque<Step>>,
    always: HashMap<(&'static str, String), Step>,
    everybody: HashMap<&'static str, Step>,
}

impl Script {
    /// These steps for the first requests of this kind.
    pub(crate) fn on(
        mut self,
        method: &'static str,
        lead: &str,
        steps: impl IntoIterator<Item = Step>,
    ) -> Self {
        let key = (method, lead.to_owned());
        self.steps.entry(key).or_default().extend(steps);
        self
    }

    /// This for each further request of this kind.
    pub(crate) fn always(mut self, method: &'static str, lead: &str, step: Step) -> Self {
        self.always.insert((method, lead.to_owned()), step);
        self
    }

    /// This for each request of this kind, whichever the lead.
    pub(crate) fn everybody(mut self, method: &'static str, step: Step) -> Self {
        self.everybody.insert(method, step);
        self
    }

    /// The same for reads and changes.
    pub(crate) fn whatever(self, step: Step) -> Self {
        self.everybody("GET", step.clone()).everybody("PATCH", step)
    }

    /// The fate of the next request of this kind.
    pub(crate) fn next(&mut self, method: &str, lead: &str) -> Step {
        let method = if method == "PATCH" { "PATCH" } else { "GET" };
        let key = (method, lead.to_owned());
        self.steps
            .get_mut(&key)
            .and_then(VecDeque::pop_front)
            .or_else(|| self.always.get(&key).cloned())
            .or_else(|| self.everybody.get(method).cloned())
            .unwrap_or_else(|| step(Reply::Honest))
    }
}
