use serde_json::Value;
use sluicebox_tests::compatibility;
use sluicebox_tests::ffmpeg::Ffmpeg;
use sluicebox_tests::flv::{Tag, read};
use sluicebox_tests::media::{Encode, assert_plays_in, assert_same_by};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::{Server, binary};
use sluicebox_tests::tool::{Running, run, tool};

use crate::encodes::*;

/// Publishes an encode, which `pushed` tells about, and compares the recording with a copy to a file:
/// packets as ffmpeg reads them, and tags. The encode has to have tags of the kind that `shows` looks for;
/// `says` is what `check` has to say of the recording.
fn publish(pushed: &str, arguments: &str, says: &str, shows: impl Fn(&Tag) -> bool) {
    let encode = Encode::by(Ffmpeg::Current, arguments);
    assert!(read(&encode.reference).iter().any(shows), "the encode is not what it is to be");
    let server = Server::start(&[]);
    run(&mut encode.push(&server.url("cam")));
    let recording = server.complete("cam");
    encode.assert_recorded(&recording);
    assert_plays_in(Ffmpeg::Current, &recording);
    let mut check = tool(binary());
    let report = run(check.args(["check", "--json"]).arg(&recording)).stdout;
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["summary"], says, "{pushed}: {report}");
    compatibility::recorded("ffmpeg", Ffmpeg::Current.version(), pushed, &recording);
}

/// Video whose first bytes are those of an enhanced header with this packet type and FourCC.
fn video(packet_type: u8, four_cc: &[u8; 4]) -> impl Fn(&Tag) -> bool {
    move |tag| {
        let body = &tag.body;
        tag.kind == 9 && body[0] & 0x8f == 0x80 | packet_type && body[1..].starts_with(four_cc)
    }
}

/// Audio with this packet type and FourCC.
fn audio(packet_type: u8, four_cc: &[u8; 4]) -> impl Fn(&Tag) -> bool {
    move |tag| {
        tag.kind == 8 && tag.body[0] == 0x90 | packet_type && tag.body[1..].starts_with(four_cc)
    }
}

const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;
const METADATA: u8 = 4;
const MULTICHANNEL_CONFIG: u8 = 4;
const AUDIO_MULTITRACK: u8 = 5;
const VIDEO_MULTITRACK: u8 = 6;

#[test]
fn hevc() {
    // With composition times, which the packet type without them does not have.
    publish("HEVC with B-frames", HEVC, "HEVC Main 128x96 25 fps", video(CODED_FRAMES, b"hvc1"));
}

#[test]
fn av1() {
    publish("AV1", AV1, "AV1 Main 128x96", video(SEQUENCE_START, b"av01"));
}

#[test]
fn vp9() {
    publish("VP9", VP9, "VP9 profile 0 128x96", video(SEQUENCE_START, b"vp09"));
}

#[test]
fn vvc() {
    publish("VVC", VVC, "VVC Main 10 128x96 10 bit", video(SEQUENCE_START, b"vvc1"));
}

#[test]
fn opus() {
    publish("Opus", &format!("{TONE} libopus"), "Opus 48 kHz mono", audio(SEQUENCE_START, b"Opus"));
}

#[test]
fn flac() {
    publish(
        "FLAC",
        &format!("{TONE} flac"),
        "FLAC 48 kHz mono 16 bit",
        audio(SEQUENCE_START, b"fLaC"),
    );
}

#[test]
fn ac3() {
    publish("AC-3", &format!("{TONE} ac3"), "AC-3 48 kHz mono", audio(SEQUENCE_START, b"ac-3"));
}

#[test]
fn eac3() {
    publish(
        "E-AC-3",
        &format!("{TONE} eac3"),
        "E-AC-3 48 kHz mono",
        audio(SEQUENCE_START, b"ec-3"),
    );
}

#[test]
fn six_channels() {
    publish(
        "Opus in six channels",
        &format!("{SURROUND} libopus"),
        "Opus 48 kHz 6 channels",
        audio(MULTICHANNEL_CONFIG, b"Opus"),
    );
    publish(
        "AAC in six channels",
        &format!("{SURROUND} aac"),
        "AAC 48 kHz 6 channels",
        audio(MULTICHANNEL_CONFIG, b"mp4a"),
    );
}

