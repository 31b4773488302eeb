//! Files that the program wrote are read again with the options of the file that they came from, and come out as they
//! were written.

use encoding_rs::WINDOWS_1252;
use serde_json::json;

use crate::world::{INPUT, RESULTS, World, lead, number};
use leadfix::sandbox::Options;

fn world() -> World {
    World::new(["lead_a", "lead_b"].map(lead).to_vec())
}

/// Two rows, the second with a number that is too short.
fn rows(delimiter: &str) -> String {
    let rows = [
        "lead_id,phone_number,name".to_owned(),
        format!("lead_a,{},René", number(0)),
        "lead_b,1234,Zoë".to_owned(),
    ];
    rows.map(|row| row.replace(',', delimiter) + "\n").concat()
}

/// The same in the encoding of an older Windows.
fn legacy(delimiter: &str) -> Vec<u8> {
    WINDOWS_1252.encode(&rows(delimiter)).0.into_owned()
}

/// Puts a good number in place of the short one.
fn mend(world: &World, file: &str) {
    let text = String::from_utf8(world.read(file)).expect("UTF-8");
    assert!(text.contains("1234"), "{text}");
    world.write(file, text.replace("1234", &number(1)));
}

/// Every name that was sent is one of these.
fn assert_names(world: &World, names: &[&str]) {
    for receipt in world.ledger().receipts {
        let Some(body) = receipt.body else { continue };
        let sent = names
            .iter()
            .any(|name| body.contains(&json!(name).to_string()));
        assert!(sent, "{body}");
    }
}

#[test]
fn mended_results_are_reconciled_with_the_options_of_their_input() {
    for (input, options) in [
        (legacy(","), "--encoding windows-1252"),
        (rows(";").into_bytes(), "--delimiter ;"),
        (legacy(";"), "--encoding windows-1252 --delimiter ; --bom"),
    ] {
        let world = world();
        world.write(INPUT, input);
        world
            .run(&format!("apply {INPUT} --region IN {options}"))
            .expect(1)
            .says("`leadfix reconcile` with the same options");
        mend(&world, RESULTS);
        world
            .run(&format!("reconcile {RESULTS} --region IN {options}"))
            .expect(0);
        let again = world.table("corrections.results.results.csv");
        assert_eq!(&again.of("lead_a")["name"], "René", "{options}");
        assert_eq!(
            &again.of("lead_b")["result_phone_number"],
            &format!("+91{}", number(1))
        );
        assert_names(&world, &["René", "Zoë"]);
    }
}

#[test]
fn options_that_stand_in_the_file_of_defaults_hold_for_the_input_alone_too() {
    let world = world();
    world.write(
        "leadfix.toml",
        "region = \"IN\"\nencoding = \"windows-1252\"\ndelimiter = \";\"\n",
    );
    world.write(INPUT, legacy(";"));
    world.run(&format!("apply {INPUT}")).expect(1);
    mend(&world, RESULTS);
    world.run(&format!("reconcile {RESULTS}")).expect(0);
    assert_names(&world, &["René", "Zoë"]);
}

#[test]
fn results_of_a_sheet_are_reconciled_with_its_name() {
    let world = World::new(["L1", "L2"].map(lead).to_vec());
    let sheets = std::fs::read("fixtures/input/two-sheets.xlsx").expect("a fixture");
    world.write("two-sheets.xlsx", sheets);
    world
        .run("apply two-sheets.xlsx --region IN --sheet Leads")
        .expect(0);
    world
        .run("reconcile two-sheets.results.csv --region IN --sheet Leads")
        .expect(0);
    let again = world.table("two-sheets.results.results.csv");
    assert_eq!(&again.of("L1")["name"], "René");
}

#[test]
fn results_that_were_saved_in_another_encoding_are_refused() {
    let world = world();
    world.write(INPUT, rows(","));
    world.run(&format!("apply {INPUT} --region IN")).expect(1);
    let text = String::from_utf8(world.read(RESULTS)).expect("UTF-8");
    world.write(RESULTS, WINDOWS_1252.encode(&text).0);
    for options in ["", "--encoding windows-1252"] {
        world
            .run(&format!("reconcile {RESULTS} --region IN {options}"))
            .complains(65, &[RESULTS, "line 2", "results file", "`CSV UTF-8`"]);
    }
}

#[test]
fn results_without_some_of_their_columns_are_results_still() {
    let world = world();
    world.write(INPUT, legacy(","));
    let options = "--region IN --encoding windows-1252";
    world.run(&format!("apply {INPUT} {options}")).expect(1);
    mend(&world, RESULTS);
    let kept = world
        .table(RESULTS)
        .without(&["result_row", "result_at", "result_detail"]);
    let mut text = kept.header.join(",") + "\n";
    for row in &kept.rows {
        text += &(row.join(",") + "\n");
    }
    world.write(RESULTS, text);
    world
        .run(&format!("reconcile {RESULTS} {options}"))
        .expect(0);
    assert_names(&world, &["René", "Zoë"]);
}

