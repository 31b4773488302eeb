//! The key, foreign hosts, and what hostile text may do.

use std::net::TcpListener;

use leadfix::sandbox::Options;
use serde_json::{Value, json};

use crate::world::{INPUT, KEY, RESULTS, Ran, World, lead, lead_with, number};

/// A port on which nobody should call.
struct Quiet(TcpListener);

impl Quiet {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        Self(listener)
    }

    fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().expect("an address"))
    }

    fn heard_nothing(&self) {
        assert!(self.0.accept().is_err(), "somebody called");
    }
}

/// A lead to whose correction the server answers with this status and body.
fn answered(id: &str, status: u16, body: &str) -> Value {
    lead_with(
        id,
        &json!({"sandbox": {"patch": {"always": {"status": status, "body": body}}}}),
    )
}

fn envelope(status: u16, message: &str) -> String {
    json!({"statusCode": status, "message": message, "error": "Error"}).to_string()
}

fn one_row(lead: Value) -> World {
    let id = lead["id"].as_str().expect("an ID").to_owned();
    let world = World::new(vec![lead]);
    world.write(INPUT, format!("lead_id,phone_number\n{id},{}\n", number(0)));
    world
}

/// Neither half of the key, in nothing that was said or written.
fn keeps_the_key(world: &World, ran: &Ran) {
    for half in KEY.split(':') {
        ran.never_says(half);
        for (path, content) in world.files() {
            assert!(
                !String::from_utf8_lossy(&content).contains(half),
                "the key is in {}",
                path.display()
            );
        }
    }
}

#[test]
fn the_key_is_nowhere_however_much_is_logged() {
    for format in ["text", "json"] {
        for (over, what) in [
            (json!({}), ""),
            (
                json!({"sandbox": {"patch": ["500_after", "reset_before", "html_200"]}}),
                "",
            ),
            (json!({"sandbox": {"patch": {"always": "401"}}}), ""),
            (
                json!({"sandbox": {"patch": {"always": "redirect_302"}}}),
                "",
            ),
            (json!({}), "--dry-run"),
        ] {
            let world = one_row(lead_with("lead_a", &over));
            let ran = world.run(&format!(
                "apply corrections.csv --region IN -vvv --log-format {format} {what}"
            ));
            keeps_the_key(&world, &ran);
        }
    }
}

#[test]
fn a_key_that_the_server_echoes_goes_no_further() {
    for message in [
        format!("the key {KEY} may not do this"),
        KEY.to_owned(),
        format!("{}{KEY}", "x".repeat(290)),
    ] {
        for status in [400, 418, 401] {
            let world = one_row(answered("lead_a", status, &envelope(status, &message)));
            let ran = world.run("apply corrections.csv --region IN -vvv");
            keeps_the_key(&world, &ran);
        }
    }
    let location =
        json!({"status": 302, "headers": {"Location": format!("https://example.com/?key={KEY}")}});
    let world = one_row(lead_with(
        "lead_a",
        &json!({"sandbox": {"patch": [location]}}),
    ));
    keeps_the_key(&world, &world.run("apply corrections.csv --region IN -vvv"));
}

#[test]
fn a_half_of_the_key_that_the_server_echoes_goes_no_further() {
    for half in KEY.split(':') {
        let world = one_row(answered(
            "lead_a",
            400,
            &envelope(400, &format!("{half} is unknown")),
        ));
        keeps_the_key(&world, &world.run("apply corrections.csv --region IN -vvv"));
    }
    let encoded = KEY.replace(':', "%3A");
    let location = json!({"status": 302, "headers": {"Location": format!("https://example.com/?key={encoded}")}});
    let world = one_row(lead_with(
        "lead_a",
        &json!({"sandbox": {"patch": [location]}}),
    ));
    keeps_the_key(&world, &world.run("apply corrections.csv --region IN -vvv"));
}

