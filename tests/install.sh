#!/usr/bin/env bash
# Installs what the tests need on Debian. Does nothing when all of it is there.
set -euo pipefail

packages=(
  build-essential            # a linker for cargo
  ffmpeg                     # publishes, makes references, judges recordings
  gstreamer1.0-tools         # gst-launch-1.0, gst-inspect-1.0
  gstreamer1.0-plugins-base  # test sources
  gstreamer1.0-plugins-good  # flvmux, flvdemux
  gstreamer1.0-plugins-bad   # rtmp2sink; rtmpsink, which is librtmp; parsers
  gstreamer1.0-plugins-ugly  # x264enc
  gstreamer1.0-libav         # avenc_aac, avdec_h264
  util-linux                 # fsfreeze, which makes a disk hang
  mount                      # full, hung and read-only disks
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
  "${sudo[@]}" apt-get update
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${missing[@]}"
fi

if ! command -v cargo >/dev/null; then
  echo "Rust is not there: see https://rustup.rs, or Debian's package rustup." >&2
  exit 1
fi
echo "Everything the tests need is installed."
