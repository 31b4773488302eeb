//! The key, and what hostile text may do. Foreign connections are counted where redirects and proxies are tested.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

use crate::script::{Deed, Reply, Script, answer, applied, refusal, step};
use crate::world::{APPLY, KEY, Ran, Running, World, side_by_side};

/// Neither half of the key, in nothing that was said or written.
#[track_caller]
fn keeps_the_key(world: &World, ran: &Ran) {
    for half in KEY.split(':') {
        assert!(!ran.says(half), "{ran}");
        for (name, content) in world.files() {
            assert!(
                !String::from_utf8_lossy(&content).contains(half),
                "it is in {name}"
            );
        }
    }
}

#[test]
fn the_key_is_in_no_argument_and_on_the_wire_only_where_it_belongs() {
    let world = World::new(
        2,
        Script::default().on("PATCH", "lead_0", [step(Reply::OnCue)]),
    );
    let run = world.start(APPLY);
    world
        .server
        .wait_for("a request", |ledger| !ledger.receipts.is_empty());
    let arguments = fs::read(format!("/proc/{}/cmdline", run.id())).expect("a process");
    let arguments = String::from_utf8_lossy(&arguments).into_owned();
    assert!(arguments.contains("corrections.csv"), "{arguments}");
    world.server.cue();
    let ran = run.end();
    for half in KEY.split(':') {
        assert!(!arguments.contains(half), "{arguments}");
        for receipt in world.server.ledger().receipts {
            assert!(!format!("{receipt:?}").contains(half), "{receipt:?}");
        }
    }
    keeps_the_key(&world, &ran);
    world.run("apply corrections.csv --api-key k").expect(2);
}

#[test]
fn the_key_is_in_no_log_whatever_breaks() {
    let page = format!("<html>{KEY}</html>");
    let replies = [
        step(Reply::Reset),
        step(Reply::Cut),
        applied(Reply::Close).then(Deed::Dial),
        step(answer(200, &page)),
        step(answer(503, &page)),
        step(refusal(401)),
    ];
    let cases = replies
        .into_iter()
        .flat_map(|reply| [("text", reply.clone()), ("json", reply)]);
    side_by_side(cases, |(format, reply)| {
        let world = World::new(2, Script::default().whatever(reply));
        let ran = world.run(&format!(
            "{APPLY} -vvv --log-format {format} --max-attempts 2 --give-up-after 2s"
        ));
        assert!(ran.stderr.contains("lead_0"), "nothing is logged\n{ran}");
        keeps_the_key(&world, &ran);
    });
}

#[test]
fn a_process_that_is_aborted_leaves_no_core() {
    let world = World::new(2, Script::default().whatever(step(Reply::Hang)));
    let mut run =
        Running::start(world.command_below("ulimit -S -c \"$(ulimit -H -c)\"; exec \"$@\"", APPLY));
    world
        .server
        .wait_for("a request", |ledger| !ledger.receipts.is_empty());
    let limits = fs::read_to_string(format!("/proc/{}/limits", run.id())).expect("a process");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let both: Option<Vec<_>> = core.map(|line| line.split_whitespace().skip(4).take(2).collect());
    // What forbids a core that is piped to a program too, wherever this system's go.
    assert_eq!(both, Some(vec!["1", "1"]), "{core:?}");
    run.signal("ABRT");
    let ran = run.end();
    assert!(!ran.status.core_dumped(), "{ran}");
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let world = World::new(2, Script::default());
    world.write("key", KEY);
    let apply = format!("{APPLY} --api-key-file key");
    for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(world.path("key"), fs::Permissions::from_mode(mode)).expect("a mode");
        world.run(&apply).complains(78, &["key file", "chmod 600"]);
    }
    assert_eq!(world.server.ledger().connections, 0);
    fs::set_permissions(world.path("key"), fs::Permissions::from_mode(0o600)).expect("a mode");
    world.run(&apply).expect(0);
    world.judge();
}

#[test]
fn a_page_with_escapes_a_formula_and_the_key_reaches_nobody_as_such() {
    let page = format!("=cmd|' /C calc'!A0\u{1b}[31m\u{7}\u{9b}2J\u{202e}\r\n{KEY}");
    for (rows, options) in [(25, ""), (2, "--max-attempts 1")] {
        let world = World::new(rows, Script::default().whatever(step(answer(200, &page))));
        let ran = world.run(&format!("{APPLY} -vvv {options}"));
        ran.complains(78, &["=cmd"]);
        keeps_the_key(&world, &ran);
        let harmless = |text: &str| {
            text.chars().all(|character| {
                character == '\n' || !(character.is_control() || character == '\u{202e}')
            })
        };
        assert!(harmless(&ran.stdout) && harmless(&ran.stderr), "{ran}");
    }
    // Beside rows that fare well it goes into the detail.
    let script = Script::default()
        .always("PATCH", "lead_0", step(answer(200, &page)))
        .always("GET", "lead_0", step(answer(200, &page)));
    let world = World::new(2, script);
    let ran = world.run(&format!("{APPLY} --max-attempts 1"));
    let detail = world.judge()[0]["result_detail"].to_owned();
    assert!(detail.starts_with("the server answered 200 "), "{detail}");
    assert!(!detail.chars().any(char::is_control), "{detail:?}");
    keeps_the_key(&world, &ran);
}
