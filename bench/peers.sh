#!/usr/bin/env bash
# Builds Sluicebox and its peers, as far as they can be had, and sets them side by side.
#
#   bench/peers.sh                  everything, five times and more: half an hour; the page is docs/benchmarks.md
#   bench/peers.sh --within 15      the same in 15 minutes: fewer runs of what takes long
#   bench/peers.sh ARGUMENT...      other arguments, as `peers --help` has them: to standard output
#
# Wanted are Debian's nginx with its RTMP module, ffmpeg, and node with npm; SRS, if it is there, by
# the variable SRS or in the path. What is missing is named in the page.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(libnginx-mod-rtmp nginx-light ffmpeg)
if ! [[ -e /usr/lib/nginx/modules/ngx_rtmp_module.so ]] && command -v apt-get >/dev/null; then
  apt-get update && apt-get install --yes --no-install-recommends "${packages[@]}" ||
    echo "no nginx-rtmp" >&2
fi
if ! [[ -d bench/peers/node_modules ]] && command -v npm >/dev/null; then
  npm ci --prefix bench/peers --omit=dev --no-audit --no-fund || echo "no node-media-server" >&2
fi

cargo build --release --locked -p sluicebox -p sluicebox-host -p sluicebox-bench --bins
cargo build --release --locked --manifest-path bench/peers/Cargo.toml --target-dir bench/peers/target ||
  echo "no recorders on other libraries" >&2

if (($# == 0)) || [[ $1 == --within ]]; then
  set -- --out docs/benchmarks.md "$@"
fi
exec "${CARGO_TARGET_DIR:-target}/release/peers" "$@"
