//! What becomes of a recording whose disk takes no more.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use sluicebox_tests::disk::{Disk, may_mount};
use sluicebox_tests::flv::{self, Metadata, Tag};
use sluicebox_tests::server::{Ended, Server};
use sluicebox_tests::steady::Steady;

use super::{Flood, assert_records, assert_refused, assert_told};

/// All files of a stream, in order.
pub(super) fn files(server: &Server, app: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(server.folder.path().join(app)).expect("a folder").flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "flv"))
        .collect();
    files.sort();
    files
}

pub(super) fn joined(files: &[PathBuf]) -> Vec<Tag> {
    files.iter().flat_map(|path| flv::read(path)).collect()
}

pub(super) fn assert_is_finished(path: &Path) {
    let len = fs::metadata(path).expect("a recording").len();
    assert_eq!(Metadata::read(path).file_len(), len, "{}", path.display());
}

/// Publishes until the recording has failed, and asserts that it is finished as far as it went.
fn publish_until_it_fails(server: &Server, app: &str) -> Ended {
    let mut publisher = Steady::start(server.addr, app, "fails");
    while !server.log().contains("recording failed") {
        publisher.frames(20, 2000);
        publisher.peer.send(|script| script);
        thread::sleep(Duration::from_millis(20));
    }
    let ended = server.ended("fails");
    assert_eq!((ended.why.as_str(), ended.complete), ("recording failed", false), "{ended:?}");
    if ended.path.exists() {
        let tags = flv::read(&ended.path);
        assert!(!tags.is_empty() && tags == publisher.sent[..tags.len()], "other tags");
        assert_eq!(tags.len() as u64, ended.written);
        assert_is_finished(&ended.path);
    }
    assert_told(publisher.peer, "NetStream.Record.Failed");
    ended
}

#[test]
fn a_file_that_may_grow_no_further_ends_its_own_publisher_only() {
    let server = Server::start(&[]);
    server.limit_files(400_000);
    let ended = publish_until_it_fails(&server, "live");
    let len = fs::metadata(&ended.path).expect("a recording").len();
    assert!((397_000..=400_000).contains(&len), "{len} bytes");
    assert_records(&server, "cam");
}

#[test]
fn a_file_that_may_grow_no_further_is_followed_by_another() {
    let server = Server::start(&["--on-write-error", "retry", "--path", "{app}/{segment:03}.flv"]);
    server.limit_files(400_000);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(300, 2000);
    publisher.peer.send(|script| script.delete_stream(1.0));
    server.complete("cam");
    let files = files(&server, "live");
    assert!(files.len() > 2, "{files:?}");
    files.iter().for_each(|path| assert_is_finished(path));
    assert!(joined(&files) == publisher.sent, "other tags");
}

#[test]
fn a_full_disk_that_is_cleared_has_lost_nothing() {
    if !may_mount() {
        return;
    }
    let outside = tempfile::tempdir().expect("a folder");
    let told = outside.path().join("events");
    let told_to = ["--events", told.to_str().expect("text")];
    let mut server = Server::start(&[&["--on-write-error", "wait"], &told_to[..]].concat());
    let folder = server.folder.path().join("small");
    let _disk = Disk::tmpfs(&folder, "size=64m");
    fs::write(folder.join("others"), vec![1; 63 << 20]).expect("a file");
    let mut publisher = Steady::start(server.addr, "small", "cam");
    publisher.frame(10_000);
    let flood = Flood::start(publisher);
    server.wait("cannot write");
    let path = server.publishing("cam");
    // Others go on, and the file ends with a whole tag meanwhile.
    assert_records(&server, "other");
    flood.enough();
    flv::read(&path);
    fs::remove_file(folder.join("others")).expect("a file");
    let path = flood.join().finish(&server);
    assert_is_finished(&path);
    let line = server.wait_for_path("writes again", &path);
    server.signal(Signal::TERM);
    server.exit();
    assert_told_of_the_wait(&told, line.text("path"));
}

/// Asserts that events say once that writing failed, and once that it goes on.
fn assert_told_of_the_wait(events: &Path, path: &str) {
    let text = fs::read_to_string(events).expect("events");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let mine: Vec<_> = events.filter(|event| event["path"] == path).collect();
    let names: Vec<_> = mine.iter().filter_map(|event| event["event"].as_str()).collect();
    // The wait is perhaps long enough to be a stall as well.
    let names: Vec<_> =
        names.into_iter().filter(|name| !["stalled", "flowing"].contains(name)).collect();
    let expected = ["segment-opened", "publishing", "failed", "writing", "segment-closed", "ended"];
    assert_eq!(names, expected);
    let failed = mine.iter().find(|event| event["event"] == "failed").expect("a failure");
    assert_eq!(failed["what"], "write");
    assert!(failed["error"].as_str().is_some_and(|error| error.contains("space")), "{failed}");
}

