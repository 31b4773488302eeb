//! The table that says when a row is settled, line by line: what the server does, what the row then says, and what
//! the lead really holds.

use leadfix::sandbox::{Options, UnknownFields};
use serde_json::{Value, json};

use crate::world::{INPUT, World, lead_with, number, plain};

/// What happens to a row with a new number, and what the row then says: ID, the lead's status, steps for its
/// `PATCH` requests and after the semicolon for its reads, `status/reason/reupload/http status/attempts`, and which
/// number the lead holds in the end.
const TABLE: &str = r#"
# 2xx with proof.
ok                                      | pending     | ok                                                | updated///200/1                         | new
wrapped                                 | pending     | always wrapped_200                                | updated///200/1                         | new
delayed                                 | pending     | delay:50                                          | updated///200/1                         | new
dialled_afterwards                      | pending     | dial                                              | updated///200/1                         | new
# 429: everyone waits; no attempt.
throttled                               | pending     | 429, ok                                           | updated///200/1                         | new
# 2xx, our lead, other values.
stale                                   | pending     | always stale_200                                  | updated/confirmed_by_read//200/1        | new
old_values_once                         | pending     | old_values_200                                    | updated///200/2                         | new
old_values                              | pending     | always old_values_200                             | failed/not_applied//200/2               | old
# 2xx without proof.
empty                                   | pending     | always empty_200                                  | updated/confirmed_by_read//200/1        | new
empty_204                               | pending     | always empty_204                                  | updated/confirmed_by_read//204/1        | new
html                                    | pending     | always html_200                                   | updated/confirmed_by_read//200/1        | new
garbled                                 | pending     | always garbled_200                                | updated/confirmed_by_read//200/1        | new
oversized                               | pending     | always oversized_200                              | updated/confirmed_by_read//200/1        | new
success                                 | pending     | always success_200                                | updated/confirmed_by_read//200/1        | new
cut                                     | pending     | always cut_body                                   | updated/confirmed_by_read//200/1        | new
drip                                    | pending     | always drip                                       | updated/confirmed_by_read//200/1        | new
empty_before                            | pending     | always empty_200_before                           | failed/outcome_unknown//200/2           | old
html_before                             | pending     | always html_200_before                            | failed/outcome_unknown//200/2           | old
garbled_before                          | pending     | always garbled_200_before                         | failed/outcome_unknown//200/2           | old
oversized_before                        | pending     | always oversized_200_before                       | failed/outcome_unknown//200/2           | old
success_before                          | pending     | always success_200_before                         | failed/outcome_unknown//200/2           | old
cut_before                              | pending     | always cut_body_before                            | failed/outcome_unknown//200/2           | old
empty_before_once                       | pending     | empty_200_before                                  | updated///200/2                         | new
# 2xx that names another lead, once.
other_lead_once                         | pending     | other_lead_200                                    | updated///200/2                         | new
other_lead_unapplied                    | pending     | other_lead_200_before                             | updated///200/2                         | new
# Timeout, reset, 408, 5xx: in doubt.
500_once                                | pending     | 500_before                                        | updated///200/2                         | new
500_applied_once                        | pending     | 500_after                                         | updated///200/2                         | new
500                                     | pending     | always 500_before                                 | failed/outcome_unknown//500/2           | old
500_applied                             | pending     | always 500_after                                  | updated/confirmed_by_read//500/2        | new
500_late                                | pending     | 500_late                                          | updated///200/2                         | new
502                                     | pending     | always 502_before                                 | failed/outcome_unknown//502/2           | old
502_applied                             | pending     | always 502_after                                  | updated/confirmed_by_read//502/2        | new
503                                     | pending     | always 503_before                                 | failed/outcome_unknown//503/2           | old
503_applied                             | pending     | always 503_after                                  | updated/confirmed_by_read//503/2        | new
408                                     | pending     | always 408_before                                 | failed/outcome_unknown//408/2           | old
408_applied                             | pending     | always 408_after                                  | updated/confirmed_by_read//408/2        | new
timeout                                 | pending     | always timeout_before                             | failed/outcome_unknown///2              | old
timeout_applied                         | pending     | always timeout_after                              | updated/confirmed_by_read///2           | new
timeout_late                            | pending     | always timeout_late                               | updated/confirmed_by_read///2           | new
reset                                   | pending     | always reset_before                               | failed/outcome_unknown///2              | old
reset_applied                           | pending     | always reset_after                                | updated/confirmed_by_read///2           | new
closed                                  | pending     | always close_before                               | failed/outcome_unknown///2              | old
closed_applied                          | pending     | always close_after                                | updated/confirmed_by_read///2           | new
500_and_unreadable                      | pending     | always 500_after ; always 500_before              | failed/outcome_unknown//500/2           | new
# 409, not in doubt.
locked                                  | completed   |                                                   | locked/already_dialled/yes/409/1        | old
in_progress                             | in_progress |                                                   | locked/already_dialled/yes/409/1        | old
call_failed                             | failed      |                                                   | locked/already_dialled/yes/409/1        | old
overtaken                               | pending     | dial_then_409                                     | locked/already_dialled/yes/409/1        | old
applied_and_overtaken                   | pending     | apply_then_dial_then_409                          | updated/confirmed_after_conflict//409/1 | new
locked_and_unreadable                   | completed   | ; always 500_before                               | locked/lock_unread/review/409/1         | old
locked_and_forbidden                    | completed   | ; always forbidden_403                            | locked/lock_unread/review/409/1         | old
locked_and_read_once_more               | completed   | ; 503_before, empty_200                           | locked/already_dialled/yes/409/1        | old
# 409, in doubt.
spelling_then_locked                    | pending     | old_values_200, dial_then_409                     | locked/already_dialled/yes/409/2        | old
doubt_then_locked                       | pending     | 500_before, dial_then_409                         | locked/already_dialled/yes/409/2        | old
applied_dialled_and_lost                | pending     | 500_after_then_dial                               | updated/confirmed_after_conflict//409/2 | new
late_and_locked                         | pending     | 500_late, dial_then_409                           | updated/confirmed_after_conflict//409/2 | new
doubt_then_locked_and_unreadable        | pending     | 500_before, dial_then_409 ; always 503_before     | locked/lock_unread/review/409/2         | old
doubt_then_locked_and_second_look_fails | pending     | 500_before, dial_then_409 ; ok, always 503_before | locked/lock_unread/review/409/2         | old
# 404.
gone                                    | removed     |                                                   | missing/not_found//404/1                | old
gone_in_doubt                           | pending     | 500_before, 404                                   | missing/missing_after_doubt//404/2      | old
# 400 about the spelling.
spelling_refused_once                   | pending     | unknown_field_400                                 | updated///200/2                         | new
spelling_refused                        | pending     | always unknown_field_400                          | invalid/rejected_by_server//400/2       | old
other_spelling_refused                  | pending     | old_values_200, unknown_field_400                 | failed/not_applied//400/2               | old
spelling_refused_and_unreadable         | pending     | always unknown_field_400 ; always 500_before      | invalid/rejected_by_server//400/1       | old
# 400, 422.
400                                     | pending     | always 400_string                                 | invalid/rejected_by_server//400/1       | old
400_list                                | pending     | always 400_array                                  | invalid/rejected_by_server//400/1       | old
422                                     | pending     | always 422                                        | invalid/rejected_by_server//422/1       | old
400_destination                         | pending     | always destination_400                            | invalid/rejected_by_server//400/1       | old
422_in_doubt                            | pending     | 500_before, 422                                   | invalid/rejected_by_server//422/2       | old
422_applied                             | pending     | 500_after, 422                                    | updated/confirmed_by_read//422/2        | new
400_applied                             | pending     | close_after, 400_string                           | updated/confirmed_by_read//400/2        | new
422_applied_and_gone                    | pending     | 500_after, 422 ; always 404                       | missing/missing_after_doubt//422/2      | new
422_applied_and_unreadable              | pending     | 500_after, 422 ; always 500_before                | failed/outcome_unknown//422/2           | new
# 403 on one row.
403_destination                         | pending     | always destination_blocked_403                    | invalid/destination_blocked//403/1      | old
403                                     | pending     | always forbidden_403                              | invalid/forbidden//403/1                | old
403_in_doubt                            | pending     | 500_before, forbidden_403                         | invalid/forbidden//403/2                | old
403_applied                             | pending     | 500_after, forbidden_403                          | updated/confirmed_by_read//403/2        | new
403_applied_and_gone                    | pending     | 500_after, forbidden_403 ; always 404             | missing/missing_after_doubt//403/2      | new
# Outside the contract.
teapot                                  | pending     | {"status":418}                                    | failed/unexpected_answer//418/1         | old
teapot_in_doubt                         | pending     | 500_before, {"status":418}                        | failed/outcome_unknown//418/2           | old
"#;

