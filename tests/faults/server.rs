//! Faults of the server: answers that say too little, too much or something else.

use std::time::Duration;

use crate::hostile::Server;
use crate::script::{Deed, Reply, Script, Step, answer, applied, refusal, refusal_with, step};
use crate::world::{APPLY, RESULTS, World, side_by_side};

const HTML: &str = "<!DOCTYPE html><title>It works!</title>";

/// Each case is a script for `lead_0` and what its row then says; `lead_1` is answered honestly. Cases run side by
/// side, since most of their time is spent waiting.
fn settle(cases: Vec<(&str, Script, &str)>) {
    side_by_side(cases, |(case, script, verdict)| {
        let world = World::new(2, script);
        let ran = world.run(&format!("{APPLY} --max-attempts 2"));
        let results = world.judge();
        let row = &results[0];
        assert_eq!(row.verdict(), verdict, "{case}: {row}\n{ran}");
        assert_eq!(results[1].verdict(), "updated//", "{case}\n{ran}");
    });
}

fn always(step: Step) -> Script {
    Script::default().always("PATCH", "lead_0", step)
}

fn first<const N: usize>(steps: [Step; N]) -> Script {
    Script::default().on("PATCH", "lead_0", steps)
}

/// Every request of 25 rows meets this; the run stops and writes nothing.
fn stops(step: Step, code: i32, words: &[&str]) -> World {
    let world = World::new(25, Script::default().whatever(step));
    world.run(APPLY).complains(code, words);
    assert_eq!(world.judge_so_far().len(), 0, "no row is settled");
    world
}

#[test]
fn a_5xx_before_applying_is_never_taken_for_done() {
    settle(
        [500, 502, 503, 504, 599]
            .map(|status| {
                let script = always(step(refusal(status)));
                ("always", script, "failed/outcome_unknown/")
            })
            .into(),
    );
    settle(vec![("once", first([step(refusal(503))]), "updated//")]);
}

#[test]
fn a_5xx_after_applying_is_found_out_by_a_read() {
    settle(vec![
        (
            "always",
            always(applied(refusal(500))),
            "updated/confirmed_by_read/",
        ),
        ("once", first([applied(refusal(500))]), "updated//"),
        (
            "and unreadable",
            always(applied(refusal(500))).always("GET", "lead_0", step(refusal(500))),
            "failed/outcome_unknown/",
        ),
    ]);
}

#[test]
fn a_409_without_doubt_is_certain_after_one_read() {
    let world = World::new(1, first([step(Reply::Honest).first(Deed::Dial)]));
    world.run(APPLY).expect(1);
    assert_eq!(world.judge()[0].verdict(), "locked/already_dialled/yes");
    assert_eq!(world.server.ledger().count("GET"), 1);
}

#[test]
fn a_409_in_doubt_is_certain_only_after_two_reads() {
    let dialled = step(Reply::Honest).first(Deed::Dial);
    let doubts = [refusal(500), refusal(408), Reply::Reset, Reply::Close];
    side_by_side(doubts, |doubt| {
        let world = World::new(1, first([step(doubt), dialled.clone()]));
        world.run(APPLY).expect(1);
        assert_eq!(world.judge()[0].verdict(), "locked/already_dialled/yes");
        let ledger = world.server.ledger();
        let reads = ledger.of("GET", "lead_0");
        assert_eq!(reads.len(), 2);
        let apart = reads[1].at - reads[0].at;
        assert!(apart.as_millis() >= 1_000, "the reads are {apart:?} apart");
    });
}

#[test]
fn a_409_after_our_own_lost_request_asks_for_no_copy() {
    settle(vec![
        (
            "applied, then dialled",
            first([applied(refusal(500)).then(Deed::Dial)]),
            "updated/confirmed_after_conflict/",
        ),
        (
            "applied, then dialled, and unreadable",
            first([applied(Reply::Reset).then(Deed::Dial)]).always(
                "GET",
                "lead_0",
                step(refusal(503)),
            ),
            "locked/lock_unread/review",
        ),
    ]);
}

#[test]
fn a_change_that_lands_between_the_two_reads_asks_for_no_copy() {
    let script = first([
        step(Reply::Reset).first(Deed::Hold),
        step(Reply::Honest).first(Deed::Dial),
    ])
    .on("GET", "lead_0", [step(Reply::Honest).then(Deed::ApplyHeld)]);
    settle(vec![("late", script, "updated/confirmed_after_conflict/")]);
}

#[test]
fn a_404_for_one_row_is_a_missing_lead() {
    settle(vec![
        (
            "gone",
            first([step(Reply::Honest).first(Deed::Remove)]),
            "missing/not_found/",
        ),
        (
            "gone in doubt",
            first([step(refusal(500)), step(Reply::Honest).first(Deed::Remove)]),
            "missing/missing_after_doubt/",
        ),
    ]);
}

#[test]
fn a_404_for_all_stops_the_run() {
    stops(step(refusal(404)), 78, &["404", "base URL"]);
}

