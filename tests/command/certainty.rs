//! Where certainty ends: what a review and hostile servers found, each held by a test.

use leadfix::sandbox::Options;
use serde_json::{Value, json};

use crate::world::{INPUT, RESULTS, World, lead, lead_with, number};

fn dialled(id: &str) -> Value {
    lead_with(id, &json!({"status": "completed"}))
}

#[test]
fn a_damaged_row_stays_damaged_when_the_results_are_run_again() {
    let world = World::new(vec![lead("lead_a"), lead("lead_b")]);
    let rows = format!(
        "lead_id,phone_number,name\nlead_a,{},Asha\nlead_b,{}\n",
        number(0),
        number(1)
    );
    world.write(INPUT, rows);
    let options = "--region IN --skip-bad-rows";
    world.run(&format!("apply {INPUT} {options}")).expect(1);
    let results = world.table(RESULTS);
    let damaged = results.rows().nth(1).expect("a second row");
    assert_eq!(damaged["result_reason"], *"damaged_row");
    assert!(
        damaged["result_detail"].contains(&number(1)),
        "the cells stand in the detail"
    );
    world
        .run(&format!("reconcile {RESULTS} {options}"))
        .expect(1);
    assert_eq!(
        world.ledger().applied_count("lead_b"),
        0,
        "a row without all its cells was sent"
    );
}

#[test]
fn two_locked_leads_with_one_number_are_not_both_enrolled_again() {
    let world = World::new(vec![
        dialled("lead_a"),
        dialled("lead_b"),
        dialled("lead_c"),
    ]);
    let rows = format!(
        "lead_id,phone_number\nlead_a,{0}\nlead_b,{0}\nlead_c,{1}\n",
        number(0),
        number(1)
    );
    world.write(INPUT, rows);
    world.run("apply corrections.csv --region IN").expect(1);
    let results = world.table(RESULTS);
    let flags: Vec<String> = results
        .rows()
        .map(|row| row["result_reupload"].to_owned())
        .collect();
    assert_eq!(flags, ["review", "review", "yes"]);
}

#[test]
fn a_phone_column_under_a_name_of_its_own_stops_the_run() {
    let world = World::plain(2, Options::default());
    world.write(
        INPUT,
        format!("lead_id,name,Mobile No.\nlead_0000,Asha,{}\n", number(0)),
    );
    world.run("apply corrections.csv --region IN").complains(
        65,
        &["Mobile No.", "--map phone_number=", "--accept-suspect"],
    );
    world
        .run("check corrections.csv --region IN")
        .expect(1)
        .says("--map phone_number=");
    assert_eq!(world.ledger().counts.requests, 0);
    world
        .leadfix("apply corrections.csv --region IN --map")
        .arg("phone_number=Mobile No.")
        .run()
        .expect(0);
    assert_eq!(world.ledger().applied_count("lead_0000"), 1);
}

#[test]
fn more_in_flight_than_the_quota_allows_still_gets_on() {
    let limit = "20/1s".parse().expect("a limit");
    let leads: Vec<Value> = (0..40)
        .map(|index| lead(&format!("lead_{index}")))
        .collect();
    let world = World::with(
        leads,
        Options {
            limit: Some(limit),
            ..Options::default()
        },
    );
    let rows: String = (0..40).fold(String::new(), |rows, index| {
        rows + &format!("lead_{index},x\n")
    });
    world.write(INPUT, format!("lead_id,metadata.product\n{rows}"));
    world
        .run("apply corrections.csv --concurrency 64 --deadline 60s")
        .expect(0);
    world.judge();
    assert!(
        world.requests("GET") <= 2 * 40 + 40,
        "leads are read again and again"
    );
}

#[test]
fn every_cell_of_a_damaged_row_stands_in_its_detail() {
    let world = World::new(vec![lead("lead_a")]);
    let rows = format!(
        "lead_id,phone_number,name\nlead_a,{},Asha\nlead_b,{},Rao, Mia\n",
        number(0),
        number(1)
    );
    world.write(INPUT, rows);
    world
        .run(&format!("apply {INPUT} --region IN --skip-bad-rows"))
        .expect(1);
    let results = world.table(RESULTS);
    let damaged = results.rows().nth(1).expect("a second row");
    let cells = format!("its cells: lead_b | {} | Rao |  Mia", number(1));
    assert!(damaged["result_detail"].ends_with(&cells), "{damaged}");
}

#[test]
fn a_column_of_indian_states_stops_the_run() {
    let world = World::new(vec![lead("lead_a"), lead("lead_b")]);
    // Read as numbers of countries, these ring in Dallas and in Brazil.
    let rows = "lead_id,phone_number,region\nlead_a,9722541234,MP\nlead_b,9832543210,BR\n";
    world.write(INPUT, rows);
    world
        .run("apply corrections.csv --region IN")
        .complains(65, &["line 2: `MP`", "--map country=region"]);
    assert_eq!(world.ledger().counts.requests, 0);
    world
        .run("check corrections.csv --region IN --map country=region")
        .expect(0);
}