/// A line of the table.
struct Line {
    id: &'static str,
    over: Value,
    verdict: &'static str,
    number: &'static str,
}

impl Line {
    fn parse(text: &'static str) -> Self {
        let cells: Vec<&str> = text.split('|').map(str::trim).collect();
        let [id, status, script, verdict, number] = cells[..] else {
            panic!("no line: {text}");
        };
        let (patch, get) = script.split_once(';').unwrap_or((script, ""));
        let sandbox = json!({"patch": steps(patch), "get": steps(get)});
        let over = json!({"status": status, "sandbox": sandbox});
        Self {
            id,
            over,
            verdict,
            number,
        }
    }
}

/// `500_before, ok`: one after the other; what stands behind `always` is for all that come after.
fn steps(text: &str) -> Value {
    let (first, always) = text.split_once("always ").unwrap_or((text, ""));
    let step = |text: &str| {
        serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .unwrap_or_else(|| json!(text))
    };
    let first: Vec<Value> = first
        .split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(step)
        .collect();
    match always.trim() {
        "" => json!({"first": first}),
        always => json!({"first": first, "always": step(always)}),
    }
}

/// The same step for every `PATCH`.
fn always(step: &str) -> Value {
    json!({"sandbox": {"patch": {"always": step}}})
}

#[test]
fn every_line_says_what_it_should_and_the_lead_is_as_it_says() {
    let lines = TABLE
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<Line> = lines.map(Line::parse).collect();
    let world = World::new(
        lines
            .iter()
            .map(|line| lead_with(line.id, &line.over))
            .collect(),
    );
    let rows = lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{},{}", line.id, number(at)));
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number\n{}\n",
            rows.collect::<Vec<_>>().join("\n")
        ),
    );
    let ran = world
        .run("apply corrections.csv --region IN --max-attempts 2 --timeout 2s --concurrency 64");
    ran.expect(1);
    let results = world.judge();
    let ledger = world.ledger();
    let mut wrong = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let row = results.of(line.id);
        let held = ledger.lead(line.id).map(|lead| lead.phone_number.as_str());
        let new = format!("+91{}", number(at));
        let holds = if held == Some(new.as_str()) {
            "new"
        } else {
            "old"
        };
        if row.verdict() != line.verdict || holds != line.number {
            let Line {
                verdict, number, ..
            } = line;
            wrong.push(format!(
                "not {verdict} with the {number} number, but {} with the {holds} one:\n    {row}",
                row.verdict()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}\n{ran}", wrong.join("\n"));
}

#[test]
fn a_number_that_the_lead_has_already_is_confirmed_after_a_conflict() {
    let has_it = json!({"status": "completed", "phone_number": format!("+91{}", number(0))});
    let (results, _) = settle(
        &has_it,
        &format!("lead_id,phone_number\nlead_a,{}\n", number(0)),
        "",
    );
    assert_eq!(results, "updated/confirmed_after_conflict//409/1");
}

/// One lead, one row, one verdict.
fn settle(over: &Value, rows: &str, options: &str) -> (String, World) {
    let world = World::new(vec![lead_with("lead_a", over)]);
    world.write(INPUT, rows);
    world.run(&format!(
        "apply corrections.csv --region IN --max-attempts 2 --timeout 2s {options}"
    ));
    let verdict = world.judge().of("lead_a").verdict();
    (verdict, world)
}

#[test]
fn fields_that_are_never_shown_count_apart() {
    let both = format!("lead_id,phone_number,name\nlead_a,{},Asha\n", number(0));
    let name = "lead_id,name\nlead_a,Asha\n";
    let notes = "lead_id,notes\nlead_a,call late\n";
    for (over, rows, verdict) in [
        (json!({}), both.as_str(), "updated/partly_confirmed//200/1"),
        (json!({}), name, "updated/accepted_unconfirmed//200/1"),
        (json!({}), notes, "updated/accepted_unconfirmed//200/1"),
        (json!({"name": "Old Name"}), &both, "updated///200/1"),
        (json!({"name": "Old Name"}), name, "updated///200/1"),
        (json!({"notes": "old"}), notes, "updated///200/1"),
    ] {
        let (found, world) = settle(&over, rows, "");
        assert_eq!(found, verdict, "{over} {rows}");
        let row = world.judge();
        let names_it = ["name", "notes"]
            .iter()
            .any(|field| row.of("lead_a")["result_detail"].contains(field));
        assert_eq!(
            names_it,
            verdict.contains("confirmed"),
            "{}",
            row.of("lead_a")
        );
    }
}

#[test]
fn a_lock_over_some_of_the_values_is_for_a_person_to_review() {
    let number = number(0);
    let rows = format!("lead_id,phone_number,metadata.product\nlead_a,{number},gold_loan\n");
    for over in [
        json!({"status": "completed"}), // the product is the lead's own
        json!({"sandbox": {"patch": ["phone_only_200"]}, "status": "completed", "phone_number": format!("+91{number}"), "metadata": {"product": "x"}}),
    ] {
        let (found, _) = settle(&over, &rows, "");
        assert_eq!(found, "locked/partly_applied/review/409/1", "{over}");
    }
}

#[test]
fn half_of_a_row_applied_is_no_update() {
    let rows = format!(
        "lead_id,phone_number,metadata.product\nlead_a,{},home_loan\n",
        number(0)
    );
    let (found, _) = settle(&always("phone_only_200"), &rows, "");
    assert_eq!(
        found, "failed/partly_applied//200/1",
        "the lead shows its variables in `metadata`, so `notes` are not ours to try"
    );
    let (found, _) = settle(&always("without_variables_200"), &rows, "");
    assert_eq!(found, "updated/confirmed_by_read//200/1");
}

#[test]
fn in_doubt_a_403_before_any_success_is_no_proof() {
    let rows = format!("lead_id,phone_number\nlead_a,{}\n", number(0));
    for (first, get, verdict) in [
        ("500_after", "ok", "updated/confirmed_by_read//403/2"),
        ("500_after", "empty_200", "failed/outcome_unknown//403/2"),
        ("500_before", "ok", "invalid/forbidden//403/2"),
    ] {
        let patch = json!([first, "forbidden_403"]);
        let over = json!({"sandbox": {"patch": patch, "get": {"always": get}}});
        let (found, _) = settle(&over, &rows, "");
        assert_eq!(found, verdict);
    }
}

#[test]
fn in_doubt_a_refusal_of_the_stated_spelling_is_no_proof() {
    let rows = format!("lead_id,phone_number\nlead_a,{}\n", number(0));
    for (first, verdict) in [
        ("500_after", "updated/confirmed_by_read//400/2"),
        ("500_before", "invalid/rejected_by_server//400/2"),
    ] {
        let over = json!({"sandbox": {"patch": [first, "unknown_field_400"]}});
        let (found, _) = settle(&over, &rows, "--dialect guide");
        assert_eq!(found, verdict);
    }
}

#[test]
fn in_doubt_a_refusal_of_the_only_spelling_is_no_proof() {
    let rows = format!("lead_id,phone_number,notes\nlead_a,{},late\n", number(0));
    let mut over = json!({"notes": "old"});
    let before = json!({"status": 200, "body": lead_with("lead_a", &over).to_string()});
    over["sandbox"] = json!({"patch": ["500_after", "unknown_field_400"], "get": ["ok", before]});
    let (found, _) = settle(&over, &rows, "");
    assert_eq!(found, "updated/confirmed_by_read//400/2");
}

#[test]
fn a_row_that_cannot_be_sent_in_the_other_spelling_keeps_the_servers_words() {
    let rows = "lead_id,metadata.product\nlead_a,home_loan\n";
    for (first, verdict) in [
        ("unknown_field_400", "invalid/rejected_by_server//400/1"),
        ("500_before", "failed/outcome_unknown//400/2"),
    ] {
        let steps = json!({"first": [first], "always": "unknown_field_400"});
        let over = json!({"metadata": {}, "sandbox": {"patch": steps}});
        let (found, world) = settle(&over, rows, "");
        assert_eq!(found, verdict);
        let results = world.judge();
        let row = results.of("lead_a");
        assert!(row["result_detail"].contains("should not exist"), "{row}");
    }
}

#[test]
fn a_lead_that_cannot_be_read_for_a_page_is_unreachable() {
    let over = json!({"sandbox": {"get": {"always": "html_200"}}});
    let world = World::new(vec![
        lead_with("lead_a", &over),
        lead_with("lead_b", &json!({})),
    ]);
    world.write(
        INPUT,
        "lead_id,metadata.product\nlead_a,home_loan\nlead_b,home_loan\n",
    );
    world
        .run("apply corrections.csv --max-attempts 2")
        .expect(1);
    let results = world.judge();
    assert_eq!(results.of("lead_a").verdict(), "failed/unreachable//200/0");
}

#[test]
fn with_the_spelling_stated_the_other_one_is_never_tried() {
    let rows = format!("lead_id,phone_number\nlead_a,{}\n", number(0));
    for (step, verdict) in [
        ("old_values_200", "failed/not_applied//200/1"),
        ("unknown_field_400", "invalid/rejected_by_server//400/1"),
    ] {
        let (found, world) = settle(&always(step), &rows, "--dialect guide");
        assert_eq!(found, verdict);
        assert_eq!(world.requests("PATCH"), 1);
    }
}

#[test]
fn a_variable_that_differs_from_the_leads_only_in_case_is_pointed_out() {
    let over = json!({"metadata": {"Product": "gold_loan", "city": "Pune"}});
    for (cells, words) in [
        (
            "home_loan,",
            "the lead also has `Product`, which differs only in case",
        ),
        (
            "<clear>,",
            "the lead also has `Product`, which differs only in case",
        ),
        (",Delhi", ""),
    ] {
        let rows = format!("lead_id,metadata.product,metadata.city\nlead_a,{cells}\n");
        let world = World::new(vec![lead_with("lead_a", &over)]);
        world.write(INPUT, &rows);
        world
            .run("apply corrections.csv --dry-run")
            .expect(0)
            .says(words);
        world.run("apply corrections.csv").expect(0);
        let results = world.judge();
        assert_eq!(&results.of("lead_a")["result_detail"], words, "{cells}");
    }
}

#[test]
fn variables_are_read_again_before_every_retry() {
    let over = json!({"metadata": {"city": "Pune"}, "sandbox": {"patch": ["500_before"]}});
    let (found, world) = settle(&over, "lead_id,metadata.product\nlead_a,home_loan\n", "");
    assert_eq!(found, "updated///200/2");
    let methods: Vec<String> = world
        .ledger()
        .receipts
        .into_iter()
        .map(|receipt| receipt.method)
        .collect();
    assert_eq!(methods, ["GET", "PATCH", "GET", "PATCH"]);
}

#[test]
fn a_lead_whose_variables_cannot_be_seen_is_not_sent() {
    let rows = "lead_id,metadata.product\nlead_a,home_loan\n";
    for (get, verdict) in [
        ("without_variables_200", "failed/variables_unread//200/0"),
        ("500_before", "failed/unreachable//500/0"),
        ("forbidden_403", ""),
        ("404", "missing/not_found//404/0"),
    ] {
        let world = World::new(vec![lead_with(
            "lead_a",
            &json!({"sandbox": {"get": {"always": get}}}),
        )]);
        world.write(INPUT, rows);
        let ran = world.run("apply corrections.csv --max-attempts 2");
        if verdict.is_empty() {
            ran.complains(77, &["key"]);
        } else {
            let results = world.judge();
            assert_eq!(results.of("lead_a").verdict(), verdict, "{get}");
        }
        assert_eq!(world.requests("PATCH"), 0);
    }
}

#[test]
fn unknown_fields_refused_lead_to_the_other_spelling() {
    let options = Options {
        honours: leadfix::sandbox::Honours::Reference,
        unknown_fields: UnknownFields::Refused,
        ..Options::default()
    };
    let world = World::plain(1, options);
    world.run("apply corrections.csv --region IN").expect(0);
    assert_eq!(world.judge().of("lead_0000").verdict(), "updated///200/2");
}

#[test]
fn the_servers_words_reach_the_detail() {
    let rows = format!("lead_id,phone_number\nlead_a,{}\n", number(0));
    for (step, words) in [
        ("400_string", vec!["must be a valid E.164"]),
        (
            "400_array",
            vec!["must be a valid E.164", "more than 15 keys"],
        ),
        ("422", vec!["not a product of this campaign"]),
        (
            "destination_blocked_403",
            vec!["blocked by the telephony settings"],
        ),
    ] {
        let (_, world) = settle(&always(step), &rows, "");
        let results = world.judge();
        for word in words {
            assert!(
                results.of("lead_a")["result_detail"].contains(word),
                "{}",
                results.of("lead_a")
            );
        }
    }
}

#[test]
fn the_same_refusal_for_the_first_twenty_stops_the_run_and_writes_none_of_them() {
    for (step, count, code) in [
        ("404", 25, 78),
        ("400_string", 25, 78),
        ("404", 19, 1),
        ("409", 25, 1),
    ] {
        let script = format!("{{\"patch\": {{\"always\": \"{step}\"}}}}")
            .parse()
            .expect("a script");
        let world = World::plain(
            count,
            Options {
                script: Some(script),
                ..Options::default()
            },
        );
        let ran = world.run("apply corrections.csv --region IN");
        ran.expect(code);
        let rows = world.table(crate::world::RESULTS).rows.len();
        assert_eq!(rows, if code == 78 { 0 } else { count }, "{step}\n{ran}");
    }
}

#[test]
fn rows_that_are_not_sent_do_not_count_among_the_first_answers() {
    let script = "{\"patch\": {\"always\": \"422\"}}"
        .parse()
        .expect("a script");
    let world = World::plain(
        19,
        Options {
            script: Some(script),
            ..Options::default()
        },
    );
    let mut rows = String::from_utf8(world.read(INPUT)).expect("text");
    rows.push_str(&"lead_0000x,12,\n".repeat(3));
    world.write(INPUT, rows);
    world.run("apply corrections.csv --region IN").expect(1);
    assert_eq!(world.judge().rows.len(), 22);
}

#[test]
fn quick_refusals_do_not_outrun_slow_successes() {
    let world = World::new(vec![lead_with(
        "slow",
        &json!({"sandbox": {"patch": ["delay:1500"]}}),
    )]);
    let gone: Vec<String> = (0..25)
        .map(|index| format!("gone_{index},{},", number(index)))
        .collect();
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number,metadata.product\nslow,,home_loan\n{}\n",
            gone.join("\n")
        ),
    );
    // The read of the first row is answered with 200 before anything else is sent.
    world
        .run("apply corrections.csv --region IN --concurrency 2")
        .expect(1);
    assert_eq!(world.judge().rows.len(), 26);
}

