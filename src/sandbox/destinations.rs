//! Destination rules: which countries there are, and which of them the workspace may dial.

use serde_json::{Value, json};

/// ISO code, name, calling code, longest national number, prefixes that mobiles begin with.
const COUNTRIES: &[(&str, &str, &str, u8, &[&str])] = &[
    ("AE", "United Arab Emirates", "+971", 9, &["5"]),
    ("AU", "Australia", "+61", 9, &["4"]),
    ("BD", "Bangladesh", "+880", 10, &["1"]),
    ("DE", "Germany", "+49", 11, &["15", "16", "17"]),
    ("FR", "France", "+33", 9, &["6", "7"]),
    ("GB", "United Kingdom", "+44", 10, &["7"]),
    ("ID", "Indonesia", "+62", 12, &["8"]),
    ("IN", "India", "+91", 10, &["6", "7", "8", "9"]),
    ("MY", "Malaysia", "+60", 10, &["1"]),
    ("NP", "Nepal", "+977", 10, &["97", "98"]),
    ("PH", "Philippines", "+63", 10, &["9"]),
    ("SA", "Saudi Arabia", "+966", 9, &["5"]),
    ("SG", "Singapore", "+65", 8, &["8", "9"]),
    ("US", "United States", "+1", 10, &[]),
    ("ZA", "South Africa", "+27", 9, &["6", "7", "8"]),
];

/// Whether a number may be dialled.
pub(super) fn allow(destinations: Option<&[String]>, phone: &str) -> bool {
    destinations.is_none_or(|codes| codes.iter().any(|code| phone.starts_with(code.as_str())))
}

/// What `/phone-country-rules/countries` answers.
pub(super) fn countries() -> Value {
    COUNTRIES
        .iter()
        .map(|(iso, name, code, longest, prefixes)| {
            json!({
                "country_iso": iso, "country_name": name, "calling_code": code,
                "max_length": longest, "prefixes": prefixes, "is_deleted": false,
            })
        })
        .collect()
}

/// What `/phone-country-rules/enabled-network-groups` answers.
pub(super) fn enabled(destinations: Option<&[String]>) -> Value {
    COUNTRIES
        .iter()
        .filter(|(_, _, code, ..)| allow(destinations, code))
        .map(|(iso, name, code, _, prefixes)| {
            json!({
                "prefix_mode": "allow_only_listed",
                "from_phone_number_country_code": code,
                "countryRule": {
                    "country_iso": iso, "country_name": name, "calling_code": code, "prefixes": prefixes,
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_codes_may_be_dialled() {
        let india = ["+91".to_owned()];
        assert!(allow(Some(&india), "+919876540001"));
        assert!(!allow(Some(&india), "+447700900001"));
        assert!(allow(None, "+447700900001"));
        assert_eq!(enabled(Some(&india)).as_array().map(Vec::len), Some(1));
        assert_eq!(
            enabled(None).as_array().map(Vec::len),
            Some(COUNTRIES.len())
        );
    }
}
