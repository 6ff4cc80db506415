//! The stand-alone WASI programs, the component, and hosts in other languages: stock runtimes, a real
//! encoder, and the case that recorders of this protocol once lost nine tenths of.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sluicebox_tests::media::{Encode, probe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, run, target, tool};
use sluicebox_tests::wire::Message;
use tempfile::TempDir;

use crate::encodes::*;

/// What the encoders of the tests are told.
#[path = "../encodes.rs"]
#[allow(dead_code, reason = "not all of them are for here")]
mod encodes;

/// What comes out of the component.
mod component;

/// The stand-alone server's limits, and what becomes of others.
mod limits;

/// A file that `cargo edge` or `cargo guest` has made, or tests/edge/install.sh.
fn made(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(path);
    let missing = "is not there: run cargo guest, cargo edge and tests/edge/install.sh";
    path.canonicalize().unwrap_or_else(|_| panic!("{} {missing}", path.display()))
}

/// The seed case, which has 60 frames.
fn seed() -> Encode {
    let encode = Encode::new(SEED);
    assert_eq!(probe(&encode.reference).packets.len(), 60);
    encode
}

/// The stand-alone server records the seed case in real time, and its exit code says so.
fn serve(runtime: &str) {
    let encode = seed();
    let mut server = Server::of(&made(&format!("edge-tools/bin/serve-{runtime}")), &["--once"]);
    run(&mut encode.push_live(&server.url("cam")));
    encode.assert_recorded(&server.complete("cam"));
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn the_stand_alone_server_on_the_oldest_runtime() {
    serve("oldest");
}

#[test]
fn the_stand_alone_server_on_the_newest_runtime() {
    serve("newest");
}

#[test]
fn the_stand_alone_server_on_node() {
    serve("node");
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// The only recording below a folder.
fn only_recording(folder: &Path) -> PathBuf {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// socat hands one connection to the filter, as `program` runs it with the name of the record folder.
fn filter(program: impl Fn(&str) -> String) {
    let (encode, folder, port) = (seed(), TempDir::new().expect("a folder"), free_port());
    let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr");
    let name = folder.path().to_str().expect("a path in UTF-8");
    // It says on standard error when it listens.
    let mut socat = tool("socat");
    socat.args(["-d", "-d", "-d", &listen, &format!("EXEC:{}", program(name))]);
    let mut socat = Ended(socat.stderr(Stdio::piped()).spawn().expect("socat starts"));
    let mut lines = BufReader::new(socat.0.stderr.take().expect("stderr is piped")).lines();
    let mut next = || lines.next().map(|line| line.expect("a line"));
    while !next().expect("socat listens").contains("listening on") {}
    let publisher =
        Running::start(&mut encode.push_live(&format!("rtmp://127.0.0.1:{port}/live/cam")));
    let log: Vec<_> = std::iter::from_fn(next).collect();
    assert!(publisher.output().status.success());
    assert!(log.iter().any(|line| line.ends_with("complete=true")), "{log:#?}");
    assert!(socat.0.wait().expect("socat ends").success(), "the filter's exit code: {log:#?}");
    encode.assert_recorded(&only_recording(folder.path()));
}

fn filter_on_wasmtime(runtime: &str) {
    let wasmtime = made(&format!("edge-tools/bin/wasmtime-{runtime}"));
    let module = made("edge/sluicebox-filter.wasm");
    filter(|folder| format!("{} run --dir {folder} {}", wasmtime.display(), module.display()));
}

#[test]
fn the_filter_on_the_oldest_runtime() {
    filter_on_wasmtime("oldest");
}

#[test]
fn the_filter_on_the_newest_runtime() {
    filter_on_wasmtime("newest");
}

#[test]
fn the_filter_on_node() {
    let (host, module) = (made("edge-tools/node/filter.mjs"), made("edge/sluicebox-filter.wasm"));
    filter(|folder| format!("node --no-warnings {} {} {folder}", host.display(), module.display()));
}

/// A program that ends with the test, whatever the test ends with.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A host of the examples records the seed case. It says first on which port it listens, and then how
/// many messages it received and wrote.
fn record(program: impl AsRef<Path>, arguments: &[PathBuf], environment: &[(&str, PathBuf)]) {
    let (encode, folder) = (seed(), TempDir::new().expect("a folder"));
    let mut command = tool(program);
    command.args(arguments).arg(folder.path()).arg("0").envs(environment.iter().cloned());
    let mut child = Ended(command.stdout(Stdio::piped()).spawn().expect("the host starts"));
    let mut lines = BufReader::new(child.0.stdout.take().expect("stdout is piped")).lines();
    let mut next = || lines.next().expect("one more line").expect("a line");
    let listening = next();
    let port = listening.strip_prefix("listening on ").unwrap_or_else(|| panic!("{listening}"));
    run(&mut encode.push_live(&format!("rtmp://127.0.0.1:{port}/live/cam")));
    assert_eq!(next(), "63 messages received, 63 written");
    drop(child);
    encode.assert_recorded(&only_recording(folder.path()));
}

#[test]
fn a_host_in_node() {
    let arguments = [made("edge-tools/node/host.mjs"), made("guest/sluicebox_guest.wasm")];
    record("node", &arguments, &[]);
}

#[test]
fn a_host_in_python() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/python/host.py");
    let arguments = [example, made("guest/sluicebox_guest.wasm")];
    record("python3", &arguments, &[("PYTHONPATH", made("edge-tools/python"))]);
}

#[test]
fn the_component_in_node() {
    let arguments = [made("edge-tools/node/component.mjs"), made("edge/sluicebox-ingest.wasm")];
    record("node", &arguments, &[]);
}

fn component_host() -> PathBuf {
    let host = target().join("debug/component-host");
    let missing = "is not there: run cargo build -p sluicebox-component-host";
    assert!(host.is_file(), "{} {missing}", host.display());
    host
}

#[test]
fn the_component_in_rust() {
    record(component_host(), &[made("edge/sluicebox-ingest.wasm")], &[]);
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

/// What a program says when it is started wrongly, and its exit code.
fn refused(program: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(program);
    let output = Running::start(command.args(arguments).stdin(Stdio::null())).output();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or_default(), said)
}

#[test]
fn what_is_missing_is_said() {
    let (wasmtime, program) =
        (made("edge-tools/bin/wasmtime-newest"), made("edge/sluicebox-serve.wasm"));
    let program = program.to_str().expect("a path in UTF-8");
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().to_str().expect("a path in UTF-8");
    for (arguments, said) in [
        (&["run", program][..], "error: the runtime gives no folder to record to"),
        (
            &["run", "--dir", dir, program, "--record-dir", "/x"],
            "error: the runtime gives no folder /x, only: ",
        ),
        (&["run", "--dir", dir, program], "does the runtime allow it, as with -S inherit-network?"),
        (&["run", program, "--lisen", "x"], "error: --lisen: no such flag; see --help"),
        (&["run", program, "-o", "-"], "standard output is not for recordings here"),
    ] {
        let (code, error) = refused(&wasmtime, arguments);
        assert!(code != 0 && error.contains(said), "{code}: {error}");
    }
}

#[test]
fn an_account_that_does_not_add_up_is_in_the_exit_code() {
    let mut server = Server::of(&made("edge-tools/bin/serve-newest"), &["--once"]);
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| script.begun(&Message::video(0, &[0; 300]), 1));
    drop(peer);
    assert!(!server.ended("cam").complete);
    assert_eq!(server.exit().code(), Some(1));
}
