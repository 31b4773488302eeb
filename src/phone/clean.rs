//! A cell's text to digits, or the reason why its digits cannot be trusted. Knows calling codes, but no numbering plan:
//! where a plan has to decide between two readings, both are handed on.

use super::cell::Cell;
use super::digits::Digits;
use super::numeral::{self, Decimals, Numeral, digits_in};
use super::{Recoveries, Recovery, Refusal, label, plan};

/// The digits of a cell.
pub(super) struct Reading {
    pub(super) digits: Digits,
    pub(super) recovered: Recoveries,
    /// Other readings of the same cell. Mostly there are none.
    pub(super) rivals: Vec<Rival>,
}

/// Another reading of the cell.
pub(super) struct Rival {
    pub(super) digits: Digits,
    /// What was done to the cell for this reading.
    pub(super) recovered: Recoveries,
    pub(super) standing: Standing,
}

impl Rival {
    fn equal(digits: Digits, cell: &Cell) -> Rival {
        Rival {
            digits,
            recovered: cell.recovered,
            standing: Standing::Equal,
        }
    }

    fn objection(digits: Digits, refusal: Refusal) -> Rival {
        Rival {
            digits,
            recovered: Recoveries::NONE,
            standing: Standing::Objection(refusal),
        }
    }
}

/// What it means when a rival reading is a valid number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is as good as the first: alone it is the number, beside another valid one the cell is ambiguous.
    Equal,
    /// It shows that the cell is not what it seemed.
    Objection(Refusal),
}

/// An extension has at most this many digits here; more are a second number.
const LONGEST_EXTENSION: usize = 6;
/// Digits that may be a number of their own.
const SHORTEST_NUMBER: usize = 7;

pub(super) fn read(text: &str) -> Result<Reading, Refusal> {
    let mut cell = Cell::read(text)?;
    unwrap(&mut cell)?;
    if is_filler(cell.text()) {
        return Err(Refusal::Placeholder);
    }
    numeral::refuse_calculated(cell.text())?;
    if numeral::is_date(cell.text()) {
        return Err(Refusal::Date);
    }
    if has_parameter(cell.text()) {
        return Err(Refusal::TelParameter);
    }
    if let Some(numeral) = numeral::scientific(cell.text()) {
        return whole_number(&numeral?, cell.recovered);
    }
    let mut rivals = Vec::new();
    drop_decimals(&mut cell, &mut rivals)?;
    if let Some(numeral) = numeral::grouped(cell.text()) {
        return whole_number(&numeral, cell.recovered);
    }
    drop_extension(&mut cell, &mut rivals)?;
    drop_decimals(&mut cell, &mut rivals)?;
    if numeral::is_date(cell.text()) {
        return Err(Refusal::Date);
    }
    if let [before @ .., '+'] = cell.text()
        && before.iter().all(char::is_ascii_digit)
    {
        return plus_behind(cell);
    }
    refuse_foreign_characters(cell.text())?;
    divide_at_slashes(cell.text(), &mut rivals)?;
    let digits = digits_of(cell.text())?;
    for rest in [behind_index(&cell), before_index(&cell)]
        .into_iter()
        .flatten()
    {
        rivals.push(Rival::objection(digits_of(rest)?, Refusal::Ambiguous));
    }
    if has_bracketed_area(cell.text(), &digits) {
        rivals.push(if cell.text().starts_with(&['+']) {
            Rival::equal(digits.domestic(), &cell)
        } else {
            Rival::objection(digits.domestic(), Refusal::Ambiguous)
        });
    }
    if is_grouped_otherwise(cell.text(), &digits) {
        rivals.push(Rival::objection(digits.domestic(), Refusal::Ambiguous));
    }
    if let Some(zero) = bracketed_zero(cell.text()) {
        let rest = cell.text()[..zero]
            .iter()
            .chain(&cell.text()[zero + 3..])
            .copied()
            .collect::<Vec<char>>();
        rivals.push(Rival::equal(digits_of(&rest)?, &cell));
    }
    Ok(Reading {
        digits,
        recovered: cell.recovered,
        rivals,
    })
}

