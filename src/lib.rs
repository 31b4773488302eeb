//! `leadfix` applies a CSV of corrections to DialNexa campaign leads, one `PATCH` a row, and accounts for
//! every row.

pub mod api;
pub mod checkpoint;
pub mod classify;
pub mod client;
pub mod correction;
pub mod executor;
pub mod first_answers;
pub mod halt;
pub mod limiter;
pub mod lock;
pub mod outcome;
pub mod phone;
pub mod plan;
pub mod private;
pub mod quota;
pub mod rate;
pub mod reader;
pub mod results;
pub mod sandbox;
pub mod text;
