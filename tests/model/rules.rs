//! The rules under test, and the ways to weaken them.

use std::collections::BTreeMap;

use leadfix::checkpoint::{Identity, RunFile};
use leadfix::classify::{self, Seen, Verdict};
use leadfix::outcome::{Cause, Finding, Reupload, Status};
use leadfix::plan::MetadataMode;

/// Which rules a run follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    Real,
    /// Every 409 asks for a re-upload.
    EveryConflictIsYes,
    /// A 5xx means that nothing was applied.
    ServerErrorsApplyNothing,
    /// A resumed run takes every row for unsent.
    DoubtForgottenOnResume,
    /// A resumed run doubts only what the run just before it may have sent.
    DoubtShrinks,
    /// Rows are sent however far the results lag behind.
    WindowUnheeded,
    /// A row that is written counts as durable.
    WrittenIsDurable,
    /// An orderly end says that no row behind the results was begun.
    BegunIsWritten,
    /// Two leads that would get one number both keep their flag.
    SharedNumberUnheeded,
    /// A row that says the same as an earlier one keeps its flag.
    RepeatKeepsFlag,
}

impl Rules {
    pub(crate) fn patch(self, seen: Seen, doubt: bool) -> Verdict {
        let verdict = classify::patch(seen, doubt, true);
        match (self, seen, verdict) {
            (Self::EveryConflictIsYes, Seen::Answer { status: 409, .. }, _) => {
                Verdict::Settle(Finding::locked(Cause::AlreadyDialled, Reupload::Yes))
            }
            (
                Self::ServerErrorsApplyNothing,
                Seen::Answer { status: 500.., .. },
                Verdict::Retry { .. },
            ) => Verdict::Retry { doubt },
            _ => verdict,
        }
    }

    /// Whether a row is in doubt when it is begun; rows are counted from 1.
    pub(crate) fn begins_in_doubt(self, row: u8, doubt_through: u8) -> bool {
        row <= doubt_through && self != Self::DoubtForgottenOnResume
    }

    /// Whether a row may be begun.
    pub(crate) fn may_begin(self, row: u8, window: u8, written: u8, durable: u8) -> bool {
        let behind = match self {
            Self::WindowUnheeded => return true,
            Self::WrittenIsDurable => written,
            _ => durable,
        };
        row <= behind + window
    }

    /// What a run that ends in order leaves in its checkpoint as begun.
    pub(crate) fn begun_through(self, begun: u8, written: u8) -> u8 {
        if self == Self::BegunIsWritten {
            written
        } else {
            begun
        }
    }

    /// The rows that a resumed run doubts, by the real rule.
    pub(crate) fn doubt_through(self, broken: Broken) -> u8 {
        let mut run = RunFile::new(identity(), broken.window.into());
        if self != Self::DoubtShrinks {
            run.doubt_through = broken.doubt_through.into();
        }
        run.begun_through = broken
            .begun_through
            .map(|begun| begun.max(broken.doubt_through).into());
        run.resume(broken.done.into(), broken.done.into(), 1);
        run.doubt_through.try_into().expect("there are few rows")
    }

    /// The finding of a row with the same correction as the first.
    pub(crate) fn repeat(self, first: Finding) -> Finding {
        if first.status.is_fine() {
            Finding::new(Status::Unchanged, Cause::IdenticalDuplicate)
        } else if self == Self::RepeatKeepsFlag {
            first
        } else {
            Finding {
                reupload: Reupload::No,
                ..first
            }
        }
    }

    /// The finding of a row whose number goes to another lead too.
    pub(crate) fn once_for_a_number(self, finding: Finding) -> Finding {
        if finding.reupload == Reupload::Yes && self != Self::SharedNumberUnheeded {
            Finding {
                reupload: Reupload::Review,
                ..finding
            }
        } else {
            finding
        }
    }
}

/// What a run leaves behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Broken {
    pub(crate) window: u8,
    pub(crate) doubt_through: u8,
    /// After an orderly end.
    pub(crate) begun_through: Option<u8>,
    /// Whole result rows.
    pub(crate) done: u8,
}

fn identity() -> Identity {
    Identity {
        fingerprint: String::new(),
        base_url: String::new(),
        region: None,
        metadata: MetadataMode::Merge,
        clear_token: String::new(),
        reading: BTreeMap::new(),
        reconcile: false,
    }
}
