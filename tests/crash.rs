use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use sluicebox_tests::flv::Tag;
use sluicebox_tests::handshake::filler;
use sluicebox_tests::media::{Encode, assert_plays, media_tags, probe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, wait_for_len};
use sluicebox_tests::wire::Message;

use crate::encodes::*;

/// Publishers whose network goes away without a word.
mod half_open;

/// The media of an encode, up to some frame in the middle; that frame comes next.
fn media() -> (Vec<Tag>, Tag) {
    let mut tags = media_tags(&Encode::new(H264_AAC).reference);
    let keyframes = tags.iter().enumerate().filter(|(_, tag)| tag.body[0] == 0x17);
    // The first is the sequence header.
    let (at, _) = keyframes.skip(1).nth(1).expect("a second keyframe");
    let mut rest = tags.split_off(at);
    (tags, rest.remove(0))
}

fn message(tag: &Tag) -> Message {
    match tag.kind {
        8 => Message::audio(tag.timestamp, &tag.body),
        _ => Message::video(tag.timestamp, &tag.body),
    }
}

/// Publishes `tags` and the first chunk of `torn`, and waits until the server has read it all.
fn publish_up_to(server: &Server, tags: &[Tag], torn: &Tag) -> Peer {
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| tags.iter().map(message).fold(script, |s, message| s.message(&message)));
    peer.send(|script| script.begun(&message(torn), 1));
    peer.barrier();
    peer
}

/// The bytes of a recording of `tags`.
fn recorded_len(tags: &[Tag]) -> u64 {
    tags.iter().map(|tag| tag.body.len() as u64 + 15).sum::<u64>() + 13
}

/// Asserts that the account says that one message was torn, and that all others are in the file.
fn assert_torn(server: &Server, tags: &[Tag]) {
    let ended = server.ended("cam");
    assert!(!ended.complete, "{ended:?}");
    assert_eq!((ended.written, ended.refused), (tags.len() as u64, 1), "{ended:?}");
    assert_eq!(media_tags(&ended.path), tags);
    probe(&ended.path);
    assert_plays(&ended.path);
}

#[test]
fn a_publisher_is_killed() {
    let encode = Encode::new(LONG);
    let server = Server::start(&[]);
    let publisher = Running::start(&mut encode.push_live(&server.url("cam")));
    wait_for_len(&server.publishing("cam"), 100_000);
    publisher.kill();
    let ended = server.ended("cam");
    assert!(ended.refused <= 1, "{ended:?}");
    encode.assert_beginning(&ended.path);
    assert_plays(&ended.path);
}

#[test]
fn a_connection_is_reset_in_the_middle_of_a_message() {
    let (tags, torn) = media();
    let server = Server::start(&[]);
    publish_up_to(&server, &tags, &torn).reset();
    assert_torn(&server, &tags);
}

#[test]
fn a_connection_is_closed_in_the_middle_of_a_message() {
    let (tags, torn) = media();
    let server = Server::start(&[]);
    drop(publish_up_to(&server, &tags, &torn));
    assert_torn(&server, &tags);
}

/// ffmpeg ends like this: it closes the socket with megabytes on the way. Whatever the server says
/// from then on is answered with a reset, and what was on the way is gone.
#[test]
fn a_connection_is_closed_by_a_peer_that_reads_no_replies() {
    let frame = filler(100_000, 1);
    let tags: Vec<Tag> =
        (0..80).map(|at| Tag { kind: 9, timestamp: at * 40, body: frame.clone() }).collect();
    let server = Server::start(&[]);
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| {
        let script = script.chunk_size(65_536);
        tags.iter().fold(script, |script, tag| script.message(&message(tag))).delete_stream(1.0)
    });
    drop(peer);
    assert!(media_tags(&server.complete("cam")) == tags, "other tags");
}

#[test]
fn a_peer_goes_silent() {
    let (tags, torn) = media();
    let server = Server::start(&["--idle-timeout", "2"]);
    let peer = publish_up_to(&server, &tags, &torn);
    assert_torn(&server, &tags);
    let replies = peer.until_closed();
    let codes: Vec<_> = replies.iter().filter_map(|reply| reply.code()).collect();
    assert!(codes.contains(&"NetConnection.Connect.IdleTimeOut".to_owned()), "{codes:?}");
}

#[test]
fn the_server_is_killed() {
    let encode = Encode::new(LONG);
    let server = Server::start(&[]);
    let publisher = Running::start(&mut encode.push_live(&server.url("cam")));
    let path = server.publishing("cam");
    wait_for_len(&path, 100_000);
    server.signal(Signal::KILL);
    assert!(!publisher.output().status.success(), "the publisher has not noticed");
    encode.assert_beginning(&path);
    assert_plays(&path);
}

/// What a killed server has left of a real encode.
pub(crate) fn left_by_a_crash() -> (tempfile::TempDir, std::path::PathBuf, Vec<Tag>) {
    let (tags, torn) = media();
    let server = Server::start(&[]);
    let _peer = publish_up_to(&server, &tags, &torn);
    let path = server.publishing("cam");
    wait_for_len(&path, recorded_len(&tags));
    (server.kill(), path, tags)
}

#[test]
fn the_server_is_killed_and_what_it_had_written_is_there() {
    let (tags, torn) = media();
    let mut server = Server::start(&[]);
    let _peer = publish_up_to(&server, &tags, &torn);
    let path = server.publishing("cam");
    wait_for_len(&path, recorded_len(&tags));
    server.signal(Signal::KILL);
    server.exit();
    assert_eq!(media_tags(&path), tags);
    assert_plays(&path);
}

#[test]
fn the_server_is_asked_to_stop() {
    for signal in [Signal::TERM, Signal::INT] {
        let (tags, torn) = media();
        let mut server = Server::start(&[]);
        let peer = publish_up_to(&server, &tags, &torn);
        server.signal(signal);
        let replies = peer.until_closed();
        let codes: Vec<_> = replies.iter().filter_map(|reply| reply.code()).collect();
        assert!(codes.contains(&"NetConnection.Connect.AppShutdown".to_owned()), "{codes:?}");
        assert_torn(&server, &tags);
        assert_eq!(server.exit().code(), Some(0));
    }
}

#[test]
fn the_server_is_asked_to_stop_while_ffmpeg_publishes() {
    let encode = Encode::new(LONG);
    let mut server = Server::start(&[]);
    let publisher = Running::start(&mut encode.push_live(&server.url("cam")));
    let path = server.publishing("cam");
    wait_for_len(&path, 100_000);
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
    publisher.output();
    encode.assert_beginning(&path);
    assert_plays(&path);
}

#[test]
fn a_suspended_server_blames_no_publisher() {
    let server = Server::start(&["--idle-timeout", "1"]);
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| script.message(&Message::video(0, b"first")));
    wait_for_len(&server.publishing("cam"), recorded_len(&[]) + 5 + 15);
    server.signal(Signal::STOP);
    peer.send(|script| script.message(&Message::video(40, b"then")));
    thread::sleep(Duration::from_secs(2));
    server.signal(Signal::CONT);
    peer.send(|script| script.message(&Message::video(80, b"last")).delete_stream(1.0));
    assert_eq!(media_tags(&server.complete("cam")).len(), 3);
}
