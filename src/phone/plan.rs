//! Digits judged by the numbering plans: which number they are, in whose plan, and whether it may be called.

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberType, ValidationError,
};

use super::digits::Digits;
use super::{E164, Normalised, Recoveries, Recovery, Refusal, Region, Rules, guard};

/// E.164 numbers have at most this many digits.
const LONGEST: u32 = 15;

/// As many zeros at the end are a spreadsheet's rounding sooner than a number.
const SUSPECT_ZEROS: &[u8] = b"00000";

/// The largest integers of computers. They are valid numbers, and other people's.
const LARGEST_INTEGERS: [&[u8]; 4] = [
    b"2147483647",
    b"4294967295",
    b"9223372036854775807",
    b"18446744073709551615",
];

/// Fewer equal digits than this may be somebody's.
const SHORTEST_STAND_IN: usize = 7;

/// A valid number.
#[derive(Clone, Copy)]
struct Found {
    number: E164,
    /// The number's digits.
    full: Digits,
    calling_code: u16,
    kind: PhoneNumberType,
    recovered: Recoveries,
}

/// The number that these digits are, of whatever kind, by the order of trust: a `+` (or `00`) speaks for itself, then
/// the row's country, then the default region.
pub(super) fn judge(
    digits: &Digits,
    country: Option<Region>,
    rules: &Rules,
) -> Result<(Normalised, PhoneNumberType), Refusal> {
    refuse_stand_ins(digits.without_plus())?;
    let (found, region_assumed) = if digits.has_plus() {
        (look_up(digits, None, country)?, false)
    } else if digits.without_plus().starts_with(b"00") {
        after_double_zero(digits, country, rules)?
    } else {
        let region = country
            .or(rules.default_region)
            .ok_or(Refusal::RegionUnknown)?;
        (in_region(digits, region, country)?, country.is_none())
    };
    if country.is_some_and(|country| country.calling_code() != found.calling_code) {
        return Err(Refusal::CountryMismatch);
    }
    if is_perhaps_russian(&found.full, country.or(rules.default_region)) {
        return Err(Refusal::Ambiguous);
    }
    refuse_stand_ins(found.full.without_plus())?;
    refuse_stand_ins(split(found.full.without_plus()).1)?;
    refuse_unstable(digits, &found)?;
    let read = Normalised {
        number: found.number,
        recovered: found.recovered,
        region_assumed,
    };
    Ok((read, found.kind))
}

/// Within Russia and Kazakhstan an `8` is dialled first, and some write a `+` before it: `+8 (495) 123-45-67` is a number
/// in Moscow, and in Vietnam.
pub(super) fn is_perhaps_russian(number: &Digits, region: Option<Region>) -> bool {
    number.without_plus().len() == 11
        && number.without_plus().starts_with(b"8")
        && region.is_some_and(|region| {
            region.calling_code() == 7
                && look_up(&number.domestic(), Some(region), None)
                    .is_ok_and(|found| found.calling_code == 7)
        })
}

/// `00` is dialled before a country code in most of the world, but not in all of it, and where it is not, what
/// follows may be a carrier's code. So both readings are made, and two different numbers are refused.
fn after_double_zero(
    digits: &Digits,
    country: Option<Region>,
    rules: &Rules,
) -> Result<(Found, bool), Refusal> {
    let international = look_up(&digits.international_from(2), None, None);
    let region = country.or(rules.default_region);
    let domestic = region.map(|region| look_up(digits, Some(region), None));
    match (international, domestic) {
        (Ok(one), Some(Ok(other))) if one.number != other.number => Err(Refusal::Ambiguous),
        (Ok(mut found), _) => {
            found.recovered.insert(Recovery::InternationalPrefix);
            Ok((found, false))
        }
        (Err(_), Some(Ok(found))) => Ok((found, country.is_none())),
        (Err(refusal), _) => Err(refusal),
    }
}

