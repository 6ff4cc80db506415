#!/usr/bin/env bash
# Captures the vectors anew, all or the ones named: real encoders publish to a real server through
# the proxy `capture`. tags.txt is listed by a reader that shares no code with the server, and has
# to agree with the recording that the server made of the same publish.
set -euo pipefail
cd "$(dirname "$0")"

target=${CARGO_TARGET_DIR:-../../target}
cargo build --quiet --package sluicebox-tests --bins
[[ -n ${SLUICEBOX_BIN:-} ]] || cargo build --quiet --package sluicebox
sluicebox=${SLUICEBOX_BIN:-$target/debug/sluicebox}
capture=$target/debug/capture
url=rtmp://127.0.0.1:19360/live/cam
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$scratch"' EXIT

ffmpeg_video='-f lavfi -i testsrc=size=64x64:rate=25'
ffmpeg_audio='-f lavfi -i sine=frequency=440:sample_rate=44100'
x264='-pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 25'
aac='-c:a aac -b:a 32k'
gst_video='videotestsrc num-buffers=25 ! video/x-raw,width=64,height=64,framerate=25/1
  ! x264enc speed-preset=ultrafast key-int-max=25 ! h264parse ! queue ! mux.'
gst_audio='audiotestsrc num-buffers=43 ! audio/x-raw,rate=44100 ! avenc_aac bitrate=32000
  ! aacparse ! queue ! mux.'

ffmpeg_version=$(ffmpeg -version | sed -n '1s/^\(ffmpeg version [^ ]*\).*/\1/p')
gst_version=$(gst-launch-1.0 --version | sed -n 2p)
rtmp_version=$(dpkg-query --show --showformat='librtmp ${Version}' librtmp1)

# publish NAME COMMAND: one publish through the proxy. Fails when the client reset the connection,
# which takes back what it had just sent: ffmpeg does when it ends with replies unread.
publish() {
  local server proxy
  "$sluicebox" --listen 127.0.0.1:19350 --raw --output "$scratch/$1.flv" & server=$!
  "$capture" --listen 127.0.0.1:19360 --to 127.0.0.1:19350 --out "$1/in.bin" & proxy=$!
  sleep 1
  # Words are meant to be split, and not to name files.
  set -f
  # shellcheck disable=SC2086
  timeout 60 $2 || exit 1
  set +f
  wait $server && wait $proxy
}

# vector NAME ENCODER SHOWS COMMAND…: captures one, if it is wanted.
vector() {
  local name=$1 encoder=$2 shows=$3 command
  shift 3
  command=$(tr -s ' \n' ' ' <<<"$*")
  command=${command% }
  [[ -z $wanted || " $wanted " == *" $name "* ]] || return 0
  mkdir -p "$name"
  until publish "$name" "$command"; do echo "$name: once more" >&2; done
  "$capture" --tags "$name/in.bin" >"$name/tags.txt"
  "$capture" --flv "$scratch/$name.flv" | diff - "$name/tags.txt"
  describe "$name" "$encoder" "$shows" "Command: \`${command//"$current"/ffmpeg}\`"
}

# from_test NAME ENCODER SHOWS TEST: the same of a client that only a test can drive. The test itself
# compares the recording with what was sent.
from_test() {
  local name=$1
  [[ -z $wanted || " $wanted " == *" $name "* ]] || return 0
  SLUICEBOX_TESTS_KEEP=$PWD cargo test --quiet --package sluicebox-tests -- --exact "$4"
  "$capture" --tags "$name/in.bin" >"$name/tags.txt"
  describe "$name" "$2" "$3" "What the client of the test \`$4\` sent"
}

