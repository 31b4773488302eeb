//! The log: our own events to stderr, nothing of the libraries', numbers masked by their types.

use std::io::{self, Write, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::cli::LogFormat;

/// How the log is written.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    /// Number of `-v`.
    pub verbose: u8,
    /// Text or JSON.
    pub format: LogFormat,
}

/// Starts logging for the whole process. `RUST_LOG` is not read: it could make the HTTP library talk, and that
/// knows the key.
pub fn start(log: Log) {
    let level = match log.verbose {
        0 => "leadfix=warn",
        1 => "leadfix=info",
        2 => "leadfix=debug",
        _ => "leadfix=trace",
    };
    let subscriber = fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(|| Heedless(stderr()))
        .with_target(false);
    // A second start, as in tests, changes nothing.
    let _ = match log.format {
        LogFormat::Text => subscriber
            .with_ansi(std::io::IsTerminal::is_terminal(&stderr()))
            .try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
}

/// A stderr that may be closed or full: a log that nobody can read is nothing to stop for, and the library would
/// panic when it cannot even complain.
struct Heedless(io::Stderr);

impl Write for Heedless {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
