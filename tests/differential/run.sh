#!/usr/bin/env bash
# Compares leadfix's phone decisions with Google's, on CELLS seeded cells (250,000 unless told otherwise):
#   tests/differential/run.sh [CELLS [SEED]]
# With SAMPLE=FILE the cells and what was expected are also written there; the committed sample was made by
#   SAMPLE=fixtures/phones/differential.tsv tests/differential/run.sh 2000 42
set -euo pipefail
cd "$(dirname "$0")/../.."

# The same version as METADATA_VERSION in src/phone/mod.rs; a test compares the two.
metadata=9.0.42
venv=target/differential-venv
if ! "$venv/bin/python" -c "import phonenumbers; assert phonenumbers.__version__ == '$metadata'" 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet "phonenumbers==$metadata"
fi
cargo build --release --quiet --example normalise
exec "$venv/bin/python" tests/differential/compare.py target/release/examples/normalise "${1:-250000}" "${2:-42}" ${SAMPLE:+"$SAMPLE"}
