//! `apply`: files as people have them, in both body spellings, judged by the ledger.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use leadfix::outcome::Status;
use leadfix::sandbox::{Honours, Leads, Options, Sandbox, UnknownFields};
use serde_json::{Value, json};

use crate::judge::Terms;
use crate::world::{INPUT, RESULTS, World, lead, lead_with, number, plain};

fn fixture(name: &str) -> String {
    std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures")
            .join(name),
    )
    .expect("a fixture")
}

#[test]
fn the_fixture_shows_every_status_and_agrees_with_the_ledger_row_by_row() {
    let leads = fixture("corrections.leads.jsonl");
    let leads = leads
        .lines()
        .map(|line| serde_json::from_str(line).expect("a lead"))
        .collect();
    let world = World::new(leads);
    world.write(INPUT, fixture("corrections.csv"));
    world
        .run("apply corrections.csv --region IN")
        .expect(1)
        .says("rows settled");
    let results = world.judge();
    let statuses: BTreeSet<String> = results
        .rows()
        .map(|row| row["result_status"].to_owned())
        .collect();
    let wanted: BTreeSet<String> = Status::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(statuses, wanted);
    let summary = world.json("corrections.summary.json");
    assert_eq!(
        (
            &summary["complete"],
            &summary["exit_code"],
            &summary["sandbox"]
        ),
        (&json!(true), &json!(1), &json!(false))
    );
    for status in wanted {
        let count = results
            .rows()
            .filter(|row| row["result_status"] == *status)
            .count();
        assert_eq!(summary["statuses"][&status], json!(count), "{status}");
    }
}

#[test]
fn the_fixture_runs_against_the_sandbox_within_and_says_so() {
    let world = World::new(Vec::new());
    world.write(INPUT, fixture("corrections.csv"));
    world.write(
        "corrections.leads.jsonl",
        fixture("corrections.leads.jsonl"),
    );
    let ran = world
        .leadfix("apply corrections.csv --sandbox --region IN")
        .without("DIALNEXA_API_KEY")
        .run();
    ran.expect(1).says("SANDBOX");
    let results = world.table("corrections.sandbox.results.csv");
    assert_eq!(results.rows.len(), world.table(INPUT).rows.len());
    assert_eq!(
        world.json("corrections.sandbox.summary.json")["sandbox"],
        json!(true)
    );
    assert!(
        !world.path(RESULTS).exists(),
        "a rehearsal must not pass for the real thing"
    );
    assert_eq!(
        world.ledger().counts.requests,
        0,
        "the sandbox outside was not asked"
    );
}

/// The rows of the spelling tests: a number; a number and a variable; a variable beside others; one taken away;
/// a name; free text.
fn spelling_world(options: Options) -> World {
    let metadata = json!({"metadata": {"product": "gold_loan", "city": "Pune", "language": "hi"}});
    let ids = [
        "lead_phone",
        "lead_both",
        "lead_variable",
        "lead_removed",
        "lead_name",
        "lead_notes",
    ];
    let world = World::with(
        ids.iter().map(|id| lead_with(id, &metadata)).collect(),
        options,
    );
    let numbers: Vec<String> = (0..4).map(number).collect();
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number,name,notes,metadata.product,metadata.city\n\
             lead_phone,{},,,,\nlead_both,{},,,home_loan,\nlead_variable,,,,car_loan,\nlead_removed,,,,,<clear>\n\
             lead_name,{},Asha Rao,,,\nlead_notes,{},,call after six,,\n",
            numbers[0], numbers[1], numbers[2], numbers[3]
        ),
    );
    world
}

#[test]
fn every_spelling_against_every_server_tells_the_truth_and_loses_no_variable() {
    for dialect in ["guide", "reference", "auto"] {
        for honours in [Honours::Guide, Honours::Reference, Honours::Both] {
            for unknown_fields in [UnknownFields::Dropped, UnknownFields::Refused] {
                let case = format!("--dialect {dialect}, {honours:?}, {unknown_fields:?}");
                let world = spelling_world(Options {
                    honours,
                    unknown_fields,
                    ..Options::default()
                });
                let ran = world.run(&format!(
                    "apply corrections.csv --region IN --dialect {dialect}"
                ));
                let results = world.judge();
                let understood = match dialect {
                    "guide" => honours != Honours::Reference,
                    "reference" => honours != Honours::Guide,
                    _ => true,
                };
                for id in ["lead_phone", "lead_both", "lead_variable", "lead_removed"] {
                    let row = results.of(id);
                    assert_eq!(
                        &row["result_status"] == "updated",
                        understood,
                        "{case}: {row}\n{ran}"
                    );
                }
                let notes = results.of("lead_notes").verdict();
                let said = match (dialect, honours) {
                    ("reference", _) | ("auto", Honours::Reference) => "invalid/not_expressible/",
                    ("guide", Honours::Reference) => continue,
                    _ => "updated/partly_confirmed/",
                };
                assert!(notes.starts_with(said), "{case}: {notes}\n{ran}");
            }
        }
    }
}

