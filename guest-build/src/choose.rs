//! The order in which ways are tried, and what is said when there is none.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::TARGET;
use crate::machine::Machine;
use crate::way::{Kind, Rustc, Way};

/// Where Debian's packages put their compiler, and the root of its libraries.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Linkers of Debian's packages: `rust-web-llvm`, `lld`.
const DEBIAN_LINKERS: [&str; 2] = ["/usr/bin/rust-lld", "/usr/bin/wasm-ld"];

/// The oldest compiler that can build the guest: this workspace's `rust-version`.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

type Step = fn(&dyn Machine) -> Result<Way>;

const STEPS: [(Kind, &str, Step); 5] = [
    (Kind::Rustup, "installed target", installed),
    (Kind::Rustup, "rustup target add", added),
    (Kind::Src, "rust-src", source),
    (Kind::Src, "rust-src of a nightly", nightly),
    (Kind::Debian, "Debian's packages", debian),
];

/// The first way that there is on this machine, or the first one of this kind.
pub(crate) fn choose(machine: &dyn Machine, kind: Option<Kind>) -> Result<Way> {
    let mut tried = String::new();
    for (of, name, step) in STEPS {
        if kind.is_none_or(|kind| kind == of) {
            match step(machine) {
                Ok(way) => return Ok(way),
                Err(why) => tried += &format!("\n  {name}: {why:#}"),
            }
        }
    }
    Err(anyhow!(
        "nothing here can build the wasm guest. Tried:{tried}\n\
         To have it built, do one of these:\n  \
         with rustup:  rustup target add {TARGET}\n  \
         on Debian:    apt-get install rustc-web rust-web-src"
    ))
}

fn installed(machine: &dyn Machine) -> Result<Way> {
    let rustc = machine.rustc()?;
    with_target(machine, rustc)
}

fn added(machine: &dyn Machine) -> Result<Way> {
    ensure!(!machine.offline(), "not tried, as SLUICEBOX_OFFLINE is set");
    let rustc = machine.rustc()?;
    machine.add_target(&rustc)?;
    with_target(machine, rustc).context("rustup found nothing wrong, but")
}

fn source(machine: &dyn Machine) -> Result<Way> {
    let rustc = machine.rustc()?;
    has_sources(machine, &rustc)?;
    Ok(active(machine, Kind::Src, rustc))
}

fn nightly(machine: &dyn Machine) -> Result<Way> {
    let nightlies = machine.nightlies()?;
    ensure!(!nightlies.is_empty(), "no nightly toolchain is installed");
    let mut why = Vec::new();
    for rustc in nightlies {
        match new_enough(&rustc).and_then(|()| has_sources(machine, &rustc)) {
            Ok(()) => {
                let cargo = rustc.program.with_file_name("cargo");
                return Ok(Way { cargo, ..active(machine, Kind::Src, rustc) });
            }
            Err(error) => why.push(error.to_string()),
        }
    }
    bail!("{}", why.join(", "))
}

fn debian(machine: &dyn Machine) -> Result<Way> {
    ensure!(machine.exists(Path::new(DEBIAN_RUSTC)), "{DEBIAN_RUSTC} is not there");
    let rustc = machine.rustc_at(Path::new(DEBIAN_RUSTC))?;
    new_enough(&rustc)?;
    has_sources(machine, &rustc)?;
    // The toolchain's is there wherever rustup is; Debian's own is only recommended with rustc-web.
    let own = machine.path_rustc().map(|rustc| rustc.linker()).ok();
    let mut linkers = own.into_iter().chain(DEBIAN_LINKERS.map(PathBuf::from));
    let linker = linkers.find(|linker| machine.exists(linker)).context(
        "no linker for wasm: neither the toolchain's rust-lld, nor rust-web-llvm's, nor lld's",
    )?;
    Ok(Way { linker: Some(linker), ..active(machine, Kind::Debian, rustc) })
}

/// A way with the cargo in use, and the linker that came with the compiler if one did.
fn active(machine: &dyn Machine, kind: Kind, rustc: Rustc) -> Way {
    let linker = Some(rustc.linker()).filter(|linker| machine.exists(linker));
    Way { kind, rustc, cargo: machine.cargo(), linker, libc: None }
}

