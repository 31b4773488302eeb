//! Several at once: two runs, two folders, a holder that dies, a person at the dashboard.

use crate::script::{Deed, Reply, Script, applied, refusal, step};
use crate::world::{APPLY, INPUT, RESULTS, Running, World, number};

/// A world in which a run is under way, held by a server that does not answer.
fn busy() -> (World, Running) {
    let world = World::new(3, Script::default().whatever(step(Reply::Hang)));
    let run = world.start(APPLY);
    world
        .server
        .wait_for("all requests", |ledger| ledger.receipts.len() == 3);
    (world, run)
}

/// It ends at once, says who holds what since when, and sends nothing.
#[track_caller]
fn is_turned_away(world: &World, holder: &Running, second: Running) {
    let (connections, results) = (world.server.ledger().connections, world.read(RESULTS));
    let who = format!("process {} since 20", holder.id());
    second.end().complains(75, &["another run holds", &who]);
    assert_eq!(
        world.server.ledger().connections,
        connections,
        "it connected"
    );
    assert_eq!(world.read(RESULTS), results);
}

#[test]
fn a_second_run_on_the_same_results_ends_at_once() {
    let (world, run) = busy();
    is_turned_away(&world, &run, world.start(APPLY));
    is_turned_away(&world, &run, world.start(&format!("{APPLY} --fresh")));
    // With another key only the results are the same.
    let mut command = world.command(APPLY);
    command.env("DIALNEXA_API_KEY", "another");
    is_turned_away(&world, &run, Running::start(command));
}

#[test]
fn the_same_key_from_another_folder_ends_at_once() {
    let (world, run) = busy();
    std::fs::create_dir(world.path("elsewhere")).expect("a folder");
    world.write(&format!("elsewhere/{INPUT}"), world.read(INPUT));
    let mut command = world.command(APPLY);
    command.current_dir(world.path("elsewhere"));
    is_turned_away(&world, &run, Running::start(command));
    assert!(
        !world.path("elsewhere").join(RESULTS).exists(),
        "something was begun"
    );
}

#[test]
fn a_holder_that_is_killed_leaves_no_lock() {
    let (world, run) = busy();
    run.kill();
    world.server.behave(Script::default());
    world.run(APPLY).expect(0);
    world.judge();
}

#[test]
fn a_person_who_edits_the_lead_meanwhile_is_not_overlooked() {
    let theirs = Deed::Edit("+919811199999");
    let same = Deed::Edit("+919876510001");
    assert!(
        number(0).ends_with("76510001"),
        "the number of the first row"
    );
    for (case, script, verdict) in [
        (
            "between applying and answering",
            step(Reply::Show).first(Deed::Apply).first(theirs.clone()),
            "failed/not_applied/",
        ),
        (
            "after a lost answer",
            applied(refusal(500)).then(theirs.clone()),
            "updated//",
        ),
        (
            "before the call, without our doing",
            step(Reply::Honest).first(theirs.clone()).first(Deed::Dial),
            "locked/already_dialled/yes",
        ),
        (
            "to the very number, before the call",
            step(Reply::Honest).first(same).first(Deed::Dial),
            "updated/confirmed_after_conflict/",
        ),
    ] {
        let world = World::new(1, Script::default().on("PATCH", "lead_0", [script]));
        world.run(APPLY);
        assert_eq!(world.judge()[0].verdict(), verdict, "{case}");
    }
    let script = Script::default().on("PATCH", "lead_0", [step(Reply::Honest).then(theirs)]);
    let world = World::new(1, script);
    world.run(APPLY).expect(0);
    world.judge_despite_edits(&["lead_0"]);
}
