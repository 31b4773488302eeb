//! A column that most likely should be read and is not: of phone numbers, so that the run would succeed and change no
//! number, or the old one; or of countries, so that numbers would be read as those of another country.

use std::fmt;

use csv::StringRecord;

use crate::reader::Columns;
use crate::strangers::Strangers;

/// Such a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlooked {
    name: String,
    what: What,
    /// The name of the column that is read instead, if there is one.
    read: Option<String>,
}

/// What is overlooked in such a column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Phone numbers, where none are read.
    Numbers,
    /// Phone numbers that are newer than those that are read, by the column's name.
    NewNumbers,
    /// Countries, where none are read: the line and the cell that first names another one than the default region.
    Countries(u64, String),
}

impl Overlooked {
    /// Every such column, at most one of phone numbers and one of countries. `strangers` have seen the whole file, of which
    /// `region_assumed` numbers were read in the default region.
    pub fn find(
        strangers: &Strangers,
        headers: &StringRecord,
        columns: &Columns,
        region_assumed: u64,
    ) -> Vec<Self> {
        let overlooked = |column: usize, what, read: Option<usize>| Self {
            name: headers[column].to_owned(),
            what,
            read: read.map(|read| headers[read].to_owned()),
        };
        let (what, may_be_old) = if strangers.has_no_number() {
            (What::Numbers, true)
        } else {
            (What::NewNumbers, false)
        };
        let numbers = strangers
            .iter()
            .find(|stranger| stranger.holds_numbers() && (may_be_old || stranger.is_new()))
            .map(|stranger| overlooked(stranger.column, what, columns.phone_number));
        let countries = strangers
            .iter()
            .filter(|_| strangers.has_no_country() && region_assumed > 0)
            .find_map(|stranger| {
                let (line, cell) = stranger.foreign()?;
                let what = What::Countries(line, cell.to_owned());
                Some(overlooked(stranger.column, what, columns.country))
            });
        numbers.into_iter().chain(countries).collect()
    }

    /// For machines.
    pub fn code(&self) -> &'static str {
        match self.what {
            What::Numbers => "phone_column_overlooked",
            What::NewNumbers => "new_phone_column_overlooked",
            What::Countries(..) => "country_column_overlooked",
        }
    }
}

