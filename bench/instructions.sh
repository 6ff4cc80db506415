#!/bin/sh
# Counts the instructions of replaying fixed inputs through a session, natively and, of the guest's own code, in a
# sandbox, and compares them with expected.toml: the same on a busy machine as on an idle one. With --bless,
# writes them there.
set -eu
cd "$(dirname "$0")/.."
expected=bench/expected.toml
slack=3 # per cent
compared=yes
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --quiet --release -p sluicebox-bench --bin core --bin replay
# The guest's machine code is the same in all builds; that of the tests is there already.
cargo build --quiet -p sluicebox-host --example replay
target=${CARGO_TARGET_DIR:-target}
"$target/release/core" --vectors "$work"

# The instructions of a program and its arguments: all, or those in code of no file, which is the guest's.
instructions() {
    which=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
    # A line behind `calls=` counts what was called once more.
    awk -v which="$which" '
        /^c?ob=/ {
            match($0, /\([0-9]+\)/)
            object = substr($0, RSTART, RLENGTH)
            if (/ \?\?\?$/) guest[object] = 1
            if (!/^c/) own = which == "all" || object in guest
        }
        /^calls=/ { getline; next }
        /^[0-9+*-]/ && own { sum += $2 }
        END { printf "%d\n", sum }' "$work/out"
}

# name, which, program, file: those of one replay more. What a start costs would hide much.
count() {
    once=$(instructions "$2" "$3" "$4") || exit 1
    twice=$(instructions "$2" "$3" "$4" "$4") || exit 1
    [ "$twice" -gt "$once" ] || { echo "$1: nothing was counted" >&2; exit 1; }
    echo "$1 = $((twice - once))"
}

for file in "$work"/*.rtmp; do
    count "$(basename "$file" .rtmp)" all "$target/release/replay" "$file"
done >"$work/found"
# From an encoder: the handshake and the commands weigh more in it.
recorded=tests/vectors/ffmpeg-h264-aac/in.bin
count ffmpeg_h264_aac all "$target/release/replay" "$recorded" >>"$work/found"
cargo guest >"$work/guest.log" 2>&1 || { cat "$work/guest.log" >&2; exit 1; }
built=$(sed -n 's/^built //p' "$work/guest.log")
if [ "${1-}" = --bless ] || grep -qFx "guest_built = \"$built\"" "$expected"; then
    for file in "$work"/*.rtmp; do
        count "sandboxed_$(basename "$file" .rtmp)" guest "$target/debug/examples/replay" "$file"
    done >>"$work/found"
    # Not instructions, but as steady: the size of the guest's module.
    echo "guest_module_bytes = $(wc -c <"$target/guest/sluicebox_guest.wasm")" >>"$work/found"
else
    # Another compiler makes other code.
    compared=no
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
for name in $(sed -n '/^\[instructions\]/,$ s/^\([a-z0-9_]*\) = [0-9]*$/\1/p' "$expected"); do
    case $name in sandboxed_* | guest_*) [ "$compared" = no ] && continue ;; esac
    grep -q "^$name = " "$work/found" || { echo "$name: not found"; status=1; }
done
if [ $status -ne 0 ]; then
    echo "If that is meant: bench/instructions.sh --bless" >&2
fi
exit $status
