//! Arguments as typed. What they mean together with the environment and `leadfix.toml` is `config`'s business.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help texts, shown as they stand"
)]
#![allow(
    rustdoc::bare_urls,
    rustdoc::invalid_html_tags,
    reason = "the same; only rustdoc knows these lints, so an expectation of them would never be met elsewhere"
)]

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use reqwest::Url;

use crate::api::Dialect;
use crate::log::Log;
use crate::max_invalid::MaxInvalid;
use crate::phone::{AllowedTypes, Region};
use crate::plan::MetadataMode;
use crate::rate::Rate;
use crate::reader::{MapTarget, mapping};
use crate::sandbox::{self, Honours, Leads, LeadsError, Limit};

/// Apply a CSV of corrections to DialNexa campaign leads, row by row, and account truthfully for every row.
///
/// Each row becomes one PATCH. A row counts as `updated` only when the server has shown the new values. The
/// results go to FILE with `.results.csv` in place of `.csv`; running the same command again resumes.
#[derive(Debug, Parser)]
#[command(name = "leadfix", version, long_version = long_version(), after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `--concurrency` can be.
pub(crate) const CONCURRENCY: RangeInclusive<i64> = 1..=4096;
/// What `--max-attempts` can be.
pub(crate) const MAX_ATTEMPTS: RangeInclusive<i64> = 1..=100;

const AFTER_HELP: &str = "\
The key is read from DIALNEXA_API_KEY, from `.env` in the current folder, or from --api-key-file; never from an argument.\n\n\
Exit codes: 0 all fine, 1 some rows need a person, 2 usage, 65 input unusable, 74 local I/O, 75 try again later, \
76 server breaks its contract, 77 key refused, 78 wrong configuration, 130/143 interrupted.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send the corrections in FILE, one PATCH a row
    Apply(Box<RunArgs>),
    /// Say what would be invalid in FILE and why; no network, no key
    Check(Box<CheckArgs>),
    /// Read every lead first, and send only what differs; a finished run begins anew (for schedules)
    Reconcile(Box<RunArgs>),
    /// Serve an emulation of the API on this machine, to rehearse against
    Sandbox(SandboxArgs),
}

/// Arguments of `apply` and `reconcile`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) sending: SendingArgs,
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl RunArgs {
    /// How to log.
    pub fn log(&self) -> Log {
        Log {
            verbose: self.output.verbose,
            format: self.output.log_format,
        }
    }
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file and how it is read.
    #[command(flatten)]
    pub input: InputArgs,
    /// Print one JSON document instead of text
    #[arg(long)]
    pub json: bool,
    /// Also write FILE with every readable number in E.164 to this new file
    #[arg(long, value_name = "FILE")]
    pub fixed: Option<PathBuf>,
}

/// The file and how it is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading the file")]
pub struct InputArgs {
    /// CSV, TSV or spreadsheet with a header row; `-` is standard input
    #[arg(value_name = "FILE", help_heading = "Arguments")]
    pub(crate) file: PathBuf,
    /// Country of numbers without `+` in rows without a country: `IN`, `+91` or `91`
    #[arg(long, env = "LEADFIX_REGION")]
    pub(crate) region: Option<Region>,
    /// Name a column outright: phone_number="Mobile No." (repeatable)
    #[arg(long, value_name = "FIELD=COLUMN", value_parser = parse_mapping)]
    pub(crate) map: Vec<(MapTarget, String)>,
    /// Encoding of the file, for example windows-1252 [default: UTF-8, or as its byte order mark says]
    #[arg(long, value_parser = parse_encoding)]
    pub(crate) encoding: Option<&'static encoding_rs::Encoding>,
    /// Delimiter: `,` `;` `|` or tab [default: recognised from the header]
    #[arg(long, value_name = "CHARACTER", value_parser = parse_delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// Sheet of a spreadsheet [default: the first]
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Option<String>,
    /// Make rows with damaged structure invalid instead of refusing the file
    #[arg(long)]
    pub(crate) skip_bad_rows: bool,
    /// Cell that empties notes or removes a variable [default: <clear>]
    #[arg(long, value_name = "TEXT")]
    pub(crate) clear_token: Option<String>,
    /// Kinds of number allowed besides the usual: premium_rate,shared_cost,pager
    #[arg(long, value_name = "KINDS")]
    pub(crate) allow_types: Option<AllowedTypes>,
    /// Make rows invalid that give one number to two leads
    #[arg(long)]
    pub(crate) forbid_shared_numbers: bool,
    /// Stop before the first request when more rows are invalid: `5%` or a count
    #[arg(long, value_name = "LIMIT")]
    pub(crate) max_invalid: Option<MaxInvalid>,
    /// Go on although the phone column as a whole looks damaged
    #[arg(long)]
    pub(crate) accept_suspect: bool,
    /// File of defaults [default: leadfix.toml in the current folder, where there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// What is sent and how fast.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sending")]
pub struct SendingArgs {
    /// Do everything but the PATCH, and show what each row would send
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Run against the built-in sandbox; results go to *.sandbox.results.csv
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// Leads of the sandbox, JSON Lines [default: FILE with .leads.jsonl, else every ID is a pending lead]
    #[arg(long, value_name = "FILE", requires = "sandbox")]
    pub(crate) sandbox_leads: Option<PathBuf>,
    /// Whether variables are laid over the lead's own or replace them all [default: merge]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) metadata: Option<MetadataMode>,
    /// Spelling of the request body [default: auto]
    #[arg(long, value_enum, env = "LEADFIX_DIALECT")]
    pub(crate) dialect: Option<DialectChoice>,
    /// Ceiling on requests, for example 50/s or 600/min [default: what the server allows]
    #[arg(long, env = "LEADFIX_RATE")]
    pub(crate) rate: Option<Rate>,
    /// Requests in flight at once, at most [default: 64; more where a quota needs it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(CONCURRENCY))]
    pub(crate) concurrency: Option<u16>,
    /// PATCH requests for one row before it is given up [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(MAX_ATTEMPTS))]
    pub(crate) max_attempts: Option<u32>,
    /// Deadline of one request, all included [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_timeout)]
    pub(crate) timeout: Option<Duration>,
    /// Deadline of the whole run; then exit 75, resumable [default: none]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) deadline: Option<Duration>,
    /// Stop with 75 after this long of nothing but failed connections, timeouts and 5xx [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) give_up_after: Option<Duration>,
}

/// Where the API is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reaching the API")]
pub struct ApiArgs {
    /// Base URL, with or without /v1 [default: https://api.dialnexa.com/v1]
    #[arg(
        long,
        value_name = "URL",
        env = "DIALNEXA_BASE_URL",
        hide_env_values = true
    )]
    pub(crate) base_url: Option<String>,
    /// File that holds the key and nothing else, readable by you alone
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Private certificate authority (PEM) to trust besides the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Proxy for hosts other than this machine; the environment's proxy settings are not used
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
}

