//! What a reply means for a row: one table each for replies to a `PATCH`, for reads of the lead before
//! it and for reads that answer a question. Pure.
//!
//! *In doubt* means that an earlier attempt for this row may have been applied without our knowing.
//! `docs/design.md` shows the same tables for people; a snapshot test prints them.

use crate::outcome::{Cause, Finding, Reupload, Status};
use crate::plan::Evidence;

/// One reply, as far as its meaning goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// No connection was made, so nothing was sent.
    NotConnected,
    /// A byte may have been sent, and no status came back.
    Lost,
    /// An HTTP status, and what the body shows or says.
    Answer {
        /// HTTP status.
        status: u16,
        /// What a lead in the body shows.
        evidence: Evidence,
        /// What an error envelope in the body says.
        words: Words,
    },
}

impl Seen {
    /// A failed connection, no answer, or one that says that the server is in trouble.
    pub fn is_trouble(self) -> bool {
        match self {
            Self::NotConnected | Self::Lost => true,
            Self::Answer { status, .. } => matches!(status, 408 | 500..),
        }
    }
}

/// What the words of an error envelope are about, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Words {
    /// Anything else, or nothing.
    Other,
    /// A field of our spelling should not exist.
    RefusesSpelling,
    /// The destination of the call.
    Destination,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The row is settled.
    Settle(Finding),
    /// Everyone waits; this was no attempt.
    Hold,
    /// Try again after a pause; when no attempt is left, [`exhausted`] says how the row ends.
    Retry {
        /// Whether the row is in doubt from now on.
        doubt: bool,
    },
    /// Read the lead to find out.
    Ask {
        /// What the read shall tell.
        question: Question,
        /// Whether the row is in doubt from now on.
        doubt: bool,
    },
    /// Send it in the other body spelling, once; where that is not possible, the row ends like this.
    OtherSpelling(Finding),
    /// The reply belongs to somebody else: send it again on a new connection, once; then stop.
    Reconnect,
    /// The run cannot go on.
    Stop(Systemic),
}

/// Why a lead is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The server accepted the request but showed other values.
    Mismatch,
    /// The server accepted the request but proved nothing.
    Unproven,
    /// The server accepted the request and showed nothing else than was sent, but not all of it.
    Unshown,
    /// The lead is locked; was the correction applied?
    Conflict,
    /// The same, a second or more after the first read.
    ConflictAgain,
    /// The key was refused on this row, in these words, before anything succeeded; is it the key or the row?
    Forbidden(Words),
    /// The server refused it, while an earlier attempt may have been applied; else the row ends like this.
    Refused(Finding),
    /// No attempt is left.
    Exhausted,
}

/// What ends a run because it would be the same for every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Systemic {
    /// 401, or 403 for everything.
    KeyRefused,
    /// 3xx: never followed.
    Redirected,
}

/// Judges the reply to a `PATCH`. `succeeded`: whether this run has seen a 2xx, so that a 403 must be about the
/// row.
pub fn patch(seen: Seen, doubt: bool, succeeded: bool) -> Verdict {
    let (status, evidence, words) = match seen {
        Seen::NotConnected => return Verdict::Retry { doubt },
        Seen::Lost => return Verdict::Retry { doubt: true },
        Seen::Answer {
            status,
            evidence,
            words,
        } => (status, evidence, words),
    };
    match status {
        200..=299 => accepted(evidence),
        300..=399 => Verdict::Stop(Systemic::Redirected),
        401 => Verdict::Stop(Systemic::KeyRefused),
        403 if !succeeded => Verdict::Ask {
            question: Question::Forbidden(words),
            doubt,
        },
        403 => refused(blocked(words), doubt),
        400 if words == Words::RefusesSpelling => {
            Verdict::OtherSpelling(Finding::new(Status::Invalid, Cause::RejectedByServer))
        }
        400 | 422 => refused(
            Finding::new(Status::Invalid, Cause::RejectedByServer),
            doubt,
        ),
        404 if doubt => Verdict::Settle(Finding::new(Status::Missing, Cause::MissingAfterDoubt)),
        404 => Verdict::Settle(Finding::new(Status::Missing, Cause::NotFound)),
        409 => Verdict::Ask {
            question: Question::Conflict,
            doubt,
        },
        429 => Verdict::Hold,
        408 | 500.. => Verdict::Retry { doubt: true },
        _ if doubt => Verdict::Settle(Finding::new(Status::Failed, Cause::OutcomeUnknown)),
        _ => Verdict::Settle(Finding::new(Status::Failed, Cause::UnexpectedAnswer)),
    }
}