/// Takes off what people and programs put around a number, layer by layer.
pub(super) fn unwrap(cell: &mut Cell) -> Result<(), Refusal> {
    if cell.is_empty() {
        return Err(Refusal::Empty);
    }
    loop {
        if let ['=', quote @ ('"' | '\''), .., close] = cell.text()
            && quote == close
        {
            cell.cut_start(2);
            cell.cut_end(1);
            cell.recovered.insert(Recovery::FormulaText);
        } else if let ['\'' | '"' | '`', ..] = cell.text() {
            cell.cut_start(1);
            cell.recovered.insert(Recovery::Quotes);
        } else if let [.., '\'' | '"' | '`'] = cell.text()
            && cell.text().first() != Some(&'=')
        {
            cell.cut_end(1);
            cell.recovered.insert(Recovery::Quotes);
        } else if let [':' | ',' | ';', _, ..] = cell.text() {
            cell.cut_start(1);
            cell.recovered.insert(Recovery::StrayPunctuation);
        } else if let [before @ .., ':' | ',' | ';' | '.' | '/'] = cell.text()
            // Several full stops stand for digits left out.
            && trim_end(before, &[' ']).last().is_some_and(|c| *c != '.')
        {
            cell.cut_end(1);
            cell.recovered.insert(Recovery::StrayPunctuation);
        } else if numeral::is_bracketed(cell.text()) {
            cell.cut_start(1);
            cell.cut_end(1);
        } else if !label::strip(cell) {
            break;
        }
        if cell.is_empty() {
            return Err(if cell.recovered.contains(Recovery::Label) {
                Refusal::NotANumber
            } else {
                Refusal::Empty
            });
        }
    }
    Ok(())
}

/// Words and signs that stand for no number at all.
fn is_filler(text: &[char]) -> bool {
    const WORDS: [&str; 15] = [
        "n/a",
        "na",
        "n.a",
        "nil",
        "none",
        "null",
        "nan",
        "unknown",
        "tbd",
        "tba",
        "not available",
        "not provided",
        "undefined",
        "(blank)",
        "no number",
    ];
    !text.is_empty()
        && (text.iter().all(|c| matches!(c, '-' | '.' | '?' | '/'))
            || WORDS
                .iter()
                .any(|word| word.chars().eq(text.iter().map(char::to_ascii_lowercase))))
}

/// RFC 3966 parameters that change which number is meant.
fn has_parameter(text: &[char]) -> bool {
    ["phone-context=", "isub="].iter().any(|name| {
        text.windows(name.len())
            .any(|window| name.chars().eq(window.iter().map(char::to_ascii_lowercase)))
    })
}

/// A numeral that was recovered. Its sign says nothing about a country code, so it is read both ways.
fn whole_number(numeral: &Numeral, mut recovered: Recoveries) -> Result<Reading, Refusal> {
    recovered.insert(numeral.recovered);
    let digits = digits_from(numeral.digits.iter().copied(), numeral.signed)?;
    let mut rivals = Vec::new();
    if numeral.signed {
        rivals.push(Rival {
            digits: digits_from(numeral.digits.iter().copied(), false)?,
            recovered,
            standing: Standing::Equal,
        });
    }
    Ok(Reading {
        digits,
        recovered,
        rivals,
    })
}

/// Takes the decimals of a whole number off the end. Where they may be digits of the number, that is a rival.
fn drop_decimals(cell: &mut Cell, rivals: &mut Vec<Rival>) -> Result<(), Refusal> {
    let count = match numeral::decimals(cell.text()) {
        Decimals::None => return Ok(()),
        Decimals::Fraction => return Err(Refusal::NotWhole),
        Decimals::Zeros(count) => count,
        Decimals::PerhapsZeros(count) => {
            rivals.push(Rival::equal(digits_of(cell.text())?, cell));
            count
        }
    };
    cell.cut_end(count);
    cell.recovered.insert(Recovery::DecimalZeros);
    Ok(())
}

/// Takes an extension off the end, though it be empty: it cannot be dialled, and must not be taken for digits of the
/// number.
fn drop_extension(cell: &mut Cell, rivals: &mut Vec<Rival>) -> Result<(), Refusal> {
    const WORDS: [&str; 7] = [
        ";ext=",
        "extension",
        "extensión",
        "extn",
        "ext",
        "anexo",
        "доб",
    ];
    let text = cell.text();
    let tail = text.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let before = trim_end(&text[..text.len() - tail], &[' ', '.', ':', '-', '=']);
    let word = WORDS
        .iter()
        .find(|word| ends_with(before, word))
        .map(|word| word.chars().count());
    let sign = match before {
        [.., 'x' | 'X' | '#'] => Some(1),
        [.., ',', ','] => Some(2),
        _ => None,
    };
    let Some(length) = word.or(sign) else {
        return Ok(());
    };
    let number = &before[..before.len() - length];
    let attached = number.last().is_some_and(char::is_ascii_digit);
    let number = trim_end(number, &[' ', ',', ';', '-', '.', '(']);
    // Behind an `x` among `x`es are digits that were left visible, no extension; one behind a digit hides another.
    if digits_in(number) < SHORTEST_NUMBER
        || word.is_none() && attached && tail == 0
        || number.iter().any(|c| matches!(c, 'x' | 'X' | '*' | '#'))
    {
        return Ok(());
    }
    if tail > LONGEST_EXTENSION {
        return Err(Refusal::SeveralNumbers);
    }
    if word.is_none() && (attached || tail == 0) {
        // `+49 30 12345x78` may be a number with one digit hidden, if numbers of that length exist.
        for digit in b'0'..=b'9' {
            let joined = number
                .iter()
                .copied()
                .chain([char::from(digit)])
                .chain(text[text.len() - tail..].iter().copied());
            if let Ok(digits) = digits_of(&joined.collect::<Vec<char>>()) {
                rivals.push(Rival::objection(digits, Refusal::Masked));
            }
        }
    }
    let cut = text.len() - number.len();
    cell.cut_end(cut);
    cell.recovered.insert(Recovery::Extension);
    Ok(())
}

