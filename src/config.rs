//! Arguments resolved once: flags over environment over `leadfix.toml` over defaults. Past this point no `Option`
//! means "default".

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;

use crate::api;
use crate::checkpoint::{Files, Identity};
use crate::cli::{self, DialectChoice, InputArgs, RunArgs};
use crate::correction::Rules;
use crate::error::{Exit, Fatal};
use crate::executor;
use crate::key::{self, DotEnv};
use crate::limiter::Ceiling;
use crate::phone;
use crate::plan::MetadataMode;
use crate::preflight::{MaxInvalid, Policy};
use crate::rate::Rate;
use crate::reader::{Fingerprint, MapTarget, ReadOptions, mapping};

/// Rows that may be under way behind the last durable one.
pub const WINDOW: u64 = 4096;
/// At five seconds a reply, 500 requests a second need 2,500 of them under way, and the window has room for those
/// that are not durable yet.
pub(crate) const CEILING: Ceiling = Ceiling {
    usual: 64,
    most: 3072,
};
const MAX_ATTEMPTS: u32 = 5;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Rows under way may take so much longer than one request once the run is ending.
const GRACE: Duration = Duration::from_secs(5);
const GIVE_UP_AFTER: Duration = Duration::from_mins(2);
const CLEAR_TOKEN: &str = "<clear>";

/// How the file is read and judged.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The file; `-` is standard input.
    pub file: PathBuf,
    /// Encoding, delimiter, sheet.
    pub options: ReadOptions,
    /// Columns named outright.
    pub map: Vec<(MapTarget, String)>,
    /// How rows are judged.
    pub policy: Policy,
    /// How many invalid rows stop the run.
    pub max_invalid: Option<MaxInvalid>,
    /// Go on although the phone column looks damaged.
    pub accept_suspect: bool,
}

/// Where requests go.
#[derive(Debug)]
pub enum Target {
    /// The built-in sandbox, with the leads of this file.
    Sandbox(Option<PathBuf>),
    /// An API.
    Api {
        /// With the version.
        base_url: Url,
        /// The bearer key.
        key: SecretString,
        /// A private authority.
        ca_file: Option<PathBuf>,
        /// A proxy stated outright.
        proxy: Option<Url>,
    },
}

/// Whether anything is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The corrections are sent.
    Send,
    /// `--dry-run`: they are shown.
    Show,
}

/// What becomes of the files of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// The run goes on behind the last result.
    Resume,
    /// `--fresh`: they are kept under another name.
    SetAside,
}

/// A run, resolved.
#[derive(Debug)]
pub struct Run {
    /// The file and how it is read.
    pub reading: Reading,
    /// Where requests go.
    pub target: Target,
    /// How rows are sent.
    pub sending: executor::Settings,
    /// Requests in flight at once.
    pub ceiling: Ceiling,
    /// Ceiling on requests.
    pub rate: Option<Rate>,
    /// Deadline of one request.
    pub timeout: Duration,
    /// Deadline of the run.
    pub deadline: Option<Duration>,
    /// How long nothing but trouble is endured.
    pub give_up_after: Duration,
    /// Rows that may be under way behind the last durable one.
    pub window: u64,
    /// Results and what stands beside them.
    pub files: Files,
    /// What becomes of the files of an earlier run.
    pub earlier: Earlier,
    /// Begin the results with a byte order mark.
    pub bom: bool,
    /// Whether anything is sent.
    pub action: Action,
    /// Show only errors.
    pub quiet: bool,
}

/// `leadfix.toml`: what a team uses every day. Names are those of the flags, with `_` for `-`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Defaults {
    region: Option<String>,
    map: BTreeMap<String, String>,
    encoding: Option<String>,
    delimiter: Option<String>,
    sheet: Option<String>,
    clear_token: Option<String>,
    allow_types: Option<String>,
    max_invalid: Option<String>,
    forbid_shared_numbers: bool,
    metadata: Option<MetadataMode>,
    dialect: Option<DialectChoice>,
    rate: Option<String>,
    concurrency: Option<u16>,
    max_attempts: Option<u32>,
    timeout: Option<String>,
    deadline: Option<String>,
    give_up_after: Option<String>,
    base_url: Option<String>,
    api_key_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    proxy: Option<String>,
}

