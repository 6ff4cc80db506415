#!/usr/bin/env bash
# Installs what the tests need and runs all of them, quick ones first.
#
#   ./test.sh              everything
#   ./test.sh STEP...      some steps: lint docs unit behaviour fuzz bench
#
# FUZZ_SECONDS sets the time for each fuzz target (default 10).
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

has_nightly() { cargo +nightly --version >/dev/null 2>&1; }

lint() {
    step "formatting"
    cargo fmt --all --check
    step "clippy, warnings denied"
    cargo clippy --workspace --all-targets --locked -- -D warnings
    step "the core is no_std, and so is what it depends on"
    ./core/check-no-std.sh
}

docs() {
    step "documentation, warnings denied, private items too"
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked --quiet
}

unit() {
    step "unit tests and doctests"
    cargo test --workspace --exclude sluicebox-tests --locked --quiet
}

behaviour() {
    step "behaviour: real encoders, scripted peers, vectors"
    ./tests/install.sh
    cargo build --locked --quiet -p sluicebox
    cargo test --locked -p sluicebox-tests
}

fuzz() {
    step "fuzz targets"
    if ! has_nightly; then
        echo "libFuzzer needs a nightly toolchain: trying to install one"
        timeout 600 rustup toolchain install nightly --profile minimal || true
    fi
    if ! has_nightly && [ -z "${CI:-}" ]; then
        echo "NOT RUN: the fuzz targets, as there is no nightly toolchain."
        echo "Their seeds were run by the behaviour tests: core::corpus."
        return
    fi
    ./fuzz/run.sh "${FUZZ_SECONDS:-10}"
}

bench() {
    step "allocations and instructions, compared with committed numbers"
    cargo run --release --locked --quiet -p sluicebox-bench --bin core -- --check
    ./bench/instructions.sh
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(lint docs unit behaviour fuzz bench)
for one in "${steps[@]}"; do
    case "$one" in
        lint | docs | unit | behaviour | fuzz | bench) "$one" ;;
        *) echo "no such step: $one" >&2; exit 2 ;;
    esac
done
printf '\nall steps passed: %s\n' "${steps[*]}"
