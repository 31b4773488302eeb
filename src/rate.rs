//! A ceiling on requests, as people write it: `50/s`, `600/min`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Requests in a unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const ALL: [(Self, &'static [&'static str]); 3] = [
        (Self::Second, &["s", "sec", "second"]),
        (Self::Minute, &["min", "m", "minute"]),
        (Self::Hour, &["h", "hour"]),
    ];

    fn seconds(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
        }
    }
}

impl Rate {
    /// Requests a second.
    pub fn per_second(self) -> f64 {
        f64::from(self.requests) / f64::from(self.unit.seconds())
    }

    /// Time from one request to the next.
    pub fn interval(self) -> Duration {
        Duration::from_secs(u64::from(self.unit.seconds())) / self.requests
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no rate; write for example `50/s` or `600/min`");
        let (requests, unit) = text.split_once('/').ok_or_else(wrong)?;
        let requests = requests
            .trim()
            .parse()
            .ok()
            .filter(|requests| (1..=1_000_000).contains(requests));
        let unit = Unit::ALL
            .iter()
            .find(|(_, names)| names.contains(&unit.trim()));
        match (requests, unit) {
            (Some(requests), Some((unit, _))) => Ok(Self {
                requests,
                unit: *unit,
            }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Unit::ALL
            .iter()
            .find(|(unit, _)| *unit == self.unit)
            .map_or("s", |(_, names)| names[0]);
        write!(f, "{}/{unit}", self.requests)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_as_people_write_them() {
        for (text, per_second, shown) in [
            ("50/s", 50.0, "50/s"),
            ("600/min", 10.0, "600/min"),
            (" 1 / sec", 1.0, "1/s"),
            ("36/h", 0.01, "36/h"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert!((rate.per_second() - per_second).abs() < 1e-12);
            assert_eq!(rate.to_string(), shown);
        }
        for text in [
            "",
            "50",
            "0/s",
            "-1/s",
            "fast",
            "5/day",
            "9999999/s",
            "1.5/s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