#[test]
fn a_name_shown_as_null_is_shown() {
    let world = World::with(
        vec![lead_with("lead_a", &json!({"name": null}))],
        Options {
            honours: leadfix::sandbox::Honours::Guide,
            ..Options::default()
        },
    );
    world.write(
        INPUT,
        format!("lead_id,phone_number,name\nlead_a,{},Asha\n", number(0)),
    );
    world.run("apply corrections.csv --region IN").expect(1);
    assert!(
        world
            .judge()
            .of("lead_a")
            .verdict()
            .starts_with("failed/partly_applied/")
    );
}

#[test]
fn a_lock_that_the_lead_denies_is_for_a_person() {
    let (found, _) = settle(
        &always("409"),
        &format!("lead_id,phone_number\nlead_a,{}\n", number(0)),
        "",
    );
    assert!(
        found.starts_with("locked/") && found.contains("/review/"),
        "{found}"
    );
}

#[test]
fn notes_and_variables_can_be_cleared_and_numbers_cannot() {
    let (found, world) = settle(
        &json!({"notes": "old", "metadata": {"product": "x"}}),
        "lead_id,notes,metadata.product\nlead_a,<clear>,<clear>\n",
        "",
    );
    assert_eq!(found, "updated///200/1");
    assert_eq!(
        world
            .ledger()
            .lead("lead_a")
            .map(|lead| (lead.notes.clone(), lead.metadata.len())),
        Some((Some(String::new()), 0))
    );
    for field in ["phone_number", "name"] {
        let (found, _) = settle(
            &json!({}),
            &format!("lead_id,{field},notes\nlead_a,<clear>,x\n"),
            "",
        );
        assert_eq!(found, "invalid/not_clearable///0");
    }
}