#[test]
fn a_spelling_that_proved_itself_is_kept_and_named() {
    let world = World::plain(
        60,
        Options {
            honours: Honours::Reference,
            ..Options::default()
        },
    );
    world
        .run("apply corrections.csv --region IN --concurrency 1")
        .expect(0)
        .says("reference");
    world.judge();
    assert_eq!(
        world.json("corrections.summary.json")["dialect"],
        json!("reference")
    );
    let requests = world.requests("PATCH");
    assert!(
        (61..=64).contains(&requests),
        "{requests} requests: only rows that had begun may learn it again"
    );
}

#[test]
fn variables_are_merged_unless_they_shall_replace() {
    let rows = "lead_id,metadata,metadata.city,metadata.Product\n\
                lead_a,\"{\"\"age\"\":42,\"\"vip\"\":true}\",<clear>,SUV\n";
    for (mode, left) in [
        (
            "merge",
            json!({"product": "gold_loan", "age": 42, "vip": true, "Product": "SUV"}),
        ),
        ("replace", json!({"age": 42, "vip": true, "Product": "SUV"})),
    ] {
        let world = World::new(vec![lead_with(
            "lead_a",
            &json!({"metadata": {"product": "gold_loan", "city": "Pune"}}),
        )]);
        world.write(INPUT, rows);
        world
            .run(&format!("apply corrections.csv --metadata {mode}"))
            .expect(0);
        world.judge_on(Terms {
            replaces: mode == "replace",
            ..Terms::default()
        });
        assert_eq!(
            Value::Object(
                world
                    .ledger()
                    .lead("lead_a")
                    .expect("a lead")
                    .metadata
                    .clone()
            ),
            left,
            "{mode}"
        );
    }
}

#[test]
fn a_lead_would_never_get_more_variables_than_it_can_have() {
    let many: serde_json::Map<String, Value> = (0..14)
        .map(|index| (format!("k{index}"), json!("v")))
        .collect();
    let world = World::new(vec![
        lead_with("lead_a", &json!({"metadata": many})),
        lead("lead_b"),
    ]);
    world.write(
        INPUT,
        "lead_id,metadata.x,metadata.y\nlead_a,1,2\nlead_b,1,2\n",
    );
    world.run("apply corrections.csv").expect(1);
    let results = world.judge();
    assert_eq!(
        results.of("lead_a").verdict(),
        "invalid/too_many_variables//200/0"
    );
    assert_eq!(results.of("lead_b").verdict(), "updated///200/1");
}

#[test]
fn ids_are_opaque_and_reach_the_server_as_they_stand() {
    let ids = [
        "a/b",
        "a?b=c",
        "a#b",
        "50%25",
        "two words",
        "लीड_1",
        "a\\b",
        "..%2f..",
        "a;b:c@d&e=+",
    ];
    let world = World::new(ids.iter().map(|id| lead(id)).collect());
    let rows: Vec<String> = ids
        .iter()
        .enumerate()
        .map(|(at, id)| format!("{id},{}", number(at)))
        .collect();
    world.write(
        INPUT,
        format!("lead_id,phone_number\n{}\n", rows.join("\n")),
    );
    world.run("apply corrections.csv --region IN").expect(0);
    assert_eq!(world.judge().rows.len(), ids.len());
}

