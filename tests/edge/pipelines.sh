#!/usr/bin/env bash
# Runs the recipes of docs/pipelines.md: an encoder publishes, and what comes out has every frame.
#
#   tests/edge/pipelines.sh [SLUICEBOX]
set -euo pipefail
cd "$(dirname "$0")/../.."
sluicebox=$(realpath "${1:-target/debug/sluicebox}")
work=$(mktemp -d)
# What runs in the background is a process group each: it ends with all that it started.
set -m
trap 'for job in $(jobs -p); do kill -- "-$job" 2>/dev/null || true; done; wait 2>/dev/null; rm -rf "$work"' EXIT
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

# What a file has of sound: a digest of all packets as they are; or, of `samples`, how many come out of the decoder.
sound() {
    local file=$1 of=$2
    if [[ -z $(ffprobe -v error -select_streams a -show_entries stream=index -of csv=p=0 "$file") ]]; then
        echo none
    elif [[ $of == samples ]]; then
        echo $(($(ffmpeg -i "$file" -map 0:a -ac 1 -f s16le - | wc -c) / 2))
    else
        # GStreamer ends the edit list of an MP4 with the last frame of video; what is behind it is in the file too.
        local all=()
        [[ $file != *.mp4 ]] || all=(-ignore_editlist 1)
        ffmpeg ${all[@]+"${all[@]}"} -i "$file" -map 0:a -c copy -f md5 -
    fi
}

# A file has every video frame, and decodes. It has the sound that was published: bit for bit, or, where it is
# `encoded` once more, as much of it but for what an encoder puts at the ends.
check() {
    local name=$1 file=$2 how=${3:-copied} found heard sent
    found=$(ffprobe -v error -count_frames -select_streams v:0 \
        -show_entries stream=nb_read_frames -of csv=p=0 "$file" | sed -n 1p)
    found=${found//[^0-9]/}
    [[ $found == "$frames" ]] || fail "$name: ${found:-no} frames of $frames"
    if [[ $how == encoded ]]; then
        heard=$(sound "$file" samples) sent=$(sound input.flv samples)
        ((heard >= sent - 1024 && heard <= sent + 3 * 1024)) || fail "$name: $heard samples of sound, and $sent were sent"
    else
        heard=$(sound "$file" packets) sent=$(sound input.flv packets)
        [[ $heard == "$sent" ]] || fail "$name: the sound is not what was sent: $heard, and $sent"
    fi
    echo "pipelines: $name: $found of $frames, sound: $heard"
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
check "ffmpeg, HLS" live.m3u8 encoded
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

recipe gstreamer-fifo 'gst-launch-1.0 -q -e filesrc location=fifo.flv ! flvdemux name=d  mp4mux name=m ! filesink location=gst-fifo.mp4  d.video ! queue ! h264parse ! m.  d.audio ! queue ! aacparse ! m. & server -o fifo.flv; code=$?; wait $!; exit $code'
check "GStreamer, FIFO" gst-fifo.mp4

recipe file 'server -o output.flv'
check "a file" output.flv

# A screen that nobody looks at. What is on it is looked at while the encoder sends.
Xvfb -displayfd 3 -screen 0 640x480x24 -nolisten tcp -noreset 3>display 2>xvfb.log &
screen=$!
for _ in $(seq 300); do [[ ! -s display ]] || break; sleep 0.1; done
DISPLAY=:$(<display)
export DISPLAY
brightness() {
    ffmpeg -f x11grab -draw_mouse 0 -video_size 640x480 -i "$DISPLAY" -frames:v 1 \
        -vf signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=- -f null - | sed -n 's/.*YAVG=\([0-9]*\).*/\1/p'
}
# Writes the brightest picture so far to a file, until it is ended.
look() {
    local now bright=0
    while now=$(brightness); do
        ((now <= bright)) || bright=$now
        echo "$bright" >bright
    done
}
for tracks in "with sound" "without sound"; do
    [[ $tracks == with\ * ]] || { ffmpeg -i input.flv -c copy -an silent.flv && mv silent.flv input.flv; }
    rm -f bright
    dark=$(brightness)
    look &
    looker=$!
    recipe "GStreamer, screen" 'server -o - | gst-launch-1.0 -q playbin uri=fd://0'
    { kill -- "-$looker"; wait "$looker"; } 2>/dev/null || true
    bright=$(<bright)
    ((bright > dark + 20)) || fail "GStreamer, screen: $bright is hardly brighter than $dark"
    echo "pipelines: GStreamer, screen, $tracks: a picture"
done
{ kill "$screen"; wait "$screen"; } 2>/dev/null || true

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
