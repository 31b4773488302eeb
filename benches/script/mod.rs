//! Benches that start, pin and watch whole programs are scripts; this lets `cargo bench` run them too. Without a name
//! `cargo bench` runs everything, for an hour; `compare` installs its peers, and `growth` draws into `docs/`.

use std::path::Path;
use std::process::Command;

/// Runs a script of this folder with the options behind `--`. Its failure is the bench's.
pub(crate) fn run(name: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches")
        .join(name);
    // Cargo's own, for the usual harness.
    let options = std::env::args()
        .skip(1)
        .filter(|option| option != "--bench");
    let ended = Command::new("python3").arg(script).args(options).status();
    assert!(ended.expect("python3 is there").success(), "{name} failed");
}
