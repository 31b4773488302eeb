//! The judge: what the results claim against what the sandbox's ledger shows. The program's own word counts for
//! nothing here.

use std::collections::{BTreeMap, BTreeSet};

use leadfix::outcome::{Reason, Status};
use leadfix::results::COLUMNS;
use leadfix::sandbox::{self, Honours, LeadState, Ledger, Receipt};
use serde_json::{Map, Value};

use crate::table::{Row, Table};
use crate::world::{INPUT, RESULTS, World};

/// The terms on which a run is judged.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) input: &'a str,
    pub(crate) results: &'a str,
    /// `--metadata replace`: variables that a row does not name need not survive.
    pub(crate) replaces: bool,
    /// Several runs made the file, so that `result_attempts` does not tell every request.
    pub(crate) resumed: bool,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self {
            input: INPUT,
            results: RESULTS,
            replaces: false,
            resumed: false,
        }
    }
}

impl World {
    /// Judges one undisturbed run over [`INPUT`], and hands out its results.
    pub(crate) fn judge(&self) -> Table {
        self.judge_on(Terms::default())
    }

    /// Judges on these terms.
    pub(crate) fn judge_on(&self, terms: Terms) -> Table {
        let results = self.table(terms.results);
        let case = Case {
            results: &results,
            ledger: &self.ledger(),
            input: &self.table(terms.input),
            listed: self
                .leads
                .iter()
                .map(|lead| (lead["id"].as_str().unwrap_or_default(), lead))
                .collect(),
            second_shape: self.honours == Honours::Reference,
            terms,
        };
        case.judge();
        results
    }
}

struct Case<'a> {
    results: &'a Table,
    ledger: &'a Ledger,
    input: &'a Table,
    listed: BTreeMap<&'a str, &'a Value>,
    second_shape: bool,
    terms: Terms<'a>,
}

/// What a row wants of one field.
#[derive(Clone, Debug)]
enum Wish {
    Phone(String),
    Name(String),
    Notes(String),
    Variable(String, Value),
    Removed(String),
}

