//! The documented API: statuses, headers, both spellings.

use leadfix::sandbox::{Delivery, Honours, Leads, Options, Status, UnknownFields};
use serde_json::json;

use crate::client::{JSON, call, get, leads, patch, start, with_leads};

const PENDING: &str = r#"{"id":"lead_1","campaign_id":"cmp_1","phone_number":"+919876500000","metadata":{"product":"old","city":"Pune"},"status":"pending","created_at":"2024-05-01T09:05:00.000Z"}"#;

#[test]
fn a_lead_is_read_changed_and_removed() {
    let sandbox = with_leads(PENDING);
    assert_eq!(get(&sandbox, "lead_1").body, PENDING);

    let reply = patch(
        &sandbox,
        "lead_1",
        r#"{"phone_number": "+919876540001", "metadata": {"product": "new"}, "notes": "late"}"#,
    );
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.json(),
        json!({"id": "lead_1", "campaign_id": "cmp_1", "phone_number": "+919876540001", "metadata": {"product": "new"},
            "status": "pending", "created_at": "2024-05-01T09:05:00.000Z"}),
        "metadata is replaced whole, and notes are not shown"
    );
    assert_eq!(get(&sandbox, "lead_1").body, reply.body);

    let ledger = sandbox.ledger();
    let lead = ledger.lead("lead_1").expect("the lead");
    assert_eq!(lead.notes.as_deref(), Some("late"));
    assert_eq!(lead.held, ["+919876500000", "+919876540001"]);
    assert!(
        ledger.ever_held("lead_1", "+919876500000") && !ledger.ever_held("lead_1", "+919876540002")
    );
    assert_eq!(ledger.applied_count("lead_1"), 1);
    let change = ledger.receipts_for("lead_1").nth(1).expect("a receipt");
    assert_eq!(
        (change.status, change.delivery),
        (Some(200), Delivery::Whole)
    );
    let fields: Vec<_> = change
        .applied
        .iter()
        .map(|change| (change.field, &change.old, &change.new))
        .collect();
    assert_eq!(
        fields,
        [
            (
                "phone_number",
                &json!("+919876500000"),
                &json!("+919876540001")
            ),
            ("notes", &json!(null), &json!("late")),
            (
                "metadata",
                &json!({"product": "old", "city": "Pune"}),
                &json!({"product": "new"})
            ),
        ]
    );

    let removed = call(&sandbox, "DELETE", "/v1/campaigns-leads/lead_1", JSON, "");
    assert_eq!(
        (removed.status, &removed.json()["status"]),
        (200, &json!("removed"))
    );
    for method in ["GET", "PATCH", "DELETE"] {
        let reply = call(&sandbox, method, "/v1/campaigns-leads/lead_1", JSON, "");
        assert_eq!(reply.status, 404, "{method}");
        assert_eq!(
            reply.body,
            r#"{"statusCode":404,"message":"Lead not found","error":"Not Found"}"#
        );
    }
    assert_eq!(sandbox.ledger().counts.removed, 1);
}

#[test]
fn only_a_pending_lead_can_be_changed() {
    for status in ["in_progress", "completed", "failed"] {
        let sandbox = with_leads(&PENDING.replace("pending", status));
        for (method, wanted) in [("PATCH", 409), ("DELETE", 409), ("GET", 200)] {
            let body = r#"{"phone_number": "+919876540001"}"#;
            let reply = call(&sandbox, method, "/v1/campaigns-leads/lead_1", JSON, body);
            assert_eq!(reply.status, wanted, "{method} {status}");
        }
        assert_eq!(sandbox.ledger().applied_count("lead_1"), 0);
    }
}

#[test]
fn a_call_locks_a_lead() {
    let sandbox = with_leads(PENDING);
    assert!(sandbox.dial("lead_1"));
    assert!(!sandbox.dial("lead_1"), "once is enough");
    assert_eq!(patch(&sandbox, "lead_1", "{}").status, 409);
    let ledger = sandbox.ledger();
    assert_eq!(ledger.rang("+919876500000"), 1);
    assert!(
        ledger
            .lead("lead_1")
            .is_some_and(|lead| lead.status == Status::InProgress && lead.dialled_at.is_some())
    );
}

