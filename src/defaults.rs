//! `leadfix.toml`: what a team uses every day.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use encoding_rs::Encoding;
use reqwest::Url;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::base_url;
use crate::cli::{self, DialectChoice};
use crate::error::{Exit, Fatal};
use crate::max_invalid::MaxInvalid;
use crate::phone::{AllowedTypes, Region};
use crate::plan::MetadataMode;
use crate::rate::Rate;
use crate::reader::{MapTarget, mapping};

/// What stands in it. Names are those of the flags, with `_` for `-`; values are written as on the command line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Defaults {
    #[serde(deserialize_with = "written")]
    pub(crate) region: Option<Region>,
    #[serde(deserialize_with = "mappings")]
    pub(crate) map: Vec<(MapTarget, String)>,
    #[serde(deserialize_with = "encoding")]
    pub(crate) encoding: Option<&'static Encoding>,
    #[serde(deserialize_with = "delimiter")]
    pub(crate) delimiter: Option<u8>,
    pub(crate) sheet: Option<String>,
    pub(crate) clear_token: Option<String>,
    #[serde(deserialize_with = "written")]
    pub(crate) allow_types: Option<AllowedTypes>,
    #[serde(deserialize_with = "written")]
    pub(crate) max_invalid: Option<MaxInvalid>,
    pub(crate) forbid_shared_numbers: bool,
    pub(crate) metadata: Option<MetadataMode>,
    pub(crate) dialect: Option<DialectChoice>,
    #[serde(deserialize_with = "written")]
    pub(crate) rate: Option<Rate>,
    #[serde(deserialize_with = "concurrency")]
    pub(crate) concurrency: Option<u16>,
    #[serde(deserialize_with = "max_attempts")]
    pub(crate) max_attempts: Option<u32>,
    #[serde(deserialize_with = "timeout")]
    pub(crate) timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(crate) deadline: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(crate) give_up_after: Option<Duration>,
    #[serde(deserialize_with = "base_url")]
    pub(crate) base_url: Option<Url>,
    pub(crate) api_key_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "proxy")]
    pub(crate) proxy: Option<Url>,
}

impl Defaults {
    /// Reads the stated file, or the one in the current folder, which need not be there.
    ///
    /// # Errors
    /// With the line, when something in it cannot be used.
    pub(crate) fn load(stated: Option<&Path>) -> Result<Self, Fatal> {
        let path = stated.unwrap_or(Path::new("leadfix.toml"));
        let unusable = |what: &dyn Display| {
            Fatal::new(Exit::Misconfigured, format!("`{}`: {what}", path.display()))
        };
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error: toml::de::Error| {
                let start = error.span().map_or(0, |span| span.start);
                let line = 1 + text.get(..start).unwrap_or_default().matches('\n').count();
                unusable(&format_args!("line {line}: {}", error.message()))
            }),
            Err(error) if stated.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(error) => Err(unusable(&error)),
        }
    }
}

/// A value that `parse` reads.
fn read_by<'de, T, E: Display, D: Deserializer<'de>>(
    from: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map(Some).map_err(D::Error::custom)
}

fn written<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    read_by(from, str::parse)
}

fn encoding<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'static Encoding>, D::Error> {
    read_by(from, cli::parse_encoding)
}

fn delimiter<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    read_by(from, cli::parse_delimiter)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    read_by(from, cli::parse_duration)
}

fn timeout<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    read_by(from, cli::parse_timeout)
}

fn base_url<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    read_by(from, base_url::parse)
}

fn proxy<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    read_by(from, cli::parse_proxy)
}

fn concurrency<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    number(from, &cli::CONCURRENCY)
}

fn max_attempts<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    number(from, &cli::MAX_ATTEMPTS)
}

fn number<'de, T: TryFrom<i64>, D: Deserializer<'de>>(
    from: D,
    range: &RangeInclusive<i64>,
) -> Result<Option<T>, D::Error> {
    let number = i64::deserialize(from)?;
    T::try_from(number)
        .ok()
        .filter(|_| range.contains(&number))
        .map(Some)
        .ok_or_else(|| {
            D::Error::custom(format!(
                "{number} is not from {} to {}",
                range.start(),
                range.end()
            ))
        })
}

fn mappings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(MapTarget, String)>, D::Error> {
    let named = BTreeMap::<String, String>::deserialize(from)?;
    let read = |(target, column)| mapping(&format!("{target}={column}")).map_err(D::Error::custom);
    named.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Defaults, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("team.toml");
        std::fs::write(&path, text).unwrap();
        Defaults::load(Some(&path)).map_err(|error| error.message)
    }

    #[test]
    fn defaults_are_named_like_the_flags() {
        let defaults = load(
            "region = \"IN\"\nrate = \"50/s\"\ntimeout = \"5s\"\ndelimiter = \"tab\"\n\
             encoding = \"latin1\"\n[map]\nphone_number = \"Mobile No.\"",
        )
        .unwrap();
        assert_eq!(defaults.region, "IN".parse().ok());
        assert_eq!(defaults.rate, "50/s".parse().ok());
        assert_eq!(defaults.timeout, Some(Duration::from_secs(5)));
        assert_eq!(defaults.delimiter, Some(b'\t'));
        assert_eq!(defaults.encoding, Some(encoding_rs::WINDOWS_1252));
        assert_eq!(defaults.map, [mapping("phone_number=Mobile No.").unwrap()]);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_file_and_line() {
        for (text, words) in [
            ("\nregoin = \"IN\"", ["line 2", "regoin"]),
            ("rate = \"fast\"", ["line 1", "`fast`"]),
            ("\n\ntimeout = \"5 parsecs\"", ["line 3", "`5 parsecs`"]),
            ("region = \"Indya\"", ["line 1", "Indya"]),
            ("encoding = \"runes\"", ["line 1", "`runes`"]),
            ("delimiter = \"x\"", ["line 1", "`x`"]),
            ("region = \"IN\"\n[map]\nfax = \"Fax\"", ["line 2", "`fax`"]),
            ("max_invalid = 5", ["line 1", "string"]),
            ("proxy = \"nowhere\"", ["line 1", "URL"]),
            ("proxy = \"localhost:3128\"", ["line 1", "http://"]),
            (
                "\nbase_url = \"http://api.example.com\"",
                ["line 2", "https"],
            ),
            ("timeout = \"0s\"", ["line 1", "longer than zero"]),
            ("deadline = \"8785h\"", ["line 1", "366 days"]),
            ("concurrency = 60000", ["line 1", "4096"]),
            ("concurrency = 0", ["line 1", "4096"]),
            ("max_attempts = 100000", ["line 1", "100"]),
            ("max_attempts = -1", ["line 1", "100"]),
        ] {
            let error = load(text).unwrap_err();
            let named = error.contains("team.toml`");
            assert!(
                named && words.iter().all(|word| error.contains(word)),
                "{error}"
            );
        }
    }
}
