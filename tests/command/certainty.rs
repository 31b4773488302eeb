//! Where certainty ends: what a review and hostile servers found, each held by a test.

use leadfix::sandbox::{Honours, Options};
use serde_json::{Value, json};

use crate::world::{INPUT, RESULTS, World, lead, lead_with, number};

/// A page of whatever stands before the API.
fn page(status: u16) -> Value {
    json!({"status": status, "body": "<html>nothing here</html>"})
}

/// A success that shows these fields of the lead, whatever it holds.
fn shows(fields: &Value) -> Value {
    json!({"status": 200, "body": fields.to_string(), "applies": false})
}

fn rows(world: &World, columns: &str, rows: &[String]) {
    world.write(INPUT, format!("{columns}\n{}\n", rows.join("\n")));
}

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

#[test]
fn a_field_that_only_reads_show_is_looked_for_in_one() {
    let reply = shows(&json!({"id": "lead_a", "phone_number": "+919811000001"}));
    let over = json!({"name": "Old", "sandbox": {"patch": {"always": reply}}});
    let world = World::new(vec![lead_with("lead_a", &over)]);
    rows(&world, "lead_id,name", &["lead_a,Asha".to_owned()]);
    world.run("apply corrections.csv").expect(1);
    let results = world.judge();
    assert_eq!(results.of("lead_a").verdict(), "failed/not_applied//200/2");
}

#[test]
fn a_field_that_no_read_shows_is_looked_for_at_the_beginning_alone() {
    let leads: Vec<Value> = (0..5).map(|index| lead(&format!("lead_{index}"))).collect();
    let world = World::new(leads);
    let named: Vec<String> = (0..5)
        .map(|index| format!("lead_{index},{},Asha", number(index)))
        .collect();
    rows(&world, "lead_id,phone_number,name", &named);
    world
        .run("apply corrections.csv --region IN --concurrency 1")
        .expect(0);
    for row in world.judge().rows() {
        assert_eq!(row.verdict(), "updated/partly_confirmed//200/1");
    }
    assert!(world.requests("GET") <= 2, "each row is read");
}

#[test]
fn a_lost_variable_is_named() {
    for (options, held, words) in [
        ("", json!({"a": "2"}), "lost or changed: metadata.keep"),
        (
            "--metadata replace",
            json!({"a": "2", "keep": "k"}),
            "left over: metadata.keep",
        ),
    ] {
        let before = json!({"id": "lead_a", "metadata": {"a": "1", "keep": "k"}});
        let after = json!({"id": "lead_a", "metadata": held});
        let reads = if options.is_empty() {
            json!({"first": [shows(&before)], "always": shows(&after)})
        } else {
            json!({"always": shows(&after)})
        };
        let script = json!({"patch": {"always": shows(&after)}, "get": reads});
        let world = World::new(vec![lead_with("lead_a", &json!({"sandbox": script}))]);
        rows(&world, "lead_id,metadata.a", &["lead_a,2".to_owned()]);
        world
            .run(&format!("apply corrections.csv {options}"))
            .expect(1);
        let results = world.table(RESULTS);
        let row = results.of("lead_a");
        assert!(row.verdict().starts_with("failed/partly_applied"), "{row}");
        assert!(row["result_detail"].contains(words), "{row}");
    }
}

#[test]
fn a_page_is_no_verdict_however_late_the_api_speaks() {
    let paged = |id: &str| lead_with(id, &json!({"sandbox": {"patch": [page(404)]}}));
    let slow = |step: &str| lead_with("lead_slow", &json!({"sandbox": {"patch": [step]}}));
    let ids = |slow_at: usize, count| {
        let mut ids: Vec<String> = (0..count).map(|index| format!("lead_{index}")).collect();
        ids.insert(slow_at, "lead_slow".to_owned());
        ids
    };
    for (ids, step, options) in [
        (ids(1, 1), "ok", "--rate 40/min"),
        (ids(0, 25), "delay:1500", "--concurrency 64"),
    ] {
        let lead = |id: &String| match id.as_str() {
            "lead_slow" => slow(step),
            id => paged(id),
        };
        let world = World::new(ids.iter().map(lead).collect());
        let cells = ids.iter().enumerate();
        let cells: Vec<String> = cells
            .map(|(at, id)| format!("{id},{}", number(at)))
            .collect();
        rows(&world, "lead_id,phone_number", &cells);
        world
            .run(&format!("apply corrections.csv --region IN {options}"))
            .expect(0);
        world.judge();
    }
}

