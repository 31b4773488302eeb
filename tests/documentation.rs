//! What the documentation says is what the program does. Where the program is right, `LEADFIX_BLESS=1 cargo test
//! --test documentation` writes the help block and the run's output into the README anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use leadfix::error::Exit;
use leadfix::outcome::{Reason, Reupload, Status};
use leadfix::phone::Refusal;

const README: &str = "README.md";
/// The README's main command, with what its results are called.
const MAIN_COMMAND: &str =
    "cargo run --release -- apply fixtures/corrections.csv --sandbox --region IN";
const STEM: &str = "fixtures/corrections.sandbox";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The program, at home in `folder` and with none of the environment that it reads.
fn leadfix(folder: &Path, arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leadfix"))
        .args(arguments.split(' '))
        .current_dir(folder)
        .env_clear()
        .env("COLUMNS", "100")
        .output()
        .expect("the binary starts")
}

/// Text without blanks at the ends of its lines, which no editor keeps.
fn trimmed(text: &[u8]) -> String {
    let lines: Vec<_> = std::str::from_utf8(text)
        .expect("UTF-8")
        .lines()
        .map(str::trim_end)
        .collect();
    lines.join("\n").trim_end().to_owned()
}

/// What stands below `$ command` in a console block of the README; several blocks may show one command.
fn shown_below(document: &str, command: &str) -> String {
    let begin = format!("```console\n$ {command}\n");
    let start = document
        .find(&begin)
        .unwrap_or_else(|| panic!("the README has no block that begins with `$ {command}`"));
    let rest = &document[start + begin.len()..];
    let end = rest.find("\n```").expect("the block ends");
    rest[..end].to_owned()
}

/// Compares a block of the README with what the program says, or writes it anew.
fn assert_shown(command: &str, actual: &str, same: impl Fn(&str, &str) -> bool) {
    static README_IN_USE: Mutex<()> = Mutex::new(());
    let _guard = README_IN_USE.lock();
    let document = read(README);
    let shown = shown_below(&document, command);
    if same(&shown, actual) {
        return;
    }
    if std::env::var_os("LEADFIX_BLESS").is_some() {
        let block = |text: &str| format!("$ {command}\n{text}\n```");
        fs::write(
            root().join(README),
            document.replace(&block(&shown), &block(actual)),
        )
        .expect("the README can be written");
        return;
    }
    panic!(
        "the README shows something else below `{command}`; `LEADFIX_BLESS=1 cargo test --test documentation` mends \
         it. The program says:\n{actual}"
    );
}

