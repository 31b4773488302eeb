//! Whether the file was cut off in its last cell, as far as that can be known.
//!
//! A last row without a line break is no proof: Google Sheets never writes one. A closing quote proves the cell
//! whole. Else the other rows are the witnesses: where all of them agree on one length, as numbers and IDs do, a
//! shorter last cell is a cut one; where they differ, a person is told.

use csv::StringRecord;

use super::damage::Damage;

/// How many rows must agree before a shorter one counts as cut.
const WITNESSES: u64 = 3;
/// With fewer characters than this, cells of one length are no numbers or IDs but words like `yes`.
const SHORTEST: usize = 7;

/// Something a person should hear about a file that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// No line break after the last row, and nothing that proves its last cell whole.
    #[error(
        "line {line}: the file ends without a line break; make sure that its last cell, `{}`, is complete",
        .cell.escape_debug()
    )]
    OpenEnd {
        /// The line on which the last row starts.
        line: u64,
        /// The cell.
        cell: String,
    },
}

impl Warning {
    /// Hides the cell but for its end, for logs.
    pub fn mask(&mut self) {
        let Self::OpenEnd { cell, .. } = self;
        let length = cell.chars().count();
        let hidden = length - (length / 2).min(4);
        if hidden > 0 {
            *cell = "…".chars().chain(cell.chars().skip(hidden)).collect();
        }
    }
}

/// What the last cells of the rows so far have in common, until two of them differ.
#[derive(Clone, Debug, Default)]
pub(super) struct LastColumn {
    rows: u64,
    /// In characters.
    length: usize,
    differing: bool,
}

impl LastColumn {
    pub(super) fn note(&mut self, cells: &StringRecord) {
        if self.differing {
            return;
        }
        let cell = last(cells);
        let length = cell.chars().count();
        self.differing = self.rows > 0 && length != self.length || cell.contains(' ');
        self.length = length;
        self.rows += 1;
    }

    /// What speaks for the last row's last cell having been cut.
    pub(super) fn judge(&self, cells: &StringRecord) -> Option<Damage> {
        let uniform = !self.differing && self.rows >= WITNESSES && self.length >= SHORTEST;
        let found = last(cells).chars().count();
        (uniform && found < self.length).then_some(Damage::CutCell {
            found,
            usual: self.length,
        })
    }
}

pub(super) fn last(cells: &StringRecord) -> &str {
    cells
        .len()
        .checked_sub(1)
        .and_then(|at| cells.get(at))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_last_cell_is_cut_where_all_others_agree() {
        let cut = |found, usual| Some(Damage::CutCell { found, usual });
        let cases: [(&[&str], &str, Option<Damage>); 9] = [
            (&["रमेश", "महेश", "गणेश"], "राम", None),
            (&["क९१९८७६", "ख९१९८७६", "ग९१९८७६"], "घ९१", cut(3, 7)),
            (
                &["919876543210", "919876543211", "919876543212"],
                "9198765",
                cut(7, 12),
            ),
            (
                &["919876543210", "919876543211", "919876543212"],
                "",
                cut(0, 12),
            ),
            (
                &["919876543210", "919876543211", "919876543212"],
                "919876543213",
                None,
            ),
            (&["919876543210", "919876543211"], "9198765", None),
            (
                &["919876543210", "14155550100", "919876543212"],
                "9198765",
                None,
            ),
            (&["yes", "yes", "yes"], "no", None),
            (&["call back", "call soon", "call  now"], "call", None),
        ];
        for (others, cell, expected) in cases {
            let mut column = LastColumn::default();
            for other in others {
                column.note(&StringRecord::from(vec!["x", other]));
            }
            assert_eq!(
                column.judge(&StringRecord::from(vec!["x", cell])),
                expected,
                "{others:?} {cell}"
            );
        }
    }
}
