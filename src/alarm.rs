//! The health of the phone column as a whole: damage that no single cell shows, since what a spreadsheet made of
//! a number may be somebody else's valid number.
//!
//! A share is taken of the cells that hold something. In a column of fewer than a hundred one cell would be more
//! than one per cent, and proves nothing about the file; there at least five must be affected. Each such cell is
//! judged on its own all the same.
//!
//! Memory is bounded whatever the file's size: the value that makes up more than one per cent is found with
//! Misra and Gries's counters. They never count a value too often, so none below one per cent is accused; with
//! [`COUNTERS`] of them a count falls short by at most one in 4,097 cells, so that a value is missed only
//! between 1 and 1.025 per cent.

use std::collections::BTreeSet;
use std::fmt;
use std::hash::BuildHasher;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::phone::{Normalised, Shape, shape};
use crate::reader::column_letters;

/// How many values are counted at a time.
pub const COUNTERS: usize = 4096;
/// From this many cells on, one per cent is a share that can be spoken of.
const COLUMN: u64 = 100;
/// In smaller columns this many cells must be affected.
const FEW: u64 = 5;
/// A repeated value tells something only in a column this long.
const LONG_COLUMN: u64 = 1000;
/// A `float32` has 24 binary digits: a number of ten decimal digits loses nine of them or more. 64 leaves room
/// for numbers of nine digits; what is divisible by it by chance is one number in 64, but not five different ones.
const FLOAT_STEP: u64 = 64;

/// What has been seen of the column so far.
#[derive(Debug, Default)]
pub struct ColumnHealth {
    cells: u64,
    negative: u64,
    lossy: u64,
    four_zeros: u64,
    numbers: u64,
    float_steps: u64,
    /// The first few different numbers.
    different: Vec<u64>,
    values: FxHashMap<u64, u64>,
    assumed: u64,
    stated: BTreeSet<u16>,
    without_plus: u64,
}

impl ColumnHealth {
    /// Nothing seen yet.
    pub fn new() -> ColumnHealth {
        ColumnHealth::default()
    }

    /// Takes note of one cell, as it stands in the file. Empty cells do not count.
    pub fn observe(&mut self, cell: &str) {
        let value = match shape(cell) {
            Shape::Empty => return,
            Shape::Negative(number) => {
                self.negative += 1;
                number
            }
            Shape::Lossy => {
                self.lossy += 1;
                hash(cell)
            }
            Shape::Number(number) => {
                self.observe_number(number);
                number
            }
            Shape::Text => hash(cell),
        };
        self.cells += 1;
        self.count(value);
    }

    /// Takes note of what a cell was read as, for [`ColumnHealth::mixture`].
    pub fn observe_read(&mut self, read: &Normalised) {
        if read.region_assumed {
            self.assumed += 1;
        } else {
            self.stated.insert(read.number.calling_code());
        }
    }

    /// Takes note of a cell that was refused because it may lack its `+`, for [`ColumnHealth::lost_plus`].
    pub fn observe_without_plus(&mut self) {
        self.without_plus += 1;
    }

    fn observe_number(&mut self, number: u64) {
        self.numbers += 1;
        self.four_zeros += u64::from(number.is_multiple_of(10_000));
        self.float_steps += u64::from(number.is_multiple_of(FLOAT_STEP));
        if self.different.len() < 5 && !self.different.contains(&number) {
            self.different.push(number);
        }
    }

    /// Misra and Gries: when there is no counter left, every value gives up one.
    fn count(&mut self, value: u64) {
        if let Some(count) = self.values.get_mut(&value) {
            *count += 1;
        } else if self.values.len() < COUNTERS {
            self.values.insert(value, 1);
        } else {
            self.values.retain(|_, count| {
                *count -= 1;
                *count > 0
            });
        }
    }

    /// What is wrong with the column, worst first; nothing for a healthy one.
    pub fn alarms(&self) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for (kind, count) in [
            (AlarmKind::Negative, self.negative),
            (AlarmKind::DigitsLost, self.lossy),
            (AlarmKind::Rounded, self.four_zeros),
        ] {
            if is_more_than_a_hundredth(count, self.cells) && (self.cells >= COLUMN || count >= FEW)
            {
                alarms.push(Alarm {
                    kind,
                    count,
                    of: self.cells,
                });
            }
        }
        if self.float_steps == self.numbers && self.different.len() as u64 >= FEW {
            alarms.push(Alarm {
                kind: AlarmKind::Float32,
                count: self.float_steps,
                of: self.numbers,
            });
        }
        let repeated = self.values.values().max().copied().unwrap_or_default();
        if self.cells >= LONG_COLUMN && is_more_than_a_hundredth(repeated, self.cells) {
            alarms.push(Alarm {
                kind: AlarmKind::Repeated,
                count: repeated,
                of: self.cells,
            });
        }
        alarms
    }

    /// A warning, not an alarm: some numbers carry the codes of several countries and others none, so that a
    /// foreign number that lost its `+` would be read as one of the default region.
    pub fn mixture(&self) -> Option<Mixture> {
        (self.assumed > 0 && self.stated.len() > 1).then(|| Mixture {
            assumed: self.assumed,
            stated: self.stated.iter().copied().collect(),
        })
    }

    /// A warning, not an alarm, for such rows are refused: most numbers may be international ones without `+`. The
    /// column is counted from 0.
    pub fn lost_plus(&self, column: usize) -> Option<LostPlus> {
        (self.without_plus * 2 > self.cells).then_some(LostPlus {
            count: self.without_plus,
            of: self.cells,
            column,
        })
    }
}

