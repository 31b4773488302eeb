//! A sheet's cells, written out as text that is read like any other file.
//!
//! The table begins with the first row that has content. Every row of the sheet from there on becomes one record,
//! blank ones included, so that rows keep the sheet's own numbers.

use std::fs::File;
use std::io::{self, BufWriter, Write};

/// Writes the cells of a sheet, row by row.
pub(super) struct Table {
    out: BufWriter<File>,
    /// Row and column of the first cell, from 0.
    origin: Option<(u32, u32)>,
    row: u32,
    width: usize,
    cells: Vec<String>,
}

/// What is wrong with a cell, or with writing it.
#[derive(Debug)]
pub(super) enum TableError {
    /// It stands to the left of the first row's first cell.
    Outside(String),
    /// It comes after a cell that should follow it.
    Disorder,
    Io(io::Error),
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> TableError {
        TableError::Io(error)
    }
}

impl Table {
    pub(super) fn new(out: File) -> Table {
        Table {
            out: BufWriter::new(out),
            origin: None,
            row: 0,
            width: 0,
            cells: Vec::new(),
        }
    }

    pub(super) fn push(
        &mut self,
        (row, column): (u32, u32),
        text: String,
    ) -> Result<(), TableError> {
        if text.is_empty() {
            return Ok(());
        }
        let (_, first_column) = *self.origin.get_or_insert_with(|| {
            self.row = row;
            (row, column)
        });
        if row < self.row {
            return Err(TableError::Disorder);
        }
        if column < first_column {
            return Err(TableError::Outside(address(row, column)));
        }
        if row > self.row {
            self.end_row()?;
            (self.row + 1..row).try_for_each(|_| self.out.write_all(b"\n"))?;
            self.row = row;
        }
        let at = (column - first_column) as usize;
        if self.cells.len() <= at {
            self.cells.resize(at + 1, String::new());
        }
        self.cells[at] = text;
        Ok(())
    }

    /// Row and column of the table's first cell, from 0.
    pub(super) fn origin(&self) -> (u32, u32) {
        self.origin.unwrap_or_default()
    }

    /// The file.
    pub(super) fn finish(mut self) -> Result<File, TableError> {
        if self.origin.is_some() {
            self.end_row()?;
        }
        let file = self.out.into_inner();
        Ok(file.map_err(io::IntoInnerError::into_error)?)
    }

    fn end_row(&mut self) -> io::Result<()> {
        self.width = self
            .width
            .max(if self.width == 0 { self.cells.len() } else { 0 });
        if self.cells.len() < self.width {
            self.cells.resize(self.width, String::new());
        }
        for (at, cell) in self.cells.drain(..).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(self.out, "{comma}\"{}\"", cell.replace('"', "\"\""))?;
        }
        self.out.write_all(b"\n")
    }
}

/// `B7` for row 6, column 1.
pub(super) fn address(row: u32, column: u32) -> String {
    format!("{}{}", column_letters(column as usize), u64::from(row) + 1)
}

/// `B` for column 1.
pub(crate) fn column_letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        letters.push(char::from(
            b'A' + u8::try_from((rest - 1) % 26).unwrap_or(0),
        ));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    fn written(cells: &[((u32, u32), &str)]) -> Result<(String, u32), TableError> {
        let mut table = Table::new(tempfile::tempfile()?);
        cells
            .iter()
            .try_for_each(|(at, text)| table.push(*at, (*text).to_owned()))?;
        let (first_row, _) = table.origin();
        let mut file = table.finish()?;
        file.rewind()?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok((text, first_row))
    }

    #[test]
    fn a_table_begins_where_the_first_cell_is_and_keeps_blank_rows() {
        let cells = [
            ((2, 1), "id"),
            ((2, 2), "n"),
            ((3, 1), ""),
            ((5, 1), "a\"b"),
            ((6, 3), "x\ny"),
        ];
        let (text, first_row) = written(&cells).expect("a table");
        assert_eq!(
            text,
            "\"id\",\"n\"\n\n\n\"a\"\"b\",\"\"\n\"\",\"\",\"x\ny\"\n"
        );
        assert_eq!(first_row, 2);
        assert_eq!(written(&[]).expect("nothing").0, "");
    }

    #[test]
    fn a_cell_left_of_the_table_or_out_of_order_is_refused() {
        let outside = written(&[((0, 27), "id"), ((1, 26), "x")]);
        assert!(matches!(outside, Err(TableError::Outside(at)) if at == "AA2"));
        assert!(matches!(
            written(&[((1, 0), "id"), ((0, 0), "x")]),
            Err(TableError::Disorder)
        ));
    }
}