fn accepted(evidence: Evidence) -> Verdict {
    match evidence {
        Evidence::Whole => Verdict::Settle(Finding::UPDATED),
        Evidence::Partly | Evidence::Unshown => Verdict::Ask {
            question: Question::Unshown,
            doubt: true,
        },
        Evidence::Mixed | Evidence::Differs | Evidence::DiffersUndialled | Evidence::Uncertain => {
            Verdict::Ask {
                question: Question::Mismatch,
                doubt: true,
            }
        }
        Evidence::Nothing => Verdict::Ask {
            question: Question::Unproven,
            doubt: true,
        },
        Evidence::OtherLead => Verdict::Reconnect,
    }
}

/// Judges what a row comes to when nothing else can be sent for it; in doubt a refusal is no proof, since an earlier
/// attempt may have been applied.
pub fn refused(finding: Finding, doubt: bool) -> Verdict {
    if doubt && finding.status == Status::Invalid {
        Verdict::Ask {
            question: Question::Refused(finding),
            doubt,
        }
    } else {
        Verdict::Settle(finding)
    }
}

fn blocked(words: Words) -> Finding {
    let cause = if words == Words::Destination {
        Cause::DestinationBlocked
    } else {
        Cause::Forbidden
    };
    Finding::new(Status::Invalid, cause)
}

/// Judges a 403 that raised this question, once the key is known to work: it is about the row.
pub fn forbidden(question: Question, doubt: bool) -> Verdict {
    let finding = blocked(match question {
        Question::Forbidden(words) => words,
        _ => Words::Other,
    });
    if doubt {
        unread(Question::Refused(finding), doubt)
    } else {
        Verdict::Settle(finding)
    }
}

/// Judges a read of the lead, asked for by [`patch`]. A read that fails in passing is repeated before it comes
/// here, so a failure is final.
pub fn read(question: Question, seen: Seen, doubt: bool) -> Verdict {
    let (status, evidence) = match seen {
        Seen::NotConnected | Seen::Lost => return unread(question, doubt),
        Seen::Answer {
            status, evidence, ..
        } => (status, evidence),
    };
    match (status, question) {
        (401, _) | (403, Question::Forbidden(_)) => Verdict::Stop(Systemic::KeyRefused),
        (300..=399, _) => Verdict::Stop(Systemic::Redirected),
        (429, _) => Verdict::Hold,
        (200..=299, _) if evidence == Evidence::OtherLead => Verdict::Reconnect,
        (200..=299, Question::Forbidden(words)) if !doubt => match evidence {
            Evidence::Nothing => Verdict::Stop(Systemic::KeyRefused),
            _ => Verdict::Settle(blocked(words)),
        },
        (200..=299, Question::Forbidden(words)) => {
            shown(Question::Refused(blocked(words)), evidence, doubt)
        }
        (200..=299, _) => shown(question, evidence, doubt),
        (404, Question::Forbidden(_)) if !doubt => {
            Verdict::Settle(Finding::new(Status::Missing, Cause::NotFound))
        }
        (
            404,
            Question::Mismatch
            | Question::Unproven
            | Question::Unshown
            | Question::Forbidden(_)
            | Question::Refused(_)
            | Question::Exhausted,
        ) => Verdict::Settle(Finding::new(Status::Missing, Cause::MissingAfterDoubt)),
        _ => unread(question, doubt),
    }
}

