//! The process dies, the disk is full, files are not what they were: a resume that ends well, or 74 or 78 with
//! nothing touched.

use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;

use crate::script::{Deed, Reply, Script, applied, refusal, step};
use crate::world::{APPLY, INPUT, RESULTS, Running, World, number};

#[test]
fn kill_9_with_a_request_under_way_leaves_it_in_doubt() {
    let hang = || step(Reply::Hang);
    for (case, first, reads, verdict) in [
        (
            "not applied",
            hang(),
            step(Reply::Honest),
            "locked/already_dialled/yes",
        ),
        (
            "applied",
            hang().first(Deed::Apply),
            step(Reply::Honest),
            "updated/confirmed_after_conflict/",
        ),
        (
            "applied between the two reads after the resumption",
            hang().first(Deed::Hold),
            step(Reply::Honest).then(Deed::ApplyHeld),
            "updated/confirmed_after_conflict/",
        ),
    ] {
        let script = Script::default()
            .on("PATCH", "lead_0", [first])
            .on("GET", "lead_0", [reads]);
        let world = World::new(2, script);
        let run = world.start(APPLY);
        world
            .server
            .wait_for("both requests", |ledger| ledger.receipts.len() == 2);
        run.kill();
        world.server.act(&Deed::Dial, "lead_0");
        let ran = world.run(APPLY);
        assert_eq!(world.judge()[0].verdict(), verdict, "{case}\n{ran}");
    }
}

#[test]
fn kill_9_in_the_middle_of_a_file_loses_no_row() {
    let world = World::new(
        4,
        Script::default().on("PATCH", "lead_2", [step(Reply::Hang)]),
    );
    let run = world.start(&format!("{APPLY} --concurrency 1"));
    world.server.wait_for("the third row", |ledger| {
        !ledger.of("PATCH", "lead_2").is_empty()
    });
    run.kill();
    assert!(world.judge_so_far().len() <= 2);
    world.run(APPLY).expect(0);
    world.judge();
}

/// Runs the binary where no file may grow beyond so many blocks of 512 bytes, which is what a full disk looks like
/// to it: a short write, then an error.
fn run_on_a_disk_of(world: &World, blocks: u32) -> crate::world::Ran {
    let shell = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    Running::start(world.command_below(&shell, APPLY)).end()
}

#[test]
fn a_disk_that_fills_up_in_mid_line_ends_the_run_and_the_next_one_is_clean() {
    let world = World::new(120, Script::default());
    let ran = run_on_a_disk_of(&world, 8);
    ran.complains(74, &[RESULTS, "same command again"]);
    let torn = world.read(RESULTS);
    assert!(
        torn.len() >= 2_048 && !torn.ends_with('\n'),
        "{} bytes: not in mid-line",
        torn.len()
    );
    let summary = world.read("corrections.summary.json");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    let whole = torn.lines().count() as u64 - 2;
    let settled = summary["settled"].as_u64().expect("a count");
    assert!(
        settled <= whole && summary["complete"] == false,
        "{whole} rows are whole: {summary}"
    );
    world.run(APPLY).expect(0);
    world.judge();
}

#[test]
fn a_disk_that_is_full_from_the_start_sends_nothing() {
    let world = World::new(2, Script::default());
    run_on_a_disk_of(&world, 0).expect(74);
    assert_eq!(world.server.ledger().connections, 0);
    world.run(APPLY).expect(0);
    world.judge();
}

#[test]
fn a_folder_that_is_not_there_or_cannot_be_written_is_named_with_a_remedy() {
    let world = World::new(2, Script::default());
    // Nobody can make a file in /sys, root included.
    for out in ["nope/x.csv", "/sys/leadfix.results.csv", "/dev/full/x.csv"] {
        let ran = world.run(&format!("{APPLY} --out {out}"));
        ran.complains(
            74,
            &[
                out.rsplit_once('/').map_or(out, |(folder, _)| folder),
                "--out",
            ],
        );
    }
    assert_eq!(world.server.ledger().connections, 0);
}

/// Nothing is sent, and these files stay as they were.
fn refused(world: &World, options: &str, words: &[&str]) {
    let (input, connections) = (world.read(INPUT), world.server.ledger().connections);
    world
        .run(&format!("{APPLY} {options}"))
        .complains(78, words);
    assert_eq!(world.read(INPUT), input);
    assert_eq!(world.server.ledger().connections, connections);
}

#[test]
fn results_that_are_the_input_are_refused() {
    let world = World::new(2, Script::default());
    for out in [INPUT, "./corrections.csv", "state/../corrections.csv"] {
        fs::create_dir_all(world.path("state")).expect("a folder");
        refused(&world, &format!("--out {out}"), &["the input itself"]);
    }
    fs::hard_link(world.path(INPUT), world.path("hard.csv")).expect("a link");
    refused(&world, "--out hard.csv", &["was not touched"]);
}

#[test]
fn results_that_are_a_symbolic_link_are_refused() {
    let world = World::new(2, Script::default());
    for (target, name) in [
        (INPUT, "a.csv"),
        ("nowhere.csv", "b.csv"),
        ("/dev/null", "c.csv"),
    ] {
        std::os::unix::fs::symlink(target, world.path(name)).expect("a link");
        refused(&world, &format!("--out {name}"), &[]);
    }
    assert!(!world.path("nowhere.csv").exists());
}

