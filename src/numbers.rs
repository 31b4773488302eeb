//! The number that each row of a file gives, as the survey found it: on disk where there are many, so that none need
//! be judged twice.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use crate::phone::E164;

/// Numbers kept in memory, and as many again of those that are read back: 32 kilobytes each.
const BLOCK: usize = 4096;
const SIZE: usize = size_of::<u64>();
/// In the place of a row that gives no number.
const NONE: u64 = 0;

/// Numbers by row. Eight bytes of disk for each row, in a file without a name.
#[derive(Debug, Default)]
pub struct Numbers {
    file: Option<File>,
    /// How many are in the file, in whole blocks.
    written: usize,
    /// Those behind them.
    recent: Vec<u64>,
    read_back: RefCell<Block>,
}

/// Numbers that follow each other in the file.
#[derive(Debug, Default)]
struct Block {
    start: usize,
    numbers: Vec<u64>,
}

impl Numbers {
    /// Adds the number of the next row.
    pub fn push(&mut self, number: Option<E164>) -> io::Result<()> {
        if self.recent.len() == BLOCK {
            self.write_block()?;
        }
        self.recent.push(number.map_or(NONE, E164::digits));
        Ok(())
    }

    /// The digits of a row's number; rows are counted from one. `None` also where the file cannot be read.
    pub fn of_row(&self, row: u64) -> Option<u64> {
        let place = usize::try_from(row.checked_sub(1)?).ok()?;
        let digits = match place.checked_sub(self.written) {
            Some(place) => self.recent.get(place).copied()?,
            None => self.read(place).ok()?,
        };
        (digits != NONE).then_some(digits)
    }

    fn read(&self, place: usize) -> io::Result<u64> {
        let mut block = self.read_back.borrow_mut();
        let start = place - place % BLOCK;
        if block.start != start || block.numbers.is_empty() {
            let mut bytes = vec![0; BLOCK * SIZE];
            if let Some(file) = &self.file {
                file.read_exact_at(&mut bytes, (start * SIZE) as u64)?;
            }
            block.start = start;
            block.numbers.clear();
            let numbers = bytes.as_chunks().0.iter().copied();
            block.numbers.extend(numbers.map(u64::from_le_bytes));
        }
        Ok(block.numbers[place - start])
    }

    fn write_block(&mut self) -> io::Result<()> {
        let bytes: Vec<u8> = self
            .recent
            .iter()
            .copied()
            .flat_map(u64::to_le_bytes)
            .collect();
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile()?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&bytes)?;
        }
        self.written += self.recent.len();
        self.recent.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_own_number_in_whatever_order_they_are_asked_for() {
        let number = |row: u64| {
            let text = format!("+9198765{:05}", row % 89_999 + 10_000);
            (row % 7 != 3).then(|| text.parse::<E164>().unwrap())
        };
        for rows in [0, 1, 4095, 4096, 4097, 3 * 4096, 3 * 4096 + 5] {
            let mut numbers = Numbers::default();
            for row in 1..=rows {
                numbers.push(number(row)).unwrap();
            }
            let forth = 1..=rows;
            let back = (1..=rows).rev().step_by(1000);
            for row in forth.chain(back) {
                assert_eq!(
                    numbers.of_row(row),
                    number(row).map(E164::digits),
                    "{row} of {rows}"
                );
            }
            assert_eq!(numbers.of_row(0), None);
            assert_eq!(numbers.of_row(rows + 1), None);
        }
    }
}