/// Digits without `+`. Where a plan has numbers of many lengths, a country code can be taken for an area code:
/// `491711234567` is valid in Germany with a second `49` in front, and is not what anybody meant.
fn in_region(digits: &Digits, region: Region, country: Option<Region>) -> Result<Found, Refusal> {
    let as_international = after_zero(digits, region);
    match (look_up(digits, Some(region), country), as_international) {
        (Ok(found), Some(other)) if rival(&found, digits, &other).is_some() => {
            Err(Refusal::Ambiguous)
        }
        (Ok(found), _) if has_lost_zero(&found, digits, region) => Err(Refusal::Ambiguous),
        (Ok(found), _) => Ok(found),
        // `091-98765…`: a country code as some lists have it, with a zero that belongs to nothing. As they stand the
        // digits are no number of the region, so this reading has no rival.
        (Err(refusal), Some(other)) if begins_with_zero(digits) => {
            let mut found = look_up(&other, None, country).map_err(|_| refusal)?;
            found.recovered.insert(Recovery::ZeroBeforeCallingCode);
            Ok(found)
        }
        (Err(refusal), _) => Err(refusal),
    }
}

/// The digits from the region's calling code on, if they begin with it, perhaps behind a zero. The single digit of
/// `+1` and `+7` is behind a zero by chance in one cell of ten.
fn after_zero(digits: &Digits, region: Region) -> Option<Digits> {
    let skip = usize::from(begins_with_zero(digits));
    let code = Digits::of(u64::from(region.calling_code()));
    (digits.without_plus()[skip..].starts_with(code.without_plus())
        && (skip == 0 || region.calling_code() >= 10))
        .then(|| digits.international_from(skip))
}

fn begins_with_zero(digits: &Digits) -> bool {
    digits.without_plus().starts_with(b"0")
}

/// The number that the one found in the region's plan may as well be, written with its country code. Behind a
/// zero stands an area code (`04921…` is Emden), unless the country code is set apart (`049 211…`), or so many digits
/// follow as hardly any number has.
fn rival(found: &Found, digits: &Digits, other: &Digits) -> Option<E164> {
    const USUAL: usize = 11;
    let national = split(found.full.without_plus()).1;
    let code = split(other.without_plus()).0;
    let is_area =
        begins_with_zero(digits) && digits.first_group != 1 + code.len() && national.len() <= USUAL;
    if other[..] == found.full[..] || is_area {
        return None;
    }
    let number = look_up(other, None, None).ok()?.number;
    (number != found.number).then_some(number)
}

/// The two numbers that digits without `+` are: an international one, and one of the region.
pub(super) fn readings(digits: &Digits, region: Region) -> Option<(E164, E164)> {
    let other = after_zero(digits, region).filter(|_| !digits.has_plus())?;
    let found = look_up(digits, Some(region), None).ok()?;
    Some((rival(&found, digits, &other)?, found.number))
}

/// Whether the digits may be another number that lost its leading zero. In Italy and Gabon the zero belongs to the number:
/// `332123456` is a mobile, or 0332 123456 in Varese. A number such as `800 123 456` is known for what it is.
fn has_lost_zero(found: &Found, digits: &Digits, region: Region) -> bool {
    const USUAL: usize = 9;
    matches!(region.calling_code(), 39 | 241)
        && matches!(
            found.kind,
            PhoneNumberType::FixedLine
                | PhoneNumberType::Mobile
                | PhoneNumberType::FixedLineOrMobile
        )
        && digits.without_plus().len() <= USUAL
        && !begins_with_zero(digits)
        && look_up(&digits.behind_zero(), Some(region), None)
            .is_ok_and(|other| other.number != found.number)
}

/// Asks the library. Only a valid number is found.
fn look_up(
    digits: &Digits,
    region: Option<Region>,
    country: Option<Region>,
) -> Result<Found, Refusal> {
    guard::quietly(|| {
        let parsed = parse(digits, region).map_err(|error| unparsable(&error))?;
        let calling_code =
            u16::try_from(parsed.country_code).map_err(|_| Refusal::UnknownCallingCode)?;
        if country.is_some_and(|country| country.calling_code() != calling_code) {
            return Err(Refusal::CountryMismatch);
        }
        let number = e164(&parsed).ok_or(Refusal::PhoneTooLong)?;
        let full = Digits::of(number.0);
        let recovered = rewritten(digits, &full, calling_code, region);
        if is_too_long(digits, &full, recovered) {
            return Err(Refusal::PhoneTooLong);
        }
        // The type is unknown exactly when the number is invalid for its region: one question answers both.
        let kind = PHONE_NUMBER_UTIL.get_number_type(&parsed);
        if kind == PhoneNumberType::Unknown {
            return Err(invalid(&parsed));
        }
        Ok(Found {
            number,
            full,
            calling_code,
            kind,
            recovered,
        })
    })
    .unwrap_or(Err(Refusal::NotANumber))
}

