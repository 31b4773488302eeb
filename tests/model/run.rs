//! A run over the rows of a file, from its first start to its last resume.

use leadfix::outcome::{Finding, Reupload, Status};

use super::lead::{Lead, Server};
use super::row::{Row, Stage};
use super::rules::{Broken, Rules};

/// How two rows of a file may belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kinship {
    /// A lead and a number for each.
    None,
    /// The second row says what the first one says, of the same lead.
    Repeat,
    /// Two leads that would get one number.
    SharedNumber,
}

/// What a model is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<const ROWS: usize> {
    pub(crate) rules: Rules,
    pub(crate) kinship: Kinship,
    /// For the lead of each row.
    pub(crate) servers: [Server; ROWS],
}

/// Everything that is the case between two events: the leads, the client's memory and its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Run<const ROWS: usize> {
    leads: [Lead; ROWS],
    rows: [Row; ROWS],
    /// Result rows that the operating system has.
    written: u8,
    /// Result rows that a crash leaves.
    durable: u8,
    window: u8,
    doubt_through: u8,
}

impl<const ROWS: usize> Run<ROWS> {
    /// A first run, with any window that makes a difference.
    pub(crate) fn starts() -> impl Iterator<Item = Self> {
        (1..).take(ROWS).map(|window| Self {
            leads: [Lead::default(); ROWS],
            rows: [Row::at(Stage::Waiting); ROWS],
            written: 0,
            durable: 0,
            window,
            doubt_through: 0,
        })
    }

    /// Every state that one event leads to.
    pub(crate) fn successors(self, setting: Setting<ROWS>) -> Vec<Self> {
        let mut next = Vec::new();
        let leads = if setting.kinship == Kinship::Repeat {
            1
        } else {
            ROWS
        };
        for (row, lead) in self.leads.into_iter().enumerate().take(leads) {
            next.extend(
                lead.events(setting.servers[row])
                    .into_iter()
                    .map(|lead| self.with_lead(row, lead)),
            );
        }
        for (number, row) in self.rows.into_iter().enumerate() {
            let steps = row.steps(self.leads[number], setting.rules, setting.servers[number]);
            next.extend(
                steps
                    .into_iter()
                    .map(|(lead, row)| self.with_lead(number, lead).with_row(number, row)),
            );
        }
        next.extend(self.begin(setting));
        next.extend(self.write(setting));
        if self.durable < self.written {
            next.push(
                Self {
                    durable: self.written,
                    ..self
                }
                .close_what_stays_true(),
            );
        }
        if usize::from(self.durable) < ROWS {
            let crashes = (self.durable..=self.written).map(|done| (done, None));
            let begun = setting.rules.begun_through(self.begun(), self.written);
            for (done, begun_through) in crashes.chain([(self.written, Some(begun))]) {
                next.extend(self.resumed(setting, done, begun_through));
            }
        }
        next
    }

    fn with_lead(mut self, row: usize, lead: Lead) -> Self {
        self.leads[row] = lead;
        self
    }

    fn with_row(mut self, number: usize, row: Row) -> Self {
        self.rows[number] = row;
        self
    }

    /// How many rows are begun.
    fn begun(self) -> u8 {
        let is_begun = |row: &&Row| row.stage != Stage::Waiting;
        self.rows
            .iter()
            .take_while(is_begun)
            .count()
            .try_into()
            .expect("there are few rows")
    }

    /// The next row is begun, in order and within the window.
    fn begin(self, setting: Setting<ROWS>) -> Option<Self> {
        let begun = self.begun();
        let number = begun + 1;
        let rules = setting.rules;
        let may = usize::from(begun) < ROWS
            && rules.may_begin(number, self.window, self.written, self.durable);
        let row = if begun > 0 && setting.kinship == Kinship::Repeat {
            Row::at(Stage::Repeating)
        } else {
            Row::begun(rules.begins_in_doubt(number, self.doubt_through))
        };
        may.then(|| self.with_row(begun.into(), row))
    }

