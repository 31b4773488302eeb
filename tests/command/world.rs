//! A test's own world: a folder, a sandbox on a free port, and the binary with a clean environment.

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use leadfix::sandbox::{Leads, Ledger, Options, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::table::Table;

/// The key of every test; nothing that the binary writes may hold either half.
pub(crate) const KEY: &str = "keyid7f3a11:zqsecret9c1e55d0";
/// The input that most tests apply.
pub(crate) const INPUT: &str = "corrections.csv";
/// Its results.
pub(crate) const RESULTS: &str = "corrections.results.csv";
/// No run in these tests takes this long; one that does hangs.
const HANGS: Duration = Duration::from_mins(1);

/// A lead as the leads file lists it, with an old number, pending.
pub(crate) fn lead(id: &str) -> Value {
    json!({"id": id, "phone_number": "+919811000001", "metadata": {"product": "gold_loan"}, "status": "pending"})
}

/// The same with other fields laid over it.
pub(crate) fn lead_with(id: &str, over: &Value) -> Value {
    let mut lead = lead(id);
    for (field, value) in over.as_object().expect("an object") {
        match value {
            Value::Null if field != "name" => {
                drop(lead.as_object_mut().expect("an object").remove(field));
            }
            value => lead[field] = value.clone(),
        }
    }
    lead
}

/// A correct Indian mobile number, another one for each `index`.
pub(crate) fn number(index: usize) -> String {
    format!("98765{:05}", 10_001 + index * 7)
}

/// `count` leads and a row with a new number for each.
pub(crate) fn plain(count: usize) -> (Vec<Value>, String) {
    let leads = (0..count)
        .map(|index| lead(&format!("lead_{index:04}")))
        .collect();
    let mut rows = "lead_id,phone_number,remark\n".to_owned();
    for index in 0..count {
        writeln!(rows, "lead_{index:04},{},\"row, {index}\"", number(index)).expect("memory");
    }
    (leads, rows)
}

/// A column that a spreadsheet seems to have rounded, in rows that are valid one by one.
pub(crate) fn rounded() -> String {
    let rows: Vec<String> = (1..7)
        .map(|index| format!("lead_{index},98765{index}0000"))
        .collect();
    format!("lead_id,phone_number\n{}\n", rows.join("\n"))
}

/// How much of a campaign is run: the short form, or what the environment says.
pub(crate) fn campaign(variable: &str, short: usize) -> usize {
    std::env::var(variable).map_or(short, |count| count.parse().expect("a count"))
}

/// Says it on the real stderr, which the test harness does not hold back.
pub(crate) fn tell(words: &str) {
    writeln!(std::io::stderr(), "{words}").expect("stderr");
}

/// A folder, a sandbox, and what the sandbox was given.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) leads: Vec<Value>,
    pub(crate) honours: leadfix::sandbox::Honours,
}

impl World {
    /// With these leads and no others.
    pub(crate) fn new(leads: Vec<Value>) -> Self {
        Self::with(leads, Options::default())
    }

