//! What a reply shows, and what it says about admission.

use jiff::Timestamp;

use super::Executor;
use super::row::Row;
use crate::api::{Complaint, Lead};
use crate::classify::{Seen, Words};
use crate::client::{Answer, Reply};
use crate::halt;
use crate::limiter::Signal;
use crate::plan::{Evidence, Plan};
use crate::text;

/// So much is shown of a reply that shows no lead, in characters.
const BLANK_SHOWN: usize = 60;
/// So much of what a server says is looked at to be shown, in bytes: to look for the key takes its time.
const LOOKED_AT: usize = 8 * 1024;

/// The lead that a 2xx shows, as it is and not as it will be.
pub(super) fn lead_in(answer: &Answer) -> Option<Lead<'_>> {
    const ACCEPTED: u16 = 202;
    const MULTI_STATUS: u16 = 207;
    let body = answer.body.as_deref()?;
    match answer.status {
        ACCEPTED | MULTI_STATUS => None,
        200..=299 => Lead::from_reply(body),
        _ => None,
    }
}

/// The same of any reply.
pub(super) fn lead_of(reply: &Reply) -> Option<Lead<'_>> {
    reply.answer().and_then(lead_in)
}

/// What a refusal complains of.
pub(super) fn complaint_in(answer: &Answer) -> Complaint {
    Complaint::from_reply(answer.body.as_deref().unwrap_or_default())
}

/// Whether this is a page of whatever stands before the API, which refuses in JSON or without a word; what it says to a
/// success may be any text, but no markup.
fn is_page(answer: &Answer) -> bool {
    let body = answer.body.as_deref().unwrap_or_default();
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|first| match answer.status {
        ..400 => *first == b'<',
        400.. => !b"{[\"".contains(first),
    })
}

/// What a text begins with that may be long.
fn beginning(text: &str) -> &str {
    let text = text.trim();
    &text[..text.floor_char_boundary(LOOKED_AT)]
}

/// Whether the API would say something of the row with it.
pub(super) fn is_verdict(status: u16) -> bool {
    matches!(status, 200..=299 | 400 | 403 | 404 | 422)
}

/// Whether a page looks like a refusal of the row.
fn is_strange_refusal(answer: &Answer) -> bool {
    answer.status >= 400 && is_verdict(answer.status) && is_page(answer)
}

/// What an answer of the API says about admission.
fn signal(answer: &Answer) -> Signal {
    let announced = answer.quota_headers().interpret(Timestamp::now);
    match answer.status {
        429 => Signal::Throttled(announced),
        408 | 500.. => Signal::Trouble {
            retry_after: announced.retry_after,
        },
        _ => Signal::Answered(announced),
    }
}

impl<'a> Executor<'a> {
    /// What a reply says about admission. A page in the midst of the API's replies comes from a gateway that cannot reach
    /// it.
    pub(super) fn signal(&self, reply: &Reply) -> Signal {
        match reply.answer() {
            Some(answer) if !self.is_strange(answer) => signal(answer),
            _ => Signal::Trouble { retry_after: None },
        }
    }

    /// Whether something else than the API answers, which has answered before.
    fn is_strange(&self, answer: &Answer) -> bool {
        is_verdict(answer.status) && is_page(answer) && self.first_answers.have_spoken()
    }

    /// A page that looks like a refusal of the row waits for the API to speak to another one: until then nobody knows
    /// whether this is all that answers at the base URL. Once one has waited in vain, others need not. `None` when the run
    /// ends first.
    pub(super) async fn hear_the_api(&self, reply: &Reply) -> Option<()> {
        let answers = &self.first_answers;
        if reply.answer().is_some_and(is_strange_refusal) {
            let is_decided = || answers.have_spoken() || answers.are_blank();
            self.have_others_told(is_decided).await;
            if !answers.have_spoken() && self.halt.is_pulled() {
                return None;
            }
        }
        Some(())
    }

