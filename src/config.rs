//! Arguments resolved once: flags over environment over `leadfix.toml` over defaults. Past this point no `Option`
//! means "default".

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;

use crate::api;
use crate::base_url;
use crate::checkpoint::{self, Files, Identity};
use crate::cli::{self, InputArgs, RunArgs};
use crate::concurrency::CEILING;
use crate::correction::Rules;
use crate::defaults::Defaults;
use crate::error::{Exit, Fatal};
use crate::executor;
use crate::key::{self, DotEnv};
use crate::limiter::Ceiling;
use crate::max_invalid::MaxInvalid;
use crate::phone;
use crate::preflight::Policy;
use crate::rate::Rate;
use crate::reader::{Fingerprint, MapTarget, ReadOptions};

/// Rows that may be under way behind the last durable one.
pub const WINDOW: u64 = 4096;
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
    /// `reconcile`: the same, but what a finished run has left is kept under another name, for leads change.
    ResumeUnfinished,
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

impl Reading {
    /// Resolves the arguments of `check`.
    ///
    /// # Errors
    /// When `leadfix.toml` cannot be used.
    pub fn resolve(args: InputArgs) -> Result<Self, Fatal> {
        let defaults = Defaults::load(args.config.as_deref())?;
        Ok(Self::merge(args, &defaults))
    }

    fn merge(args: InputArgs, defaults: &Defaults) -> Self {
        let is_stated = |target| args.map.iter().any(|(stated, _)| stated == target);
        let others = defaults.map.iter().filter(|(target, _)| !is_stated(target));
        let map = args.map.iter().chain(others).cloned().collect();
        Self {
            file: args.file,
            options: ReadOptions {
                encoding: args.encoding.or(defaults.encoding),
                delimiter: args.delimiter.or(defaults.delimiter),
                sheet: args.sheet.or_else(|| defaults.sheet.clone()),
                skip_bad_rows: args.skip_bad_rows,
            },
            map,
            policy: Policy {
                rules: Rules {
                    phone: phone::Rules {
                        default_region: args.region.or(defaults.region),
                        allowed_types: args
                            .allow_types
                            .or(defaults.allow_types)
                            .unwrap_or_default(),
                    },
                    clear_token: args
                        .clear_token
                        .or_else(|| defaults.clear_token.clone())
                        .unwrap_or_else(|| CLEAR_TOKEN.to_owned()),
                    metadata: defaults.metadata.unwrap_or_default(),
                },
                forbid_shared_numbers: args.forbid_shared_numbers || defaults.forbid_shared_numbers,
            },
            max_invalid: args.max_invalid.or(defaults.max_invalid),
            accept_suspect: args.accept_suspect,
        }
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
        let mut reading = Reading::merge(input, &defaults);
        let metadata = sending.metadata.unwrap_or(reading.policy.rules.metadata);
        reading.policy.rules.metadata = metadata;
        let timeout = sending.timeout.or(defaults.timeout).unwrap_or(TIMEOUT);
        let target = if sending.sandbox {
            Target::Sandbox(
                sending
                    .sandbox_leads
                    .or_else(|| leads_beside(&reading.file)),
            )
        } else {
            api_target(api, &defaults)?
        };
        let results = results_path(output.out, &reading.file, sending.sandbox)?;
        Ok(Self {
            target,
            sending: executor::Settings {
                max_attempts: sending
                    .max_attempts
                    .or(defaults.max_attempts)
                    .unwrap_or(MAX_ATTEMPTS),
                metadata,
                read_first: reconcile,
                dialect: sending
                    .dialect
                    .or(defaults.dialect)
                    .unwrap_or_default()
                    .fixed(),
                grace: timeout + GRACE,
            },
            ceiling: match sending.concurrency.or(defaults.concurrency) {
                Some(count) => Ceiling::exactly(count.into()),
                None => CEILING,
            },
            rate: sending.rate.or(defaults.rate),
            timeout,
            deadline: sending.deadline.or(defaults.deadline),
            give_up_after: sending
                .give_up_after
                .or(defaults.give_up_after)
                .unwrap_or(GIVE_UP_AFTER),
            window: WINDOW,
            files: Files::beside(&results),
            earlier: if output.fresh {
                Earlier::SetAside
            } else if reconcile {
                Earlier::ResumeUnfinished
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

/// Where the results go: where `--out` says, else beside the input. Those of a rehearsal show by their name that they are.
fn results_path(out: Option<PathBuf>, file: &Path, sandbox: bool) -> Result<PathBuf, Fatal> {
    match out {
        Some(path) if sandbox && !path.to_string_lossy().ends_with(".sandbox.results.csv") => {
            let named = Files::beside(&path)
                .lock
                .with_extension("sandbox.results.csv");
            Err(Fatal::new(
                Exit::Usage,
                format!(
                    "`--out {}` would make a rehearsal look real; with --sandbox, call it `{}`",
                    path.display(),
                    named.display()
                ),
            ))
        }
        Some(path) => Ok(path),
        None if file == Path::new("-") => Err(Fatal::new(
            Exit::Usage,
            "with standard input, name the results file with --out",
        )),
        None => Ok(Files::default_results(file, sandbox)),
    }
}

fn api_target(api: cli::ApiArgs, defaults: &Defaults) -> Result<Target, Fatal> {
    let dotenv = DotEnv::read(Path::new(".env"));
    let stated = match api.base_url {
        None => dotenv.get("DIALNEXA_BASE_URL")?,
        stated => stated,
    };
    let base_url = match (stated, &defaults.base_url) {
        (Some(text), _) => base_url::parse(&text)?,
        (None, Some(url)) => url.clone(),
        (None, None) => base_url::parse(api::DEFAULT_BASE_URL)?,
    };
    let proxy = match api.proxy {
        Some(text) => Some(
            cli::parse_proxy(&text)
                .map_err(|wrong| Fatal::new(Exit::Misconfigured, format!("`--proxy`: {wrong}")))?,
        ),
        None => defaults.proxy.clone(),
    };
    let key = key::find(
        api.api_key_file.as_deref(),
        &dotenv,
        defaults.api_key_file.as_deref(),
    )?;
    Ok(Target::Api {
        base_url,
        key,
        ca_file: api.ca_file.or_else(|| defaults.ca_file.clone()),
        proxy,
    })
}

/// Leads for the sandbox that stand beside the input, or beside the one whose rehearsal gave these results.
fn leads_beside(input: &Path) -> Option<PathBuf> {
    let name = input.file_name()?.to_string_lossy();
    let rehearsed = name.strip_suffix(".sandbox.results.csv");
    let stem = rehearsed.unwrap_or_else(|| checkpoint::stem(&name));
    let path = input.with_file_name(format!("{stem}.leads.jsonl"));
    path.exists().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_a_rehearsal_are_rehearsed_with_the_leads_of_their_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("mix.leads.jsonl"), "").unwrap();
        for input in [
            "mix.csv",
            "mix.csv.gz",
            "mix.xlsx",
            "mix.sandbox.results.csv",
        ] {
            assert_eq!(
                leads_beside(&path(input)),
                Some(path("mix.leads.jsonl")),
                "{input}"
            );
        }
        assert_eq!(leads_beside(&path("other.csv")), None);
    }
}
