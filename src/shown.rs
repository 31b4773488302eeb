//! Whether what a lead shows is what was sent. Pure.

use serde_json::Value;

use crate::phone::E164;

/// Fewer digits are no number, but what a mask has left of one.
const SHORTEST: usize = 5;
/// Digits that are dialled before a number inside its country, at most: `0`, `8`, `044`, and `00` before a calling code.
const LONGEST_TRUNK: usize = 3;

/// The text that was sent, which a server may have trimmed.
pub(crate) fn is_as_sent(shown: &str, sent: &str) -> bool {
    shown == sent || shown == sent.trim()
}

/// Whether a lead's number is this one. `None` where it may be: masked, or the national form of it.
pub(crate) fn same_number(shown: &str, wanted: E164) -> Option<bool> {
    // As it was sent is how nearly every lead shows it: that is seen without a copy.
    if wanted.is_written_as(shown) {
        return Some(true);
    }
    let wanted = wanted.digits().to_string();
    let plain = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-().".contains(c);
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    if !shown.chars().all(plain) {
        return None;
    }
    if digits == wanted {
        return Some(true);
    }
    let is_international = shown.starts_with('+');
    let is_national_form = || {
        let without_trunk = (0..=LONGEST_TRUNK).filter_map(|count| digits.get(count..));
        let mut forms = without_trunk.filter(|form| form.len() >= SHORTEST);
        forms.any(|form| wanted.ends_with(form))
    };
    // Dots may hide digits, and `(0)` is none of the number's.
    let is_formatted = shown.trim_start_matches('+') != digits;
    let may_be_ours = digits.len() < SHORTEST
        || !is_international && is_national_form()
        || is_formatted && (is_part_of(&digits, &wanted) || is_part_of(&wanted, &digits));
    (!may_be_ours).then_some(false)
}

/// Whether all of `part` stands in `whole`, in the same order.
fn is_part_of(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().all(|digit| rest.any(|other| other == digit))
}

/// Equal, or the same scalar written as text or with other zeros: the agent speaks `42` and `"42"` alike. Numbers of
/// more digits than a double holds are the same only to the digit.
pub(crate) fn same_value(shown: &Value, sent: &Value) -> bool {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let exact = |value: &Value| value.as_f64().filter(|_| value.to_string().len() <= 15);
    let reads_alike = || Some(is_as_sent(&scalar(shown)?, &scalar(sent)?));
    shown == sent
        || reads_alike().unwrap_or_default()
        || exact(shown).is_some_and(|number| exact(sent) == Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_another_one_only_where_it_cannot_be_ours() {
        let wanted = "+919876543210".parse().unwrap();
        for (shown, expected) in [
            ("+919876543210", Some(true)),
            ("919876543210", Some(true)),
            ("+91 98765 43210", Some(true)),
            ("9876543210", None),
            ("098765 43210", None),
            ("+91******3210", None),
            ("+91 98765 43211", Some(false)),
            ("12345", Some(false)),
            ("8 9876543210", None),
            ("+91 (0) 98765 43210", None),
            ("+91 (0) 98765 43211", Some(false)),
            ("+91......3210", None),
            ("+91 98765 -----", None),
            ("98765.....", None),
            ("3210", None),
            ("", None),
            ("+91987654321", Some(false)),
            ("987654321", Some(false)),
        ] {
            assert_eq!(same_number(shown, wanted), expected, "{shown}");
        }
    }
}
