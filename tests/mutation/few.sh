#!/usr/bin/env bash
# The short form of the mutation campaign, for the gate: a few changes that would be untrue, each of which the unit tests
# of its room must notice. tests/mutation/few.sh from anywhere; run.sh is the long form.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Room, file, what is changed, and into what.
mutants=(
    'classify|classify.rs|(Question::Conflict, Differs) if doubt|(Question::Conflict, Differs) if false'
    'classify|classify.rs|408 \| 500.. => Verdict::Retry { doubt: true }|408 \| 500.. => Verdict::Retry { doubt }'
    'correction|correction.rs|!self.variables.is_empty() \|\| |!self.variables.is_empty() && '
    'results|results/scan.rs|self.highest <= rows + window|self.highest <= rows + 2 * window + 9'
    'results|results/scan.rs|(found == expected).then_some(found)|(found.len() == expected.len()).then_some(found)'
    'limiter|limiter/permit.rs|asked.max(HOLD_FLOOR)|asked'
    'limiter|limiter/permit.rs|let is_lesson = self.epoch == state.epoch|let is_lesson = true'
    'phone|phone/clean.rs|is_ascii_digit()|is_ascii_alphanumeric()'
)

copy=$(mktemp -d)
# Cargo takes what it has built of the copy for this crate's own, until a file of this one is newer.
trap 'rm -rf "$copy"; touch src/lib.rs' EXIT
cp -r Cargo.toml Cargo.lock src benches examples tests fixtures docs README.md "$copy/"
export CARGO_TARGET_DIR=$PWD/target
unit_tests() { cargo test --manifest-path "$copy/Cargo.toml" --locked --quiet --lib "$@" > "$copy/output" 2>&1; }

# A test that fails without a change would notice every one.
for room in $(printf '%s\n' "${mutants[@]%%|*}" | sort -u); do
    unit_tests "$room::" || { cat "$copy/output" >&2; echo "the tests of $room fail as it is" >&2; exit 1; }
done

for mutant in "${mutants[@]}"; do
    IFS='|' read -r room file before after <<< "${mutant//\\|/$'\x01'}"
    before=${before//$'\x01'/|} after=${after//$'\x01'/|}
    original=$(cat "src/$file")
    changed=${original/"$before"/"$after"}
    [ "$changed" != "$original" ] || { echo "src/$file has no \`$before\`" >&2; exit 1; }
    printf '%s\n' "$changed" > "$copy/src/$file"
    unit_tests --no-run || { cat "$copy/output" >&2; echo "\`$after\` does not compile" >&2; exit 1; }
    if unit_tests "$room::"; then
        echo "nobody notices \`$after\` instead of \`$before\` in src/$file" >&2
        exit 1
    fi
    printf 'noticed: %s, %s\n' "$file" "$after"
    cp "src/$file" "$copy/src/$file"
done
