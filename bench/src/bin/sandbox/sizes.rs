//! Sizes of what is built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use sluicebox_bench::table;

use crate::Args;
use crate::server::beside;
use crate::start::COMPILER;
use crate::values::mib;

const CASE: &str = "sizes";
/// Machine code in the output of the sandbox's build script.
const CODE: &str = "guest.cwasm";

/// Prints the sizes of the binaries that are beside this one, and of the guest.
pub(crate) fn print(args: &Args) -> Result<()> {
    if !args.wants(CASE) {
        return Ok(());
    }
    println!("### Sizes\n");
    table::header(&["", "as built MiB", "stripped MiB"]);
    for name in ["sluicebox", "sluicebox-host", COMPILER] {
        let program = beside(name)?;
        if let Ok(file) = program.metadata() {
            let stripped = stripped(&program, &args.dir);
            let stripped = stripped.map_or_else(|| "no `strip`".to_owned(), size);
            table::row(&[format!("`{name}`"), size(file.len()), stripped]);
        }
    }
    let code = built()?.map(|out| out.join(CODE));
    for (what, file) in [("the guest's module", guest(args)?), ("its machine code", code)] {
        if let Some(file) = file {
            table::row(&[what.to_owned(), size(file.metadata()?.len()), String::new()]);
        }
    }
    println!();
    Ok(())
}

fn size(bytes: u64) -> String {
    format!("{:.2}", mib(bytes))
}

/// The size of `program` without symbols.
fn stripped(program: &Path, dir: &Path) -> Option<u64> {
    let copy = dir.join("stripped");
    let done = Command::new("strip").arg("-o").arg(&copy).arg(program).status().ok()?.success();
    let len = done.then(|| copy.metadata().ok()).flatten()?.len();
    fs::remove_file(copy).ok()?;
    Some(len)
}

/// The guest's module: the one that was named, or that of the last build beside this program.
pub(crate) fn guest(args: &Args) -> Result<Option<PathBuf>> {
    if args.guest.is_some() {
        return Ok(args.guest.clone());
    }
    let Some(out) = built()? else { return Ok(None) };
    for way in fs::read_dir(out)? {
        let module = way?.path().join("wasm32-wasip1/guest/sluicebox_guest.wasm");
        if module.is_file() {
            return Ok(Some(module));
        }
    }
    Ok(None)
}

/// What the build script of the sandbox has left, the last time it ran.
fn built() -> Result<Option<PathBuf>> {
    let Ok(builds) = fs::read_dir(beside("build")?) else { return Ok(None) };
    let mut last = None;
    for build in builds {
        let out = build?.path().join("out");
        if let Ok(when) = out.join(CODE).metadata().and_then(|file| file.modified()) {
            last = last.max(Some((when, out)));
        }
    }
    Ok(last.map(|(_, out)| out))
}