#[test]
fn a_400_has_its_words_in_the_detail_as_a_string_and_as_an_array() {
    for message in [r#""is not E.164""#, r#"["is not E.164", "is too long"]"#] {
        let body = format!("{{\"statusCode\":400,\"message\":{message}}}");
        let world = World::new(1, always(step(answer(400, &body))));
        world.run(APPLY).expect(1);
        let row = &world.judge()[0];
        assert_eq!(row.verdict(), "invalid/rejected_by_server/");
        assert!(row["result_detail"].contains("is not E.164"), "{row}");
    }
}

#[test]
fn a_401_stops_the_run_and_a_good_key_resumes() {
    let world = stops(step(refusal(401)), 77, &["key"]);
    world.server.behave(Script::default());
    world.run(APPLY).expect(0);
    world.judge();
}

#[test]
fn a_403_at_once_stops_the_run_and_a_later_one_is_the_rows() {
    stops(step(refusal(403)), 77, &["key"]);
    settle(vec![(
        "later",
        always(step(refusal(403))),
        "invalid/forbidden/",
    )]);
}

#[test]
fn an_error_page_in_html_is_no_verdict_on_the_row() {
    settle(vec![
        (
            "502",
            always(step(answer(502, HTML))),
            "failed/outcome_unknown/",
        ),
        (
            "400",
            always(step(answer(400, HTML))),
            "failed/outcome_unknown/",
        ),
        (
            "404",
            always(step(answer(404, HTML))),
            "failed/outcome_unknown/",
        ),
        ("once", first([step(answer(404, HTML))]), "updated//"),
        (
            "409",
            always(step(answer(409, HTML)).first(Deed::Dial)),
            "locked/already_dialled/yes",
        ),
    ]);
}

#[test]
fn a_200_that_proves_nothing_is_found_out_by_a_read() {
    let oversized = format!("{{\"id\":\"lead_0\",\"x\":\"{}\"}}", "x".repeat(2_000_000));
    for (case, body) in [
        ("empty", ""),
        ("HTML", HTML),
        ("not JSON", "{\"id\":\"lead_0\",\"phone_number\":"),
        ("no object", "[]"),
        ("nothing of it", "{\"ok\":true}"),
        ("oversized", &oversized),
    ] {
        settle(vec![
            (
                case,
                always(applied(answer(200, body))),
                "updated/confirmed_by_read/",
            ),
            (
                case,
                always(step(answer(200, body))),
                "failed/outcome_unknown/",
            ),
        ]);
    }
}

#[test]
fn a_wrapped_200_is_a_proof_and_a_wrapped_error_is_none() {
    let wrapped = |status: u16| {
        let lead = r#"{"id":"lead_0","phone_number":"+919876510001","status":"pending"}"#;
        answer(200, &format!("{{\"statusCode\":{status},\"data\":{lead}}}"))
    };
    settle(vec![
        ("200", first([applied(wrapped(200))]), "updated//"),
        ("500", always(step(wrapped(500))), "failed/outcome_unknown/"),
    ]);
}

#[test]
fn a_200_with_old_values_is_no_update() {
    settle(vec![
        (
            "shown too early",
            always(step(Reply::Show).then(Deed::Apply)),
            "updated/confirmed_by_read/",
        ),
        (
            "never applied",
            always(step(Reply::Show)),
            "failed/not_applied/",
        ),
    ]);
}

#[test]
fn a_200_that_names_another_lead_is_tried_once_more_and_then_stops_the_run() {
    let other = || step(Reply::Claim(Some("lead_7")));
    settle(vec![("once", first([other()]), "updated//")]);
    let world = World::new(1, always(other()));
    world.run(APPLY).complains(76, &["lead_0", "another"]);
    assert_eq!(world.judge_so_far().len(), 0);
    assert_eq!(
        world.server.ledger().connections,
        2,
        "the second try has a connection of its own"
    );
}

#[test]
fn fields_that_the_server_drops_silently_are_no_update() {
    let world = World::new(2, Script::default());
    let apply = APPLY.replace("guide", "reference");
    world.run(&apply).expect(1);
    for row in world.judge() {
        assert_eq!(row.verdict(), "failed/not_applied/", "{row}");
    }
}

#[test]
fn a_redirect_stops_the_run() {
    for status in [301, 302, 303, 304, 307, 308] {
        let elsewhere = Server::start([], Script::default());
        let location = [("Location", elsewhere.url())];
        let location: Vec<_> = location
            .iter()
            .map(|(name, to)| (*name, to.as_str()))
            .collect();
        stops(
            step(refusal_with(status, &location)),
            78,
            &[&status.to_string(), "never followed"],
        );
        assert_eq!(elsewhere.ledger().connections, 0, "{status} is followed");
    }
}

