//! The fixture: the leads can be read, and belong to the rows.

use std::path::Path;

use leadfix::sandbox::{Leads, LeadsError};

#[test]
fn the_fixtures_belong_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let Ok(Leads::Listed(leads)) = Leads::from_file(&folder.join("corrections.leads.jsonl")) else {
        panic!("the leads cannot be read");
    };
    let mut reader = csv::Reader::from_path(folder.join("corrections.csv")).expect("the rows");
    let rows: Vec<_> = reader
        .records()
        .collect::<Result<_, _>>()
        .expect("rows of one length");
    assert!(rows.len() >= 200, "{}", rows.len());
    let gone = rows
        .iter()
        .filter(|row| !row[0].is_empty() && leads.iter().all(|lead| lead.id != row[0]))
        .count();
    assert_eq!(gone, 3);
    assert!(
        leads
            .iter()
            .all(|lead| rows.iter().any(|row| row[0] == lead.id)),
        "every lead has a row"
    );
}

#[test]
fn a_leads_file_that_cannot_be_used_is_named() {
    let missing = Leads::from_file(Path::new("no/such/file.jsonl"));
    assert!(
        matches!(&missing, Err(error @ LeadsError::Unreadable { .. }) if error.to_string().contains("no/such/file.jsonl"))
    );
    let rows = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/corrections.csv");
    let error = Leads::from_file(&rows)
        .expect_err("rows are not leads")
        .to_string();
    assert!(error.contains("corrections.csv, line 1: "), "{error}");
}