#[test]
fn identical_rows_are_sent_once_and_conflicting_ones_never() {
    let locked = lead_with("lead_locked", &json!({"status": "completed"}));
    let world = World::new(vec![lead("lead_twice"), lead("lead_torn"), locked]);
    let (one, other, third) = (number(1), number(2), number(3));
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number\nlead_twice,{one}\nlead_twice,+91{one}\nlead_torn,{one}\nlead_torn,{other}\n\
             lead_locked,{third}\nlead_locked,{third}\n"
        ),
    );
    world.run("apply corrections.csv --region IN").expect(1);
    let results = world.judge();
    let verdicts: Vec<String> = results.rows().map(|row| row.verdict()).collect();
    assert_eq!(
        verdicts,
        [
            "updated///200/1",
            "unchanged/identical_duplicate///0",
            "invalid/conflicting_duplicate///0",
            "invalid/conflicting_duplicate///0",
            "locked/already_dialled/yes/409/1",
            "locked/already_dialled///0",
        ]
    );
    let rows: Vec<_> = results.rows().collect();
    assert!(
        rows[5]["result_detail"].contains("line 6")
            && rows[5]["result_detail"].contains("region_assumed"),
        "{}",
        rows[5]
    );
    assert!(
        !rows[1]["result_detail"].contains("region_assumed"),
        "its own cell says the country: {}",
        rows[1]
    );
    assert!(
        rows[2]["result_detail"].contains("line 5") && rows[3]["result_detail"].contains("line 4"),
        "{}",
        rows[2]
    );
}

#[test]
fn a_results_file_can_be_run_again() {
    let world = World::new(vec![
        lead("lead_a"),
        lead_with("lead_b", &json!({"sandbox": {"patch": ["422"]}})),
    ]);
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number\nlead_a,{}\nlead_b,{}\n",
            number(1),
            number(2)
        ),
    );
    world.run("apply corrections.csv --region IN").expect(1);
    world.judge();
    world
        .run("apply corrections.results.csv --region IN --out again.results.csv")
        .expect(0);
    let again = world.judge_on(Terms {
        input: RESULTS,
        results: "again.results.csv",
        resumed: true,
        ..Terms::default()
    });
    assert_eq!(
        again
            .header
            .iter()
            .filter(|name| name.starts_with("result_"))
            .count(),
        10
    );
    assert_eq!(again.of("lead_b").verdict(), "updated///200/1");
}

#[test]
fn lines_count_line_breaks_in_cells_and_blank_lines() {
    let world = World::new(vec![lead("lead_a"), lead("lead_b"), lead("lead_c")]);
    let rows = format!(
        "lead_id,phone_number,remark\r\n\r\nlead_a,{},\"one\r\ntwo\"\r\nlead_b,{},\"=1+1\"\r\n\r\nlead_c,{},\" x \"\"y\"\" \"\r\n",
        number(1),
        number(2),
        number(3)
    );
    world.write(INPUT, rows);
    world.run("apply corrections.csv --region IN").expect(0);
    let results = world.judge();
    let lines: Vec<String> = results
        .rows()
        .map(|row| row["result_line"].to_owned())
        .collect();
    assert_eq!(lines, ["3", "5", "7"]);
    assert_eq!(&results.of("lead_a")["remark"], "one\r\ntwo");
}

#[test]
fn a_start_tells_of_blank_lines_and_shows_no_whole_cell() {
    let world = World::new(vec![lead("lead_a"), lead("lead_b")]);
    let text = format!(
        "lead_id,remark,phone_number\n\nlead_a,x,{}\n,,\nlead_b,y,{}",
        number(0),
        number(1)
    );
    world.write(INPUT, text);
    world
        .run("check corrections.csv --region IN")
        .expect(0)
        .says("2 blank lines, skipped")
        .says(&format!("its last cell, `{}`, is complete", number(1)));
    let hidden = format!("its last cell, `…{}`, is complete", &number(1)[6..]);
    world
        .run("apply corrections.csv --region IN")
        .expect(0)
        .says("2 blank lines, skipped")
        .says(&hidden)
        .never_says(&number(1));
}

#[test]
fn a_byte_order_mark_only_when_asked_for() {
    let world = World::plain(1, Options::default());
    world
        .run("apply corrections.csv --region IN --bom")
        .expect(0);
    assert!(world.read(RESULTS).starts_with(b"\xef\xbb\xbfresult_row"));
    world.judge();
    world
        .run("apply corrections.csv --region IN --out plain.csv")
        .expect(0);
    assert!(world.read("plain.csv").starts_with(b"result_row"));
}

