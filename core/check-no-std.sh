#!/usr/bin/env bash
# Holds the core to core and alloc.
#
# The crate is `#![no_std]` without `extern crate std`, so its own code cannot name std. What is left
# to check: that no dependency turns a `std` feature on, and, where a target without std is
# installed, that all of it builds there.
set -euo pipefail
cd "$(dirname "$0")"

grep -q '^#!\[no_std\]' src/lib.rs
grep -q '^#!\[forbid(unsafe_code)\]' src/lib.rs
# Test modules bring std in for themselves; nothing else may.
if grep -rn 'extern crate std' src | grep -v ':    extern crate std;'; then
    echo "the core must not link std" >&2
    exit 1
fi
if cargo tree --edges normal,features --locked | grep 'feature "std"'; then
    echo "a dependency of the core turns std on" >&2
    exit 1
fi
for target in $(rustup target list --installed 2>/dev/null || true); do
    case "$target" in
        *-none* | wasm32-unknown-unknown)
            echo "building for $target"
            cargo build --locked --quiet --target "$target"
            ;;
    esac
done
echo "the core needs core and alloc only"