    /// Reduces a reply to its meaning, and keeps its words for people.
    pub(super) fn see(
        &self,
        row: &mut Row<'_, 'a>,
        reply: &Reply,
        plan: Option<&Plan<'_>>,
    ) -> Seen {
        let seen = match reply {
            Reply::NotConnected { detail, untrusted } => {
                row.words = text::cut(detail);
                if *untrusted {
                    self.halt.pull(halt::Cause::Misconfigured(format!(
                        "the server's certificate is not trusted ({detail}); `--ca-file` adds a private authority"
                    )));
                }
                Seen::NotConnected
            }
            Reply::Lost { detail } => {
                self.reached.set(true);
                row.words = text::cut(detail);
                Seen::Lost
            }
            // What stands before the API may have let the request through.
            Reply::Answer(answer) if is_strange_refusal(answer) => {
                row.http_status = Some(answer.status);
                row.words = format!(
                    "something before the API answered {}, with {}",
                    answer.status,
                    self.received(answer)
                );
                if !self.first_answers.have_spoken() {
                    row.blanks += 1;
                    self.suspect_a_stranger(row);
                }
                Seen::Lost
            }
            Reply::Answer(answer) => {
                row.http_status = Some(answer.status);
                self.reached.set(true);
                self.answered.set(true);
                self.see_answer(row, answer, plan)
            }
        };
        if seen.is_trouble() {
            self.last_trouble.replace(row.words.clone());
        }
        seen
    }

    fn see_answer(&self, row: &mut Row<'_, 'a>, answer: &Answer, plan: Option<&Plan<'_>>) -> Seen {
        let mut words = Words::Other;
        row.words.clear();
        if answer.status >= 400 {
            let complaint = complaint_in(answer);
            row.words = self.words(answer.status, &complaint);
            if complaint.refuses_spelling(row.spelling) {
                words = Words::RefusesSpelling;
            } else if complaint.speaks_of_destination() {
                words = Words::Destination;
            }
        }
        let lead = lead_in(answer);
        if lead.is_some() {
            self.succeeded.set(true);
        }
        let evidence = match (&lead, plan) {
            (Some(lead), Some(plan)) => plan.evidence(Some(lead), row.doubt),
            (Some(lead), None) if lead.is_named(&row.correction.lead_id) => Evidence::Differs,
            (Some(_), None) => Evidence::OtherLead,
            (None, _) => Evidence::Nothing,
        };
        if let (Some(lead), Some(plan), Evidence::Partly | Evidence::Unshown) =
            (&lead, plan, evidence)
        {
            row.shown = self.client.redact(&plan.explain(lead));
        }
        if lead.is_none() && (200..=299).contains(&answer.status) {
            self.see_blank(row, answer);
        } else {
            if !is_page(answer) {
                self.first_answers.see(answer.status);
            }
            if evidence == Evidence::Nothing && answer.status < 300 {
                row.words = format!(
                    "the server answered {} without showing the fields sent",
                    answer.status
                );
            }
        }
        Seen::Answer {
            status: answer.status,
            evidence,
            words,
        }
    }

    /// What a refusal says.
    pub(super) fn words(&self, status: u16, complaint: &Complaint) -> String {
        if complaint.messages.is_empty() {
            return format!("the server answered {status}");
        }
        let said = self.client.redact(beginning(&complaint.to_string()));
        format!("the server said: {}", text::cut(&said))
    }

    /// The beginning of a body that shows no lead.
    fn received(&self, answer: &Answer) -> String {
        match &answer.body {
            None => "a body that was cut or is too large".to_owned(),
            Some(body) if body.is_empty() => "nothing in it".to_owned(),
            Some(body) => {
                let text = self
                    .client
                    .redact(beginning(&String::from_utf8_lossy(body)));
                let shown: String = text.chars().take(BLANK_SHOWN).collect();
                format!("`{}`", text::cut(&shown))
            }
        }
    }

    /// A success that shows no lead. One that was cut says nothing of who answers, and a single one may be all that the
    /// API says to a change: a row is blank when a read shows none either.
    fn see_blank(&self, row: &mut Row<'_, 'a>, answer: &Answer) {
        row.words = format!(
            "the server answered {} without showing the lead, with {}",
            answer.status,
            self.received(answer)
        );
        if answer.body.is_none() {
            return;
        }
        row.blanks += 1;
        if row.blanks == 2 {
            self.suspect_a_stranger(row);
        }
    }

    fn suspect_a_stranger(&self, row: &Row<'_, 'a>) {
        if self.first_answers.see_blank() {
            self.stop_at_a_stranger(&row.words);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_only_the_beginning_is_looked_at() {
        assert_eq!(beginning(" \n page "), "page");
        let long = format!("\n{}", "ü".repeat(LOOKED_AT)) + "\n";
        assert_eq!(beginning(&long), "ü".repeat(LOOKED_AT / 2));
        let odd = format!("x{}", long.trim());
        assert_eq!(beginning(&odd).len(), LOOKED_AT - 1);
    }
}
