//! A row in the client's hands.

use leadfix::classify::{self, Question, Verdict};
use leadfix::outcome::Finding;

use super::lead::{Lead, Server};
use super::rules::Rules;

const MAX_ATTEMPTS: u8 = 2;

/// Where a row stands, between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// Not begun.
    Waiting,
    /// About to be sent.
    Ready,
    /// About to be read.
    Asking(Question),
    /// Says what an earlier row says.
    Repeating,
    /// Has its finding.
    Settled(Finding),
    /// Has a finding that is durable, and that nothing can make untrue.
    Closed(Finding),
    /// Ends the run without a finding.
    Abandoned,
}

/// A row, and what the client knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Row {
    pub(crate) stage: Stage,
    doubt: bool,
    attempts: u8,
}

impl Row {
    pub(crate) fn at(stage: Stage) -> Self {
        Self {
            stage,
            doubt: false,
            attempts: 0,
        }
    }

    pub(crate) fn begun(doubt: bool) -> Self {
        Self {
            doubt,
            ..Self::at(Stage::Ready)
        }
    }

    /// Everything that the client's next request may lead to.
    pub(crate) fn steps(self, lead: Lead, rules: Rules, server: Server) -> Vec<(Lead, Self)> {
        match self.stage {
            Stage::Ready => {
                let replies = lead.patch(server).into_iter();
                replies
                    .flat_map(|(lead, seen)| {
                        let verdict = rules.patch(seen, self.doubt);
                        let counted = Self {
                            attempts: self.attempts + u8::from(verdict != Verdict::Hold),
                            ..self
                        };
                        counted.follow(verdict).map(move |row| (lead, row))
                    })
                    .collect()
            }
            Stage::Asking(question) => {
                let replies = lead.read(question).into_iter();
                replies
                    .flat_map(|(lead, seen)| {
                        let verdict = classify::read(question, seen, self.doubt);
                        self.follow(verdict).map(move |row| (lead, row))
                    })
                    .collect()
            }
            Stage::Waiting
            | Stage::Repeating
            | Stage::Settled(_)
            | Stage::Closed(_)
            | Stage::Abandoned => Vec::new(),
        }
    }

    /// Where a verdict leads, as the executor follows it.
    fn follow(self, verdict: Verdict) -> impl Iterator<Item = Self> {
        let is_last = self.attempts >= MAX_ATTEMPTS;
        let again = |doubt| Self {
            stage: Stage::Ready,
            doubt,
            ..self
        };
        let (row, other) = match verdict {
            Verdict::Settle(finding) => (Self::at(Stage::Settled(finding)), None),
            // The other spelling may have been tried before.
            Verdict::OtherSpelling(finding) => (
                Self::at(Stage::Settled(finding)),
                (!is_last).then(|| again(self.doubt)),
            ),
            Verdict::Ask { question, doubt } => (self.ask(question, doubt), None),
            Verdict::Retry { doubt } if is_last => match classify::exhausted(doubt) {
                Verdict::Ask { question, doubt } => (self.ask(question, doubt), None),
                Verdict::Settle(finding) => (Self::at(Stage::Settled(finding)), None),
                verdict => unreachable!("{verdict:?} for a row without attempts"),
            },
            Verdict::Retry { doubt } => (again(doubt), None),
            Verdict::Reconnect if is_last => (Self::at(Stage::Abandoned), None),
            Verdict::Reconnect => (again(true), None),
            Verdict::Hold => (again(self.doubt), None),
            Verdict::Stop(_) => (Self::at(Stage::Abandoned), None),
        };
        std::iter::once(row).chain(other)
    }

    fn ask(self, question: Question, doubt: bool) -> Self {
        Self {
            stage: Stage::Asking(question),
            doubt,
            ..self
        }
    }
}