#[test]
fn a_key_among_a_lead_s_variables_is_shown_by_no_dry_run() {
    let world = World::new(vec![lead_with(
        "lead_a",
        &json!({"metadata": {"product": "gold_loan", "note": KEY}}),
    )]);
    world.write(INPUT, "lead_id,metadata.product\nlead_a,home_loan\n");
    let ran = world.run("apply corrections.csv --dry-run");
    ran.expect(0).says("home_loan");
    keeps_the_key(&world, &ran);
}

#[test]
fn a_password_in_a_base_url_is_shown_by_no_help() {
    let world = World::plain(1, Options::default());
    world
        .leadfix("apply --help")
        .env("DIALNEXA_BASE_URL", "https://user:secret@example.com")
        .run()
        .expect(0)
        .never_says("secret");
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_without_showing_it() {
    let world = World::plain(1, Options::default());
    let ran = world
        .leadfix("apply corrections.csv --region IN")
        .env("DIALNEXA_API_KEY", "gh7wq\u{7}k2zvx")
        .run();
    ran.complains(78, &["key"])
        .never_says("gh7wq")
        .never_says("k2zvx");
    world.write("key", "two words\n");
    std::process::Command::new("chmod")
        .arg("600")
        .arg(world.path("key"))
        .status()
        .expect("chmod");
    world
        .run("apply corrections.csv --region IN --api-key-file key")
        .expect(2)
        .never_says("two words");
}

#[test]
fn no_number_is_logged_whole() {
    for format in ["text", "json"] {
        let world = World::plain(
            30,
            Options {
                trouble: 0.3,
                seed: 4,
                ..Options::default()
            },
        );
        let ran = world.run(&format!(
            "apply corrections.csv --region IN -vvv --log-format {format}"
        ));
        for index in 0..30 {
            assert!(
                !ran.stderr.contains(&number(index)),
                "{} is logged\n{ran}",
                number(index)
            );
        }
    }
}

#[test]
fn a_log_in_json_is_json() {
    let world = World::plain(3, Options::default());
    let ran = world.run("apply corrections.csv --region IN -vvv --log-format json --quiet");
    let lines: Vec<Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ran}")))
        .collect();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| line["level"].is_string()),
        "{ran}"
    );
}

#[test]
fn a_redirect_is_not_followed() {
    let quiet = Quiet::new();
    for status in [301, 302, 303, 307, 308] {
        let location =
            json!({"status": status, "headers": {"Location": format!("{}/x", quiet.url())}});
        for method in ["patch", "get"] {
            let world = World::new(vec![lead_with(
                "lead_a",
                &json!({"sandbox": {method: [location]}}),
            )]);
            world.write(INPUT, "lead_id,metadata.product\nlead_a,x\n");
            world
                .run("apply corrections.csv")
                .complains(78, &[&status.to_string(), "never followed"]);
            quiet.heard_nothing();
        }
    }
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let quiet = Quiet::new();
    let world = World::plain(2, Options::default());
    let mut run = world.leadfix("apply corrections.csv --region IN");
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        run = run.env(name, quiet.url());
    }
    run.run().expect(0);
    quiet.heard_nothing();
    world.judge();
}

#[test]
fn a_proxy_does_not_get_what_stays_on_this_machine() {
    let world = World::plain(1, Options::default());
    let proxy = Quiet::new();
    let stated = format!("apply corrections.csv --region IN --proxy {}", proxy.url());
    world.run(&stated).expect(0);
    proxy.heard_nothing();
}

#[test]
fn plain_http_stays_on_this_machine() {
    let world = World::plain(1, Options::default());
    for host in [
        "api.dialnexa.com",
        "10.0.0.1",
        "127.0.0.1.nip.io",
        "localhost.example.com",
        "[::2]",
        "0.0.0.0",
    ] {
        let ran = world
            .leadfix("apply corrections.csv --region IN")
            .env("DIALNEXA_BASE_URL", format!("http://{host}/v1"))
            .run();
        ran.complains(78, &["https"]);
    }
    assert!(!world.path(RESULTS).exists());
}

const ESCAPES: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\r\nnew line \u{202e}drow";

/// No control character, no mark that turns text around.
fn is_harmless(text: &str) -> bool {
    text.chars().all(|character| {
        character == '\n'
            || !(character.is_control() || "\u{202e}\u{2028}\u{2029}".contains(character))
    })
}

