//! One run per results file, and one per key and base URL. The kernel holds the locks and frees them whatever
//! happens to the process; a lock file is never deleted. It names its holder, for people, and is emptied by one that has
//! left nothing under way.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::private;

/// With this the holder's name begins.
const HOLDER: &str = "process ";
/// No holder's name is longer, in bytes.
const LONGEST: u64 = 100;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    was_left: bool,
}

/// Why a lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error(
        "another run holds `{path}`{holder}; wait for it to end, or stop it, and run this again"
    )]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who, and since when, as far as known.
        holder: String,
    },
    /// What stands there was not written by this program.
    #[error("`{0}` is no lock of this program, and was not touched; give that file another name")]
    Foreign(PathBuf),
    /// The lock file could not be used.
    #[error("cannot lock `{0}`: {1}")]
    Io(PathBuf, io::Error),
    /// The user's state folder could not be made.
    #[error(
        "cannot make the folder `{0}`, where runs with one key find each other: {1}; set XDG_STATE_HOME to a folder that \
         you can write to"
    )]
    StateFolder(PathBuf, io::Error),
}

impl Lock {
    /// Takes the lock at once or not at all.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let failed = |error| LockError::Io(path.to_owned(), error);
        let mut file = private::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        let tried = file.try_lock();
        let mut content = Vec::new();
        // Nobody promises that the holder has written its name yet.
        Read::take(&file, LONGEST)
            .read_to_end(&mut content)
            .map_err(failed)?;
        let holder = String::from_utf8_lossy(&content);
        match tried {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = if holder.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", crate::text::cut(holder.trim()))
                };
                return Err(LockError::Held {
                    path: path.to_owned(),
                    holder,
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // A power failure may have left nothing but zeros.
        if !holder.starts_with(HOLDER) && content.iter().any(|byte| *byte != 0) {
            return Err(LockError::Foreign(path.to_owned()));
        }
        write_holder(&mut file).map_err(failed)?;
        Ok(Self {
            file,
            was_left: !content.is_empty(),
        })
    }

    /// Whether the last holder may have left requests under way.
    pub fn was_left(&self) -> bool {
        self.was_left
    }

    /// Frees the lock of a holder that has left nothing under way.
    ///
    /// # Errors
    /// When that cannot be written down.
    pub fn leave_nothing(self) -> io::Result<()> {
        self.file.set_len(0)
    }

    /// The lock file for one key at one base URL, in the user's state folder; created where it is missing. The
    /// name is a hash, from which neither can be read.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn key_path(base_url: &str, api_key: &str) -> Result<PathBuf, LockError> {
        let folder = state_folder();
        std::fs::create_dir_all(&folder)
            .map_err(|error| LockError::StateFolder(folder.clone(), error))?;
        Ok(folder.join(format!("{}.lock", key_name(base_url, api_key))))
    }
}

fn key_name(base_url: &str, api_key: &str) -> String {
    let number = blake3::Hasher::new()
        .update(base_url.as_bytes())
        .update(&[0])
        .update(api_key.as_bytes())
        .finalize()
        .as_bytes()
        .iter()
        .take(12)
        .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{number:024x}")
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    writeln!(
        file,
        "{HOLDER}{} since {:.0}",
        std::process::id(),
        Timestamp::now()
    )
}

/// `$XDG_STATE_HOME/leadfix`, else `~/.local/state/leadfix`, else a folder of that name among the temporary files.
fn state_folder() -> PathBuf {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(std::env::temp_dir)
        .join("leadfix")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_it_and_a_third_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        let lock = Lock::take(&path).unwrap();
        let refused = Lock::take(&path).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("process {}", std::process::id())),
            "{refused}"
        );
        drop(lock);
        let left = Lock::take(&path).unwrap();
        assert!(left.was_left());
        left.leave_nothing().unwrap();
        assert!(path.exists(), "a lock file is never deleted");
        assert!(!Lock::take(&path).unwrap().was_left());
    }

    #[test]
    fn keys_and_urls_have_locks_of_their_own_and_do_not_show() {
        let name = key_name("https://a/v1", "secret");
        assert_ne!(name, key_name("https://b/v1", "secret"));
        assert_ne!(name, key_name("https://a/v1", "other"));
        assert!(name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