/// A read that shows our lead.
fn shown(question: Question, evidence: Evidence, doubt: bool) -> Verdict {
    use Evidence::{
        Differs, DiffersUndialled, Mixed, Nothing, OtherLead, Partly, Uncertain, Unshown, Whole,
    };
    let confirmed = Verdict::Settle(Finding::new(Status::Updated, Cause::ConfirmedByRead));
    let review = Verdict::Settle(Finding::locked(Cause::PartlyApplied, Reupload::Review));
    match (question, evidence) {
        (Question::Conflict | Question::ConflictAgain, Whole) => {
            Verdict::Settle(Finding::new(Status::Updated, Cause::ConfirmedAfterConflict))
        }
        (Question::Conflict, Differs) if doubt => Verdict::Ask {
            question: Question::ConflictAgain,
            doubt,
        },
        (Question::Conflict | Question::ConflictAgain, Differs) => {
            Verdict::Settle(Finding::locked(Cause::AlreadyDialled, Reupload::Yes))
        }
        (Question::Conflict | Question::ConflictAgain, Mixed | Partly) => review,
        (_, Whole) => confirmed,
        (Question::Mismatch | Question::Unproven | Question::Unshown, Partly) => {
            Verdict::Settle(Finding::new(Status::Updated, Cause::PartlyConfirmed))
        }
        (Question::Unshown, Unshown) => {
            Verdict::Settle(Finding::new(Status::Updated, Cause::AcceptedUnconfirmed))
        }
        // A lock that the lead does not own up to is no certainty: it may yet be dialled, or must not be.
        (Question::Conflict | Question::ConflictAgain, DiffersUndialled) => {
            Verdict::Settle(Finding::locked(Cause::LockDenied, Reupload::Review))
        }
        (Question::Mismatch | Question::Unshown, Differs | DiffersUndialled) => {
            Verdict::OtherSpelling(Finding::new(Status::Failed, Cause::NotApplied))
        }
        (Question::Mismatch | Question::Unshown, Uncertain) => {
            Verdict::OtherSpelling(Finding::new(Status::Failed, Cause::OutcomeUnknown))
        }
        (Question::Mismatch | Question::Unshown, Mixed) => {
            Verdict::OtherSpelling(Finding::new(Status::Failed, Cause::PartlyApplied))
        }
        (Question::Refused(_), Mixed) => {
            Verdict::Settle(Finding::new(Status::Failed, Cause::PartlyApplied))
        }
        (Question::Refused(finding), Differs | DiffersUndialled) => Verdict::Settle(finding),
        (
            _,
            Nothing | OtherLead | Unshown | Partly | Mixed | Differs | DiffersUndialled | Uncertain,
        ) => unread(question, doubt),
    }
}

/// A read that tells nothing.
fn unread(question: Question, doubt: bool) -> Verdict {
    match question {
        Question::Conflict | Question::ConflictAgain => {
            Verdict::Settle(Finding::locked(Cause::LockUnread, Reupload::Review))
        }
        Question::Mismatch | Question::Unproven | Question::Unshown => {
            Verdict::Retry { doubt: true }
        }
        Question::Forbidden(_) => Verdict::Retry { doubt },
        Question::Refused(_) | Question::Exhausted => {
            Verdict::Settle(Finding::new(Status::Failed, Cause::OutcomeUnknown))
        }
    }
}

/// Judges a read of the lead before anything is sent; `None` where it shows our lead, so that the row can be
/// planned.
pub fn read_before(seen: Seen, doubt: bool, succeeded: bool) -> Option<Verdict> {
    let (status, evidence) = match seen {
        Seen::NotConnected | Seen::Lost => return Some(Verdict::Retry { doubt }),
        Seen::Answer {
            status, evidence, ..
        } => (status, evidence),
    };
    match (status, evidence) {
        (200..=299, Evidence::OtherLead) => Some(Verdict::Reconnect),
        (200..=299, Evidence::Nothing) | (408 | 500.., _) => Some(Verdict::Retry { doubt }),
        (200..=299, _) => None,
        (403, _) if !succeeded => Some(Verdict::Stop(Systemic::KeyRefused)),
        (400 | 403 | 422, _) if doubt => Some(Verdict::Settle(Finding::new(
            Status::Failed,
            Cause::OutcomeUnknown,
        ))),
        // What remains says nothing else than it would in reply to the `PATCH`, which is not sent.
        _ => Some(patch(seen, doubt, true)),
    }
}

/// What to do with a row for which no attempt is left.
pub fn exhausted(doubt: bool) -> Verdict {
    if doubt {
        Verdict::Ask {
            question: Question::Exhausted,
            doubt,
        }
    } else {
        Verdict::Settle(Finding::new(Status::Failed, Cause::Unreachable))
    }
}

