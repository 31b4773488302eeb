//! Whatever stands in the cells: one result row for each input row, in order, cells byte for byte intact, and
//! nothing claimed that the ledger does not show.

use leadfix::sandbox::Options;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use serde_json::json;

use crate::judge::Terms;
use crate::world::{INPUT, RESULTS, World, lead, lead_with, number};

/// Anything that can stand in a cell; NUL bytes are damage.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[^\u{0}]{0,12}",
        "[\",;\t\r\n '=+@-]{1,6}",
        Just("<clear>".to_owned()),
        "[\\p{Devanagari}\\p{Arabic}\u{202e}\u{feff} ]{1,8}",
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (0..8_u32).prop_map(|index| format!("lead_{index}")),
        1 => Just("gone".to_owned()),
        1 => text(),
    ]
}

fn phone() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0..40_usize).prop_map(number),
        2 => (0..40_usize).prop_map(|index| format!(" +91 {} ", number(index))),
        1 => "[0-9]{0,13}",
        1 => text(),
    ]
}

fn row() -> impl Strategy<Value = Vec<String>> {
    (id(), phone(), text(), text(), text(), text())
        .prop_map(|(id, phone, name, notes, city, other)| vec![other, id, phone, name, notes, city])
}

fn world() -> World {
    let mut leads: Vec<_> = (0..8).map(|index| lead(&format!("lead_{index}"))).collect();
    leads[1] = lead_with("lead_1", &json!({"status": "completed"}));
    leads[2] = lead_with("lead_2", &json!({"name": "Old", "notes": "old"}));
    leads[3] = lead_with(
        "lead_3",
        &json!({"metadata": {"city": "Pune"}, "status": "failed"}),
    );
    World::with(
        leads,
        Options {
            trouble: 0.1,
            seed: 9,
            ..Options::default()
        },
    )
}

fn write(world: &World, rows: &[Vec<String>]) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record([
            "Other, thing",
            "lead_id",
            "phone_number",
            "name",
            "notes",
            "metadata.city",
        ])
        .expect("memory");
    for row in rows {
        writer.write_record(row).expect("memory");
    }
    world.write(INPUT, writer.into_inner().expect("memory"));
}

proptest! {
    #![proptest_config(Config { cases: 24, max_shrink_iters: 60, failure_persistence: None::<Box<FileFailurePersistence>>.map(|it| it as _), ..Config::default() })]

    #[test]
    fn every_row_has_its_result_and_every_cell_is_as_it_was(rows in prop::collection::vec(row(), 1..14)) {
        let world = world();
        write(&world, &rows);
        let ran = world.run("apply corrections.csv --region IN --max-attempts 8 --accept-suspect");
        prop_assert!(matches!(ran.code, Some(0 | 1)), "{}", ran);
        let results = world.judge();
        let found: Vec<&[String]> = results.rows.iter().map(|row| &row[10..]).collect();
        prop_assert_eq!(found, rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn so_it_is_when_the_results_are_cut_and_the_run_resumed(rows in prop::collection::vec(row(), 1..8), share in 0.0..1.0) {
        let world = world();
        write(&world, &rows);
        world.run("apply corrections.csv --region IN --max-attempts 8 --accept-suspect");
        let whole = world.read(RESULTS);
        let header = whole.iter().position(|byte| *byte == b'\n').expect("a header") + 1;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small file")]
        let cut = header + ((whole.len() - header) as f64 * share) as usize;
        world.write(RESULTS, &whole[..cut]);
        world.forget_the_end();
        let ran = world.run("apply corrections.csv --region IN --max-attempts 8 --accept-suspect");
        prop_assert!(matches!(ran.code, Some(0 | 1)), "{}", ran);
        world.judge_on(Terms { resumed: true, ..Terms::default() });
    }
}
