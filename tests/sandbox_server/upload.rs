//! Enrolling leads: one, and a file of them.

use leadfix::sandbox::{Options, Origin};
use serde_json::json;

use crate::client::{JSON, Reply, call, get, start};

fn upload(sandbox: &leadfix::sandbox::Sandbox, name: &str, file: &str) -> Reply {
    let headers = [
        ("Authorization", "Bearer key"),
        ("Content-Type", "multipart/form-data; boundary=XX"),
    ];
    let body = format!(
        "--XX\r\nContent-Disposition: form-data; name=\"campaign\"\r\n\r\nx\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n{file}\r\n--XX--\r\n"
    );
    call(
        sandbox,
        "POST",
        "/v1/campaigns-leads/upload-file/cmp_9",
        &headers,
        &body,
    )
}

#[test]
fn a_file_of_leads_is_enrolled() {
    let sandbox = start(Options::default());
    let reply = upload(
        &sandbox,
        "leads.csv",
        "phone_number,product\n+919876540001,loan\n+919876540001,loan\n,x\n+6581234501,card\n",
    );
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(
        reply.json(),
        json!({"campaign_id": "cmp_9", "leads_created": 2, "leads_skipped": 2, "message": "2 leads created, 2 rows skipped"})
    );
    let ledger = sandbox.ledger();
    assert_eq!(
        (ledger.counts.created, ledger.receipts[0].created.len()),
        (2, 2)
    );
    let first = ledger.lead(&ledger.receipts[0].created[0]).expect("a lead");
    assert_eq!(
        (
            first.phone_number.as_str(),
            first.campaign_id.as_str(),
            first.origin
        ),
        ("+919876540001", "cmp_9", Origin::Created)
    );
    assert_eq!(first.metadata.get("product"), Some(&json!("loan")));
    assert_eq!(get(&sandbox, &first.id).status, 200);
}

#[test]
fn a_bad_file_enrols_nobody() {
    let sandbox = start(Options {
        destinations: Some(vec!["+91".to_owned()]),
        ..Options::default()
    });
    for (name, file, status, part) in [
        (
            "a.csv",
            "phone_number\n+919876540001\n123\n+6581234501\n",
            400,
            "rows 2",
        ),
        (
            "a.csv",
            "phone\n+919876540001\n",
            400,
            "phone_number column is required",
        ),
        ("a.xlsx", "PK", 400, "CSV files only"),
        (
            "a.csv",
            "phone_number,a\n+919876540001\n",
            400,
            "cannot be read",
        ),
    ] {
        let reply = upload(&sandbox, name, file);
        assert_eq!(reply.status, status, "{file}");
        assert!(reply.message().to_string().contains(part), "{}", reply.body);
    }
    let headers = [
        ("Authorization", "Bearer key"),
        ("Content-Type", "text/csv"),
    ];
    assert_eq!(
        call(
            &sandbox,
            "POST",
            "/v1/campaigns-leads/upload-file/cmp_9",
            &headers,
            "phone_number\n"
        )
        .status,
        400
    );
    assert_eq!(sandbox.ledger().counts.created, 0);
}

#[test]
fn a_file_has_a_largest_size() {
    let sandbox = start(Options::default());
    let file = |bytes: usize| {
        format!(
            "phone_number,essay\n+919876540001,{}\n",
            "x".repeat(bytes - 34)
        )
    };
    assert_eq!(
        upload(&sandbox, "a.csv", &file(10 * 1024 * 1024)).status,
        201
    );
    assert_eq!(
        upload(&sandbox, "a.csv", &file(10 * 1024 * 1024 + 1)).status,
        413
    );
}

#[test]
fn one_lead_is_enrolled() {
    let sandbox = start(Options::default());
    let body = r#"{"name": "Asha", "phoneNumber": "9876540001", "countryCode": "+91", "campaignId": "cmp_9", "notes": {"a": "1"}}"#;
    let reply = call(&sandbox, "POST", "/v1/campaigns-leads", JSON, body);
    assert_eq!(
        (reply.status, &reply.json()["phone_number"]),
        (201, &json!("+919876540001"))
    );
    let id = reply.json()["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        sandbox
            .ledger()
            .lead(&id)
            .and_then(|lead| lead.name.clone())
            .as_deref(),
        Some("Asha")
    );
    let bad = call(
        &sandbox,
        "POST",
        "/v1/campaigns-leads",
        JSON,
        r#"{"phoneNumber": "98", "notes": "x"}"#,
    );
    assert_eq!(
        (bad.status, bad.message()),
        (
            400,
            json!([
                "phoneNumber must be a valid phone number",
                "campaignId should not be empty",
                "notes must be an object"
            ])
        )
    );
    assert_eq!(sandbox.ledger().counts.created, 1);
}

#[test]
fn trouble_strikes_enrolments_too() {
    let sandbox = start(Options {
        trouble: 1.0,
        seed: 3,
        ..Options::default()
    });
    for _ in 0..30 {
        let body = r#"{"phoneNumber": "+919876540001", "campaignId": "cmp_9"}"#;
        call(&sandbox, "POST", "/v1/campaigns-leads", JSON, body);
        upload(&sandbox, "a.csv", "phone_number\n+919876540002\n");
    }
    let ledger = sandbox.ledger();
    for receipt in &ledger.receipts {
        let word = receipt
            .trouble
            .as_deref()
            .expect("trouble at every request");
        assert_eq!(
            receipt.created.is_empty(),
            word.ends_with("_before"),
            "{receipt:?}"
        );
    }
    let created = ledger
        .receipts
        .iter()
        .map(|receipt| receipt.created.len())
        .sum::<usize>();
    assert_eq!(
        (ledger.counts.created, ledger.leads.len()),
        (created as u64, created)
    );
}
