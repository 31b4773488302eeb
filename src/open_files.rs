//! Open files: each connection is one, and shells allow fewer than the system does.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For everything that is no connection.
const OTHERS: u64 = 64;

/// Allows this process as many as the system does. Where that is refused, it is left at what the shell allows.
pub fn allow_all() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    let _ = setrlimit(Resource::Nofile, all);
}

/// So many connections at once leave room for the rest; `files` for each, two where the server is in this process.
pub fn connections(files: u64) -> usize {
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let left = allowed.saturating_sub(OTHERS) / files;
    usize::try_from(left).unwrap_or(usize::MAX).max(1)
}
