#!/usr/bin/env bash
# Runs the recipes of docs/pipelines.md: an encoder publishes, and what comes out has every frame.
#
#   tests/edge/pipelines.sh [SLUICEBOX]
set -euo pipefail
cd "$(dirname "$0")/../.."
sluicebox=$(realpath "${1:-target/debug/sluicebox}")
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"

frames=60
ffmpeg() { command ffmpeg -nostdin -v error "$@"; }
piped() { command ffmpeg -v error "$@"; } # reads standard input
ffmpeg -f lavfi -i testsrc=size=320x240:rate=30 -f lavfi -i sine=frequency=440:sample_rate=44100 -t 2 \
    -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 30 -c:a aac input.flv

fail() {
    echo "pipelines: $*" >&2
    cat log ./*.log >&2 2>/dev/null || true
    exit 1
}

# A server for one stream; port and process are in $port and $server.
port=
listen=(--listen 127.0.0.1:0 --log json)
publish() {
    for _ in $(seq 300); do
        port=$(sed -n 's/.*"message":"listening","addr":"127.0.0.1:\([0-9]*\)".*/\1/p' log)
        [[ -z $port ]] || break
        sleep 0.1
    done
    [[ -n $port ]] || fail "$1: nobody listens"
    ffmpeg -re -i input.flv -c copy -f flv "rtmp://127.0.0.1:$port/live/cam"
}

# A file has every video frame, and decodes.
check() {
    local name=$1 file=$2 found
    found=$(ffprobe -v error -count_frames -select_streams v:0 \
        -show_entries stream=nb_read_frames -of csv=p=0 "$file" | head -n 1)
    found=${found//[^0-9]/}
    [[ $found == "$frames" ]] || fail "$name: ${found:-no} frames of $frames"
    echo "pipelines: $name: $found of $frames"
}

# Runs a recipe in the background, which calls `server` for the server, publishes, and waits for its end.
server() { "$sluicebox" "${listen[@]}" "$@" 2>log; }
recipe() {
    local name=$1 body=$2
    rm -f log && touch log
    (set -o pipefail; eval "$body") 2>recipe.log &
    local pid=$!
    publish "$name"
    wait "$pid" || fail "$name: exit code $?"
    grep -q '"complete":true' log || fail "$name: not complete"
}

recipe hls 'server -o - | piped -i - -fps_mode passthrough -c:v libx264 -preset veryfast -g 60 -c:a aac -f hls -hls_time 2 -hls_list_size 0 live.m3u8'
check "ffmpeg, HLS" live.m3u8
grep -q '#EXT-X-ENDLIST' live.m3u8 || fail "the playlist has no end"

recipe mp4 'server -o - | piped -i - -c copy -movflags +frag_keyframe+empty_moov fragments.mp4'
check "ffmpeg, fragmented MP4" fragments.mp4

recipe tee 'server -o - | tee cam.flv | piped -i - -c copy out.mp4'
check "tee, FLV" cam.flv
check "tee, MP4" out.mp4

mkfifo fifo.flv
recipe fifo 'ffmpeg -i fifo.flv -c copy fifo.mp4 & server -o fifo.flv; code=$?; wait $!; exit $code'
check "FIFO" fifo.mp4

recipe gstreamer 'server -o - | gst-launch-1.0 -q -e fdsrc ! flvdemux name=d  mp4mux name=m ! filesink location=gst.mp4  d.video ! queue ! h264parse ! m.  d.audio ! queue ! aacparse ! m.'
check "GStreamer, MP4" gst.mp4

recipe file 'server -o output.flv'
check "a file" output.flv

# Stopped in the middle, as with Ctrl+C.
rm -f log && touch log
"$sluicebox" "${listen[@]}" -o stopped.flv 2>log &
pid=$!
(publish stopped >/dev/null 2>&1 || true) &
for _ in $(seq 300); do [[ -s stopped.flv && $(stat -c %s stopped.flv) -gt 10000 ]] && break; sleep 0.1; done
kill -INT "$pid"
code=0
wait "$pid" || code=$?
# 1: the publisher was in the middle of a message, which is on the account.
[[ $code == 0 || ($code == 1 && $(tail -n 1 log) == *'messages_refused":1,'*) ]] || fail "Ctrl+C: exit code $code"
ffprobe -v error stopped.flv || fail "what is recorded until Ctrl+C does not play"
echo "pipelines: Ctrl+C: exit code $code, and it plays"