#[test]
fn standard_input_needs_a_name_for_the_results() {
    let world = World::plain(3, Options::default());
    let rows = world.read(INPUT);
    world
        .leadfix("apply - --region IN")
        .stdin(rows.clone())
        .run()
        .complains(2, &["--out"]);
    world
        .leadfix("apply - --region IN --out corrections.results.csv")
        .stdin(rows)
        .run()
        .expect(0);
    world.judge();
}

#[test]
fn base_urls_work_with_and_without_the_version() {
    let world = World::plain(1, Options::default());
    let address = world.sandbox.address();
    for (index, base) in ["", "/", "/v1", "/v1/"].iter().enumerate() {
        let run = format!("apply corrections.csv --region IN --out out{index}.csv");
        let ran = world
            .leadfix(&run)
            .env("DIALNEXA_BASE_URL", format!("http://{address}{base}"))
            .run();
        ran.expect(0);
    }
    let paths: BTreeSet<String> = world
        .ledger()
        .receipts
        .into_iter()
        .map(|receipt| receipt.path)
        .collect();
    assert_eq!(
        paths,
        BTreeSet::from(["/v1/campaigns-leads/lead_0000".to_owned()])
    );
}

#[test]
fn settings_come_from_the_file_of_defaults_and_flags_win() {
    let world = World::new(vec![lead("lead_a")]);
    world.write(INPUT, format!("Kunde,Mobile No.\nlead_a,{}\n", number(1)));
    world.write(
        "leadfix.toml",
        "region = \"US\"\ndialect = \"reference\"\n[map]\nlead_id = \"Kunde\"\nphone_number = \"Mobile No.\"\n",
    );
    world.run("apply corrections.csv --region IN").expect(0);
    let body = world.ledger().receipts[0].body.clone().expect("a body");
    assert_eq!(body, format!("{{\"phoneNumber\":\"+91{}\"}}", number(1)));
    world.write("leadfix.toml", "regoin = \"IN\"\n");
    world
        .run("apply corrections.csv --out other.csv")
        .expect(78)
        .says("leadfix.toml")
        .says("regoin");
}

#[test]
fn the_key_is_found_in_a_dotenv_file_and_in_a_private_key_file() {
    let world = World::plain(
        1,
        Options {
            api_key: Some("right-key".to_owned().into()),
            ..Options::default()
        },
    );
    let bare = |arguments: &str| world.leadfix(arguments).without("DIALNEXA_API_KEY");
    world.write(
        ".env",
        format!(
            "DIALNEXA_API_KEY='right-key'\nDIALNEXA_BASE_URL={}\n",
            world.sandbox.base_url()
        ),
    );
    bare("apply corrections.csv --region IN")
        .without("DIALNEXA_BASE_URL")
        .run()
        .expect(0);
    std::fs::remove_file(world.path(".env")).expect("the file");
    world.write("key", "right-key\n");
    bare("apply corrections.csv --region IN --out b.csv --api-key-file key")
        .run()
        .complains(78, &["chmod 600"]);
    private(&world, "key");
    bare("apply corrections.csv --region IN --out b.csv --api-key-file key")
        .run()
        .expect(0);
}

#[test]
fn the_key_file_of_leadfix_toml_comes_last() {
    let world = World::plain(
        1,
        Options {
            api_key: Some("right-key".to_owned().into()),
            ..Options::default()
        },
    );
    world.write(
        "leadfix.toml",
        "region = \"IN\"\napi_key_file = \"teams\"\n",
    );
    for (file, key) in [("teams", "teams-key"), ("mine", "right-key")] {
        world.write(file, key);
        private(&world, file);
    }
    let run = |key: &str, flag: &str| {
        let run = world.leadfix(&format!("apply corrections.csv --fresh {flag}"));
        run.env("DIALNEXA_API_KEY", key)
    };
    run("wrong-key", "--api-key-file mine").run().expect(0);
    run("right-key", "").run().expect(0);
    run(" ", "").run().complains(2, &["DIALNEXA_API_KEY"]);
    let no_text = OsString::from_vec(vec![b'k', 0xff]);
    run("", "")
        .env("DIALNEXA_API_KEY", no_text)
        .run()
        .complains(2, &["DIALNEXA_API_KEY", "no text"]);
    let unset = || run("", "").without("DIALNEXA_API_KEY").run();
    unset().complains(77, &["key"]);
    world.write(".env", "DIALNEXA_API_KEY=right-key\n");
    unset().expect(0);
}

