//! What takes half a minute, all at the same time.

use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use sluicebox_tests::disk::{Disk, may_mount};
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;

use super::policies::joined;
use super::{Flood, publishers};

#[test]
fn half_a_minute_of_a_hung_disk_and_of_a_next_file_that_cannot_be_made() {
    thread::scope(|scope| {
        scope.spawn(a_next_file_that_cannot_be_made_is_waited_for);
        if may_mount() {
            scope.spawn(a_disk_that_hangs_for_half_a_minute_has_lost_nothing);
        }
    });
}

/// The publisher waits, nobody else notices, and memory is bounded.
fn a_disk_that_hangs_for_half_a_minute_has_lost_nothing() {
    let server = Server::start(&[]);
    let disk = Disk::ext4(&server.folder.path().join("slow"));
    let (slow, mut live) = publishers(&server);
    let before = server.memory();
    disk.freeze();
    let frozen = Instant::now();
    let flood = Flood::start(slow);
    flood.wait_until_held();
    let held = flood.sent.load(Ordering::SeqCst);
    let (addr, mut opens) = (server.addr, None);
    while frozen.elapsed() < Duration::from_secs(30) {
        if frozen.elapsed() > Duration::from_secs(15) {
            // Peers do not wait longer than that for an answer.
            opens
                .get_or_insert_with(|| thread::spawn(move || Steady::start(addr, "slow", "opens")));
        }
        for publisher in &mut live {
            publisher.frame(5000);
            publisher.recorded(&server);
        }
        thread::sleep(Duration::from_millis(75));
    }
    let opens = opens.expect("half of the time is over");
    let mut new = Steady::start(server.addr, "live", "new");
    new.frame(5000);
    new.finish(&server);
    assert_eq!(flood.sent.load(Ordering::SeqCst), held, "frames sent to a hung disk");
    assert!(!opens.is_finished(), "a file was made on a hung disk");
    let more = server.memory().saturating_sub(before);
    assert!(more < 16 << 20, "{} KiB more for a hung disk", more >> 10);
    flood.enough();
    disk.thaw();
    flood.join().finish(&server);
    let mut opened = opens.join().expect("the publish was accepted in the end");
    opened.frame(5000);
    opened.finish(&server);
    live.into_iter().for_each(|publisher| drop(publisher.finish(&server)));
}

/// For longer than other files are tried: whoever says `wait` means it. It is the file that cannot be made
/// which events name.
fn a_next_file_that_cannot_be_made_is_waited_for() {
    let outside = tempfile::tempdir().expect("a folder");
    let told = outside.path().join("events");
    let path = ["--path", "{app}/{segment:03}/cam.flv", "--segment-size", "50000"];
    let how = ["--segment-timestamps", "keep", "--on-write-error", "wait"];
    let events = ["--events", told.to_str().expect("text")];
    let mut server = Server::start(&[&path[..], &how, &events].concat());
    let folder = server.folder.path().join("live");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("002"), "in the way").expect("a file");
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(60, 2000);
    let line = server.wait("cannot write");
    let files = ["001/cam.flv", "002/cam.flv"].map(|name| folder.join(name));
    assert_eq!(line.text("path"), files[1].to_str().expect("text"));
    thread::sleep(Duration::from_secs(32));
    fs::remove_file(folder.join("002")).expect("a file");
    publisher.frames(5, 2000);
    publisher.peer.send(|script| script.delete_stream(1.0));
    server.complete("cam");
    assert!(joined(&files) == publisher.sent, "other tags");
    server.signal(Signal::TERM);
    server.exit();
    let text = fs::read_to_string(&told).expect("events");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let failed: Vec<_> = events.filter(|event| event["event"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["path"], files[1].to_str().expect("text"), "{failed:?}");
}
