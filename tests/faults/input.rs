//! Faults of the input: structural damage ends the run before the first request; a bad cell is an invalid row.

use std::fs;
use std::path::Path;

use crate::script::Script;
use crate::world::{APPLY, INPUT, RESULTS, World, number};

/// Refused with the file's name and these words, before anything is sent or begun.
fn refused(world: &World, words: &[&str]) {
    let words: Vec<&str> = [INPUT].iter().chain(words).copied().collect();
    world.run(APPLY).complains(65, &words);
    assert_eq!(world.server.ledger().connections, 0);
    assert!(!world.path(RESULTS).exists(), "something was begun");
}

#[test]
fn structural_damage_is_refused_with_file_line_and_column() {
    let world = World::new(0, Script::default());
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/input");
    for (name, words) in [
        ("no-header.csv", &["line 1"][..]),
        ("header-twice.csv", &["line 4"]),
        ("too-few-cells.csv", &["line 3"]),
        ("too-many-cells.csv", &["line 3"]),
        ("unclosed-quote.csv", &["line 2", "column 17"]),
        ("text-after-quote.csv", &["line 2", "column 9"]),
        ("quote-opened-lines-before.csv", &["line 3", "column 18"]),
        ("cut-in-row.csv", &["line 3"]),
        ("cut-in-number.csv", &["line 6"]),
        ("nul.csv", &["line 3", "column 19"]),
        ("not-utf8-western.csv", &["line 2", "column 20"]),
        ("not-utf8-mixed.csv", &["line 4", "column 21"]),
        ("utf16-without-bom.csv", &["UTF-16"]),
        ("empty.csv", &["empty"]),
        ("only-blank-lines.csv", &["empty"]),
        ("header-only.csv", &["no rows"]),
    ] {
        world.write(INPUT, fs::read(fixtures.join(name)).expect("a fixture"));
        refused(&world, words);
    }
}

#[test]
fn a_field_of_50_mb_is_refused_where_it_begins() {
    let world = World::new(0, Script::default());
    let mut input = b"lead_id,phone_number\nlead_0,\"".to_vec();
    input.resize(50_000_000, b'9');
    world.write(INPUT, &input);
    refused(&world, &["line 2", "column 8"]);
}

#[test]
fn every_harmless_form_of_a_file_is_read_as_the_same_rows() {
    let plain = World::new(2, Script::default()).read(INPUT);
    let utf16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(plain.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for (form, bytes) in [
        ("BOM", format!("\u{feff}{plain}").into_bytes()),
        ("UTF-16", utf16),
        ("semicolon", plain.replace(',', ";").into_bytes()),
        ("tab", plain.replace(',', "\t").into_bytes()),
        ("CR", plain.replace('\n', "\r").into_bytes()),
        ("CRLF", plain.replace('\n', "\r\n").into_bytes()),
        ("blank lines", plain.replace('\n', "\n\n").into_bytes()),
    ] {
        let world = World::new(2, Script::default());
        world.write(INPUT, bytes);
        let ran = world.run(APPLY);
        ran.expect(0);
        world.write(INPUT, &plain);
        assert_eq!(world.judge().len(), 2, "{form}\n{ran}");
    }
}

#[test]
fn a_bad_cell_is_an_invalid_row_and_is_not_sent() {
    let world = World::new(2, Script::default());
    let bad = ["9.19877E+11", "98765XXXXX", "", "12", "=1+1", "2147483647"];
    let rows = bad.map(|cell| format!("lead_1,{cell},x\n")).concat();
    let header = "lead_id,phone_number,remark\n";
    world.write(INPUT, format!("{header}lead_0,{},x\n{rows}", number(0)));
    world.run(&format!("{APPLY} --accept-suspect")).expect(1);
    let results = world.judge();
    assert!(
        results[1..]
            .iter()
            .all(|row| &row["result_status"] == "invalid"),
        "{results:?}"
    );
    assert!(world.server.ledger().of("PATCH", "lead_1").is_empty());
}

#[test]
fn an_id_with_marks_of_its_own_stays_one_segment_of_the_path() {
    let ids = [
        "a/b", "a?b=c", "a#b", "a%2Fb", "a b", "../x", "a;b", "ключ", "a\\b", "%", "a&b", "x:y@z",
    ];
    let server = crate::hostile::Server::start(ids, Script::default());
    let world = World::around(server, 0);
    let rows: Vec<String> = ids
        .iter()
        .enumerate()
        .map(|(index, id)| format!("\"{id}\",{}\n", number(index)))
        .collect();
    let rows = rows.concat();
    world.write(INPUT, format!("lead_id,phone_number\n{rows}"));
    world.run(APPLY).expect(0);
    assert_eq!(world.judge().len(), ids.len());
    for receipt in world.server.ledger().receipts {
        assert_eq!(receipt.target.matches('/').count(), 3, "{}", receipt.target);
        assert!(
            !receipt.target.contains(['?', '#', ' ']),
            "{}",
            receipt.target
        );
    }
}

#[test]
fn rows_that_repeat_or_contradict_each_other_are_not_sent_twice() {
    let world = World::new(3, Script::default());
    let (one, two) = (number(0), number(1));
    let rows = format!("lead_0,{one}\nlead_0,{one}\nlead_1,{one}\nlead_1,{two}\nlead_2,{one}\n");
    world.write(INPUT, format!("lead_id,phone_number\n{rows}"));
    world.run(APPLY).expect(1);
    let verdicts: Vec<String> = world
        .judge()
        .iter()
        .map(crate::judge::Row::verdict)
        .collect();
    assert_eq!(
        verdicts,
        [
            "updated//",
            "unchanged/identical_duplicate/",
            "invalid/conflicting_duplicate/",
            "invalid/conflicting_duplicate/",
            "updated//",
        ]
    );
    let ledger = world.server.ledger();
    assert_eq!(ledger.of("PATCH", "lead_0").len(), 1);
    assert!(ledger.of("PATCH", "lead_1").is_empty());
}

#[test]
fn two_locked_leads_with_one_number_are_for_a_person() {
    let world = World::new(2, Script::default());
    for lead in ["lead_0", "lead_1"] {
        world.server.act(&crate::script::Deed::Dial, lead);
    }
    let one = number(0);
    world.write(
        INPUT,
        format!("lead_id,phone_number\nlead_0,{one}\nlead_1,{one}\n"),
    );
    world.run(APPLY).expect(1);
    for row in world.judge() {
        assert_eq!(row.verdict(), "locked/already_dialled/review");
    }
}