fn private(world: &World, name: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(0o600))
        .expect("permissions");
}

#[test]
fn files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::plain(2, Options::default());
    world.run("apply corrections.csv --region IN").expect(0);
    for name in [RESULTS, "corrections.summary.json", "corrections.run.json"] {
        let mode = std::fs::metadata(world.path(name))
            .expect("a file")
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, 0o600, "{name} has {mode:o}");
    }
}

#[test]
fn a_limit_holds_everyone_and_costs_no_attempt() {
    let world = World::plain(
        30,
        Options {
            limit: Some("20/1s".parse().expect("a limit")),
            ..Options::default()
        },
    );
    world.run("apply corrections.csv --region IN").expect(0);
    let results = world.judge();
    assert!(results.rows().all(|row| row.verdict() == "updated///200/1"));
    let throttled = world
        .ledger()
        .counts
        .statuses
        .get(&429)
        .copied()
        .unwrap_or_default();
    assert!(
        throttled <= 16,
        "a burst of 429s is one lesson: {throttled}"
    );
}

#[test]
fn reconcile_sends_only_what_differs() {
    let same = lead_with(
        "lead_same",
        &json!({"phone_number": format!("+91{}", number(1))}),
    );
    let world = World::new(vec![same, lead("lead_other")]);
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number\nlead_same,{}\nlead_other,{}\n",
            number(1),
            number(2)
        ),
    );
    world.run("reconcile corrections.csv --region IN").expect(0);
    let results = world.judge();
    assert_eq!(
        results.of("lead_same").verdict(),
        "unchanged/already_correct//200/0"
    );
    assert_eq!(results.of("lead_other").verdict(), "updated///200/1");
    assert_eq!(world.requests("PATCH"), 1);
}

#[test]
fn seeded_trouble_is_accounted_for_truthfully() {
    for seed in [1, 2] {
        let world = World::plain(
            60,
            Options {
                trouble: 0.3,
                seed,
                ..Options::default()
            },
        );
        let ran = world.run("apply corrections.csv --region IN --concurrency 32 --timeout 5s");
        assert!(matches!(ran.code, Some(0 | 1)), "{ran}");
        world.judge();
    }
}

#[test]
fn nobody_is_called_twice_when_a_campaign_overtakes_the_run() {
    let dialling = Some("400/1s".parse().expect("a pace"));
    let world = World::plain(
        200,
        Options {
            dialling,
            latency: std::time::Duration::from_millis(5),
            ..Options::default()
        },
    );
    let ran = world.run("apply corrections.csv --region IN --concurrency 4");
    assert!(matches!(ran.code, Some(0 | 1)), "{ran}");
    let results = world.judge();
    let ledger = world.ledger();
    for row in results
        .rows()
        .filter(|row| &row["result_reupload"] == "yes")
    {
        assert_eq!(
            ledger.rang(&row["result_phone_number"]),
            0,
            "that phone rang already: {row}"
        );
    }
}

#[test]
fn any_id_is_known_where_there_is_no_leads_file() {
    let options = Options {
        leads: Leads::AnyPending,
        ..Options::default()
    };
    let other = Sandbox::start(options, ([127, 0, 0, 1], 0).into()).expect("a free port");
    let world = World::plain(2, Options::default());
    world
        .leadfix("apply corrections.csv --region IN")
        .env("DIALNEXA_BASE_URL", other.base_url())
        .run()
        .expect(0);
    assert!(
        other
            .ledger()
            .ever_held("lead_0001", &format!("+91{}", number(1)))
    );
}

#[test]
fn no_row_is_sent_before_the_one_a_window_ahead_of_it_is_written() {
    let window = usize::try_from(leadfix::config::WINDOW).expect("it fits");
    let (mut leads, rows) = plain(window + 36);
    leads[0]["sandbox"] = json!({"patch": ["delay:15000"]});
    let world = World::new(leads);
    world.write(INPUT, rows);
    let ran = world.run("apply corrections.csv --region IN");
    ran.expect(0);
    // What is there for people meanwhile.
    ran.says(&format!("0 of {} rows, 0/s · bound by", window + 36));
    world.judge();
    let ledger = world.ledger();
    let at = |row: usize| {
        ledger
            .receipts_for(&format!("lead_{row:04}"))
            .next()
            .expect("a receipt")
            .at
    };
    let delay = SignedDuration::from_secs(15);
    let last = at(window - 1).duration_since(at(0));
    assert!(last < delay, "the window was not used: {last:?}");
    for row in window..window + 36 {
        let later = at(row).duration_since(at(0));
        assert!(later >= delay, "row {} went ahead: {later:?}", row + 1);
    }
}