/// The rows of all tables below a heading, up to the next heading of its level or above; without head rows.
fn table_rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let level = heading.bytes().take_while(|byte| *byte == b'#').count();
    let mut lines = document.lines().skip_while(|line| *line != heading);
    assert!(lines.next().is_some(), "there is no `{heading}`");
    let section: Vec<&str> = lines
        .take_while(|line| {
            let depth = line.bytes().take_while(|byte| *byte == b'#').count();
            depth == 0 || depth > level
        })
        .collect();
    let is_rule = |line: &str| line.starts_with("| ---");
    (0..section.len())
        .filter(|&at| {
            section[at].starts_with("| ")
                && !is_rule(section[at])
                && !section.get(at + 1).is_some_and(|next| is_rule(next))
        })
        .map(|at| {
            let cells = section[at].trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// Every first cell of the tables below a heading, without backquotes.
fn first_cells(document: &str, heading: &str) -> Vec<String> {
    let rows = table_rows(document, heading);
    rows.iter()
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect()
}

/// Every word in backquotes in the first cells of the tables below a heading.
fn coded_words(document: &str, heading: &str) -> Vec<String> {
    let rows = table_rows(document, heading);
    rows.iter()
        .flat_map(|row| row[0].split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

fn documents() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("docs")).expect("docs/ is there");
    folder
        .map(|entry| entry.expect("docs/ can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .chain([root().join(README)])
        .collect()
}

/// The fixture, in a folder where a run may leave its files.
fn copy_of_the_fixture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("fixtures")).expect("a new folder");
    for name in ["corrections.csv", "corrections.leads.jsonl"] {
        let name = Path::new("fixtures").join(name);
        fs::copy(root().join(&name), folder.path().join(&name)).expect("the fixture is there");
    }
    folder
}

#[test]
fn the_help_is_the_programs() {
    let help = leadfix(root(), "apply --help");
    assert_shown(
        "leadfix apply --help",
        &trimmed(&help.stdout),
        |shown, actual| shown == actual,
    );
}

/// What of a summary does not depend on how fast the machine is.
fn lasting(summary: &str) -> Vec<&str> {
    summary
        .lines()
        .filter(|line| !line.contains(" rows/s, ") && !line.starts_with("bound by "))
        .collect()
}

#[test]
fn the_run_that_the_readme_shows_is_the_programs() {
    let folder = copy_of_the_fixture();
    let (_, arguments) = MAIN_COMMAND.split_once(" -- ").expect("arguments");
    let run = leadfix(folder.path(), arguments);
    let (stdout, stderr) = (trimmed(&run.stdout), trimmed(&run.stderr));
    assert_eq!(
        run.status.code(),
        Some(i32::from(Exit::NeedsPerson.code())),
        "{stdout}\n{stderr}"
    );
    assert_shown(MAIN_COMMAND, &stdout, |shown, actual| {
        lasting(shown) == lasting(actual)
    });
    check_results(folder.path());
}

/// Run by `.ci/run` on what the README's main command has left.
#[test]
#[ignore = "needs the files of the README's main command"]
fn the_results_of_the_main_command_are_whole() {
    check_results(root());
}

/// Every row is accounted for, in order, cell by cell, and nobody else can read it.
fn check_results(folder: &Path) {
    let rows = |path: PathBuf| -> Vec<csv::StringRecord> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_path(path)
            .expect("the file is there");
        reader.records().map(|row| row.expect("a row")).collect()
    };
    let input = rows(folder.join("fixtures/corrections.csv"));
    let results = rows(folder.join(format!("{STEM}.results.csv")));
    assert_eq!(results.len(), input.len(), "one result row for each row");
    let width = results[0].len() - input[0].len();
    let column = |name: &str| {
        let found = results[0].iter().position(|header| header == name);
        found.unwrap_or_else(|| panic!("there is no column `{name}`"))
    };
    let (status, reason) = (column("result_status"), column("result_reason"));
    let reupload = column("result_reupload");

    let mut statuses: BTreeMap<&str, u64> = BTreeMap::new();
    for (number, (result, row)) in results.iter().zip(&input).enumerate() {
        assert!(
            result.iter().skip(width).eq(row.iter()),
            "row {number}: the input's cells stand as they stood"
        );
        if number == 0 {
            continue;
        }
        assert_eq!(result[0], number.to_string(), "in input order");
        assert!(result[status].parse::<Status>().is_ok(), "{result:?}");
        assert!(
            result[reason].is_empty() || result[reason].parse::<Reason>().is_ok(),
            "{result:?}"
        );
        let flag: Reupload = result[reupload].parse().expect("a flag");
        assert!(
            flag == Reupload::No || &result[status] == Status::Locked.as_str(),
            "{result:?}"
        );
        *statuses.entry(&results[number][status]).or_default() += 1;
    }
    let every: BTreeSet<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
    assert_eq!(statuses.keys().copied().collect::<BTreeSet<_>>(), every);

    let summary: serde_json::Value = serde_json::from_slice(
        &fs::read(folder.join(format!("{STEM}.summary.json"))).expect("a summary"),
    )
    .expect("JSON");
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["rows"], input.len() - 1);
    assert_eq!(summary["statuses"], serde_json::json!(statuses));

    for ending in ["results.csv", "summary.json", "run.json", "lock"] {
        let path = folder.join(format!("{STEM}.{ending}"));
        let content = fs::read_to_string(&path).expect("the file is there");
        // What a rehearsal sends; the key of the environment is not even read for it.
        for word in ["Bearer", "rehearsal-key"] {
            assert!(!content.contains(word), "{ending} knows of the key");
        }
        let metadata = fs::metadata(&path).expect("the file is there");
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        assert_eq!(mode & 0o777, 0o600, "{ending}");
    }
}