#[test]
fn a_url_that_answers_200_and_shows_no_lead_stops_the_run() {
    for (body, received) in [
        (HTML, "<!DOCTYPE html>"),
        ("", "nothing"),
        ("{\"ok\":true}", "{\"ok\":true}"),
    ] {
        let world = stops(step(answer(200, body)), 78, &["200", received, "base URL"]);
        let patches = world.server.ledger().count("PATCH");
        assert!(
            patches < 75,
            "{patches} changes were sent to a server that shows no lead"
        );
        world.server.behave(Script::default());
        world.run(APPLY).expect(0);
        world.judge();
    }
}

#[test]
fn a_url_that_shows_no_lead_settles_no_row_however_few_there_are() {
    for read_first in [false, true] {
        let world = World::new(2, Script::default().whatever(step(answer(200, HTML))));
        let apply = if read_first {
            APPLY.replace("apply", "reconcile")
        } else {
            APPLY.to_owned()
        };
        let apply = format!("{apply} --max-attempts 2");
        world
            .run(&apply)
            .complains(78, &["200", "<!DOCTYPE html>", "base URL"]);
        assert_eq!(world.judge_so_far().len(), 0);
        world.server.behave(Script::default());
        world.run(&apply).expect(0);
        world.judge();
    }
}

#[test]
fn one_row_with_broken_replies_stops_nobody() {
    let page = || step(answer(200, HTML));
    for concurrency in [1, 16] {
        let script = always(page()).always("GET", "lead_0", page());
        let world = World::new(30, script);
        world
            .run(&format!(
                "{APPLY} --max-attempts 2 --concurrency {concurrency}"
            ))
            .expect(1);
        let results = world.judge();
        assert_eq!(results[0].verdict(), "failed/outcome_unknown/");
        assert!(results[1..].iter().all(|row| row.verdict() == "updated//"));
    }
}

#[test]
fn one_hanging_lead_ends_no_run() {
    let script = Script::default().always("PATCH", "lead_0", step(Reply::Hang));
    let world = World::new(20, script);
    let ran = world.run(&format!("{APPLY} --timeout 1s --give-up-after 2s"));
    ran.expect(1);
    let results = world.judge();
    assert_eq!(results[0].verdict(), "failed/outcome_unknown/", "{ran}");
    let ledger = world.server.ledger();
    for (index, row) in results.iter().enumerate().skip(1) {
        assert_eq!(row.verdict(), "updated//", "{ran}");
        assert_eq!(ledger.of("PATCH", &format!("lead_{index}")).len(), 1);
    }
}

/// A maintenance page, a captive portal, an ingress without its backend: the API has not spoken.
#[test]
fn a_page_in_the_midst_of_a_run_settles_no_row_and_holds_it_up_no_longer_than_it_stands() {
    side_by_side([200, 400, 403, 404, 422], |status| {
        let world = World::new(1500, Script::default());
        let run = world.start(&format!("{APPLY} --deadline 60s --max-attempts 20"));
        world
            .server
            .wait_for("some rows", |ledger| ledger.count("PATCH") > 20);
        let page = Script::default().whatever(step(answer(status, HTML)));
        world.server.behave(page);
        std::thread::sleep(Duration::from_secs(2));
        world.server.behave(Script::default());
        let ran = run.end();
        ran.expect(0);
        assert!(
            world.server.ledger().count("PATCH") > 1500,
            "no page was met"
        );
        for row in world.judge() {
            assert_eq!(&row["result_status"], "updated", "{status}: {row}\n{ran}");
        }
    });
}

/// A run of so many rows of which four were settled before it was killed.
fn killed_behind_four(count: usize) -> World {
    let world = World::new(count, Script::default());
    world.run(APPLY).expect(0);
    let results = world.read(RESULTS);
    let kept: Vec<&str> = results.lines().take(5).collect();
    world.write(RESULTS, kept.join("\n") + "\n");
    let run_file = "corrections.run.json";
    let mut run: serde_json::Value = serde_json::from_str(&world.read(run_file)).expect("JSON");
    run["begun_through"] = serde_json::Value::Null;
    run["durable"] = 0.into();
    world.write(run_file, run.to_string());
    world
}

#[test]
fn a_key_that_knows_none_of_the_leads_settled_before_calls_no_row_missing() {
    let world = killed_behind_four(12);
    world
        .server
        .behave(Script::default().whatever(step(refusal(404))));
    world.run(APPLY).complains(78, &["another workspace"]);
    assert_eq!(world.judge_so_far().len(), 4);
}

#[test]
fn a_page_is_no_word_on_the_leads_settled_before() {
    let world = killed_behind_four(5);
    let pages = (0..4).fold(Script::default(), |script, index| {
        script.always("GET", &format!("lead_{index}"), step(answer(404, HTML)))
    });
    world.server.behave(pages.whatever(step(refusal(404))));
    let ran = world.run(APPLY);
    ran.expect(1);
    let results = world.judge();
    assert_eq!(
        results[4].verdict(),
        "missing/missing_after_doubt/",
        "{ran}"
    );
}