impl Case<'_> {
    fn judge(&self) {
        assert_eq!(
            self.ledger.receipts_dropped, 0,
            "the ledger is not complete"
        );
        self.rows_are_those_of_the_input();
        for row in self.results.rows() {
            self.row_is_true(&row);
        }
        let leads: BTreeSet<&str> = self.results.rows().map(|row| lead_of(&row)).collect();
        for lead in &leads {
            self.requests_belong_to_rows(lead);
        }
        for receipt in self
            .ledger
            .receipts
            .iter()
            .filter(|receipt| receipt.method != "GET")
        {
            assert_eq!(receipt.method, "PATCH", "{receipt:?}");
            assert!(
                leads.contains(receipt.lead.as_deref().unwrap_or_default()),
                "nobody asked for {receipt:?}"
            );
        }
    }

    /// One to one, in order, cells intact.
    fn rows_are_those_of_the_input(&self) {
        let carried: Vec<usize> = (0..self.input.header.len())
            .filter(|index| !self.input.header[*index].starts_with("result_"))
            .collect();
        let header: Vec<&str> = COLUMNS
            .into_iter()
            .chain(
                carried
                    .iter()
                    .map(|index| self.input.header[*index].as_str()),
            )
            .collect();
        assert_eq!(self.results.header, header);
        assert_eq!(self.results.rows.len(), self.input.rows.len(), "rows");
        for (index, (result, input)) in self.results.rows().zip(self.input.rows()).enumerate() {
            assert_eq!(result["result_row"], (index + 1).to_string());
            let cells: Vec<&String> = carried.iter().map(|index| &input.cells[*index]).collect();
            let found: Vec<&String> = result.cells[COLUMNS.len()..].iter().collect();
            assert_eq!(found, cells, "row {}", index + 1);
        }
    }

    fn row_is_true(&self, row: &Row) {
        let status: Status = row["result_status"]
            .parse()
            .unwrap_or_else(|_| panic!("{row}"));
        let reason = &row["result_reason"];
        assert!(
            reason.is_empty() || reason.parse::<Reason>().is_ok(),
            "{row}"
        );
        assert!(row["result_at"].ends_with('Z'), "{row}");
        assert!(
            !row["result_detail"].contains(['\n', '\r', '\u{1b}']),
            "{row}"
        );
        let flag = &row["result_reupload"];
        assert!(
            status == Status::Locked || flag.is_empty(),
            "only a locked lead can be enrolled again: {row}"
        );
        number_is_that_of_the_cell(row);
        let id = lead_of(row);
        let lead = self.ledger.lead(id);
        // For some leads the server answers 404 or 409 against its own knowledge, on the script's word.
        let script = self
            .listed
            .get(id)
            .map(|lead| lead["sandbox"].to_string())
            .unwrap_or_default();
        let slandered = script.contains("\"404\"") || script.contains("\"409\"");
        match status {
            Status::Updated | Status::Unchanged => {
                let lead = lead.unwrap_or_else(|| panic!("no such lead: {row}"));
                self.lead_holds(row, lead);
            }
            Status::Locked => {
                let lead = lead.unwrap_or_else(|| panic!("no such lead: {row}"));
                assert!(
                    slandered || lead.status != sandbox::Status::Pending,
                    "not locked: {row}"
                );
                if flag == "yes" {
                    self.nothing_was_applied(row, lead);
                }
            }
            Status::Missing => {
                let gone = lead.is_none_or(|lead| lead.status == sandbox::Status::Removed);
                assert!(slandered || gone, "the lead is there: {row}");
            }
            Status::Invalid | Status::Failed => {}
        }
    }

    fn lead_holds(&self, row: &Row, lead: &LeadState) {
        let excused = [
            "partly_confirmed",
            "accepted_unconfirmed",
            "identical_duplicate",
        ];
        let excused = excused.contains(&&row["result_reason"]);
        let wishes = wishes(row);
        assert!(!wishes.is_empty(), "nothing was wished for: {row}");
        for wish in &wishes {
            let excuse =
                || excused && !self.is_shown(wish, &lead.id) && self.was_accepted(wish, &lead.id);
            assert!(
                holds(lead, wish) || excuse(),
                "{wish:?} is not so: {row}\n{lead:?}"
            );
        }
        if self.terms.replaces || !wishes.iter().any(Wish::is_of_variables) {
            return;
        }
        for (key, value) in self.variables_before(&lead.id) {
            let touched = wishes.iter().any(|wish| wish.key() == Some(&key));
            assert!(
                touched || lead.metadata.get(&key) == Some(&value),
                "lost the variable `{key}`: {row}\n{lead:?}"
            );
        }
    }

    /// Certain that no field was applied: neither is it so now, nor did any request ever make it so.
    fn nothing_was_applied(&self, row: &Row, lead: &LeadState) {
        for wish in wishes(row) {
            assert!(
                !(self.is_shown(&wish, &lead.id) && holds(lead, &wish)),
                "{wish:?} is so: {row}\n{lead:?}"
            );
            if let Wish::Phone(number) = &wish {
                assert!(
                    !self.ledger.ever_held(&lead.id, number),
                    "it held {number}: {row}\n{lead:?}"
                );
            }
            let applied = self
                .patches(&lead.id)
                .any(|receipt| applies(receipt, &wish));
            assert!(!applied, "{wish:?} was applied: {row}\n{lead:?}");
        }
    }

    fn requests_belong_to_rows(&self, lead: &str) {
        let rows: Vec<Row> = self
            .results
            .rows()
            .filter(|row| lead_of(row) == lead)
            .collect();
        let flags = rows
            .iter()
            .filter(|row| &row["result_reupload"] == "yes")
            .count();
        assert!(flags <= 1, "`{lead}` would be enrolled {flags} times");
        let numbers: BTreeSet<&str> = rows.iter().map(|row| &row["result_phone_number"]).collect();
        for receipt in self.patches(lead) {
            let body: Value = serde_json::from_str(receipt.body.as_deref().unwrap_or_default())
                .expect("a JSON body");
            for field in ["phone_number", "phoneNumber"] {
                if let Some(number) = body.get(field) {
                    let number = number.as_str().unwrap_or_default();
                    assert!(
                        numbers.contains(number),
                        "no row of `{lead}` speaks of {number}: {}",
                        Rows(&rows)
                    );
                }
            }
        }
        let unsent = rows
            .iter()
            .all(|row| &row["result_status"] == "invalid" && row["result_http_status"].is_empty());
        assert!(
            !unsent || self.patches(lead).count() == 0,
            "an invalid row was sent: {}",
            Rows(&rows)
        );
        if self.terms.resumed
            || rows
                .iter()
                .any(|row| &row["result_reason"] == "unreachable")
        {
            return;
        }
        let attempts: usize = rows
            .iter()
            .map(|row| row["result_attempts"].parse::<usize>().expect("a count"))
            .sum();
        let counted = self
            .patches(lead)
            .filter(|receipt| receipt.status != Some(429))
            .count();
        assert_eq!(counted, attempts, "requests for `{lead}`: {}", Rows(&rows));
        for row in &rows {
            let status = &row["result_http_status"];
            let mut answered = self
                .ledger
                .receipts_for(lead)
                .filter_map(|receipt| receipt.status);
            assert!(
                status.is_empty() || answered.any(|answer| answer.to_string() == *status),
                "{row}"
            );
        }
    }

    fn patches<'s>(&'s self, lead: &'s str) -> impl Iterator<Item = &'s Receipt> {
        self.ledger
            .receipts_for(lead)
            .filter(|receipt| receipt.method == "PATCH")
    }

    /// Whether replies about the lead show this field.
    fn is_shown(&self, wish: &Wish, lead: &str) -> bool {
        let listed = |field: &str| self.listed.get(lead).and_then(|lead| lead.get(field));
        match wish {
            Wish::Phone(_) | Wish::Variable(..) | Wish::Removed(_) => true,
            Wish::Name(_) => self.second_shape || listed("name").is_some(),
            Wish::Notes(_) => !self.second_shape && listed("notes").is_some_and(Value::is_string),
        }
    }

    /// Whether a request that said this was answered with success.
    fn was_accepted(&self, wish: &Wish, lead: &str) -> bool {
        let (field, text) = match wish {
            Wish::Name(text) => ("name", text),
            Wish::Notes(text) => ("notes", text),
            _ => return false,
        };
        self.patches(lead).any(|receipt| {
            let body: Value = serde_json::from_str(receipt.body.as_deref().unwrap_or_default())
                .unwrap_or_default();
            receipt.status.is_some_and(|status| status < 300)
                && body.get(field).and_then(Value::as_str) == Some(text)
        })
    }

    fn variables_before(&self, lead: &str) -> Map<String, Value> {
        let listed = self.listed.get(lead);
        let mut fields = ["metadata", "notes"].into_iter();
        let found = fields.find_map(|field| listed?.get(field)?.as_object());
        found.cloned().unwrap_or_default()
    }
}

