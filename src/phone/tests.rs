//! The module from outside: one table of what must never be sent, one of what must be read.

use super::*;
use Recovery::{
    BareCallingCode, DecimalZeros, DigitGrouping, Extension, FormulaText, InternationalPrefix,
    InvisibleMarks, Label, NationalRule, OtherScript, PlusBehind, Quotes, ScientificNotation,
    StrayPunctuation, TrunkPrefix, UnusualSpaces, ZeroBeforeCallingCode,
};

fn region(text: &str) -> Option<Region> {
    (!text.is_empty()).then(|| text.parse().expect(text))
}

fn india() -> Rules {
    Rules {
        default_region: region("IN"),
        allowed_types: AllowedTypes::default(),
    }
}

fn assuming(default_region: &str) -> Rules {
    Rules {
        default_region: region(default_region),
        ..india()
    }
}

/// What the cell is, as text: the number, or the code of the refusal.
fn said(cell: &str, country: &str, rules: &Rules) -> String {
    match normalise(cell, region(country), rules) {
        Ok(read) => read.number.to_string(),
        Err(refusal) => refusal.code().to_owned(),
    }
}

/// The cell, the row's country (else `--region IN`), the reason.
const REFUSED: &[(&str, &str, &str)] = &[
    // Digits hidden.
    ("98765XXXXX", "", "masked"),
    ("+91-XXXXXX3210", "", "masked"),
    ("98765xxxxx", "", "masked"),
    ("******3210", "", "masked"),
    ("98765•••••", "", "masked"),
    ("98765…", "", "masked"),
    ("98765...", "", "masked"),
    ("030 12345..", "DE", "masked"),
    ("030..12345", "DE", "masked"),
    ("030 12345. .", "DE", "masked"),
    ("030 12345()", "DE", "masked"),
    ("030 12345 [ ]", "DE", "masked"),
    ("01 23052415..", "AT", "masked"),
    ("+49 30 ----12345", "", "masked"),
    ("98765#####", "", "masked"),
    ("98765_____", "", "masked"),
    ("98765?????", "", "masked"),
    ("9876x43210", "", "masked"),
    ("+49 30 12345x78", "", "masked"),
    ("030 12345 x", "DE", "masked"),
    ("650-253-0000x", "US", "masked"),
    ("XXXXXXXXXX", "", "masked"),
    ("98765ＸＸＸＸＸ", "", "masked"),
    ("XXXXXX3210 (home)", "", "masked"),
    ("98765 x12", "", "masked"),
    ("98765#43210 x12", "", "masked"),
    ("20XX-01-15", "", "masked"),
    ("***", "", "unexpected_character"),
    // Computed.
    ("-9876543119", "", "spreadsheet_formula"),
    ("−9876543119", "", "spreadsheet_formula"),
    ("-9876543119.0", "", "spreadsheet_formula"),
    ("-9.876543119E+9", "", "spreadsheet_formula"),
    ("'-9876543119", "", "spreadsheet_formula"),
    ("tel: -9876543119", "", "spreadsheet_formula"),
    ("(9876543119)", "", "spreadsheet_formula"),
    ("(9,876,543,119)", "", "spreadsheet_formula"),
    ("9876543119-", "", "spreadsheet_formula"),
    ("=+91-9876543210", "", "spreadsheet_formula"),
    ("=9876543210", "", "spreadsheet_formula"),
    ("=HYPERLINK(\"tel:9876543210\")", "", "spreadsheet_formula"),
    ("#REF!", "", "spreadsheet_formula"),
    ("#N/A", "", "spreadsheet_formula"),
    // Digits gone.
    ("9.19877E+11", "", "digits_lost"),
    ("9,19877E+11", "", "digits_lost"),
    ("9.87654321E9", "", "digits_lost"),
    ("9.19877e11", "", "digits_lost"),
    ("9.1E-5", "", "digits_lost"),
    ("########", "", "digits_lost"),
    ("#", "", "unexpected_character"),
    ("9876543210.5", "", "not_whole"),
    ("1650253.1234", "US", "not_whole"),
    ("9876543210,5", "", "not_whole"),
    // The zeros may be a branch line.
    ("030.123456.0", "DE", "ambiguous"),
    ("030.12345.00", "DE", "ambiguous"),
    ("+49.30.1234567.00", "", "ambiguous"),
    // Rounded.
    ("919877000000", "", "suspect_rounded"),
    ("+919877000000", "", "suspect_rounded"),
    ("919877000000.0", "", "suspect_rounded"),
    ("9.19877000000E+11", "", "suspect_rounded"),
    ("+91 98770 00000", "", "suspect_rounded"),
    ("9876500000", "", "suspect_rounded"),
    // Stand-ins.
    ("2147483647", "", "placeholder"),
    ("4294967295", "", "placeholder"),
    ("+1 214-748-3647", "", "placeholder"),
    ("+912147483647", "", "placeholder"),
    ("2147483647", "US", "placeholder"),
    ("9999999999", "", "placeholder"),
    ("+919999999999", "", "placeholder"),
    ("0000000000", "", "placeholder"),
    ("1234567890", "", "placeholder"),
    ("+1 234 567 8901", "", "placeholder"),
    ("N/A", "", "placeholder"),
    ("null", "", "placeholder"),
    ("-", "", "placeholder"),
    ("nan", "", "placeholder"),
    // Several.
    ("9876543210;9123456780", "", "several_numbers"),
    ("9876543210 / 9123456780", "", "several_numbers"),
    ("9876543210/9123456780", "", "several_numbers"),
    ("9876543210 or 9123456780", "", "several_numbers"),
    ("9876543210, 9123456780", "", "several_numbers"),
    ("9876543210,9123456780", "", "several_numbers"),
    ("9876543210 | 9123456780", "", "several_numbers"),
    ("9876543210 & 9123456780", "", "several_numbers"),
    ("9876543210\n9123456780", "", "several_numbers"),
    ("9876543210\t9123456780", "", "several_numbers"),
    ("9876543210 9123456780", "", "several_numbers"),
    ("+919876543210 +919123456780", "", "several_numbers"),
    ("+919876543210+919123456780", "", "several_numbers"),
    ("M: 9876543210 H: 022 23456789", "", "several_numbers"),
    ("9876543210x9123456780", "", "several_numbers"),
    ("9876543210 ext 9123456780", "", "several_numbers"),
    ("022-23456789/90", "", "several_numbers"),
    ("9876543210/9123456780/9876543211", "", "several_numbers"),
    ("+919876543210/9123456780", "", "several_numbers"),
    ("022-23456789/23456790", "", "several_numbers"),
    ("022-23456789,90", "", "several_numbers"),
    ("1234567/8901", "DE", "several_numbers"),
    ("030 123456/78", "DE", "several_numbers"),
    ("+49 30 123456/57", "", "several_numbers"),
    ("0049 30 123456/57", "", "several_numbers"),
    ("0049 30 123456/1234567", "", "several_numbers"),
    ("98765432,1234567", "", "several_numbers"),
    ("022-23456789，90", "", "several_numbers"),
    ("9876543210；9123456780", "", "several_numbers"),
    ("022-23456789 x1234567", "", "several_numbers"),
    ("98765/432", "", "several_numbers"),
    ("1234567 12345678", "", "phone_too_long"),
    ("1234567890123456 78", "", "phone_too_long"),
    ("12345678901234567 8", "", "phone_too_long"),
    ("9876543210,(", "", "unexpected_character"),
    ("98765,43210", "", "unexpected_character"),
    ("98765,43210,00", "", "unexpected_character"),
    ("9,876,5 3,210", "", "unexpected_character"),
    // Letters and other signs.
    ("98765 4321O", "", "letters"),
    ("O9876543210", "", "letters"),
    ("98765l3210", "", "letters"),
    ("9876543210 fax", "", "letters"),
    ("+49 30 123456 (Frau Meier)", "", "letters"),
    ("1-800-FLOWERS", "US", "letters"),
    ("call me", "", "letters"),
    ("98765@43210", "", "unexpected_character"),
    ("98765²43210", "", "unexpected_character"),
    ("9876\u{0}543210", "", "unexpected_character"),
    ("📞9876543210", "", "unexpected_character"),
    ("9876+543210", "", "unexpected_character"),
    ("98765 43210+", "", "unexpected_character"),
    ("+966501234567+", "", "unexpected_character"),
    ("9876543210+", "", "ambiguous"),
    ("98765~43210", "", "unexpected_character"),
    // Dates.
    ("2024-01-15", "", "date"),
    ("2024-01-15", "NO", "date"),
    ("15/01/2024", "", "date"),
    ("2024-01-15 00:00:00", "", "date"),
    ("15-Jan-2024", "", "date"),
    ("12-31-2024", "", "date"),
    ("31-12-24", "", "date"),
    ("12-31-24", "", "date"),
    // Nor are these dates.
    ("2024-99-15", "", "area_code_missing"),
    ("2024-01-99", "", "area_code_missing"),
    ("99-12-2024", "", "area_code_missing"),
    ("12-99-2024", "", "area_code_missing"),
    ("99-99-2024", "", "area_code_missing"),
    ("99-99-24", "", "area_code_missing"),
    ("12-99-24", "", "area_code_missing"),
    ("99-12-24", "", "area_code_missing"),
    ("98-12-12", "", "area_code_missing"),
    ("123-12-24", "", "area_code_missing"),
    ("12-123-24", "", "area_code_missing"),
    ("12-12-245", "", "area_code_missing"),
    ("15-01-1899", "", "area_code_missing"),
    ("123-01-15", "", "area_code_missing"),
    ("2024-012-15", "", "phone_too_short"),
    ("12-12-9", "", "phone_too_short"),
    ("12-12-2x", "", "masked"),
    // Telephone links.
    ("9876543210;phone-context=+91", "", "tel_parameter"),
    ("9876543210;phone-context=+91;tel:", "", "tel_parameter"),
    ("tel:9876543210;phone-context=+91", "", "tel_parameter"),
    ("9876543210;isub=12", "", "tel_parameter"),
    ("9876543210;PHONE-CONTEXT=+91", "", "tel_parameter"),
    // Length and plan.
    ("1234567890123456", "DE", "phone_too_long"),
    ("+4912345678901234", "", "phone_too_long"),
    ("+49123456789012345", "", "phone_too_long"),
    ("98765432109876543210", "", "phone_too_long"),
    ("98765432101", "", "phone_too_long"),
    ("01 650 253 0000", "US", "phone_too_long"),
    ("987654321", "", "phone_too_short"),
    ("+1 123 253 1234", "", "no_such_number"),
    ("+41 44 668 18001", "", "wrong_length"),
    ("23456789", "", "area_code_missing"),
    ("+999123456789", "", "unknown_calling_code"),
    ("+0919876543210", "", "unknown_calling_code"),
    ("0099912345678", "", "unknown_calling_code"),
    ("253-0000", "US", "area_code_missing"),
    ("253-0000 x12", "US", "area_code_missing"),
    ("(0)22 1234567", "PL", "phone_too_long"),
    // Order of trust.
    ("+6591234567", "IN", "country_mismatch"),
    ("006591234567", "IN", "country_mismatch"),
    ("011 91 98765 43210", "US", "country_mismatch"),
    ("0011 44 20 7946 0958", "AU", "country_mismatch"),
    ("+6.591234567E+9", "", "ambiguous"),
    ("+6,591,234,567", "", "ambiguous"),
    ("+6.591234567E+9", "IN", "country_mismatch"),
    ("0011 65 9823 4567", "AU", "ambiguous"),
    ("015123456748", "VC", "phone_too_long"),
    // A country code, or an area code of the same digits.
    ("491711234567", "DE", "ambiguous"),
    ("4915112345678", "DE", "ambiguous"),
    ("492111234567", "DE", "ambiguous"),
    ("49 171 1234567", "DE", "ambiguous"),
    ("4917112345678.0", "DE", "ambiguous"),
    ("4.917112345678E+12", "DE", "ambiguous"),
    ("049 171 1234567", "DE", "ambiguous"),
    ("049 211 123456", "DE", "ambiguous"),
    ("049-211-123456", "DE", "ambiguous"),
    ("(049) 211 123456", "DE", "ambiguous"),
    ("062 21 5772327", "ID", "ambiguous"),
    ("0383 28 011 344", "XK", "ambiguous"),
    ("0358-41-2134", "FI", "ambiguous"),
    ("046 90 123 45", "SE", "ambiguous"),
    ("039 06 69811", "VA", "ambiguous"),
    ("62211234567", "ID", "ambiguous"),
    ("62812345678", "ID", "ambiguous"),
    ("38344123456", "XK", "ambiguous"),
    ("3902123456", "IT", "ambiguous"),
    // Kinds.
    ("+449098790000", "", "number_type"),
    ("+447640123456", "", "number_type"),
    // Nothing.
    ("", "", "empty"),
    (" \u{200b} ", "", "empty"),
    ("''", "", "empty"),
    ("()", "", "not_a_number"),
    ("+", "", "not_a_number"),
    ("mobile:", "", "not_a_number"),
    // Computed, dates and fractions behind something else.
    ("(-9876543119)", "", "spreadsheet_formula"),
    ("[-9876543120]", "", "spreadsheet_formula"),
    ("( -9876543119)", "", "spreadsheet_formula"),
    (".-9876543119", "", "spreadsheet_formula"),
    ("( 9876543119 )", "", "spreadsheet_formula"),
    ("(9.876543119E+9)", "", "spreadsheet_formula"),
    ("(=9876543119)", "", "spreadsheet_formula"),
    ("\u{ad}9876543119", "", "spreadsheet_formula"),
    ("(2024-01-15)", "", "date"),
    ("2024-01-15.0", "", "date"),
    ("15-01-2024 x12", "", "date"),
    // More zeros behind the point.
    ("+49 30 1234567.000", "", "ambiguous"),
    ("+49 30 123456.0000", "", "ambiguous"),
    // Longer than any number, though the plan would drop some of it.
    ("+352158845814579329", "", "phone_too_long"),
    ("+861268643537103663", "", "phone_too_long"),
    ("861268643537103663", "CN", "phone_too_long"),
    ("+4305526388051322", "", "phone_too_long"),
    // Numbered.
    ("Tel 2 0171 1234567", "DE", "ambiguous"),
    ("2) 0171 1234567", "DE", "ambiguous"),
    ("(2) 030 1234567", "DE", "ambiguous"),
    ("2. 030 1234567", "DE", "ambiguous"),
    ("2 - 030 1234567", "DE", "ambiguous"),
    ("2-0171 1234567", "DE", "ambiguous"),
    ("2.0171 1234567", "DE", "ambiguous"),
    ("5. 850303", "SO", "ambiguous"),
    ("0171 1234567 (2)", "DE", "ambiguous"),
    ("0171 1234567 [2]", "DE", "ambiguous"),
    ("0171 1234567 2)", "DE", "ambiguous"),
    ("0171 1234567 2.", "DE", "ambiguous"),
    ("0171 1234567 - 2", "DE", "ambiguous"),
    ("(021) 5772327 (2)", "ID", "ambiguous"),
    ("0664 123455 (2)", "AT", "ambiguous"),
    ("333 1234567 (2)", "IT", "ambiguous"),
    ("Tel 5 0664 123455", "AT", "ambiguous"),
    ("12) 0664 123455", "AT", "ambiguous"),
    ("Tel 4 621 123 456", "LU", "ambiguous"),
    ("Tel 2 03 209 6055", "NZ", "ambiguous"),
    ("Tel 1 022 12710", "IE", "ambiguous"),
    // A zero may be lost in front.
    ("332123456", "IT", "ambiguous"),
    ("6071721", "GA", "ambiguous"),
    ("49(0)171 1234567", "DE", "ambiguous"),
    // Not to be called.
    ("9876543210 - NO", "", "letters"),
    ("9876543210 off", "", "letters"),
    ("(no) 9876543210", "", "letters"),
    ("no, 9876543210", "", "letters"),
    ("no / 9876543210", "", "letters"),
    ("9876543210 (off)", "", "letters"),
    ("9876543210 no.", "", "letters"),
];

