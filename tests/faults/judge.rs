//! The one judge of every fault: the ledger against the results. The program's own word counts for nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use serde_json::Value;

use crate::ledger::{Lead, Ledger};
use crate::world::{INPUT, RESULTS, World};

/// A row of a CSV file, cells by column name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(BTreeMap<String, String>);

impl Row {
    fn all(text: &str) -> Vec<Self> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header = reader.headers().expect("a header").clone();
        let cells = |record: csv::StringRecord| {
            let pairs = header.iter().zip(record.iter());
            Self(
                pairs
                    .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
                    .collect(),
            )
        };
        reader
            .records()
            .map(|record| cells(record.expect("a whole row")))
            .collect()
    }

    /// `status/reason/reupload`.
    pub(crate) fn verdict(&self) -> String {
        ["result_status", "result_reason", "result_reupload"]
            .map(|column| &self[column])
            .join("/")
    }

    /// What the row wants, read from its cells afresh: national numbers are Indian.
    fn wishes(&self) -> Vec<(String, Value)> {
        let cells = self.0.iter().filter(|(_, cell)| !cell.is_empty());
        cells
            .filter_map(|(name, cell)| match name.as_str() {
                "phone_number" if cell.starts_with('+') => {
                    Some((name.clone(), cell.as_str().into()))
                }
                "phone_number" => Some((name.clone(), format!("+91{cell}").into())),
                _ => {
                    let key = name.strip_prefix("metadata.")?;
                    Some((key.to_owned(), cell.as_str().into()))
                }
            })
            .collect()
    }
}

impl Index<&str> for Row {
    type Output = str;

    fn index(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}: {}",
            &self["lead_id"],
            &self["phone_number"],
            self.verdict(),
            &self["result_detail"]
        )
    }
}

fn holds(lead: &Lead, (field, wanted): &(String, Value)) -> bool {
    match field.as_str() {
        "phone_number" => lead.phone_number.as_str() == wanted,
        key => lead.metadata.get(key) == Some(wanted),
    }
}

impl World {
    /// After the last resume: every row has exactly one result, and none is untrue.
    #[track_caller]
    pub(crate) fn judge(&self) -> Vec<Row> {
        let results = self.judge_so_far();
        let input = Row::all(&self.read(INPUT));
        assert_eq!(results.len(), input.len(), "each row has one result");
        results
    }

    /// The same where a person changes these leads after the run: they held the values at some time.
    #[track_caller]
    pub(crate) fn judge_despite_edits(&self, edited: &[&str]) -> Vec<Row> {
        self.judge_rows(edited)
    }

    /// After a run that ended early: no row has two results, and none is untrue.
    #[track_caller]
    pub(crate) fn judge_so_far(&self) -> Vec<Row> {
        self.judge_rows(&[])
    }

    #[track_caller]
    fn judge_rows(&self, edited: &[&str]) -> Vec<Row> {
        let input = Row::all(&self.read(INPUT));
        let results = Row::all(&self.read(RESULTS));
        let ledger = self.server.ledger();
        assert!(results.len() <= input.len(), "more results than rows");
        for (at, (row, wanted)) in results.iter().zip(&input).enumerate() {
            assert_eq!(&row["result_row"], (at + 1).to_string(), "in input order");
            for (column, cell) in &wanted.0 {
                assert_eq!(row[column.as_str()], **cell, "the input's cells: {row}");
            }
            is_true(&ledger, row, wanted, edited);
        }
        nobody_else_is_touched(&ledger, &input);
        results
    }
}

#[track_caller]
fn is_true(ledger: &Ledger, row: &Row, wanted: &Row, edited: &[&str]) {
    let (id, wishes) = (&wanted["lead_id"], wanted.wishes());
    let no_states = Vec::new();
    let states = ledger.history.get(id).unwrap_or(&no_states);
    let now = states.last();
    match &row["result_status"] {
        "updated" | "unchanged" => {
            let all = |lead: &Lead| wishes.iter().all(|wish| holds(lead, wish));
            let is_so = if edited.contains(&id) {
                states.iter().any(all)
            } else {
                now.is_some_and(all)
            };
            assert!(is_so, "not so: {row}\n{states:?}");
        }
        "locked" => {
            let lead = now.unwrap_or_else(|| panic!("no such lead: {row}"));
            if &row["result_reupload"] == "yes" {
                assert!(lead.is_locked(), "not locked: {row}\n{states:?}");
                let held = states
                    .iter()
                    .any(|lead| wishes.iter().any(|wish| holds(lead, wish)));
                assert!(!held, "it held the new values: {row}\n{states:?}");
            }
        }
        _ => {}
    }
    assert!(
        &row["result_status"] == "locked" || row["result_reupload"].is_empty(),
        "only a locked lead can be enrolled again: {row}"
    );
}

/// Each change that was asked for is one that a row of that lead wants.
#[track_caller]
fn nobody_else_is_touched(ledger: &Ledger, input: &[Row]) {
    for receipt in &ledger.receipts {
        assert!(
            ["GET", "PATCH"].contains(&receipt.method.as_str()),
            "{receipt:?}"
        );
        let Some(number) = receipt.body["phone_number"].as_str() else {
            continue;
        };
        let asked = input.iter().any(|row| {
            row["lead_id"] == *receipt.lead
                && row.wishes().iter().any(|(_, wanted)| wanted == number)
        });
        assert!(asked, "nobody asked for {receipt:?}");
    }
}
