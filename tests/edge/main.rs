//! The stand-alone WASI programs, the component, and hosts in other languages: stock runtimes, a real
//! encoder, and the case that recorders of this protocol once lost nine tenths of.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use sluicebox_tests::media::{Encode, probe};
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, run, tool};
use tempfile::TempDir;

use crate::encodes::*;

/// What the encoders of the tests are told.
#[path = "../encodes.rs"]
#[allow(dead_code, reason = "not all of them are for here")]
mod encodes;

/// What comes out of the component.
mod component;

/// The examples.
mod hosts;

/// How programs end, and what they say of it.
mod exit;

/// The stand-alone server's limits, and what becomes of others.
mod limits;

/// A file that `cargo edge` or `cargo guest` has made, or tests/edge/install.sh.
fn made(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(path);
    let missing = "is not there: run cargo guest, cargo edge and tests/edge/install.sh";
    path.canonicalize().unwrap_or_else(|_| panic!("{} {missing}", path.display()))
}

/// The stand-alone server under a runtime, started by the end of a shell script.
fn wrapped(folder: &TempDir, runtime: &str, script: &str) -> PathBuf {
    let wrapper = folder.path().join(runtime);
    let serve = made(&format!("edge-tools/bin/serve-{runtime}"));
    let script = format!("#!/bin/sh\n{script} {} \"$@\"\n", serve.display());
    fs::write(&wrapper, script).expect("a file");
    fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).expect("it is ours");
    wrapper
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
fn the_stand_alone_server_with_the_sockets_of_0_3() {
    serve("p3");
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