/// Tells cells apart that are no number: beyond every number that [`Shape`] carries, which have 18 digits. It needs no
/// defence against an attacker, who could only stop his own file.
fn hash(cell: &str) -> u64 {
    FxBuildHasher.hash_one(cell.trim()) | 1 << 63
}

fn is_more_than_a_hundredth(count: u64, of: u64) -> bool {
    count.saturating_mul(100) > of
}

/// What an alarm is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlarmKind {
    /// Negative numbers.
    Negative,
    /// Scientific notation without all digits.
    DigitsLost,
    /// Numbers that end in `0000`.
    Rounded,
    /// Nothing but multiples of 64.
    Float32,
    /// One value again and again.
    Repeated,
}

impl AlarmKind {
    /// All of them.
    pub const ALL: &[AlarmKind] = &[
        AlarmKind::Negative,
        AlarmKind::DigitsLost,
        AlarmKind::Rounded,
        AlarmKind::Float32,
        AlarmKind::Repeated,
    ];

    /// A short name, for the summary.
    pub fn code(self) -> &'static str {
        match self {
            AlarmKind::Negative => "negative_numbers",
            AlarmKind::DigitsLost => "digits_lost",
            AlarmKind::Rounded => "rounded_numbers",
            AlarmKind::Float32 => "float32_numbers",
            AlarmKind::Repeated => "repeated_value",
        }
    }
}

/// The phone column is damaged. Shown, it says what happened to the file and how to export it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alarm {
    kind: AlarmKind,
    count: u64,
    of: u64,
}

impl Alarm {
    /// What it is about.
    pub fn kind(&self) -> AlarmKind {
        self.kind
    }

    /// A short name, for the summary.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// How many cells are affected, and of how many. A repeated value's count is a lower bound.
    pub fn share(&self) -> (u64, u64) {
        (self.count, self.of)
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Alarm { count, of, .. } = self;
        match self.kind {
            AlarmKind::Negative => write!(
                f,
                "{count} of {of} phone numbers are negative: a spreadsheet calculated them (`+91-9876543210` is \
                 91 minus 9876543210 to it). Format the column as text before the numbers are entered or imported, \
                 and export the file again"
            ),
            AlarmKind::DigitsLost => write!(
                f,
                "{count} of {of} phone numbers are in scientific notation and have lost their last digits \
                 (`9.19877E+11`). Open the source, format the column as text, or as a number without decimals, \
                 and export the file again"
            ),
            AlarmKind::Rounded => write!(
                f,
                "{count} of {of} phone numbers end in `0000`, where one in ten thousand would: they were rounded \
                 when the file was saved in scientific notation, and reopening it cannot bring the digits back. \
                 Export the file again from its source, with the column formatted as text"
            ),
            AlarmKind::Float32 => write!(
                f,
                "all {count} phone numbers are multiples of 64: the column was stored as 32-bit floating point, \
                 which keeps seven digits. Export it again with the column as text (in pandas: `dtype=str`)"
            ),
            AlarmKind::Repeated => write!(
                f,
                "one value fills at least {count} of {of} phone cells: a filler for missing numbers, or a formula \
                 that was filled down. Look for it in the source, and export the file again with those cells empty"
            ),
        }
    }
}

/// Numbers with the codes of several countries beside numbers with none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mixture {
    assumed: u64,
    stated: Vec<u16>,
}

impl Mixture {
    /// How many numbers have no code and were read in the default region.
    pub fn assumed(&self) -> u64 {
        self.assumed
    }
}

impl fmt::Display for Mixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self
            .stated
            .iter()
            .take(5)
            .map(|code| format!("`+{code}`"))
            .collect();
        let more = if self.stated.len() > shown.len() {
            ", …"
        } else {
            ""
        };
        write!(
            f,
            "{} phone numbers have neither country code nor country and were read in the default region, while others \
             are of several countries ({}{more}): a foreign number that lost its `+` would reach a stranger. Fill \
             in a `country` column, or write every number with `+`",
            self.assumed,
            shown.join(", ")
        )
    }
}

/// Numbers that may be international ones without `+`, in most cells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostPlus {
    count: u64,
    of: u64,
    column: usize,
}

