#!/bin/sh
# Runs every fuzz target for a number of seconds, from the committed corpus. Fails on a crash.
# Usage: fuzz/run.sh [--sandbox] SECONDS [TARGET...]
# With --sandbox, everything goes through the sandbox too, and must come out the same.
# FUZZ_SEED makes a run that can be had again, but for where the time ends it (default: another one each time).
set -eu

features=
if [ "${1:-}" = --sandbox ]; then
    features=sandbox
    shift
fi
seconds=${1:?usage: fuzz/run.sh [--sandbox] SECONDS [TARGET...]}
shift
[ $# -gt 0 ] || set -- session cut amf0 flv media
cd "$(dirname "$0")"

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzz/run.sh: libFuzzer needs a nightly toolchain: rustup toolchain install nightly" >&2
    exit 2
fi
command -v cargo-fuzz >/dev/null 2>&1 || cargo install cargo-fuzz

# What is found goes where git does not look.
scratch=${FUZZ_SCRATCH:-${CARGO_TARGET_DIR:-target}/found}
for target in "$@"; do
    echo "== $target, $seconds s"
    mkdir -p "$scratch/corpus/$target" "$scratch/crashes/$target"
    cargo +nightly fuzz run --features "$features" "$target" "$scratch/corpus/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
        -seed="${FUZZ_SEED:-0}" -dict=rtmp.dict -print_final_stats=1 -artifact_prefix="$scratch/crashes/$target/"
done
echo "no crash"
