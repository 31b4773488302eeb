//! Each exit code from the real binary, with the one line that says what is wrong and what to do.

use std::fs::File;
use std::net::TcpListener;
use std::time::Duration;

use leadfix::sandbox::Options;
use serde_json::json;

use crate::world::{INPUT, RESULTS, World, lead, lead_with, number, rounded};

#[test]
fn nought_when_every_row_is_fine_and_one_when_some_need_a_person() {
    let world = World::plain(3, Options::default());
    world.run("apply corrections.csv --region IN").expect(0);
    world.write("other.csv", "lead_id,phone_number\nlead_0000,12\n");
    world
        .run("apply other.csv --region IN")
        .expect(1)
        .says("invalid");
    world.judge();
}

#[test]
fn two_for_wrong_usage() {
    let world = World::plain(1, Options::default());
    world.run("").expect(2);
    world.run("aply corrections.csv").expect(2);
    world
        .run("apply corrections.csv --rate fast")
        .expect(2)
        .says("--rate");
    world
        .run("apply corrections.csv --region Nowhere")
        .expect(2)
        .says("--region");
    for wrong in [
        "--timeout 0s",
        "--concurrency 4097",
        "--concurrency 0",
        "--max-attempts 101",
        "--max-attempts 0",
        "--timeout 9223372036854775807s",
        "--deadline 8785h",
        "--give-up-after 9223372036854775807s",
    ] {
        let (flag, _) = wrong.split_once(' ').expect("a value");
        world
            .run(&format!("apply corrections.csv --region IN {wrong}"))
            .expect(2)
            .says(flag);
    }
    world.run("apply corrections.csv --api-key k").expect(2);
    world
        .run("apply corrections.csv --sandbox-leads x")
        .expect(2);
    world
        .run("apply corrections.csv --region IN --sandbox --out c.results.csv")
        .complains(2, &["--out", "c.sandbox.results.csv"]);
    let bare = world
        .leadfix("apply corrections.csv --region IN")
        .without("DIALNEXA_API_KEY")
        .run();
    bare.complains(2, &["DIALNEXA_API_KEY", ".env", "--api-key-file"]);
    let empty = world
        .leadfix("apply corrections.csv --region IN")
        .env("DIALNEXA_API_KEY", " ")
        .run();
    empty.complains(2, &["DIALNEXA_API_KEY"]);
    assert_eq!(world.ledger().counts.requests, 0);
    assert!(!world.path(RESULTS).exists());
}

#[test]
fn sixty_five_for_an_unusable_file_before_the_first_request() {
    let world = World::new(vec![lead("lead_a")]);
    for (content, words) in [
        ("", vec!["corrections.csv"]),
        (
            "phone_number\n9876500001\n",
            vec!["corrections.csv", "lead_id"],
        ),
        (
            "lead_id,phone_number\nlead_a,9876500001\nlead_b\n",
            vec!["line 3"],
        ),
        (
            "lead_id,phone_number\nlead_a,\"9876500001\n",
            vec!["line 2", "quote"],
        ),
        (
            "lead_id,phone_number\nlead_a,\"98\"76500001\n",
            vec!["line 2", "quote"],
        ),
        (
            "lead_id,phone,mobile\nlead_a,9876500001,9876500001\n",
            vec!["phone", "mobile"],
        ),
    ] {
        world.write(INPUT, content);
        world
            .run("apply corrections.csv --region IN")
            .complains(65, &words);
    }
    world
        .run("apply nowhere.csv --region IN")
        .complains(65, &["nowhere.csv", "No such file"]);
    assert_eq!(world.ledger().counts.requests, 0);
    assert!(!world.path(RESULTS).exists(), "nothing was begun");
}

#[test]
fn a_complaint_is_one_line() {
    let world = World::plain(1, Options::default());
    world.write("leadfix.toml", "regoin = \"IN\"\n");
    world
        .run("apply corrections.csv")
        .complains(78, &["leadfix.toml", "regoin"]);
}

#[test]
fn a_file_that_is_not_there_leaves_nothing_behind() {
    let world = World::new(Vec::new());
    world.run("apply nowhere.csv --region IN").expect(65);
    let here = world
        .files()
        .into_iter()
        .filter(|(path, _)| path.parent() == Some(world.folder()))
        .count();
    assert_eq!(here, 0);
}

