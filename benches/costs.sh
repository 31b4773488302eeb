#!/usr/bin/env bash
# What a row costs, counted and not timed, so that no neighbour can disturb it: instructions, allocations, network
# system calls and futex calls. Each is the difference of two runs of `leadfix apply` divided by the difference of
# their rows, so that what happens once does not count. Ends with 1 above a bound. benches/costs.sh from anywhere.
set -euo pipefail
cd "$(dirname "$0")/.."

few=1000 many=5000
# Counted on 2026-11-24, and a twentieth more: compilers and libraries differ by that much. valgrind offers no
# instructions for SHA-256, so some 4,200 of those counted are not there on a processor that has them.
declare -A bound=([instructions]=85200 [allocations]=50 [network]=2.1 [futex]=0.1)

for tool in valgrind strace; do
    command -v $tool > /dev/null && continue
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    $as_root apt-get update -q
    $as_root apt-get install -qy --no-install-recommends valgrind strace
done

cargo build --release --locked --quiet --bins --example server
folder=$(mktemp -d)
target/release/examples/server > "$folder/url" &
server=$!
trap 'kill $server 2> /dev/null || true; rm -rf "$folder"' EXIT
until [ -s "$folder/url" ]; do sleep 0.1; done

# under ROWS TOOL...: a run of so many rows under a tool.
under() {
    local rows=$1
    shift
    { echo lead_id,phone_number && seq 1 "$rows" | awk '{ printf "lead_%06d,+919876%06d\n", $1, 100001 + $1 * 7 }'; } \
        > "$folder/rows.csv"
    rm -f "$folder"/results.*
    DIALNEXA_API_KEY=bench DIALNEXA_BASE_URL=$(cat "$folder/url") XDG_STATE_HOME=$folder \
        "$@" target/release/leadfix apply "$folder/rows.csv" --quiet --out "$folder/results.csv" 2> "$folder/errors" || {
        cat "$folder/errors" >&2
        exit 1
    }
}

for rows in $few $many; do
    under $rows valgrind --tool=callgrind --callgrind-out-file="$folder/callgrind.$rows"
    under $rows strace -f -c -o "$folder/strace.$rows"
done

instructions() { awk '/^(summary|totals):/ { print $2; exit }' "$1"; }

# Calls of the allocator from outside of it, realloc among them.
allocations() {
    awk '
        match($0, /^c?fn=\([0-9]+\)/) {
            id = substr($0, RSTART, RLENGTH); sub(/^c?fn=/, "", id)
            if (RLENGTH < length($0)) name[id] = substr($0, RLENGTH + 2)
            if ($0 ~ /^c/) called = name[id]; else calling = name[id]
        }
        /^calls=/ {
            split(substr($0, 7), part, " ")
            if (called ~ /^(malloc|calloc|realloc|mi_malloc_aligned|mi_zalloc_aligned|mi_realloc_aligned)$/ && calling !~ /^_?mi_/)
                count += part[1]
        }
        END { print count + 0 }' "$1"
}

# calls FILE NAME...: how often these system calls were made.
calls() {
    local file=$1
    shift
    awk -v names=" $* " 'index(names, " " $NF " ") { count += $4 } END { print count + 0 }' "$file"
}

network() { calls "$1" socket connect setsockopt getsockopt getsockname getpeername shutdown sendto recvfrom sendmsg recvmsg writev readv; }
futex() { calls "$1" futex; }

failed=0
printf '%-14s %10s %10s\n' 'a row costs' counted bound
for what in instructions allocations network futex; do
    case $what in instructions | allocations) tool=callgrind ;; *) tool=strace ;; esac
    before=$($what "$folder/$tool.$few") after=$($what "$folder/$tool.$many")
    awk -v what=$what -v before="$before" -v after="$after" -v rows=$((many - few)) -v bound="${bound[$what]}" 'BEGIN {
        row = (after - before) / rows
        printf "%-14s %10.2f %10.2f%s\n", what, row, bound, (row > bound ? "  above it" : "")
        exit (after <= 0 || row > bound) }' || failed=1
done
exit $failed