/// In vain, as not one frame fits into it: that is tried again too, in the same new file.
#[test]
fn a_new_file_into_which_nothing_fits_yet_is_tried_again() {
    if !may_mount() {
        return;
    }
    let server = Server::start(&["--min-free", "2000000", "--on-write-error", "retry"]);
    let folder = server.folder.path().join("small");
    let _disk = Disk::tmpfs(&folder, "size=8m");
    let mut publisher = Steady::start(server.addr, "small", "cam");
    publisher.frame(1000);
    publisher.recorded(&server);
    // Room for what a file takes when it is finished, and not for a frame besides.
    let disk = rustix::fs::statvfs(&folder).expect("a disk");
    let others = disk.f_bavail * disk.f_frsize - 2_300_000;
    let others = vec![1; usize::try_from(others).expect("some megabytes")];
    fs::write(folder.join("others"), others).expect("a file");
    // Until what is free is looked at again.
    thread::sleep(Duration::from_millis(1100));
    publisher.frame(300_000);
    server.wait("cannot write");
    thread::sleep(Duration::from_secs(3));
    fs::remove_file(folder.join("others")).expect("a file");
    publisher.frame(1000);
    publisher.peer.send(|script| script.delete_stream(1.0));
    server.complete("cam");
    let files = files(&server, "small");
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(joined(&files) == publisher.sent, "other tags");
}

#[test]
fn what_has_to_stay_free_stays_free() {
    if !may_mount() {
        return;
    }
    let server = Server::start(&["--min-free", "3000000"]);
    let _disk = Disk::tmpfs(&server.folder.path().join("small"), "size=4m");
    let mut publisher = Steady::start(server.addr, "small", "cam");
    publisher.frames(10, 1000);
    publisher.recorded(&server);
    fs::write(server.folder.path().join("small/others"), vec![1; 2 << 20]).expect("a file");
    thread::sleep(Duration::from_millis(1100));
    publisher.frames(10, 1000);
    let ended = server.ended("cam");
    assert_eq!((ended.why.as_str(), ended.written), ("recording failed", 10), "{ended:?}");
    assert!(server.log().contains("--min-free"), "{}", server.log());
    assert_is_finished(&ended.path);
    assert_refused(&server, "small");
    assert_records(&server, "other");
}

/// Three recordings at once, as fast as they may, into a disk that has less than the old step between two
/// looks: what is free is looked at from beside all the time.
#[test]
fn what_has_to_stay_free_stays_free_whoever_writes_and_however_fast() {
    if !may_mount() {
        return;
    }
    const KEPT: u64 = 8_000_000;
    let server = Server::start(&["--min-free", "8000000", "--on-write-error", "wait"]);
    let folder = server.folder.path().join("small");
    let _disk = Disk::tmpfs(&folder, "size=72m");
    // As much as sockets may hold.
    fs::write(folder.join("others"), vec![1; 48 << 20]).expect("a file");
    let free = |folder: &Path| {
        let disk = rustix::fs::statvfs(folder).expect("a disk");
        disk.f_bavail * disk.f_frsize
    };
    let (over, at) = (Arc::new(AtomicBool::new(false)), folder.clone());
    let lowest = {
        let over = over.clone();
        thread::spawn(move || {
            let mut lowest = u64::MAX;
            while !over.load(Ordering::SeqCst) {
                lowest = lowest.min(free(&at));
                thread::sleep(Duration::from_micros(200));
            }
            lowest
        })
    };
    // All of them have their recordings before one may fill the disk: nobody is taken after that.
    let floods = ["one", "two", "three"]
        .map(|name| {
            let mut publisher = Steady::start(server.addr, "small", name);
            publisher.frame(10_000);
            publisher
        })
        .map(Flood::start);
    server.wait_for_lines("cannot write", 3);
    let left = free(&folder) - KEPT;
    assert!(left < 2 << 20, "{left} bytes more than is to be kept");
    floods.iter().for_each(Flood::enough);
    fs::remove_file(folder.join("others")).expect("a file");
    for flood in floods {
        assert_is_finished(&flood.join().finish(&server));
    }
    over.store(true, Ordering::SeqCst);
    let lowest = lowest.join().expect("a thread");
    assert!(lowest >= KEPT, "{lowest} bytes were free, with all files finished");
}

/// A disk that fails underneath: what a sync says of it counts, and it is read-only from then on.
#[test]
fn a_disk_that_fails_ends_its_own_publisher_only() {
    if !may_mount() {
        return;
    }
    let server = Server::start(&["--fsync", "interval", "--fsync-interval", "0.05"]);
    let _disk = Disk::failing(&server.folder.path().join("bad"));
    publish_until_it_fails(&server, "bad");
    assert_records(&server, "cam");
}
