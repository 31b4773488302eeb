//! What was done to a cell to read it: a closed list, named in `result_detail` and counted by `check`.

use std::fmt;

macro_rules! recoveries {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $example:literal, $describe:literal;)+) => {
        /// One thing done to a cell to read it. Nothing else is ever done.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum Recovery { $($(#[$doc])* $name,)+ }

        impl Recovery {
            /// All of them, in the order in which they are named.
            pub const ALL: &[Recovery] = &[$(Recovery::$name,)+];

            /// A short name for tables.
            pub fn code(self) -> &'static str {
                match self { $(Recovery::$name => $code,)+ }
            }

            /// What was done, for people: a lower-case fragment.
            pub fn describe(self) -> &'static str {
                match self { $(Recovery::$name => $describe,)+ }
            }

            /// A cell that is read in this way under `--region IN`.
            pub fn example(self) -> &'static str {
                match self { $(Recovery::$name => $example,)+ }
            }
        }
    };
}

recoveries! {
    /// Marks without width anywhere in the cell.
    InvisibleMarks, "invisible_marks", "\u{202a}+919876543210\u{202c}", "invisible marks taken out";
    /// No-break and thin spaces, tabs at the ends.
    UnusualSpaces, "unusual_spaces", "98765\u{a0}43210", "unusual spaces taken out";
    /// Digits, plus signs and brackets of another script or width.
    OtherScript, "other_script", "९८७६५४३२१०", "digits or signs of another script read as ours";
    /// Quotation marks, or the apostrophe that marks text in a spreadsheet.
    Quotes, "quotes", "'9876543210", "quotation marks taken off";
    /// `="…"`.
    FormulaText, "formula_text", "=\"+919876543210\"", "text taken out of a spreadsheet formula";
    /// A comma, full stop, colon, semicolon or slash at an end.
    StrayPunctuation, "stray_punctuation", "9876543210,", "punctuation at the ends taken off";
    /// A label such as `tel:` or `(home)`.
    Label, "label", "tel:+91-98765-43210", "a label taken off";
    /// `.0` after a whole number.
    DecimalZeros, "decimal_zeros", "9876543210.0", "the decimals `.0` taken off";
    /// Scientific notation that has every digit.
    ScientificNotation, "scientific_notation", "9.19876543210E+11", "scientific notation with every digit written out";
    /// Separators of thousands.
    DigitGrouping, "digit_grouping", "9,876,543,210", "separators of thousands taken out";
    /// An extension.
    Extension, "extension", "022-23456789 ext. 12", "the extension dropped: the call reaches the main number";
    /// `00`, or what else is dialled before a country code.
    InternationalPrefix, "international_prefix", "00919876543210", "the international prefix read as `+`";
    /// The `+` behind the digits, as right-to-left sheets show it.
    PlusBehind, "plus_behind", "966501234567+", "the `+` behind the digits read as one in front";
    /// A country code without `+`.
    BareCallingCode, "bare_calling_code", "919876543210", "the country code recognised without its `+`";
    /// `0` before the country code.
    ZeroBeforeCallingCode, "zero_before_calling_code", "091-9876543210", "the zero before the country code dropped";
    /// The national trunk prefix.
    TrunkPrefix, "trunk_prefix", "+91 (0) 9876543210", "the trunk prefix, which is dialled only within the country, dropped";
    /// The country's rule writes the number differently for calls from abroad. The example is Argentine.
    NationalRule, "national_rule", "0343 15 555 1212", "rewritten by the country's rule for calls from abroad";
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

/// The recoveries of one cell: a small set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Recoveries(u32);

impl Recoveries {
    /// The empty set: the cell was read as it stands.
    pub const NONE: Recoveries = Recoveries(0);

    /// Adds one.
    pub fn insert(&mut self, recovery: Recovery) {
        self.0 |= 1 << recovery as u32;
    }

    /// Whether one is in the set.
    pub fn contains(self, recovery: Recovery) -> bool {
        self.0 & (1 << recovery as u32) != 0
    }

    /// Whether the cell was read as it stands.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Recoveries) -> Recoveries {
        Recoveries(self.0 | other.0)
    }

    /// In the order of [`Recovery::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Recovery> {
        Recovery::ALL
            .iter()
            .copied()
            .filter(move |&recovery| self.contains(recovery))
    }
}

impl fmt::Debug for Recoveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
