//! `leadfix sandbox`: the emulated API as a server of its own.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::world::{INPUT, World, lead, number};

/// One request, one reply: status, head and body.
fn request(
    base: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String, Value) {
    let host = base.trim_start_matches("http://").trim_end_matches("/v1");
    let mut stream = TcpStream::connect(host).expect("a connection");
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .expect("a request");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    let status = head[9..12].parse().expect("a status");
    (
        status,
        head.to_lowercase(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

const AUTH: &str = "Authorization: Bearer any\r\nContent-Type: application/json\r\n";

#[test]
fn it_serves_leads_by_the_contract_until_it_is_stopped() {
    let world = World::new(Vec::new());
    world.write("leads.jsonl", format!("{}\n", lead("lead_a")));
    let mut server = world
        .leadfix("sandbox --leads leads.jsonl --port 0 --limit 5/1h")
        .start();
    let base = server.first_line();
    assert!(
        base.starts_with("http://127.0.0.1:") && base.ends_with("/v1"),
        "{base}"
    );
    let path = "/v1/campaigns-leads/lead_a";

    let (status, head, body) = request(&base, "GET", path, AUTH, "");
    assert_eq!(
        (status, &body["phone_number"]),
        (200, &json!("+919811000001"))
    );
    for header in [
        "x-ratelimit-limit: 5",
        "x-ratelimit-remaining: 4",
        "x-ratelimit-reset: ",
    ] {
        assert!(head.contains(header), "{head}");
    }
    let (status, _, body) = request(&base, "GET", path, "", "");
    assert_eq!((status, &body["statusCode"]), (401, &json!(401)));
    let (status, _, body) = request(
        &base,
        "PATCH",
        path,
        AUTH,
        r#"{"phone_number":"+919876500001"}"#,
    );
    assert_eq!(
        (status, &body["phone_number"]),
        (200, &json!("+919876500001"))
    );
    let (status, _, body) = request(&base, "PATCH", "/v1/campaigns-leads/lead_b", AUTH, "{}");
    assert_eq!((status, &body["error"]), (404, &json!("Not Found")));
    let (status, _, _) = request(&base, "DELETE", path, AUTH, "");
    assert_eq!(status, 200);
    let (status, _, _) = request(&base, "GET", path, AUTH, "");
    assert_eq!(status, 404);
    let (status, head, _) = request(&base, "GET", path, AUTH, "");
    assert!(status == 429 && head.contains("retry-after: "), "{head}");
    let (status, _, ledger) = request(&base, "GET", "/__ledger", "", "");
    assert_eq!(
        (status, &ledger["counts"]["applied"]),
        (200, &json!(1)),
        "{ledger}"
    );

    server.signal("TERM");
    server.end().expect(0);
}

#[test]
fn a_run_against_it_can_be_looked_up_in_its_ledger() {
    let world = World::plain(5, leadfix::sandbox::Options::default());
    let mut server = world
        .leadfix("sandbox --port 0 --dialect reference --trouble 0.2 --seed 5")
        .start();
    let base = server.first_line();
    let ran = world
        .leadfix("apply corrections.csv --region IN")
        .env("DIALNEXA_BASE_URL", &base)
        .run();
    ran.expect(0);
    let (_, _, ledger) = request(&base, "GET", "/__ledger", "", "");
    for row in world.table(INPUT).rows() {
        let id = &row["lead_id"];
        assert_eq!(
            ledger["leads"][id]["phone_number"],
            format!("+91{}", &row["phone_number"]),
            "{ran}"
        );
    }
    server.signal("INT");
    server.end().expect(0);
    assert_eq!(number(0), "9876510001");
}

#[test]
fn what_it_cannot_use_is_said_in_one_line() {
    let world = World::new(Vec::new());
    world
        .run("sandbox --port 0 --leads none.jsonl")
        .complains(65, &["none.jsonl"]);
    world.write("leads.jsonl", format!("{}\n{{\n", lead("lead_a")));
    world
        .run("sandbox --port 0 --leads leads.jsonl")
        .complains(65, &["leads.jsonl", "line 2"]);
    let port = world.sandbox.address().port();
    world
        .run(&format!("sandbox --port {port}"))
        .complains(74, &[&port.to_string()]);
    world.run("sandbox --port 0 --limit soon").expect(2);
    world.run("sandbox --port 0 --trouble 2").expect(2);
}
