//! Plans: everything about one request that may depart from the normal.

use std::time::Duration;

use super::ledger::Delivery;

/// What happens to the lead's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applies {
    /// Before the answer, as it should be.
    Yes,
    /// Not at all, whatever the answer says.
    No,
    /// Some time after the answer, out of a queue that does not look at the lock again.
    Late,
    /// The phone number alone: the rest of the body is lost.
    PhoneAlone,
}

/// What the answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// What happened: the lead, or the refusal.
    Truth,
    /// The lead as it was before the last change.
    Past,
    /// Another lead.
    OtherLead,
    /// The truth, inside `{"statusCode": 200, "data": …}`.
    Wrapped,
    /// The lead without its variables.
    WithoutVariables,
    /// `{"success": true}` and nothing about the lead.
    Success,
    /// A status with an empty body.
    Empty(u16),
    /// A page of HTML, as from a proxy.
    Html(u16),
    /// The lead, then spaces up to more than two megabytes.
    Oversized,
    /// Half of the lead's JSON, with a content length that fits.
    Garbled,
    /// An error envelope with one message.
    Error(u16, &'static str),
    /// An error envelope with a list of messages.
    Errors(u16, &'static [&'static str]),
    /// A 400 saying of every field sent that it should not exist.
    UnknownFields,
    /// A 429 as the limit would give it.
    TooMany,
    /// A redirect to another host.
    Redirect,
}

impl Says {
    /// Whether it shows a lead, and so cannot be said when the request was refused.
    pub(super) fn is_of_lead(self) -> bool {
        match self {
            Self::Truth
            | Self::Past
            | Self::OtherLead
            | Self::Wrapped
            | Self::WithoutVariables
            | Self::Oversized
            | Self::Garbled => true,
            Self::Success
            | Self::Empty(_)
            | Self::Html(_)
            | Self::Error(..)
            | Self::Errors(..)
            | Self::UnknownFields
            | Self::TooMany
            | Self::Redirect => false,
        }
    }
}

/// When the campaign dials the lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dials {
    Never,
    /// Before the request is looked at.
    Before,
    /// After the request was applied.
    After,
}

/// Everything about one request that may depart from the normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) applies: Applies,
    pub(super) says: Says,
    pub(super) delivery: Delivery,
    pub(super) dials: Dials,
    pub(super) delay: Duration,
}

impl Plan {
    /// A request as it should be.
    pub(super) const NORMAL: Self = Self {
        applies: Applies::Yes,
        says: Says::Truth,
        delivery: Delivery::Whole,
        dials: Dials::Never,
        delay: Duration::ZERO,
    };

    pub(super) const fn says(says: Says) -> Self {
        Self {
            says,
            ..Self::NORMAL
        }
    }

    pub(super) const fn refuses(says: Says) -> Self {
        Self {
            says,
            ..Self::NORMAL
        }
        .unapplied()
    }

    pub(super) const fn delivers(delivery: Delivery) -> Self {
        Self {
            delivery,
            ..Self::NORMAL
        }
    }

    pub(super) const fn unapplied(mut self) -> Self {
        self.applies = Applies::No;
        self
    }

    pub(super) const fn late(mut self) -> Self {
        self.applies = Applies::Late;
        self
    }

    pub(super) const fn dials(mut self, dials: Dials) -> Self {
        self.dials = dials;
        self
    }

    /// The same, after a delay.
    pub(super) const fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}