/// What is written and shown.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Results file [default: FILE with .results.csv in place of its ending]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Start anew; files of an earlier run are kept under another name
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Begin a new results file with a byte order mark, for Excel
    #[arg(long)]
    pub(crate) bom: bool,
    /// Show no progress and no summary, only errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Log more to stderr (-v, -vv); numbers are masked
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Form of the log
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub(crate) log_format: LogFormat,
}

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Leads, JSON Lines [default: every ID is a pending lead]
    #[arg(long, value_name = "FILE")]
    pub(crate) leads: Option<PathBuf>,
    /// Port on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Body spelling that the server honours; unknown fields are silently dropped
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dialect: Honours,
    /// Fixed-window quota for each key, for example 100/10s [default: none in reach]
    #[arg(long)]
    pub(crate) limit: Option<Limit>,
    /// How long every request takes
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub(crate) latency: Duration,
    /// Share of requests that go wrong, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share)]
    pub(crate) trouble: f64,
    /// Decides which requests go wrong, and how
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl SandboxArgs {
    /// How the sandbox shall behave.
    ///
    /// # Errors
    /// When the leads cannot be read.
    pub fn options(self) -> Result<sandbox::Options, LeadsError> {
        Ok(sandbox::Options {
            leads: self
                .leads
                .as_deref()
                .map_or(Ok(Leads::AnyPending), Leads::from_file)?,
            honours: self.dialect,
            limit: self.limit,
            latency: self.latency,
            trouble: self.trouble,
            seed: self.seed,
            ..sandbox::Options::default()
        })
    }
}

/// `--dialect`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DialectChoice {
    /// Learn it from what comes back
    #[default]
    Auto,
    /// phone_number, metadata, free-text notes
    Guide,
    /// phoneNumber, notes as the object of variables
    Reference,
}

impl DialectChoice {
    /// The spelling, or `None` to learn it.
    pub fn fixed(self) -> Option<Dialect> {
        match self {
            Self::Auto => None,
            Self::Guide => Some(Dialect::Guide),
            Self::Reference => Some(Dialect::Reference),
        }
    }
}

/// `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

fn long_version() -> String {
    format!(
        "{}\nphone metadata {}",
        env!("CARGO_PKG_VERSION"),
        crate::phone::METADATA_VERSION
    )
}

fn parse_mapping(argument: &str) -> Result<(MapTarget, String), String> {
    mapping(argument).map_err(|error| error.to_string())
}

/// Longer times would overflow the clock sooner or later.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// A time like `30s`, `2m` or `1h 30m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is no length of time; write for example `30s`, `2m` or `500ms`");
    let duration: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    let duration = Duration::try_from(duration).map_err(|_| wrong())?;
    if duration > LONGEST {
        return Err(format!("`{text}` is longer than 366 days"));
    }
    Ok(duration)
}

/// The same, and not `0s`.
pub(crate) fn parse_timeout(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("it must be longer than zero".to_owned()),
        timeout => Ok(timeout),
    }
}

/// The URL of a proxy, which may hold a password and is not repeated.
pub(crate) fn parse_proxy(text: &str) -> Result<Url, String> {
    let wrong = || "no URL of a proxy; write for example http://127.0.0.1:3128".to_owned();
    let url: Url = text.parse().map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong());
    }
    Ok(url)
}

pub(crate) fn parse_encoding(label: &str) -> Result<&'static encoding_rs::Encoding, String> {
    encoding_rs::Encoding::for_label(label.trim().as_bytes()).ok_or_else(|| {
        format!("`{label}` is no known encoding; for example utf-8, utf-16le or windows-1252")
    })
}

pub(crate) fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        "," | ";" | "|" => Ok(text.as_bytes()[0]),
        _ => Err(format!(
            "`{text}` is no delimiter; it is one of `,` `;` `|` and `tab`"
        )),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("`{text}` is no share; write a number from 0 to 1"))
}
