//! `sluicebox check` and `sluicebox decode`, on files and captures of every kind.

/// Recordings and files of others, whole and damaged.
mod check;
/// Captured clients, as bytes and as packets.
mod decode;

use std::path::Path;
use std::process::{Command, Output};

use sluicebox_tests::server::binary;
use sluicebox_tests::tool::Running;

/// The server's binary with a subcommand, its environment being nobody's.
fn tool(subcommand: &str) -> Command {
    let mut command = Command::new(binary());
    command.arg(subcommand).stdin(std::process::Stdio::null());
    command
}

/// Runs a tool to its end, and gives its exit code and what it wrote.
fn run(command: &mut Command) -> (i32, Output) {
    let output = Running::start(command).output();
    (output.status.code().expect("an exit code"), output)
}

/// What it said on standard error.
fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a file, and gives its path.
fn file(folder: &Path, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}
