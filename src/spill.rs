//! Which numbers of a long list stand in it more than once, in bounded memory: sorted runs go to disk and are
//! merged from there.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::io;

use crate::tape::Tape;

/// Numbers kept in memory before a run is written: half a megabyte.
const RUN: usize = 64 * 1024;
/// Numbers read back at a time from each run.
const BLOCK: usize = 1024;

/// A list of numbers, kept on disk where it is long. Eight bytes of disk for each.
#[derive(Debug, Default)]
pub struct Spill {
    run: Vec<u64>,
    tape: Tape,
    /// Lengths of the runs on the tape.
    runs: Vec<usize>,
}

impl Spill {
    /// Adds a number.
    pub fn push(&mut self, number: u64) -> io::Result<()> {
        self.run.push(number);
        if self.run.len() == RUN {
            self.write_run()
        } else {
            Ok(())
        }
    }

    /// The numbers that were added more than once.
    pub fn repeated(mut self) -> io::Result<HashSet<u64>> {
        if self.runs.is_empty() {
            self.run.sort_unstable();
            return repeated(self.run.into_iter().map(Ok));
        }
        if !self.run.is_empty() {
            self.write_run()?;
        }
        repeated(Merge::new(&self)?)
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.run.sort_unstable();
        self.tape.append(&self.run)?;
        self.runs.push(self.run.len());
        self.run.clear();
        Ok(())
    }
}

fn repeated(sorted: impl Iterator<Item = io::Result<u64>>) -> io::Result<HashSet<u64>> {
    let mut found = HashSet::new();
    let mut last = None;
    for number in sorted {
        let number = number?;
        if last == Some(number) {
            found.insert(number);
        }
        last = Some(number);
    }
    Ok(found)
}

/// The numbers of all runs, in order.
struct Merge<'a> {
    tape: &'a Tape,
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<(u64, usize)>>,
}

/// What is left of one run.
struct Run {
    start: usize,
    left: usize,
    block: std::vec::IntoIter<u64>,
}

impl<'a> Merge<'a> {
    fn new(spill: &'a Spill) -> io::Result<Self> {
        let mut merge = Self {
            tape: &spill.tape,
            runs: Vec::new(),
            heads: BinaryHeap::new(),
        };
        let mut start = 0;
        for (index, &left) in spill.runs.iter().enumerate() {
            merge.runs.push(Run {
                start,
                left,
                block: Vec::new().into_iter(),
            });
            start += left;
            merge.advance(index)?;
        }
        Ok(merge)
    }

    /// Puts the next number of a run among the heads.
    fn advance(&mut self, index: usize) -> io::Result<()> {
        let run = &mut self.runs[index];
        if run.block.len() == 0 && run.left > 0 {
            let count = run.left.min(BLOCK);
            run.block = self.tape.read(run.start, count)?.into_iter();
            run.start += count;
            run.left -= count;
        }
        if let Some(number) = run.block.next() {
            self.heads.push(Reverse((number, index)));
        }
        Ok(())
    }
}

impl Iterator for Merge<'_> {
    type Item = io::Result<u64>;

    fn next(&mut self) -> Option<io::Result<u64>> {
        let Reverse((number, index)) = self.heads.pop()?;
        Some(self.advance(index).map(|()| number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(numbers: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut spill = Spill::default();
        for number in numbers {
            spill.push(number).unwrap();
        }
        let mut found: Vec<u64> = spill.repeated().unwrap().into_iter().collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn repeats_are_found_however_long_the_list() {
        assert!(repeats([]).is_empty());
        assert!(repeats([3, 1, 2]).is_empty());
        assert_eq!(repeats([3, 1, 3, u64::MAX, 3, u64::MAX]), [3, u64::MAX]);
        for length in [
            RUN as u64 - 1,
            RUN as u64,
            RUN as u64 + 1,
            5 * RUN as u64 + 7,
        ] {
            let scattered = |index: u64| index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            assert!(repeats((0..length).map(scattered)).is_empty(), "{length}");
            let mut expected = vec![scattered(0), scattered(length / 2)];
            expected.sort_unstable();
            let again = (0..length).chain([0, length / 2]).map(scattered);
            assert_eq!(repeats(again), expected, "{length}");
        }
    }
}
