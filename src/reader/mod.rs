//! Rows as they stand in the file: encoding, delimiter, structure, columns, line numbers.
//!
//! Structure is judged by a strict reading, in one place (`split`), because a lenient one loses digits without a
//! word: to the csv crate, `"+1"555` is `+1555`, and an unclosed quote swallows every row that follows.
//!
//! ```text
//! Source ──bytes──▶ Text ──UTF-8──▶ split ──cells──▶ Rows ──▶ Row
//! what is read       decoded, hashed   the grammar      counted, judged
//! ```
//!
//! Nothing here knows what a valid row is: an unusable cell is a cell.

mod columns;
mod compression;
mod damage;
mod dialect;
mod encoding;
mod error;
mod fingerprint;
mod formulas;
mod input;
mod mapping;
pub(crate) mod names;
mod rows;
mod sheet;
mod source;
mod split;
mod table;
mod tail;
mod text;
mod value;

pub use columns::{ColumnError, Columns, Hint};
pub use compression::Compression;
pub use damage::Damage;
pub use encoding::Suspicion;
pub use error::{ErrorKind, InputError};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use formulas::Unsolved;
pub use input::{Description, Input, ReadOptions};
pub use mapping::{Field, MapTarget, MappingError, mapping};
pub use rows::{Pass, Row, Rows};
pub use split::CELL_LIMIT;
pub(crate) use split::RESULT_ROW_LIMIT;
pub(crate) use table::column_letters;
pub use tail::Warning;
