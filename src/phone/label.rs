//! Labels that people and phone books write beside a number.

use super::Recovery;
use super::cell::Cell;

/// Words that say what a number is, at either end of a cell. A fax is not among them: nobody is to be called there.
const WORDS: &[&str] = &[
    "tel",
    "tél",
    "telephone",
    "téléphone",
    "telefon",
    "telefono",
    "teléfono",
    "telefone",
    "teléf",
    "telf",
    "telefoon",
    "phone",
    "phone number",
    "phone no",
    "ph",
    "ph no",
    "phn",
    "mobile",
    "mobile number",
    "mobile no",
    "mob",
    "mob no",
    "mobil",
    "móvil",
    "movil",
    "celular",
    "cel",
    "cell",
    "cell phone",
    "cellphone",
    "cellular",
    "handy",
    "gsm",
    "hp",
    "contact",
    "contact number",
    "contact no",
    "number",
    "call",
    "callto",
    "direct",
    "main",
    "primary",
    "home",
    "casa",
    "privat",
    "private",
    "personal",
    "work",
    "office",
    "business",
    "res",
    "residence",
    "landline",
    "fixed",
    "fijo",
    "whatsapp",
    "whats app",
    "wa",
    "sms",
    "toll free",
    "tollfree",
    "मोबाइल",
    "फोन",
    "моб",
    "тел",
];

/// Words that do so in front only; behind a number they may mean that it is not to be called.
const WORDS_IN_FRONT: &[&str] = &["off"];

/// For `number`, where one follows at once; in brackets or before other signs it may be an answer.
const NUMERO: &[&str] = &["no"];

/// Single letters that do so, but only in brackets or before a colon: a bare `O` is a mistyped zero.
const LETTERS: &[char] = &['t', 'p', 'm', 'h', 'w', 'o', 'r', 'c'];

/// The longest label in characters, with its brackets and spaces.
const LONGEST: usize = 20;

/// Takes one label off either end; false when there is none.
pub(super) fn strip(cell: &mut Cell) -> bool {
    let count = at_start(cell.text());
    if count > 0 {
        cell.cut_start(count);
    } else {
        let count = at_end(cell.text());
        if count == 0 {
            return false;
        }
        cell.cut_end(count);
    }
    cell.recovered.insert(Recovery::Label);
    true
}

/// How many characters a label at the start takes, with what joins it to the number.
fn at_start(text: &[char]) -> usize {
    if let Some((open, rest)) = text.split_first()
        && let Some(close) = closing(*open)
        && let Some(length) = rest.iter().take(LONGEST).position(|c| *c == close)
        && is_label_in_front(&rest[..length], true)
    {
        return skip_joint(text, length + 2);
    }
    let length = text.iter().take_while(|c| is_word_part(**c)).count();
    let length = trimmed(&text[..length]);
    let colon = text
        .get(length..)
        .is_some_and(|rest| rest.iter().find(|c| **c != ' ') == Some(&':'));
    let numero = is_among(&text[..length], NUMERO)
        && text[length..]
            .iter()
            .find(|c| !matches!(c, ' ' | '.' | ':' | '#'))
            .is_some_and(|c| c.is_ascii_digit() || matches!(c, '+' | '('));
    if numero || is_label_in_front(&text[..length], colon) {
        skip_joint(text, length)
    } else {
        0
    }
}

/// The same at the end.
fn at_end(text: &[char]) -> usize {
    if let Some((close, rest)) = text.split_last()
        && let Some(open) = opening(*close)
        && let Some(length) = rest.iter().rev().take(LONGEST).position(|c| *c == open)
        && is_label(&rest[rest.len() - length..], true)
    {
        return skip_joint_back(text, length + 2);
    }
    // `98765 43210 mob.`
    let dot = usize::from(text.last() == Some(&'.'));
    let rest = &text[..text.len() - dot];
    let length = rest.iter().rev().take_while(|c| is_word_part(**c)).count();
    let word = &rest[rest.len() - length..];
    let spaces = word.iter().take_while(|c| **c == ' ').count();
    if is_label(&word[spaces..], false) {
        skip_joint_back(text, length - spaces + dot)
    } else {
        0
    }
}

