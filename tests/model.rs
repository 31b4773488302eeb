//! Every interleaving of sending, losing, delaying, applying, dialling, removing, crashing and resuming for one
//! row, driven by the real decision tables and the real resume rule. In every reachable state: no row says
//! `updated` unless the lead holds the new values, and none asks for a re-upload unless the lead is locked and
//! never held them. Three deliberate weakenings show that the model would notice.

use std::collections::{HashSet, VecDeque};

use leadfix::checkpoint::{Identity, RunFile};
use leadfix::classify::{self, Question, Seen, Verdict, Words};
use leadfix::outcome::{Finding, Reupload, Status};
use leadfix::plan::{Evidence, MetadataMode};

const MAX_ATTEMPTS: u8 = 2;
const MAX_CRASHES: u8 = 2;
/// Requests that a server has taken and may still write, at once.
const MAX_UNDERWAY: u8 = 2;

/// The server and the lead.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, in any combination"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
struct World {
    holds_new: bool,
    ever_held_new: bool,
    locked: bool,
    removed: bool,
    /// Lost requests that have not reached the server yet: the lock will stop them.
    travelling: u8,
    /// Requests that have passed the check for the lock and are not written yet: nothing will stop them, but they
    /// are written within a second.
    accepted: u8,
}

/// The client, between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    Ready,
    Asking(Question),
    Settled(Finding),
    /// The run stopped without a result for the row.
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State {
    world: World,
    client: Client,
    doubt: bool,
    attempts: u8,
    crashes: u8,
}

/// The rules under test, and the ways to weaken them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Real,
    EveryConflictIsYes,
    ServerErrorsApplyNothing,
    DoubtForgottenOnResume,
}

impl Rules {
    fn patch(self, seen: Seen, doubt: bool) -> Verdict {
        let verdict = classify::patch(seen, doubt, true);
        match (self, seen, verdict) {
            (Self::EveryConflictIsYes, Seen::Answer { status: 409, .. }, _) => Verdict::Settle(
                Finding::locked(leadfix::outcome::Cause::AlreadyDialled, Reupload::Yes),
            ),
            (
                Self::ServerErrorsApplyNothing,
                Seen::Answer { status: 500.., .. },
                Verdict::Retry { .. },
            ) => Verdict::Retry { doubt },
            _ => verdict,
        }
    }

    /// Whether the first row behind the results is in doubt after a crash.
    fn doubt_after_crash(self) -> bool {
        let mut run = RunFile::new(identity(), 1);
        run.resume(0, 0, 1);
        run.doubt_through >= 1 && self != Self::DoubtForgottenOnResume
    }
}

fn identity() -> Identity {
    Identity {
        fingerprint: String::new(),
        base_url: String::new(),
        region: None,
        metadata: MetadataMode::Merge,
        clear_token: String::new(),
        reading: std::collections::BTreeMap::new(),
        reconcile: false,
    }
}

fn answer(status: u16, evidence: Evidence) -> Seen {
    Seen::Answer {
        status,
        evidence,
        words: Words::Other,
    }
}

impl World {
    fn write(mut self) -> Self {
        self.holds_new = true;
        self.ever_held_new = true;
        self
    }

    fn evidence(self) -> Evidence {
        if self.holds_new {
            Evidence::Whole
        } else {
            Evidence::Differs
        }
    }

    /// What may happen to the lead at any time.
    fn events(self) -> Vec<Self> {
        let mut events = vec![
            Self {
                locked: true,
                ..self
            },
            Self {
                removed: true,
                ..self
            },
        ];
        if self.travelling > 0 {
            let arrived = Self {
                travelling: self.travelling - 1,
                ..self
            };
            events.push(arrived);
            if !self.locked && !self.removed {
                events.push(Self {
                    accepted: arrived.accepted + 1,
                    ..arrived
                });
            }
        }
        if self.accepted > 0 {
            events.push(
                Self {
                    accepted: self.accepted - 1,
                    ..self
                }
                .write(),
            );
        }
        events
    }

    /// What a `PATCH` may do and what the client may see of it.
    fn patch(self) -> Vec<(Self, Seen)> {
        let mut outcomes = vec![
            (self, Seen::NotConnected),
            (self, Seen::Lost),
            (self, answer(500, Evidence::Nothing)),
            (self, answer(200, Evidence::Nothing)),
        ];
        if self.travelling + self.accepted < MAX_UNDERWAY {
            outcomes.push((
                Self {
                    travelling: self.travelling + 1,
                    ..self
                },
                Seen::Lost,
            ));
        }
        if self.removed {
            outcomes.push((self, answer(404, Evidence::Nothing)));
        } else if self.locked {
            outcomes.push((self, answer(409, Evidence::Nothing)));
        } else {
            let written = self.write();
            outcomes.extend([
                (written, answer(200, Evidence::Whole)),
                (written, answer(200, Evidence::Nothing)),
                (written, answer(500, Evidence::Nothing)),
                (written, Seen::Lost),
                (self, answer(200, self.evidence())),
            ]);
            if self.travelling + self.accepted < MAX_UNDERWAY {
                let accepted = Self {
                    accepted: self.accepted + 1,
                    ..self
                };
                outcomes.extend([
                    (accepted, Seen::Lost),
                    (accepted, answer(500, Evidence::Nothing)),
                    (accepted, answer(200, Evidence::Nothing)),
                ]);
            }
        }
        outcomes
    }