    /// With these leads, in a sandbox that behaves otherwise like this.
    pub(crate) fn with(leads: Vec<Value>, options: Options) -> Self {
        let lines: Vec<String> = leads.iter().map(Value::to_string).collect();
        let listed: Leads = lines.join("\n").parse().expect("leads");
        let honours = options.honours;
        let options = Options {
            leads: listed,
            ..options
        };
        let sandbox = Sandbox::start(options, ([127, 0, 0, 1], 0).into()).expect("a free port");
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            sandbox,
            leads,
            honours,
        }
    }

    /// The same with its files in memory, where there is such a place: a sync costs nothing there.
    pub(crate) fn in_memory(leads: Vec<Value>, options: Options) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            folder: folder.expect("a folder"),
            ..Self::with(leads, options)
        }
    }

    /// With `count` plain leads and their rows in [`INPUT`].
    pub(crate) fn plain(count: usize, options: Options) -> Self {
        let (leads, rows) = plain(count);
        let world = Self::with(leads, options);
        world.write(INPUT, rows);
        world
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("a file to write");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn table(&self, name: &str) -> Table {
        Table::parse(&self.read(name))
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.read(name)).expect("JSON")
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.sandbox.ledger()
    }

    /// Requests of this method so far.
    pub(crate) fn requests(&self, method: &str) -> u64 {
        self.ledger()
            .counts
            .methods
            .get(method)
            .copied()
            .unwrap_or_default()
    }

    /// The binary with these arguments, to be run in the folder.
    pub(crate) fn leadfix(&self, arguments: &str) -> Invocation {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadfix"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder())
            .env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.folder())
            .env("XDG_STATE_HOME", self.path("state"));
        command
            .env("DIALNEXA_API_KEY", KEY)
            .env("DIALNEXA_BASE_URL", self.sandbox.base_url());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Invocation {
            command,
            input: None,
            folder: self.folder().to_owned(),
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.leadfix(arguments).run()
    }

    /// Waits until the ledger shows what is wanted.
    pub(crate) fn wait_for(&self, what: &str, shown: impl Fn(&Ledger) -> bool) {
        let started = Instant::now();
        while !shown(&self.ledger()) {
            assert!(started.elapsed() < HANGS, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The checkpoint as a crash of the first run leaves it.
    pub(crate) fn forget_the_end(&self) {
        let mut checkpoint = self.json("corrections.run.json");
        checkpoint["begun_through"] = json!(null);
        checkpoint["durable"] = json!(0);
        checkpoint["finished"] = json!(false);
        self.write("corrections.run.json", checkpoint.to_string());
    }

    /// The lock that a run with the key has left.
    pub(crate) fn key_lock(&self) -> PathBuf {
        let files = fs::read_dir(self.path("state/leadfix")).expect("a folder");
        let mut paths = files.map(|entry| entry.expect("an entry").path());
        let lock = paths.find(|path| path.extension().is_some_and(|ending| ending == "lock"));
        lock.expect("the key's lock")
    }

    /// Every file below the folder, by name.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.folder(), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    // A world that has ended has no files; to say so while a failure is being shown would hide the failure.
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let content = fs::read(&path).unwrap_or_default();
            files.push((path, content));
        }
    }
}

/// The binary, about to be run.
pub(crate) struct Invocation {
    command: Command,
    input: Option<Vec<u8>>,
    folder: PathBuf,
}

impl Invocation {
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.command.arg(argument.into());
        self
    }

    /// As the last arguments of another program, which starts it.
    pub(crate) fn under(self, words: &[String]) -> Self {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear()
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in self.command.get_envs() {
            command.env(name, value.expect("nothing is removed from nothing"));
        }
        Self { command, ..self }
    }

    pub(crate) fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(input.into());
        self
    }

    pub(crate) fn stdout(mut self, to: impl Into<Stdio>) -> Self {
        self.command.stdout(to);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let shown = format!("{:?}", self.command.get_args().collect::<Vec<_>>());
        let mut child = self.command.spawn().expect("the binary");
        if let (Some(input), Some(mut stdin)) = (self.input, child.stdin.take()) {
            // A binary that does not read it closes it, which is its right.
            drop(stdin.write_all(&input));
        }
        let stdout = Drain::of(child.stdout.take());
        let stderr = Drain::of(child.stderr.take());
        Running {
            child: Leash(child),
            stdout,
            stderr,
            shown,
            folder: self.folder,
        }
    }

    pub(crate) fn run(self) -> Ran {
        self.start().end()
    }
}

/// Takes what comes out of a pipe, so that it never fills up.
struct Drain {
    text: Arc<Mutex<Vec<u8>>>,
    thread: JoinHandle<()>,
}

impl Drain {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&text);
        let thread = std::thread::spawn(move || {
            let Some(mut pipe) = pipe else { return };
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut part) {
                taken
                    .lock()
                    .expect("a lock")
                    .extend_from_slice(&part[..length]);
            }
        });
        Self { text, thread }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().expect("a lock")).into_owned()
    }

    fn all(self) -> String {
        self.thread.join().expect("a reader");
        String::from_utf8(std::mem::take(&mut *self.text.lock().expect("a lock"))).expect("UTF-8")
    }
}

