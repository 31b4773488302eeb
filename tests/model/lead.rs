//! A lead at the server, with the requests for it that are still on their way.

use leadfix::classify::{Question, Seen, Words};
use leadfix::plan::Evidence;

/// The lead, as far as the two safety properties go. Nothing takes new values away again, unlocks or restores it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, in any combination"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Lead {
    pub(crate) holds_new: bool,
    pub(crate) ever_held_new: bool,
    pub(crate) locked: bool,
    pub(crate) removed: bool,
    /// Lost requests that have not reached the server yet: the lock will stop them.
    travelling: u8,
    /// Requests that have passed the check for the lock and are not written yet: nothing will stop them, but they
    /// are written within a second.
    accepted: u8,
}

/// What a server does to the requests for a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// It applies and answers, and nothing happens to the lead.
    Steady,
    /// Anything; so many requests may be on their way at once.
    Faulty(u8),
}

fn answer(status: u16, evidence: Evidence) -> Seen {
    Seen::Answer {
        status,
        evidence,
        words: Words::Other,
    }
}

impl Lead {
    /// Whether a locked lead may yet come to hold the new values.
    pub(crate) fn may_still_be_written(self) -> bool {
        self.accepted > 0
    }

    /// Whether it can be changed.
    fn is_open(self) -> bool {
        !self.locked && !self.removed
    }

    fn underway(self) -> u8 {
        self.travelling + self.accepted
    }

    fn write(self) -> Self {
        Self {
            holds_new: true,
            ever_held_new: true,
            ..self
        }
    }

    /// What the lead may show of itself. That it was dialled shows late, if at all.
    fn evidence(self) -> Vec<Evidence> {
        if self.holds_new {
            vec![Evidence::Whole]
        } else if self.locked {
            vec![Evidence::Differs, Evidence::DiffersUndialled]
        } else {
            vec![Evidence::DiffersUndialled]
        }
    }

    /// What may happen to it at any time.
    pub(crate) fn events(self, server: Server) -> Vec<Self> {
        let mut events = Vec::new();
        if server == Server::Steady {
            return events;
        }
        if self.is_open() {
            // What has not arrived by then finds the door shut.
            let shut = Self {
                travelling: 0,
                ..self
            };
            events.push(Self {
                locked: true,
                ..shut
            });
            events.push(Self {
                removed: true,
                ..shut
            });
        }
        if self.locked && !self.removed {
            events.push(Self {
                removed: true,
                ..self
            });
        }
        if self.travelling > 0 {
            let arrived = Self {
                travelling: self.travelling - 1,
                ..self
            };
            events.push(arrived);
            events.push(Self {
                accepted: self.accepted + 1,
                ..arrived
            });
        }
        if self.accepted > 0 {
            let written = Self {
                accepted: self.accepted - 1,
                ..self
            };
            events.push(written.write());
        }
        events
    }

    /// What a `PATCH` may do, and what the client may see of it.
    pub(crate) fn patch(self, server: Server) -> Vec<(Self, Seen)> {
        let Server::Faulty(most_underway) = server else {
            return vec![(self.write(), answer(200, Evidence::Whole))];
        };
        let mut outcomes = vec![
            (self, Seen::NotConnected),
            (self, Seen::Lost),
            (self, answer(401, Evidence::Nothing)),
            (self, answer(429, Evidence::Nothing)),
            (self, answer(500, Evidence::Nothing)),
            (self, answer(200, Evidence::Nothing)),
            (self, answer(200, Evidence::OtherLead)),
        ];
        let is_room = self.underway() < most_underway;
        if is_room && self.is_open() {
            let travelling = Self {
                travelling: self.travelling + 1,
                ..self
            };
            outcomes.push((travelling, Seen::Lost));
        }
        if self.removed {
            outcomes.push((self, answer(404, Evidence::Nothing)));
            return outcomes;
        }
        if self.locked {
            outcomes.push((self, answer(409, Evidence::Nothing)));
            return outcomes;
        }
        let old_values = self.evidence().into_iter();
        outcomes.extend(old_values.map(|evidence| (self, answer(200, evidence))));
        outcomes.push((self.write(), answer(200, Evidence::Whole)));
        let accepted = is_room.then_some(Self {
            accepted: self.accepted + 1,
            ..self
        });
        for applied in [self.write()].into_iter().chain(accepted) {
            outcomes.extend([
                (applied, Seen::Lost),
                (applied, answer(500, Evidence::Nothing)),
                (applied, answer(200, Evidence::Nothing)),
                (applied, answer(200, Evidence::OtherLead)),
            ]);
        }
        outcomes
    }

    /// What a read may show. The second look at a lock comes a second later, when what was accepted is written.
    pub(crate) fn read(self, question: Question) -> Vec<(Self, Seen)> {
        let lead = match question {
            Question::ConflictAgain if self.accepted > 0 => Self {
                accepted: 0,
                ..self.write()
            },
            _ => self,
        };
        let mut shown = vec![
            Seen::Lost,
            answer(500, Evidence::Nothing),
            answer(200, Evidence::Nothing),
        ];
        if lead.removed {
            shown.push(answer(404, Evidence::Nothing));
        } else {
            let values = lead.evidence().into_iter();
            shown.extend(values.map(|evidence| answer(200, evidence)));
        }
        shown.into_iter().map(|seen| (lead, seen)).collect()
    }
}