impl fmt::Display for Overlooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.escape_debug();
        let read = |field: &str| match &self.read {
            None => format!("no column is read as the {field}"),
            Some(read) => format!(
                "the {field} is read from `{}`, which is empty",
                read.escape_debug()
            ),
        };
        match &self.what {
            What::Numbers => write!(
                f,
                "{}, so no number would change, but `{name}` looks like one: name it with --map \
                 phone_number=\"{name}\"",
                read("phone number")
            ),
            What::NewNumbers => write!(
                f,
                "the phone number is read from `{}`, but `{name}` seems to hold the new ones: name it with --map \
                 phone_number=\"{name}\"",
                self.read.as_deref().unwrap_or_default().escape_debug()
            ),
            What::Countries(line, cell) => write!(
                f,
                "{}, so numbers without country code are read as ones of the default region, but `{name}` looks like \
                 one (line {line}: `{}`): name it with --map country=\"{name}\"",
                read("country"),
                cell.escape_debug()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::correction::Rules;
    use crate::phone;
    use crate::plan::MetadataMode;
    use crate::preflight::{Policy, Preflight};
    use crate::reader::{Input, ReadOptions};

    fn survey(text: &str, region: &str) -> Preflight {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let input = Input::open(file.path(), &ReadOptions::default()).unwrap();
        let columns = input.columns(&[]).unwrap();
        let policy = Policy {
            rules: Rules {
                phone: phone::Rules {
                    default_region: region.parse().ok(),
                    ..phone::Rules::default()
                },
                clear_token: "<clear>".into(),
                metadata: MetadataMode::Merge,
            },
            forbid_shared_numbers: false,
        };
        Preflight::survey(&input, &columns, &policy).unwrap()
    }

    /// What is said of the columns that are not read.
    fn said(text: &str, region: &str) -> Vec<String> {
        let overlooked = survey(text, region).overlooked;
        overlooked.iter().map(ToString::to_string).collect()
    }

    /// The name of the one that shall be read as the phone number.
    fn found(text: &str) -> Option<String> {
        let said = said(text, "IN");
        assert!(said.len() < 2, "{said:?}");
        let (_, name) = said.first()?.split_once("--map phone_number=\"")?;
        Some(name.trim_end_matches('"').to_owned())
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
            ("contact_id", "123456789"),
            ("ContactID", "123456789"),
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

    #[test]
    fn a_newer_column_of_numbers_is_seen_beside_the_one_that_is_read() {
        for name in [
            "new_phone_number",
            "corrected_number",
            "Correct phone",
            "updatedMobile",
            "Actual No.",
            "Fixed",
            "Right number",
            "Phone (new)",
        ] {
            let text = format!("id,phone,{name}\na,9876543210,9876543211\nb,,9876543212\n");
            assert_eq!(found(&text).as_deref(), Some(name), "{text}");
        }
        for (name, cell) in [
            ("alternate_phone", "9876543211"),
            ("agent_phone", "9876543211"),
            ("old_phone", "9876543211"),
            ("renewed", "9876543211"),
            ("updated_at", "9876543211"),
            ("New status", "corrected"),
            ("new_phone", ""),
        ] {
            let text = format!("id,phone,{name}\na,9876543210,{cell}\nb,9876543213,\n");
            assert_eq!(found(&text), None, "{text}");
        }
    }

    #[test]
    fn a_column_of_countries_that_is_not_read_is_seen_where_numbers_have_no_code() {
        for (name, cells) in [
            ("Land", ["DE", "AT", "CH"]),
            ("Ctry", ["DE", "AT", "CH"]),
            ("Ctry", ["AT", "AT", ""]),
            ("Ctry", ["DE", "NO", ""]),
            ("Vorwahl", ["+49", "+43", "NA"]),
            ("Country Name", ["Germany", "Austria", ""]),
            ("Country/Region", ["Austria", "Austria", "Austria"]),
            ("CountryName", ["", "", "Austria"]),
            ("Nation", ["de", "at", "ch"]),
            ("Ländercode", ["43", "43", "49"]),
            ("Pays", ["DE", "DE", "AUT"]),
            ("País", ["AT", "DE", "DE"]),
        ] {
            let [one, two, three] = cells;
            let text = format!(
                "id,phone,{name}\na,01711234567,{one}\nb,06641234567,{two}\nc,0791234567,{three}\n"
            );
            let said = said(&text, "DE");
            let expected = format!("--map country=\"{name}\"");
            assert!(
                said.len() == 1 && said[0].ends_with(&expected),
                "{text}: {said:?}"
            );
        }
    }

    #[test]
    fn a_column_of_something_else_than_countries_is_carried_along() {
        for (name, cells) in [
            ("Land", ["DE", "de", "+49"]),
            ("Ctry", ["DE", "DE", ""]),
            ("Sprache", ["DE", "FR", "IT"]),
            ("lang", ["DE", "FR", "IT"]),
            ("code", ["de", "fr", "it"]),
            ("State", ["BE", "BY", "BE"]),
            ("Bundesland", ["BE", "BY", "BW"]),
            ("Landline", ["no", "yes", "no"]),
            ("Score", ["43", "41", "7"]),
            ("Opted out", ["NO", "NO", "NO"]),
            ("Slot", ["AM", "PM", "AM"]),
            ("Title", ["MR", "MS", "MR"]),
            ("Anrede", ["HR", "FR", "HR"]),
            ("Group", ["AT", "A1", "CH"]),
            ("metadata.land", ["AT", "AT", "CH"]),
        ] {
            let [one, two, three] = cells;
            let text = format!(
                "id,phone,{name}\na,01711234567,{one}\nb,06641234567,{two}\nc,0791234567,{three}\n"
            );
            assert_eq!(said(&text, "DE"), [""; 0], "{text}");
        }
        let text = "id,phone,ST\na,7655550123,IN\nb,3025550123,DE\n";
        assert_eq!(said(text, "US"), [""; 0], "states");
    }

    #[test]
    fn countries_say_nothing_where_every_number_has_a_code_or_its_country() {
        for text in [
            "id,phone,Land\na,+4366412345678,AT\n",
            "id,phone,country,Land\na,06641234567,AT,AT\n",
            "id,name,Land\na,Asha,AT\n",
        ] {
            assert_eq!(said(text, "DE"), [""; 0], "{text}");
        }
        assert_eq!(said("id,phone,Land\na,06641234567,AT\n", ""), [""; 0]);
        let empty = "id,phone,country,Land\na,06641234567,,AT\n";
        assert_eq!(said(empty, "DE").len(), 1);
    }

    #[test]
    fn countries_are_looked_for_in_the_whole_file() {
        let mut text = format!("id,phone,Ctry\n{}", "a,01711234567,DE\n".repeat(300));
        assert_eq!(said(&text, "DE"), [""; 0]);
        text += "b,06641234567,AT\n";
        let said = said(&text, "DE");
        assert!(
            said.len() == 1 && said[0].contains("line 302: `AT`"),
            "{said:?}"
        );
    }

    #[test]
    fn rows_without_a_number_beside_one_are_a_warning() {
        let warned = |name: &str, rows: &str| {
            let warnings = survey(&format!("id,phone,name,{name}\n{rows}"), "IN").warnings();
            warnings
                .into_iter()
                .find(|warning| warning.contains("phone cell is empty"))
        };
        let rows = "a,9876543210,Asha,\nb,,Ravi,9876543211\nc,,Mia,98765 43212\nd,,Leo,\n";
        let warning = warned("Second Mobile", rows).expect("a warning");
        assert!(
            warning.contains("2 rows") && warning.contains("`Second Mobile`"),
            "{warning}"
        );
        let orders = rows.replace('\n', ",7654321098\n");
        let warning = warned("Second Mobile,Order", &orders).expect("a warning");
        assert!(warning.contains("`Second Mobile`"), "{warning}");
        let filled = "a,9876543210,Asha,9876543211\nb,,Ravi,\n";
        assert_eq!(warned("Second Mobile", filled), None);
        assert_eq!(warned("new phone", rows), None, "which stops the run");
    }
}
