//! The number that each row of a file gives, as the survey found it: on disk where there are many, so that none need
//! be judged twice.

use std::cell::RefCell;
use std::io;

use crate::phone::E164;
use crate::tape::Tape;

/// Numbers kept in memory, and as many again of those that are read back: 32 kilobytes each.
const BLOCK: usize = 4096;
/// In the place of a row that gives no number.
const NONE: u64 = 0;

/// Numbers by row. Eight bytes of disk for each row.
#[derive(Debug, Default)]
pub struct Numbers {
    /// Whole blocks.
    tape: Tape,
    /// Those behind them.
    recent: Vec<u64>,
    read_back: RefCell<Block>,
}

/// Numbers that follow each other on the tape.
#[derive(Debug, Default)]
struct Block {
    start: usize,
    numbers: Vec<u64>,
}

impl Numbers {
    /// Adds the number of the next row.
    pub fn push(&mut self, number: Option<E164>) -> io::Result<()> {
        if self.recent.len() == BLOCK {
            self.tape.append(&self.recent)?;
            self.recent.clear();
        }
        self.recent.push(number.map_or(NONE, E164::digits));
        Ok(())
    }

    /// The digits of a row's number; rows are counted from one. `None` also where the disk cannot be read.
    pub fn of_row(&self, row: u64) -> Option<u64> {
        let place = usize::try_from(row.checked_sub(1)?).ok()?;
        let digits = match place.checked_sub(self.tape.length()) {
            Some(place) => self.recent.get(place).copied()?,
            None => self.read(place).ok()?,
        };
        (digits != NONE).then_some(digits)
    }

    fn read(&self, place: usize) -> io::Result<u64> {
        let mut block = self.read_back.borrow_mut();
        let start = place - place % BLOCK;
        if block.start != start || block.numbers.is_empty() {
            let numbers = self.tape.read(start, BLOCK)?;
            *block = Block { start, numbers };
        }
        Ok(block.numbers[place - start])
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
