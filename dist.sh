#!/usr/bin/env bash
# Builds everything that is shipped, into dist/ (or the folder that is named): the binaries, the guest, the
# component, the stand-alone programs, their interface, pages, examples, units, manifests, a list of all that is in
# them, and checksums.
#
#   ./dist.sh [FOLDER]
#
# PROFILE=dev builds the binaries unoptimised, to try the script.
set -euo pipefail
cd "$(dirname "$0")"
dist=$(realpath --canonicalize-missing "${1:-dist}")
profile=${PROFILE:-release}
built=${CARGO_TARGET_DIR:-target}/${profile/dev/debug}

cargo build --locked --profile "$profile" -p sluicebox
cargo build --locked --profile "$profile" -p sluicebox-host
# What the last run made goes first: nothing else in that folder is ours.
if [[ -f $dist/SHA256SUMS ]]; then
    (cd "$dist" && sed 's/^[0-9a-f]*  //' SHA256SUMS | xargs -d '\n' rm -f SHA256SUMS)
fi
mkdir -p "$dist"
cargo guest --output "$dist/sluicebox_guest.wasm"
cargo edge --output "$dist"
strip -o "$dist/sluicebox" "$built/sluicebox"
strip -o "$dist/sluicebox-host" "$built/sluicebox-host"
# As they lie in the repository, so that pages find what they link to.
cp README.md ARCHITECTURE.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$dist"
tar --exclude=node_modules --exclude=__pycache__ -cf - docs examples wit packaging |
    tar -C "$dist" -xf -
packaging/oci.sh layout "$dist/sluicebox-serve.wasm" "$dist/oci"
packaging/sbom.py sluicebox sluicebox-host sluicebox-guest sluicebox-component sluicebox-serve \
    sluicebox-serve-p3 sluicebox-filter >"$dist/sbom.cdx.json"
(cd "$dist" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs -d '\n' sha256sum >SHA256SUMS)
echo "$dist:"
cat "$dist/SHA256SUMS"