#[test]
fn results_that_excel_saved_with_semicolons_are_read() {
    let world = world();
    world.write(INPUT, rows(","));
    world
        .run(&format!("apply {INPUT} --region IN --delimiter , --bom"))
        .expect(1);
    mend(&world, RESULTS);
    let saved = world.table(RESULTS);
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record(&saved.header).expect("memory");
    for row in &saved.rows {
        writer.write_record(row).expect("memory");
    }
    world.write(RESULTS, writer.into_inner().expect("memory"));
    world
        .run(&format!("reconcile {RESULTS} --region IN --delimiter ,"))
        .expect(0);
    assert_names(&world, &["René", "Zoë"]);
}

#[test]
fn a_fixed_copy_is_applied_with_the_options_of_its_input() {
    for (input, options) in [
        (legacy(","), "--encoding windows-1252"),
        (rows(";").into_bytes(), "--delimiter ;"),
    ] {
        let world = world();
        world.write(INPUT, input);
        world
            .run(&format!(
                "check {INPUT} --region IN {options} --fixed fixed.csv"
            ))
            .expect(1);
        mend(&world, "fixed.csv");
        world
            .run(&format!("apply fixed.csv --region IN {options}"))
            .expect(0);
        assert_eq!(
            &world.table("fixed.results.csv").of("lead_a")["name"],
            "René"
        );
        assert_names(&world, &["René", "Zoë"]);
    }
}

#[test]
fn results_can_be_read_again_however_much_the_rows_hold() {
    let long = "x".repeat(40 * 1024);
    let quotes = format!("x{}", "\"".repeat(64 * 1024 - 1));
    for (header, row) in [
        (
            String::new(),
            format!("lead_b\t{}\t{long}\t{long}", number(1)),
        ),
        (
            "\ta".to_owned(),
            format!("lead_b\t{}\tMia\t{quotes}", number(1)),
        ),
    ] {
        let world = world();
        world.write(
            INPUT,
            format!("lead_id\tphone_number\tname{header}\n{row}\n"),
        );
        let options = "--region IN --skip-bad-rows --quiet";
        let ran = world.run(&format!("apply {INPUT} {options}"));
        assert!(
            matches!(ran.code, Some(0 | 1)),
            "{:?} {}",
            ran.code,
            ran.stderr
        );
        let again = world.run(&format!("reconcile {RESULTS} {options}"));
        assert!(
            matches!(again.code, Some(0 | 1)),
            "{:?} {}",
            again.code,
            again.stderr
        );
    }
}

#[test]
fn a_detail_that_is_too_long_says_that_it_is_cut() {
    let world = world();
    let long = "नमस्ते ".repeat(2000);
    world.write(
        INPUT,
        format!("lead_id,phone_number,name\nlead_b,1,{long},{long}\n"),
    );
    world
        .run(&format!("apply {INPUT} --region IN --skip-bad-rows"))
        .expect(1);
    let results = world.table(RESULTS);
    let detail = &results.rows().next().expect("a row")["result_detail"];
    assert!(detail.ends_with('…') && detail.len() < 20_000, "{detail}");
    assert!(
        detail.contains("its cells (the end is cut off): lead_b | 1 | नमस्ते"),
        "{detail}"
    );
}

/// The first rows of the results, as a run that was killed leaves them.
fn cut_off(world: &World, rows: usize) {
    let text = String::from_utf8(world.read(RESULTS)).expect("UTF-8");
    let kept: Vec<&str> = text.lines().take(rows + 1).collect();
    world.write(RESULTS, kept.join("\n") + "\n");
    world.forget_the_end();
}

#[test]
fn results_of_a_run_that_was_cut_off_are_not_run_again() {
    let world = World::plain(6, Options::default());
    world.run(&format!("apply {INPUT} --region IN")).expect(0);
    cut_off(&world, 4);
    for command in ["apply", "reconcile", "reconcile --dry-run"] {
        world
            .run(&format!("{command} {RESULTS} --region IN"))
            .complains(78, &[RESULTS, "4 rows", "cut off", "another name"]);
    }
    world.write("part.csv", world.read(RESULTS));
    world.run("reconcile part.csv --region IN").expect(0);
    world
        .run(&format!("apply {INPUT} --region IN"))
        .expect(0)
        .says("resuming behind row 4 of 6");
    world
        .run(&format!("reconcile {RESULTS} --region IN"))
        .expect(0);
}

#[test]
fn a_run_of_results_under_another_name_that_was_cut_off_goes_on() {
    let world = World::plain(6, Options::default());
    world.run(&format!("apply {INPUT} --region IN")).expect(0);
    world.write(INPUT, world.read(RESULTS));
    let command = format!("apply {INPUT} --region IN");
    world.run(&format!("{command} --fresh")).expect(0);
    cut_off(&world, 4);
    world
        .run(&command)
        .expect(0)
        .says("resuming behind row 4 of 6");
}
