//! What became of a row: status, reason, re-upload flag and the record of it. Data only.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::phone::{E164, Refusal};

/// Declares a closed list of words: an enum whose variants have one spelling each, everywhere.
macro_rules! closed_list {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every member, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it in the results file.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|member| member.as_str() == word).ok_or(UnknownWord)
            }
        }
    };
}

/// A word that is not in the closed list it was looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a word of this list")]
pub struct UnknownWord;

closed_list! {
    /// `result_status`: what became of the row.
    pub enum Status {
        /// The server returned the new values.
        Updated => "updated",
        /// The lead had these values already.
        Unchanged => "unchanged",
        /// 409: already dialled; the lead can no longer be changed.
        Locked => "locked",
        /// 404: no such lead for this key.
        Missing => "missing",
        /// Not sent, or refused by the server with 400, 403 or 422.
        Invalid => "invalid",
        /// Given up; the reason says whether the correction may have been applied.
        Failed => "failed",
    }
}

impl Status {
    /// Those of a row whose lead the key could touch.
    pub const TOUCHED: [Self; 3] = [Self::Updated, Self::Unchanged, Self::Locked];

    /// Whether the row needs nobody's attention.
    pub fn is_fine(self) -> bool {
        matches!(self, Self::Updated | Self::Unchanged)
    }
}

closed_list! {
    /// `result_reupload`: whether a corrected copy of the lead should be enrolled.
    pub enum Reupload {
        /// Not asked for.
        No => "",
        /// Certain: the lead is locked and none of the row's fields was applied.
        Yes => "yes",
        /// A person has to look: something of the row may have been applied.
        Review => "review",
    }
}

closed_list! {
    /// `result_reason` for everything but a refused phone cell (those are [`Refusal`]s).
    pub enum Cause {
        /// The reply proved nothing; a read of the lead showed the new values.
        ConfirmedByRead => "confirmed_by_read",
        /// The lead was locked, and a read showed the new values all the same.
        ConfirmedAfterConflict => "confirmed_after_conflict",
        /// What the server showed is right; some fields it never shows.
        PartlyConfirmed => "partly_confirmed",
        /// Accepted, but only fields were sent that the server never shows.
        AcceptedUnconfirmed => "accepted_unconfirmed",
        /// A read before sending showed the new values.
        AlreadyCorrect => "already_correct",
        /// The same correction stands in an earlier row, which was sent.
        IdenticalDuplicate => "identical_duplicate",
        /// Locked before anything of the row was applied.
        AlreadyDialled => "already_dialled",
        /// Locked or given up with some of the row's fields in place and others not.
        PartlyApplied => "partly_applied",
        /// Refused as locked, but the lead does not say that it has been dialled.
        LockDenied => "lock_denied",
        /// Locked, and the lead could not be read, or not all that was sent before, so nobody knows what it holds.
        LockUnread => "lock_unread",
        /// No such lead for this key.
        NotFound => "not_found",
        /// No such lead any more, after an attempt whose outcome is unknown.
        MissingAfterDoubt => "missing_after_doubt",
        /// The row has no lead ID.
        EmptyLeadId => "empty_lead_id",
        /// The lead ID cannot be an ID (control characters, or `.` or `..`).
        InvalidLeadId => "invalid_lead_id",
        /// The row changes nothing: every cell that could change something is empty.
        NoChange => "no_change",
        /// The country cell names no country or calling code.
        CountryUnknown => "country_unknown",
        /// The metadata cell is not a JSON object, or contradicts a `metadata.KEY` cell.
        InvalidMetadata => "invalid_metadata",
        /// A name, notes or a variable is an error of a spreadsheet.
        SpreadsheetError => "spreadsheet_error",
        /// The clear token stands where nothing can be cleared.
        NotClearable => "not_clearable",
        /// The lead would have more than 15 variables.
        TooManyVariables => "too_many_variables",
        /// The body spelling that the server honours has no way to say this.
        NotExpressible => "not_expressible",
        /// Another row wants something else for the same lead.
        ConflictingDuplicate => "conflicting_duplicate",
        /// Another lead would get the same number, and that was forbidden.
        SharedNumber => "shared_number",
        /// The row's structure is damaged.
        DamagedRow => "damaged_row",
        /// The server refused the values; its words are in the detail.
        RejectedByServer => "rejected_by_server",
        /// The workspace may not dial this destination.
        DestinationBlocked => "destination_blocked",
        /// The key may not touch this lead.
        Forbidden => "forbidden",
        /// The server accepted the request and kept the old values.
        NotApplied => "not_applied",
        /// The lead's variables could not be seen, so laying new ones over them might have lost some; not sent.
        VariablesUnread => "variables_unread",
        /// Every attempt ended without proof; the correction may have been applied.
        OutcomeUnknown => "outcome_unknown",
        /// Neither a connection nor a first read of the lead succeeded, so that nothing of the row was sent.
        Unreachable => "unreachable",
        /// The server answered with a status outside its contract; nothing was applied as far as it says.
        UnexpectedAnswer => "unexpected_answer",
    }
}

