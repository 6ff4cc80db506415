#!/bin/sh
# Counts the instructions of replaying fixed inputs through a session, native and in a sandbox, and
# compares them with expected.toml: the same on a busy machine as on an idle one. With --bless,
# writes them there.
set -eu
cd "$(dirname "$0")/.."
expected=bench/expected.toml
slack=3 # per cent
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --quiet --release -p sluicebox-bench --bin core --bin replay
# The guest's machine code is the same in all builds; that of the tests is there already.
cargo build --quiet -p sluicebox-host --example replay
target=${CARGO_TARGET_DIR:-target}
"$target/release/core" --vectors "$work"

# name, program, file
count() {
    name=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file="$work/$name.out" \
        "$@" >"$work/$name.log" 2>&1 || {
        cat "$work/$name.log" >&2
        exit 1
    }
    echo "$name = $(sed -n 's/^\(totals\|summary\): *//p' "$work/$name.out" | head -n 1)"
}

for file in "$work"/*.rtmp; do
    count "$(basename "$file" .rtmp)" "$target/release/replay" "$file"
done >"$work/found"
# From an encoder: the handshake and the commands weigh more in it.
recorded=tests/vectors/ffmpeg-h264-aac/in.bin
if [ -e "$recorded" ]; then
    count ffmpeg_h264_aac "$target/release/replay" "$recorded" >>"$work/found"
fi
cargo guest >"$work/guest.log" 2>&1 || { cat "$work/guest.log" >&2; exit 1; }
built=$(sed -n 's/^built //p' "$work/guest.log")
if [ "${1-}" = --bless ] || grep -qFx "guest_built = \"$built\"" "$expected"; then
    for file in "$work"/*.rtmp; do
        count "sandboxed_$(basename "$file" .rtmp)" "$target/debug/examples/replay" "$file"
    done >>"$work/found"
    # Not instructions, but as steady: the size of the guest's module.
    echo "guest_module_bytes = $(wc -c <"$target/guest/sluicebox_guest.wasm")" >>"$work/found"
else
    # Another compiler makes other code.
    echo "NOT COMPARED: the guest, built $built; its numbers are of the one" \
        "$(sed -n 's/^guest_built = "\(.*\)"$/built \1/p' "$expected")"
fi

if [ "${1-}" = --bless ]; then
    sed -i '/^\[instructions\]/,$ { /^[a-z0-9_]* = /d; }' "$expected"
    echo "guest_built = \"$built\"" >>"$work/found"
    cat "$work/found" >>"$expected"
    cat "$work/found"
    exit
fi

status=0
while read -r name _ found; do
    old=$(sed -n "s/^$name = //p" "$expected")
    awk -v name="$name" -v old="${old:-0}" -v new="$found" -v slack="$slack" 'BEGIN {
        change = old ? 100 * (new - old) / old : 100
        ok = change <= slack && change >= -slack
        printf "%s: %d expected, %d found, %+.2f %% (%s)\n", name, old, new, change, ok ? "ok" : "CHANGED"
        exit !ok
    }' || status=1
done <"$work/found"
if [ $status -ne 0 ]; then
    echo "If that is meant: bench/instructions.sh --bless" >&2
fi
exit $status
