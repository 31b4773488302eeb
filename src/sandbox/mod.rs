//! An honest emulation of the API, with scripted trouble and a ledger of what was really applied.