#[test]
fn too_many_invalid_rows_stop_before_the_first_request() {
    let world = World::new(vec![lead("lead_a")]);
    world.write(
        INPUT,
        format!("lead_id,phone_number\nlead_a,{}\nlead_b,12\n", number(0)),
    );
    world
        .run("apply corrections.csv --region IN --max-invalid 0")
        .complains(65, &["1 of 2", "--max-invalid"]);
    world
        .run("apply corrections.csv --region IN --max-invalid 49%")
        .complains(65, &["--max-invalid"]);
    assert_eq!(world.ledger().counts.requests, 0);
    world
        .run("apply corrections.csv --region IN --max-invalid 50%")
        .expect(1);
}

#[test]
fn a_suspicious_column_stops_before_the_first_request_unless_accepted() {
    let world = World::new((1..7).map(|index| lead(&format!("lead_{index}"))).collect());
    world.write(INPUT, rounded());
    world
        .run("apply corrections.csv --region IN")
        .complains(65, &["nothing was sent", "--accept-suspect"]);
    assert_eq!(world.ledger().counts.requests, 0);
    world
        .run("apply corrections.csv --region IN --accept-suspect")
        .expect(0);
}

#[test]
fn seventy_four_for_files_that_cannot_be_used() {
    let world = World::plain(2, Options::default());
    world
        .run("apply corrections.csv --region IN --out no/such/folder/x.csv")
        .complains(74, &["no/such/folder"]);
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    world
        .leadfix("check corrections.csv --region IN")
        .stdout(full)
        .run()
        .complains(74, &["standard output"]);
    world
        .leadfix("check - --region IN")
        .stdin(world.read(INPUT))
        .env("TMPDIR", "/no/such")
        .run()
        .complains(74, &["temporary file"]);
    assert_eq!(world.ledger().counts.requests, 0);
}

#[test]
fn a_closed_stdout_is_nothing_to_stop_for() {
    let world = World::plain(2, Options::default());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    world
        .leadfix("apply corrections.csv --region IN")
        .stdout(writer)
        .run()
        .expect(0);
    world.judge();
}

#[test]
fn seventy_five_while_another_run_holds_the_results_or_the_key() {
    let world = World::plain(
        4,
        Options {
            latency: Duration::from_secs(20),
            ..Options::default()
        },
    );
    let mut first = world.leadfix("apply corrections.csv --region IN").start();
    world.wait_for("the first requests", |ledger| {
        ledger.counts.connections == 4
    });
    let before = world.read(RESULTS);
    world
        .run("apply corrections.csv --region IN")
        .complains(75, &["another run holds"]);
    world
        .run("apply corrections.csv --region IN --out elsewhere.csv")
        .complains(75, &["another run holds"]);
    world
        .run("apply corrections.csv --region IN --fresh")
        .complains(75, &["another run holds"]);
    let other_key = world
        .leadfix("apply corrections.csv --region IN")
        .env("DIALNEXA_API_KEY", "other")
        .run();
    other_key.complains(75, &["another run holds", "corrections.lock"]);
    assert_eq!(world.read(RESULTS), before);
    assert_eq!(world.ledger().counts.connections, 4, "only the first run's");
    first.kill();
    first.end();
    let other = World::plain(4, Options::default());
    let resumed = world
        .leadfix("apply corrections.csv --region IN")
        .env("DIALNEXA_BASE_URL", other.sandbox.base_url())
        .run();
    resumed.expect(78);
}

#[test]
fn a_killed_holder_leaves_no_stale_lock() {
    let world = World::plain(
        4,
        Options {
            latency: Duration::from_millis(300),
            ..Options::default()
        },
    );
    let mut first = world.leadfix("apply corrections.csv --region IN").start();
    world.wait_for("the first request", |ledger| ledger.counts.connections > 0);
    first.kill();
    first.end();
    world.run("apply corrections.csv --region IN").expect(0);
}

