//! Scripts: each step's reply, and what the ledger says was really done.

use std::time::{Duration, Instant};

use leadfix::sandbox::{Delivery, Honours, Options, Script};
use serde_json::json;

use crate::client::{Ending, get, leads, patch, patch_briefly, scripted, start};

const OLD: &str = "+919876500000";
const NEW: &str = "+919876540001";
const BODY: &str = r#"{"phone_number": "+919876540001", "metadata": {"product": "new"}}"#;

/// Step, status (0: none), how the reply ended, whether the change was applied, what the body contains.
const STEPS: &[(&str, u16, Ending, bool, &str)] = &[
    ("ok", 200, Ending::Whole, true, NEW),
    (
        "500_before",
        500,
        Ending::Whole,
        false,
        "Internal server error",
    ),
    (
        "500_after",
        500,
        Ending::Whole,
        true,
        "Internal server error",
    ),
    ("502_before", 502, Ending::Whole, false, "<html>"),
    ("502_after", 502, Ending::Whole, true, "<html>"),
    (
        "503_before",
        503,
        Ending::Whole,
        false,
        "Service Unavailable",
    ),
    ("503_after", 503, Ending::Whole, true, "Service Unavailable"),
    ("408_before", 408, Ending::Whole, false, "Request Timeout"),
    ("408_after", 408, Ending::Whole, true, "Request Timeout"),
    ("timeout_before", 0, Ending::Silent, false, ""),
    ("timeout_after", 0, Ending::Silent, true, ""),
    ("reset_before", 0, Ending::Reset, false, ""),
    ("reset_after", 0, Ending::Reset, true, ""),
    ("close_before", 0, Ending::Closed, false, ""),
    ("close_after", 0, Ending::Closed, true, ""),
    ("cut_body", 200, Ending::Closed, true, r#"{"id":"lead_1""#),
    (
        "cut_body_before",
        200,
        Ending::Closed,
        false,
        r#"{"id":"lead_1""#,
    ),
    ("drip", 200, Ending::Silent, true, "{"),
    ("empty_200", 200, Ending::Whole, true, ""),
    ("empty_200_before", 200, Ending::Whole, false, ""),
    ("empty_204", 204, Ending::Whole, true, ""),
    ("html_200", 200, Ending::Whole, true, "<html>"),
    ("html_200_before", 200, Ending::Whole, false, "<html>"),
    ("garbled_200", 200, Ending::Whole, true, r#"{"id":"lead_1""#),
    (
        "garbled_200_before",
        200,
        Ending::Whole,
        false,
        r#"{"id":"lead_1""#,
    ),
    ("oversized_200", 200, Ending::Whole, true, NEW),
    ("oversized_200_before", 200, Ending::Whole, false, OLD),
    (
        "success_200",
        200,
        Ending::Whole,
        true,
        r#"{"success":true}"#,
    ),
    (
        "success_200_before",
        200,
        Ending::Whole,
        false,
        r#"{"success":true}"#,
    ),
    (
        "wrapped_200",
        200,
        Ending::Whole,
        true,
        r#"{"statusCode":200,"data":{"id":"lead_1""#,
    ),
    ("old_values_200", 200, Ending::Whole, false, OLD),
    ("stale_200", 200, Ending::Whole, true, OLD),
    (
        "phone_only_200",
        200,
        Ending::Whole,
        true,
        r#""product":"old""#,
    ),
    (
        "without_variables_200",
        200,
        Ending::Whole,
        true,
        r#""phone_number":"+919876540001","status""#,
    ),
    (
        "other_lead_200",
        200,
        Ending::Whole,
        true,
        r#""id":"lead_000000000000""#,
    ),
    (
        "other_lead_200_before",
        200,
        Ending::Whole,
        false,
        r#""id":"lead_000000000000""#,
    ),
    ("dial", 200, Ending::Whole, true, r#""status":"pending""#),
    (
        "dial_then_409",
        409,
        Ending::Whole,
        false,
        "already been dialled",
    ),
    (
        "apply_then_dial_then_409",
        409,
        Ending::Whole,
        true,
        "already been dialled",
    ),
    (
        "500_after_then_dial",
        500,
        Ending::Whole,
        true,
        "Internal server error",
    ),
    ("409", 409, Ending::Whole, false, "already been dialled"),
    ("404", 404, Ending::Whole, false, "Lead not found"),
    ("401", 401, Ending::Whole, false, "Unauthorized"),
    (
        "forbidden_403",
        403,
        Ending::Whole,
        false,
        "do not have access",
    ),
    (
        "destination_blocked_403",
        403,
        Ending::Whole,
        false,
        "telephony settings",
    ),
    (
        "destination_400",
        400,
        Ending::Whole,
        false,
        "not allowed on this route",
    ),
    ("422", 422, Ending::Whole, false, "is not a product"),
    (
        "400_string",
        400,
        Ending::Whole,
        false,
        r#""message":"phone_number"#,
    ),
    (
        "400_array",
        400,
        Ending::Whole,
        false,
        r#""message":["phone_number"#,
    ),
    (
        "unknown_field_400",
        400,
        Ending::Whole,
        false,
        "property phone_number should not exist",
    ),
    ("redirect_302", 302, Ending::Whole, false, "elsewhere"),
    ("429", 429, Ending::Whole, false, "Too Many Requests"),
];

#[test]
fn each_step_answers_and_applies_as_it_says() {
    for &(step, status, ending, applied, part) in STEPS {
        let sandbox = scripted(&format!(r#"{{"patch": ["{step}"]}}"#));
        let send = if ending == Ending::Silent {
            patch_briefly
        } else {
            patch
        };
        let reply = send(&sandbox, "lead_1", BODY);
        assert_eq!((reply.status, reply.ending), (status, ending), "{step}");
        assert!(reply.body.contains(part), "{step}: {}", reply.body);
        let ledger = sandbox.ledger();
        assert_eq!(ledger.ever_held("lead_1", NEW), applied, "{step}");
        assert_eq!(ledger.applied_count("lead_1"), u64::from(applied), "{step}");
        let delivery = match (ending, status) {
            (Ending::Whole, _) => Delivery::Whole,
            (Ending::Reset, _) => Delivery::Reset,
            (Ending::Closed, 0) => Delivery::Closed,
            (Ending::Closed, _) => Delivery::Cut,
            (Ending::Silent, 0) => Delivery::None,
            (Ending::Silent, _) => Delivery::Dripped,
        };
        let receipt = ledger.receipts_for("lead_1").next().expect("a receipt");
        assert_eq!(
            (receipt.delivery, receipt.trouble.as_deref()),
            (delivery, Some(step)),
            "{step}"
        );
        assert_eq!(receipt.status, (status != 0).then_some(status), "{step}");
        assert_eq!(!ledger.calls.is_empty(), step.contains("dial"), "{step}");
        let next = patch(&sandbox, "lead_1", BODY).status;
        assert_eq!(
            next,
            if step.contains("dial") { 409 } else { 200 },
            "{step}: the script is used up"
        );
    }
}

#[test]
fn every_step_is_documented_and_tested() {
    let documentation = include_str!("../../docs/sandbox.md");
    let tested = STEPS.iter().map(|(step, ..)| *step);
    let others = ["500_late", "timeout_late", "delay:MS"];
    let documented: std::collections::BTreeSet<_> = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(step, _)| step)
        .collect();
    assert_eq!(documented, tested.chain(others).collect());
    for step in documented {
        let script = format!(r#"{{"patch": ["{}"]}}"#, step.replace("MS", "1"));
        assert!(script.parse::<Script>().is_ok(), "{step}");
    }
}

#[test]
fn a_late_change_lands_after_the_answer_and_past_the_lock() {
    for (step, status) in [("500_late", 500), ("timeout_late", 0)] {
        let sandbox = scripted(&format!(r#"{{"patch": ["{step}", "dial_then_409"]}}"#));
        let early = Instant::now();
        assert_eq!(patch_briefly(&sandbox, "lead_1", BODY).status, status);
        if status != 0 {
            assert_eq!(patch(&sandbox, "lead_1", BODY).status, 409);
            // The clock is read behind the ledger, or the change may land in between.
            let landed = sandbox.ledger().ever_held("lead_1", NEW);
            assert!(!landed || early.elapsed() > Duration::from_millis(400));
        }
        while !sandbox.ledger().ever_held("lead_1", NEW) {
            assert!(early.elapsed() < Duration::from_secs(5), "it never landed");
            std::thread::sleep(Duration::from_millis(20));
        }
        let ledger = sandbox.ledger();
        let receipt = ledger.receipts_for("lead_1").next().expect("a receipt");
        assert!(receipt.applied_late.is_some_and(|late| late > receipt.at));
        assert_eq!(receipt.applied.len(), 2);
    }
}

#[test]
fn reads_have_a_script_of_their_own() {
    let sandbox =
        scripted(r#"{"get": {"first": ["404", "stale_200", "delay:30"], "always": "500_before"}}"#);
    patch(&sandbox, "lead_1", BODY);
    assert_eq!(get(&sandbox, "lead_1").status, 404);
    assert_eq!(get(&sandbox, "lead_1").json()["phone_number"], json!(OLD));
    let start = Instant::now();
    assert_eq!(get(&sandbox, "lead_1").json()["phone_number"], json!(NEW));
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!(
        [
            get(&sandbox, "lead_1").status,
            get(&sandbox, "lead_1").status
        ],
        [500, 500]
    );
}

#[test]
fn a_refused_request_is_refused_whatever_the_script_shows() {
    let sandbox = scripted(r#"{"patch": {"always": "wrapped_200"}}"#);
    let bad = patch(&sandbox, "lead_1", r#"{"phone_number": "1"}"#);
    assert_eq!(
        (bad.status, bad.message()),
        (
            400,
            json!("phone_number must be a valid E.164 phone number")
        )
    );
    sandbox.dial("lead_1");
    let locked = patch(&sandbox, "lead_1", BODY);
    assert_eq!(
        (locked.status, &locked.json()["error"]),
        (409, &json!("Conflict"))
    );
}

#[test]
fn a_client_that_has_gone_got_nothing() {
    let sandbox = scripted(r#"{"patch": ["delay:1000"]}"#);
    let reply = patch_briefly(&sandbox, "lead_1", BODY);
    assert_eq!(
        reply.ending,
        Ending::Silent,
        "the client waits for 0.7 s and goes"
    );
    std::thread::sleep(Duration::from_millis(600));
    let ledger = sandbox.ledger();
    let receipt = ledger.receipts_for("lead_1").next().expect("a receipt");
    assert_eq!(
        (receipt.delivery, receipt.applied.len()),
        (Delivery::None, 2)
    );
}

#[test]
fn an_answer_can_be_spelled_out() {
    let sandbox = scripted(
        r#"{"patch": [
            {"status": 429, "headers": {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "X-RateLimit-Reset": "soon", "X-RateLimit-Limit": null}},
            {"status": 200, "body": "{\"id\": \"lead_1\"}", "applies": true},
            {"status": 200}]}"#,
    );
    let first = patch(&sandbox, "lead_1", BODY);
    assert_eq!(
        (first.status, first.header("retry-after")),
        (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"))
    );
    assert_eq!(first.header("x-ratelimit-reset"), Some("soon"));
    assert_eq!(first.header("x-ratelimit-limit"), None);
    assert_eq!(first.json()["error"], json!("Too Many Requests"));
    assert_eq!(sandbox.ledger().applied_count("lead_1"), 0);
    assert_eq!(patch(&sandbox, "lead_1", BODY).body, r#"{"id": "lead_1"}"#);
    assert_eq!(sandbox.ledger().applied_count("lead_1"), 1);
    assert_eq!(
        patch(&sandbox, "lead_1", r#"{"phone_number": "+919876540002"}"#).json()["phone_number"],
        json!(NEW)
    );
}

#[test]
fn one_script_for_everybody() {
    let script = r#"{"patch": {"always": "404"}}"#.parse().expect("a script");
    let own = r#"{"id":"b","phone_number":"+919876500000","sandbox":{}}"#;
    let listed = leads(&format!(
        "{}\n{own}",
        own.replace(r#""b""#, r#""a""#)
            .replace(r#","sandbox":{}"#, "")
    ));
    let sandbox = start(Options {
        leads: listed,
        script: Some(script),
        ..Options::default()
    });
    assert_eq!(patch(&sandbox, "a", BODY).status, 404);
    assert_eq!(
        patch(&sandbox, "b", BODY).status,
        200,
        "a script of its own goes first"
    );
}

#[test]
fn seeded_trouble_strikes_the_same_requests_in_any_order() {
    let options = || Options {
        trouble: 0.4,
        seed: 11,
        ..Options::default()
    };
    let outcome = |order: &mut dyn Iterator<Item = u32>| {
        let sandbox = start(options());
        for lead in order {
            patch(&sandbox, &format!("lead_{lead:02}"), BODY);
        }
        let ledger = sandbox.ledger();
        let mut met: Vec<_> = ledger
            .receipts
            .iter()
            .map(|receipt| {
                (
                    receipt.lead.clone(),
                    receipt.trouble.clone(),
                    receipt.delivery,
                    receipt.applied.len(),
                )
            })
            .collect();
        met.sort();
        met
    };
    let forwards = outcome(&mut (0..60));
    assert_eq!(forwards, outcome(&mut (0..60).rev()));
    let struck = forwards
        .iter()
        .filter(|(_, trouble, ..)| trouble.is_some())
        .count();
    assert!((12..36).contains(&struck), "{struck}");
}

#[test]
fn the_second_shape_has_its_lies_too() {
    let lead = r#"{"id":"lead_1","phone_number":"+919876500000","notes":{"a":"1"},"sandbox":{"patch":["stale_200"]}}"#;
    let sandbox = start(Options {
        leads: leads(lead),
        honours: Honours::Reference,
        ..Options::default()
    });
    let reply = patch(&sandbox, "lead_1", r#"{"notes": {"a": "2"}}"#).json();
    assert_eq!(reply["notes"], json!({"a": "1"}));
    assert_eq!(get(&sandbox, "lead_1").json()["notes"], json!({"a": "2"}));
}
