//! How many invalid rows stop a run before its first request.

use std::str::FromStr;

/// How many invalid rows are too many: `5%` or a count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxInvalid {
    /// Of all rows, in percent.
    Percent(f64),
    /// Rows.
    Count(u64),
}

impl MaxInvalid {
    /// Whether so many of so many rows are too many.
    pub fn is_exceeded(self, invalid: u64, rows: u64) -> bool {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a share of rows needs no 53 bits"
            )]
            Self::Percent(percent) => invalid as f64 * 100.0 > percent * rows as f64,
            Self::Count(count) => invalid > count,
        }
    }
}

impl FromStr for MaxInvalid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let limit = match text.trim().strip_suffix('%') {
            Some(percent) => percent
                .trim()
                .parse()
                .ok()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Self::Percent),
            None => text.trim().parse().ok().map(Self::Count),
        };
        limit.ok_or_else(|| format!("`{text}` is no limit; write for example `5%` or `100`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_on_invalid_rows() {
        for (limit, invalid, rows, exceeded) in [
            ("5%", 5, 100, false),
            ("5%", 6, 100, true),
            ("0%", 1, 1_000_000, true),
            ("0", 0, 10, false),
            ("3", 4, 10, true),
            ("3", 3, 10, false),
        ] {
            let limit: MaxInvalid = limit.parse().unwrap();
            assert_eq!(
                limit.is_exceeded(invalid, rows),
                exceeded,
                "{limit:?} {invalid} {rows}"
            );
        }
        for wrong in ["", "many", "-1", "101%", "5 %%", "NaN%"] {
            assert!(wrong.parse::<MaxInvalid>().is_err(), "{wrong}");
        }
    }
}
