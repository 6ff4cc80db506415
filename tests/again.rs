use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sluicebox_tests::disk::{Disk, may_mount};
use sluicebox_tests::flv::{self, Tag};
use sluicebox_tests::media::{Encode, media_tags, probe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::{Running, wait_for_len};
use sluicebox_tests::wire::Message;

use crate::encodes::*;

/// Far more than anything takes, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(30);

fn bodies(tags: &[Tag]) -> Vec<(u8, &[u8])> {
    tags.iter().map(|tag| (tag.kind, tag.body.as_slice())).collect()
}

/// Asserts that a file has what both publishers sent, in order, the second's timestamps behind the
/// first's and with the distances they had.
fn assert_joined(path: &Path, first: &[Tag], second: &[Tag]) {
    let tags = flv::read(path);
    assert_eq!(tags.len(), first.len() + second.len(), "tags in {}", path.display());
    let (one, two) = tags.split_at(first.len());
    assert!(one == first, "the first part differs");
    assert!(bodies(two) == bodies(second), "the second part differs");
    let shift = two[0].timestamp.wrapping_sub(second[0].timestamp);
    assert!(two[0].timestamp > one[one.len() - 1].timestamp, "time goes back");
    for (tag, sent) in two.iter().zip(second) {
        assert_eq!(tag.timestamp.wrapping_sub(sent.timestamp), shift, "distances");
    }
}

#[test]
fn ffmpeg_is_killed_and_comes_back_and_there_is_one_file_with_all_of_it() {
    let encode = Encode::new(LONG);
    let server = Server::start(&["--grace", "20"]);
    let publisher = Running::start(&mut encode.push_live(&server.url("cam")));
    let path = server.publishing("cam");
    wait_for_len(&path, 100_000);
    publisher.kill();
    server.wait("publisher lost, recording waits");
    let first = media_tags(&path).len();
    Running::start(&mut encode.push(&server.url("cam"))).output();
    let ended = server.ended("cam");
    assert!(ended.refused <= 1, "{ended:?}");
    assert_eq!((ended.path.as_path(), ended.why.as_str()), (path.as_path(), "peer stopped"));
    let reference = media_tags(&encode.reference);
    let tags = media_tags(&path);
    let (one, two) = tags.split_at(first);
    assert!(one == &reference[..first], "the first part differs");
    assert!(bodies(two) == bodies(&reference), "the second part differs");
    let times = tags.iter().map(|tag| tag.timestamp);
    let back = times.clone().zip(times.skip(1)).filter(|(a, b)| a > &(b + 1000)).count();
    assert_eq!(back, 0, "time goes back");
    // Not played: that complains where rounded times of two publishers meet in the time base of a frame.
    probe(&path);
    let folder = path.parent().expect("the application's folder");
    let files = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    let recordings = files.filter(|file| file.path().extension().is_some_and(|ext| ext == "flv"));
    assert_eq!(recordings.count(), 1);
}

#[test]
fn the_account_covers_all_connections_and_what_was_torn() {
    let server = Server::start(&["--grace", "20"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frames(5, 3000);
    first.peer.send(|script| script.begun(&Message::video(200, &[9; 200_000]), 1));
    first.recorded(&server);
    let sent = first.sent;
    first.peer.reset();
    server.wait("publisher lost, recording waits");
    let mut second = Steady::start(server.addr, "live", "cam");
    second.frames(3, 4000);
    second.peer.send(|script| script.delete_stream(1.0));
    let ended = server.ended("cam");
    assert!(!ended.complete, "{ended:?}");
    assert_eq!((ended.received, ended.written, ended.refused), (9, 8, 1), "{ended:?}");
    assert_joined(&ended.path, &sent, &second.sent);
}

#[test]
fn nothing_torn_and_the_account_is_complete() {
    let server = Server::start(&["--grace", "20"]);
    let mut parts = Vec::new();
    for part in 0..3 {
        let mut publisher = Steady::start(server.addr, "live", "cam");
        publisher.frames(4 + part, 2000);
        publisher.peer.barrier();
        parts.extend(publisher.sent);
        drop(publisher.peer);
        server.wait_for_lines("publisher lost, recording waits", part + 1);
    }
    let last = Steady::start(server.addr, "live", "cam").finish_as_peer(&server);
    assert!(bodies(&flv::read(&last)) == bodies(&parts), "other tags");
}

#[test]
fn a_publisher_that_does_not_come_back_is_given_up() {
    let server = Server::start(&["--grace", "0.5"]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.recorded(&server);
    let sent = publisher.sent;
    publisher.peer.reset();
    let ended = server.ended("cam");
    assert_eq!((ended.why.as_str(), ended.complete), ("connection ended", true), "{ended:?}");
    assert!(flv::read(&ended.path) == sent, "other tags");
    // The name is free, and its next publish is a new recording.
    let mut next = Steady::start(server.addr, "live", "cam");
    next.frame(1000);
    next.peer.send(|script| script.delete_stream(1.0));
    let lines = server.wait_for_lines("ended", 2);
    assert_ne!(lines[1].text("path"), ended.path.to_str().expect("a path is text"));
}

#[test]
fn who_says_goodbye_is_not_waited_for() {
    type Goodbye = fn(sluicebox_tests::wire::Script) -> sluicebox_tests::wire::Script;
    let goodbyes: [Goodbye; 3] =
        [|s| s.fc_unpublish("cam"), |s| s.delete_stream(1.0), |s| s.close_stream(1)];
    let server = Server::start(&["--grace", "600"]);
    for (at, goodbye) in goodbyes.into_iter().enumerate() {
        let mut publisher = Steady::start(server.addr, "live", "cam");
        publisher.frame(1000);
        publisher.peer.send(goodbye);
        server.wait_for_lines("ended", at + 1);
    }
}

#[test]
fn a_server_that_stops_waits_for_no_publisher() {
    let mut server = Server::start(&["--grace", "600"]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.recorded(&server);
    let sent = publisher.sent;
    publisher.peer.reset();
    server.wait("publisher lost, recording waits");
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
    assert!(flv::read(&server.complete("cam")) == sent, "other tags");
}

#[test]
fn with_once_nobody_is_waited_for() {
    let mut server = Server::start(&["--grace", "600", "--once"]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.peer.barrier();
    publisher.peer.reset();
    assert_eq!(server.exit().code(), Some(0));
    server.complete("cam");
}

#[test]
fn a_recording_can_go_on_in_the_next_file() {
    let server = Server::start(&["--grace", "20", "--on-return", "next-segment"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frames(5, 3000);
    first.recorded(&server);
    let one = server.publishing("cam");
    let sent = first.sent;
    first.peer.reset();
    server.wait("publisher lost, recording waits");
    let mut second = Steady::start(server.addr, "live", "cam");
    second.frames(3, 4000);
    second.peer.send(|script| script.delete_stream(1.0));
    let two = server.complete("cam");
    assert_ne!(one, two);
    assert!(flv::read(&one) == sent, "other tags in the first file");
    assert!(bodies(&flv::read(&two)) == bodies(&second.sent), "other tags in the second file");
}

#[test]
fn a_stopped_ffmpeg_does_not_lock_its_name() {
    let encode = Encode::new(LONG);
    let server = Server::start(&["--takeover-after", "1"]);
    let zombie = Running::start(&mut encode.push_live(&server.url("cam")));
    let path = server.publishing("cam");
    wait_for_len(&path, 100_000);
    zombie.signal(Signal::STOP);
    Running::start(&mut encode.push(&server.url("cam"))).output();
    let ended = server.ended("cam");
    assert_eq!((ended.path.as_path(), ended.why.as_str()), (path.as_path(), "peer stopped"));
    assert!(ended.refused <= 1, "{ended:?}");
    let (tags, reference) = (media_tags(&path), media_tags(&encode.reference));
    assert!(bodies(&tags).ends_with(&bodies(&reference)), "the second part differs");
    assert!(tags.len() > reference.len(), "nothing of the first part");
    zombie.signal(Signal::CONT);
    assert!(!zombie.output().status.success(), "the zombie has not noticed");
}

#[test]
fn a_publisher_that_is_heard_keeps_its_name() {
    let server = Server::start(&["--takeover-after", "1"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    let mut second = Peer::connect(server.addr, &sluicebox_tests::handshake::Handshake::Simple);
    second.send(|script| script.to_publish("live", "cam"));
    let start = Instant::now();
    while !server.log().contains("publish refused") {
        assert!(start.elapsed() < DEADLINE, "it is not refused");
        first.frame(1000);
        thread::sleep(Duration::from_millis(20));
    }
    second.wait_for_code("NetStream.Publish.BadName");
    first.finish(&server);
}

#[test]
fn with_reject_even_a_silent_publisher_keeps_its_name() {
    let server = Server::start(&["--on-conflict", "reject", "--takeover-after", "0.1"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frame(1000);
    first.recorded(&server);
    thread::sleep(Duration::from_millis(300));
    let mut second = Peer::connect(server.addr, &sluicebox_tests::handshake::Handshake::Simple);
    second.send(|script| script.to_publish("live", "cam"));
    second.wait_for_code("NetStream.Publish.BadName");
    first.peer.reset();
    assert_eq!(server.ended("cam").why, "connection ended");
}

#[test]
fn with_replace_the_first_is_ended_in_order_and_the_second_has_a_new_file() {
    let server = Server::start(&["--on-conflict", "replace"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frames(5, 3000);
    first.recorded(&server);
    let mut second = Steady::start(server.addr, "live", "cam");
    first.peer.wait_for_code("NetStream.Publish.BadName");
    let ended = server.ended("cam");
    assert_eq!((ended.why.as_str(), ended.complete), ("another publisher came", true), "{ended:?}");
    assert!(flv::read(&ended.path) == first.sent, "other tags in the first file");
    second.frames(7, 1000);
    second.peer.send(|script| script.delete_stream(1.0));
    let lines = server.wait_for_lines("ended", 2);
    let path = Path::new(lines[1].text("path"));
    assert_ne!(path, ended.path);
    second.assert_recorded(path);
}

/// A publisher whose disk hangs is not silent: nobody listens to it.
#[test]
fn a_hung_disk_is_no_silence() {
    if !may_mount() {
        return;
    }
    let server = Server::start(&["--takeover-after", "0.5"]);
    let disk = Disk::ext4(&server.folder.path().join("slow"));
    let mut first = Steady::start(server.addr, "slow", "cam");
    first.frame(1000);
    first.recorded(&server);
    disk.freeze();
    first.frame(1000);
    // More than the longest rest between two reads, and than the silence that would be too long.
    thread::sleep(Duration::from_millis(1000));
    let mut second = Peer::connect(server.addr, &sluicebox_tests::handshake::Handshake::Simple);
    second.send(|script| script.to_publish("slow", "cam"));
    thread::sleep(Duration::from_millis(1500));
    assert!(!server.log().contains("publisher lost"), "it was taken for lost");
    disk.thaw();
    first.frame(1000);
    second.wait_for_code("NetStream.Publish.BadName");
    first.finish(&server);
}
