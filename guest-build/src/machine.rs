//! What is installed: asked for by a trait, so that choosing can be tested without it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::TARGET;
use crate::process;
use crate::way::Rustc;

/// How long rustup may take to download the target: it takes seconds, or hangs.
const DOWNLOAD: Duration = Duration::from_secs(60);

/// Whether nothing is to be downloaded.
pub(crate) fn offline() -> bool {
    env::var_os("SLUICEBOX_OFFLINE").is_some_and(|value| !value.is_empty())
}

/// The machine, as far as choosing a way asks.
pub(crate) trait Machine {
    fn offline(&self) -> bool;
    /// The cargo in use.
    fn cargo(&self) -> PathBuf;
    /// The compiler in use.
    fn rustc(&self) -> Result<Rustc>;
    /// The compiler that would be in use if nothing else were asked for.
    fn path_rustc(&self) -> Result<Rustc>;
    fn rustc_at(&self, program: &Path) -> Result<Rustc>;
    /// Where a compiler has the core library of the guest's target.
    fn target_libdir(&self, rustc: &Rustc) -> Result<PathBuf>;
    /// Has rustup add the guest's target to the toolchain in use.
    fn add_target(&self, rustc: &Rustc) -> Result<()>;
    /// The compilers of nightly toolchains that rustup has installed.
    fn nightlies(&self) -> Result<Vec<Rustc>>;
    fn exists(&self, path: &Path) -> bool;
    /// The names in a folder; none if it is not there.
    fn names(&self, folder: &Path) -> Vec<String>;
}

/// This machine.
pub(crate) struct Local {
    /// Which toolchain is in use may depend on the folder.
    workspace: PathBuf,
}

impl Local {
    pub(crate) fn new(workspace: &Path) -> Self {
        Self { workspace: workspace.to_owned() }
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.workspace);
        command
    }
}

impl Machine for Local {
    fn offline(&self) -> bool {
        offline()
    }

    fn cargo(&self) -> PathBuf {
        env::var_os("CARGO").map_or_else(|| "cargo".into(), program)
    }

    fn rustc(&self) -> Result<Rustc> {
        match env::var_os("RUSTC") {
            Some(named) if !named.is_empty() => self.rustc_at(&program(named)),
            _ => self.path_rustc(),
        }
    }

    fn path_rustc(&self) -> Result<Rustc> {
        self.rustc_at(Path::new("rustc"))
    }

    fn rustc_at(&self, program: &Path) -> Result<Rustc> {
        let verbose = process::output(self.command(program).arg("-vV"))?;
        let sysroot = process::output(self.command(program).args(["--print", "sysroot"]))?;
        Rustc::parse(program.to_owned(), sysroot.into(), &verbose)
    }

    fn target_libdir(&self, rustc: &Rustc) -> Result<PathBuf> {
        let mut command = self.command(&rustc.program);
        command.args(["--print", "target-libdir", "--target", TARGET]);
        Ok(process::output(&mut command)?.into())
    }

    fn add_target(&self, rustc: &Rustc) -> Result<()> {
        let of_rustup = process::output(self.command("rustup").args(["which", "rustc"]))?;
        // Else the target would go where this compiler does not look.
        let same = match (Path::new(&of_rustup).canonicalize(), rustc.sysroot.canonicalize()) {
            (Ok(of_rustup), Ok(sysroot)) => of_rustup.starts_with(sysroot),
            _ => false,
        };
        ensure!(same, "{} is not rustup's", rustc.sysroot.display());
        let mut command = self.command("rustup");
        process::run_within(command.args(["target", "add", TARGET]), DOWNLOAD)
    }

    fn nightlies(&self) -> Result<Vec<Rustc>> {
        let list = process::output(self.command("rustup").args(["toolchain", "list"]))?;
        let names = list.lines().filter_map(|line| line.split_whitespace().next());
        let nightlies = names.filter(|name| name.starts_with("nightly"));
        nightlies
            .map(|name| {
                let mut which = self.command("rustup");
                let rustc = process::output(which.args(["which", "--toolchain", name, "rustc"]))?;
                self.rustc_at(Path::new(&rustc)).with_context(|| format!("toolchain {name}"))
            })
            .collect()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }
}

/// A program named by the environment: found on the path if it is a bare name, else a file, here
/// and not in the folder that it is run in.
fn program(named: impl Into<PathBuf>) -> PathBuf {
    let named = named.into();
    if named.components().count() > 1 {
        std::path::absolute(&named).unwrap_or(named)
    } else {
        named
    }
}
