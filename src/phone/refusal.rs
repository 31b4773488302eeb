//! Why a cell is refused: a closed list, each with its code, an example and the remedy.

use std::fmt;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $example:literal, $remedy:literal;)+) => {
        /// Why a cell is refused. A closed list: whatever is in a cell, it is a number or one of these.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum Refusal { $($(#[$doc])* $name,)+ }

        impl Refusal {
            /// All of them, in the order in which a cell is judged.
            pub const ALL: &[Refusal] = &[$(Refusal::$name,)+];

            /// The code that stands in `result_reason`.
            pub fn code(self) -> &'static str {
                match self { $(Refusal::$name => $code,)+ }
            }

            /// What happened to the cell and what to do about it: a lower-case fragment for people.
            pub fn remedy(self) -> &'static str {
                match self { $(Refusal::$name => $remedy,)+ }
            }

            /// A cell that is refused for this very reason under `--region IN` (for `country_mismatch`
            /// in a row of the country `IN`, for `region_unknown` without any region).
            pub fn example(self) -> &'static str {
                match self { $(Refusal::$name => $example,)+ }
            }
        }
    };
}

refusals! {
    /// Nothing is left once quotation marks and spaces are taken off.
    Empty, "empty", "''", "there is nothing in the cell; leave it wholly empty to keep the lead's number";
    /// More than 250 characters.
    TextTooLong, "text_too_long",
        "please call 9876543210 ..................................................................................................................................................................................................................................................",
        "the cell holds more than 250 characters; keep the phone number alone";
    /// A filler such as `N/A`, `9999999999` or a computer's largest integer.
    Placeholder, "placeholder", "2147483647",
        "the value stands in for a missing number (a filler, or a computer's largest integer); look the number up at its source";
    /// A spreadsheet computed with the number, or shows an error in its place.
    SpreadsheetFormula, "spreadsheet_formula", "-9876543119",
        "a spreadsheet took the number for a calculation (`+91-9876543210` becomes `-9876543119`); format the column as text before entering or importing it";
    /// A date.
    Date, "date", "2024-01-15",
        "the cell holds a date: a spreadsheet made one of the number, or the columns are shifted; take the number from its source";
    /// A `tel:` parameter that changes which number is meant.
    TelParameter, "tel_parameter", "9876543210;phone-context=+91",
        "the cell is a telephone link with a parameter that changes the number; write the number in full, as `+919876543210`";
    /// Scientific notation that no longer has every digit, or a column too narrow to show them.
    DigitsLost, "digits_lost", "9.19877E+11",
        "a spreadsheet shortened the number and its last digits are gone; format the column as text at the source and export it again";
    /// A number with decimals other than zeros.
    NotWhole, "not_whole", "9876543210.5",
        "the cell is a decimal number; a phone number has no decimals, so look it up at its source";
    /// Digits are hidden behind X, `*` or the like, or brackets hold none.
    Masked, "masked", "98765XXXXX",
        "some digits are hidden behind `X`, `*` or dots; export the column unmasked";
    /// More than one number in the cell.
    SeveralNumbers, "several_numbers", "9876543210 / 9123456780",
        "the cell holds more than one number, or an abbreviated second one; keep the one to be called";
    /// A letter that is no known label.
    Letters, "letters", "98765 4321O",
        "a letter stands in the number (an `O` for a zero, an `l` for a one, or a word); write digits only";
    /// A character that belongs to no phone number.
    UnexpectedCharacter, "unexpected_character", "98765@43210",
        "a character in the cell belongs to no phone number; write digits, with `+` and country code in front";
    /// Neither a digit nor a letter.
    NotANumber, "not_a_number", "()",
        "there is no phone number in the cell; write it as `+919876543210`";
    /// Five or more zeros at the end.
    SuspectRounded, "suspect_rounded", "919877000000",
        "the number ends in five or more zeros, as numbers do that a spreadsheet rounded; take it from its source, with the column formatted as text";
    /// No `+`, and no region to read the number in. The example is read without a region.
    RegionUnknown, "region_unknown", "9876543210",
        "the number has no country code and the row no country; write it with `+` and country code, fill in `country`, or give `--region`";
    /// Two readings are valid, and they are different numbers.
    Ambiguous, "ambiguous", "+6.591234567E+9",
        "the cell can be read as two different numbers; write the one meant with `+` and country code";
    /// The country calling code does not exist.
    UnknownCallingCode, "unknown_calling_code", "+999 123456789",
        "no country has the calling code that the number begins with; correct the digits after the `+`";
    /// The number's calling code is not the one of the row's country.
    CountryMismatch, "country_mismatch", "+6591234567",
        "the number's country code contradicts the row's `country`; correct whichever is wrong";
    /// Fewer digits than any number of its country has.
    PhoneTooShort, "phone_too_short", "98765",
        "the number has too few digits for its country; look for the missing ones at its source";
    /// A subscriber number without its area code.
    AreaCodeMissing, "area_code_missing", "+1 253-0000",
        "the number can be dialled only within its town; put the area code in front";
    /// More digits than any number of its country has, or than E.164 allows.
    PhoneTooLong, "phone_too_long", "98765432101",
        "the number has too many digits for its country, or more than the 15 that a phone number can have; look for a digit typed twice, or for two numbers run together";
    /// A length between those that its country has.
    WrongLength, "wrong_length", "+41 44 668 18001",
        "no number of that country has this many digits; compare with its source";
    /// A length that is possible, but in no range that is in use.
    NoSuchNumber, "no_such_number", "+1 123 253 1234",
        "its country has given out no such number; a digit may be missing, extra or mistyped, so compare with its source";
    /// Premium-rate, shared-cost or pager.
    NumberType, "number_type", "+44 909 8790000",
        "the number is premium-rate, shared-cost or a pager, which are not called; if it is meant, open its kind with `--allow-types`";
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
