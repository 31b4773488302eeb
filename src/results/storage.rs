//! Where result rows are kept: written in order, and made durable meanwhile.

use std::fs::File;
use std::io::{self, Write};

use tokio::task::JoinHandle;

/// Keeps what is written to it, for certain once a sync that began afterwards has succeeded.
pub trait Storage: Write {
    /// Begins to make durable what was written so far, from another thread. After a failure nothing is known of
    /// what was written since the sync before, and another sync that succeeds proves nothing.
    fn sync(&self) -> JoinHandle<io::Result<()>>;
}

impl Storage for File {
    fn sync(&self) -> JoinHandle<io::Result<()>> {
        let file = self.try_clone();
        tokio::task::spawn_blocking(move || file?.sync_data())
    }
}

/// Takes nothing more after a write that failed: what is left in the buffer above would otherwise be written a second
/// time when that is dropped, behind the part of it that has arrived.
#[derive(Debug)]
pub(super) struct Fused<S> {
    storage: S,
    failed: bool,
    /// Of everything in the storage; boxed, because it is large.
    hash: Box<blake3::Hasher>,
}

impl<S: Storage> Fused<S> {
    pub(super) fn new(storage: S, hash: blake3::Hasher) -> Self {
        Self {
            storage,
            failed: false,
            hash: Box::new(hash),
        }
    }

    pub(super) fn hash(&self) -> blake3::Hash {
        self.hash.finalize()
    }

    pub(super) fn storage(&self) -> &S {
        &self.storage
    }

    fn attempt<T>(&mut self, attempt: impl FnOnce(&mut S) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Err(io::Error::other("an earlier write has failed"));
        }
        let attempted = attempt(&mut self.storage);
        let passing = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
        self.failed = attempted.as_ref().is_err_and(|error| !passing(error));
        attempted
    }
}

impl<S: Storage> Write for Fused<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.attempt(|storage| storage.write(bytes))?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes everything, and fails to hand it on.
    struct Stuck;

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    impl Storage for Stuck {
        fn sync(&self) -> JoinHandle<io::Result<()>> {
            unreachable!("nothing is synced here")
        }
    }

    #[test]
    fn what_is_not_handed_on_is_a_write_that_failed() {
        let mut fused = Fused::new(Stuck, blake3::Hasher::new());
        assert_eq!(fused.write(b"row").unwrap(), 3);
        assert_eq!(
            fused.flush().unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        assert!(fused.write(b"row").is_err(), "another row is taken");
    }
}