/// The way of a compiler that has the target installed.
fn with_target(machine: &dyn Machine, rustc: Rustc) -> Result<Way> {
    let folder = machine.target_libdir(&rustc)?;
    let found = machine.names(&folder).iter().any(|name| is_core(name));
    ensure!(found, "rustc {} has no libcore in {}", rustc.release, folder.display());
    let libc = Some(folder.join("self-contained/libc.a")).filter(|libc| machine.exists(libc));
    Ok(Way { libc, ..active(machine, Kind::Rustup, rustc) })
}

fn is_core(name: &str) -> bool {
    name.starts_with("libcore-") && name.ends_with(".rlib")
}

fn has_sources(machine: &dyn Machine, rustc: &Rustc) -> Result<()> {
    let library = rustc.library();
    ensure!(machine.exists(&library.join("core")), "{} is not there", library.display());
    Ok(())
}

fn new_enough(rustc: &Rustc) -> Result<()> {
    let (program, release) = (rustc.program.display(), &rustc.release);
    ensure!(rustc.is_at_least(OLDEST), "{program} is {release}, and {OLDEST} is needed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LINKER: &str = "/tc/lib/rustlib/host/bin/rust-lld";

    /// A machine on which all that is there is listed.
    #[derive(Default)]
    struct Fake {
        offline: bool,
        /// Whether the core library of the target is there.
        target: Cell<bool>,
        /// Whether rustup can bring it.
        network: bool,
        added: Cell<u32>,
        nightlies: Vec<Rustc>,
        debian: &'static str,
        files: Vec<&'static str>,
    }

    fn compiler(root: &str, release: &str) -> Rustc {
        let verbose = format!("host: host\nrelease: {release}");
        let program = Path::new(root).join("bin/rustc");
        Rustc::parse(program, root.into(), &verbose).expect("a compiler")
    }

    impl Machine for Fake {
        fn offline(&self) -> bool {
            self.offline
        }

        fn cargo(&self) -> PathBuf {
            "cargo".into()
        }

        fn rustc(&self) -> Result<Rustc> {
            self.path_rustc()
        }

        fn path_rustc(&self) -> Result<Rustc> {
            Ok(compiler("/tc", "1.95.0"))
        }

        fn rustc_at(&self, program: &Path) -> Result<Rustc> {
            assert_eq!(program, Path::new(DEBIAN_RUSTC));
            Ok(compiler("/usr", self.debian))
        }

        fn target_libdir(&self, _: &Rustc) -> Result<PathBuf> {
            Ok("/tc/lib/rustlib/wasm32-wasip1/lib".into())
        }

        fn add_target(&self, _: &Rustc) -> Result<()> {
            self.added.set(self.added.get() + 1);
            self.target.set(self.network);
            ensure!(self.network, "no network");
            Ok(())
        }

        fn nightlies(&self) -> Result<Vec<Rustc>> {
            Ok(self.nightlies.clone())
        }

        fn exists(&self, path: &Path) -> bool {
            self.files.iter().any(|file| Path::new(file).starts_with(path))
        }

        fn names(&self, _: &Path) -> Vec<String> {
            let names = if self.target.get() {
                &["libcore-0.rlib"][..]
            } else {
                &["libcore.so", "liballoc-0.rlib"]
            };
            names.iter().map(ToString::to_string).collect()
        }
    }

    /// A machine with everything, to take things away from.
    fn full() -> Fake {
        Fake {
            target: Cell::new(true),
            network: true,
            nightlies: vec![compiler("/old", "1.80.0-nightly"), compiler("/new", "1.97.0-nightly")],
            debian: "1.96.0",
            files: vec![
                LINKER,
                "/tc/lib/rustlib/wasm32-wasip1/lib/self-contained/libc.a",
                "/tc/lib/rustlib/src/rust/library/core",
                "/old/lib/rustlib/src/rust/library/core",
                "/new/lib/rustlib/src/rust/library/core",
                "/usr/lib/rustlib/src/rust/library/core",
                "/usr/bin/rustc",
                "/usr/bin/rust-lld",
                "/usr/bin/wasm-ld",
            ],
            ..Fake::default()
        }
    }

    fn chosen(machine: &Fake) -> String {
        choose(machine, None).map_or_else(|why| why.to_string(), |way| way.to_string())
    }

    fn without(machine: &mut Fake, file: &str) {
        let before = machine.files.len();
        machine.files.retain(|one| !one.starts_with(file));
        assert!(machine.files.len() < before, "{file}");
    }

    #[test]
    fn ways_are_taken_in_their_order() {
        let mut machine = full();
        assert_eq!(chosen(&machine), "the wasm32-wasip1 target of rustc 1.95.0");
        assert_eq!(machine.added.get(), 0);

        machine.target.set(false);
        assert_eq!(chosen(&machine), "the wasm32-wasip1 target of rustc 1.95.0");
        assert_eq!(machine.added.get(), 1);

        (machine.network, machine.offline) = (false, false);
        machine.target.set(false);
        assert_eq!(chosen(&machine), "rust-src of rustc 1.95.0 with build-std");
        assert_eq!(machine.added.get(), 2);

        without(&mut machine, "/tc/lib/rustlib/src");
        assert_eq!(chosen(&machine), "rust-src of rustc 1.97.0-nightly with build-std");
        let nightly = choose(&machine, None).expect("a way");
        assert_eq!(nightly.cargo, Path::new("/new/bin/cargo"));

        without(&mut machine, "/new/lib/rustlib/src");
        assert_eq!(chosen(&machine), "Debian's rustc-web 1.96.0 and rust-web-src");
    }

    #[test]
    fn a_kind_that_is_asked_for_is_the_only_one_tried() {
        let machine = full();
        for kind in [Kind::Rustup, Kind::Src, Kind::Debian] {
            assert_eq!(choose(&machine, Some(kind)).expect("a way").kind(), kind);
        }
        assert_eq!(choose(&Fake::default(), Some(Kind::Src)).expect_err("none").to_string(), {
            "nothing here can build the wasm guest. Tried:\n  \
             rust-src: /tc/lib/rustlib/src/rust/library is not there\n  \
             rust-src of a nightly: no nightly toolchain is installed\n\
             To have it built, do one of these:\n  \
             with rustup:  rustup target add wasm32-wasip1\n  \
             on Debian:    apt-get install rustc-web rust-web-src"
        });
    }

    #[test]
    fn nothing_is_downloaded_offline() {
        let machine = Fake { offline: true, target: Cell::new(false), ..full() };
        assert_eq!(chosen(&machine), "rust-src of rustc 1.95.0 with build-std");
        assert_eq!(machine.added.get(), 0);
    }

    #[test]
    fn with_nothing_there_every_reason_is_said_and_what_to_do() {
        let mut machine = Fake { files: vec![DEBIAN_RUSTC], debian: "1.63.0", ..Fake::default() };
        machine.nightlies = vec![compiler("/old", "1.80.0-nightly")];
        assert_eq!(
            chosen(&machine),
            "nothing here can build the wasm guest. Tried:\n  \
             installed target: rustc 1.95.0 has no libcore in /tc/lib/rustlib/wasm32-wasip1/lib\n  \
             rustup target add: no network\n  \
             rust-src: /tc/lib/rustlib/src/rust/library is not there\n  \
             rust-src of a nightly: /old/bin/rustc is 1.80.0-nightly, and 1.88 is needed\n  \
             Debian's packages: /usr/bin/rustc is 1.63.0, and 1.88 is needed\n\
             To have it built, do one of these:\n  \
             with rustup:  rustup target add wasm32-wasip1\n  \
             on Debian:    apt-get install rustc-web rust-web-src"
        );
    }

    #[test]
    fn each_way_has_its_linker() {
        let mut machine = full();
        let linker = |machine: &Fake, kind| {
            choose(machine, Some(kind)).map(|way| way.linker).map_err(|why| why.to_string())
        };
        assert_eq!(linker(&machine, Kind::Rustup), Ok(Some(LINKER.into())));
        assert_eq!(linker(&machine, Kind::Debian), Ok(Some(LINKER.into())));
        without(&mut machine, LINKER);
        // Then the compiler knows better.
        assert_eq!(linker(&machine, Kind::Rustup), Ok(None));
        for one in DEBIAN_LINKERS {
            assert_eq!(linker(&machine, Kind::Debian), Ok(Some(one.into())));
            without(&mut machine, one);
        }
        let why = linker(&machine, Kind::Debian).expect_err("none");
        assert!(why.contains("Debian's packages: no linker for wasm"), "{why}");
    }

    #[test]
    fn only_an_installed_core_library_leaves_memcmp_to_libc() {
        let libc = |kind| choose(&full(), Some(kind)).expect("a way").libc.is_some();
        assert_eq!([Kind::Rustup, Kind::Src, Kind::Debian].map(libc), [true, false, false]);
    }
}
