//! A long list of numbers on disk, eight bytes each, in a temporary file that has no name.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use crate::private;

const SIZE: usize = size_of::<u64>();

/// Numbers that are written one behind the other and read from anywhere. The file is made with the first of them.
#[derive(Debug, Default)]
pub struct Tape {
    file: Option<File>,
    length: usize,
}

impl Tape {
    /// How many numbers it holds.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Writes numbers behind those that it holds.
    pub fn append(&mut self, numbers: &[u64]) -> io::Result<()> {
        let bytes: Vec<u8> = numbers.iter().copied().flat_map(u64::to_le_bytes).collect();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(private::unnamed()?),
        };
        file.write_all(&bytes)?;
        self.length += numbers.len();
        Ok(())
    }

    /// So many numbers from this place on, counted from zero.
    ///
    /// # Errors
    /// When the file cannot be read, or it does not hold so many.
    pub fn read(&self, from: usize, count: usize) -> io::Result<Vec<u64>> {
        let Some(file) = &self.file else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut bytes = vec![0; count * SIZE];
        file.read_exact_at(&mut bytes, (from * SIZE) as u64)?;
        let (numbers, _) = bytes.as_chunks();
        Ok(numbers.iter().copied().map(u64::from_le_bytes).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_read_from_anywhere() {
        let mut tape = Tape::default();
        assert!(tape.read(0, 1).is_err(), "nothing is there");
        tape.append(&[1, u64::MAX]).unwrap();
        tape.append(&[]).unwrap();
        tape.append(&[3]).unwrap();
        assert_eq!(tape.length(), 3);
        assert_eq!(tape.read(0, 3).unwrap(), [1, u64::MAX, 3]);
        assert_eq!(tape.read(1, 1).unwrap(), [u64::MAX]);
        assert!(tape.read(1, 3).is_err(), "one is missing");
    }

    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::MetadataExt;
        let mut tape = Tape::default();
        tape.append(&[1]).unwrap();
        let metadata = tape.file.unwrap().metadata().unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.nlink()), (0o600, 0));
    }
}
