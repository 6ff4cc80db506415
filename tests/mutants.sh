#!/usr/bin/env bash
# Breaks the core in known ways, one at a time in a copy, and shows which sessions of the corpus
# notice. Fails when a broken core passes, or when a session notices nothing. See tests/mutants.txt.
#
#   tests/mutants.sh          all mutants: some ten minutes
#   tests/mutants.sh NAME     those with NAME in their names
set -euo pipefail
cd "$(dirname "$0")/.."

sessions=$(mktemp -d)
trap 'rm -rf "$sessions"' EXIT
SLUICEBOX_EXPORT=$sessions cargo test --quiet --locked -p sluicebox-tests -- core::golden::export >&2
cargo run --quiet --locked -p sluicebox-tests --bin mutants -- "$sessions" "${1:-}"
