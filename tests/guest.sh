#!/usr/bin/env bash
# Builds the wasm guest in each way that this machine has, from two folders each, and compares the
# bytes. Installs what Debian's way needs. Then takes every way away, and reads what is said.
#
# Where CI is set, Debian's way has to be there, and the edge programs are built in each way too.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

library=/usr/lib/rustlib/src/rust/library

install_debian() {
    if [[ -x /usr/bin/rustc && -d $library ]]; then return; fi
    command -v apt-get >/dev/null || { echo "there is no apt-get"; return; }
    local sudo=()
    if ((EUID)); then
        command -v sudo >/dev/null || { echo "there is no sudo, and this is not root"; return; }
        sudo=(sudo)
    fi
    # Nothing is removed for it: it conflicts with Debian's rustc and rustup.
    if ! { "${sudo[@]}" apt-get update && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends --no-remove rustc-web rust-web-src; } >&2; then
        echo "apt-get could not install rustc-web and rust-web-src"
    fi
}

# The sources, without what was built or recorded.
copy() {
    mkdir -p "$2"
    tar -C "$1" --exclude=./target --exclude=./fuzz/target --exclude=./recordings \
        --exclude=./.git -cf - . | tar -C "$2" -xf -
}

fail() {
    echo "guest: $*" >&2
    exit 1
}

cargo build --locked --quiet -p sluicebox-guest-build
guest=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/guest-build
copy . "$work/a"
# Of another length, deeper, and with a space in it.
copy "$work/a" "$work/a second/one"

exports="accept: (i32)
close: (i32)
feed: (i32)
idle: ()
memory: memory
open: (i32, i64)
part: (i32) -> i32
poll: () -> i32
reconnect: (i32) -> i32
reject: (i32, i32)
space: (i32) -> i32
trim: () -> i32
version: () -> i32"

# Builds twice in one way: 0 when it went well, 1 when this machine does not have the way.
twice() {
    local way=$1 log=$work/$1.log
    if ! "$guest" --way "$way" --workspace "$work/a" -o "$work/$way.1" >"$work/$way.said" 2>"$log"; then
        grep -q '^error: nothing here can build' "$log" && return 1
        cat "$log" >&2
        fail "$way: the build failed"
    fi
    "$guest" --way "$way" --workspace "$work/a second/one" -o "$work/$way.2" >/dev/null 2>"$log" ||
        { cat "$log" >&2; fail "$way: the second build failed"; }
    cat "$work/$way.said"
    grep -qx 'imports nothing' "$work/$way.said" || fail "$way: the module has imports"
    [[ $(sed -n 's/^exports //p' "$work/$way.said") == "$exports" ]] || fail "$way: other exports"
    cmp "$work/$way.1" "$work/$way.2" || fail "$way: other bytes from another folder"
    # The paths of this machine are in no part of it.
    for path in "$work" "$root" "$HOME/"; do
        ! grep -qaF "$path" "$work/$way.1" || fail "$way: $path is in the module"
    done
}

ran=() missing=()
not_installed=$(install_debian)
for way in rustup src debian; do
    if twice "$way"; then
        ran+=("$way")
    else
        why=$(sed -n '/Tried:$/,/^To have/{s/^  //p}' "$work/$way.log" | paste -sd';')
        [[ $way != debian || -z $not_installed ]] || why="$not_installed; $why"
        missing+=("$way ($why)")
    fi
done

# The edge programs, by every way but the first, which the tests of the edge have. It takes minutes, so in CI only.
if [[ -n ${CI:-} ]]; then
    cargo build --locked --quiet -p sluicebox-edge-build
    edge=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/edge-build
    for way in "${ran[@]:1}"; do
        "$edge" --way "$way" --workspace "$work/a" -o "$work/edge-$way" 2>"$work/edge.log" ||
            { cat "$work/edge.log" >&2; fail "$way: the edge programs were not built"; }
        "$edge" --inspect "$work/edge-$way/sluicebox-serve.wasm" >"$work/edge.said"
        grep -q '^exports wasi:cli/run@' "$work/edge.said" ||
            fail "$way: the stand-alone server is no command"
    done
fi

# A compiler with nothing but itself, no rustup, no network, and none of Debian's packages.
mkdir -p "$work/bin" "$work/home" "$work/sysroot"
printf '#!/bin/sh\nexec "%s" --sysroot "%s" "$@"\n' \
    "$(rustc --print sysroot)/bin/rustc" "$work/sysroot" >"$work/bin/rustc"
chmod +x "$work/bin/rustc"
bare=(env -i PATH="$work/bin:/usr/bin:/bin" HOME="$work/home" SLUICEBOX_OFFLINE=1)
if [[ ! -d $library ]]; then
    hidden=()
elif ((EUID == 0)) && unshare --mount true 2>/dev/null; then
    # Debian's sources are hidden from this one run.
    hidden=(unshare --mount sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$library")
else
    hidden=(false)
fi
if [[ ${hidden[*]} != false ]]; then
    if "${hidden[@]}" "${bare[@]}" "$guest" --workspace "$work/a" -o "$work/none" 2>"$work/none.log"; then
        fail "built with nothing to build with"
    fi
    for line in \
        '^error: nothing here can build the wasm guest\. Tried:$' \
        '^  installed target: rustc .* has no libcore in ' \
        '^  rustup target add: not tried, as SLUICEBOX_OFFLINE is set$' \
        '^  rust-src: .* is not there$' \
        '^  rust-src of a nightly: ' \
        "^  Debian's packages: " \
        '^  with rustup:  rustup target add wasm32-wasip1$' \
        '^  on Debian:    apt-get install rustc-web rust-web-src$'; do
        grep -q "$line" "$work/none.log" || { cat "$work/none.log" >&2; fail "not said: $line"; }
    done
    echo "without any way, it says so and what to do"
else
    missing+=("the message when there is no way (hiding $library needs root and unshare)")
fi

printf 'guest: RAN: %s. ' "${ran[*]:-nothing}"
if ((${#missing[@]})); then printf 'NOT RUN: %s' "$(printf '%s. ' "${missing[@]}")"; fi
echo
((${#ran[@]})) || fail "no way to build it"
if [[ -n ${CI:-} && " ${ran[*]} " != *" debian "* ]]; then
    fail "Debian's way has to be there in CI"
fi