/// `966501234567+`: where writing runs from right to left, the plus is seen behind. Behind a number of the region it may
/// mean that there is more.
fn plus_behind(mut cell: Cell) -> Result<Reading, Refusal> {
    cell.recovered.insert(Recovery::PlusBehind);
    let digits = digits_of(cell.text())?;
    Ok(Reading {
        digits,
        recovered: cell.recovered,
        rivals: vec![Rival::objection(digits.domestic(), Refusal::Ambiguous)],
    })
}

/// Refuses whatever is neither digit nor punctuation of phone numbers, and says what it is a sign of.
fn refuse_foreign_characters(text: &[char]) -> Result<(), Refusal> {
    let signs = || text.iter().filter(|c| **c != ' ');
    let masks = signs().any(|c| matches!(c, '*' | '?'))
        || signs().zip(signs().skip(1)).any(|pair| {
            matches!(
                pair,
                ('#', '#') | ('_', '_') | ('.', '.') | ('(', ')') | ('[', ']')
            )
        })
        || text.windows(4).any(|four| four == ['-', '-', '-', '-']);
    let letters = text.iter().filter(|c| c.is_alphabetic()).count();
    let exes = text.iter().filter(|c| matches!(c, 'x' | 'X')).count();
    let digits = digits_in(text);
    if digits > 0 && (masks || (exes > 0 && exes == letters))
        || digits == 0 && exes >= 2 && exes == letters
    {
        return Err(Refusal::Masked);
    }
    let plus_inside = |place: usize| text[place] == '+' && digits_in(&text[..place]) > 0;
    let breaks = |place: &usize| {
        let c = text[*place];
        c.is_alphabetic()
            || matches!(c, ',' | ';' | '|' | '&' | '\\' | '\n' | '\r' | '\t')
            || plus_inside(*place)
    };
    let mut parts = Vec::new();
    let mut start = 0;
    for place in (0..text.len()).filter(breaks) {
        parts.push(digits_in(&text[start..place]));
        start = place;
    }
    parts.push(digits_in(&text[start..]));
    if parts
        .iter()
        .filter(|digits| **digits >= SHORTEST_NUMBER)
        .count()
        > 1
    {
        return Err(Refusal::SeveralNumbers);
    }
    if letters > 0 {
        return Err(Refusal::Letters);
    }
    for (place, character) in text.iter().enumerate() {
        match character {
            '0'..='9' | ' ' | '-' | '.' | '(' | ')' | '[' | ']' | '/' => {}
            '+' if !plus_inside(place) => {}
            // `022-23456789,90`: the second number is abbreviated.
            ',' | ';' | '|' | '&' | '\n' | '\r' | '\t'
                if digits_in(&text[..place]) >= LONGEST_EXTENSION
                    && digits_in(&text[place..]) > 0 =>
            {
                return Err(Refusal::SeveralNumbers);
            }
            _ => return Err(Refusal::UnexpectedCharacter),
        }
    }
    if digits == 0 {
        return Err(Refusal::NotANumber);
    }
    let too_many = digits > 15;
    let apart = text
        .split(|c| *c == ' ')
        .filter(|part| digits_in(part) >= SHORTEST_NUMBER)
        .count()
        > 1;
    if too_many && apart {
        Err(Refusal::SeveralNumbers)
    } else {
        Ok(())
    }
}

