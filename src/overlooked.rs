//! A column that holds phone numbers and is not read as such: the run would succeed, and change no number.

use std::fmt;

use crate::phone::{self, Refusal};
use crate::reader::{Columns, Input, InputError, Row};
use crate::text;

/// So many rows tell what a column holds.
const SAMPLE: usize = 200;
/// What stands somewhere in the names of columns that speak of phones.
const PARTS: [&str; 5] = ["phone", "mobile", "whatsapp", "telefon", "msisdn"];
/// The same as words of their own, because they are parts of others: of `cancelled`, `contacted`, `hotel`.
const WORDS: [&str; 3] = ["cell", "contact", "tel"];
/// What such a word may have grown together with.
const ENDINGS: [&str; 6] = ["", "s", "no", "nr", "num", "number"];
/// So many digits may be a phone number, though it cannot be read as one.
const DIGITS: usize = 7;

/// Such a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlooked {
    name: String,
    /// The name of the column that is read as the phone number, and empty.
    empty: Option<String>,
}

impl Overlooked {
    /// For machines.
    pub const CODE: &str = "phone_column_overlooked";

    /// Looks for one, where no column is read as the phone number or that one is empty: its name speaks of phones and
    /// one of its first cells may be a number, or most of them are numbers.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(
        input: &Input,
        columns: &Columns,
        rules: &phone::Rules,
    ) -> Result<Option<Self>, InputError> {
        let headers = input.headers();
        let strangers: Vec<usize> = columns
            .carried
            .iter()
            .copied()
            .filter(|column| !columns.reads(*column))
            .collect();
        let mut tallies = vec![Tally::default(); strangers.len()];
        let mut rows = input.rows()?;
        let mut row = Row::default();
        for _ in 0..SAMPLE {
            if !rows.read(&mut row)? {
                break;
            }
            for (column, tally) in strangers.iter().zip(&mut tallies) {
                tally.count(row.cells.get(*column).unwrap_or_default(), rules);
            }
        }
        let found = strangers.iter().zip(tallies).find(|(column, tally)| {
            let named = speaks_of_phones(&headers[**column]);
            tally.numbers * 2 > tally.filled || named && tally.may_be_numbers > 0
        });
        Ok(found.map(|(column, _)| Self {
            name: headers[*column].to_owned(),
            empty: columns.phone_number.map(|read| headers[read].to_owned()),
        }))
    }
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    filled: u32,
    numbers: u32,
    may_be_numbers: u32,
}

impl Tally {
    fn count(&mut self, cell: &str, rules: &phone::Rules) {
        let digits = || cell.chars().filter(|c| c.is_numeric()).count();
        let (is_number, may_be_number) = match phone::normalise(cell, None, rules) {
            Ok(_) => (true, true),
            Err(Refusal::Masked) => (false, true),
            Err(Refusal::Date) => (false, false),
            Err(_) => (false, digits() >= DIGITS),
        };
        self.filled += u32::from(!text::is_blank(cell));
        self.numbers += u32::from(is_number);
        self.may_be_numbers += u32::from(may_be_number);
    }
}

fn speaks_of_phones(name: &str) -> bool {
    let lower = name.to_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || words(name).iter().any(|word| is_of_phones(word))
}

fn is_of_phones(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    WORDS
        .iter()
        .filter_map(|known| word.strip_prefix(known))
        .any(|ending| ENDINGS.contains(&ending))
}

/// The words of `contact_no` and of `ContactNo`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut spaced = String::new();
    let mut after_small = false;
    for character in name.chars() {
        if after_small && character.is_uppercase() {
            spaced.push(' ');
        }
        spaced.push(character);
        after_small = character.is_lowercase();
    }
    spaced
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .collect()
}

impl fmt::Display for Overlooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.empty {
            None => write!(f, "no column is read as the phone number")?,
            Some(read) => write!(
                f,
                "the phone number is read from `{}`, which is empty",
                read.escape_debug()
            )?,
        }
        write!(
            f,
            ", so no number would change, but `{0}` looks like one: name it with --map phone_number=\"{0}\"",
            self.name.escape_debug()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::ReadOptions;

    fn found(text: &str) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let input = Input::open(file.path(), &ReadOptions::default()).unwrap();
        let columns = input.columns(&[]).unwrap();
        let rules = phone::Rules {
            default_region: Some("IN".parse().unwrap()),
            ..phone::Rules::default()
        };
        Overlooked::find(&input, &columns, &rules)
            .unwrap()
            .map(|overlooked| overlooked.name)
    }

    #[test]
    fn a_column_of_numbers_under_a_name_of_its_own_is_seen() {
        for (text, expected) in [
            (
                "id,name,Mobile No.\na,Asha,98765XXXXX\n",
                Some("Mobile No."),
            ),
            (
                "id,name,WhatsApp Number\na,Asha,\nb,Ravi,9876543210\n",
                Some("WhatsApp Number"),
            ),
            (
                "id,name,Reach\na,Asha,98765 43210\nb,Ravi,\nc,Mia,n/a\nd,Leo,+919876543211\n",
                Some("Reach"),
            ),
            ("id,name,Agent\na,Asha,7\nb,Ravi,Joseph\n", None),
            ("id,name,Mobile No.\na,Asha,\n", None),
            ("id,name,metadata.phone\na,Asha,9876543210\n", None),
        ] {
            assert_eq!(found(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_name_that_speaks_of_phones_needs_one_cell_that_may_be_a_number() {
        for name in [
            "cell",
            "Cell Phone",
            "CellNo",
            "contact",
            "contact no",
            "ContactNumber 1",
            "contacts",
            "tel.",
            "Tel",
            "tel_nr",
            "Telephone",
            "telefon",
            "Telefonnummer",
            "handphone",
            "alt-mobile",
            "msisdn",
            "whatsapp",
        ] {
            for cell in [
                "98765XXXXX",
                "9.19877E+11",
                "98765 4321O",
                "call 98765 43210",
                "XXXXXXXXXX",
            ] {
                let text =
                    format!("id,name,{name}\na,Asha,\nb,Ravi,{cell}\nc,Mia,n/a\nd,Leo,n/a\n");
                assert_eq!(found(&text).as_deref(), Some(name), "{text}");
            }
        }
    }

    #[test]
    fn a_column_of_something_else_is_carried_along() {
        for (name, cell) in [
            ("cancelled", "order 7654321"),
            ("cancellation_reason", "see ticket 7654321"),
            ("last_contacted", "by agent 7654321"),
            ("Hotel.City", "Pune 4110017"),
            ("contact_name", "Asha Rao"),
            ("contact date", "2026-03-01"),
            ("last contact", "2026-03-01T09:30:00"),
            ("last contact", "2026-03-01 09:30"),
            ("last contact", "01/03/2026 09:30"),
            ("phone_type", "landline"),
            ("mobile network", "4G"),
            ("whatsapp_optin", "TRUE"),
        ] {
            let text = format!("id,name,{name}\na,Asha,{cell}\nb,Ravi,\n");
            assert_eq!(found(&text), None, "{text}");
        }
    }
}
