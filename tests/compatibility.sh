#!/usr/bin/env bash
# Runs every test with a real client, through both binaries, and prints the table of
# docs/compatibility.md: what was not seen in this run is not in it.
#
#   tests/compatibility.sh            runs, and prints
#   tests/compatibility.sh --write    puts the table into docs/compatibility.md, too
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
lines=$target/tmp/compatibility
rm -rf "$lines"
cargo build --quiet --locked -p sluicebox -p sluicebox-host
for binary in sluicebox sluicebox-host; do
  SLUICEBOX_BIN=$target/debug/$binary cargo test --quiet --locked -p sluicebox-tests -- \
    live:: gstreamer:: clients:: --skip sandbox:: >&2
done
# Both must have seen the same.
diff -r "$lines/sluicebox" "$lines/sluicebox-host" >&2

table=$(
  echo '| client | version | pushed | result |'
  echo '|---|---|---|---|'
  LC_ALL=C sort --ignore-case "$lines"/sluicebox/*
)
echo "$table"
if [[ ${1:-} == --write ]]; then
  doc=docs/compatibility.md
  { sed '/^| client /,$d' "$doc"; echo "$table"; } >"$doc.new"
  mv "$doc.new" "$doc"
fi
