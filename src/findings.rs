//! What a survey of the whole file has met: how often, and where first.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::correction::{Correction, Rejection};
use crate::outcome::Reason;
use crate::phone::Recovery;

/// What stands in a cell for a missing value; sent as text it would be spoken.
const STAND_INS: [&str; 8] = [
    "null",
    "n/a",
    "<clear>",
    "[clear]",
    "clear",
    "undefined",
    "none",
    "nan",
];

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
    stand_ins: Tally,
}

impl Findings {
    /// Rows that would not be sent.
    pub fn invalid_rows(&self) -> u64 {
        self.invalid.values().map(|tally| tally.count).sum()
    }

    /// A warning of values that are none.
    pub fn stand_ins(&self) -> Option<String> {
        let Tally {
            count, line, cell, ..
        } = &self.stand_ins;
        let cells = match count {
            0 => return None,
            1 => "1 cell of name, notes or variables looks".to_owned(),
            count => format!("{count} cells of name, notes or variables look"),
        };
        Some(format!(
            "{cells} like a missing value, to be sent as text (line {line}: `{cell}`); empty what \
             shall not change"
        ))
    }

    /// Counts a row that can be sent, and what was recovered from its phone `cell`.
    pub(crate) fn note(&mut self, line: u64, cell: Option<&str>, correction: &Correction) {
        self.valid += 1;
        for text in correction.texts() {
            if STAND_INS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(text.trim()))
            {
                self.stand_ins.add(line, text, "");
            }
        }
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

#[cfg(test)]
mod tests {
    use crate::correction::Rules;
    use crate::phone;
    use crate::plan::MetadataMode;
    use crate::preflight::{Policy, Preflight};
    use crate::reader::{Input, ReadOptions};

    /// The warnings that a survey of the file gives, with Germany as the default region.
    fn warnings(text: &str) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let input = Input::open(file.path(), &ReadOptions::default()).unwrap();
        let columns = input.columns(&[]).unwrap();
        let policy = Policy {
            rules: Rules {
                phone: phone::Rules {
                    default_region: "DE".parse().ok(),
                    ..phone::Rules::default()
                },
                clear_token: "<clear>".into(),
                metadata: MetadataMode::Merge,
            },
            forbid_shared_numbers: false,
        };
        Preflight::survey(&input, &columns, &policy)
            .unwrap()
            .warnings()
    }

    #[test]
    fn cells_that_stand_for_nothing_and_are_sent_as_text_are_a_warning() {
        for cell in [
            "NULL",
            "null",
            "N/A",
            "n/a",
            "[clear]",
            "clear",
            "undefined",
            "None",
            "NaN",
            " null ",
        ] {
            for header in ["name", "notes", "metadata.city"] {
                let text = format!("id,{header}\na,Pune\nb,{cell}\nc,{cell}\n");
                let said = warnings(&text);
                assert!(
                    said.len() == 1
                        && said[0].contains("2 cells")
                        && said[0].contains("line 3: `")
                        && said[0].contains("sent as text"),
                    "{text}: {said:?}"
                );
            }
        }
        for cell in ["Nathan", "nonetheless", "clear sky", "<clear>"] {
            assert_eq!(warnings(&format!("id,notes\na,{cell}\n")), [""; 0]);
        }
    }

    #[test]
    fn a_column_that_lost_its_plus_is_a_warning() {
        let lost = "id,name,phone\na,x,4915123410001\nb,x,4915123410002\nc,x,+4915123410003\n";
        let said = warnings(lost);
        assert!(
            said.len() == 1 && said[0].contains("2 of 3") && said[0].contains(r#"="+"&C2"#),
            "{said:?}"
        );
        for fine in [
            "id,phone\na,4915123410001\nb,+4915123410002\nc,+4915123410003\n",
            "id,phone\na,02) 0171 1234567\n",
        ] {
            assert_eq!(warnings(fine), [""; 0], "{fine}");
        }
    }
}