/// A slash stands behind an area code (`030/123456`) or before an abbreviated second number
/// (`022-23456789/90`). It is read as the first only where it cannot be the second.
fn divide_at_slashes(text: &[char], rivals: &mut Vec<Rival>) -> Result<(), Refusal> {
    let first_two = text.iter().filter(|c| c.is_ascii_digit()).take(2);
    let longest_area = if text.contains(&'+') {
        9
    } else if first_two.eq(&['0', '0']) {
        11
    } else {
        6
    };
    for slash in (0..text.len()).filter(|place| text[*place] == '/') {
        let last = !text[slash + 1..].contains(&'/');
        if digits_in(&text[..slash]) > longest_area || last && digits_in(&text[slash..]) < 4 {
            return Err(Refusal::SeveralNumbers);
        }
        if let Ok(digits) = digits_of(&text[..slash]) {
            rivals.push(Rival::objection(digits, Refusal::SeveralNumbers));
        }
    }
    Ok(())
}

/// What follows a digit or two that may number a list (`2) 0171…`) or a label (`Tel 2 0171…`). A digit that is set apart
/// by less belongs to the number (`9 11 5555-4321`), unless the rest begins as one does that is whole.
fn behind_index(cell: &Cell) -> Option<&[char]> {
    match cell.text() {
        ['1'..='9', ')', rest @ ..]
        | ['1'..='9', '.', ' ', rest @ ..]
        | ['1'..='9', '0'..='9', ')', rest @ ..] => Some(rest),
        ['1'..='9', ' ' | '.' | '-', rest @ ..] | ['(' | '[', '1'..='9', ')' | ']', rest @ ..] => {
            let first = rest.iter().find(|c| c.is_ascii_digit());
            (first == Some(&'0') || cell.recovered.contains(Recovery::Label)).then_some(rest)
        }
        _ => None,
    }
}

/// The same where the digit stands behind: `0171 1234567 (2)`.
fn before_index(cell: &Cell) -> Option<&[char]> {
    match cell.text() {
        [rest @ .., '(' | '[', '0'..='9', ')' | ']']
        | [rest @ .., ' ', '0'..='9', ')']
        | [rest @ .., ' ', '-', ' ', '0'..='9'] => Some(rest),
        [rest @ .., ' ', '0'..='9'] if cell.recovered.contains(Recovery::StrayPunctuation) => {
            Some(rest)
        }
        _ => None,
    }
}

/// `+(646) 555-1234`, `(+646) 555-1234`: brackets beside a `+` that hold more than a calling code, or that may hold an
/// American area code, so that the `+` says nothing.
fn has_bracketed_area(text: &[char], digits: &Digits) -> bool {
    let american = digits.first_group == 3 && digits.without_plus().len() == 10;
    begins_with_brackets(text, digits)
        && (american || digits.first_group > length_of_calling_code(digits))
}

/// `+(2) 9876 5432`, `+646-555-1234`: not as numbers with that calling code are grouped.
fn is_grouped_otherwise(text: &[char], digits: &Digits) -> bool {
    let groups = text.split(|c| matches!(c, '-' | '.'));
    let american = digits.has_plus() && groups.map(digits_in).eq([3, 3, 4]);
    american && length_of_calling_code(digits) != 3
        || begins_with_brackets(text, digits) && digits.first_group < length_of_calling_code(digits)
}

fn begins_with_brackets(text: &[char], digits: &Digits) -> bool {
    let mut signs = text.iter().take_while(|c| !c.is_ascii_digit());
    digits.has_plus() && signs.any(|c| matches!(c, '(' | '['))
}

fn length_of_calling_code(digits: &Digits) -> usize {
    plan::calling_code(digits.without_plus()).len()
}

/// Where `(0)` stands after other digits: a zero that is dialled within the country only, mostly.
fn bracketed_zero(text: &[char]) -> Option<usize> {
    text.windows(3)
        .position(|three| three == ['(', '0', ')'])
        .filter(|place| digits_in(&text[..*place]) > 0)
}

fn digits_of(text: &[char]) -> Result<Digits, Refusal> {
    let mut digits = digits_from(
        text.iter()
            .filter(|c| c.is_ascii_digit())
            .map(|c| numeral::ascii(*c)),
        text.contains(&'+'),
    )?;
    digits.first_group = text
        .iter()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit())
        .count();
    Ok(digits)
}

fn digits_from(text: impl Iterator<Item = u8>, plus: bool) -> Result<Digits, Refusal> {
    let mut digits = Digits::new(plus);
    for digit in text {
        if !digits.push(digit) {
            return Err(Refusal::PhoneTooLong);
        }
    }
    Ok(digits)
}

fn trim_end<'a>(text: &'a [char], unwanted: &[char]) -> &'a [char] {
    let end = text
        .iter()
        .rposition(|c| !unwanted.contains(c))
        .map_or(0, |last| last + 1);
    &text[..end]
}

fn ends_with(text: &[char], word: &str) -> bool {
    let mut letters = text.iter().rev().flat_map(|c| c.to_lowercase());
    word.chars().rev().all(|c| letters.next() == Some(c))
}
