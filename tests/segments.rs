use std::path::PathBuf;

use sluicebox_tests::flv::{self, Metadata, Tag};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::media::{Encode, assert_plays, media_tags, probe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::run;
use sluicebox_tests::wire::Message;

use crate::encodes::*;

/// Publishes tags, and gives the files that they went to.
fn publish(arguments: &[&str], tags: &[Tag]) -> (Server, Vec<PathBuf>) {
    let path = ["--path", "{stream}-{segment:04}.flv"];
    let server = Server::start(&[&path[..], arguments].concat());
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| {
        let message = |tag: &Tag| match tag.kind {
            8 => Message::audio(tag.timestamp, &tag.body),
            9 => Message::video(tag.timestamp, &tag.body),
            kind => Message::new(kind, &tag.body).on(5).stream(1),
        };
        let script = script.chunk_size(65_536);
        tags.iter().fold(script, |script, tag| script.message(&message(tag))).delete_stream(1.0)
    });
    server.complete("cam");
    let files = files(&server);
    (server, files)
}

fn files(server: &Server) -> Vec<PathBuf> {
    let name = |at: usize| server.folder.path().join(format!("cam-{at:04}.flv"));
    (1..).map(name).take_while(|path| path.exists()).collect()
}

fn tag(kind: u8, timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind, timestamp, body: body.to_vec() }
}

/// Tags at the start of every file but the first that were sent before: metadata, sequence headers.
fn repeated(file: &[Tag], sent: &[Tag]) -> usize {
    let is_setup = |tag: &Tag| match tag.kind {
        9 => tag.body[1] == 0 || tag.body[0] & 0x8f == 0x80 || tag.body.get(1) == Some(&0x00),
        8 => tag.body[..2] == [0xaf, 0] || tag.body[0] == 0x95 && tag.body[1] & 0x0f == 0,
        _ => true,
    };
    let again = |tag: &&Tag| {
        is_setup(tag) && (tag.kind == 18 || sent.iter().any(|sent| sent.body == tag.body))
    };
    file.iter().take_while(again).count()
}

/// Asserts that the files have every tag that was sent, in order, none twice.
fn assert_joined(files: &[PathBuf], sent: &[Tag], rebased: bool) {
    let mut joined = Vec::new();
    for (at, path) in files.iter().enumerate() {
        let tags = flv::read(path);
        let again = if at == 0 { 0 } else { repeated(&tags, sent) };
        let zero = if rebased { 0 } else { tags[again].timestamp };
        assert_eq!(tags[again].timestamp, zero, "{}", path.display());
        joined.extend(tags.into_iter().skip(again));
        let len = std::fs::metadata(path).expect("a file").len();
        assert_eq!(Metadata::read(path).file_len(), len, "it is finished");
    }
    assert_eq!(joined.len(), sent.len(), "tags in {} files", files.len());
    for (at, (found, sent)) in joined.iter().zip(sent).enumerate() {
        let same = found.kind == sent.kind && (found.kind == 18 || found.body == sent.body);
        assert!(same, "tag {at}: {found:?} is not {sent:?}");
        assert!(rebased || found.timestamp == sent.timestamp, "tag {at}: {found:?}, {sent:?}");
    }
}

const METADATA: &[u8] =
    b"\x02\0\x0aonMetaData\x08\0\0\0\x01\0\x05width\0\x40\x94\0\0\0\0\0\0\0\0\x09";

/// Ten seconds of video with a keyframe each second, and sound; metadata and headers before.
fn stream() -> Vec<Tag> {
    let mut tags = vec![
        tag(18, 0, METADATA),
        tag(9, 0, b"\x17\0\0\0\0the video's header"),
        tag(8, 0, b"\xaf\0\x12\x10"),
    ];
    for at in 0..250u32 {
        let first = if at % 25 == 0 { 0x17 } else { 0x27 };
        let body = [&[first, 1, 0, 0, 0], &filler(500, at)[..]].concat();
        tags.push(tag(9, 5000 + at * 40, &body));
        tags.push(tag(8, 5000 + at * 40 - 20, &[&[0xaf, 1], &filler(50, at + 1000)[..]].concat()));
    }
    tags
}

/// Asserts that every file but the first begins with metadata, both headers, and a keyframe.
fn assert_beginnings(files: &[PathBuf]) {
    for path in files {
        let tags = flv::read_all(path);
        let firsts: Vec<_> =
            tags.iter().take(4).map(|tag| (tag.kind, tag.body[..2].to_vec())).collect();
        let expected =
            [(18, vec![2, 0]), (9, vec![0x17, 0]), (8, vec![0xaf, 0]), (9, vec![0x17, 1])];
        assert_eq!(firsts, expected, "{}", path.display());
        assert_eq!(Metadata::read(path).properties[0].0, "width");
    }
}