#[test]
fn codecs_that_enhanced_rtmp_did_not_need() {
    publish("MP3", &format!("{TONE} libmp3lame"), "MP3 48 kHz mono", |tag| {
        tag.kind == 8 && tag.body[0] >> 4 == 2
    });
    publish(
        "G.711 A-law",
        &format!("{TONE} pcm_alaw -ar 8000 -ac 1"),
        "G.711 A-law 8 kHz mono",
        |tag| tag.body[0] >> 4 == 7,
    );
    publish(
        "Nellymoser",
        &format!("{TONE} nellymoser -ar 44100 -ac 1"),
        "Nellymoser 44.1 kHz mono 16 bit",
        |tag| tag.body[0] >> 4 == 6,
    );
}

#[test]
fn colours_of_hdr() {
    publish(
        "HEVC in HDR10, with colour metadata",
        HDR,
        "HEVC Main 10 128x96 10 bit 25 fps",
        |tag| {
            let has = |name: &[u8]| tag.body.windows(name.len()).any(|part| part == name);
            video(METADATA, b"hvc1")(tag) && has(b"colorInfo") && has(b"transferCharacteristics")
        },
    );
}

/// The colours of the second track come without its number, and are not the first's.
const FOUR: &str = "H.264 Constrained Baseline 128x96 25 fps + track 1: HEVC Main 128x96 25 fps \
    + AAC 48 kHz mono + track 1: Opus 48 kHz mono";

#[test]
fn four_tracks_in_four_codecs() {
    // One track in each: packet type, FourCC, track.
    let video = |tag: &Tag| tag.kind == 9 && tag.body[0] & 0x8f == 0x80 | VIDEO_MULTITRACK;
    publish("H.264, HEVC, AAC and Opus in four tracks", MULTITRACK, FOUR, |tag| {
        video(tag) && tag.body[2..].starts_with(b"hvc1\x01")
    });
    publish("H.264, HEVC, AAC and Opus in four tracks", MULTITRACK, FOUR, |tag| {
        tag.kind == 8 && tag.body[0] == 0x90 | AUDIO_MULTITRACK
    });
}

/// Bytes as they came: metadata too, which names the tracks.
#[test]
fn every_tag_as_it_was_sent() {
    for arguments in [MULTITRACK, HDR] {
        let encode = Encode::by(Ffmpeg::Current, arguments);
        let server = Server::start(&["--raw"]);
        run(&mut encode.push(&server.url("cam")));
        assert_eq!(read(&server.complete("cam")), read(&encode.reference));
    }
}

/// What `connect` offers changes nothing about what is recorded.
#[test]
fn codecs_offered_in_connect() {
    let encode = Encode::by(Ffmpeg::Current, HEVC);
    let server = Server::start(&[]);
    let offer = ["-rtmp_enhanced_codecs", "hvc1,av01,vp09,Opus"];
    run(&mut encode.push_with(&offer, &server.url("cam")));
    let recording = server.complete("cam");
    encode.assert_recorded(&recording);
    let pushed = "HEVC, offered in `connect` (`-rtmp_enhanced_codecs`)";
    compatibility::recorded("ffmpeg", Ffmpeg::Current.version(), pushed, &recording);
}

/// The encoder runs while it publishes, and writes a file at the same time.
#[test]
fn an_encoder_that_is_itself_live() {
    let server = Server::start(&[]);
    let reference = server.folder.path().join("reference.flv");
    let outputs = format!("[f=flv]{}|[f=flv]{}", reference.display(), server.url("cam"));
    let mut command = Ffmpeg::Current.command();
    command.arg("-re").args(HEVC.split_whitespace());
    command.args(["-flags", "+global_header", "-map", "0", "-f", "tee"]).arg(outputs);
    run(&mut command);
    assert_same_by(Ffmpeg::Current, &server.complete("cam"), &reference);
}

#[test]
fn a_name_that_is_taken() {
    let server = Server::start(&["--on-conflict", "reject"]);
    let _first = Peer::publishing(server.addr, "live", "cam");
    let encode = Encode::by(Ffmpeg::Current, HEVC);
    let output = Running::start(&mut encode.push(&server.url("cam"))).output();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("Somebody publishes"), "{said}");
    let shows = "shows the reason, and ends with an error";
    compatibility::refused("ffmpeg", Ffmpeg::Current.version(), "a name that is taken", shows);
}
