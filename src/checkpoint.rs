//! What a resumed run must know besides the results themselves: `.run.json` beside them says which input and which
//! settings they belong to, and which rows may have been sent without a result.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::plan::MetadataMode;
use crate::private;
use crate::results::Whole;

/// What inputs are called, in any case: packed first.
const ENDINGS: [&str; 11] = [
    ".gz", ".zst", ".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods",
];

/// The files of one run, all beside the results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// One row for each input row.
    pub results: PathBuf,
    /// Counts, durations, what to do next.
    pub summary: PathBuf,
    /// The checkpoint.
    pub run: PathBuf,
    /// The lock; never deleted.
    pub lock: PathBuf,
}

impl Files {
    /// The files that belong to a results file.
    pub fn beside(results: &Path) -> Self {
        let name = results
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let stem = name.strip_suffix(".csv").unwrap_or(&name);
        let stem = stem.strip_suffix(".results").unwrap_or(stem);
        let beside = |ending: &str| results.with_file_name(format!("{stem}.{ending}"));
        Self {
            results: results.to_owned(),
            summary: beside("summary.json"),
            run: beside("run.json"),
            lock: beside("lock"),
        }
    }

    /// The default results file for an input: `FILE` with `.results.csv` in place of its ending.
    pub fn default_results(input: &Path, sandbox: bool) -> PathBuf {
        let name = input
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut stem = name.as_str();
        for ending in ENDINGS {
            let split = stem.len().checked_sub(ending.len());
            stem = split
                .and_then(|at| stem.split_at_checked(at))
                .filter(|(_, end)| end.eq_ignore_ascii_case(ending))
                .map_or(stem, |(start, _)| start);
        }
        let ending = if sandbox {
            "sandbox.results.csv"
        } else {
            "results.csv"
        };
        input.with_file_name(format!("{stem}.{ending}"))
    }

    /// Moves the files of an earlier run aside, under the first number that is free.
    pub fn set_aside(&self) -> io::Result<Option<PathBuf>> {
        // The checkpoint first: results without one are never gone on with.
        let moved = [&self.run, &self.summary, &self.results];
        if !moved.iter().any(|path| path.exists()) {
            return Ok(None);
        }
        let numbered = |path: &Path, number: u32| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        let free =
            (1..u32::MAX).find(|number| moved.iter().all(|path| !numbered(path, *number).exists()));
        let number = free.ok_or_else(|| io::Error::other("no free name is left"))?;
        for path in moved {
            if path.exists() {
                std::fs::rename(path, numbered(path, number))?;
            }
        }
        private::sync_folder(&self.results)?;
        Ok(Some(numbered(&self.results, number)))
    }
}

/// Everything that changes what a row becomes: a run resumes only with the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Hash and length of the input.
    pub fingerprint: String,
    /// Where the leads are.
    pub base_url: String,
    /// `--region`.
    pub region: Option<String>,
    /// `--metadata`.
    pub metadata: MetadataMode,
    /// `--clear-token`.
    pub clear_token: String,
    /// `--map` and every other flag that decides how a cell is read.
    pub reading: BTreeMap<String, String>,
    /// Whether leads are read before they are corrected.
    pub reconcile: bool,
}

impl Identity {
    /// The first thing that differs, in words.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let differs = |name: &str, before: &str, now: &str| {
            (before != now).then(|| format!("{name} was `{before}` and is `{now}` now"))
        };
        let none = || "none".to_owned();
        let region = |identity: &Self| identity.region.clone().unwrap_or_else(none);
        let stated =
            |identity: &Self, flag| identity.reading.get(flag).cloned().unwrap_or_else(none);
        (self.fingerprint != other.fingerprint)
            .then(|| "the input file is not the same as it was".to_owned())
            .or_else(|| differs("the base URL", &self.base_url, &other.base_url))
            .or_else(|| differs("--region", &region(self), &region(other)))
            .or_else(|| {
                differs(
                    "--metadata",
                    &format!("{:?}", self.metadata),
                    &format!("{:?}", other.metadata),
                )
            })
            .or_else(|| differs("--clear-token", &self.clear_token, &other.clear_token))
            .or_else(|| {
                // Another version of the program may know other flags.
                let mut flags = self.reading.keys().chain(other.reading.keys());
                flags.find_map(|flag| differs(flag, &stated(self, flag), &stated(other, flag)))
            })
            .or_else(|| {
                differs(
                    "reconcile",
                    &self.reconcile.to_string(),
                    &other.reconcile.to_string(),
                )
            })
    }
}