#[test]
fn the_exit_codes_are_the_programs() {
    let expected: Vec<_> = Exit::ALL
        .iter()
        .map(|(exit, meaning)| vec![exit.code().to_string(), (*meaning).to_owned()])
        .collect();
    assert_eq!(table_rows(&read(README), "## Exit codes"), expected);
}

#[test]
fn every_status_has_its_row() {
    let statuses: Vec<_> = Status::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(first_cells(&read(README), "## Statuses"), statuses);
    assert_eq!(
        first_cells(&read("docs/results.md"), "## Statuses"),
        statuses
    );
}

#[test]
fn every_reason_has_one_row_and_no_row_names_another() {
    let mut documented = first_cells(&read("docs/results.md"), "## Reasons");
    documented.sort_unstable();
    let mut reasons: Vec<_> = Reason::all().map(|reason| reason.to_string()).collect();
    reasons.sort_unstable();
    assert_eq!(documented, reasons);
}

#[test]
fn every_refused_phone_cell_has_its_example_and_its_remedy() {
    let rows = table_rows(&read("docs/results.md"), "### Invalid: the phone cell");
    assert_eq!(rows.len(), Refusal::ALL.len());
    for (row, refusal) in rows.iter().zip(Refusal::ALL) {
        assert_eq!(row[0], format!("`{refusal}`"));
        assert!(
            row[1] == format!("`{}`", refusal.example()) || refusal.example().len() > 250,
            "{refusal}: {}",
            refusal.example()
        );
        assert_eq!(row[2], refusal.remedy(), "{refusal}");
    }
}

#[test]
fn every_column_and_every_field_of_the_summary_is_told() {
    let folder = copy_of_the_fixture();
    let input = "lead_id,phone_number\nlead_1,+919876543210\n";
    fs::write(folder.path().join("one.csv"), input).expect("a new file");
    let run = leadfix(folder.path(), "apply one.csv --sandbox");
    assert!(run.status.success(), "{}", trimmed(&run.stderr));

    let results = fs::read_to_string(folder.path().join("one.sandbox.results.csv"));
    let results = results.expect("there are results");
    let header = results.lines().next().expect("a header");
    let columns: Vec<_> = header
        .split(',')
        .filter(|name| name.starts_with("result_"))
        .collect();
    let document = read("docs/results.md");
    assert_eq!(first_cells(&document, "## Columns"), columns);

    let summary = fs::read(folder.path().join("one.sandbox.summary.json")).expect("a summary");
    let summary: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&summary).expect("JSON");
    let documented: BTreeSet<_> = coded_words(&document, "## The summary file")
        .into_iter()
        .collect();
    assert_eq!(documented, summary.into_keys().collect());
}

#[test]
fn every_dependency_has_its_line_and_its_version() {
    let document = read("docs/dependencies.md");
    let manifest: toml::Table = read("Cargo.toml").parse().expect("a manifest");
    let lock: toml::Table = read("Cargo.lock").parse().expect("a lock file");
    let locked: BTreeSet<(&str, &str)> = lock["package"]
        .as_array()
        .expect("packages")
        .iter()
        .filter_map(|package| Some((package["name"].as_str()?, package["version"].as_str()?)))
        .map(|(name, version)| (name, version.split('+').next().unwrap_or(version)))
        .collect();
    let normal = manifest["dependencies"].as_table().expect("a table");
    let dev = manifest["dev-dependencies"].as_table().expect("a table");
    let only_dev = dev.keys().filter(|name| !normal.contains_key(*name));
    for (heading, names) in [
        ("## In the program", normal.keys().collect::<Vec<_>>()),
        ("## In the tests", only_dev.collect()),
    ] {
        let rows = table_rows(&document, heading);
        let told: BTreeSet<_> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
        assert_eq!(told, names.iter().map(|name| name.as_str()).collect());
        for row in &rows {
            let name = row[0].trim_matches('`');
            assert!(
                locked.contains(&(name, row[1].as_str())),
                "`{name}` {} is not what Cargo.lock has",
                row[1]
            );
        }
    }
}