#[test]
fn cut_by_time_and_joined_again() {
    let sent = stream();
    for (how, rebased) in [("rebase", true), ("keep", false)] {
        let (_server, files) =
            publish(&["--segment-time", "2", "--segment-timestamps", how], &sent);
        assert_eq!(files.len(), 5);
        assert_joined(&files, &sent, rebased);
        assert_beginnings(&files);
    }
}

/// Whatever place there is for an index: what is not used of it is no part of the size.
#[test]
fn cut_by_size_and_joined_again() {
    let sent = stream();
    for (index, size) in [("16", "40000"), ("10800", "40kB")] {
        let arguments = ["--index", index, "--segment-size", size, "--segment-timestamps", "keep"];
        let (_server, files) = publish(&arguments, &sent);
        assert_eq!(files.len(), 4, "a second has 14 kB");
        assert_joined(&files, &sent, false);
        assert_beginnings(&files);
        for path in &files[..3] {
            let len = std::fs::metadata(path).expect("a file").len();
            let index = len - flv::added(path);
            assert!((40_000..56_000).contains(&index), "{index} bytes");
        }
    }
}

#[test]
fn without_keyframes_at_twice_the_time() {
    let mut sent = stream();
    sent.iter_mut().skip(4).filter(|tag| tag.kind == 9).for_each(|tag| tag.body[0] = 0x27);
    let (_server, files) = publish(&["--segment-time", "2", "--segment-timestamps", "keep"], &sent);
    assert_eq!(files.len(), 3);
    assert_joined(&files, &sent, false);
}

#[test]
fn sound_alone() {
    let sent: Vec<_> = stream().into_iter().filter(|tag| tag.kind == 8).collect();
    let (_server, files) = publish(&["--segment-time", "2", "--segment-timestamps", "keep"], &sent);
    assert_eq!(files.len(), 5);
    assert_joined(&files, &sent, false);
}

/// Enhanced RTMP: two video tracks and one of sound, each with its header.
#[test]
fn several_tracks() {
    let header =
        |track: u8| [&[0x96, 0x00][..], b"hvc1", &[track], b"header of ", &[track]].concat();
    let mut sent = vec![
        tag(9, 0, b"\x90hvc1the default track's header"),
        tag(9, 0, &header(1)),
        tag(9, 0, &header(2)),
        tag(8, 0, b"\x90mp4a\x12\x10"),
    ];
    for at in 0..100u32 {
        let frame = if at % 25 == 0 { 0x90 } else { 0xa0 };
        let body = filler(300, at);
        sent.push(tag(9, at * 40, &[&[frame | 3], &b"hvc1"[..], &body].concat()));
        for track in [1, 2] {
            let head = [&[frame | 6, 0x03][..], b"hvc1", &[track]].concat();
            sent.push(tag(9, at * 40, &[head, body.clone()].concat()));
        }
        sent.push(tag(8, at * 40, &[&b"\x91mp4a"[..], &body[..40]].concat()));
    }
    let (_server, files) = publish(&["--segment-time", "1", "--segment-timestamps", "keep"], &sent);
    assert_eq!(files.len(), 4);
    for path in &files {
        let firsts: Vec<_> = flv::read(path).into_iter().take(4).map(|tag| tag.body).collect();
        assert!(firsts == sent.iter().take(4).map(|tag| tag.body.clone()).collect::<Vec<_>>());
    }
    let mut joined: Vec<_> = flv::read(&files[0]);
    files[1..].iter().for_each(|path| joined.extend(flv::read(path).into_iter().skip(4)));
    assert!(joined == sent, "{} tags of {}", joined.len(), sent.len());
}

/// With a real encoder, and every file played on its own.
#[test]
fn every_file_plays_alone() {
    let encode = Encode::new(LONG);
    let arguments = ["--segment-time", "5", "--path", "{stream}-{segment:04}.flv", "--part"];
    let server = Server::start(&arguments);
    run(&mut encode.push(&server.url("cam")));
    server.complete("cam");
    let files = files(&server);
    assert_eq!(files.len(), 4);
    let mut packets = 0;
    for path in &files {
        assert_plays(path);
        packets += probe(path).packets.len();
        let duration = Metadata::read(path).number("duration");
        assert!((4.9..5.1).contains(&duration), "{duration} s");
    }
    assert_eq!(packets, probe(&encode.reference).packets.len());
    let all: Vec<_> = files.iter().flat_map(|path| media_tags(path)).collect();
    // Two headers in each of three files more.
    assert_eq!(all.len(), media_tags(&encode.reference).len() + 6);
}
