//! Drives the real binary from outside, against a sandbox whose ledger judges what the binary claims.

mod apply;
mod decision_table;
mod exit_codes;
mod judge;
mod table;
mod world;