#[test]
fn a_closed_stdout_and_stderr_are_nothing_to_stop_for() {
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    for (stdout, stderr) in [
        (closed(), Stdio::null()),
        (Stdio::null(), closed()),
        (closed(), closed()),
    ] {
        let world = World::new(3, Script::default());
        let command = world.command(&format!("{APPLY} -vvv"));
        Running::start_with(command, stdout, stderr).end().expect(0);
        world.judge();
    }
    // Not even there: a file that is opened next must not be written to as if it were stdout.
    let world = World::new(3, Script::default());
    let command = world.command_below("exec \"$@\" >&- 2>&-", APPLY);
    Running::start(command).end().expect(0);
    world.judge();
}

#[test]
fn a_full_stdout_and_stderr_lose_no_row() {
    let full = || {
        Stdio::from(
            File::options()
                .write(true)
                .open("/dev/full")
                .expect("/dev/full"),
        )
    };
    let world = World::new(3, Script::default());
    Running::start_with(world.command(APPLY), full(), full())
        .end()
        .expect(74);
    world.judge();
}

#[test]
fn results_that_are_replaced_or_removed_meanwhile_are_not_taken_for_the_account() {
    type Meddle = fn(&World);
    let meddlings: [(&str, Meddle); 2] = [
        ("removed", |world| {
            fs::remove_file(world.path(RESULTS)).expect("a file");
        }),
        ("replaced", |world| {
            world.write("other", "somebody else's\n");
            fs::rename(world.path("other"), world.path(RESULTS)).expect("a file");
        }),
    ];
    for (case, meddle) in meddlings {
        let world = World::new(
            3,
            Script::default().on("PATCH", "lead_1", [applied(Reply::OnCue)]),
        );
        let run = world.start(APPLY);
        world
            .server
            .wait_for("all requests", |ledger| ledger.receipts.len() == 3);
        meddle(&world);
        world.server.cue();
        let ran = run.end();
        ran.complains(74, &[RESULTS, "changed, replaced or removed"]);
        world.run(APPLY).complains(78, &["was not touched"]);
        let found = fs::read_to_string(world.path(RESULTS)).ok();
        let expected = (case == "replaced").then(|| "somebody else's\n".to_owned());
        assert_eq!(found, expected);
    }
}

#[test]
fn results_that_are_edited_meanwhile_are_not_taken_for_the_account() {
    let script = Script::default().on("PATCH", "lead_1", [applied(Reply::OnCue)]);
    let world = World::new(3, script);
    let run = world.start(APPLY);
    world
        .server
        .wait_for("all requests", |ledger| ledger.receipts.len() == 3);
    let note = "a note of my own, longer than all the rows\n".repeat(100);
    let mut results = File::options().append(true).open(world.path(RESULTS));
    results
        .as_mut()
        .expect("results")
        .write_all(note.as_bytes())
        .expect("a note");
    world.server.cue();
    run.end()
        .complains(74, &[RESULTS, "changed, replaced or removed"]);
}

#[test]
fn a_result_that_is_edited_in_its_place_meanwhile_is_not_taken_for_the_account() {
    let script = Script::default().on("PATCH", "lead_1", [applied(Reply::OnCue)]);
    let world = World::new(3, script);
    let run = world.start(APPLY);
    let started = std::time::Instant::now();
    while !world.path(RESULTS).exists() || !world.read(RESULTS).contains("\n1,2,updated") {
        assert!(started.elapsed().as_secs() < 30, "no row is written");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let place = world.read(RESULTS).find("updated").expect("a status");
    let results = File::options().write(true).open(world.path(RESULTS));
    std::os::unix::fs::FileExt::write_all_at(&results.expect("results"), b"missing", place as u64)
        .expect("an edit");
    world.server.cue();
    run.end()
        .complains(74, &[RESULTS, "changed, replaced or removed"]);
    world.run(APPLY).complains(78, &["was not touched"]);
}

#[test]
fn an_input_that_grows_meanwhile_is_refused_and_no_row_is_made_up() {
    // More than a reader reads ahead, with the first row unanswered, so that most is read after the change.
    let script = Script::default().on("PATCH", "lead_1", [applied(Reply::OnCue)]);
    let world = World::new(8_000, script);
    let run = world.start(APPLY);
    world.server.wait_for("the second row", |ledger| {
        !ledger.of("PATCH", "lead_1").is_empty()
    });
    let input = world.read(INPUT);
    world.write(INPUT, format!("{input}lead_x,{}\n", number(9_000)));
    world.server.cue();
    run.end().complains(65, &[INPUT, "chang"]);
    assert!(world.server.ledger().of("PATCH", "lead_x").is_empty());
    world.judge_so_far();
    world.run(APPLY).complains(78, &["was not touched"]);
}

#[test]
fn other_options_after_a_run_that_sent_nothing_simply_begin_anew() {
    let world = World::new(2, Script::default());
    let nowhere = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let mut wrong = world.command("apply corrections.csv --max-attempts 1 --metadata replace");
    wrong
        .args(["--region", "IN"])
        .env("DIALNEXA_BASE_URL", nowhere);
    Running::start(wrong)
        .end()
        .complains(75, &["cannot be reached"]);
    world.run(APPLY).expect(0);
    world.judge();
}

#[test]
fn other_options_after_a_run_that_may_have_sent_something_are_refused() {
    let refuse = || step(refusal(401));
    for kill in [false, true] {
        let reply = if kill { step(Reply::Hang) } else { refuse() };
        let world = World::new(2, Script::default().whatever(reply));
        let run = world.start(APPLY);
        world
            .server
            .wait_for("a request", |ledger| !ledger.receipts.is_empty());
        if kill {
            run.kill();
        } else {
            run.end().expect(77);
        }
        refused(
            &world,
            "--metadata replace",
            &["--metadata", "was not touched"],
        );
    }
}
