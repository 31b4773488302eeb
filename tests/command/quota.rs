//! What a run makes of the server's quota, and what the next one makes of that.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use leadfix::sandbox::Options;
use serde_json::json;

use crate::world::World;

fn world(rows: usize) -> World {
    let limit = Some("50/1s".parse().expect("a limit"));
    World::plain(
        rows,
        Options {
            limit,
            ..Options::default()
        },
    )
}

#[test]
fn the_quota_is_learnt_told_and_known_to_the_next_run() {
    let world = world(200);
    let ran = world.run("apply corrections.csv --region IN");
    ran.expect(0)
        .says("bound by the quota (50 requests in each 1.000 s)");
    let quota = json!({"windows": {"limit": 50, "window": 1.0}});
    let summary = world.json("corrections.summary.json");
    assert_eq!(summary["quota"], quota);
    assert_eq!(summary["throttled"], 0, "nothing was overdrawn");
    let kept: Vec<_> = fs::read_dir(world.path("state/leadfix"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".quota.json"))
        .collect();
    let [kept] = kept.as_slice() else {
        panic!("{kept:?}")
    };
    let mode = fs::metadata(kept).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(kept).expect("text");
    let content: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(content["quota"], quota);
    assert_eq!(
        content.as_object().map(serde_json::Map::len),
        Some(2),
        "nothing but the quota and when it was learnt: {text}"
    );

    // Too few rows to learn anything by, so that what is told was known.
    world.write("two.csv", "lead_id,name\nlead_0001,A\nlead_0002,B\n");
    world.run("apply two.csv").expect(0);
    assert_eq!(world.json("two.summary.json")["quota"], quota);
}
