//! `leadfix` applies a CSV of corrections to DialNexa campaign leads, one `PATCH` a row, and accounts for
//! every row.

pub mod alarm;
pub mod phone;
pub mod pipeline;
pub mod plan;
pub mod preflight;
pub mod private;
pub mod progress;
pub mod quota;
pub mod rate;
pub mod reader;
pub mod rehearsal;
pub mod report;
pub mod results;
pub mod sandbox;
pub mod session;
pub mod spill;
pub mod summary;
pub mod text;
