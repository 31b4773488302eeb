//! `--dry-run`: everything but the `PATCH`.

use std::time::Duration;

use leadfix::sandbox::Options;
use serde_json::json;

use crate::world::{INPUT, World, lead, lead_with, number, rounded};

#[test]
fn it_shows_what_each_row_would_send_and_sends_nothing() {
    let world = World::new(vec![
        lead("lead_a"),
        lead_with(
            "lead_b",
            &json!({"metadata": {"product": "gold_loan", "city": "Pune"}}),
        ),
        lead_with("lead_c", &json!({"metadata": {"product": "car_loan"}})),
        lead_with("lead_f", &json!({"status": "completed"})),
    ]);
    let mobile = number(0);
    world.write(
        INPUT,
        format!(
            "lead_id,phone_number,name,metadata.product\nlead_a,{mobile},Asha,\nlead_a,{mobile},Asha,\n\
             lead_b,,,home_loan\nlead_c,,,car_loan\nlead_d,,,x\nlead_e,12,,\nlead_f,,,x\n"
        ),
    );
    // The lock on the key is kept in the state folder: a dry run reads, and so uses the key's quota.
    let state = world.path("state");
    let files = || {
        let mut files = world.files();
        files.retain(|(path, _)| !path.starts_with(&state));
        files
    };
    let before = files();
    let ran = world.run("apply corrections.csv --region IN --dry-run");
    ran.expect(1);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 7, "a line for each row\n{ran}");
    for (line, words) in lines.iter().zip([
        &[
            "line 2",
            "lead_a",
            &format!("PATCH {{\"phone_number\":\"+91{mobile}\",\"name\":\"Asha\"}}"),
        ] as &[&str],
        &["line 3", "lead_a", "line 2"],
        &[
            "line 4",
            "lead_b",
            r#"PATCH {"metadata":{"product":"home_loan","city":"Pune"}}"#,
        ],
        &["line 5", "lead_c", "unchanged/already_correct"],
        &["line 6", "lead_d", "missing/not_found"],
        &["line 7", "lead_e", "invalid/"],
        &["line 8", "lead_f", "PATCH {", "probably locked"],
    ]) {
        for word in words {
            assert!(line.contains(word), "`{line}` does not say `{word}`\n{ran}");
        }
    }
    assert_eq!(world.requests("PATCH"), 0);
    ran.says(
        "dry run of 7 rows: 3 to be sent, 1 of them probably locked, 1 repeated, 1 unchanged, 1 missing, 1 invalid\n\
         nothing was changed; run again without --dry-run to send\n",
    );
    assert_eq!(world.requests("GET"), 4, "reads are what the merging needs");
    assert_eq!(files(), before, "no file is begun");
}

#[test]
fn it_needs_a_key_and_a_usable_file_as_the_real_run_does() {
    let world = World::plain(
        2,
        Options {
            api_key: Some("right".to_owned().into()),
            ..Options::default()
        },
    );
    world
        .leadfix("apply corrections.csv --dry-run")
        .without("DIALNEXA_API_KEY")
        .run()
        .complains(2, &["DIALNEXA_API_KEY"]);
    world.write("variables.csv", "lead_id,metadata.product\nlead_0000,x\n");
    world
        .run("apply variables.csv --dry-run")
        .complains(77, &["key"]);
    world.write("broken.csv", "lead_id,phone_number\nlead_0000\n");
    world
        .run("apply broken.csv --dry-run")
        .complains(65, &["line 2"]);
    assert_eq!(world.requests("PATCH"), 0);
}

#[test]
fn it_is_stopped_by_what_stops_the_real_run() {
    let world = World::new((1..7).map(|index| lead(&format!("lead_{index}"))).collect());
    world.write(INPUT, rounded());
    world
        .run("apply corrections.csv --region IN --dry-run")
        .complains(65, &["--accept-suspect"]);
    world
        .run("apply corrections.csv --region IN --accept-suspect --max-invalid 0 --dry-run")
        .expect(0);
}

#[test]
fn rows_that_need_no_read_wait_for_no_quota() {
    let world = World::plain(400, Options::default());
    let ran = world.run("apply corrections.csv --region IN --dry-run --rate 1/min --deadline 30s");
    ran.expect(0);
    assert_eq!(ran.stdout.lines().count(), 400, "{ran}");
}

#[test]
fn it_ends_when_nobody_reads_on() {
    let latency = Duration::from_millis(20);
    let options = Options {
        latency,
        ..Options::default()
    };
    let world = World::plain(400, options);
    let rows: Vec<String> = (0..400)
        .map(|index| format!("lead_{index:04},x\n"))
        .collect();
    world.write(
        INPUT,
        format!("lead_id,metadata.product\n{}", rows.concat()),
    );
    let head = ["sh", "-c", "\"$@\" | head -n 1", "sh"].map(str::to_owned);
    let ran = world
        .leadfix("apply corrections.csv --dry-run --concurrency 2")
        .under(&head)
        .run();
    assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
    ran.never_says("dry run of");
    assert!(world.requests("GET") < 300, "{ran}");
}

#[test]
fn it_ends_at_its_deadline() {
    let slow = json!({"sandbox": {"get": {"always": "delay:2000"}}});
    let ids: Vec<String> = (0..20).map(|index| format!("lead_{index}")).collect();
    let world = World::new(ids.iter().map(|id| lead_with(id, &slow)).collect());
    let rows: Vec<String> = ids.iter().map(|id| format!("{id},home_loan")).collect();
    world.write(
        INPUT,
        format!("lead_id,metadata.product\n{}\n", rows.join("\n")),
    );
    world
        .run("apply corrections.csv --dry-run --concurrency 1 --deadline 100ms")
        .complains(75, &["deadline"]);
    assert!(world.requests("GET") < 20);
}

#[test]
fn a_dry_run_of_a_rehearsal_says_so() {
    let world = World::plain(1, Options::default());
    let ran = world.run("apply corrections.csv --region IN --sandbox --dry-run");
    ran.expect(0);
    assert!(ran.stderr.starts_with("SANDBOX: "), "{ran}");
    world
        .run("apply corrections.csv --region IN --sandbox --dry-run --quiet")
        .expect(0)
        .never_says("SANDBOX")
        .never_says("dry run");
}
