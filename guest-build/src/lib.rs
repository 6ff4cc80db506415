//! Builds the wasm guest on any machine that has some Rust.
//!
//! ```text
//!  choose ──▶ Way ──▶ cargo build, in an environment of its own ──▶ inspect ──▶ Built
//!    │ machine: what is installed
//! ```
//!
//! For build scripts, and for the command line (`cargo guest`). The order in which ways are tried
//! is [`Way`]'s. With `SLUICEBOX_OFFLINE` set, nothing is downloaded.

#![forbid(unsafe_code)]

mod machine;
mod way;
mod choose;
mod environment;
mod interface;
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

pub use interface::{Interface, inspect};
pub use way::{Kind, Way};

use machine::{Local, offline};

/// What the guest is built for: WASI's target, without any of WASI in it.
const TARGET: &str = "wasm32-wasip1";

/// A guest that has been built, and whose imports and exports are what they should be.
#[derive(Debug)]
pub struct Built {
    /// The `.wasm` file.
    pub module: PathBuf,
    /// What it was built with.
    pub way: Way,
}

/// Builds the guest of `workspace` in the first way that there is. Intermediate files go to
/// `out_dir`, which may be a build script's.
///
/// # Errors
///
/// As [`find`] and [`build_by`].
pub fn build(workspace: &Path, out_dir: &Path) -> Result<Built> {
    build_by(find(workspace, None)?, workspace, out_dir)
}

/// Looks for a way to build the guest of `workspace`: for the first one, or for one of this kind.
/// This may install a target with rustup, within a minute.
///
/// # Errors
///
/// When there is none. The message says what was tried, why it failed, and what to install.
pub fn find(workspace: &Path, kind: Option<Kind>) -> Result<Way> {
    choose::choose(&Local::new(workspace), kind)
}

/// Builds the guest of `workspace` in this way. Intermediate files go to a folder for each kind of
/// way in `out_dir`.
///
/// # Errors
///
/// When cargo fails (its own message is on standard error), or when the module is not what it
/// should be.
pub fn build_by(way: Way, workspace: &Path, out_dir: &Path) -> Result<Built> {
    let module =
        compile(&way, workspace, out_dir, &["sluicebox-guest"])?.join("sluicebox_guest.wasm");
    let bytes = fs::read(&module).with_context(|| format!("cargo made no {}", module.display()))?;
    let faults = inspect(&bytes)?.faults();
    ensure!(faults.is_empty(), "{} is no guest: {}", module.display(), faults.join("; "));
    Ok(Built { module, way })
}

/// Builds packages of `workspace` that are WebAssembly programs without a standard library, and
/// returns the folder with their modules. Intermediate files go where those of [`build_by`] go.
///
/// # Errors
///
/// When cargo fails; its own message is on standard error.
pub fn compile(way: &Way, workspace: &Path, out_dir: &Path, packages: &[&str]) -> Result<PathBuf> {
    let workspace = workspace
        .canonicalize()
        .with_context(|| format!("no workspace at {}", workspace.display()))?;
    // Fingerprints of different compilers would drive each other out.
    let target_dir = out_dir.join(way.kind.to_string());
    fs::create_dir_all(&target_dir)
        .with_context(|| format!("cannot make {}", target_dir.display()))?;
    let target_dir = target_dir.canonicalize()?;

    let mut cargo = Command::new(&way.cargo);
    cargo.current_dir(&workspace);
    cargo.args(["build", "--profile", "guest", "--locked"]);
    for package in packages {
        cargo.args(["-p", package]);
    }
    cargo.args(["--target", TARGET, "--target-dir"]).arg(&target_dir);
    if way.builds_std() {
        cargo.args(["-Zbuild-std=core,alloc", "-Zbuild-std-features=compiler-builtins-mem"]);
    }
    if offline() {
        cargo.arg("--offline");
    }
    environment::set(&mut cargo, way, &workspace, &target_dir);
    process::run(&mut cargo).with_context(|| format!("cannot build for WebAssembly with {way}"))?;
    Ok(target_dir.join(TARGET).join("guest"))
}
