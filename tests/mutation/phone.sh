#!/usr/bin/env bash
# Mutation testing of src/phone. The module needs nothing of the crate around it, so that it is built alone: two
# seconds for a mutant instead of twenty. tests/mutation/phone.sh [OPTION OF cargo mutants]...
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
crate=$(mktemp -d)
trap 'rm -rf "$crate"' EXIT
mkdir "$crate/src" "$crate/.cargo"
cp -r "$root/src/phone" "$crate/src/"
cp "$root/Cargo.lock" "$crate/"
cp "$root/.cargo/mutants.toml" "$crate/.cargo/"
printf '//! Phone numbers alone.\npub mod phone;\n' > "$crate/src/lib.rs"
{
    printf '[package]\nname = "leadfix"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n'
    grep -E '^(rlibphonenumber|thiserror) = ' "$root/Cargo.toml"
    printf '[profile.mutants]\ninherits = "dev"\ndebug = false\n'
} > "$crate/Cargo.toml"
exec_dir=${MUTANTS_OUT:-$root/target}
mkdir -p "$exec_dir"
cargo mutants --dir "$crate" --output "$exec_dir" "$@"