/// Runs 400 rows, 250 at once, with what a shell says of open files first.
fn with_open_files(limit: &str) {
    let latency = Duration::from_millis(200);
    let world = World::plain(
        400,
        Options {
            latency,
            ..Options::default()
        },
    );
    let shell = format!(r#"ulimit {limit} && exec "$0" "$@""#);
    world
        .leadfix("apply corrections.csv --region IN --concurrency 250")
        .under(&["sh".to_owned(), "-c".to_owned(), shell])
        .run()
        .expect(0);
    world.judge();
    let summary = world.json("corrections.summary.json");
    assert_eq!(summary["traffic"]["retries"], 0, "no connection failed");
}

#[test]
fn the_open_files_that_a_shell_allows_are_no_limit_of_connections() {
    with_open_files("-Sn 100");
}

#[test]
fn no_more_connections_are_opened_than_the_system_allows() {
    with_open_files("-n 100");
}

#[test]
fn a_name_that_is_no_utf8_is_shown_as_far_as_it_is() {
    use std::os::unix::ffi::OsStringExt;
    let name = |bytes: &[u8]| std::ffi::OsString::from_vec(bytes.to_vec());
    let world = World::plain(1, Options::default());
    let input = name(b"corr\xe9ctions.csv");
    std::fs::copy(world.path(INPUT), world.folder().join(&input)).expect("a file");
    let ran = world
        .leadfix("check --json --region IN")
        .arg(input.clone())
        .run();
    ran.expect(0).says("corr\u{fffd}ctions.csv");
    let ran = world
        .leadfix("apply --region IN --out")
        .arg(name(b"r\xe9sults.csv"))
        .arg(input)
        .run();
    ran.expect(0);
    let summary = world.json("r\u{fffd}sults.summary.json");
    assert_eq!(summary["input"], json!("corr\u{fffd}ctions.csv"));
    assert_eq!(summary["results"], json!("r\u{fffd}sults.csv"));
}

/// In a replacement it says that no variable is left; in a merge it says nothing.
#[test]
fn no_variables_at_all_can_be_what_is_left() {
    for (mode, code, verdict, left) in [
        ("replace", 0, "updated///200/1", json!({})),
        (
            "merge",
            1,
            "invalid/no_change///0",
            json!({"product": "gold_loan"}),
        ),
    ] {
        let world = World::new(vec![lead("lead_a"), lead("lead_b")]);
        world.write(
            INPUT,
            format!(
                "lead_id,phone_number,metadata\nlead_a,,{{}}\nlead_b,{},{{}}\n",
                number(1)
            ),
        );
        let ran = world.run(&format!(
            "apply corrections.csv --region IN --metadata {mode}"
        ));
        ran.expect(code);
        let results = world.table(RESULTS);
        assert_eq!(results.of("lead_a").verdict(), verdict, "{mode}");
        assert_eq!(results.of("lead_b").verdict(), "updated///200/1", "{mode}");
        for id in ["lead_a", "lead_b"] {
            let ledger = world.ledger();
            let held = &ledger.lead(id).expect("a lead").metadata;
            assert_eq!(Value::Object(held.clone()), left, "{mode}, {id}");
        }
    }
}

#[test]
fn what_each_column_is_read_as_is_said_before_anything_is_sent() {
    let world = World::new(vec![lead("lead_a")]);
    world.write(
        INPUT,
        format!("Lead ID,Handset,Batch\nlead_a,{},x\n", number(0)),
    );
    let options = "corrections.csv --region IN --map phone_number=Handset";
    let words =
        "  read      `Lead ID` as lead_id, `Handset` as phone_number\n  carried   `Batch`\n";
    for command in ["apply --dry-run", "apply", "reconcile --fresh"] {
        let ran = world.run(&format!("{command} {options}"));
        assert!(ran.expect(0).stderr.contains(words), "{ran}");
    }
    let ran = world.run(&format!("apply --fresh --quiet {options}"));
    ran.expect(0).never_says("carried");
}
