//! Text to E.164, or the reason why not. Pure: knows no rows, files or clocks.
//!
//! A mistake here makes a stranger's phone ring, so no number is guessed. The engine, `rlibphonenumber`, is a port
//! of Google's library, which is made to find a number in what a person typed; damage done by a spreadsheet is
//! another thing, and on it the library finds valid, wrong numbers. So a cell is judged three times: `clean`
//! reads its text or says what happened to it, `plan` asks the library about nothing but digits, and what the
//! library found is judged once more before it counts.

use std::fmt::{self, Display};
use std::ops::Deref;
use std::str::FromStr;

use rlibphonenumber::PhoneNumberType;

mod cell;
mod clean;
mod digits;
mod guard;
mod kinds;
mod label;
mod numeral;
mod plan;
mod recovery;
mod refusal;
mod region;
mod shape;

pub use kinds::{AllowedTypes, UnknownType};
pub use recovery::{Recoveries, Recovery};
pub use refusal::Refusal;
pub use region::{Region, UnknownRegion};
pub(crate) use shape::{Shape, shape};

/// The version of Google's numbering plans that the engine carries.
pub const METADATA_VERSION: &str = "9.0.42";

/// A valid phone number of at most 15 digits, calling code first.
///
/// It is shown as it is sent, `+919876543210`; in debugging output it is masked, so that no log can leak it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct E164(u64);

impl E164 {
    /// The number with its middle hidden, for logs: `+91••••••3210`.
    pub fn masked(self) -> impl Display {
        Masked(self)
    }

    /// The number as it is sent, without memory of its own: `+919876543210`.
    pub fn text(self) -> impl Deref<Target = str> {
        digits::Digits::of(self.0)
    }

    /// The digits as one integer, without the `+`. No calling code begins with a zero, so none is lost.
    pub fn digits(self) -> u64 {
        self.0
    }

    /// Whether the text is this number as it is sent.
    pub(crate) fn is_written_as(self, text: &str) -> bool {
        *self.text() == *text
    }

    /// The calling code that the number begins with.
    pub fn calling_code(self) -> u16 {
        let digits = digits::Digits::of(self.0);
        let code = plan::calling_code(digits.without_plus());
        code.iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
    }
}

impl Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Masked(*self))
    }
}

struct Masked(E164);

impl Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.0.to_string();
        let shown = digits.len().min(6);
        write!(
            f,
            "+{}{}{}",
            &digits[..shown.min(2)],
            "•".repeat(digits.len() - shown),
            &digits[digits.len() - (shown - shown.min(2))..]
        )
    }
}

impl FromStr for E164 {
    type Err = NotE164;

    fn from_str(text: &str) -> Result<E164, NotE164> {
        let rules = Rules {
            default_region: None,
            allowed_types: AllowedTypes::ALL,
        };
        match normalise(text, None, &rules) {
            Ok(read)
                if read.recovered.is_empty()
                    && text.starts_with('+')
                    && text[1..].bytes().all(|b| b.is_ascii_digit()) =>
            {
                Ok(read.number)
            }
            _ => Err(NotE164),
        }
    }
}

/// The text is not a valid number written as `+919876543210`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a valid phone number written as `+919876543210`")]
pub struct NotE164;

/// What a whole run has settled about phone numbers.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Reads the numbers that have no `+`, in rows that have no country.
    pub default_region: Option<Region>,
    /// Kinds of number allowed beyond the default.
    pub allowed_types: AllowedTypes,
}

/// A cell that was understood with certainty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Normalised {
    /// The number to be called.
    pub number: E164,
    /// What was done to the cell to read it.
    pub recovered: Recoveries,
    /// The cell has no country code and its row no country: the number was read in the default region.
    pub region_assumed: bool,
}

/// Reads a cell. Total: every cell is a number or has a reason, and none takes longer than a millisecond.
///
/// `country` is that of the row. A `+` number speaks for itself, and is refused if it contradicts the row's
/// country; a number without `+` is read in the row's country, else in the default region.
pub fn normalise(
    cell: &str,
    country: Option<Region>,
    rules: &Rules,
) -> Result<Normalised, Refusal> {
    let (read, kind) = match bare(cell.as_bytes()) {
        Some(digits) => plan::judge(&digits, country, rules),
        None => clean::read(cell).and_then(|reading| settle(&reading, country, rules)),
    }?;
    if rules.allowed_types.admits(kind) {
        Ok(read)
    } else {
        Err(Refusal::NumberType)
    }
}

/// The one number, with its kind, that a cell's readings leave.
fn settle(
    reading: &clean::Reading,
    country: Option<Region>,
    rules: &Rules,
) -> Result<(Normalised, PhoneNumberType), Refusal> {
    let judge = |digits, recovered| {
        plan::judge(digits, country, rules).map(|(mut read, kind)| {
            read.recovered = read.recovered.union(recovered);
            (read, kind)
        })
    };
    let mut outcome = judge(&reading.digits, reading.recovered);
    for rival in &reading.rivals {
        let other = match judge(&rival.digits, rival.recovered) {
            Ok(other) => Some(other),
            // Two numbers, of which one at least is not the first reading's.
            Err(Refusal::Ambiguous) => None,
            Err(_) => continue,
        };
        match (rival.standing, &outcome, other) {
            (_, Ok((read, _)), Some((other, _))) if read.number == other.number => {}
            (clean::Standing::Objection(refusal), ..) => return Err(refusal),
            // Which is meant must not be concluded from the country that the first contradicts, nor from what is
            // wrong with a number that it is.
            (
                _,
                Err(Refusal::CountryMismatch | Refusal::Placeholder | Refusal::SuspectRounded),
                _,
            ) => {}
            (_, Err(_), Some(other)) if outcome != Err(Refusal::Ambiguous) => outcome = Ok(other),
            _ => outcome = Err(Refusal::Ambiguous),
        }
    }
    outcome
}

/// Reads a cell that was read before, by the same rules, and gave the number `found`. Where it is that number just as
/// it is sent, the numbering plans have nothing more to say about it; any other cell is read as ever.
pub fn normalise_again(
    cell: &str,
    country: Option<Region>,
    rules: &Rules,
    found: Option<u64>,
) -> Result<Normalised, Refusal> {
    if let Some(number) = found.map(E164)
        && number.is_written_as(cell)
        && country.is_none_or(|country| country.calling_code() == number.calling_code())
        && !plan::is_perhaps_russian(
            &digits::Digits::of(number.0),
            country.or(rules.default_region),
        )
    {
        return Ok(Normalised {
            number,
            recovered: Recoveries::NONE,
            region_assumed: false,
        });
    }
    normalise(cell, country, rules)
}

/// The two numbers that an ambiguous cell without `+` is: an international one, and one of the row's country or else of
/// the default region.
pub fn readings(cell: &str, country: Option<Region>, rules: &Rules) -> Option<(E164, E164)> {
    let digits = bare(cell.as_bytes()).or_else(|| Some(clean::read(cell).ok()?.digits))?;
    plan::readings(&digits, country.or(rules.default_region)?)
}

/// The common cell, digits and perhaps a `+`, needs no cleaning.
fn bare(cell: &[u8]) -> Option<digits::Digits> {
    let (plus, rest) = match cell {
        [b'+', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if rest.is_empty() {
        return None;
    }
    let mut digits = digits::Digits::new(plus);
    rest.iter()
        .all(|byte| byte.is_ascii_digit() && digits.push(*byte))
        .then_some(digits)
}

#[cfg(test)]
mod tests;
