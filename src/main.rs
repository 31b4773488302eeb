//! Wiring and the exit code.

fn main() {}
