#!/usr/bin/env bash
# Captures packets anew: real encoders publish to a real server, in a network namespace of their own,
# which has nothing else in it. Needs root, tcpdump and tshark. The tags listed are those of the
# recordings that the server made of the same publishes.
set -euo pipefail
cd "$(dirname "$0")"

if [[ ${1:-} != inside ]]; then
  cargo build --quiet --package sluicebox-tests --bins
  cargo build --quiet --package sluicebox
  exec unshare --net "$BASH" "$0" inside
fi

target=${CARGO_TARGET_DIR:-../../target}
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$scratch"' EXIT
ip link set lo up

video='-f lavfi -i testsrc=size=64x64:rate=25'
audio='-f lavfi -i sine=frequency=440:sample_rate=44100'
x264='-pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 25'
aac='-c:a aac -b:a 32k'

# capture NAME FILE HOST WORDS… : one capture, by the command WORDS, while `publish` runs.
capture() {
  local name=$1 file=$2 host=$3 server catcher
  shift 3
  mkdir -p "$name" "$scratch/$name"
  "$target/debug/sluicebox" --quiet --listen "$host:1935" --record-dir "$scratch/$name" & server=$!
  "$@" -w "$name/$file" 2>/dev/null & catcher=$!
  sleep 3
  publish "$host"
  sleep 2
  kill $server && wait $server || true
  sleep 1
  kill -INT $catcher && wait $catcher || true
  local number=0 recording
  rm -f "$name"/tags-*.txt
  # In the order of their start.
  for recording in $(ls -tr --time=birth "$scratch/$name"/live/*.flv); do
    number=$((number + 1))
    "$target/debug/capture" --flv "$recording" >"$name/tags-$number.txt"
  done
}

# shellcheck disable=SC2086
publish() {
  ffmpeg -nostdin -v error $video $audio -t 1 $x264 $aac -f flv "rtmp://$1/live/cam"
}
capture tcpdump-cooked-ipv6 capture.pcap '[::1]' tcpdump --interface any -U tcp port 1935

# shellcheck disable=SC2086
publish() {
  printf 'GET / HTTP/1.0\r\n\r\n' >"/dev/tcp/$1/1935"
  ffmpeg -nostdin -v error -re $video -t 1 $x264 -f flv "rtmp://$1/live/video" & local first=$!
  sleep 0.4
  ffmpeg -nostdin -v error -re $audio -t 1 $aac -f flv "rtmp://$1/live/audio"
  wait $first
}
capture tshark-two-at-once capture.pcapng 127.0.0.1 tshark -q -i lo
