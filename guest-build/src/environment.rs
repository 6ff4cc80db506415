//! The environment of the inner cargo: the machine's, without what an outer cargo added.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::way::Way;

/// Settings of cargo that say where things are and how to reach the network.
const KEPT: [&str; 5] =
    ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_"];

/// What cargo sets for build scripts and runs, what would change the module, and the job server,
/// which has its tokens for the outer build.
const REMOVED: [&str; 19] = [
    "CARGO",
    "CARGO_",
    "__CARGO_",
    "RUSTC",
    "RUSTC_",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "DEP_",
    "MAKEFLAGS",
    "MFLAGS",
    "HOST",
    "TARGET",
    "OUT_DIR",
    "PROFILE",
    "NUM_JOBS",
    "OPT_LEVEL",
    "DEBUG",
    "SOURCE_DATE_EPOCH",
];

/// Sets what an inner cargo is to see.
pub(crate) fn set(cargo: &mut Command, way: &Way, workspace: &Path, target_dir: &Path) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_removed) {
            cargo.env_remove(name);
        }
    }
    cargo.env("RUSTC", &way.rustc.program);
    // These win over the user's configuration files, which know nothing of this build. A build
    // folder shared with the outer cargo is locked by it.
    cargo.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
    cargo.env("CARGO_BUILD_BUILD_DIR", target_dir);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(way, workspace, &cargo_home()));
    if let Some(linker) = &way.linker {
        cargo.env("CARGO_TARGET_WASM32_WASIP1_LINKER", linker);
    }
    if way.builds_std() {
        cargo.env("RUSTC_BOOTSTRAP", "1");
    }
}

fn is_removed(name: &str) -> bool {
    is_one_of(&REMOVED, name) && !is_one_of(&KEPT, name)
}

/// Whether `name` is in the list, or begins with one of the list that ends in an underscore.
fn is_one_of(list: &[&str], name: &str) -> bool {
    list.iter().any(|one| name == *one || (one.ends_with('_') && name.starts_with(one)))
}

/// The compiler's flags, separated as cargo wants them.
fn flags(way: &Way, workspace: &Path, cargo_home: &Path) -> OsString {
    // No start code of WASI's, and no C library but what `libc` is for.
    let mut flags = OsString::from("-Clink-self-contained=no");
    if let Some(libc) = &way.libc {
        flags.push("\x1f-Clink-arg=");
        flags.push(libc);
    }
    // The same bytes wherever things lie. Of several that fit, the last one counts.
    let sources = way.rustc.sources();
    for (from, to) in [(workspace, "/sluicebox"), (cargo_home, "/cargo"), (&sources, "/rust")] {
        for part in [OsStr::new("\x1f--remap-path-prefix="), from.as_os_str(), OsStr::new("=")] {
            flags.push(part);
        }
        flags.push(to);
    }
    flags
}

/// Where cargo keeps downloaded crates.
fn cargo_home() -> PathBuf {
    let set = env::var_os("CARGO_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    set.unwrap_or_else(|| env::home_dir().unwrap_or_default().join(".cargo"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::way::{Kind, Rustc};

    #[test]
    fn nothing_of_an_outer_cargo_is_left_but_the_way_to_the_network() {
        for name in [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_MAKEFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_TARGET_DIR",
            "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS",
            "CARGO_PROFILE_GUEST_OPT_LEVEL",
            "CARGO_INCREMENTAL",
            "CARGO_HOMES",
            "RUSTFLAGS",
            "RUSTC",
            "RUSTC_WRAPPER",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_BOOTSTRAP",
            "DEP_Z_ROOT",
            "TARGET",
            "OUT_DIR",
            "PROFILE",
        ] {
            assert!(is_removed(name), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_CRATES_IO_PROTOCOL",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "HTTPS_PROXY",
            "https_proxy",
            "HOME",
            "HOSTNAME",
            "PATH",
            "LD_LIBRARY_PATH",
        ] {
            assert!(!is_removed(name), "{name}");
        }
    }

    #[test]
    fn flags_with_spaces_in_paths_stay_whole() {
        let verbose = "host: h\nrelease: 1.96.0";
        let rustc = Rustc::parse("rustc".into(), "/r".into(), verbose).expect("a compiler");
        let (cargo, libc) = ("cargo".into(), Some("/r t/libc.a".into()));
        let way = Way { kind: Kind::Rustup, rustc, cargo, linker: None, libc };
        let flags = flags(&way, Path::new("/a b"), Path::new("/a b/c"));
        assert_eq!(
            flags.to_str().expect("text").split('\x1f').collect::<Vec<_>>(),
            [
                "-Clink-self-contained=no",
                "-Clink-arg=/r t/libc.a",
                "--remap-path-prefix=/a b=/sluicebox",
                "--remap-path-prefix=/a b/c=/cargo",
                "--remap-path-prefix=/r/lib/rustlib/src/rust=/rust",
            ]
        );
    }
}
