use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sluicebox_tests::flv;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::{self, binary};
use sluicebox_tests::tool::{wait, wait_for_len};
use sluicebox_tests::wire::{Message, Script};
use tempfile::TempDir;

/// A server whose log the test holds in its hands.
struct Server {
    child: Child,
    addr: SocketAddr,
    folder: TempDir,
}

impl Server {
    /// Starts a server and reads its log until it listens.
    fn start() -> (Self, BufReader<ChildStderr>) {
        let folder = TempDir::with_prefix("sluicebox-").expect("a folder for recordings");
        // Free a moment ago: nobody else asks for this one.
        let addr = TcpListener::bind("127.0.0.1:0").and_then(|own| own.local_addr());
        let addr = addr.expect("a free port");
        let mut command = Command::new(binary());
        command.arg("--listen").arg(addr.to_string()).arg("--record-dir").arg(folder.path());
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut log = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        while !line.contains("listening") {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("a log"), 0, "the server ended");
        }
        (Self { child, addr, folder }, log)
    }

    /// Publishes a message and asserts that it is recorded.
    fn record(&self, name: &str) {
        let mut peer = Peer::publishing(self.addr, "live", name);
        peer.send(|script| script.message(&Message::audio(7, b"sound")).delete_stream(1.0));
        peer.wait_for_code("NetStream.Unpublish.Success");
        let folder = self.folder.path().join("live");
        let mut files =
            folder.read_dir().expect("a folder").map(|file| file.expect("a file").path());
        let file = files.find(|path| path.to_string_lossy().contains(name)).expect("a recording");
        wait_for_len(&file, 13 + 15 + 5);
        assert_eq!(flv::read(&file).len(), 1);
    }

    /// Asks the server to stop and asserts that it does.
    fn stop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the server runs");
        assert_eq!(wait(&mut self.child, "the server").code(), Some(0));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_log_that_is_closed_stops_nothing() {
    let (mut server, log) = Server::start();
    drop(log);
    server.record("one");
    server.record("two");
    server.stop();
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let (mut server, _log) = Server::start();
    // Each is a line of the log: together far more than a pipe holds.
    for _ in 0..1500 {
        let scanner = TcpStream::connect(server.addr);
        scanner.and_then(|mut socket| socket.write_all(b"G")).expect("the server accepts");
    }
    server.record("one");
    server.stop();
}

/// A publish is told of after its answer: also when nobody is there to hear that, and before anything else
/// that there is to tell of the stream.
#[test]
fn a_publish_is_told_of_before_its_end_when_its_peer_hears_no_answer() {
    const PEERS: usize = 20;
    let server = server::Server::start(&[]);
    for number in 0..PEERS {
        let name = format!("cam{number}");
        let script = Script::hello().to_publish("live", &name).video(0, &[0x17, 0, 0, 0, 0]);
        let mut socket = TcpStream::connect(server.addr).expect("the server accepts");
        socket.write_all(script.bytes()).expect("the server reads");
        match number % 3 {
            0 => socket.shutdown(Shutdown::Write).expect("it is connected"),
            // With what the server says unread: a reset.
            1 => {
                server.publishing(&name);
            }
            _ => socket.shutdown(Shutdown::Both).expect("it is connected"),
        }
    }
    let ended = server.wait_for_lines("ended", PEERS);
    let begun = server.wait_for_lines("publishing", PEERS);
    assert_eq!((ended.len(), begun.len()), (PEERS, PEERS));
    let log = server.log();
    let place = |message: &str, name: &str| {
        let about = |line: &str| {
            line.contains(&format!("\"message\":\"{message}\""))
                && line.contains(&format!("\"stream\":\"{name}\""))
        };
        log.lines().position(about).expect("a line")
    };
    for name in begun.iter().map(|line| line.text("stream")) {
        assert!(place("publishing", name) < place("ended", name), "{log}");
    }
}
