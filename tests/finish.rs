use std::fs;
use std::path::{Path, PathBuf};

use sluicebox_tests::flv::{self, Metadata, Tag};
use sluicebox_tests::media::{Encode, ffmpeg};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::run;
use sluicebox_tests::wire::{Message, Script};

use crate::encodes::*;

/// Names, `.part`, and what happens where a name is taken.
mod names;

/// Where each tag of a file begins.
fn positions(path: &Path) -> Vec<(u64, Tag)> {
    let mut at = 13;
    let place = |tag: Tag| {
        let begin = at;
        at += tag.body.len() as u64 + 15;
        (begin, tag)
    };
    flv::read_all(path).into_iter().map(place).collect()
}

fn recorded(encode: &Encode, arguments: &[&str]) -> (Server, PathBuf) {
    let server = Server::start(arguments);
    run(&mut encode.push(&server.url("cam")));
    let path = server.complete("cam");
    encode.assert_recorded(&path);
    (server, path)
}

fn flags(path: &Path) -> u8 {
    fs::read(path).expect("a recording")[4]
}

#[test]
fn a_finished_file_says_how_long_it_is_and_where_its_keyframes_are() {
    let (_server, path) = recorded(&Encode::new(H264_AAC), &[]);
    let metadata = Metadata::read(&path);
    let tags = positions(&path);
    let media: Vec<_> = tags.iter().filter(|(_, tag)| tag.is_media()).collect();
    let frames: Vec<_> = media.iter().filter(|(_, tag)| tag.body[1] == 1).collect();
    let seconds = |timestamp: u32| f64::from(timestamp) / 1000.0;
    let last = frames.last().expect("a frame").1.timestamp;
    let highest = frames.iter().map(|(_, tag)| tag.timestamp).max().expect("a frame");
    assert_eq!(metadata.number("duration"), seconds(highest - frames[0].1.timestamp));
    assert_eq!(metadata.number("lasttimestamp"), seconds(last));
    let len = fs::metadata(&path).expect("a recording").len();
    assert_eq!(metadata.file_len(), len);
    // The sequence header, and every keyframe.
    let keys =
        media.iter().filter(|(_, tag)| tag.kind == 9 && tag.body[0] == 0x17 && tag.body[1] < 2);
    let keys: Vec<_> = keys.map(|(at, tag)| (seconds(tag.timestamp), *at)).collect();
    assert_eq!(metadata.keyframes, keys);
    assert_eq!(metadata.number("lastkeyframetimestamp"), keys.last().expect("a keyframe").0);
    assert_eq!(flags(&path), 5);
}

#[test]
fn the_header_says_what_there_is() {
    assert_eq!(flags(&recorded(&Encode::new(SEED), &[]).1), 1);
    let (_server, path) = recorded(&Encode::new(AUDIO), &[]);
    assert_eq!(flags(&path), 4);
    // Sound has an entry a second, behind its sequence header.
    let times: Vec<_> =
        Metadata::read(&path).keyframes.iter().map(|(time, _)| time.round()).collect();
    assert_eq!(times, [0.0, 0.0, 1.0, 2.0]);
}

