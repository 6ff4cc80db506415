#!/usr/bin/env bash
# Installs what the tests need on Debian. Does nothing when all of it is there.
#
# What Debian does not have goes into the target folder, not into the system.
set -euo pipefail

packages=(
  build-essential            # a linker for cargo
  ffmpeg                     # publishes, makes references, judges recordings
  gstreamer1.0-tools         # gst-launch-1.0, gst-inspect-1.0
  gstreamer1.0-plugins-base  # test sources
  gstreamer1.0-x             # shows pictures on a screen
  gstreamer1.0-plugins-good  # flvmux, flvdemux
  gstreamer1.0-plugins-bad   # rtmp2sink; rtmpsink, which is librtmp; parsers
  gstreamer1.0-plugins-ugly  # x264enc
  gstreamer1.0-libav         # avenc_aac, avdec_h264
  librtmp-dev                # librtmp itself, which a few lines of C publish with
  nginx                      # a relay: takes publishes, and publishes them on
  libnginx-mod-rtmp          # the part of it that does
  obs-studio                 # publishes; its own recording is what it is compared with
  xvfb                       # a screen for it that nobody has to look at
  libgl1-mesa-dri            # and something to draw on it with
  python3-venv               # fetches what Debian does not have
  util-linux                 # fsfreeze, which makes a disk hang
  mount                      # full, hung and read-only disks
  iproute2                   # a cable that can be cut
  e2fsprogs                  # mkfs.ext4
)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is not Debian or a relative of it. Install the counterparts of:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ $status == installed ]] || missing+=("$package")
done

if ((${#missing[@]})); then
  sudo=()
  if ((EUID)); then
    command -v sudo >/dev/null || { echo "Run this as root: sudo is not there." >&2; exit 1; }
    sudo=(sudo)
  fi
  # Tests start what they need: no package is to start a service of its own.
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" install -m 755 /dev/stdin "$policy"
    trap '"${sudo[@]}" rm -f "$policy"' EXIT
  fi
  "${sudo[@]}" apt-get update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${missing[@]}"
fi

# A current ffmpeg, which speaks Enhanced RTMP: 9.0.2 is inside this Python package.
ffmpeg_package=imageio-ffmpeg==0.8.1
tools=${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/tools
if [[ $(cat "$tools/ffmpeg.package" 2>/dev/null) != "$ffmpeg_package" ]]; then
  rm -rf "$tools/python"
  mkdir -p "$tools"
  python3 -m venv "$tools/python"
  "$tools/python/bin/pip" install --quiet --disable-pip-version-check "$ffmpeg_package"
  ln -sfr "$tools"/python/lib/*/site-packages/imageio_ffmpeg/binaries/ffmpeg-* \
    "$tools/ffmpeg"
  echo "$ffmpeg_package" >"$tools/ffmpeg.package"
fi

if ! command -v cargo >/dev/null; then
  echo "Rust is not there: see https://rustup.rs, or Debian's package rustup." >&2
  exit 1
fi
echo "Everything the tests need is installed."
