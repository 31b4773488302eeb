#!/usr/bin/env bash
# A million generated rows against a sandbox in a process of its own: rows a second and peak memory of
# `leadfix apply`, side by side with ten thousand rows. Run from anywhere: benches/million.sh [ROWS]
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-1000000}
cargo build --release --quiet --bins --examples
folder=$(mktemp -d)
sandbox=
trap 'kill $sandbox 2>/dev/null || true; rm -rf "$folder"' EXIT
leadfix=$PWD/target/release/leadfix
printf '%9s  %-8s %9s %12s\n' rows metadata rows/s 'peak memory'
for count in 10000 "$rows"; do
    target/release/examples/generate "$count" > "$folder/$count.csv"
    for metadata in replace merge; do
        "$leadfix" sandbox --port 0 > "$folder/url" &
        sandbox=$!
        until [ -s "$folder/url" ]; do sleep 0.1; done
        # Exit 1: the generator puts in a few numbers that are not sent.
        DIALNEXA_API_KEY=bench DIALNEXA_BASE_URL=$(cat "$folder/url") XDG_STATE_HOME=$folder \
            python3 benches/peak.py "$leadfix" apply "$folder/$count.csv" --region IN --quiet \
            --metadata "$metadata" --out "$folder/$count.$metadata.csv" > "$folder/peak"
        pace=$(sed -n 's/.*"rows_per_second": \([0-9]*\).*/\1/p' "$folder/$count.$metadata.summary.json")
        printf '%9s  %-8s %9s %9s kB\n' "$count" "$metadata" "$pace" "$(cat "$folder/peak")"
        kill "$sandbox"
        wait "$sandbox" || true
        : > "$folder/url"
    done
done
