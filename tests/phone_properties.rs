//! What holds for every cell, whatever is in it.

use leadfix::phone::{AllowedTypes, Recoveries, Region, Rules, normalise, normalise_again};
use proptest::prelude::*;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberType, Region as LibraryRegion};

/// Cells as people and programs have them: pieces that mean something, in any order.
fn cell() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[0-9]{1,12}",
        1 => Just("+91".to_owned()),
        1 => "\\+[1-9][0-9]{0,2}",
        2 => "[-. ()/]",
        1 => "[0-9]{1,3}(,[0-9]{3}){1,4}",
        1 => prop::sample::select(vec![
            "tel:", "(home)", "ext. ", "x", "X", "E+11", ".0", "=\"", "\"", "'", "00", "(0)", ";", ", ", " or ", "#", "*",
            "\u{200b}", "\u{a0}", "९", "９", "٩", "²", "…", ";phone-context=", ";isub=", "-", "\n", "O",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn region() -> impl Strategy<Value = Option<Region>> {
    prop::sample::select(vec![
        "", "IN", "US", "DE", "IT", "AR", "MX", "BR", "KR", "AU", "SG", "RU", "GB", "AT",
    ])
    .prop_map(|text| text.parse().ok())
}

/// A region, and digits that begin like a number of it, with their calling code.
fn international() -> impl Strategy<Value = (Region, String)> {
    let mut regions: Vec<LibraryRegion> = PHONE_NUMBER_UTIL.get_supported_regions().collect();
    regions.sort_by_key(ToString::to_string);
    let kinds = vec![PhoneNumberType::FixedLine, PhoneNumberType::Mobile];
    let pieces = (
        prop::sample::select(regions),
        prop::sample::select(kinds),
        0..8_usize,
        "[0-9]{7}",
    );
    pieces.prop_map(|(plan, kind, kept, end)| {
        let region: Region = plan.to_string().parse().expect("a region");
        let example = PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(plan, kind);
        let example = example.map_or_else(|_| String::new(), |example| example.to_string());
        let length = example.len().saturating_sub(1);
        let kept = (region.calling_code().to_string().len() + kept).min(length);
        let end = &end[..end.len().min(length - kept)];
        (
            region,
            example
                .chars()
                .skip(1)
                .take(length - end.len())
                .chain(end.chars())
                .collect(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cell_is_refused_or_a_valid_number_that_stays_itself(
        cell in cell(), country in region(), other_country in region(), default_region in region()
    ) {
        let rules = Rules { default_region, allowed_types: AllowedTypes::ALL };
        let read = normalise(&cell, country, &rules);
        let found = read.ok().map(|read| read.number.digits());
        prop_assert_eq!(normalise_again(&cell, country, &rules, found), read);
        if let Ok(read) = read {
            let text = read.number.to_string();
            prop_assert!(text.len() <= 16 && text.starts_with('+'), "{text}");
            let parsed = PHONE_NUMBER_UTIL.parse(&text, None).expect("the library parses what it found");
            prop_assert!(PHONE_NUMBER_UTIL.is_valid_number(&parsed), "{text}");
            prop_assert_eq!(parsed.to_string(), text.clone());
            let again = normalise(&text, country, &rules).expect("its own output is read");
            prop_assert_eq!(normalise_again(&text, country, &rules, found), Ok(again));
            prop_assert_eq!(
                normalise_again(&text, other_country, &rules, found),
                normalise(&text, other_country, &rules)
            );
            prop_assert_eq!(again.number, read.number);
            prop_assert_eq!(again.recovered, Recoveries::NONE);
            prop_assert_eq!(text.parse(), Ok(read.number));
            prop_assert_eq!(u64::from(read.number.calling_code()), u64::try_from(parsed.country_code).expect("a code"));
        }
    }

    #[test]
    fn a_number_without_its_plus_is_itself_or_refused((region, digits) in international()) {
        let rules = Rules { default_region: Some(region), allowed_types: AllowedTypes::ALL };
        let number = normalise(&format!("+{digits}"), None, &rules);
        if let (Ok(number), Ok(bare)) = (number, normalise(&digits, None, &rules)) {
            prop_assert_eq!(bare.number, number.number, "{}", region);
        }
    }

    #[test]
    fn no_text_makes_it_panic(cell in any::<String>(), country in region(), default_region in region()) {
        let rules = Rules { default_region, allowed_types: AllowedTypes::default() };
        let _ = normalise(&cell, country, &rules);
        leadfix::alarm::ColumnHealth::new().observe(&cell);
    }
}
