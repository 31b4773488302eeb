//! Drives the sandbox over TCP and compares its replies with its ledger.

mod api;
mod client;
mod fixture;
mod script;
mod upload;