#[test]
fn the_campaign_dials_in_order() {
    let sandbox = start(Options {
        leads: leads(&format!(
            "{PENDING}\n{}",
            PENDING.replace("lead_1", "lead_2")
        )),
        dialling: Some("1000/s".parse().expect("a pace")),
        ..Options::default()
    });
    let calls = loop {
        let calls = sandbox.ledger().calls;
        if calls.len() == 2 {
            break calls;
        }
        std::thread::yield_now();
    };
    assert_eq!(
        calls
            .iter()
            .map(|call| call.lead.as_str())
            .collect::<Vec<_>>(),
        ["lead_1", "lead_2"]
    );
}

#[test]
fn a_key_is_required() {
    let sandbox = start(Options {
        api_key: Some("id:secret".into()),
        ..Options::default()
    });
    for (key, wanted) in [
        (None, 401),
        (Some("Bearer "), 401),
        (Some("Bearer wrong"), 401),
        (Some("Basic id:secret"), 401),
        (Some("Bearer id:secret"), 200),
    ] {
        let headers: Vec<_> = key.map(|key| ("Authorization", key)).into_iter().collect();
        let reply = call(&sandbox, "GET", "/v1/campaigns-leads/lead_1", &headers, "");
        assert_eq!(reply.status, wanted, "{key:?}");
        assert!(reply.header("x-ratelimit-limit").is_some(), "{key:?}");
    }
    let open = start(Options::default());
    assert_eq!(
        call(&open, "GET", "/v1/campaigns-leads/a", &[], "").status,
        401
    );
    assert_eq!(get(&open, "a").status, 200);
    let ledger = serde_json::to_string(&sandbox.ledger()).expect("JSON");
    assert!(!ledger.contains("secret"), "the key is nobody's business");
}

#[test]
fn unversioned_and_unknown_paths_are_no_routes() {
    let sandbox = with_leads(PENDING);
    for (method, path) in [
        ("PATCH", "/campaigns-leads/lead_1"),
        ("PUT", "/v1/campaigns-leads/lead_1"),
        ("GET", "/v2/campaigns-leads/lead_1"),
        ("GET", "/"),
    ] {
        let reply = call(&sandbox, method, path, JSON, "");
        assert_eq!(
            (reply.status, reply.message()),
            (404, json!(format!("Cannot {method} {path}")))
        );
    }
}

#[test]
fn the_window_announces_itself_and_closes() {
    let sandbox = start(Options {
        limit: Some("3/1h".parse().expect("a limit")),
        ..Options::default()
    });
    let reset = |reply: &crate::client::Reply| {
        reply
            .header("x-ratelimit-reset")
            .and_then(|at| at.parse::<i64>().ok())
    };
    let first = get(&sandbox, "a");
    let seen: Vec<_> = (0..4)
        .map(|n| patch(&sandbox, &format!("lead_{n}"), "{}"))
        .collect();
    let statuses: Vec<_> = seen.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 200, 429, 429], "the GET counted");
    let remaining: Vec<_> = seen
        .iter()
        .map(|reply| reply.header("x-ratelimit-remaining"))
        .collect();
    assert_eq!(remaining, [Some("1"), Some("0"), Some("0"), Some("0")]);
    assert!(seen.iter().all(
        |reply| reply.header("X-RateLimit-Limit") == Some("3") && reset(reply) == reset(&first)
    ));
    let wait: i64 = seen[2]
        .header("retry-after")
        .and_then(|wait| wait.parse().ok())
        .expect("Retry-After");
    let now = jiff::Timestamp::now().as_second();
    assert!(
        (3_590..=3_600).contains(&wait)
            && reset(&first).is_some_and(|reset| (now + 3_590..=now + 3_601).contains(&reset))
    );
    assert!(
        seen.iter()
            .take(2)
            .all(|reply| reply.header("retry-after").is_none())
    );

    let other = [("Authorization", "Bearer another")];
    assert_eq!(
        call(&sandbox, "GET", "/v1/campaigns-leads/a", &other, "").status,
        200,
        "each key has its own window"
    );
    sandbox.set_limit(Some("5/1h".parse().expect("a limit")));
    assert_eq!(get(&sandbox, "a").status, 200, "the limit can be moved");
    assert_eq!(sandbox.ledger().counts.statuses.get(&429), Some(&2));
}

