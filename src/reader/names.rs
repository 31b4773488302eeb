//! Column names as people write them.

/// The spellings of each field that are known, in the form that [`fold`] gives.
pub(super) const LEAD_ID: &[&str] = &["leadid", "id", "campaignleadid"];
pub(super) const PHONE_NUMBER: &[&str] = &["phonenumber", "phone", "mobile", "contactnumber"];
pub(super) const COUNTRY: &[&str] = &[
    "country",
    "countrycode",
    "countryiso",
    "countryisocode",
    "isocountry",
    "isocountrycode",
    "region",
];
pub(super) const NAME: &[&str] = &["name"];
pub(super) const NOTES: &[&str] = &["notes"];
pub(super) const METADATA: &[&str] = &["metadata"];

/// What stands somewhere in the names of columns that speak of phones.
const PHONE_PARTS: [&str; 6] = ["phone", "mobile", "whatsapp", "telefon", "handy", "msisdn"];
/// The same as words of their own, because they are parts of others: of `cancelled`, `contacted`, `hotel`.
const PHONE_WORDS: [&str; 3] = ["cell", "contact", "tel"];
/// What such a word may have grown together with.
const ENDINGS: [&str; 6] = ["", "s", "no", "nr", "num", "number"];
/// Words for a country.
const COUNTRY_WORDS: [&str; 6] = ["land", "nation", "país", "pais", "pays", "paese"];
/// What words of countries begin with: `CountryCode`, `Ländercode`, `Landeskennung`.
const COUNTRY_BEGINNINGS: [&str; 4] = ["country", "länder", "laender", "landes"];
/// Words for what takes the place of something else.
const NEW_WORDS: [&str; 9] = [
    "new",
    "correct",
    "corrected",
    "correction",
    "updated",
    "fixed",
    "right",
    "actual",
    "neu",
];
/// Words for a time: of `updated_at`.
const TIME_WORDS: [&str; 4] = ["at", "on", "date", "time"];
/// Words for what is written in two letters, too.
const LETTER_WORDS: [&str; 10] = [
    "state",
    "province",
    "bundesland",
    "lang",
    "language",
    "locale",
    "sprache",
    "title",
    "salutation",
    "anrede",
];

/// `name` without regard to case, spaces, `-` and `_`.
pub(super) fn fold(name: &str) -> String {
    name.chars()
        .filter(|&c| !c.is_whitespace() && !matches!(c, '-' | '_' | '\u{feff}' | '\u{200b}'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The KEY in `metadata.KEY`, as it stands.
pub(super) fn variable(name: &str) -> Option<&str> {
    let (prefix, key) = name.split_once('.')?;
    (fold(prefix) == "metadata").then(|| key.trim())
}

/// Whether a results file brings this column along.
pub(super) fn is_result(name: &str) -> bool {
    name.trim()
        .get(..7)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("result_"))
}

/// Whether this is a name, or an alias, of a field.
pub(super) fn is_known(name: &str) -> bool {
    let folded = fold(name);
    let all = [LEAD_ID, PHONE_NUMBER, COUNTRY, NAME, NOTES, METADATA];
    all.iter().any(|names| names.contains(&folded.as_str())) || variable(name).is_some()
}

/// Whether this looks like a value where a name should be: a phone number, or an ID.
pub(super) fn looks_like_data(cell: &str) -> bool {
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    let letters = cell.chars().filter(|c| c.is_alphabetic()).count();
    let is_hex = cell.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    digits >= 7 && (digits > letters || is_hex)
}

/// Whether a name speaks of phones, and of no ID.
pub(crate) fn speaks_of_phones(name: &str) -> bool {
    let lower = name.to_lowercase();
    let is_of_phones = |word: &String| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
        PHONE_WORDS
            .iter()
            .filter_map(|known| word.strip_prefix(known))
            .any(|ending| ENDINGS.contains(&ending))
    };
    let words = words(name);
    !words.iter().any(|word| word == "id")
        && (PHONE_PARTS.iter().any(|part| lower.contains(part)) || words.iter().any(is_of_phones))
}

/// Whether a name speaks of countries.
pub(crate) fn speaks_of_countries(name: &str) -> bool {
    words(name).iter().any(|word| {
        COUNTRY_WORDS.contains(&word.as_str())
            || COUNTRY_BEGINNINGS
                .iter()
                .any(|beginning| word.starts_with(beginning))
    })
}

/// Whether a name says that what the column holds takes the place of something else.
pub(crate) fn says_new(name: &str) -> bool {
    let words = words(name);
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    has(&NEW_WORDS) && !has(&TIME_WORDS)
}

/// Whether a name speaks of something else that is written in two letters, as countries are.
pub(crate) fn speaks_of_other_letters(name: &str) -> bool {
    words(name)
        .iter()
        .any(|word| LETTER_WORDS.contains(&word.as_str()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_however_they_are_written() {
        for name in [
            "lead_id",
            "Lead ID",
            "LEAD-ID",
            " id ",
            "\u{feff}id",
            "Mobile",
            "metadata.x",
            "Meta data.x",
        ] {
            assert!(is_known(name), "{name}");
        }
        for name in ["lead", "mobile no.", "metadatax", "x.metadata", ""] {
            assert!(!is_known(name), "{name}");
        }
        assert_eq!(variable("Metadata. First Name "), Some("First Name"));
    }

    #[test]
    fn values_are_told_from_names() {
        for cell in [
            "+91 98765 43210",
            "0c8d3f3e-5b1a-4a53-9d5c-2f1f5b0c8d3f",
            "919876543210",
        ] {
            assert!(looks_like_data(cell), "{cell}");
        }
        for cell in ["Mobile No. 2", "lead", "2026", "", "cafebabe"] {
            assert!(!looks_like_data(cell), "{cell}");
        }
    }
}
