#!/usr/bin/env bash
# Installs what the tests need and runs all of them, quick ones first.
#
#   ./test.sh              everything
#   ./test.sh STEP...      some steps: lint docs unit guest behaviour edge fuzz bench
#
# FUZZ_SECONDS sets the time for each fuzz target (default 10), FUZZ_SEED what they start from (default 1).
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

has_nightly() { cargo +nightly --version >/dev/null 2>&1; }

# All packages with the same features, whatever of them is wanted: what one step has built serves the next.
all=(--workspace --features sluicebox-host/compiler --locked)

# The packages that have something in them for WebAssembly only, with a toolchain of this machine.
lint_wasm() {
    local clippy=(cargo clippy -p sluicebox-guest -p sluicebox-edge -p sluicebox-filter -p sluicebox-serve -p sluicebox-serve-p3
        -p sluicebox-component --target wasm32-wasip1 --locked)
    if [ -e "$(rustc --print target-libdir --target wasm32-wasip1)" ] ||
        timeout 120 rustup target add wasm32-wasip1; then
        "${clippy[@]}" -- -D warnings
    elif [ -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/core" ]; then
        RUSTC_BOOTSTRAP=1 "${clippy[@]}" -Zbuild-std=core,alloc -- -D warnings
    else
        # Debian's rustc, which can build them, has no clippy.
        echo "NOT RUN: clippy for WebAssembly, as there is neither its target nor rust-src."
    fi
}

lint() {
    step "formatting"
    cargo fmt --all --check
    step "clippy, warnings denied"
    cargo clippy "${all[@]}" --all-targets -- -D warnings
    lint_wasm
    step "the core is no_std, and so is what it depends on"
    ./core/check-no-std.sh
}

docs() {
    step "documentation, warnings denied, private items too"
    RUSTDOCFLAGS="-D warnings" cargo doc "${all[@]}" --no-deps --document-private-items --quiet
}

unit() {
    step "unit tests and doctests"
    cargo test "${all[@]}" --lib --bins --quiet
    cargo test "${all[@]}" --doc --quiet
}

guest() {
    step "the guest, by every toolchain that can be had"
    ./tests/guest.sh
}

behaviour() {
    step "behaviour: real encoders, scripted peers, vectors, hostile guests"
    ./tests/install.sh
    local built
    built=$(realpath "${CARGO_TARGET_DIR:-target}")/debug
    cargo build "${all[@]}" --bin sluicebox-host --test behaviour --quiet
    cp "$built/sluicebox-host" "$built/sluicebox-host-compiler"
    # As they are shipped.
    cargo build --locked --quiet -p sluicebox -p sluicebox-host
    # The module that tests put a back door into.
    cargo guest
    SLUICEBOX_BIN=$built/sluicebox cargo test "${all[@]}" --test behaviour
    step "the server's tests again, with the protocol in a sandbox"
    # Left out: what runs no server.
    SLUICEBOX_BIN=$built/sluicebox-host cargo test "${all[@]}" --test behaviour -- \
        --skip core:: --skip vectors:: --skip sandbox:: --skip script:: --skip encodes::
}

edge() {
    step "the edge: stand-alone programs, component and hosts of others, under stock runtimes"
    ./tests/install.sh
    cargo guest
    cargo edge
    ./tests/edge/install.sh
    cargo build "${all[@]}" --bin component-host --test edge --quiet
    cargo build --locked --quiet -p sluicebox
    cargo test "${all[@]}" --test edge
    step "pipelines into ffmpeg and GStreamer"
    ./tests/edge/pipelines.sh
    step "packaging: a registry, units, manifests"
    ./tests/edge/packaging.sh
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
    # The same start each time: a change fails here for what it changed.
    FUZZ_SEED=${FUZZ_SEED:-1} ./fuzz/run.sh "${FUZZ_SECONDS:-10}"
}

bench() {
    step "allocations and instructions, compared with committed numbers"
    cargo run --release --locked --quiet -p sluicebox-bench --bin core -- --check
    ./bench/instructions.sh
}

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(lint docs unit guest behaviour edge fuzz bench)
for one in "${steps[@]}"; do
    case "$one" in
        lint | docs | unit | guest | behaviour | edge | fuzz | bench) "$one" ;;
        *) echo "no such step: $one" >&2; exit 2 ;;
    esac
done
printf '\nall steps passed: %s\n' "${steps[*]}"
