//! What a survey of the whole file has met: how often, and where first.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::correction::{Correction, Rejection};
use crate::outcome::Reason;
use crate::phone::Recovery;

/// How often something was met, and where first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// How often.
    pub count: u64,
    /// The line where it was met first.
    pub line: u64,
    /// The cell there.
    pub cell: String,
    /// What was wrong with it or done to it, and what to do.
    pub detail: String,
}

impl Tally {
    fn add(&mut self, line: u64, cell: &str, detail: &str) {
        if self.count == 0 {
            self.line = line;
            cell.clone_into(&mut self.cell);
            detail.clone_into(&mut self.detail);
        }
        self.count += 1;
    }
}

/// What the rows of a file are, counted.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rows that would be sent or share the outcome of one that is.
    pub valid: u64,
    /// Rows that would be invalid, by reason.
    pub invalid: BTreeMap<Reason, Tally>,
    /// What was recovered from phone cells, by kind.
    pub recovered: BTreeMap<Recovery, Tally>,
    /// Numbers read in the default region.
    pub region_assumed: u64,
}

impl Findings {
    /// Rows that would not be sent.
    pub fn invalid_rows(&self) -> u64 {
        self.invalid.values().map(|tally| tally.count).sum()
    }

    /// Counts a row that can be sent, and what was recovered from its phone `cell`.
    pub(crate) fn note(&mut self, line: u64, cell: Option<&str>, correction: &Correction) {
        self.valid += 1;
        let (Some(phone), Some(cell)) = (correction.phone, cell) else {
            return;
        };
        for recovery in phone.recovered.iter() {
            let tally = self.recovered.entry(recovery).or_default();
            tally.add(line, cell, recovery.describe());
        }
        self.region_assumed += u64::from(phone.region_assumed);
    }

    /// Counts a row that cannot, for what is wrong with this `cell`.
    pub(crate) fn reject(&mut self, line: u64, cell: &str, rejection: &Rejection) {
        let tally = self.invalid.entry(rejection.reason).or_default();
        tally.add(line, cell, &rejection.detail);
    }
}