#[test]
fn a_run_that_ends_leaves_a_row_that_has_heard_nothing_but_a_page() {
    let slow = json!({"sandbox": {"patch": ["delay:1500"]}});
    let paged = json!({"sandbox": {"patch": {"always": page(404)}}});
    let world = World::new(vec![
        lead_with("lead_a", &slow),
        lead_with("lead_b", &paged),
    ]);
    let cells = [
        format!("lead_a,{}", number(0)),
        format!("lead_b,{}", number(1)),
    ];
    rows(&world, "lead_id,phone_number", &cells);
    let mut running = world.leadfix("apply corrections.csv --region IN").start();
    world.wait_for("the page", |ledger| !ledger.receipts.is_empty());
    running.signal("INT");
    running.end().expect(130);
    let results = world.table(RESULTS);
    let settled: Vec<String> = results
        .rows()
        .map(|row| row["lead_id"].to_owned())
        .collect();
    assert_eq!(settled, ["lead_a"]);
}

#[test]
fn where_nothing_but_pages_answers_the_run_stops() {
    for count in [2, 100] {
        let leads: Vec<Value> = (0..count)
            .map(|index| {
                let script = json!({"patch": {"always": page(404)}, "get": {"always": page(404)}});
                lead_with(&format!("lead_{index}"), &json!({"sandbox": script}))
            })
            .collect();
        let world = World::new(leads);
        let cells: Vec<String> = (0..count)
            .map(|index| format!("lead_{index},{}", number(index)))
            .collect();
        rows(&world, "lead_id,phone_number", &cells);
        world
            .run("apply corrections.csv --region IN --max-attempts 2")
            .complains(78, &["404", "nothing here", "base URL"]);
        assert_eq!(world.table(RESULTS).rows().count(), 0);
        assert!(world.requests("PATCH") < 200);
    }
}

#[test]
fn a_page_behind_which_the_change_was_applied_leaves_the_row_in_doubt() {
    let applied = json!({"status": 403, "body": "<html>", "applies": true});
    let over = json!({"sandbox": {"patch": {"always": applied}}});
    let world = World::new(vec![lead("lead_a"), lead_with("lead_b", &over)]);
    let cells = [
        format!("lead_a,{}", number(0)),
        format!("lead_b,{}", number(1)),
    ];
    rows(&world, "lead_id,phone_number", &cells);
    world
        .run("apply corrections.csv --region IN --max-attempts 2 --concurrency 1")
        .expect(0);
    let verdict = world.judge().of("lead_b").verdict();
    assert_eq!(verdict, "updated/confirmed_by_read//403/2");
}

#[test]
fn in_doubt_a_field_that_is_never_shown_may_be_in_place() {
    for (script, verdict) in [
        (
            json!(["old_values_200", "dial_then_409"]),
            "locked/lock_unread/review/409/2",
        ),
        (
            json!({"always": "old_values_200"}),
            "failed/outcome_unknown//200/2",
        ),
        (json!(["dial_then_409"]), "locked/already_dialled/yes/409/1"),
    ] {
        let over = json!({"sandbox": {"patch": script}});
        let world = World::new(vec![lead_with("lead_a", &over)]);
        let cells = [format!("lead_a,{},Asha", number(0))];
        rows(&world, "lead_id,phone_number,name", &cells);
        world.run("apply corrections.csv --region IN").expect(1);
        assert_eq!(world.judge().of("lead_a").verdict(), verdict);
    }
}

#[test]
fn a_learnt_spelling_overwrites_nobodys_notes() {
    for mode in ["merge", "replace"] {
        let learns = json!({"sandbox": {"patch": ["old_values_200"]}});
        let notes = json!({"notes": "free text"});
        let leads = vec![
            lead_with("lead_a", &learns),
            lead_with("lead_b", &notes),
            lead_with("lead_c", &notes),
        ];
        let options = Options {
            honours: Honours::Both,
            ..Options::default()
        };
        let world = World::with(leads, options);
        let cells = [
            format!("lead_a,{},", number(0)),
            format!("lead_b,{},home_loan", number(1)),
            "lead_c,,home_loan".to_owned(),
        ];
        rows(&world, "lead_id,phone_number,metadata.product", &cells);
        world
            .run(&format!(
                "apply corrections.csv --region IN --rate 2/s --metadata {mode}"
            ))
            .expect(0);
        world.judge();
        for receipt in world.ledger().receipts {
            let body = format!("{:?}", receipt.body);
            assert!(!body.contains("notes"), "{mode}: {body}");
        }
    }
}

#[test]
fn a_key_that_may_change_and_show_nothing_is_refused() {
    for get in [json!("empty_200"), json!("html_200"), shows(&json!("OK"))] {
        let script = json!({"patch": {"always": "forbidden_403"}, "get": {"always": get}});
        let over = json!({"sandbox": script});
        let world = World::new(vec![lead_with("lead_a", &over), lead_with("lead_b", &over)]);
        let cells = [
            format!("lead_a,{}", number(0)),
            format!("lead_b,{}", number(1)),
        ];
        rows(&world, "lead_id,phone_number", &cells);
        world
            .run("apply corrections.csv --region IN")
            .complains(77, &["key"]);
        assert_eq!(world.table(RESULTS).rows().count(), 0, "{get}");
    }
}
