//! Whether two readings were of the same content.

use std::fmt;
use std::str::FromStr;

use blake3::{Hash, Hasher};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The BLAKE3 hash and the length of the bytes that the rows were read from: a file's own, or what was unpacked, or
/// the text that a spreadsheet's cells became. Written as `<hex>:<length>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    hash: Hash,
    bytes: u64,
}

/// Text that is not a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: 64 hexadecimal digits, a colon and a length are expected")]
pub struct FingerprintError;

impl Fingerprint {
    pub(super) fn new(hasher: &Hasher, bytes: u64) -> Fingerprint {
        Fingerprint {
            hash: hasher.finalize(),
            bytes,
        }
    }

    /// The number of bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.hash, self.bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        let (hex, bytes) = text.split_once(':').ok_or(FingerprintError)?;
        Ok(Fingerprint {
            hash: hex.parse().map_err(|_| FingerprintError)?,
            bytes: bytes.parse().map_err(|_| FingerprintError)?,
        })
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_known_hash_and_survives_json() {
        let print = Fingerprint::new(Hasher::new().update(b"abc"), 3);
        let text = "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85:3";
        assert_eq!(print.to_string(), text);
        let json = serde_json::to_string(&print).expect("a string");
        assert_eq!(
            serde_json::from_str::<Fingerprint>(&json).expect("the same"),
            print
        );
        for bad in [
            "",
            ":",
            "6437:3",
            &text[..64],
            &text.replace('b', "g"),
            &text.replace("64", "+4"),
        ] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
