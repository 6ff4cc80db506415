use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sluicebox_tests::disk::{Disk, may_mount};
use sluicebox_tests::flv;
use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::{Steady, file_len};

/// What is done when a disk takes no more.
mod policies;
/// Files that are removed or moved while they are written.
mod gone;
/// What takes half a minute.
mod long;
/// Outputs that are pipes, and readers that pause, go away or never come.
mod output;

/// Far more than anything takes, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(30);

/// A publisher that sends as fast as it may, on a thread of its own, until it is told to stop.
struct Flood {
    thread: JoinHandle<Steady>,
    sent: Arc<AtomicUsize>,
    enough: Arc<AtomicBool>,
}

impl Flood {
    fn start(mut publisher: Steady) -> Self {
        let sent = Arc::new(AtomicUsize::new(0));
        let enough = Arc::new(AtomicBool::new(false));
        let (count, stop) = (Arc::clone(&sent), Arc::clone(&enough));
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                publisher.frame(100_000);
                count.fetch_add(1, Ordering::SeqCst);
            }
            publisher
        });
        Self { thread, sent, enough }
    }

    /// Waits until it gets nothing rid any more: what TCP holds is full.
    fn wait_until_held(&self) {
        let start = Instant::now();
        let mut before = usize::MAX;
        while before != self.sent.load(Ordering::SeqCst) {
            assert!(start.elapsed() < DEADLINE, "{before} frames, and nothing holds it");
            before = self.sent.load(Ordering::SeqCst);
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Tells it to stop after the frame that it is in.
    fn enough(&self) {
        self.enough.store(true, Ordering::SeqCst);
    }

    /// Waits until all is sent.
    fn join(self) -> Steady {
        self.thread.join().expect("the server reads on")
    }
}

/// A publisher to `slow`, and as many to `live` as there are cores: however the server spreads
/// them, one is a neighbour.
fn publishers(server: &Server) -> (Steady, Vec<Steady>) {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut slow = Steady::start(server.addr, "slow", "hung");
    slow.frame(10_000);
    slow.recorded(server);
    let start = |at| Steady::start(server.addr, "live", &format!("live-{at}"));
    (slow, (0..cores).map(start).collect())
}

#[test]
fn a_hung_disk_does_not_keep_the_server_from_stopping() {
    if !may_mount() {
        return;
    }
    let mut server = Server::start(&["--stop-timeout", "1"]);
    let disk = Disk::ext4(&server.folder.path().join("slow"));
    let (slow, mut live) = publishers(&server);
    disk.freeze();
    Flood::start(slow).wait_until_held();
    live.iter_mut().for_each(|publisher| publisher.frame(5000));
    live.iter_mut().for_each(|publisher| publisher.recorded(&server));
    server.signal(Signal::TERM);
    server.wait("stopped before everything was finished");
    for publisher in &live {
        publisher.assert_complete(&server);
    }
    // The blocked thread is the system's: nobody ends it before the disk does.
    server.wait_until_gone();
    disk.thaw();
    assert_eq!(server.exit().code(), Some(1));
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    if !may_mount() {
        return;
    }
    let mut server = Server::start(&["--stop-timeout", "1000"]);
    let disk = Disk::ext4(&server.folder.path().join("slow"));
    let (slow, _live) = publishers(&server);
    disk.freeze();
    Flood::start(slow).wait_until_held();
    server.signal(Signal::TERM);
    server.wait("stopping; once more to stop at once");
    server.signal(Signal::TERM);
    server.wait_until_gone();
    disk.thaw();
    assert_eq!(server.exit().code(), Some(128 + 15));
}

#[test]
fn a_full_disk_ends_its_own_publisher_with_the_reason() {
    if !may_mount() {
        return;
    }
    const ROOM: u64 = 2 << 20;
    const FRAME: usize = 700;
    let server = Server::start(&[]);
    let _disk = Disk::tmpfs(&server.folder.path().join("small"), "size=2m");
    let mut other = Steady::start(server.addr, "live", "other");
    let mut small = Steady::start(server.addr, "small", "full");
    while file_len(&small.sent) < ROOM + (64 << 10) {
        small.frames(150, FRAME);
        other.frame(5000);
        other.recorded(&server);
    }
    let ended = server.ended("full");
    assert_eq!((ended.why.as_str(), ended.complete), ("recording failed", false), "{ended:?}");
    let tags = flv::read(&ended.path);
    assert_eq!(tags.len() as u64, ended.written, "{ended:?}");
    assert!(ended.refused > 0 && ended.received <= small.sent.len() as u64, "{ended:?}");
    assert!(tags == small.sent[..tags.len()], "other tags");
    // One more frame does not fit; memory is counted in pages, and the metadata begins and ends in one.
    let used = fs::metadata(&ended.path).expect("the recording").len() - flv::added(&ended.path);
    let left = ROOM - used;
    assert!(left < FRAME as u64 + 15 + 3 * 4096, "{left} bytes were left");
    assert_told(small.peer, "NetStream.Record.Failed");
    other.frame(5000);
    other.finish(&server);
}

/// Asserts that this was the last that the server said, before it ended the connection in order.
fn assert_told(peer: Peer, code: &str) {
    let replies = peer.until_ended();
    let last = replies.last().and_then(|reply| reply.code());
    assert_eq!(last.as_deref(), Some(code), "{replies:#?}");
}

/// Publishes to a folder that takes nothing.
fn assert_refused(server: &Server, app: &str) {
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    peer.send(|script| script.to_publish(app, "cam").video(0, &[0x17, 0]));
    let line = server.wait_about("publish refused", peer.addr());
    assert!(line.text("reason").contains(app), "{line:?}");
    assert_told(peer, "NetStream.Record.Failed");
}

fn assert_records(server: &Server, stream: &str) -> PathBuf {
    let mut publisher = Steady::start(server.addr, "live", stream);
    publisher.frame(5000);
    publisher.finish(server)
}

#[test]
fn a_folder_that_cannot_be_made_refuses_its_publishers_only() {
    let server = Server::start(&[]);
    fs::write(server.folder.path().join("taken"), "a file").expect("a file");
    assert_refused(&server, "taken");
    assert_records(&server, "cam");
    fs::remove_file(server.folder.path().join("taken")).expect("a file");
    let mut publisher = Steady::start(server.addr, "taken", "again");
    publisher.frame(1000);
    publisher.finish(&server);
}

#[test]
fn a_read_only_disk_refuses_its_publishers_only() {
    if !may_mount() {
        return;
    }
    let server = Server::start(&[]);
    let _disk = Disk::tmpfs(&server.folder.path().join("sealed"), "size=2m,ro");
    assert_refused(&server, "sealed");
    assert_records(&server, "cam");
}

#[test]
fn a_record_folder_that_was_removed_is_made_again() {
    let server = Server::start(&[]);
    let before = assert_records(&server, "before");
    fs::remove_dir_all(server.folder.path()).expect("the record folder");
    assert!(!before.exists());
    assert!(assert_records(&server, "after").exists());
}