/// Metadata of an encoder's that has everything in it, and the properties that have to stay.
fn metadata() -> (Vec<u8>, Vec<(&'static str, Vec<u8>)>) {
    let stays = vec![
        ("width", b"\0\x40\x94\0\0\0\0\0\0".to_vec()),
        ("encoder", [&b"\x02\0\x06OBS \xf0\x9f"[..]].concat()),
        ("stereo", vec![1, 1]),
    ];
    let name = |name: &str| {
        [&u16::try_from(name.len()).expect("a short name").to_be_bytes()[..], name.as_bytes()]
            .concat()
    };
    let mut body = b"\x02\0\x0aonMetaData\x08\0\0\0\x06".to_vec();
    for (property, value) in [("duration", [0; 9]), ("fileSize", [0; 9]), ("lasttimestamp", [0; 9])]
    {
        body.extend([name(property), value.to_vec()].concat());
    }
    stays.iter().for_each(|(property, value)| body.extend([&name(property)[..], value].concat()));
    body.extend(b"\0\0\x09");
    (body, stays)
}

/// Publishes metadata and two frames.
fn publish(server: &Server, data: &[u8]) -> PathBuf {
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    let frame = |script: Script, at| script.video(at, &[0x17, 1, 0, 0, 0, 1]);
    peer.send(|script| {
        let script = script.message(&Message::new(18, data).on(5).stream(1));
        frame(frame(script, 0), 40).delete_stream(1.0)
    });
    server.complete("cam")
}

#[test]
fn what_the_encoder_said_stays() {
    let server = Server::start(&[]);
    let (body, stays) = metadata();
    let path = publish(&server, &body);
    assert_eq!(flv::read_all(&path).len(), 3, "one metadata tag");
    let metadata = Metadata::read(&path);
    for (name, value) in stays {
        assert!(metadata.properties.contains(&(name.to_owned(), value)), "{name}");
    }
    assert_eq!(metadata.properties.len(), 3 + 5);
    assert_eq!(metadata.number("duration"), 0.04);
}

#[test]
fn metadata_that_cannot_be_added_to_stays_a_tag_of_its_own() {
    let server = Server::start(&[]);
    let cut = b"\x02\0\x0aonMetaData\x08\0\0\0\x01\0\x05width\0\x40\x94";
    let path = publish(&server, cut);
    assert_eq!(flv::read(&path)[0].body, cut);
    assert!(Metadata::read(&path).is_server_only());
}

#[test]
fn raw_recordings_are_as_they_came() {
    let server = Server::start(&["--raw"]);
    let (body, _) = metadata();
    let path = publish(&server, &body);
    let tags = flv::read_all(&path);
    assert_eq!((tags.len(), &tags[0].body), (3, &body));
    assert_eq!(flags(&path), 5);
}

#[test]
fn a_named_output_is_finished_and_standard_output_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("out.flv");
    let encode = Encode::new(SEED);
    let mut server = Server::start(&["--output", file.to_str().expect("a plain path")]);
    run(&mut encode.push(&server.url("cam")));
    assert!(server.exit().success());
    encode.assert_recorded(&file);
    let len = fs::metadata(&file).expect("a recording").len();
    assert_eq!(Metadata::read(&file).file_len(), len);

    let file = folder.path().join("stdout.flv");
    let mut server = Server::into_file(&file);
    run(&mut encode.push(&server.url("cam")));
    assert!(server.exit().success());
    encode.assert_recorded(&file);
    assert_eq!((flv::added(&file), flags(&file)), (0, 5));
}

/// Decodes the first frame that a player shows when it is sent to 16 seconds. It may read little
/// before that, so that it has to believe the index.
fn frame_at_16_s(path: &Path) -> String {
    let mut command = ffmpeg();
    command.args(["-probesize", "32000", "-analyzeduration", "0", "-ss", "16", "-i"]).arg(path);
    command.args(["-map", "0:v", "-frames:v", "1", "-f", "framemd5", "-"]);
    let output = run(&mut command).stdout;
    let text = String::from_utf8_lossy(&output).into_owned();
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// What lies before the place that a player is sent to is made unreadable: who reads it gets nowhere.
#[test]
fn players_seek_by_the_index() {
    let encode = Encode::new(LONG);
    for (arguments, seeks) in [(&[][..], true), (&["--raw"], false)] {
        let (_server, path) = recorded(&encode, arguments);
        let expected = frame_at_16_s(&path);
        assert!(!expected.is_empty());
        let tags = positions(&path);
        let place = |second: u32| {
            let key = |tag: &Tag| tag.kind == 9 && tag.body[..2] == [0x17, 1];
            let found = tags.iter().find(|(_, tag)| key(tag) && tag.timestamp >= second * 1000);
            usize::try_from(found.expect("a keyframe").0).expect("a short file")
        };
        let mut bytes = fs::read(&path).expect("a recording");
        let (from, to) = (place(3), place(16));
        bytes[from..to].fill(0xff);
        let damaged = path.with_extension("damaged.flv");
        fs::write(&damaged, bytes).expect("a file");
        let found = std::panic::catch_unwind(|| frame_at_16_s(&damaged)).unwrap_or_default();
        assert_eq!(found == expected, seeks, "{arguments:?}: {found}");
    }
}