/// `result_reason`: one member of the closed list in `docs/results.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Anything but a phone cell.
    Cause(Cause),
    /// The phone cell was refused.
    Phone(Refusal),
}

impl Reason {
    /// The word for it in the results file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.as_str(),
            Self::Phone(refusal) => refusal.code(),
        }
    }

    /// Every reason there is.
    pub fn all() -> impl Iterator<Item = Self> {
        let causes = Cause::ALL.iter().copied().map(Self::Cause);
        causes.chain(Refusal::ALL.iter().copied().map(Self::Phone))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::all()
            .find(|reason| reason.as_str() == word)
            .ok_or(UnknownWord)
    }
}

impl From<Cause> for Reason {
    fn from(cause: Cause) -> Self {
        Self::Cause(cause)
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self::Phone(refusal)
    }
}

/// The part of an outcome that is counted and compared: status, reason and re-upload flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What became of the row.
    pub status: Status,
    /// Why, where the status alone does not say it.
    pub reason: Option<Reason>,
    /// Whether a corrected copy should be enrolled.
    pub reupload: Reupload,
}

impl Finding {
    /// A finding that asks for no re-upload.
    pub fn new(status: Status, reason: impl Into<Reason>) -> Self {
        Self {
            status,
            reason: Some(reason.into()),
            reupload: Reupload::No,
        }
    }

    /// The server's reply itself showed the new values.
    pub const UPDATED: Self = Self {
        status: Status::Updated,
        reason: None,
        reupload: Reupload::No,
    };

    /// A locked lead.
    pub fn locked(cause: Cause, reupload: Reupload) -> Self {
        Self {
            status: Status::Locked,
            reason: Some(cause.into()),
            reupload,
        }
    }
}

/// What became of one row, with everything its result row says.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Status, reason and re-upload flag.
    pub finding: Finding,
    /// The number as it was to be sent; `None` where the row has none or its cells were refused.
    pub phone_number: Option<E164>,
    /// Status of the last HTTP reply, if there was one.
    pub http_status: Option<u16>,
    /// `PATCH` requests made for this row; replies of 429 are not counted.
    pub attempts: u32,
    /// When the row was settled.
    pub at: Timestamp,
    /// For people.
    pub detail: String,
}

impl Outcome {
    /// A row that was settled without a request.
    pub fn unsent(finding: Finding, detail: impl Into<String>) -> Self {
        Self {
            finding,
            phone_number: None,
            http_status: None,
            attempts: 0,
            at: Timestamp::now(),
            detail: detail.into(),
        }
    }

    /// A row that is refused before anything is sent.
    pub fn invalid(reason: impl Into<Reason>, detail: impl Into<String>) -> Self {
        Self::unsent(Finding::new(Status::Invalid, reason), detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_word_of_its_own_that_reads_back() {
        let mut seen = HashSet::new();
        for reason in Reason::all() {
            assert!(seen.insert(reason.as_str()), "{reason} stands twice");
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!("no_such_reason".parse::<Reason>(), Err(UnknownWord));
    }

    #[test]
    fn every_status_and_flag_reads_back() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        for flag in Reupload::ALL {
            assert_eq!(flag.as_str().parse(), Ok(*flag));
        }
    }
}
