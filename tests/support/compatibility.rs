//! The table of docs/compatibility.md: a line for each thing that a client was seen to do, written
//! by the test that saw it, when it has passed. `tests/compatibility.sh` puts them together.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::flv::read;
use crate::server::binary;
use crate::tool::{run, target, tool};

/// Writes down that a publish of `pushed` was recorded whole: how many tags that were.
pub fn recorded(client: &str, version: &str, pushed: &str, recording: &Path) {
    let tags = read(recording).len();
    line(client, version, pushed, &format!("complete, {tags} tags"));
}

/// The same of a client that runs for as long as it happens to: the number differs from run to run.
pub fn recorded_while_it_ran(client: &str, version: &str, pushed: &str) {
    line(client, version, pushed, "complete");
}

/// Writes down what a client made of a refusal.
pub fn refused(client: &str, version: &str, with: &str, shows: &str) {
    line(client, version, with, shows);
}

fn line(client: &str, version: &str, pushed: &str, result: &str) {
    let binary = binary();
    let name = binary.file_name().expect("a binary has a name");
    let folder = target().join("tmp/compatibility").join(name);
    fs::create_dir_all(&folder).expect("a folder for lines");
    let all = format!("{client} {version} {pushed}");
    let file: String = all.chars().filter(|c| c.is_alphanumeric()).collect();
    let text = format!("| {client} | {version} | {pushed} | {result} |\n");
    fs::write(folder.join(file), text).expect("a line can be written");
}

/// The version of a Debian package.
pub fn debian(package: &str) -> String {
    let mut query = tool("dpkg-query");
    let output = run(query.args(["--show", "--showformat=${Version}", package]));
    String::from_utf8(output.stdout).expect("a version is text")
}

/// GStreamer's version.
pub fn gstreamer() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let output = run(tool("gst-launch-1.0").arg("--version"));
        let text = String::from_utf8(output.stdout).expect("a version is text");
        let version = text.lines().find_map(|line| line.strip_prefix("GStreamer "));
        version.expect("a line with the version").to_owned()
    })
}
