//! Whether two readings were of the same content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The SHA-256 and the length of the bytes that the rows were read from: a file's own, or what was unpacked, or
/// the text that a spreadsheet's cells became. Written as `<hex>:<length>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    sha256: [u8; 32],
    bytes: u64,
}

/// Text that is not a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: 64 hexadecimal digits, a colon and a length are expected")]
pub struct FingerprintError;

impl Fingerprint {
    pub(super) fn new(hasher: &Sha256, bytes: u64) -> Fingerprint {
        Fingerprint {
            sha256: hasher.clone().finalize().into(),
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
        self.sha256
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ":{}", self.bytes)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        let (hex, bytes) = text.split_once(':').ok_or(FingerprintError)?;
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FingerprintError);
        }
        let mut sha256 = [0; 32];
        for (byte, at) in sha256.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&hex[at..at + 2], 16).map_err(|_| FingerprintError)?;
        }
        Ok(Fingerprint {
            sha256,
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
        let print = Fingerprint::new(&Sha256::new_with_prefix("abc"), 3);
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad:3";
        assert_eq!(print.to_string(), text);
        let json = serde_json::to_string(&print).expect("a string");
        assert_eq!(
            serde_json::from_str::<Fingerprint>(&json).expect("the same"),
            print
        );
        for bad in [
            "",
            ":",
            "ba78:3",
            &text[..64],
            &text.replace('b', "g"),
            &text.replace("ba", "+a"),
        ] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        }
    }
}
