#!/usr/bin/env bash
# Seeks in a finished recording with players that people have: mpv, VLC, and mpegts.js in Chromium. What
# lies before the place they are sent to is made unreadable (or is watched not to be read), so that who
# does not seek by the index gets nowhere. Installs the players; takes a minute or two.
set -euo pipefail
cd "$(dirname "$0")"

sudo=()
[[ $(id -u) -eq 0 ]] || sudo=(sudo)
packages=(chromium mpv vlc-bin vlc-plugin-base)
dpkg-query --show "${packages[@]}" >/dev/null 2>&1 ||
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${packages[@]}"
target=$(realpath "${CARGO_TARGET_DIR:-../../target}")
cargo build --quiet --package sluicebox
npm install --prefix "$target/players" --silent --no-audit --no-fund mpegts.js@1.8.2 playwright-core@1.64.1
scratch=$(mktemp -d)
chmod 755 "$scratch"
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$scratch"' EXIT

# Thirty seconds, a keyframe each.
"$target/debug/sluicebox" --quiet --listen 127.0.0.1:19351 --output "$scratch/cam.flv" 2>"$scratch/log" &
server=$!
until grep -q listening "$scratch/log"; do sleep 0.1; done
ffmpeg -nostdin -v error -f lavfi -i testsrc=size=640x360:rate=30 -f lavfi -i sine=sample_rate=48000 -t 30 \
  -pix_fmt yuv420p -c:v libx264 -preset ultrafast -g 30 -c:a aac -f flv rtmp://127.0.0.1:19351/live/cam
wait $server

# place SECONDS: where the keyframe of that second is, in bytes.
place() {
  ffprobe -v error -select_streams v -show_entries packet=pts_time,pos,flags -of csv=p=0 "$scratch/cam.flv" |
    awk -F, -v at="$1" '$3 ~ /K/ && $1 + 0.001 >= at && !n++ { print $2 }'
}
from=$(place 3)
to=$(place 16)
cp "$scratch/cam.flv" "$scratch/damaged.flv"
head -c $((to - from - 16)) /dev/zero | tr '\0' '\377' |
  dd of="$scratch/damaged.flv" seek="$from" oflag=seek_bytes conv=notrunc status=none

mpv --no-config --vo=null --ao=null --start=16 --frames=5 --term-status-msg='at ${=time-pos}' \
  "$scratch/damaged.flv" >"$scratch/mpv" 2>&1
grep -o 'at 16\.[0-9]*' "$scratch/mpv" | head -n 1 | sed 's/^/mpv: /' | grep .

# VLC does not run as root.
nobody=()
[[ $(id -u) -ne 0 ]] || nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
mkdir -m 777 "$scratch/vlc"
HOME=$scratch/vlc "${nobody[@]}" cvlc --quiet --start-time=16 "$scratch/damaged.flv" \
  --sout "#std{access=file,mux=ts,dst=$scratch/vlc/out.ts}" vlc://quit 2>"$scratch/vlc.log"
frames=$(ffprobe -v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 \
  "$scratch/vlc/out.ts" | head -n 1 | tr -d ,)
echo "VLC: $frames frames of the last 14 s"
((frames >= 400 && frames <= 450))

(cd "$target/players" && node "$OLDPWD/browser.mjs" "$scratch/cam.flv" 16 "$(place 14)" "$to")
echo "all of them seek by the index"