    /// What a read may show. The second look at a lock comes a second later, when what was accepted is written.
    fn get(self, question: Question) -> Vec<(Self, Seen)> {
        let world = match question {
            Question::ConflictAgain if self.accepted > 0 => Self {
                accepted: 0,
                ..self.write()
            },
            _ => self,
        };
        let shown = if world.removed {
            answer(404, Evidence::Nothing)
        } else {
            answer(200, world.evidence())
        };
        [
            shown,
            Seen::Lost,
            answer(500, Evidence::Nothing),
            answer(200, Evidence::Nothing),
        ]
        .into_iter()
        .map(|seen| (world, seen))
        .collect()
    }
}

impl State {
    fn start() -> Self {
        Self {
            world: World::default(),
            client: Client::Ready,
            doubt: false,
            attempts: 0,
            crashes: 0,
        }
    }

    fn successors(self, rules: Rules) -> Vec<Self> {
        let around = self
            .world
            .events()
            .into_iter()
            .map(|world| Self { world, ..self });
        let mut next: Vec<Self> = around.collect();
        let under_way = !matches!(self.client, Client::Settled(_));
        if under_way && self.crashes < MAX_CRASHES {
            next.push(Self {
                client: Client::Ready,
                doubt: rules.doubt_after_crash(),
                attempts: 0,
                crashes: self.crashes + 1,
                ..self
            });
        }
        match self.client {
            Client::Ready => next.extend(self.world.patch().into_iter().map(|(world, seen)| {
                let sent = Self {
                    world,
                    attempts: self.attempts + 1,
                    ..self
                };
                sent.follow(rules.patch(seen, self.doubt))
            })),
            Client::Asking(question) => {
                next.extend(self.world.get(question).into_iter().map(|(world, seen)| {
                    Self { world, ..self }.follow(classify::read(question, seen, self.doubt))
                }));
            }
            Client::Settled(_) | Client::Stopped => {}
        }
        next
    }

    fn follow(self, verdict: Verdict) -> Self {
        match verdict {
            Verdict::Settle(finding) | Verdict::OtherSpelling(finding) => Self {
                client: Client::Settled(finding),
                ..self
            },
            Verdict::Ask { question, doubt } => Self {
                client: Client::Asking(question),
                doubt,
                ..self
            },
            Verdict::Retry { doubt } if self.attempts >= MAX_ATTEMPTS => {
                Self { doubt, ..self }.follow(classify::exhausted(doubt))
            }
            Verdict::Retry { doubt } => Self {
                client: Client::Ready,
                doubt,
                ..self
            },
            Verdict::Hold => Self {
                client: Client::Ready,
                ..self
            },
            Verdict::Reconnect | Verdict::Stop(_) => Self {
                client: Client::Stopped,
                ..self
            },
        }
    }

    /// What is wrong with this state, if anything.
    fn violation(self) -> Option<&'static str> {
        let Client::Settled(finding) = self.client else {
            return None;
        };
        if finding.status == Status::Updated && !self.world.holds_new {
            return Some("`updated`, and the lead does not hold the new values");
        }
        if finding.reupload == Reupload::Yes && (!self.world.locked || self.world.ever_held_new) {
            return Some("re-upload, and the lead is not locked or has held the new values");
        }
        None
    }
}

/// Every reachable state; how many there are, or the first that is wrong.
fn explore(rules: Rules) -> Result<usize, (State, &'static str)> {
    let mut seen = HashSet::from([State::start()]);
    let mut queue = VecDeque::from([State::start()]);
    while let Some(state) = queue.pop_front() {
        if let Some(violation) = state.violation() {
            return Err((state, violation));
        }
        queue.extend(
            state
                .successors(rules)
                .into_iter()
                .filter(|next| seen.insert(*next)),
        );
    }
    Ok(seen.len())
}

#[test]
fn every_reachable_state_is_truthful() {
    match explore(Rules::Real) {
        Ok(states) => assert!(
            states > 1_000,
            "only {states} states: the model has lost its events"
        ),
        Err((state, violation)) => panic!("{violation}: {state:#?}"),
    }
}

#[test]
fn weakened_rules_are_caught() {
    for rules in [
        Rules::EveryConflictIsYes,
        Rules::ServerErrorsApplyNothing,
        Rules::DoubtForgottenOnResume,
    ] {
        assert!(explore(rules).is_err(), "{rules:?} is not noticed");
    }
}
