//! The upload: a multipart file of leads to enrol.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;

use hyper::body::Bytes;
use serde_json::Value;

use super::answer::Refusal;
use super::body::{MOST_VARIABLES, is_e164};
use super::destinations;
use super::lead::Variables;

/// The largest file that is taken.
pub(super) const LARGEST_FILE: usize = 10 * 1024 * 1024;

/// One lead to enrol.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Enrolled {
    pub(super) phone: String,
    pub(super) variables: Variables,
}

/// What a file asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Enrolments {
    pub(super) leads: Vec<Enrolled>,
    /// Rows without a number, and numbers that an earlier row has.
    pub(super) skipped: usize,
}

/// Takes the field `file` out of a multipart body.
pub(super) async fn file(content_type: &str, body: Bytes) -> Result<Bytes, Refusal> {
    let wrong = |error: multer::Error| Refusal::new(400, format!("Multipart: {error}"));
    let boundary = multer::parse_boundary(content_type).map_err(wrong)?;
    let body = futures::stream::once(async { Ok::<_, Infallible>(body) });
    let mut parts = multer::Multipart::new(body, boundary);
    while let Some(part) = parts.next_field().await.map_err(wrong)? {
        if part.name() != Some("file") {
            continue;
        }
        let spreadsheet = part
            .file_name()
            .and_then(|name| name.rsplit_once('.'))
            .is_some_and(|(_, kind)| {
                kind.eq_ignore_ascii_case("xlsx") || kind.eq_ignore_ascii_case("xls")
            });
        if spreadsheet {
            // The API takes them; claiming to have read one would be worse than this.
            return Err(Refusal::new(400, "the sandbox reads CSV files only"));
        }
        let bytes = part.bytes().await.map_err(wrong)?;
        if bytes.len() > LARGEST_FILE {
            return Err(Refusal::new(413, "File too large"));
        }
        return Ok(bytes);
    }
    Err(Refusal::new(400, "file is required"))
}

/// Reads the rows, or says what is wrong with which of them: then none is enrolled.
pub(super) fn rows(file: &[u8], allowed: Option<&[String]>) -> Result<Enrolments, Refusal> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut reader = csv::Reader::from_reader(file);
    let unreadable =
        |error: csv::Error| Refusal::new(400, format!("the file cannot be read: {error}"));
    let columns = reader.headers().map_err(unreadable)?.clone();
    let Some(phone_column) = columns.iter().position(|column| column == "phone_number") else {
        return Err(Refusal::new(400, "a phone_number column is required"));
    };
    if columns.len() - 1 > MOST_VARIABLES {
        let message =
            format!("a file must not have more than {MOST_VARIABLES} columns beside phone_number");
        return Err(Refusal::new(400, message));
    }
    let mut enrolments = Enrolments::default();
    let mut seen = HashSet::new();
    let mut wrong: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (row, record) in (1_usize..).zip(reader.records()) {
        let record = record.map_err(unreadable)?;
        let phone = record.get(phone_column).unwrap_or_default();
        if phone.is_empty() || !seen.insert(phone.to_owned()) {
            enrolments.skipped += 1;
        } else if !is_e164(phone) {
            let rows = wrong.entry("phone_number must be a valid E.164 phone number");
            rows.or_default().push(row.to_string());
        } else if !destinations::allow(allowed, phone) {
            let rows = wrong.entry("this destination is not allowed on this route");
            rows.or_default().push(row.to_string());
        } else {
            let cells = columns
                .iter()
                .zip(&record)
                .filter(|&(column, _)| column != "phone_number");
            enrolments.leads.push(Enrolled {
                phone: phone.to_owned(),
                variables: cells
                    .map(|(column, cell)| (column.to_owned(), Value::from(cell)))
                    .collect(),
            });
        }
    }
    if wrong.is_empty() {
        return Ok(enrolments);
    }
    let messages = wrong
        .iter()
        .map(|(reason, rows)| format!("{reason}: rows {}", rows.join(", ")).into());
    Err(Refusal {
        status: 400,
        messages: messages.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_leads() {
        let file = "\u{feff}name,phone_number,product\nAsha,+919876540001,loan\n,,\nAgain,+919876540001,card\nBob,+447700900001,\n";
        let read = rows(file.as_bytes(), None).expect("a good file");
        assert_eq!((read.leads.len(), read.skipped), (2, 2));
        assert_eq!(read.leads[0].phone, "+919876540001");
        assert_eq!(
            Value::from(read.leads[0].variables.clone()),
            serde_json::json!({"name": "Asha", "product": "loan"})
        );
    }

    #[test]
    fn a_bad_row_spoils_the_file() {
        let file = "phone_number\n98765\n+919876540001\n+447700900001\n12\n";
        let refusal = rows(file.as_bytes(), Some(&["+91".to_owned()])).expect_err("a bad file");
        assert_eq!(
            refusal.messages,
            [
                "phone_number must be a valid E.164 phone number: rows 1, 4",
                "this destination is not allowed on this route: rows 3"
            ]
        );
    }

    #[test]
    fn columns_are_required_and_counted() {
        assert!(rows(b"phone\n+919876540001\n", None).is_err());
        let columns = |count: usize| {
            let names: Vec<_> = (0..count).map(|n| format!("v{n}")).collect();
            format!("phone_number,{}\n", names.join(","))
        };
        assert!(rows(columns(15).as_bytes(), None).is_ok());
        assert!(rows(columns(16).as_bytes(), None).is_err());
    }
}