# describe NAME ENCODER SHOWS HOW: says where a vector is from.
describe() {
  local name=$1
  cat >"$name/README.md" <<END
# $name

$3

- Encoder: $2
- Captured: $(date -u +%F), by \`tests/vectors/capture.sh $name\`
- $4
- \`in.bin\`: all bytes of the client, handshake included ($(stat -c %s "$name/in.bin") bytes)
- \`tags.txt\`: kind, timestamp in ms, length, and half of the body's SHA-256, a line for each tag
END
}

wanted=$*

# The current ffmpeg, which tests/install.sh has put there.
current=$target/tools/ffmpeg
current_version=$("$current" -version | sed -n '1s/^\(ffmpeg version [^ ]*\).*/\1/p')

vector ffmpeg-h264-aac "$ffmpeg_version, its own RTMP code" \
  "The usual publish: metadata first, deltas after the first message of each chunk stream." \
  ffmpeg -nostdin -v error $ffmpeg_video $ffmpeg_audio -t 1 $x264 $aac -f flv $url

vector ffmpeg-aac "$ffmpeg_version, its own RTMP code" \
  "Sound alone: small messages, most of them of one chunk." \
  ffmpeg -nostdin -v error $ffmpeg_audio -t 1 $aac -f flv $url

vector ffmpeg-b-frames "$ffmpeg_version, its own RTMP code" \
  "Frames that are shown later than the ones after them; type 3 chunks that begin a message." \
  ffmpeg -nostdin -v error $ffmpeg_video -t 1 -pix_fmt yuv420p -c:v libx264 -preset veryfast \
  -bf 3 -x264-params b-adapt=0 -g 25 -f flv $url

vector ffmpeg-past-24-bits "$ffmpeg_version, its own RTMP code" \
  "Timestamps that outgrow 24 bits by small deltas, 4 h 39 min 37 s into a stream." \
  ffmpeg -nostdin -v error $ffmpeg_video $ffmpeg_audio -t 1 $x264 $aac \
  -output_ts_offset 16776.7 -f flv $url

vector ffmpeg-extended-delta "$ffmpeg_version, its own RTMP code" \
  "Media that begins 20000 s after its sequence headers: deltas in the extended field." \
  ffmpeg -nostdin -v error $ffmpeg_video $ffmpeg_audio -t 1 $x264 $aac \
  -output_ts_offset 20000 -f flv $url

vector gstreamer-rtmp2sink "$gst_version, rtmp2sink: its own RTMP code" \
  "A chunk size of 128 that is announced, a chunk stream for each kind, many script messages." \
  gst-launch-1.0 -q $gst_video $gst_audio flvmux name=mux streamable=true ! rtmp2sink location=$url

vector gstreamer-librtmp "$gst_version, rtmpsink: $rtmp_version" \
  "librtmp, which OBS Studio's code grew from: media of all kinds on one chunk stream." \
  gst-launch-1.0 -q $gst_video $gst_audio flvmux name=mux streamable=true ! rtmpsink location=$url

vector ffmpeg-hevc-eac3 "$current_version, its own RTMP code" \
  "HEVC with composition times and E-AC-3 under FourCCs: the headers of Enhanced RTMP." \
  "$current" -nostdin -v error $ffmpeg_video $ffmpeg_audio -t 1 -pix_fmt yuv420p -c:v libx265 \
  -preset ultrafast -x265-params log-level=none:bframes=2 -g 25 -c:a eac3 -b:a 64k -f flv $url

vector ffmpeg-four-tracks "$current_version, its own RTMP code" \
  "H.264, HEVC, AAC and Opus in four tracks of one stream." \
  "$current" -nostdin -v error $ffmpeg_video $ffmpeg_video $ffmpeg_audio $ffmpeg_audio \
  -map 0 -map 1 -map 2 -map 3 -t 1 -pix_fmt yuv420p -c:v:0 libx264 -preset ultrafast -c:v:1 libx265 \
  -x265-params log-level=none -g 25 -c:a:0 aac -b:a 32k -c:a:1 libopus -ar:a:1 48000 -f flv $url

from_test obs "OBS Studio $(dpkg-query --show --showformat='${Version}' obs-studio)" \
  "OBS's own copy of librtmp: chunks of 4096, metadata of its own, both kinds on one chunk stream." \
  clients::obs::sixty_frames

from_test nginx-relay "nginx $(dpkg-query --show --showformat='${Version}' nginx), \
module $(dpkg-query --show --showformat='${Version}' libnginx-mod-rtmp)" \
  "A relay that publishes on what it is sent, from where it begins." \
  clients::nginx::what_ffmpeg_publishes
