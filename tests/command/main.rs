//! Drives the real binary from outside, against a sandbox whose ledger judges what the binary claims.

mod again;
mod apply;
mod certainty;
mod check;
mod crash_states;
mod decision_table;
mod dry_run;
mod exit_codes;
mod judge;
mod kills;
mod properties;
mod quota;
mod resume;
mod sandbox_command;
mod security;
mod system_errors;
mod table;
mod world;