impl fmt::Display for LostPlus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, of, column } = self;
        write!(
            f,
            "{count} of {of} phone numbers are refused because they may be international ones that lost their `+`. If \
             all of them are, put it in front (in a spreadsheet: a new column with `=\"+\"&{}2`, filled down, in the \
             place of the old one), and run again",
            column_letters(*column)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::{Rules, normalise};

    fn healthy(random: &mut fastrand::Rng) -> String {
        format!("9{:09}", random.u32(1..1_000_000_000))
    }

    /// `count` cells from `make`, the others healthy.
    fn alarms(
        count: usize,
        of: usize,
        make: impl Fn(&mut fastrand::Rng) -> String,
    ) -> Vec<&'static str> {
        let mut random = fastrand::Rng::with_seed(of as u64);
        let mut health = ColumnHealth::new();
        for cell in 0..of {
            let cell = if cell < count {
                make(&mut random)
            } else {
                healthy(&mut random)
            };
            health.observe(&cell);
            health.observe("");
        }
        health.alarms().iter().map(Alarm::code).collect()
    }

    #[test]
    fn more_than_one_per_cent_raises_an_alarm_and_one_per_cent_does_not() {
        let computed = |random: &mut fastrand::Rng| format!("-{}", healthy(random));
        let lossy =
            |random: &mut fastrand::Rng| format!("9.{:05}E+11", random.u32(10_000..100_000));
        let rounded =
            |random: &mut fastrand::Rng| format!("98{:04}0000.0", random.u32(1000..10_000));
        for (count, of, raised) in [
            (1, 3, false),
            (4, 50, false),
            (5, 50, true),
            (20, 20, true),
            (1, 100, false),
            (2, 100, true),
            (10, 1000, false),
            (11, 1000, true),
        ] {
            for (make, code) in [
                (
                    &computed as &dyn Fn(&mut fastrand::Rng) -> String,
                    "negative_numbers",
                ),
                (&lossy, "digits_lost"),
                (&rounded, "rounded_numbers"),
            ] {
                let expected: &[&str] = if raised { &[code] } else { &[] };
                let mut raised = alarms(count, of, make);
                // Numbers that end in 0000 and nothing else are a float32 column's too, now and then.
                raised.retain(|code| *code != "float32_numbers");
                assert_eq!(raised, expected, "{count} of {of}");
            }
        }
    }

    #[test]
    fn a_float32_column_is_known_by_its_steps() {
        let float = |random: &mut fastrand::Rng| {
            let number = 9_000_000_000 + random.u64(1..999_999_999);
            // A float32 of this size is a multiple of 1,024.
            format!("{}.0", number / 1024 * 1024)
        };
        assert_eq!(alarms(5, 5, float), ["float32_numbers"]);
        assert_eq!(alarms(500, 500, float), ["float32_numbers"]);
        assert_eq!(alarms(499, 500, float), [""; 0]);
        assert_eq!(
            alarms(5, 5, |_| "9876543488".to_owned()),
            [""; 0],
            "one number is no column"
        );
        assert_eq!(alarms(4, 4, float), [""; 0]);
    }

    #[test]
    fn one_value_in_many_cells_is_found_however_it_is_written_and_never_falsely() {
        let filler = |random: &mut fastrand::Rng| {
            if random.bool() {
                "98765 43219"
            } else {
                "9876543219"
            }
            .to_owned()
        };
        assert_eq!(alarms(1_030, 100_000, filler), ["repeated_value"]);
        assert_eq!(alarms(1_000, 100_000, filler), [""; 0]);
        assert_eq!(alarms(11, 1_000, filler), ["repeated_value"]);
        assert_eq!(alarms(500, 999, filler), [""; 0], "too short a column");
        assert_eq!(
            alarms(20, 1_000, |_| "not given".to_owned()),
            ["repeated_value"]
        );
    }

    #[test]
    fn memory_does_not_grow_with_the_column() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut health = ColumnHealth::new();
        for _ in 0..200_000 {
            health.observe(&healthy(&mut random));
        }
        assert!(health.values.len() <= COUNTERS);
        assert!(health.alarms().is_empty());
    }

    #[test]
    fn every_alarm_says_how_to_export_again() {
        for &kind in AlarmKind::ALL {
            let text = Alarm {
                kind,
                count: 12,
                of: 400,
            }
            .to_string();
            assert!(text.contains("xport") && text.contains("12"), "{text}");
        }
    }

    #[test]
    fn bare_numbers_among_those_of_several_countries_are_pointed_out() {
        let rules = Rules {
            default_region: "IN".parse().ok(),
            ..Rules::default()
        };
        let seen = |cells: &[&str]| {
            let mut health = ColumnHealth::new();
            for cell in cells {
                health.observe_read(&normalise(cell, None, &rules).expect(cell));
            }
            health.mixture()
        };
        let mixture = seen(&["+919876543210", "+6591234567", "6591234567"]).expect("a mixture");
        assert_eq!(mixture.assumed(), 1);
        assert!(mixture.to_string().contains("`+65`, `+91`"), "{mixture}");
        assert_eq!(seen(&["+919876543210", "9876543211"]), None);
        assert_eq!(seen(&["+919876543210", "+6591234567"]), None);
    }
}