#[test]
fn seventy_five_when_the_deadline_is_over() {
    let slow = json!({"sandbox": {"patch": {"always": "429"}}});
    let world = World::new(vec![lead_with("lead_a", &slow), lead("lead_b")]);
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number\nlead_a,{}\nlead_b,{}\n",
            number(0),
            number(1)
        ),
    );
    world
        .run("apply corrections.csv --region IN --deadline 1s")
        .complains(75, &["deadline", "same command again"]);
    assert_eq!(
        world.table(RESULTS).rows.len(),
        0,
        "the first row is not settled"
    );
}

#[test]
fn a_deadline_that_is_over_before_the_file_is_read_lets_nothing_be_sent() {
    // The state folder says that the run has begun, however late.
    let late = "(until [ -e state ]; do sleep 0.01; done; sleep 0.5; cat corrections.csv) | \"$@\"";
    let late = ["sh", "-c", late, "sh"].map(str::to_owned);
    let apply = format!("apply - --region IN --out {RESULTS}");
    for action in ["--dry-run", ""] {
        let world = World::plain(2, Options::default());
        world
            .leadfix(&format!("{apply} --deadline 400ms {action}"))
            .under(&late)
            .run()
            .complains(75, &["deadline", "same command again"]);
        assert_eq!(world.ledger().counts.requests, 0);
        let in_time = world.leadfix(&format!("{apply} --deadline 1h {action}"));
        in_time.under(&late).run().expect(0);
    }
}

fn dead_port() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[test]
fn seventy_five_when_there_is_nothing_but_failed_connections() {
    let world = World::plain(20, Options::default());
    let run = "apply corrections.csv --region IN --max-attempts 100 --give-up-after 1s";
    let ran = world
        .leadfix(run)
        .env("DIALNEXA_BASE_URL", dead_port())
        .run();
    ran.complains(75, &["failed connections", "refused", "same command again"])
        .never_says("bound by the quota");
    assert_eq!(
        world.table(RESULTS).rows.len(),
        0,
        "no row is settled by a server that is away"
    );
}

#[test]
fn a_server_that_was_never_reached_settles_no_row_however_few_there_are() {
    let world = World::plain(2, Options::default());
    let ran = world
        .leadfix("apply corrections.csv --region IN --max-attempts 1")
        .env("DIALNEXA_BASE_URL", dead_port())
        .run();
    ran.complains(75, &["cannot be reached", "same command again"]);
    assert_eq!(world.ledger().counts.requests, 0);
    assert_eq!(world.table(RESULTS).rows.len(), 0);
    world
        .run("apply corrections.csv --region IN --fresh")
        .expect(0);
    world.judge();
}

#[test]
fn seventy_six_when_the_server_answers_for_another_lead() {
    for (method, row) in [
        ("patch", format!("lead_a,{},", number(0))),
        ("get", "lead_a,,x".to_owned()),
    ] {
        let liar = json!({"sandbox": {method: {"always": "other_lead_200"}}});
        let world = World::new(vec![lead_with("lead_a", &liar)]);
        world.write(
            INPUT,
            format!("lead_id,phone_number,metadata.product\n{row}\n"),
        );
        world
            .run("apply corrections.csv --region IN")
            .complains(76, &["lead_a", "another"]);
        assert_eq!(world.table(RESULTS).rows.len(), 0);
    }
}

#[test]
fn seventy_seven_when_the_key_is_refused_and_a_good_one_resumes() {
    let world = World::plain(
        5,
        Options {
            api_key: Some("right".to_owned().into()),
            ..Options::default()
        },
    );
    world
        .run("apply corrections.csv --region IN")
        .complains(77, &["key", "same command again"]);
    assert_eq!(world.table(RESULTS).rows.len(), 0);
    world
        .leadfix("apply corrections.csv --region IN")
        .env("DIALNEXA_API_KEY", "right")
        .run()
        .expect(0);
}

