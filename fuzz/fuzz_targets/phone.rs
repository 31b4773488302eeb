//! Whatever is in a cell, it is refused or read as a number that the library holds for valid, in E.164 of at most
//! 15 digits; and reading that number again changes nothing. A panic anywhere ends the run, except inside the
//! guard around the library, which is counted as a refusal like any other.
#![no_main]

use leadfix::phone::{AllowedTypes, Recoveries, Region, Rules, normalise};
use libfuzzer_sys::fuzz_target;
use rlibphonenumber::PHONE_NUMBER_UTIL;

const REGIONS: [&str; 16] = [
    "IN", "US", "DE", "GB", "AR", "MX", "BR", "IT", "KR", "AU", "RU", "SG", "AT", "JP", "FI", "CI",
];

// Two bytes choose the row's country and the default region; the rest is the cell.
fuzz_target!(|input: &[u8]| {
    let [country, default_region, cell @ ..] = input else {
        return;
    };
    let Ok(cell) = std::str::from_utf8(cell) else {
        return;
    };
    let rules = Rules {
        default_region: region(*default_region),
        allowed_types: AllowedTypes::ALL,
    };
    leadfix::alarm::ColumnHealth::new().observe(cell);
    let Ok(read) = normalise(cell, region(*country), &rules) else {
        return;
    };

    let text = read.number.to_string();
    assert!(
        text.len() <= 16
            && text.starts_with('+')
            && text[1..].bytes().all(|byte| byte.is_ascii_digit())
    );
    let parsed = PHONE_NUMBER_UTIL
        .parse(&text, None)
        .expect("the library parses what it found");
    assert!(PHONE_NUMBER_UTIL.is_valid_number(&parsed));
    assert_eq!(parsed.to_string(), text);

    let again = normalise(&text, region(*country), &rules).expect("its own output is read");
    assert_eq!(again.number, read.number);
    assert_eq!(again.recovered, Recoveries::NONE);
    assert!(!again.region_assumed);
    assert_eq!(text.parse(), Ok(read.number));
});

fn region(choice: u8) -> Option<Region> {
    REGIONS.get(usize::from(choice) % 24)?.parse().ok()
}