    /// The next result is appended, in order.
    fn write(self, setting: Setting<ROWS>) -> Option<Self> {
        let number = usize::from(self.written);
        let finding = match self.rows.get(number)?.stage {
            Stage::Settled(finding) => finding,
            Stage::Repeating => setting.rules.repeat(self.finding(0)?),
            _ => return None,
        };
        let finding = if setting.kinship == Kinship::SharedNumber {
            setting.rules.once_for_a_number(finding)
        } else {
            finding
        };
        let written = self.with_row(number, Row::at(Stage::Settled(finding)));
        Some(Self {
            written: self.written + 1,
            ..written
        })
    }

    /// The run ends and another one goes on behind `done` results, with any window. What was under way may still
    /// arrive.
    fn resumed(
        mut self,
        setting: Setting<ROWS>,
        done: u8,
        begun_through: Option<u8>,
    ) -> impl Iterator<Item = Self> {
        let rows: u8 = ROWS.try_into().expect("there are few rows");
        let broken = Broken {
            window: self.window,
            doubt_through: self.doubt_through,
            begun_through,
            done,
        };
        // Rows behind the last one are all the same.
        self.doubt_through = setting.rules.doubt_through(broken).min(rows);
        self.rows[done.into()..].fill(Row::at(Stage::Waiting));
        // Reopening makes durable what is found.
        self.written = done;
        self.durable = done;
        let run = self.close_what_stays_true();
        (1..=rows).map(move |window| Self { window, ..run })
    }

    /// Forgets the lead of a durable row whose finding holds and cannot be made untrue, so that states which differ
    /// in nothing that matters are one.
    fn close_what_stays_true(mut self) -> Self {
        for number in 0..usize::from(self.durable) {
            let lead = self.leads[number];
            if let Stage::Settled(finding) = self.rows[number].stage
                && Self::untruth(lead, finding).is_none()
                && (finding.reupload != Reupload::Yes || !lead.may_still_be_written())
            {
                self.rows[number].stage = Stage::Closed(finding);
                self.leads[number] = Lead::default();
            }
        }
        self
    }

    fn finding(self, row: usize) -> Option<Finding> {
        match self.rows[row].stage {
            Stage::Settled(finding) | Stage::Closed(finding) => Some(finding),
            _ => None,
        }
    }

    fn untruth(lead: Lead, finding: Finding) -> Option<&'static str> {
        if finding.status == Status::Updated && !lead.holds_new {
            return Some("`updated`, and the lead does not hold the new values");
        }
        if finding.reupload == Reupload::Yes && (!lead.locked || lead.ever_held_new) {
            return Some("re-upload, and the lead is not locked or has held the new values");
        }
        None
    }

    /// What is wrong with this state, if anything.
    pub(crate) fn violation(self, kinship: Kinship) -> Option<&'static str> {
        for (number, row) in self.rows.iter().enumerate() {
            if let Stage::Settled(finding) = row.stage {
                let wrong = if number > 0 && kinship == Kinship::Repeat {
                    let first_is_fine = self.finding(0).is_some_and(|first| first.status.is_fine());
                    (finding.status.is_fine() && !first_is_fine)
                        .then_some("a repeated row is fine, and the first one is not")
                } else {
                    Self::untruth(self.leads[number], finding)
                };
                if wrong.is_some() {
                    return wrong;
                }
            }
        }
        let results = 0..usize::from(self.written);
        let flags = results.filter_map(|number| self.finding(number));
        let flags = flags.filter(|finding| finding.reupload == Reupload::Yes);
        (kinship != Kinship::None && flags.count() > 1)
            .then_some("two re-uploads would make one phone ring twice")
    }

    /// The findings that are there for good.
    pub(crate) fn closed(self) -> impl Iterator<Item = Finding> {
        self.rows.into_iter().filter_map(|row| match row.stage {
            Stage::Closed(finding) => Some(finding),
            _ => None,
        })
    }

    /// Whether every row has its result for good.
    pub(crate) fn is_finished(self) -> bool {
        usize::from(self.durable) == ROWS
    }
}
