#!/usr/bin/env bash
# Mutation testing of a room that needs little of the crate around it, so that it is built without the rest: a mutant
# takes seconds, where the whole library takes most of a minute.
#   tests/mutation/run.sh ROOM [OPTION OF cargo mutants]...      (cargo install cargo-mutants)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
room=$1
shift
case $room in
phone)
    rooms=(phone)
    dependencies='itoa|rlibphonenumber|thiserror'
    ;;
classify | correction)
    rooms=(api classify correction outcome phone plan private reader results text unambiguous)
    dependencies='blake3|calamine|clap|csv|encoding_rs|flate2|insta|itoa|jiff|percent-encoding|proptest|rlibphonenumber|ruzstd|serde|serde_json|strsim|tempfile|thiserror|tokio'
    ;;
results)
    rooms=(outcome phone private reader results text)
    dependencies='blake3|calamine|csv|encoding_rs|flate2|insta|itoa|jiff|proptest|rlibphonenumber|ruzstd|serde|serde_json|strsim|tempfile|thiserror|tokio'
    ;;
limiter | concurrency | retry_budget | first_answers)
    rooms=(bound concurrency first_answers limiter pace quota rate retry_budget)
    dependencies='fastrand|futures|governor|httpdate|jiff|proptest|serde|thiserror|tokio'
    ;;
checkpoint)
    rooms=(api checkpoint correction outcome phone plan private reader results text unambiguous)
    dependencies='blake3|calamine|clap|csv|encoding_rs|flate2|insta|itoa|jiff|percent-encoding|proptest|rlibphonenumber|ruzstd|serde|serde_json|strsim|tempfile|thiserror|tokio'
    ;;
*)
    echo "no room that is built alone is called \`$room\`" >&2
    exit 2
    ;;
esac
files=(--file "src/$room.rs" --file "src/$room/*.rs")

crate=$(mktemp -d)
# What cargo mutants found is kept in target/; its copy of the crate is not.
trap 'rm -rf "$crate"' EXIT
mkdir "$crate/src" "$crate/.cargo"
for each in "${rooms[@]}"; do
    cp -r "$root/src/$each"* "$crate/src/"
    printf 'pub mod %s;\n' "$each"
done > "$crate/src/lib.rs"
cp -r "$root/src/snapshots" "$crate/src/"
cp "$root/Cargo.lock" "$crate/"
cp "$root/.cargo/mutants.toml" "$crate/.cargo/"
{
    printf '[package]\nname = "leadfix"\nversion = "0.0.0"\nedition = "2024"\n'
    # The two tables of dependencies, each with what the rooms need of it.
    awk -v named="^($dependencies) = " '/^\[/ { within = /dependencies\]/; if (within) print } within && $0 ~ named' \
        "$root/Cargo.toml"
    printf '[profile.mutants]\ninherits = "dev"\ndebug = false\n'
} > "$crate/Cargo.toml"
out=${MUTANTS_OUT:-$root/target/mutation-$room}
mkdir -p "$out"
cargo mutants --dir "$crate" --output "$out" "${files[@]}" "$@"
