#!/usr/bin/env bash
# What finished recordings cost: CPU of the server for 10^9 bytes, as a ratio to `--raw` in the same round.
#
#   cargo build --release -p sluicebox && cargo build --release -p sluicebox-bench --bin load
#   bench/recordings.sh [ROUNDS]
#
# SERVER and LOAD name other binaries. Recordings go to memory: /dev/shm.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-7}
server=${SERVER:-target/release/sluicebox}
load=${LOAD:-target/release/load}
dir=$(mktemp -d /dev/shm/sluicebox-recordings-XXXXXX)
trap 'rm -rf "$dir"' EXIT

# name | arguments of the server
variants=(
    "\`--raw\`|--raw"
    "default|"
    "files of 10 s, \`keep\`|--segment-time 10 --segment-timestamps keep"
    "files of 10 s, \`rebase\`|--segment-time 10"
    "\`--fsync interval\`|--fsync interval"
    "\`--flush 100\`|--flush 100"
    "\`--min-free\`, \`--part\`|--min-free 1000000 --part"
    # It is waited for, whatever it takes: what it misses would cost nothing. Of two files, the other is the sink.
    "\`--sink\`, a second file|--sink $dir/rec/sinks/{stream}.flv --sink-wait 1000"
)
# name | arguments of the load
loads=(
    "1 x video flat out, 2 GB|--flat-out 2000000000"
    "1 x audio flat out, 0.5 GB|--mix audio --flat-out 500000000"
    "100 x video flat out, 2 GB|--connections 100 --flat-out 20000000"
)

# CPU of process $1 in hundredths of a second.
cpu() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

# Ticks that a server with arguments $1 takes for load $2, in CPU s/GB.
measure() {
    rm -rf "$dir/rec"
    # shellcheck disable=SC2086  # words
    "$server" --listen 127.0.0.1:0 --quiet --log json --record-dir "$dir/rec" $1 2>"$dir/log" &
    local pid=$! addr=""
    for _ in $(seq 200); do
        addr=$(sed -n 's/.*"listening","addr":"\([^"]*\)".*/\1/p' "$dir/log")
        [ -n "$addr" ] && break
        sleep 0.05
    done
    # shellcheck disable=SC2086
    local wire
    wire=$("$load" "$addr" $2 2>/dev/null | sed -n 's/^wire_bytes //p')
    local ticks
    while ticks=$(cpu $pid) && sleep 0.3 && [ "$ticks" != "$(cpu $pid)" ]; do :; done
    kill $pid
    wait $pid || true
    ! grep -q '"complete":false' "$dir/log" || { echo "something is missing" >&2; exit 1; }
    awk -v ticks="$ticks" -v hz="$(getconf CLK_TCK)" -v bytes="$wire" \
        'BEGIN { printf "%.4f", ticks / hz / (bytes / 1e9) }'
}

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

echo "| load | recording | CPU s/GB | ratio to \`--raw\` |"
echo "|---|---|---:|---:|"
for one in "${loads[@]}"; do
    for at in "${!variants[@]}"; do : >"$dir/cpu$at"; : >"$dir/ratio$at"; done
    for _ in $(seq "$rounds"); do
        raw=""
        for at in "${!variants[@]}"; do
            took=$(measure "${variants[$at]#*|}" "${one#*|}")
            raw=${raw:-$took}
            echo "$took" >>"$dir/cpu$at"
            awk -v a="$took" -v b="$raw" 'BEGIN { printf "%.3f\n", a / b }' >>"$dir/ratio$at"
        done
    done
    for at in "${!variants[@]}"; do
        echo "| ${one%%|*} | ${variants[$at]%%|*} | $(median <"$dir/cpu$at") | $(median <"$dir/ratio$at") |"
    done
done
