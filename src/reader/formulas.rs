//! The formulas of a sheet. A program that writes them need not work them out: some save no result, others 0 or empty
//! text in its place, which is not what a spreadsheet program would show.

use std::collections::BTreeMap;
use std::fmt;

use calamine::Data;

use super::table::address;
use super::value;

/// The formulas met so far, by column.
#[derive(Debug, Default)]
pub(super) struct Formulas(BTreeMap<u32, Column>);

#[derive(Debug)]
struct Column {
    /// The first cell with a formula.
    first: String,
    is_solved: bool,
}

/// A column whose formulas all hold 0 or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsolved {
    /// The column of the table, from 0.
    pub column: usize,
    first: String,
}

impl Formulas {
    /// Takes note of a cell with a formula. An error is the cell in which no result was saved.
    pub(super) fn note(&mut self, (row, column): (u32, u32), result: &Data) -> Result<(), String> {
        if *result == Data::Empty {
            return Err(address(row, column));
        }
        let found = self.0.entry(column).or_insert_with(|| Column {
            first: address(row, column),
            is_solved: false,
        });
        found.is_solved |= !matches!(value::text(result.clone()).as_str(), "" | "0");
        Ok(())
    }

    /// The columns without any result, in a table that begins at `left`.
    pub(super) fn unsolved(self, left: u32) -> Vec<Unsolved> {
        let columns = self.0.into_iter().filter(|(_, found)| !found.is_solved);
        columns
            .map(|(column, found)| Unsolved {
                column: column.saturating_sub(left) as usize,
                first: found.first,
            })
            .collect()
    }
}

impl Unsolved {
    /// For machines.
    pub const CODE: &str = "formulas_without_results";
}

impl fmt::Display for Unsolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "every formula in the column of cell {} holds 0 or nothing, as where they were never worked out: open the \
             file in a spreadsheet program and save it",
            self.first
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_result_in_a_column_shows_that_its_formulas_were_worked_out() {
        let text = |text: &str| Data::String(text.to_owned());
        let mut formulas = Formulas::default();
        for (at, result) in [
            ((1, 1), text("")),
            ((2, 1), text("919876543210")),
            ((1, 2), Data::Float(0.0)),
            ((2, 2), text("")),
        ] {
            formulas.note(at, &result).expect("a result");
        }
        assert_eq!(formulas.note((6, 27), &Data::Empty), Err("AB7".to_owned()));
        let first = "C2".to_owned();
        assert_eq!(formulas.unsolved(1), [Unsolved { column: 1, first }]);
    }
}
