//! `cargo guest`: builds the wasm guest, and says what came out.

#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use sha2::{Digest as _, Sha256};
use sluicebox_guest_build::{Kind, build_by, find, inspect};

/// Build the wasm guest.
#[derive(Parser)]
#[command(name = "cargo guest", version)]
struct Cli {
    /// Build in this way only [default: the first that there is]
    #[arg(long)]
    way: Option<Kind>,
    /// Where to put the module [default: target/guest/sluicebox_guest.wasm of the workspace]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The workspace whose guest to build
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/.."))]
    workspace: PathBuf,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let folder = cli.workspace.join("target/guest");
    let built = build_by(find(&cli.workspace, cli.way)?, &cli.workspace, &folder)?;
    let output = cli.output.unwrap_or_else(|| folder.join("sluicebox_guest.wasm"));
    let bytes = fs::read(&built.module)?;
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&output, &bytes).with_context(|| format!("cannot write {}", output.display()))?;
    println!("built with {}", built.way);
    println!("{}", shown(&output).display());
    println!("{} bytes", bytes.len());
    println!("SHA-256 {}", hex(&Sha256::digest(&bytes)));
    print!("{}", inspect(&bytes)?);
    Ok(())
}

/// A path without the steps up and down in it.
fn shown(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