#[test]
fn every_link_leads_to_a_file_and_to_a_heading_in_it() {
    let slug = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect()
    };
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for (start, _) in text.match_indices("](") {
            let target = text[start + 2..].split(')').next().unwrap_or_default();
            if target.starts_with("https://") {
                continue;
            }
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => document.clone(),
                file => document.parent().expect("a folder").join(file),
            };
            let place_text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: `{target}`: {error}", document.display()));
            assert!(
                place.is_empty()
                    || place_text
                        .lines()
                        .any(|line| line.starts_with('#') && slug(line) == place),
                "{}: `{target}`: no such heading",
                document.display()
            );
        }
    }
}

/// A module is a file or a folder of `src`, or a file of one of its folders.
#[test]
fn every_module_has_its_room_and_every_room_is_a_module() {
    let told: BTreeSet<_> = coded_words(&read("docs/design.md"), "## Rooms")
        .into_iter()
        .collect();
    let modules: BTreeSet<_> = fs::read_dir(root().join("src"))
        .expect("src/ is there")
        .map(|entry| entry.expect("src/ can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs") || path.is_dir())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name != "snapshots")
        .collect();
    assert_eq!(told, modules);
}

#[test]
fn every_path_that_the_documentation_names_is_there() {
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        let coded = text.split('`').skip(1).step_by(2);
        let paths = coded.filter(|word| {
            ["src/", "tests/", "benches/", "docs/", "fuzz/", "examples/"]
                .iter()
                .any(|folder| word.starts_with(folder))
        });
        for path in paths.filter_map(|word| word.split(' ').next()) {
            assert!(
                root().join(path).exists(),
                "{}: there is no `{path}`",
                document.display()
            );
        }
    }
}

/// Every fault has a test, and every test that a fault names is one.
#[test]
fn every_fault_has_a_test_that_is_there() {
    let document = read("docs/reliability.md");
    for (group, file) in [
        ("### Server", "server"),
        ("### Network", "network"),
        ("### Quota", "quota"),
        ("### Crash and disk", "crash_and_disk"),
        ("### Input", "input"),
        ("### Overlap", "overlap"),
        ("### Security", "security"),
    ] {
        let mut named = BTreeSet::new();
        for row in table_rows(&document, group) {
            let words: Vec<&str> = row[2].split('`').skip(1).step_by(2).collect();
            let [test, path] = words[..] else {
                panic!("{group}: one test and its file: {row:?}");
            };
            assert!(is_a_test(&read(path), test), "{path} has no test `{test}`");
            named.insert((path.to_owned(), test.to_owned()));
        }
        let path = format!("tests/faults/{file}.rs");
        for definition in read(&path).split("\n#[test]\nfn ").skip(1) {
            let name = definition.split('(').next().unwrap_or_default();
            assert!(
                named.contains(&(path.clone(), name.to_owned())),
                "docs/reliability.md does not name `{name}` below `{group}`"
            );
        }
    }
}

fn is_a_test(source: &str, name: &str) -> bool {
    ["#[test]", "#[tokio::test]"].iter().any(|mark| {
        source.contains(&format!("{mark}\nfn {name}()"))
            || source.contains(&format!("{mark}\n    fn {name}()"))
            || source.contains(&format!("{mark}\nasync fn {name}()"))
            || source.contains(&format!("{mark}\n    async fn {name}()"))
    })
}