#[test]
fn escapes_from_the_server_reach_nobody() {
    let body = envelope(400, ESCAPES);
    let world = one_row(answered("lead_a", 400, &body));
    let ran = world.run("apply corrections.csv --region IN -vvv");
    ran.expect(1);
    assert!(
        is_harmless(&ran.stdout) && is_harmless(&ran.stderr),
        "{ran}"
    );
    let results = world.judge();
    assert!(is_harmless(&results.of("lead_a")["result_detail"]), "{ran}");
    assert!(
        results.of("lead_a")["result_detail"].contains("red"),
        "the words themselves are kept"
    );

    let script = json!({"patch": {"always": {"status": 422, "body": body}}}).to_string();
    let world = World::plain(
        20,
        Options {
            script: Some(script.parse().expect("a script")),
            ..Options::default()
        },
    );
    let ran = world.run("apply corrections.csv --region IN");
    ran.complains(78, &["422"]);
    assert!(
        is_harmless(&ran.stdout) && is_harmless(&ran.stderr),
        "{ran}"
    );
}

#[test]
fn escapes_in_cells_stay_in_the_file() {
    let world = World::new(vec![lead("lead_a")]);
    let hostile = ESCAPES.replace("\r\n", " ");
    let key = "\"\"\\u001b[2Ja\\n\"\"";
    let (one, two) = (number(0), number(1));
    let rows = format!(
        "lead_id,phone_number,name,metadata,{hostile}\nlead_b,\"{hostile}\",,,x\n\"{hostile}\",{one},,,x\n\
         lead_a,{two},{hostile},,x\nlead_c,,,\"{{{key}:1,{key}:2}}\",x\n"
    );
    world.write(INPUT, &rows);
    world.write("ragged.csv", rows + &format!("lead_d,{hostile}\n"));
    for command in [
        "check ragged.csv",
        "check ragged.csv --json",
        "apply ragged.csv --dry-run",
        "apply corrections.csv -vvv",
    ] {
        let ran = world.run(&format!("{command} --region IN --skip-bad-rows"));
        ran.expect(1);
        assert!(
            is_harmless(&ran.stdout) && is_harmless(&ran.stderr),
            "{command}: {ran}"
        );
    }
    world.judge();
    let ran = world.run("apply ragged.csv --region IN --skip-bad-rows --dry-run");
    ran.says("\\u001b[31mred").says("\\u202edrow");
    assert_eq!(ran.stdout.lines().count(), 5, "a line for each row: {ran}");
}

#[test]
fn escapes_in_the_header_stay_in_the_file() {
    let world = World::new(Vec::new());
    let hostile = ESCAPES.replace(';', "").replace("\r\n", " ");
    for header in [
        format!("lead_id,phone,{hostile},{hostile}"),
        format!("{hostile},Remark"),
        format!("lead_id,metadata.{hostile},metadata. {hostile}"),
    ] {
        world.write(INPUT, format!("{header}\nlead_a,{},x,y\n", number(0)));
        let ran = world.run("check corrections.csv --region IN");
        ran.complains(65, &["red"]);
        assert!(is_harmless(&ran.stderr), "{ran}");
    }
}

#[test]
fn what_the_server_says_is_no_formula_and_cells_are_as_they_were() {
    for start in [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        " =1+1",
    ] {
        let world = World::new(vec![answered("lead_a", 400, &envelope(400, start))]);
        world.write(
            INPUT,
            format!(
                "lead_id,phone_number,remark\nlead_a,+91{},=HYPERLINK(\"\"x\"\")\n",
                number(0)
            )
            .replace("\"\"", "'"),
        );
        world.run("apply corrections.csv").expect(1);
        let results = world.judge();
        let row = results.of("lead_a");
        let detail = row["result_detail"].strip_prefix("the server said: ");
        let said =
            detail.unwrap_or_else(|| panic!("it does not stand behind words of ours: {row}"));
        assert!(said.contains(start.trim()), "{row}");
        assert_eq!(&row["remark"], "=HYPERLINK('x')");
    }
}
