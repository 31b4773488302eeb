//! A test's own world: a folder, the hostile server, and the real binary in a clean environment.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::hostile::{IN_VAIN, Server};
use crate::script::Script;

/// The key of every test.
pub(crate) const KEY: &str = "hostilekeyid:hostilesecret51";
pub(crate) const INPUT: &str = "corrections.csv";
pub(crate) const RESULTS: &str = "corrections.results.csv";
/// What nearly every test runs.
pub(crate) const APPLY: &str = "apply corrections.csv --region IN --dialect guide";

/// A correct Indian mobile number, another one for each `index`.
pub(crate) fn number(index: usize) -> String {
    format!("98765{:05}", 10_001 + index * 7)
}

/// The IDs of `count` leads.
pub(crate) fn leads(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("lead_{index}")).collect()
}

/// Each case in a thread of its own: most of their time is spent waiting.
pub(crate) fn side_by_side<C: Send>(cases: impl IntoIterator<Item = C>, test: impl Fn(C) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let test = &test;
            scope.spawn(move || test(case));
        }
    });
}

pub(crate) struct World {
    folder: TempDir,
    pub(crate) server: Server,
}

impl World {
    /// `count` leads, and in [`INPUT`] a new number for each.
    pub(crate) fn new(count: usize, script: Script) -> Self {
        let leads = leads(count);
        let server = Server::start(leads.iter().map(String::as_str), script);
        Self::around(server, count)
    }

    /// The same with a server that is there already.
    pub(crate) fn around(server: Server, count: usize) -> Self {
        let world = Self {
            folder: tempfile::tempdir().expect("a folder"),
            server,
        };
        let rows = leads(count)
            .iter()
            .enumerate()
            .map(|(index, lead)| format!("{lead},{}\n", number(index)))
            .collect::<Vec<_>>()
            .concat();
        world.write(INPUT, format!("lead_id,phone_number\n{rows}"));
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("a file to write");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Everything that a run left in the folder, by name.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).unwrap_or_default();
                    files.push((path.display().to_string(), content));
                }
            }
        }
        files.sort();
        files
    }

    /// The binary with these arguments, to be run in the folder.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadfix"));
        command.args(arguments.split_whitespace());
        self.at_home(&mut command);
        command
    }

    /// The same below a shell line, which ends with `exec "$@"`.
    pub(crate) fn command_below(&self, shell: &str, arguments: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", shell, "sh", env!("CARGO_BIN_EXE_leadfix")]);
        command.args(arguments.split_whitespace());
        self.at_home(&mut command);
        command
    }

    fn at_home(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("DIALNEXA_API_KEY", KEY)
            .env("DIALNEXA_BASE_URL", self.server.url())
            .stdin(Stdio::null());
    }

    /// Starts the binary.
    pub(crate) fn start(&self, arguments: &str) -> Running {
        Running::start(self.command(arguments))
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.start(arguments).end()
    }
}

/// The binary at work; it does not outlive its test.
pub(crate) struct Running {
    child: Child,
    stdout: tempfile::NamedTempFile,
    stderr: tempfile::NamedTempFile,
}

impl Running {
    /// What it says goes to files, which never fill up.
    pub(crate) fn start(mut command: Command) -> Self {
        let stdout = tempfile::NamedTempFile::new().expect("a file");
        let stderr = tempfile::NamedTempFile::new().expect("a file");
        command
            .stdout(stdout.reopen().expect("a file"))
            .stderr(stderr.reopen().expect("a file"));
        Self {
            child: command.spawn().expect("the binary"),
            stdout,
            stderr,
        }
    }

    /// The same with a stdout and stderr that are stated.
    pub(crate) fn start_with(mut command: Command, stdout: Stdio, stderr: Stdio) -> Self {
        command.stdout(stdout).stderr(stderr);
        Self {
            child: command.spawn().expect("the binary"),
            stdout: tempfile::NamedTempFile::new().expect("a file"),
            stderr: tempfile::NamedTempFile::new().expect("a file"),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.stderr.path()).expect("a file")
    }

    /// To a process that has not ended.
    pub(crate) fn signal(&mut self, name: &str) {
        assert!(!self.has_ended(), "it has ended: {}", self.stderr());
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status();
        assert!(sent.expect("a shell").success(), "no process to signal");
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("a process");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a process").is_some()
    }

    pub(crate) fn end(mut self) -> Ran {
        let started = Instant::now();
        while !self.has_ended() {
            if started.elapsed() > IN_VAIN {
                self.child.kill().expect("a process to kill");
                panic!("it hangs: {}", self.stderr());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ran {
            status: self.child.wait().expect("a process"),
            stdout: fs::read_to_string(self.stdout.path()).expect("UTF-8"),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended needs no killing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The binary, after its run.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{self}");
        self
    }

    /// It ended like this, and the last line on stderr says why, with all of these words.
    #[track_caller]
    pub(crate) fn complains(&self, code: i32, words: &[&str]) -> &Self {
        self.expect(code);
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("leadfix: "), "{self}");
        for word in words {
            assert!(
                last.contains(word),
                "the last line does not say `{word}`\n{self}"
            );
        }
        self
    }

    /// Whether it says this anywhere.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.stdout.contains(words) || self.stderr.contains(words)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            stdout,
            stderr,
        } = self;
        write!(f, "{status}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}