/// More digits than a number has are too many even where a plan would drop some of them, unless they are dialled before
/// the country code.
fn is_too_long(digits: &Digits, full: &Digits, recovered: Recoveries) -> bool {
    let cell = digits.without_plus();
    cell.len() > LONGEST as usize
        && !(recovered.contains(Recovery::InternationalPrefix)
            && cell.ends_with(full.without_plus()))
}

fn parse(digits: &Digits, region: Option<Region>) -> Result<PhoneNumber, ParseError> {
    plain(digits).map_or_else(
        || PHONE_NUMBER_UTIL.parse(&digits[..], region.map(Region::plan)),
        Ok,
    )
}

/// Calling codes whose plans know no prefix for calls within the country, or only one that begins with `0` or `1`,
/// and rewrite nothing else.
const PLAIN_CODES: [&[u8]; 12] = [
    b"1", b"27", b"33", b"34", b"44", b"49", b"65", b"91", b"92", b"94", b"880", b"971",
];

/// What the library parses such digits to, without asking it: in these plans there is nothing to take off a `+`
/// number but the calling code. Parsing is most of what a cell costs.
fn plain(digits: &Digits) -> Option<PhoneNumber> {
    if !digits.has_plus() {
        return None;
    }
    let (code, national) = split(digits.without_plus());
    if !PLAIN_CODES.contains(&code)
        || !matches!(national, [b'2'..=b'9', ..])
        || !(7..=12).contains(&national.len())
    {
        return None;
    }
    Some(PhoneNumber {
        country_code: i32::try_from(value(code)).ok()?,
        national_number: value(national),
        ..PhoneNumber::default()
    })
}

fn value(digits: &[u8]) -> u64 {
    digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}

fn unparsable(error: &ParseError) -> Refusal {
    match error {
        ParseError::InvalidCountryCode => Refusal::UnknownCallingCode,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => Refusal::PhoneTooShort,
        ParseError::TooLongNsn => Refusal::PhoneTooLong,
        ParseError::NotANumber(_) => Refusal::NotANumber,
    }
}

/// Why the library holds a number for invalid. Its special numbers make many lengths possible in a plan, so a
/// possible length is compared with those of ordinary lines too: an Indian number of nine digits is one short.
fn invalid(number: &PhoneNumber) -> Refusal {
    let reason = match PHONE_NUMBER_UTIL.is_possible_number_with_reason(number) {
        Ok(NumberLengthType::IsPossible) => {
            let lines = PhoneNumberType::FixedLineOrMobile;
            match PHONE_NUMBER_UTIL.is_possible_number_for_type_with_reason(number, lines) {
                Err(ValidationError::InvalidLength) => return Refusal::NoSuchNumber,
                reason => reason,
            }
        }
        reason => reason,
    };
    match reason {
        Ok(NumberLengthType::IsPossible) => Refusal::NoSuchNumber,
        Ok(NumberLengthType::IsPossibleLocalOnly) => Refusal::AreaCodeMissing,
        Err(ValidationError::InvalidCountryCode) => Refusal::UnknownCallingCode,
        Err(ValidationError::TooShort) => Refusal::PhoneTooShort,
        Err(ValidationError::InvalidLength) => Refusal::WrongLength,
        Err(ValidationError::TooLong) => Refusal::PhoneTooLong,
    }
}

/// Nothing above E.164's fifteen digits, which a few plans exceed.
fn e164(number: &PhoneNumber) -> Option<E164> {
    let leading = if number.italian_leading_zero() {
        u32::try_from(number.number_of_leading_zeros()).ok()?
    } else {
        0
    };
    let code = u64::try_from(number.country_code).ok()?;
    let national_length = leading + length(number.national_number);
    (length(code) + national_length <= LONGEST)
        .then(|| E164(code * 10_u64.pow(national_length) + number.national_number))
}