#[test]
fn what_must_never_be_sent_is_refused() {
    let mut wrong = Vec::new();
    for &(cell, country, code) in REFUSED {
        let said = said(cell, country, &india());
        if said != code {
            wrong.push(format!("{cell:?} in {country:?}: {said}, not {code}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

const MOBILE: &str = "+919876543210";

/// The cell, the row's country (else `--region IN`), the number, what is recovered.
const READ: &[(&str, &str, &str, &[Recovery])] = &[
    ("9876543210", "", MOBILE, &[]),
    ("+919876543210", "", MOBILE, &[]),
    ("+91 98765 43210", "", MOBILE, &[]),
    ("+91-98765-43210", "", MOBILE, &[]),
    ("(+91) 98765.43210", "", MOBILE, &[]),
    ("98765/43210", "", MOBILE, &[]),
    ("++91 9876543210", "", MOBILE, &[]),
    ("'9876543210", "", MOBILE, &[Quotes]),
    ("’9876543210", "", MOBILE, &[Quotes]),
    ("\"+919876543210\"", "", MOBILE, &[Quotes]),
    ("=\"+919876543210\"", "", MOBILE, &[FormulaText]),
    ("=\"9876543210\"", "", MOBILE, &[FormulaText]),
    ("9876543210.0", "", MOBILE, &[DecimalZeros]),
    ("9876543210,00", "", MOBILE, &[DecimalZeros]),
    (
        "919876543210.0",
        "",
        MOBILE,
        &[DecimalZeros, BareCallingCode],
    ),
    ("+49 30 1234567.0", "", "+49301234567", &[DecimalZeros]),
    ("+49 30 1234567.00", "", "+49301234567", &[DecimalZeros]),
    (
        "9.19876543210E+11",
        "",
        MOBILE,
        &[ScientificNotation, BareCallingCode],
    ),
    ("9.876543210E9", "", MOBILE, &[ScientificNotation]),
    ("9,876543210e+09", "", MOBILE, &[ScientificNotation]),
    ("9,876,543,210", "", MOBILE, &[DigitGrouping]),
    ("98,76,54,3210", "", MOBILE, &[DigitGrouping]),
    ("9,87,65,43,210", "", MOBILE, &[DigitGrouping]),
    (
        "9,876,543,210.00",
        "",
        MOBILE,
        &[DecimalZeros, DigitGrouping],
    ),
    ("98\u{200b}765\u{200e}43210", "", MOBILE, &[InvisibleMarks]),
    (
        "\u{202a}+919876543210\u{202c}",
        "",
        MOBILE,
        &[InvisibleMarks],
    ),
    ("\u{feff}9876543210", "", MOBILE, &[InvisibleMarks]),
    ("98765\u{a0}43210", "", MOBILE, &[UnusualSpaces]),
    ("98765\u{2009}43210", "", MOBILE, &[UnusualSpaces]),
    ("９８７６５４３２１０", "", MOBILE, &[OtherScript]),
    ("＋９１９８７６５４３２１０", "", MOBILE, &[OtherScript]),
    ("९८७६५४३२१०", "", MOBILE, &[OtherScript]),
    ("৯৮৭৬৫৪৩২১০", "", MOBILE, &[OtherScript]),
    (
        "［022］23456789",
        "",
        "+912223456789",
        &[OtherScript, TrunkPrefix],
    ),
    ("98765．43210", "", MOBILE, &[OtherScript]),
    ("98765／43210", "", MOBILE, &[OtherScript]),
    ("Mobile： 98765 43210", "", MOBILE, &[OtherScript, Label]),
    ("“9876543210”", "", MOBILE, &[Quotes]),
    ("(mob.) 98765 43210", "", MOBILE, &[Label]),
    ("मोबाइल: 98765 43210", "", MOBILE, &[Label]),
    ("[M] 98765 43210", "", MOBILE, &[Label]),
    ("<home> 98765 43210", "", MOBILE, &[Label]),
    ("{home} 98765 43210", "", MOBILE, &[Label]),
    ("98765 43210 [home]", "", MOBILE, &[Label]),
    ("98765 43210 <home>", "", MOBILE, &[Label]),
    ("98765 43210 {home}", "", MOBILE, &[Label]),
    ("98765.43210.00", "", MOBILE, &[DecimalZeros]),
    ("2024-12-3456", "", "+912024123456", &[]),
    (
        "022-23456789,,12",
        "",
        "+912223456789",
        &[TrunkPrefix, Extension],
    ),
    (
        "022-23456789 x123456",
        "",
        "+912223456789",
        &[TrunkPrefix, Extension],
    ),
    ("+49 30 12345 x78", "", "+493012345", &[Extension]),
    ("+49 30 12345ext78", "", "+493012345", &[Extension]),
    ("033701/12345", "DE", "+493370112345", &[TrunkPrefix]),
    ("033701/1234", "DE", "+49337011234", &[TrunkPrefix]),
    ("+48 (0)22 1234567", "", "+48221234567", &[]),
    ("٩٨٧٦٥٤٣٢١٠", "", MOBILE, &[OtherScript]),
    ("۹۸۷۶۵۴۳۲۱۰", "", MOBILE, &[OtherScript]),
    ("tel:9876543210", "", MOBILE, &[Label]),
    ("tel:+91-98765-43210", "", MOBILE, &[Label]),
    ("Mobile: 98765 43210", "", MOBILE, &[Label]),
    ("98765 43210 (M)", "", MOBILE, &[Label]),
    ("+49 30 123456 (home)", "", "+4930123456", &[Label]),
    ("9876543210,", "", MOBILE, &[StrayPunctuation]),
    ("9876543210.", "", MOBILE, &[StrayPunctuation]),
    ("9876543210/", "", MOBILE, &[StrayPunctuation]),
    (
        "030 1234567 /",
        "DE",
        "+49301234567",
        &[StrayPunctuation, TrunkPrefix],
    ),
    ("(09876543210)", "", MOBILE, &[TrunkPrefix]),
    ("090ｰ1234ｰ5678", "JP", "+819012345678", &[TrunkPrefix]),
    ("00919876543210", "", MOBILE, &[InternationalPrefix]),
    ("0091 98765 43210", "US", "country_mismatch", &[]),
    ("0091 98765 43210", "IN", MOBILE, &[InternationalPrefix]),
    ("+91 (0) 9876543210", "", MOBILE, &[TrunkPrefix]),
    ("+44 (0)20 7946 0958", "", "+442079460958", &[TrunkPrefix]),
    ("+39 (0)2 12345678", "", "+390212345678", &[]),
    ("09876543210", "", MOBILE, &[TrunkPrefix]),
    (
        "011 1 650 253 0000",
        "US",
        "+16502530000",
        &[InternationalPrefix],
    ),
    ("091-9876543210", "", MOBILE, &[ZeroBeforeCallingCode]),
    ("919876543210", "", MOBILE, &[BareCallingCode]),
    ("9198765432", "", "+919198765432", &[]),
    (
        "022-23456789 ext. 12",
        "",
        "+912223456789",
        &[TrunkPrefix, Extension],
    ),
    (
        "022-23456789 x12",
        "",
        "+912223456789",
        &[TrunkPrefix, Extension],
    ),
    ("(650) 253-0000 x123", "US", "+16502530000", &[Extension]),
    ("650-253-0000x123", "US", "+16502530000", &[Extension]),
    ("650-253-0000 x", "US", "+16502530000", &[Extension]),
    ("650-253-0000 ext", "US", "+16502530000", &[Extension]),
    (
        "650-253-0000 ext.",
        "US",
        "+16502530000",
        &[StrayPunctuation, Extension],
    ),
    (
        "tel:+1-650-253-0000;ext=123",
        "",
        "+16502530000",
        &[Label, Extension],
    ),
    ("0343 15 555 1212", "AR", "+5493435551212", &[NationalRule]),
    ("030/1234567", "DE", "+49301234567", &[TrunkPrefix]),
    ("+49 30/1234567", "", "+49301234567", &[]),
    (
        "0049 171/1234567",
        "DE",
        "+491711234567",
        &[InternationalPrefix],
    ),
    (
        "0043 664/1234567",
        "AT",
        "+436641234567",
        &[InternationalPrefix],
    ),
    (
        "0049 (0)33701/12345",
        "DE",
        "+493370112345",
        &[InternationalPrefix, TrunkPrefix],
    ),
    (
        "0044 (0)20/79460958",
        "GB",
        "+442079460958",
        &[InternationalPrefix, TrunkPrefix],
    ),
    (
        "0039 333/1234567",
        "IT",
        "+393331234567",
        &[InternationalPrefix],
    ),
    ("6591234567", "SG", "+6591234567", &[BareCallingCode]),
    ("966501234567+", "", "+966501234567", &[PlusBehind]),
    ("966501234567+", "SA", "+966501234567", &[PlusBehind]),
    (
        "٩٦٦٥٠١٢٣٤٥٦٧+",
        "",
        "+966501234567",
        &[OtherScript, PlusBehind],
    ),
    ("6591234567", "", "+916591234567", &[]),
    ("0065 9123 4567", "", "+6591234567", &[InternationalPrefix]),
    ("+6591234567", "", "+6591234567", &[]),
    ("+1 416 555 0123", "US", "+14165550123", &[]),
    ("04921 123456", "DE", "+494921123456", &[TrunkPrefix]),
    ("04 921 123456", "DE", "+494921123456", &[TrunkPrefix]),
    ("0171 1234567", "DE", "+491711234567", &[TrunkPrefix]),
    ("0171 1234567-2", "DE", "+4917112345672", &[TrunkPrefix]),
    ("9 11 5555-4321", "AR", "+5491155554321", &[]),
    ("(9) 11 5555-4321", "AR", "+5491155554321", &[]),
    ("9-11-5555-4321", "AR", "+5491155554321", &[]),
    ("9.11.5555.4321", "AR", "+5491155554321", &[]),
    ("9 351 423 4567", "AR", "+5493514234567", &[]),
    ("2 3345 6789", "EG", "+20233456789", &[]),
    ("(2) 3345 6789", "EG", "+20233456789", &[]),
    ("2-33456789", "EG", "+20233456789", &[]),
    ("2-2128-0896", "KR", "+82221280896", &[]),
    ("1-800-123-4567", "IN", "+9118001234567", &[]),
    ("1 800 123 4567", "IN", "+9118001234567", &[]),
    ("5 850303", "SO", "+2525850303", &[]),
    (
        "[0664 123456.0]",
        "AT",
        "+43664123456",
        &[DecimalZeros, TrunkPrefix],
    ),
    ("[98765 43210]", "", MOBILE, &[]),
    ("(022-23456789)", "", "+912223456789", &[TrunkPrefix]),
    ("98765\u{ad}43210", "", MOBILE, &[]),
    ("98765.43210.000", "", MOBILE, &[DecimalZeros]),
    ("98765 43210.000", "", MOBILE, &[DecimalZeros]),
    (
        "+49 30 1234567.0 ext. 12",
        "",
        "+49301234567",
        &[DecimalZeros, Extension],
    ),
    ("650.253.0000", "US", "+16502530000", &[]),
    ("01.44.55.66.00", "FR", "+33144556600", &[TrunkPrefix]),
    ("+43 1 230524--77", "", "+43123052477", &[]),
    ("1 650 253 0000", "US", "+16502530000", &[BareCallingCode]),
    ("8 495 123-45-67", "RU", "+74951234567", &[TrunkPrefix]),
    ("3331234567", "IT", "+393331234567", &[]),
    ("0332123456", "IT", "+390332123456", &[]),
    ("800 123 456", "IT", "+39800123456", &[]),
    ("800-050-707", "IT", "+39800050707", &[]),
    ("No. 98765 43210", "", MOBILE, &[Label]),
    ("no +91 98765 43210", "", MOBILE, &[Label]),
    ("(Off) 98765 43210", "", MOBILE, &[Label]),
];

#[test]
fn what_can_be_read_with_certainty_is_read() {
    for (cell, country, number, recovered) in READ {
        assert_eq!(
            said(cell, country, &india()),
            *number,
            "{cell:?} in {country:?}"
        );
        if let Ok(read) = normalise(cell, region(country), &india()) {
            let mut recovered = recovered.to_vec();
            recovered.sort();
            assert_eq!(
                read.recovered.iter().collect::<Vec<_>>(),
                recovered,
                "{cell:?} in {country:?}"
            );
        }
    }
}

#[test]
fn a_region_is_assumed_only_when_neither_cell_nor_row_names_one() {
    for (cell, country, assumed) in [
        ("9876543210", "", true),
        ("919876543210", "", true),
        ("9876543210", "IN", false),
        ("+919876543210", "", false),
        ("00919876543210", "", false),
    ] {
        let read = normalise(cell, region(country), &india()).expect(cell);
        assert_eq!(read.region_assumed, assumed, "{cell:?} in {country:?}");
    }
    assert_eq!(said("9876543210", "", &Rules::default()), "region_unknown");
    assert_eq!(
        said("+919876543210", "", &Rules::default()),
        "+919876543210"
    );
    assert_eq!(
        said("00919876543210", "", &Rules::default()),
        "+919876543210"
    );
}

#[test]
fn refused_kinds_can_be_allowed() {
    let rules = Rules {
        allowed_types: "premium_rate".parse().expect("a kind"),
        ..india()
    };
    assert_eq!(said("+449098790000", "", &rules), "+449098790000");
}

#[test]
fn what_is_dialled_before_a_country_code_is_no_part_of_a_number_s_length() {
    let said = said("0011 44 20 7946 0958", "", &assuming("AU"));
    assert_eq!(said, "+442079460958");
}

#[test]
fn a_plus_before_russia_s_trunk_prefix_leaves_two_numbers() {
    for (cell, region, country, expected) in [
        ("+8 (495) 123-45-67", "RU", "", "ambiguous"),
        ("+8 (863) 223-45-67", "RU", "", "ambiguous"),
        ("+84951234567", "KZ", "", "ambiguous"),
        ("0084951234567", "RU", "", "ambiguous"),
        ("+84951234567", "RU", "RU", "country_mismatch"),
        ("+84951234567", "RU", "VN", "+84951234567"),
        ("+84951234567", "IN", "", "+84951234567"),
        ("+84 24 3825 5678", "RU", "", "+842438255678"),
    ] {
        let said = said(cell, country, &assuming(region));
        assert_eq!(said, expected, "{cell:?} in {region}, {country:?}");
    }
    let rules = assuming("RU");
    assert_eq!(
        normalise_again("+84951234567", None, &rules, Some(84_951_234_567)),
        Err(Refusal::Ambiguous)
    );
}

#[test]
fn no_reading_counts_for_nothing_because_it_would_not_be_called() {
    for cell in [
        "+449,098,790,000",
        "+4.49098790000E+11",
        "+4.91711234567E+11",
    ] {
        assert_eq!(said(cell, "", &assuming("DE")), "ambiguous", "{cell:?}");
    }
    assert_eq!(said("1 900 253 0000", "", &assuming("US")), "number_type");
}

#[test]
fn brackets_beside_a_plus_hold_a_country_code_or_two_numbers_are_left() {
    for (cell, region, expected) in [
        ("+(646) 555-1234", "US", "ambiguous"),
        ("+ (646) 555-1234", "US", "ambiguous"),
        ("6465551234+", "US", "ambiguous"),
        ("+(0383) 28 011 344", "XK", "ambiguous"),
        ("+(269) 321-2345", "US", "ambiguous"),
        ("(+646) 555-1234", "US", "ambiguous"),
        ("[+646] 555-1234", "US", "ambiguous"),
        ("+[646] 555-1234", "US", "ambiguous"),
        ("(+507) 234-5678", "US", "ambiguous"),
        ("+646-555-1234", "US", "ambiguous"),
        ("+646.555.1234", "US", "ambiguous"),
        ("+415-555-2671", "US", "ambiguous"),
        ("+646-555-1234", "NZ", "+6465551234"),
        ("+646 555 1234", "US", "+6465551234"),
        ("+507-234-5678", "US", "+5072345678"),
        ("+(2) 9876 5432", "AU", "ambiguous"),
        ("(+2) 9876 5432", "AU", "ambiguous"),
        ("(+38) 380910216", "XK", "ambiguous"),
        ("(+377) 9012346", "IM", "ambiguous"),
        ("(+248) 8013531", "KN", "ambiguous"),
        ("(+49) 171 1234567", "DE", "+491711234567"),
        ("(+49 171) 1234567", "DE", "+491711234567"),
        ("+(49 171) 1234567", "DE", "+491711234567"),
        ("+(1) 646 555-1234", "US", "+16465551234"),
        ("+(1 646) 555-1234", "US", "+16465551234"),
        ("+(91) 98765 43210", "IN", MOBILE),
        ("+(91) 98765 43210", "DE", MOBILE),
        ("+(353) 85 012 3456", "DE", "+353850123456"),
    ] {
        assert_eq!(
            said(cell, "", &assuming(region)),
            expected,
            "{cell:?} in {region}"
        );
    }
}

#[test]
fn every_refusal_has_an_example_that_is_refused_for_it() {
    let mut wrong = Vec::new();
    for &refusal in Refusal::ALL {
        let rules = if refusal == Refusal::RegionUnknown {
            Rules::default()
        } else {
            india()
        };
        let country = if refusal == Refusal::CountryMismatch {
            "IN"
        } else {
            ""
        };
        let said = said(refusal.example(), country, &rules);
        if said != refusal.code() {
            wrong.push(format!("{:?}: {said}, not {refusal}", refusal.example()));
        }
        assert_eq!(refusal.to_string(), refusal.code());
        assert!(
            refusal.remedy().starts_with(|c: char| c.is_lowercase())
                && !refusal.remedy().ends_with('.'),
            "{refusal:?}"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_recovery_has_an_example_that_is_recovered_by_it() {
    for &recovery in Recovery::ALL {
        let country = if recovery == Recovery::NationalRule {
            "AR"
        } else {
            ""
        };
        let read = normalise(recovery.example(), region(country), &india())
            .unwrap_or_else(|refusal| unreachable!("{recovery:?}: {refusal}"));
        assert_eq!(recovery.to_string(), recovery.describe());
        assert!(
            read.recovered.contains(recovery),
            "{recovery:?} {:?}",
            read.recovered
        );
    }
}

#[test]
fn what_both_sets_hold_is_in_their_union() {
    let mut set = Recoveries::NONE;
    set.insert(Label);
    let mut other = set;
    other.insert(Quotes);
    assert_eq!(set.union(other), other);
}

#[test]
fn a_number_is_masked_wherever_it_is_debugged() {
    let read = normalise("9876543210", None, &india()).expect("a number");
    assert_eq!(format!("{}", read.number.masked()), "+91••••••3210");
    let debugged = format!("{read:?}");
    assert!(
        debugged.contains("+91••••••3210") && debugged.contains("{}"),
        "{debugged}"
    );
    assert!(!debugged.contains("9876"));
    assert_eq!(read.number.digits(), 919_876_543_210);
}

#[test]
fn e164_is_parsed_strictly() {
    assert_eq!(
        "+919876543210"
            .parse::<E164>()
            .map(|number| number.to_string()),
        Ok("+919876543210".to_owned())
    );
    for text in [
        "919876543210",
        "+91 9876543210",
        "+9109876543210",
        " +919876543210",
        "+91987654321",
        "",
        "+",
        "é",
        "00919876543210",
    ] {
        assert_eq!(text.parse::<E164>(), Err(NotE164), "{text}");
    }
}

#[test]
fn the_metadata_version_is_that_of_the_locked_engine() {
    // The engine says in its Readme, and nowhere else, that 2.2.15 carries 9.0.42. After a bump, read there.
    let lock = include_str!("../../Cargo.lock").replace("\r\n", "\n");
    assert!(lock.contains("name = \"rlibphonenumber\"\nversion = \"2.2.15\"\n"));
    assert_eq!(METADATA_VERSION, "9.0.42");
}

#[test]
fn no_such_number_says_no_more_than_is_known() {
    let rules = assuming("DE");
    for cell in ["0176 12", "0151 1234567"] {
        let refusal = normalise(cell, None, &rules).unwrap_err();
        assert_eq!(refusal, Refusal::NoSuchNumber, "{cell}");
        let said = refusal.remedy();
        assert!(
            said.contains("missing") && !said.contains("right length"),
            "{said}"
        );
    }
}
