//! `leadfix` applies a CSV of corrections to `DialNexa` campaign leads, one `PATCH` a row, and accounts for
//! every row.

pub mod alarm;
pub mod phone;
pub mod reader;
pub mod sandbox;