/// A child that does not outlive its test.
struct Leash(Child);

impl Drop for Leash {
    fn drop(&mut self) {
        // One that has ended already needs no killing.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The binary at work.
pub(crate) struct Running {
    child: Leash,
    stdout: Drain,
    stderr: Drain,
    shown: String,
    folder: PathBuf,
}

impl Running {
    /// `INT` or `TERM`, to a process that is still there: the ID of one that was waited for may be another's.
    pub(crate) fn signal(&mut self, name: &str) {
        assert!(
            !self.has_ended(),
            "it has ended before the signal: {}",
            self.stderr.so_far()
        );
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.child.0.id()))
            .status();
        assert!(sent.expect("a shell").success(), "no process to signal");
    }

    /// `kill -9`, or nothing where it has ended by itself.
    pub(crate) fn kill(&mut self) {
        self.child.0.kill().expect("a child to kill");
    }

    /// Waits until stderr says this.
    pub(crate) fn wait_for_words(&mut self, words: &str) {
        let started = Instant::now();
        while !self.stderr.so_far().contains(words) {
            assert!(
                started.elapsed() < HANGS,
                "waited in vain for `{words}`: {}",
                self.stderr.so_far()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for a first whole line on stdout.
    pub(crate) fn first_line(&mut self) -> String {
        let started = Instant::now();
        loop {
            if let Some((line, _)) = self.stdout.so_far().split_once('\n') {
                return line.to_owned();
            }
            assert!(
                started.elapsed() < HANGS && !self.has_ended(),
                "it said nothing: {}",
                self.stderr.so_far()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().expect("a child").is_some()
    }

    pub(crate) fn end(mut self) -> Ran {
        let started = Instant::now();
        let mut hung = false;
        while !self.has_ended() {
            if started.elapsed() > HANGS {
                hung = true;
                self.child.0.kill().expect("a child to kill");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let code = self.child.0.wait().expect("a child").code();
        let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
        let ran = Ran {
            code,
            stdout,
            stderr,
            shown: self.shown,
            folder: self.folder,
        };
        assert!(!hung, "it hangs\n{ran}");
        ran
    }
}

/// The binary, after its run.
pub(crate) struct Ran {
    /// `None` after a signal that was not caught.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    shown: String,
    folder: PathBuf,
}

impl Ran {
    /// It ended like this.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert!(self.code == Some(code), "expected exit {code}\n{self}");
        self
    }

    /// It ended like this, and one line on stderr says why, with all of these words.
    #[track_caller]
    pub(crate) fn complains(&self, code: i32, words: &[&str]) -> &Self {
        self.expect(code);
        let lines: Vec<&str> = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("leadfix: "))
            .collect();
        assert!(
            lines.len() == 1,
            "one line should say what is wrong\n{self}"
        );
        for word in words {
            assert!(
                lines[0].contains(word),
                "the line does not say `{word}`\n{self}"
            );
        }
        assert!(
            self.stderr.trim_end().ends_with(lines[0]),
            "the line should be the last word\n{self}"
        );
        self
    }

    /// Stdout or stderr says this.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(
            self.stdout.contains(words) || self.stderr.contains(words),
            "nobody says `{words}`\n{self}"
        );
        self
    }

    /// Neither stdout nor stderr says this.
    #[track_caller]
    pub(crate) fn never_says(&self, words: &str) -> &Self {
        assert!(
            !self.stdout.contains(words) && !self.stderr.contains(words),
            "`{words}` is said\n{self}"
        );
        self
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "leadfix {}\nexit {:?}\n--- stdout\n{}--- stderr\n{}",
            self.shown, self.code, self.stdout, self.stderr
        )?;
        let mut files = Vec::new();
        collect(&self.folder, &mut files);
        for (path, content) in files {
            let text = String::from_utf8_lossy(&content);
            let start: String = text.chars().take(4000).collect();
            writeln!(
                f,
                "--- {} ({} bytes)\n{start}",
                path.display(),
                content.len()
            )?;
        }
        Ok(())
    }
}
