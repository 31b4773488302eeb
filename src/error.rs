//! Fatal errors and the exit codes, which are part of the contract with users.

use std::fmt;
use std::process::ExitCode;

use serde::{Serialize, Serializer};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Every row is `updated` or `unchanged`; `check`: nothing to object to.
    Fine = 0,
    /// Finished, and some rows need a person.
    NeedsPerson = 1,
    /// Wrong usage, a missing key included.
    Usage = 2,
    /// The input file is unusable.
    BadInput = 65,
    /// A local file could not be read or written.
    LocalIo = 74,
    /// Try again later: the same command resumes.
    TryLater = 75,
    /// The server breaks its contract.
    ContractBroken = 76,
    /// The key was refused; the same command resumes with a good one.
    KeyRefused = 77,
    /// URL, certificate, redirect, or files that do not belong together.
    Misconfigured = 78,
    /// Ctrl-C; the same command resumes.
    Interrupted = 130,
    /// `SIGTERM`; the same command resumes.
    Terminated = 143,
}

impl Exit {
    /// Every exit code with its line in the documentation.
    pub const ALL: [(Self, &str); 11] = [
        (
            Self::Fine,
            "every row is `updated` or `unchanged` (`check`: nothing to object to)",
        ),
        (Self::NeedsPerson, "finished; some rows need a person"),
        (Self::Usage, "wrong usage, a missing key included"),
        (Self::BadInput, "the input file is unusable"),
        (Self::LocalIo, "a local file could not be read or written"),
        (
            Self::TryLater,
            "try again later: API down, over the deadline, or another run holds the lock (resumable)",
        ),
        (Self::ContractBroken, "the server breaks its contract"),
        (Self::KeyRefused, "the key was refused (resumable)"),
        (
            Self::Misconfigured,
            "wrong configuration: URL, certificate, redirect, or results of something else",
        ),
        (Self::Interrupted, "interrupted with Ctrl-C (resumable)"),
        (Self::Terminated, "terminated (resumable)"),
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

/// What ends a run: the words say what, where and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fatal {
    /// How the process ends.
    pub exit: Exit,
    /// A lower-case fragment.
    pub message: String,
}

impl Fatal {
    /// An exit code and the words for it.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fatal {}

impl From<crate::reader::InputError> for Fatal {
    fn from(error: crate::reader::InputError) -> Self {
        let exit = if error.is_local_io() {
            Exit::LocalIo
        } else {
            Exit::BadInput
        };
        Self::new(exit, error)
    }
}

impl From<crate::preflight::SurveyError> for Fatal {
    fn from(error: crate::preflight::SurveyError) -> Self {
        match error {
            crate::preflight::SurveyError::Input(error) => error.into(),
            error @ crate::preflight::SurveyError::Io(_) => Self::new(Exit::LocalIo, error),
        }
    }
}

impl From<crate::lock::LockError> for Fatal {
    fn from(error: crate::lock::LockError) -> Self {
        let exit = match &error {
            crate::lock::LockError::Held { .. } => Exit::TryLater,
            crate::lock::LockError::Foreign(_) => Exit::Misconfigured,
            crate::lock::LockError::Io(..) | crate::lock::LockError::StateFolder(..) => {
                Exit::LocalIo
            }
        };
        Self::new(exit, error)
    }
}