fn lead_of<'r>(row: &Row<'r>) -> &'r str {
    let index = row
        .header
        .iter()
        .rposition(|name| name == "lead_id")
        .expect("a lead column");
    row.cells[index].trim()
}

/// For cells that are plainly digits; the phone tests look at the others.
fn number_is_that_of_the_cell(row: &Row) {
    let sent = &row["result_phone_number"];
    if sent.is_empty() {
        return;
    }
    let digits = sent
        .strip_prefix('+')
        .unwrap_or_else(|| panic!("not E.164: {row}"));
    assert!(
        (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()),
        "{row}"
    );
    let cell = row["phone_number"].trim();
    if cell
        .chars()
        .all(|character| character.is_ascii_digit() || "+ -()".contains(character))
    {
        let typed: String = cell.chars().filter(char::is_ascii_digit).collect();
        assert!(
            digits.ends_with(&typed[typed.len().saturating_sub(8)..]),
            "another number: {row}"
        );
    }
}

impl Wish {
    fn is_of_variables(&self) -> bool {
        self.key().is_some()
    }

    fn key(&self) -> Option<&String> {
        match self {
            Self::Variable(key, _) | Self::Removed(key) => Some(key),
            _ => None,
        }
    }
}

/// White space and marks without width are nothing to correct a lead with.
fn shows_nothing(cell: &str) -> bool {
    let marks = "\u{ad}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
                 \u{2060}\u{2061}\u{2062}\u{2063}\u{2064}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}";
    cell.chars()
        .all(|character| character.is_whitespace() || marks.contains(character))
}

/// What a row wants, read from its cells afresh; of the phone cell the program's reading counts.
fn wishes(row: &Row) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for (name, cell) in row.header.iter().zip(row.cells) {
        let clear = cell.trim() == "<clear>";
        match name.as_str() {
            "result_phone_number" if !cell.is_empty() => wishes.push(Wish::Phone(cell.clone())),
            _ if shows_nothing(cell) => {}
            "name" => wishes.push(Wish::Name(cell.clone())),
            "notes" => wishes.push(Wish::Notes(if clear {
                String::new()
            } else {
                cell.clone()
            })),
            "metadata" => {
                let object: Map<String, Value> = serde_json::from_str(cell).expect("an object");
                wishes.extend(
                    object
                        .into_iter()
                        .map(|(key, value)| Wish::Variable(key, value)),
                );
            }
            name => match name.strip_prefix("metadata.") {
                Some(key) if clear => wishes.push(Wish::Removed(key.to_owned())),
                Some(key) => wishes.push(Wish::Variable(key.to_owned(), cell.clone().into())),
                None => {}
            },
        }
    }
    wishes
}

fn holds(lead: &LeadState, wish: &Wish) -> bool {
    match wish {
        Wish::Phone(number) => lead.phone_number == *number,
        Wish::Name(name) => lead.name.as_ref() == Some(name),
        Wish::Notes(text) => lead.notes.as_deref().unwrap_or_default() == text,
        Wish::Variable(key, value) => lead.metadata.get(key) == Some(value),
        Wish::Removed(key) => !lead.metadata.contains_key(key),
    }
}

fn applies(receipt: &Receipt, wish: &Wish) -> bool {
    receipt
        .applied
        .iter()
        .any(|change| match (change.field, wish) {
            ("phone_number", Wish::Phone(text))
            | ("name", Wish::Name(text))
            | ("notes", Wish::Notes(text)) => change.new.as_str() == Some(text),
            ("metadata", Wish::Variable(key, value)) => change.new.get(key) == Some(value),
            ("metadata", Wish::Removed(key)) => change.new.get(key).is_none(),
            _ => false,
        })
}

struct Rows<'a>(&'a [Row<'a>]);

impl std::fmt::Display for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}