/// What became of the digits on their way into the number.
fn rewritten(
    digits: &Digits,
    full: &Digits,
    calling_code: u16,
    region: Option<Region>,
) -> Recoveries {
    let mut recovered = Recoveries::NONE;
    let (code, national) = split(full.without_plus());
    let cell = digits.without_plus();
    let Some(region) = region else {
        if cell != full.without_plus() {
            recovered.insert(if cell.ends_with(national) {
                Recovery::TrunkPrefix
            } else {
                Recovery::NationalRule
            });
        }
        return recovered;
    };
    if region.calling_code() != calling_code {
        recovered.insert(Recovery::InternationalPrefix);
        return recovered;
    }
    let Some(prefix) = cell.strip_suffix(national) else {
        recovered.insert(Recovery::NationalRule);
        return recovered;
    };
    if prefix == code {
        recovered.insert(Recovery::BareCallingCode);
    } else if prefix.starts_with(code) {
        recovered.insert(Recovery::BareCallingCode);
        recovered.insert(Recovery::TrunkPrefix);
    } else if prefix.ends_with(code) {
        recovered.insert(Recovery::InternationalPrefix);
    } else if !prefix.is_empty() {
        recovered.insert(Recovery::TrunkPrefix);
    }
    recovered
}

/// A number that would be read as another one when it is met again is not to be relied on.
fn refuse_unstable(digits: &Digits, found: &Found) -> Result<(), Refusal> {
    let full = &found.full;
    if digits[..] == full[..] {
        return Ok(());
    }
    // Parsed to the same number it has the same type, so that need not be asked again.
    let same = guard::quietly(|| parse(full, None).ok().and_then(|parsed| e164(&parsed)));
    if same == Some(Some(found.number)) {
        Ok(())
    } else {
        Err(Refusal::Ambiguous)
    }
}

fn refuse_stand_ins(digits: &[u8]) -> Result<(), Refusal> {
    let Some(first) = digits.first() else {
        return Err(Refusal::NotANumber);
    };
    let alike = digits.iter().all(|digit| digit == first);
    let counting = b"123456789012345".starts_with(digits) || b"0123456789".starts_with(digits);
    if digits.len() >= SHORTEST_STAND_IN && (alike || counting)
        || LARGEST_INTEGERS.contains(&digits)
    {
        return Err(Refusal::Placeholder);
    }
    if digits.ends_with(SUSPECT_ZEROS) {
        Err(Refusal::SuspectRounded)
    } else {
        Ok(())
    }
}

/// The calling code, and what follows it.
fn split(digits: &[u8]) -> (&[u8], &[u8]) {
    digits.split_at(calling_code(digits).len())
}

/// The calling code that an international number begins with. No code is the beginning of another, and the ITU's
/// list of those with one and two digits is closed.
pub(super) fn calling_code(digits: &[u8]) -> &[u8] {
    let length = match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    };
    &digits[..length.min(digits.len())]
}

/// How many digits it is written with.
fn length(value: u64) -> u32 {
    value.checked_ilog10().map_or(1, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calling_codes_are_told_apart_without_asking_the_library() {
        for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
            let digits = format!("{code}5555555");
            assert_eq!(calling_code(digits.as_bytes()), code.to_string().as_bytes());
        }
    }

    fn international(number: &str) -> Digits {
        let mut digits = Digits::new(true);
        assert!(number.bytes().all(|digit| digits.push(digit)), "{number}");
        digits
    }

    /// A ninth of all beginnings of five digits, in every length.
    #[test]
    fn plain_digits_are_what_the_library_parses_them_to() {
        for code in PLAIN_CODES.map(String::from_utf8_lossy) {
            for start in (20_000..100_000_u64).step_by(9) {
                for length in 7..=12 {
                    // Ends that differ from start to start, so that longer beginnings have their turn too.
                    let end = start * 7_654_321_987 % 10_u64.pow(length - 5);
                    let national = start * 10_u64.pow(length - 5) + end;
                    let digits = international(&format!("{code}{national}"));
                    assert_eq!(
                        plain(&digits),
                        PHONE_NUMBER_UTIL.parse(&digits[..], None).ok(),
                        "{}",
                        &*digits
                    );
                }
            }
        }
    }

    #[test]
    fn digits_that_may_be_rewritten_are_left_to_the_library() {
        for number in [
            "0919876543210",
            "9109876543210",
            "9119876543210",
            "5491112345678",
            "390612345678",
            "91987654",
            "919876543210123",
        ] {
            assert_eq!(plain(&international(number)), None, "{number}");
        }
        let mut national = Digits::new(false);
        assert!(b"919876543210".iter().all(|digit| national.push(*digit)));
        assert_eq!(plain(&national), None);
    }
}
