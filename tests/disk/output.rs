use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::{Steady, file_len};
use sluicebox_tests::tool::{run, tool, wait, wait_for_len};

use super::Flood;

/// A pipe with a name, and a program that copies what comes out to a file.
struct Fifo {
    path: PathBuf,
    copy: PathBuf,
    reader: Child,
}

impl Fifo {
    fn new(folder: &Path) -> Self {
        let (path, copy) = (folder.join("pipe"), folder.join("copy.flv"));
        run(tool("mkfifo").arg(&path));
        let file = fs::File::create(&copy).expect("a file");
        let mut cat = tool("cat");
        let reader = cat.arg(&path).stdout(Stdio::from(file)).spawn().expect("cat starts");
        Self { path, copy, reader }
    }

    fn server(&self, arguments: &[&str]) -> Server {
        let path = self.path.to_str().expect("a plain path");
        Server::start(&[&["--output", path], arguments].concat())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.reader), signal).expect("cat can be signalled");
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.reader.kill();
        let _ = self.reader.wait();
    }
}

/// Publishes into a pipe whose reader has stopped, until nothing fits any more.
fn stuck(server: &Server, fifo: &Fifo) -> Flood {
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frame(5000);
    publisher.peer.barrier();
    wait_for_len(&fifo.copy, file_len(&publisher.sent));
    fifo.signal(Signal::STOP);
    let flood = Flood::start(publisher);
    flood.wait_until_held();
    flood
}

#[test]
fn a_reader_that_pauses_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut fifo = Fifo::new(folder.path());
    let mut server = fifo.server(&[]);
    let flood = stuck(&server, &fifo);
    let held = flood.sent.load(Ordering::SeqCst);
    thread::sleep(Duration::from_secs(3));
    assert_eq!(flood.sent.load(Ordering::SeqCst), held, "frames sent to nobody");
    flood.enough();
    fifo.signal(Signal::CONT);
    let mut publisher = flood.join();
    publisher.peer.send(|script| script.delete_stream(1.0));
    server.complete("cam");
    assert_eq!(server.exit().code(), Some(0));
    assert!(wait(&mut fifo.reader, "cat").success());
    publisher.assert_recorded(&fifo.copy);
}

#[test]
fn a_reader_that_pauses_for_ever_does_not_keep_the_server_from_stopping() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = Fifo::new(folder.path());
    let events = folder.path().join("events");
    let told = ["--events", events.to_str().expect("a plain path")];
    let mut server = fifo.server(&[&["--stop-timeout", "1"], &told[..]].concat());
    let _flood = stuck(&server, &fifo);
    server.signal(Signal::TERM);
    let line = server.wait("the server stopped before it was finished");
    assert_eq!((line.text("stream"), line.text("path")), ("cam", fifo.path.to_str().unwrap_or("")));
    assert!(line.number("bytes_written") > 5000, "{line:?}");
    assert_eq!(server.exit().code(), Some(1));
    let events = fs::read_to_string(&events).expect("events");
    let last = events.lines().last().expect("an event");
    assert!(last.contains("\"failed\"") && last.contains("before it was finished"), "{events}");
}

#[test]
fn an_output_in_no_folder_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("missing/cam.flv");
    let output = Server::refusing(&["--output", file.to_str().expect("a plain path")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("there is no folder"), "{errors}");
}

#[test]
fn a_reader_that_goes_away_is_an_error_and_no_panic() {
    let (mut server, mut stdout) = Server::piped();
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frame(5000);
    let len = usize::try_from(file_len(&publisher.sent)).expect("a short file");
    stdout.read_exact(&mut vec![0; len]).expect("the first frame comes out");
    drop(stdout);
    publisher.frame(5000);
    let ended = server.ended("cam");
    assert_eq!((ended.why.as_str(), ended.complete), ("recording failed", false), "{ended:?}");
    assert_eq!((ended.written, ended.refused), (1, 1), "{ended:?}");
    publisher.peer.wait_for_code("NetStream.Record.Failed");
    assert_eq!(server.exit().code(), Some(1));
    assert_no_panic(&server);
}

#[test]
fn a_reader_that_was_never_there_is_an_error_and_no_panic() {
    let (mut server, stdout) = Server::piped();
    drop(stdout);
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    peer.send(|script| script.to_publish("live", "cam"));
    peer.wait_for_code("NetStream.Record.Failed");
    assert_eq!(server.exit().code(), Some(1));
    assert_no_panic(&server);
}

fn assert_no_panic(server: &Server) {
    let log = server.log();
    assert!(!log.contains("panicked") && !log.contains("bug"), "{log}");
}

#[test]
fn an_output_with_something_in_it_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("precious.flv");
    fs::write(&file, "precious").expect("a file");
    let output = Server::refusing(&["--output", file.to_str().expect("a plain path")]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("precious.flv exists and is not written over"), "{errors}");
    assert_eq!(fs::read(&file).expect("a file"), b"precious");
}
