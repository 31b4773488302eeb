//! Column names as people write them.

/// The spellings of each field that are known, in the form that [`fold`] gives.
pub(super) const LEAD_ID: &[&str] = &["leadid", "id", "campaignleadid"];
pub(super) const PHONE_NUMBER: &[&str] = &["phonenumber", "phone", "mobile", "contactnumber"];
pub(super) const COUNTRY: &[&str] = &["country", "countrycode", "region"];
pub(super) const NAME: &[&str] = &["name"];
pub(super) const NOTES: &[&str] = &["notes"];
pub(super) const METADATA: &[&str] = &["metadata"];

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
