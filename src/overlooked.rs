//! A column that holds phone numbers and is not read as such: the run would succeed, and change no number.

use std::fmt;

use crate::phone;
use crate::reader::{Columns, Input, InputError, Row};
use crate::text;

/// So many rows tell what a column holds.
const SAMPLE: usize = 200;
/// Words in the names of columns that hold phone numbers.
const WORDS: [&str; 8] = [
    "phone", "mobile", "contact", "whatsapp", "telefon", "tel.", "msisdn", "cell",
];

/// The name of such a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlooked(String);

impl Overlooked {
    /// For machines.
    pub const CODE: &str = "phone_column_overlooked";

    /// Looks for one, where no column is read as the phone number: its name speaks of phones, or most of its first
    /// cells are numbers.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(
        input: &Input,
        columns: &Columns,
        rules: &phone::Rules,
    ) -> Result<Option<Self>, InputError> {
        if columns.phone_number.is_some() {
            return Ok(None);
        }
        let known = [
            Some(columns.lead_id),
            columns.country,
            columns.name,
            columns.notes,
            columns.metadata,
        ];
        let is_known = |column: usize| {
            known.contains(&Some(column))
                || columns.variables.iter().any(|(_, known)| *known == column)
        };
        let strangers: Vec<usize> = columns
            .carried
            .iter()
            .copied()
            .filter(|column| !is_known(*column))
            .collect();
        let mut tallies = vec![(0_u32, 0_u32); strangers.len()];
        let mut rows = input.rows()?;
        let mut row = Row::default();
        for _ in 0..SAMPLE {
            if !rows.read(&mut row)? {
                break;
            }
            for (column, (filled, numbers)) in strangers.iter().zip(&mut tallies) {
                let cell = row.cells.get(*column).unwrap_or_default();
                *filled += u32::from(!text::is_blank(cell));
                *numbers += u32::from(phone::normalise(cell, None, rules).is_ok());
            }
        }
        let found = strangers
            .iter()
            .zip(tallies)
            .find(|(column, (filled, numbers))| {
                let name = input.headers()[**column].to_lowercase();
                *filled > 0
                    && (WORDS.iter().any(|word| name.contains(word)) || numbers * 2 > *filled)
            });
        Ok(found.map(|(column, _)| Self(input.headers()[*column].to_owned())))
    }
}

impl fmt::Display for Overlooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no column is read as the phone number, so no number would change, but `{0}` looks like one: name it with \
             --map phone_number=\"{0}\"",
            self.0.escape_debug()
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
            .map(|overlooked| overlooked.0)
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
            (
                "id,name,phone,Mobile No.\na,Asha,9876543210,9876543211\n",
                None,
            ),
            ("id,name,Agent\na,Asha,7\nb,Ravi,Joseph\n", None),
            ("id,name,Mobile No.\na,Asha,\n", None),
            ("id,name,metadata.phone\na,Asha,9876543210\n", None),
        ] {
            assert_eq!(found(text).as_deref(), expected, "{text}");
        }
    }
}
