//! The fault matrix: each fault that `docs/reliability.md` names, against the real binary and a hostile server of
//! our own. After each of them one judge compares the results with the server's ledger.

mod crash_and_disk;
mod hostile;
mod input;
mod judge;
mod ledger;
mod network;
mod overlap;
mod quota;
mod script;
mod security;
mod server;
mod world;