/// Before anything was changed, and in a run that has nothing else left.
#[test]
fn a_forbidden_lead_stops_no_run_whose_key_may_read_another() {
    let forbidden =
        json!({"patch": {"always": "forbidden_403"}, "get": {"always": "forbidden_403"}});
    let world = World::new(vec![
        lead_with("lead_a", &json!({"status": "completed"})),
        lead_with("lead_b", &json!({"sandbox": forbidden})),
    ]);
    let rows = [("lead_a", number(0)), ("lead_b", number(1))];
    let rows = rows.map(|(id, number)| format!("{id},{number}\n")).concat();
    world.write(INPUT, format!("lead_id,phone_number\n{rows}"));
    let command = "apply corrections.csv --region IN --concurrency 1";
    let is_settled = |forbidden| {
        world.run(command).expect(1);
        let results = world.table(RESULTS);
        assert_eq!(
            results.of("lead_a").verdict(),
            "locked/already_dialled/yes/409/1"
        );
        assert_eq!(results.of("lead_b").verdict(), forbidden);
    };
    is_settled("invalid/forbidden//403/1");
    let results = String::from_utf8(world.read(RESULTS)).expect("text");
    let kept: Vec<&str> = results.lines().take(2).collect();
    world.write(RESULTS, format!("{}\n", kept.join("\n")));
    world.forget_the_end();
    // The first run may have changed it.
    is_settled("failed/outcome_unknown//403/1");
    let last = world.ledger().receipts.pop().expect("a request");
    let is_witness = last.method == "GET" && last.path.ends_with("lead_a");
    assert!(is_witness, "{} {}", last.method, last.path);
}

/// One that has become forbidden too, or is not shown at once, says nothing of the key.
#[test]
fn several_leads_are_asked_for_whether_the_key_works() {
    let forbidden =
        json!({"patch": {"always": "forbidden_403"}, "get": {"always": "forbidden_403"}});
    let locked_unread = json!({"get": {"always": "forbidden_403"}});
    let shown_late = json!({"get": ["503_before"]});
    let world = World::new(vec![
        lead_with(
            "lead_a",
            &json!({"status": "completed", "sandbox": locked_unread}),
        ),
        lead_with("lead_b", &json!({"sandbox": shown_late})),
        lead_with("lead_c", &json!({"sandbox": forbidden})),
    ]);
    let rows = [
        ("lead_a", number(0)),
        ("lead_b", number(1)),
        ("lead_c", number(2)),
    ];
    let rows = rows.map(|(id, number)| format!("{id},{number}\n")).concat();
    world.write(INPUT, format!("lead_id,phone_number\n{rows}"));
    let command = "apply corrections.csv --region IN --concurrency 1";
    world.run(command).expect(1);
    let results = String::from_utf8(world.read(RESULTS)).expect("text");
    assert!(results.contains("lock_unread"), "{results}");
    let kept: Vec<&str> = results.lines().take(3).collect();
    world.write(RESULTS, format!("{}\n", kept.join("\n")));
    world.forget_the_end();
    world.run(command).expect(1);
    let results = world.table(RESULTS);
    assert_eq!(
        results.of("lead_c").verdict(),
        "failed/outcome_unknown//403/1"
    );
}

