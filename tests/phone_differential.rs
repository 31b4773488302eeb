//! A sample of the differential test against Google's own decisions, so that every test run repeats it. The whole of
//! it, and what made this sample, is `tests/differential/run.sh`.

use leadfix::phone::{AllowedTypes, METADATA_VERSION, Rules, normalise};

const SAMPLE: &str = include_str!("../fixtures/phones/differential.tsv");

#[test]
fn the_committed_sample_is_decided_as_google_decides_it() {
    let mut rows = 0;
    let mut different = Vec::new();
    for line in SAMPLE.lines().skip(1) {
        let [region, cell, number, rule] = line.split('\t').collect::<Vec<_>>()[..] else {
            unreachable!("a row of four columns: {line}")
        };
        let rules = Rules {
            default_region: region.parse().ok(),
            allowed_types: AllowedTypes::ALL,
        };
        let cell = cell
            .replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace("\\\\", "\\");
        let equal = match normalise(&cell, None, &rules) {
            Ok(read) => read.number.to_string() == number,
            // Where a rule of our own decides, it must go on doing so; elsewhere Google refuses as well.
            Err(refusal) => number.is_empty() && (rule.is_empty() || rule == refusal.code()),
        };
        rows += 1;
        if !equal {
            different.push(line);
        }
    }
    assert!(rows > 1900, "only {rows} rows");
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn google_s_port_is_installed_with_the_metadata_of_the_engine() {
    let script = include_str!("differential/run.sh");
    assert!(script.contains(&format!("\nmetadata={METADATA_VERSION}\n")));
}
