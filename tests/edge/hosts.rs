use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};

use sluicebox_tests::tool::{Running, run, target, tool};
use sluicebox_tests::wire::Script;
use tempfile::TempDir;

use super::{Ended, made, only_recording, seed};

/// A host of the examples. It says first on which port it listens.
struct Host {
    folder: TempDir,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
    child: Ended,
}

impl Host {
    fn start(program: &Path, arguments: &[PathBuf]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = tool(program);
        command.args(arguments).arg(folder.path()).arg("0");
        command.env("PYTHONPATH", made("edge-tools/python"));
        let mut child = Ended(command.stdout(Stdio::piped()).spawn().expect("the host starts"));
        let mut lines = BufReader::new(child.0.stdout.take().expect("stdout is piped")).lines();
        let listening = lines.next().expect("a line").expect("a line");
        let port = listening.strip_prefix("listening on ").and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("{listening}"));
        Self { folder, lines, port, child }
    }

    fn next(&mut self) -> String {
        self.lines.next().expect("one more line").expect("a line")
    }
}

/// A host of the examples records the seed case, and says how many messages it received and wrote. A
/// stream is called as bytes say that are no text.
fn record(program: impl AsRef<Path>, arguments: &[PathBuf]) {
    let encode = seed();
    let mut host = Host::start(program.as_ref(), arguments);
    run(&mut encode.push_live(&format!("rtmp://127.0.0.1:{}/live/cam", host.port)));
    assert_eq!(host.next(), "63 messages received, 63 written");
    encode.assert_recorded(&only_recording(host.folder.path()));

    // Not the name of a file, nor text: put in place of what the script can say.
    let mut bytes = Script::hello().to_publish("live", "../x").bytes().to_vec();
    while let Some(at) = bytes.windows(4).position(|four| four == b"../x") {
        bytes[at..at + 4].copy_from_slice(b"../\xff");
    }
    let mut host = Host::start(program.as_ref(), arguments);
    let mut peer = TcpStream::connect(("127.0.0.1", host.port)).expect("it listens");
    peer.write_all(&bytes).expect("it reads");
    peer.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(host.next(), "0 messages received, 0 written");
    drop(host.child);
    let path = only_recording(host.folder.path());
    let name = path.file_name().expect("a name").to_string_lossy();
    assert!(name.starts_with("live-%2E%2E%2F%FF-"), "{name}");
}

#[test]
fn a_host_in_node() {
    let arguments = [made("edge-tools/node/host.mjs"), made("guest/sluicebox_guest.wasm")];
    record("node", &arguments);
}

#[test]
fn a_host_in_python() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/host.py");
    let arguments = [example, made("guest/sluicebox_guest.wasm")];
    record("python3", &arguments);
}

#[test]
fn the_component_in_node() {
    let arguments = [made("edge-tools/node/component.mjs"), made("edge/sluicebox-ingest.wasm")];
    record("node", &arguments);
}

fn component_host() -> PathBuf {
    let host = target().join("debug/component-host");
    let missing = "is not there: run cargo build -p sluicebox-component-host";
    assert!(host.is_file(), "{} {missing}", host.display());
    host
}

#[test]
fn the_component_in_rust() {
    record(component_host(), &[made("edge/sluicebox-ingest.wasm")]);
}

/// Lines of an example that are neither empty nor a comment.
fn lines_of_code(file: &str) -> usize {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(file);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    // Python's has its comment at the start in quotes.
    let code = text.strip_prefix("\"\"\"").and_then(|text| text.split_once("\"\"\""));
    let code = code.map_or(&*text, |(_, code)| code).lines().map(str::trim);
    code.filter(|line| !line.is_empty() && !line.starts_with("//") && !line.starts_with('#'))
        .count()
}

#[test]
fn what_drives_the_guest_is_forty_lines() {
    for file in ["node/host.mjs", "node/component.mjs", "python/host.py"] {
        let lines = lines_of_code(file);
        assert!((10..=40).contains(&lines), "{file}: {lines} lines");
    }
}

#[test]
fn the_guest_traps_where_its_interface_says_so() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("traps.mjs");
    run(tool("node").arg(script).arg(made("guest/sluicebox_guest.wasm")));
}

/// A module with a memory and a `version` that says 3.
const NEWER: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x05\x01\x60\0\x01\x7f\
    \x03\x02\x01\0\
    \x05\x03\x01\0\x01\
    \x07\x14\x02\x06memory\x02\0\x07version\0\0\
    \x0a\x06\x01\x04\0\x41\x03\x0b";

/// A component with nothing in it.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn hosts_refuse_what_speaks_another_version() {
    let folder = TempDir::new().expect("a folder");
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/host.py");
    for (program, host, guest, said) in [
        (Path::new("node"), made("edge-tools/node/host.mjs"), NEWER, "has version 3 of the"),
        (Path::new("python3"), python, NEWER, "has version 3 of the interface"),
        (
            Path::new("node"),
            made("edge-tools/node/component.mjs"),
            EMPTY,
            "has no sluicebox:ingest",
        ),
        (&component_host(), PathBuf::new(), EMPTY, "sluicebox:ingest/sessions@0.2.0"),
    ] {
        let file = folder.path().join("guest.wasm");
        std::fs::write(&file, guest).expect("a file");
        let mut command = tool(program);
        command.env("PYTHONPATH", made("edge-tools/python"));
        command.args((!host.as_os_str().is_empty()).then_some(&host)).arg(&file);
        let output = Running::start(command.arg(folder.path()).arg("0")).output();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(said), "{host:?}: {error}");
    }
}