/// Whether a read that ended like this is worth repeating before it is judged.
pub fn is_passing(seen: Seen) -> bool {
    let proves_nothing = matches!(
        seen,
        Seen::Answer {
            status: 200..=299,
            evidence: Evidence::Nothing,
            ..
        }
    );
    seen.is_trouble() || proves_nothing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Reason;
    use std::fmt::Write;

    const STATUSES: &[u16] = &[
        200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 408, 409,
        410, 413, 415, 418, 422, 425, 429, 431, 451, 500, 501, 502, 503, 504, 520, 529,
    ];

    const REJECTED: Finding = Finding {
        status: Status::Invalid,
        reason: Some(Reason::Cause(Cause::RejectedByServer)),
        reupload: Reupload::No,
    };

    const QUESTIONS: [Question; 8] = [
        Question::Mismatch,
        Question::Unproven,
        Question::Unshown,
        Question::Conflict,
        Question::ConflictAgain,
        Question::Forbidden(Words::Destination),
        Question::Refused(REJECTED),
        Question::Exhausted,
    ];

    fn say(verdict: Verdict) -> String {
        match verdict {
            Verdict::Settle(finding) => say_finding(finding),
            Verdict::Hold => "everyone waits".into(),
            Verdict::Retry { doubt } => format!("retry{}", if doubt { ", in doubt" } else { "" }),
            Verdict::Ask { question, doubt } => {
                let question = match question {
                    Question::Refused(finding) => format!("Refused, else {}", say_finding(finding)),
                    question => format!("{question:?}"),
                };
                format!("read ({question}{})", if doubt { ", in doubt" } else { "" })
            }
            Verdict::OtherSpelling(finding) => {
                format!("other spelling, else {}", say_finding(finding))
            }
            Verdict::Reconnect => "new connection, then stop".into(),
            Verdict::Stop(systemic) => format!("STOP {systemic:?}"),
        }
    }

    fn say_finding(finding: Finding) -> String {
        let reason = finding
            .reason
            .map(|reason| format!("/{reason}"))
            .unwrap_or_default();
        let reupload = match finding.reupload {
            Reupload::No => String::new(),
            flag => format!(" re-upload={flag}"),
        };
        format!("{}{reason}{reupload}", finding.status)
    }

    /// Lines that say the same for several keys are folded into one.
    fn fold(title: &str, lines: Vec<(String, String)>) -> String {
        let mut folded: Vec<(Vec<String>, String)> = Vec::new();
        for (key, said) in lines {
            match folded.iter_mut().find(|(_, other)| *other == said) {
                Some((keys, _)) if keys.contains(&key) => {}
                Some((keys, _)) => keys.push(key),
                None => folded.push((vec![key], said)),
            }
        }
        let mut text = format!("{title}\n");
        for (keys, said) in folded {
            writeln!(text, "  {}\n      {said}", keys.join(" | ")).unwrap();
        }
        text
    }

    fn answer(status: u16, evidence: Evidence) -> Seen {
        Seen::Answer {
            status,
            evidence,
            words: Words::Other,
        }
    }

    fn replies() -> Vec<(String, Seen)> {
        let mut replies = vec![
            ("not connected".to_owned(), Seen::NotConnected),
            ("lost".to_owned(), Seen::Lost),
        ];
        for &status in STATUSES {
            for evidence in Evidence::ALL {
                if (200..300).contains(&status) {
                    replies.push((format!("2xx {evidence:?}"), answer(status, evidence)));
                } else if evidence == Evidence::Nothing {
                    replies.push((status.to_string(), answer(status, evidence)));
                }
            }
        }
        for words in [Words::RefusesSpelling, Words::Destination] {
            for status in [400, 403, 422] {
                let seen = Seen::Answer {
                    status,
                    evidence: Evidence::Nothing,
                    words,
                };
                replies.push((format!("{status} {words:?}"), seen));
            }
        }
        replies
    }

    #[test]
    fn the_whole_table_of_patch_replies() {
        let table = |doubt, succeeded| {
            replies()
                .into_iter()
                .map(|(key, seen)| (key, say(patch(seen, doubt, succeeded))))
                .collect()
        };
        let text = [
            fold(
                "PATCH, not in doubt, something succeeded before",
                table(false, true),
            ),
            fold(
                "PATCH, in doubt, something succeeded before",
                table(true, true),
            ),
            fold(
                "PATCH, not in doubt, nothing succeeded before",
                table(false, false),
            ),
            fold(
                "PATCH, in doubt, nothing succeeded before",
                table(true, false),
            ),
        ]
        .join("\n");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_whole_table_of_reads() {
        let mut parts = Vec::new();
        for question in QUESTIONS {
            for doubt in [false, true] {
                let lines = replies()
                    .into_iter()
                    .map(|(key, seen)| (key, say(read(question, seen, doubt))))
                    .collect();
                let question = match question {
                    Question::Refused(_) => "Refused".to_owned(),
                    question => format!("{question:?}"),
                };
                let title = format!(
                    "GET for {question}, {}in doubt",
                    if doubt { "" } else { "not " }
                );
                parts.push(fold(&title, lines));
            }
        }
        insta::assert_snapshot!(parts.join("\n"));
    }

    #[test]
    fn the_whole_table_of_reads_before_sending() {
        let mut parts = Vec::new();
        for (doubt, succeeded) in [(false, true), (true, true), (false, false), (true, false)] {
            let lines = replies()
                .into_iter()
                .map(|(key, seen)| {
                    (
                        key,
                        read_before(seen, doubt, succeeded).map_or("plan it".into(), say),
                    )
                })
                .collect();
            let title = format!(
                "GET before sending, in doubt: {doubt}, something succeeded before: {succeeded}"
            );
            parts.push(fold(&title, lines));
        }
        insta::assert_snapshot!(parts.join("\n"));
    }

    #[test]
    fn a_read_that_failed_in_passing_is_worth_repeating() {
        let passing = ["not connected", "lost", "408", "2xx Nothing"];
        for (key, seen) in replies() {
            let expected = passing.contains(&key.as_str()) || key.starts_with('5');
            assert_eq!(is_passing(seen), expected, "{key}");
        }
    }

    /// The properties that the whole product rests on, over every cell of the tables.
    #[test]
    fn no_update_without_proof_and_no_reupload_without_certainty() {
        use Evidence::{Partly, Unshown, Whole};
        let unshown = |question| (question == Question::Unshown).then_some(Unshown);
        for (key, seen) in replies() {
            for doubt in [false, true] {
                for succeeded in [false, true] {
                    let verdict = patch(seen, doubt, succeeded);
                    assert_ne!(
                        yes(verdict),
                        Some(Reupload::Yes),
                        "{key}: a 409 alone is no certainty"
                    );
                    check_updated(verdict, shows(seen, &[Whole]), &key);
                    if let Some(verdict) = read_before(seen, doubt, succeeded) {
                        assert_ne!(
                            yes(verdict),
                            Some(Reupload::Yes),
                            "{key}: before the change"
                        );
                        check_updated(verdict, false, &key);
                    }
                }
                for question in QUESTIONS {
                    let verdict = read(question, seen, doubt);
                    let proofs = [Some(Whole), Some(Partly), unshown(question)];
                    let proofs: Vec<_> = proofs.into_iter().flatten().collect();
                    check_updated(verdict, shows(seen, &proofs), &key);
                    if yes(verdict) == Some(Reupload::Yes) {
                        assert!(shows(seen, &[Evidence::Differs]), "{key}");
                        assert!(
                            question == Question::ConflictAgain || !doubt,
                            "{key}: one read in doubt"
                        );
                    }
                }
            }
        }
    }

    /// An earlier request may have been applied, whatever is refused now.
    #[test]
    fn in_doubt_nothing_but_old_values_makes_a_row_invalid() {
        use Evidence::{Differs, DiffersUndialled};
        for (key, seen) in replies() {
            for succeeded in [false, true] {
                assert!(!is_invalid(patch(seen, true, succeeded)), "{key}");
                let before = read_before(seen, true, succeeded);
                assert!(!before.is_some_and(is_invalid), "{key}");
            }
            for question in QUESTIONS {
                let allowed = shows(seen, &[Differs, DiffersUndialled]);
                let is_invalid = is_invalid(read(question, seen, true));
                assert!(allowed || !is_invalid, "{key}, asked for {question:?}");
            }
        }
        for question in QUESTIONS {
            assert!(!is_invalid(forbidden(question, true)), "{question:?}");
        }
        assert!(!is_invalid(refused(REJECTED, true)));
    }

    fn shows(seen: Seen, wanted: &[Evidence]) -> bool {
        matches!(seen, Seen::Answer { status: 200..=299, evidence, .. } if wanted.contains(&evidence))
    }

    fn is_invalid(verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Settle(finding) if finding.status == Status::Invalid)
    }

    fn yes(verdict: Verdict) -> Option<Reupload> {
        match verdict {
            Verdict::Settle(finding) | Verdict::OtherSpelling(finding) => Some(finding.reupload),
            _ => None,
        }
    }

    fn check_updated(verdict: Verdict, is_proof: bool, key: &str) {
        let is_updated =
            matches!(verdict, Verdict::Settle(finding) if finding.status == Status::Updated);
        assert!(is_proof || !is_updated, "{key} is no proof");
    }
}