/// Why a run has stopped is said whatever else goes wrong at its end.
#[test]
fn a_summary_that_cannot_be_written_hides_no_reason() {
    let options = Options {
        api_key: Some("right".to_owned().into()),
        ..Options::default()
    };
    let world = World::plain(1, options);
    let in_the_way = world.path("corrections.summary.json.leadfix-new");
    std::fs::create_dir(in_the_way).expect("a folder");
    world
        .run("apply corrections.csv --region IN")
        .complains(77, &["refused the key", "corrections.summary.json"]);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named_with_the_way_out() {
    let world = World::plain(1, Options::default());
    world.write("state", "a file");
    world
        .run("apply corrections.csv --region IN")
        .complains(74, &["state/leadfix", "XDG_STATE_HOME"]);
}

#[test]
fn seventy_seven_when_everything_is_forbidden() {
    let script =
        "{\"patch\": {\"always\": \"forbidden_403\"}, \"get\": {\"always\": \"forbidden_403\"}}";
    let world = World::plain(
        5,
        Options {
            script: Some(script.parse().expect("a script")),
            ..Options::default()
        },
    );
    world
        .run("apply corrections.csv --region IN")
        .complains(77, &["key"]);
    assert_eq!(world.table(RESULTS).rows.len(), 0);
}

#[test]
fn seventy_eight_for_wrong_settings() {
    let world = World::plain(1, Options::default());
    for (base, words) in [
        ("ftp://127.0.0.1/", "base URL"),
        ("not a url", "base URL"),
        ("http://example.com", "https"),
        ("http://127.0.0.1.example.com", "https"),
        ("https://user:pass@example.com", "user"),
        ("https://example.com/?a=b", "path"),
    ] {
        let ran = world
            .leadfix("apply corrections.csv --region IN")
            .env("DIALNEXA_BASE_URL", base)
            .run();
        ran.complains(78, &[words]);
        ran.never_says("pass@");
    }
    world
        .run("apply corrections.csv --region IN --out corrections.csv")
        .complains(78, &["the input itself"]);
    std::fs::create_dir(world.path("folder")).expect("a folder");
    world
        .run("apply corrections.csv --region IN --out folder")
        .complains(78, &["folder"]);
    std::os::unix::fs::symlink(world.path(INPUT), world.path("link.csv")).expect("a link");
    world
        .run("apply corrections.csv --region IN --out link.csv")
        .expect(78);
    world.write("bad.pem", "no certificate");
    world
        .run("apply corrections.csv --region IN --ca-file bad.pem")
        .complains(78, &["bad.pem"]);
    world
        .run("apply corrections.csv --region IN --proxy nowhere")
        .complains(78, &["--proxy", "URL"]);
    for wrong in [
        "proxy = \"nowhere\"",
        "base_url = \"http://example.com\"",
        "timeout = \"0s\"",
        "concurrency = 4097",
        "max_attempts = 0",
    ] {
        world.write("leadfix.toml", format!("region = \"IN\"\n{wrong}\n"));
        world
            .run("apply corrections.csv")
            .complains(78, &["`leadfix.toml`: line 2: "]);
    }
    assert_eq!(world.ledger().counts.requests, 0);
}

#[test]
fn a_dotenv_file_that_is_not_needed_stops_nothing() {
    for is_folder in [true, false] {
        let world = World::plain(1, Options::default());
        if is_folder {
            std::fs::create_dir(world.path(".env")).expect("a folder");
        } else {
            world.write(".env", "A='not closed\nx y z");
        }
        world.run("apply corrections.csv --region IN").expect(0);
        for variable in ["DIALNEXA_API_KEY", "DIALNEXA_BASE_URL"] {
            world
                .leadfix("apply corrections.csv --region IN")
                .without(variable)
                .run()
                .complains(78, &[".env"]);
        }
    }
}

#[test]
fn seventy_eight_for_a_redirect() {
    let world = World::new(vec![lead_with(
        "lead_a",
        &json!({"sandbox": {"patch": ["redirect_302"]}}),
    )]);
    world.write(
        INPUT,
        format!("lead_id,phone_number\nlead_a,{}\n", number(0)),
    );
    world
        .run("apply corrections.csv --region IN")
        .complains(78, &["302", "never followed", "base URL"]);
    assert_eq!(world.table(RESULTS).rows.len(), 0);
}

#[test]
fn signals_end_a_run_in_order_and_a_second_one_at_once() {
    for (signal, code, word) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        let world = World::plain(
            40,
            Options {
                latency: Duration::from_millis(100),
                ..Options::default()
            },
        );
        let mut run = world
            .leadfix("apply corrections.csv --region IN --concurrency 2")
            .start();
        world.wait_for("some answers", |ledger| ledger.counts.requests >= 4);
        run.signal(signal);
        run.end().complains(code, &[word, "same command again"]);
        let rows = world.table(RESULTS).rows.len();
        assert!((2..40).contains(&rows), "{rows} rows");
        assert_eq!(
            world.requests("PATCH"),
            rows as u64,
            "what was under way was settled and written"
        );
    }
    let world = World::plain(
        4,
        Options {
            latency: Duration::from_secs(50),
            ..Options::default()
        },
    );
    let mut run = world.leadfix("apply corrections.csv --region IN").start();
    world.wait_for("a request", |ledger| ledger.counts.connections > 0);
    run.signal("INT");
    let ran = {
        run.wait_for_words("ending"); // two signals at once would be one
        run.signal("INT");
        run.end()
    };
    ran.complains(130, &["interrupted"]);
    assert_eq!(world.table(RESULTS).rows.len(), 0);
}
