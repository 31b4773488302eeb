//! The first answers of a run: when all of them are the same refusal, or a success that shows no lead, it is the
//! key, the workspace or the URL that is wrong, and not twenty rows.

use std::cell::Cell;

/// So many equal refusals are no coincidence.
pub const ENOUGH: u32 = 20;

/// What the first answers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Too few answers, all of them the same refusal so far: which one, and how many; `None` before the first.
    Pending(Option<(u16, u32)>),
    /// The answers differ, or one of them is no refusal.
    Given,
    /// [`ENOUGH`] answers with this status and no other.
    Refused(u16),
}

/// Watches the first answers.
#[derive(Debug)]
pub struct FirstAnswers {
    trust: Cell<Trust>,
    /// Anything has been said that the API would say: a lead, or a refusal.
    spoken: Cell<bool>,
    /// Rows that were answered with a success that shows no lead, before anything was said.
    blank_rows: Cell<u32>,
}

impl Default for FirstAnswers {
    fn default() -> Self {
        Self {
            trust: Cell::new(Trust::Pending(None)),
            spoken: Cell::new(false),
            blank_rows: Cell::new(0),
        }
    }
}

impl FirstAnswers {
    /// Takes any reply: one that is no refusal shows at once that key, workspace and URL are right. Rows that take
    /// several requests are settled late, and must not be overtaken by quick refusals.
    pub fn see(&self, status: u16) {
        // A proxy in front of the API says these too.
        if !matches!(status, 408 | 429 | 500..) {
            self.spoken.set(true);
        }
        if matches!(status, 200..=299 | 409) && !self.are_refused() {
            self.trust.set(Trust::Given);
        }
    }

    /// Takes a row of which neither the change nor a read has shown a lead, with successes: what answers may not be the API
    /// at all. Whether that has come true.
    pub fn see_blank(&self) -> bool {
        self.blank_rows.set(self.blank_rows.get() + 1);
        self.are_blank() && self.blank_rows.get() >= ENOUGH
    }

    /// Whether anything was said that the API would say.
    pub fn have_spoken(&self) -> bool {
        self.spoken.get()
    }

    /// Whether there were successes, and nothing that the API would say.
    pub fn are_blank(&self) -> bool {
        self.blank_rows.get() > 0 && !self.spoken.get()
    }

    /// Takes the final answer for one row that was sent; in the order of the rows, or quick refusals would overtake slow
    /// successes.
    pub fn observe(&self, status: u16) -> Trust {
        let refusal = matches!(status, 400..=499) && status != 409;
        let trust = match self.trust.get() {
            Trust::Pending(None) if refusal => Trust::Pending(Some((status, 1))),
            Trust::Pending(Some((first, count))) if first == status && count + 1 == ENOUGH => {
                Trust::Refused(status)
            }
            Trust::Pending(Some((first, count))) if first == status => {
                Trust::Pending(Some((first, count + 1)))
            }
            Trust::Pending(_) => Trust::Given,
            settled => settled,
        };
        self.trust.set(trust);
        trust
    }

    /// Whether the suspicion came true.
    pub fn are_refused(&self) -> bool {
        matches!(self.trust.get(), Trust::Refused(_))
    }

    /// Whether rows may be written although the run might yet turn out to be pointless.
    pub fn are_trusted(&self) -> bool {
        self.trust.get() == Trust::Given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(statuses: impl IntoIterator<Item = u16>) -> Trust {
        let answers = FirstAnswers::default();
        statuses
            .into_iter()
            .map(|status| answers.observe(status))
            .last()
            .unwrap()
    }

    #[test]
    fn twenty_equal_refusals_are_enough_and_nineteen_are_not() {
        for status in [400, 403, 404, 422] {
            assert_eq!(after([status; 20]), Trust::Refused(status));
            assert_eq!(after([status; 19]), Trust::Pending(Some((status, 19))));
        }
    }

    #[test]
    fn a_success_on_the_way_gives_trust_before_any_row_is_settled() {
        for (status, trusted) in [
            (200, true),
            (409, true),
            (404, false),
            (500, false),
            (302, false),
        ] {
            let answers = FirstAnswers::default();
            answers.see(status);
            assert_eq!(answers.are_trusted(), trusted, "{status}");
        }
        let answers = FirstAnswers::default();
        for _ in 0..ENOUGH {
            answers.observe(404);
        }
        answers.see(200);
        assert!(
            answers.are_refused(),
            "what has stopped the run is not taken back"
        );
    }

    #[test]
    fn successes_without_a_lead_are_suspicious_until_the_api_speaks() {
        let answers = FirstAnswers::default();
        assert!(!answers.are_blank(), "nothing was answered yet");
        for row in 1..=ENOUGH {
            assert_eq!(answers.see_blank(), row == ENOUGH, "{row}");
        }
        for (status, speaks) in [
            (200, true),
            (404, true),
            (409, true),
            (401, true),
            (429, false),
            (502, false),
        ] {
            let answers = FirstAnswers::default();
            answers.see(status);
            let stops = (0..ENOUGH).any(|_| answers.see_blank());
            assert_eq!(stops, !speaks, "{status}");
            assert_eq!(answers.are_blank(), !speaks, "{status}");
        }
    }

    #[test]
    fn anything_else_among_them_gives_trust_for_good() {
        for other in [200, 409, 500, 400] {
            assert_eq!(
                after([404, 404, other].into_iter().chain([404; 40])),
                Trust::Given
            );
        }
        assert_eq!(
            after([409; 20]),
            Trust::Given,
            "a campaign that has dialled them all is no mistake"
        );
    }
}