impl Defaults {
    fn load(stated: Option<&Path>) -> Result<Self, Fatal> {
        let path = stated.unwrap_or(Path::new("leadfix.toml"));
        let unusable = |what: &dyn std::fmt::Display| {
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

    /// A default that is written as on the command line.
    fn parse<T>(
        name: &str,
        text: Option<&String>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Fatal> {
        text.map(|text| parse(text)).transpose().map_err(|error| {
            Fatal::new(
                Exit::Misconfigured,
                format!("`leadfix.toml`, `{name}`: {error}"),
            )
        })
    }
}

fn from_str<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

impl Reading {
    /// Resolves the arguments of `check`.
    ///
    /// # Errors
    /// When `leadfix.toml` cannot be used.
    pub fn resolve(args: InputArgs) -> Result<Self, Fatal> {
        let defaults = Defaults::load(args.config.as_deref())?;
        Self::merge(args, &defaults)
    }

    fn merge(args: InputArgs, defaults: &Defaults) -> Result<Self, Fatal> {
        let mut map = args.map;
        for (target, column) in &defaults.map {
            let (target, column) = mapping(&format!("{target}={column}")).map_err(|error| {
                Fatal::new(
                    Exit::Misconfigured,
                    format!("`leadfix.toml`, `map`: {error}"),
                )
            })?;
            if !map.iter().any(|(stated, _)| *stated == target) {
                map.push((target, column));
            }
        }
        let region = Defaults::parse("region", defaults.region.as_ref(), from_str)?;
        let types = Defaults::parse("allow_types", defaults.allow_types.as_ref(), from_str)?;
        let encoding =
            Defaults::parse("encoding", defaults.encoding.as_ref(), cli::parse_encoding)?;
        let delimiter = Defaults::parse(
            "delimiter",
            defaults.delimiter.as_ref(),
            cli::parse_delimiter,
        )?;
        let max_invalid = Defaults::parse("max_invalid", defaults.max_invalid.as_ref(), from_str)?;
        Ok(Self {
            file: args.file,
            options: ReadOptions {
                encoding: args.encoding.or(encoding),
                delimiter: args.delimiter.or(delimiter),
                sheet: args.sheet.or_else(|| defaults.sheet.clone()),
                skip_bad_rows: args.skip_bad_rows,
            },
            map,
            policy: Policy {
                rules: Rules {
                    phone: phone::Rules {
                        default_region: args.region.or(region),
                        allowed_types: args.allow_types.or(types).unwrap_or_default(),
                    },
                    clear_token: args
                        .clear_token
                        .or_else(|| defaults.clear_token.clone())
                        .unwrap_or_else(|| CLEAR_TOKEN.to_owned()),
                },
                forbid_shared_numbers: args.forbid_shared_numbers || defaults.forbid_shared_numbers,
            },
            max_invalid: args.max_invalid.or(max_invalid),
            accept_suspect: args.accept_suspect,
        })
    }
}

impl Run {
    /// Resolves the arguments of `apply`, or of `reconcile`, which reads every lead first.
    ///
    /// # Errors
    /// When the key is missing or a setting cannot be used.
    pub fn resolve(args: RunArgs, reconcile: bool) -> Result<Self, Fatal> {
        let RunArgs {
            input,
            sending,
            api,
            output,
        } = args;
        let defaults = Defaults::load(input.config.as_deref())?;
        let duration =
            |name, text: &Option<String>| Defaults::parse(name, text.as_ref(), cli::parse_duration);
        let reading = Reading::merge(input, &defaults)?;
        let rate = Defaults::parse("rate", defaults.rate.as_ref(), from_str)?;
        let timeout = sending
            .timeout
            .or(duration("timeout", &defaults.timeout)?)
            .unwrap_or(TIMEOUT);
        let deadline = sending
            .deadline
            .or(duration("deadline", &defaults.deadline)?);
        let give_up_after = sending
            .give_up_after
            .or(duration("give_up_after", &defaults.give_up_after)?);
        if timeout.is_zero() {
            return Err(Fatal::new(
                Exit::Usage,
                "`--timeout` must be longer than zero",
            ));
        }
        let target = if sending.sandbox {
            Target::Sandbox(
                sending
                    .sandbox_leads
                    .or_else(|| leads_beside(&reading.file)),
            )
        } else {
            api_target(api, &defaults)?
        };
        let results = match output.out {
            Some(path) => path,
            None if reading.file == Path::new("-") => {
                return Err(Fatal::new(
                    Exit::Usage,
                    "with standard input, name the results file with --out",
                ));
            }
            None => Files::default_results(&reading.file, sending.sandbox),
        };
        Ok(Self {
            target,
            sending: executor::Settings {
                max_attempts: sending
                    .max_attempts
                    .or(defaults.max_attempts)
                    .unwrap_or(MAX_ATTEMPTS)
                    .max(1),
                metadata: sending.metadata.or(defaults.metadata).unwrap_or_default(),
                read_first: reconcile,
                dialect: sending
                    .dialect
                    .or(defaults.dialect)
                    .unwrap_or_default()
                    .fixed(),
                grace: timeout + GRACE,
            },
            ceiling: match sending.concurrency.or(defaults.concurrency) {
                Some(count) => Ceiling::exactly(count.max(1).into()),
                None => CEILING,
            },
            rate: sending.rate.or(rate),
            timeout,
            deadline,
            give_up_after: give_up_after.unwrap_or(GIVE_UP_AFTER),
            window: WINDOW,
            files: Files::beside(&results),
            earlier: if output.fresh {
                Earlier::SetAside
            } else {
                Earlier::Resume
            },
            bom: output.bom,
            action: if sending.dry_run {
                Action::Show
            } else {
                Action::Send
            },
            quiet: output.quiet,
            reading,
        })
    }

    /// Whether this is a rehearsal.
    pub fn is_sandbox(&self) -> bool {
        matches!(self.target, Target::Sandbox(_))
    }

    /// Everything that changes what a row becomes.
    pub fn identity(&self, fingerprint: Fingerprint) -> Identity {
        let Reading {
            options,
            map,
            policy,
            ..
        } = &self.reading;
        let map: Vec<String> = map
            .iter()
            .map(|(target, column)| format!("{target}={column}"))
            .collect();
        let base_url = match &self.target {
            Target::Sandbox(_) => "sandbox".to_owned(),
            Target::Api { base_url, .. } => base_url.to_string(),
        };
        Identity {
            fingerprint: fingerprint.to_string(),
            base_url,
            region: policy
                .rules
                .phone
                .default_region
                .map(|region| region.to_string()),
            metadata: self.sending.metadata,
            clear_token: policy.rules.clear_token.clone(),
            reading: [
                ("--map", Some(map.join(", ")).filter(|map| !map.is_empty())),
                (
                    "--encoding",
                    options.encoding.map(|encoding| encoding.name().to_owned()),
                ),
                (
                    "--delimiter",
                    options.delimiter.map(|byte| char::from(byte).to_string()),
                ),
                ("--sheet", options.sheet.clone()),
                ("--skip-bad-rows", Some(options.skip_bad_rows.to_string())),
                (
                    "--allow-types",
                    Some(format!("{:?}", policy.rules.phone.allowed_types)),
                ),
                (
                    "--forbid-shared-numbers",
                    Some(policy.forbid_shared_numbers.to_string()),
                ),
            ]
            .into_iter()
            .map(|(flag, value)| (flag.to_owned(), value.unwrap_or_else(|| "none".to_owned())))
            .collect(),
            reconcile: self.sending.read_first,
        }
    }
}

fn api_target(api: cli::ApiArgs, defaults: &Defaults) -> Result<Target, Fatal> {
    let dotenv = DotEnv::read(Path::new(".env"))?;
    let text = api
        .base_url
        .or_else(|| dotenv.get("DIALNEXA_BASE_URL"))
        .or_else(|| defaults.base_url.clone())
        .unwrap_or_else(|| api::DEFAULT_BASE_URL.to_owned());
    let base_url = base_url(&text)?;
    let key_file = api.api_key_file.or_else(|| defaults.api_key_file.clone());
    let proxy = api.proxy.or_else(|| defaults.proxy.clone());
    let proxy = proxy.map(|text| text.parse::<Url>()).transpose();
    Ok(Target::Api {
        base_url,
        key: key::find(key_file.as_deref(), &dotenv)?,
        ca_file: api.ca_file.or_else(|| defaults.ca_file.clone()),
        proxy: proxy
            .map_err(|error| Fatal::new(Exit::Misconfigured, format!("`--proxy`: {error}")))?,
    })
}

/// `https`, or `http` to this very machine; `/v1` is added where it is missing.
fn base_url(text: &str) -> Result<Url, Fatal> {
    let wrong = |what: &str| Fatal::new(Exit::Misconfigured, format!("base URL `{text}`: {what}"));
    let mut url: Url = text
        .trim()
        .parse()
        .map_err(|_| wrong("no URL; write for example https://api.dialnexa.com"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fatal::new(
            Exit::Misconfigured,
            "the base URL must not contain a user or password",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it must end with its path"));
    }
    let is_loopback = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => return Err(wrong("it has no host")),
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => return Err(wrong("the key would travel in the clear; use https")),
        _ => return Err(wrong("use https")),
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&if path.ends_with("/v1") {
        path
    } else {
        format!("{path}/v1")
    });
    Ok(url)
}

/// Leads for the sandbox that stand beside the input.
fn leads_beside(input: &Path) -> Option<PathBuf> {
    let path = input.with_extension("leads.jsonl");
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_with_and_without_the_version() {
        for (text, expected) in [
            ("https://api.dialnexa.com", "https://api.dialnexa.com/v1"),
            ("https://api.dialnexa.com/", "https://api.dialnexa.com/v1"),
            ("https://api.dialnexa.com/v1", "https://api.dialnexa.com/v1"),
            (
                "https://api.dialnexa.com/v1/",
                "https://api.dialnexa.com/v1",
            ),
            (
                "https://proxy.example/dialnexa",
                "https://proxy.example/dialnexa/v1",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
            ("http://localhost:8080/v1", "http://localhost:8080/v1"),
            ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ] {
            assert_eq!(base_url(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn base_urls_that_would_leak_the_key_are_refused() {
        for text in [
            "http://api.dialnexa.com",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "ftp://api.dialnexa.com",
            "api.dialnexa.com",
            "https://user:pass@api.dialnexa.com",
            "https://api.dialnexa.com/?x=1",
            "",
        ] {
            let error = base_url(text).unwrap_err();
            assert_eq!(error.exit, Exit::Misconfigured, "{text}");
            assert!(!error.message.contains("pass@"), "{error}");
        }
    }

    #[test]
    fn defaults_are_named_like_the_flags_and_unknown_ones_are_refused() {
        let defaults: Defaults = toml::from_str(
            "region = \"IN\"\nrate = \"50/s\"\n[map]\nphone_number = \"Mobile No.\"",
        )
        .unwrap();
        assert_eq!(defaults.map["phone_number"], "Mobile No.");
        assert!(toml::from_str::<Defaults>("regoin = \"IN\"").is_err());
    }
}