/// The content of `.run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFile {
    /// Version of the program that wrote it.
    pub leadfix: String,
    /// When the first run began.
    pub started_at: Timestamp,
    /// What the results belong to.
    pub identity: Identity,
    /// How many rows may be under way behind the last durable one.
    pub window: u64,
    /// Rows up to this one may have been sent by an earlier run that was cut off.
    pub doubt_through: u64,
    /// After an orderly end: no row behind this one was begun.
    pub begun_through: Option<u64>,
    /// So many results were durable when this was written; after an orderly end, all of them.
    pub durable: u64,
    /// Every row of the input has its result.
    #[serde(default)]
    pub finished: bool,
    /// After an orderly end: the hash of the results.
    #[serde(default)]
    pub hash: Option<String>,
}

impl RunFile {
    /// A first run.
    pub fn new(identity: Identity, window: u64) -> Self {
        Self {
            leadfix: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Timestamp::now(),
            identity,
            window,
            doubt_through: 0,
            begun_through: None,
            durable: 0,
            finished: false,
            hash: None,
        }
    }

    /// What contradicts the results that were found, if any were.
    pub fn contradiction(&self, found: Option<&Whole>) -> Option<String> {
        let durable = self.durable;
        let (rows, torn) = found.map_or((0, 0), |found| (found.rows, found.torn));
        if rows < durable {
            Some(format!(
                "{durable} result rows were safe, and only {rows} of them are there as they were written"
            ))
        } else if self.begun_through.is_some() && (rows > durable || torn > 0) {
            Some(format!(
                "it ended with {durable} result rows, and something stands behind them"
            ))
        } else if let (Some(hash), Some(found)) = (&self.hash, found)
            && self.begun_through.is_some()
            && *hash != found.hash.finalize().to_string()
        {
            Some("a result row was changed after the run had ended".to_owned())
        } else {
            None
        }
    }

    /// Whether no run so far can have sent anything.
    pub fn has_sent_nothing(&self) -> bool {
        self.doubt_through == 0 && self.begun_through == Some(0)
    }

    /// Goes on behind `rows` durable results, where the results once had come to row `reached`: whatever the run
    /// before may have sent is in doubt.
    pub fn resume(&mut self, rows: u64, reached: u64, window: u64) {
        let begun = self.begun_through.take().unwrap_or(reached + self.window);
        self.doubt_through = self.doubt_through.max(begun);
        self.window = window;
        self.durable = rows;
        self.hash = None;
    }

    /// Reads the file; `None` where there is none, [`io::ErrorKind::InvalidData`] where it is not one of ours.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(content) => serde_json::from_slice(&content)
                .map(Some)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the file, durably, before anything that relies on it.
    pub fn store(&self, path: &Path) -> io::Result<()> {
        private::replace(path, &serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            fingerprint: "abc".into(),
            base_url: "https://a/v1".into(),
            region: None,
            metadata: MetadataMode::Merge,
            clear_token: "<clear>".into(),
            reading: BTreeMap::from([("--map".to_owned(), "none".to_owned())]),
            reconcile: false,
        }
    }