fn is_label_in_front(word: &[char], letter_will_do: bool) -> bool {
    is_label(word, letter_will_do) || is_among(word, WORDS_IN_FRONT)
}

fn is_label(word: &[char], letter_will_do: bool) -> bool {
    if let [letter] = word {
        return letter_will_do && LETTERS.contains(&letter.to_ascii_lowercase());
    }
    is_among(word, WORDS)
}

fn is_among(word: &[char], words: &[&str]) -> bool {
    // A label may be closed by a full stop (`tel.`, `mob no.`) inside its brackets.
    let word = match word {
        [rest @ .., '.'] => rest,
        _ => word,
    };
    !word.is_empty()
        && words.iter().any(|label| {
            let mut letters = word.iter().flat_map(|c| c.to_lowercase());
            label.chars().all(|c| letters.next() == Some(c)) && letters.next().is_none()
        })
}

fn is_word_part(character: char) -> bool {
    character == ' ' || (!character.is_ascii_digit() && character.is_alphanumeric())
}

fn trimmed(word: &[char]) -> usize {
    word.iter()
        .rposition(|c| *c != ' ')
        .map_or(0, |last| last + 1)
}

/// What joins a label to its number: `:`, `.`, `=`, a dash, `//` after a colon. In `tel: -98765…` the minus
/// belongs to the number, and is not to be lost: it tells that a spreadsheet computed it.
fn skip_joint(text: &[char], label: usize) -> usize {
    let mut end = label;
    while let Some(&character) = text.get(end) {
        let joins = match character {
            ':' | '.' | '=' | ' ' | '/' | '#' => true,
            '-' => end == label || text.get(end + 1) == Some(&' '),
            _ => false,
        };
        if !joins {
            break;
        }
        end += 1;
    }
    end
}

fn skip_joint_back(text: &[char], label: usize) -> usize {
    let rest = &text[..text.len() - label];
    label
        + rest
            .iter()
            .rev()
            .take_while(|c| matches!(c, ':' | '=' | ' ' | '-' | ',' | '/'))
            .count()
}

fn closing(open: char) -> Option<char> {
    match open {
        '(' => Some(')'),
        '[' => Some(']'),
        '<' => Some('>'),
        '{' => Some('}'),
        _ => None,
    }
}

fn opening(close: char) -> Option<char> {
    match close {
        ')' => Some('('),
        ']' => Some('['),
        '>' => Some('<'),
        '}' => Some('{'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        let mut cell = Cell::read(text).expect(text);
        while strip(&mut cell) {}
        cell.text().iter().collect()
    }

    #[test]
    fn known_labels_are_taken_off_either_end() {
        for text in [
            "tel:123",
            "Tel. 123",
            "TEL: 123",
            "Mob No.: 123",
            "Mobile - 123",
            "(M) 123",
            "M: 123",
            "123 (home)",
            "123 [Work]",
            "123 mobile",
            "123 - office",
            "phone: 123 (home)",
            "Mob123",
            "123 (m)",
            "téléphone : 123",
            "फोन: 123",
            "Phone No. 123",
            "phone# 123",
            "tel://123",
            "123 mob.",
            "123, home",
        ] {
            assert_eq!(stripped(text), "123", "{text}");
        }
    }

    #[test]
    fn what_is_no_label_stays() {
        assert_eq!(stripped("tel: -123"), "-123");
        for text in [
            "O123",
            "123 O",
            "m 123",
            "fax: 123",
            "123 (fax)",
            "home",
            "x123",
            "123 ext 4",
            "(0)123",
            "E: 123",
        ] {
            let kept = stripped(text);
            assert!(kept == text || text == "home", "{text} became {kept}");
        }
    }
}