#[test]
fn validation_names_each_bad_field() {
    let sandbox = with_leads(PENDING);
    let one = patch(&sandbox, "lead_1", r#"{"phone_number": "98765 40001"}"#);
    assert_eq!(
        (one.status, one.message()),
        (
            400,
            json!("phone_number must be a valid E.164 phone number")
        )
    );
    let variables: serde_json::Map<_, _> = (0..16).map(|n| (n.to_string(), json!(n))).collect();
    let two = patch(
        &sandbox,
        "lead_1",
        &json!({"phone_number": 3, "metadata": variables}).to_string(),
    );
    assert_eq!(
        (two.status, two.message()),
        (
            400,
            json!([
                "phone_number must be a string",
                "metadata must not have more than 15 keys"
            ])
        )
    );
    assert_eq!(patch(&sandbox, "lead_1", "{").status, 400);
    assert_eq!(sandbox.ledger().counts.applied, 0);
}

#[test]
fn a_body_that_is_not_called_json_is_not_read() {
    let sandbox = with_leads(PENDING);
    let headers = [
        ("Authorization", "Bearer key"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let body = r#"{"phone_number": "+919876540001"}"#;
    let reply = call(
        &sandbox,
        "PATCH",
        "/v1/campaigns-leads/lead_1",
        &headers,
        body,
    );
    assert_eq!((reply.status, reply.body.as_str()), (200, PENDING));
    assert_eq!(sandbox.ledger().counts.applied, 0);
}

#[test]
fn the_other_spelling_is_dropped_and_looks_like_success() {
    let guide = r#"{"phone_number": "+919876540001", "metadata": {"product": "new"}}"#;
    let reference = r#"{"phoneNumber": "9876540001", "countryCode": "+91", "name": "Asha", "notes": {"product": "new"}}"#;
    for (honours, body, applied) in [
        (Honours::Guide, guide, true),
        (
            Honours::Guide,
            r#"{"phoneNumber": "9876540001", "countryCode": "+91", "name": "Asha"}"#,
            false,
        ),
        (Honours::Reference, guide, false),
        (Honours::Reference, reference, true),
        (Honours::Both, guide, true),
        (Honours::Both, reference, true),
    ] {
        let sandbox = start(Options {
            leads: leads(PENDING),
            honours,
            ..Options::default()
        });
        let reply = patch(&sandbox, "lead_1", body);
        assert_eq!(reply.status, 200, "{honours:?} {body}");
        let (phone, product) = if applied {
            ("+919876540001", "new")
        } else {
            ("+919876500000", "old")
        };
        let variables = if honours == Honours::Reference {
            "notes"
        } else {
            "metadata"
        };
        let shown = reply.json();
        assert_eq!(
            (&shown["phone_number"], &shown[variables]["product"]),
            (&json!(phone), &json!(product)),
            "{honours:?} {body}"
        );
        assert_eq!(
            sandbox.ledger().ever_held("lead_1", "+919876540001"),
            applied
        );
        assert_eq!(sandbox.ledger().applied_count("lead_1"), u64::from(applied));
    }
}

#[test]
fn notes_of_the_wrong_type_are_refused() {
    for (honours, notes, status) in [
        (Honours::Guide, r#""text""#, 200),
        (Honours::Guide, r#"{"a": "1"}"#, 400),
        (Honours::Reference, r#"{"a": "1"}"#, 200),
        (Honours::Reference, r#""text""#, 400),
        (Honours::Both, "7", 400),
    ] {
        let sandbox = start(Options {
            honours,
            ..Options::default()
        });
        assert_eq!(
            patch(&sandbox, "lead_1", &format!(r#"{{"notes": {notes}}}"#)).status,
            status,
            "{honours:?} {notes}"
        );
    }
}

#[test]
fn a_strict_server_refuses_what_it_does_not_know() {
    let sandbox = start(Options {
        honours: Honours::Reference,
        unknown_fields: UnknownFields::Refused,
        ..Options::default()
    });
    let reply = patch(
        &sandbox,
        "lead_1",
        r#"{"phone_number": "+919876540001", "metadata": {}}"#,
    );
    assert_eq!(
        (reply.status, reply.message()),
        (
            400,
            json!([
                "property phone_number should not exist",
                "property metadata should not exist"
            ])
        )
    );
}

#[test]
fn replies_show_what_the_listed_lead_shows() {
    let named = PENDING.replace(r#""metadata""#, r#""name":"Priya","notes":"","metadata""#);
    let sandbox = with_leads(&named);
    let reply = patch(&sandbox, "lead_1", r#"{"name": "Asha", "notes": "late"}"#).json();
    assert_eq!(
        (&reply["name"], &reply["notes"]),
        (&json!("Asha"), &json!("late"))
    );
    let second = start(Options {
        leads: leads(&named),
        honours: Honours::Reference,
        ..Options::default()
    });
    let reply = get(&second, "lead_1").json();
    assert_eq!(
        (
            &reply["name"],
            &reply["notes"],
            &reply["call_log_id"],
            reply.get("metadata")
        ),
        (
            &json!("Priya"),
            &json!({"product": "old", "city": "Pune"}),
            &json!(null),
            None
        )
    );
}

#[test]
fn destinations_can_be_narrowed() {
    let sandbox = start(Options {
        destinations: Some(vec!["+91".to_owned()]),
        ..Options::default()
    });
    let abroad = patch(&sandbox, "lead_1", r#"{"phone_number": "+6581234501"}"#);
    assert_eq!(abroad.status, 400);
    assert_eq!(
        patch(&sandbox, "lead_1", r#"{"phone_number": "+919876540001"}"#).status,
        200
    );
    let groups = call(
        &sandbox,
        "GET",
        "/v1/phone-country-rules/enabled-network-groups",
        JSON,
        "",
    )
    .json();
    assert_eq!(groups[0]["countryRule"]["country_iso"], json!("IN"));
    assert_eq!(
        (
            groups[0]["prefix_mode"].as_str(),
            groups.as_array().map(Vec::len)
        ),
        (Some("allow_only_listed"), Some(1))
    );
    let countries = call(
        &sandbox,
        "GET",
        "/v1/phone-country-rules/countries",
        JSON,
        "",
    )
    .json();
    assert!(
        countries
            .as_array()
            .is_some_and(|all| all.len() > 10 && all[0]["calling_code"] == json!("+971"))
    );
}

#[test]
fn every_id_is_known_when_no_leads_are_listed() {
    let sandbox = start(Options {
        leads: Leads::AnyPending,
        ..Options::default()
    });
    let before = get(&sandbox, "a%2Fb%3F");
    assert_eq!(before.json()["id"], json!("a/b?"));
    assert!(
        sandbox.ledger().leads.is_empty(),
        "a lead that was only looked at takes no memory"
    );
    patch(&sandbox, "a%2Fb%3F", r#"{"phone_number": "+919876540001"}"#);
    let held = sandbox.ledger().leads.remove("a/b?").map(|lead| lead.held);
    assert_eq!(
        held,
        Some(vec![
            before.json()["phone_number"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            "+919876540001".to_owned()
        ])
    );
}

#[test]
fn the_ledger_is_served_whole_in_part_and_in_sum() {
    let sandbox = start(Options::default());
    patch(&sandbox, "a", r#"{"phone_number": "+919876540001"}"#);
    patch(&sandbox, "b", r#"{"phone_number": "+919876540002"}"#);
    let ledger = |query: &str| call(&sandbox, "GET", &format!("/__ledger{query}"), &[], "").json();
    assert_eq!(
        ledger(""),
        serde_json::to_value(sandbox.ledger()).expect("JSON")
    );
    let one = ledger("?lead=b");
    assert_eq!(
        (
            one["receipts"].as_array().map(Vec::len),
            &one["leads"]["b"]["applied"]
        ),
        (Some(1), &json!(1))
    );
    assert!(one["leads"].get("a").is_none());
    let sum = ledger("?summary");
    assert_eq!(
        (&sum["counts"]["applied"], &sum["leads_by_status"]),
        (&json!(2), &json!({"pending": 2}))
    );
}

#[test]
fn a_sandbox_stops_when_it_is_dropped() {
    let sandbox = start(Options::default());
    let address = sandbox.address();
    assert_eq!(sandbox.base_url(), format!("http://{address}/v1"));
    let kept_alive = std::net::TcpStream::connect(address).expect("a connection");
    drop(sandbox);
    assert!(std::net::TcpStream::connect(address).is_err());
    drop(kept_alive);
}
