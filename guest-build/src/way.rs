//! A toolchain that can build the guest.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

/// The kinds of ways, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// The target's core library, installed or installed now by rustup.
    Rustup,
    /// The core library built from the toolchain's `rust-src`, or from a nightly toolchain's.
    Src,
    /// The same from Debian's packages `rustc-web` and `rust-web-src`.
    Debian,
}

/// A toolchain that can build the guest: found, not built with yet.
///
/// In this order: the compiler in use with the target, installed or added by rustup; its
/// `rust-src`; a nightly toolchain's; Debian's packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    pub(crate) kind: Kind,
    pub(crate) rustc: Rustc,
    pub(crate) cargo: PathBuf,
    /// A linker for wasm, where the compiler is not left to find its own.
    pub(crate) linker: Option<PathBuf>,
    /// The target's C library, for `memcmp`: the core library of an installed target leaves such
    /// functions to it. A core library that is built here has its own.
    pub(crate) libc: Option<PathBuf>,
}

impl Way {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the core library is built too, which only unstable features of cargo do.
    pub(crate) fn builds_std(&self) -> bool {
        self.kind != Kind::Rustup
    }
}

/// A compiler that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rustc {
    /// What to run.
    pub(crate) program: PathBuf,
    pub(crate) sysroot: PathBuf,
    /// The target it runs on.
    pub(crate) host: String,
    /// Its version as it says it.
    pub(crate) release: String,
}

impl Rustc {
    /// From the output of `rustc -vV`.
    pub(crate) fn parse(program: PathBuf, sysroot: PathBuf, verbose: &str) -> Result<Self> {
        let field = |name: &str| {
            let value = verbose.lines().find_map(|line| line.strip_prefix(name));
            value.map(str::trim).with_context(|| format!("{}: no {name}", program.display()))
        };
        let (host, release) = (field("host:")?.to_owned(), field("release:")?.to_owned());
        Ok(Self { program, sysroot, host, release })
    }

    /// The sources of its standard library, if they are installed.
    pub(crate) fn library(&self) -> PathBuf {
        self.sources().join("library")
    }

    /// Where `rust-src` goes.
    pub(crate) fn sources(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib/src/rust")
    }

    /// The linker that rustup installs with it.
    pub(crate) fn linker(&self) -> PathBuf {
        let name = format!("rust-lld{}", std::env::consts::EXE_SUFFIX);
        self.sysroot.join("lib/rustlib").join(&self.host).join("bin").join(name)
    }

    /// Whether it can compile what asks for at least Rust `wanted`. A version that cannot be read
    /// cannot.
    pub(crate) fn is_at_least(&self, wanted: &str) -> bool {
        version(&self.release).is_some_and(|found| Some(found) >= version(wanted))
    }
}

/// The numbers of `1.88`, `1.96.0` or `1.97.0-nightly`.
fn version(text: &str) -> Option<[u32; 3]> {
    let mut numbers = [0; 3];
    let mut parts = text.split('-').next()?.split('.');
    for (at, place) in numbers.iter_mut().enumerate() {
        *place = match parts.next() {
            Some(part) => part.parse().ok()?,
            None if at < 2 => return None,
            None => 0,
        };
    }
    parts.next().is_none().then_some(numbers)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rustup => "rustup",
            Self::Src => "src",
            Self::Debian => "debian",
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let release = &self.rustc.release;
        match self.kind {
            Kind::Rustup => write!(f, "the {} target of rustc {release}", crate::TARGET),
            Kind::Src => write!(f, "rust-src of rustc {release} with build-std"),
            Kind::Debian => write!(f, "Debian's rustc-web {release} and rust-web-src"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)
binary: rustc
host: x86_64-unknown-linux-gnu
release: 1.96.0
LLVM version: 22.1.2
";

    fn rustc(release: &str) -> Rustc {
        let verbose = DEBIAN.replace("1.96.0", release);
        Rustc::parse("rustc".into(), "/usr".into(), &verbose).expect("a compiler")
    }

    #[test]
    fn a_compiler_is_read_from_what_it_says() {
        let rustc = rustc("1.96.0");
        assert_eq!((&*rustc.host, &*rustc.release), ("x86_64-unknown-linux-gnu", "1.96.0"));
        assert_eq!(rustc.library(), PathBuf::from("/usr/lib/rustlib/src/rust/library"));
        let linker = rustc.linker();
        assert!(linker.starts_with("/usr/lib/rustlib/x86_64-unknown-linux-gnu/bin"), "{linker:?}");
        let error = Rustc::parse("/x/rustc".into(), "/".into(), "rustc 1.96.0").expect_err("short");
        assert_eq!(error.to_string(), "/x/rustc: no host:");
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (found, wanted, well) in [
            ("1.88.0", "1.88", true),
            ("1.100.0", "1.88", true),
            ("1.97.0-nightly", "1.97.0", true),
            ("2.0.0", "1.88", true),
            ("1.87.9", "1.88", false),
            ("1.63.0", "1.88", false),
            ("1.88.1", "1.88.2", false),
            ("new", "1.88", false),
            ("2", "1.88", false),
            ("1.2.3.4", "1.0", false),
        ] {
            assert_eq!(rustc(found).is_at_least(wanted), well, "{found} for {wanted}");
        }
    }

    #[test]
    fn a_way_says_what_it_is() {
        let rustc = rustc("1.96.0");
        let way = |kind| Way {
            kind,
            rustc: rustc.clone(),
            cargo: "cargo".into(),
            linker: None,
            libc: None,
        };
        let texts = [Kind::Rustup, Kind::Src, Kind::Debian].map(|kind| way(kind).to_string());
        assert_eq!(
            texts,
            [
                "the wasm32-wasip1 target of rustc 1.96.0",
                "rust-src of rustc 1.96.0 with build-std",
                "Debian's rustc-web 1.96.0 and rust-web-src",
            ]
        );
    }
}