/// The first twenty rows are what tells, and not the first twenty answers.
#[test]
fn quick_refusals_behind_slow_successes_stop_no_run() {
    let slow = json!({"sandbox": {"patch": {"always": "delay:700"}}});
    let ids: Vec<String> = (0..60).map(|index| format!("lead_{index:02}")).collect();
    let missing = |index: usize| (4..34).contains(&index);
    let leads = ids.iter().enumerate().filter(|(index, _)| !missing(*index));
    let world = World::new(leads.map(|(_, id)| lead_with(id, &slow)).collect());
    let rows: String = ids
        .iter()
        .enumerate()
        .map(|(index, id)| [id.as_str(), ",", &number(index), "\n"].concat())
        .collect();
    world.write(INPUT, format!("lead_id,phone_number\n{rows}"));
    world.run("apply corrections.csv --region IN").expect(1);
    let results = world.judge();
    for (index, id) in ids.iter().enumerate() {
        let expected = if missing(index) { "missing" } else { "updated" };
        assert_eq!(&results.of(id)["result_status"], expected, "{id}");
    }
}

#[test]
fn a_forbidden_first_row_waits_for_the_others() {
    let forbidden =
        json!({"patch": {"always": "forbidden_403"}, "get": {"always": "forbidden_403"}});
    let mut leads = vec![lead_with("lead_0000", &json!({"sandbox": forbidden}))];
    leads.extend((1..6).map(|index| lead_with(&format!("lead_000{index}"), &json!({}))));
    let world = World::new(leads);
    world.write(INPUT, plain(6).1);
    world.run("apply corrections.csv --region IN").expect(1);
    let results = world.judge();
    assert_eq!(
        results.of("lead_0000").verdict(),
        "invalid/forbidden//403/1"
    );
    assert_eq!(results.of("lead_0005").verdict(), "updated///200/1");
}
