//! Which fields of a lead that need not be shown reads have shown, so that none is read for what no read shows.

use crate::api::Lead;
use crate::correction::Correction;

/// What the reads of a run have shown so far; `None` before the first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sights {
    name: Option<bool>,
    notes: Option<bool>,
}

impl Sights {
    /// The same with another read.
    pub(super) fn after(self, lead: &Lead) -> Self {
        let seen = |before: Option<bool>, shown| Some(before.unwrap_or_default() || shown);
        Self {
            name: seen(self.name, lead.shows_name()),
            notes: seen(self.notes, lead.notes_text().is_some()),
        }
    }

    /// Whether a read would show nothing of this correction that the lead, as it is shown, does not.
    pub(super) fn show_no_more(self, lead: &Lead, correction: &Correction) -> bool {
        let name = correction.name.is_none() || lead.shows_name() || self.name == Some(false);
        let notes =
            correction.notes.is_none() || lead.notes_text().is_some() || self.notes == Some(false);
        name && notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_one_read_has_shown_is_looked_for_ever_after() {
        let correction = Correction {
            name: Some("Asha".to_owned()),
            ..Correction::of("l")
        };
        let bare = Lead::from_reply(br#"{"id":"l"}"#).unwrap();
        let named = Lead::from_reply(br#"{"id":"l","name":null}"#).unwrap();
        let sights = Sights::default();
        assert!(!sights.show_no_more(&bare, &correction), "nobody knows");
        assert!(sights.show_no_more(&named, &correction));
        let sights = sights.after(&bare);
        assert!(sights.show_no_more(&bare, &correction));
        let sights = sights.after(&named).after(&bare);
        assert!(!sights.show_no_more(&bare, &correction));
    }
}