    #[test]
    fn names_of_files() {
        for (input, sandbox, results, summary) in [
            (
                "d/corrections.csv",
                false,
                "d/corrections.results.csv",
                "d/corrections.summary.json",
            ),
            (
                "corrections.csv",
                true,
                "corrections.sandbox.results.csv",
                "corrections.sandbox.summary.json",
            ),
            ("a.csv.gz", false, "a.results.csv", "a.summary.json"),
            (
                "LEADS.CSV",
                true,
                "LEADS.sandbox.results.csv",
                "LEADS.sandbox.summary.json",
            ),
            ("a.Tab.GZ", false, "a.results.csv", "a.summary.json"),
            ("a.xlsb", false, "a.results.csv", "a.summary.json"),
            ("a.xlsm", false, "a.results.csv", "a.summary.json"),
            ("é.csv", false, "é.results.csv", "é.summary.json"),
            ("é", false, "é.results.csv", "é.summary.json"),
            (
                "Leads May.xlsx",
                false,
                "Leads May.results.csv",
                "Leads May.summary.json",
            ),
            (
                "noending",
                false,
                "noending.results.csv",
                "noending.summary.json",
            ),
        ] {
            let path = Files::default_results(Path::new(input), sandbox);
            assert_eq!(path, Path::new(results));
            assert_eq!(Files::beside(&path).summary, Path::new(summary));
        }
        assert_eq!(
            Files::beside(Path::new("x/out.csv")).run,
            Path::new("x/out.run.json")
        );
    }

    #[test]
    fn doubt_never_shrinks_over_crashes_and_is_exact_after_an_orderly_end() {
        let mut run = RunFile::new(identity(), 1024);
        run.resume(10, 10, 16);
        assert_eq!(
            run.doubt_through, 1034,
            "a crash leaves the whole window in doubt"
        );
        run.resume(20, 20, 16);
        assert_eq!(run.doubt_through, 1034, "a second crash forgets nothing");
        run.begun_through = Some(1100);
        run.resume(1100, 1100, 16);
        assert_eq!(
            run.doubt_through, 1100,
            "nothing behind an orderly end is in doubt"
        );
        assert_eq!(run.begun_through, None);
    }

    #[test]
    fn what_differs_is_said() {
        let before = identity();
        assert_eq!(before.difference(&before), None);
        let now = Identity {
            region: Some("IN".into()),
            ..identity()
        };
        assert_eq!(
            before.difference(&now).unwrap(),
            "--region was `none` and is `IN` now"
        );
        let now = Identity {
            reading: BTreeMap::from([("--map".to_owned(), "name=Who".to_owned())]),
            ..identity()
        };
        assert_eq!(
            before.difference(&now).unwrap(),
            "--map was `none` and is `name=Who` now"
        );
        let newer = Identity {
            reading: BTreeMap::from(
                [("--allow-types", "none"), ("--map", "none"), ("--new", "x")]
                    .map(|(flag, value)| (flag.to_owned(), value.to_owned())),
            ),
            ..identity()
        };
        assert_eq!(
            before.difference(&newer).unwrap(),
            "--new was `none` and is `x` now",
            "a version of the program that knows more flags"
        );
        assert_eq!(
            newer.difference(&before).unwrap(),
            "--new was `x` and is `none` now",
            "one that knows fewer"
        );
        let now = Identity {
            fingerprint: "x".into(),
            ..identity()
        };
        assert!(before.difference(&now).unwrap().contains("input file"));
    }

    #[test]
    fn the_file_reads_back_and_old_ones_are_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::beside(&folder.path().join("x.results.csv"));
        assert_eq!(RunFile::load(&files.run).unwrap(), None);
        let run = RunFile::new(identity(), 7);
        run.store(&files.run).unwrap();
        assert_eq!(RunFile::load(&files.run).unwrap(), Some(run));
        for number in 1..3 {
            std::fs::write(&files.results, "old").unwrap();
            let aside = files.set_aside().unwrap().unwrap();
            assert!(aside.ends_with(format!("x.results.csv.{number}")));
            assert_eq!(std::fs::read_to_string(aside).unwrap(), "old");
        }
        assert_eq!(files.set_aside().unwrap(), None);
    }
}
