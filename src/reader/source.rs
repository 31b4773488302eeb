//! The bytes of the input, which can be read again and again, and which do not change unnoticed.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::error::{ErrorKind, InputError};
use crate::private;

/// A file that is read where it lies, or a private copy of what cannot be read twice.
#[derive(Clone, Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: Arc<Mutex<File>>,
    /// Nothing for a private copy: no one else can reach it.
    stamp: Option<Stamp>,
}

/// What shows that a file is still the same.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    identity: (u64, u64),
}

impl Stamp {
    fn new(metadata: &Metadata) -> Stamp {
        Stamp {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

impl Source {
    /// Opens a file; `-`, pipes and the like are copied first.
    pub(super) fn open(path: &Path) -> Result<Source, InputError> {
        if path.as_os_str() == "-" {
            return Source::spool(path, &mut io::stdin().lock());
        }
        let failed = |source| InputError::io(path, "open", source);
        if path.is_dir() {
            return Err(InputError::new(path, ErrorKind::Folder));
        }
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Source::spool(path, &mut file);
        }
        let stamp = Some(Stamp::new(&metadata));
        Ok(Source {
            path: path.to_owned(),
            file: Arc::new(Mutex::new(file)),
            stamp,
        })
    }

    /// Copies `bytes` to a file that only we can open: without a name, and with no rights for others.
    pub(super) fn spool(path: &Path, bytes: &mut impl Read) -> Result<Source, InputError> {
        let mut file = Source::spool_file(path)?;
        io::copy(bytes, &mut file).map_err(|source| InputError::io(path, "copy", source))?;
        Ok(Source::from_spool(path, file))
    }

    pub(super) fn spool_file(path: &Path) -> Result<File, InputError> {
        private::unnamed()
            .map_err(|source| InputError::new(path, ErrorKind::NoTemporaryFile(source)))
    }

    pub(super) fn from_spool(path: &Path, file: File) -> Source {
        Source {
            path: path.to_owned(),
            file: Arc::new(Mutex::new(file)),
            stamp: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to the file that was opened.
    pub(super) fn verify(&self) -> Result<(), InputError> {
        let Some(stamp) = &self.stamp else {
            return Ok(());
        };
        match self.path.metadata() {
            Ok(metadata) if Stamp::new(&metadata) == *stamp => Ok(()),
            Ok(_) => Err(self.changed()),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Err(self.changed()),
            Err(source) => Err(InputError::io(&self.path, "look at", source)),
        }
    }

    /// Fills `buffer` from `position` on, as far as the file reaches, unless the file has changed.
    pub(super) fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<usize, InputError> {
        let read = self
            .fill(position, buffer)
            .map_err(|source| InputError::io(&self.path, "read", source))?;
        let short = (read < buffer.len()).then_some(position + read as u64);
        match (&self.stamp, short) {
            (Some(stamp), Some(end)) if end != stamp.length => Err(self.changed()),
            (Some(stamp), _) if !self.is_as(stamp) => Err(self.changed()),
            _ => Ok(read),
        }
    }

    fn fill(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(position))?;
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn is_as(&self, stamp: &Stamp) -> bool {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.metadata()
            .is_ok_and(|metadata| Stamp::new(&metadata) == *stamp)
    }

    fn changed(&self) -> InputError {
        InputError::new(&self.path, ErrorKind::Changed)
    }

    /// All bytes from the start, for readers of other formats.
    pub(super) fn reader(&self) -> BufReader<SourceReader> {
        BufReader::with_capacity(
            64 * 1024,
            SourceReader {
                source: self.clone(),
                position: 0,
            },
        )
    }
}

/// Reads a source from its start, and seeks in it.
#[derive(Clone, Debug)]
pub(super) struct SourceReader {
    source: Source,
    position: u64,
}

impl Read for SourceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self
            .source
            .read_at(self.position, buffer)
            .map_err(io::Error::other)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for SourceReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(step) => self.position.checked_add_signed(step),
            SeekFrom::End(step) => {
                let mut file = self
                    .source
                    .file
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::End(0))?.checked_add_signed(step)
            }
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
