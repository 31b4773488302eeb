//! A CSV file as rows of named cells.

use std::fmt;
use std::ops::Index;

/// A CSV file, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads UTF-8 with commas; anything else is the test's mistake.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::Reader::from_reader(bytes);
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = cells(reader.headers().expect("a header"));
        let rows = reader
            .records()
            .map(|record| cells(&record.expect("a whole row")));
        Self {
            header,
            rows: rows.collect(),
        }
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row {
            header: &self.header,
            cells,
        })
    }

    /// The only row for this lead.
    pub(crate) fn of(&self, lead: &str) -> Row<'_> {
        let mut found = self.rows().filter(|row| &row["lead_id"] == lead);
        match (found.next(), found.next()) {
            (Some(row), None) => row,
            (first, _) => panic!(
                "{} rows for `{lead}`",
                if first.is_some() { "several" } else { "no" }
            ),
        }
    }

    /// The file without these columns.
    pub(crate) fn without(&self, columns: &[&str]) -> Self {
        let kept: Vec<usize> = (0..self.header.len())
            .filter(|index| !columns.contains(&self.header[*index].as_str()))
            .collect();
        let keep = |cells: &Vec<String>| kept.iter().map(|index| cells[*index].clone()).collect();
        Self {
            header: keep(&self.header),
            rows: self.rows.iter().map(keep).collect(),
        }
    }
}

/// One row; cells by column name, empty where there is no such column.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) header: &'a [String],
    pub(crate) cells: &'a [String],
}

impl Row<'_> {
    /// `status/reason/reupload/http status/attempts`: what most tests look at.
    pub(crate) fn verdict(&self) -> String {
        let parts = [
            "result_status",
            "result_reason",
            "result_reupload",
            "result_http_status",
            "result_attempts",
        ];
        parts.map(|part| &self[part]).join("/")
    }
}

impl Index<&str> for Row<'_> {
    type Output = str;

    fn index(&self, column: &str) -> &str {
        let index = self.header.iter().position(|name| name == column);
        index.map_or("", |index| self.cells[index].as_str())
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, cell) in self.header.iter().zip(self.cells) {
            write!(f, "{name}={cell:?} ")?;
        }
        Ok(())
    }
}
