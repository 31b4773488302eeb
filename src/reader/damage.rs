//! What can be wrong with one row while the rows around it still stand.

/// Damage to a single row. Fatal, unless [`ReadOptions::skip_bad_rows`](super::ReadOptions::skip_bad_rows) hands
/// it out with the row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// More or fewer cells than the header has.
    #[error("{found} cells where the header has {expected}")]
    Ragged {
        /// The cells in this row.
        found: usize,
        /// The cells in the header row.
        expected: usize,
    },
    /// The last row has fewer cells than the header and no line break: the file was cut off.
    #[error("the file ends in the middle of this row, after {found} of {expected} cells")]
    CutRow {
        /// The cells that are left.
        found: usize,
        /// The cells in the header row.
        expected: usize,
    },
    /// The last cell of the file is shorter than the one length that all others have, and no line break follows.
    #[error(
        "the file ends in the middle of this row's last cell: {found} characters where every other row has {usual}"
    )]
    CutCell {
        /// The characters that are left.
        found: usize,
        /// The length of every other cell in this column.
        usual: usize,
    },
    /// Something stands between a closing quote and the next delimiter.
    #[error("text after a closing quote")]
    TextAfterQuote,
    /// Blanks, then a quote: written as if quoted, yet not quoted.
    #[error("blanks before an opening quote")]
    BlankBeforeQuote,
    /// The header again, as happens when files are joined.
    #[error("the header row again")]
    RepeatedHeader,
}

impl Damage {
    /// Whether it puts in doubt where the row ends, if a cell of it holds a line break.
    pub(super) fn is_of_extent(&self) -> bool {
        matches!(self, Damage::Ragged { .. } | Damage::CutRow { .. })
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Damage::Ragged { .. } => {
                "quote cells that contain the delimiter, or export the file again; --skip-bad-rows leaves such rows out"
            }
            Damage::CutRow { .. } => {
                "copy or export the file again in full; --skip-bad-rows leaves this row out"
            }
            Damage::CutCell { .. } => {
                "copy or export the file again in full; if the row is right, end it with a line break"
            }
            Damage::TextAfterQuote => {
                "write a quote inside a quoted cell twice (`\"\"`), or export the file again"
            }
            Damage::BlankBeforeQuote => "delete the blanks between the delimiter and the quote",
            Damage::RepeatedHeader => {
                "delete the line, it looks as if files had been joined; --skip-bad-rows leaves it out"
            }
        }
    }
}
