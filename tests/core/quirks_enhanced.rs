//! Quirks 53–57 of docs/quirks.md once more, a session for each row: enhanced headers, and codecs that
//! the old ones had no number for.

use sluicebox_tests::amf::{Value, encode};
use sluicebox_tests::flv::Tag;

use super::quirks_media::{assert_verbatim, verbatim};
use super::run::{Scenario, audio, script, video};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("HEVC in all its disguises", || verbatim(&hevc())),
    ("Enhanced RTMP before it was finished", || verbatim(&early())),
    ("colours and frames that are none", || verbatim(&no_frames())),
    ("FourCC headers that nobody negotiated", || verbatim(&four_ccs())),
    ("tracks in all three forms", || verbatim(&multitrack())),
];

/// A body: its first bytes, then what is not looked at.
fn body(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// As codec 12, as `hvc1`, and labelled AVC.
fn hevc() -> Vec<Tag> {
    let configuration = [1, 1, 0x60, 0, 0, 0, 0x90];
    vec![
        video(0, &body(&[&[0x1c, 0, 0, 0, 0], &configuration])),
        video(0, &[0x1c, 1, 0, 0, 40, 0, 0, 0, 2, 0x26, 1]),
        video(40, &body(&[&[0x90], b"hvc1", &configuration])),
        video(40, &body(&[&[0x91], b"hvc1", &[0, 0, 40], &[0, 0, 0, 2, 0x26, 1]])),
        video(80, &body(&[&[0xa3], b"hvc1", &[0, 0, 0, 2, 2, 1]])),
        video(120, &body(&[&[0x17, 0, 0, 0, 0], &configuration])),
        video(120, &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x26, 1]),
    ]
}

/// Quirk 53: HEVC as codec 12, as `hvc1`, and labelled AVC (mediamtx#5105, srs#3464).
#[test]
fn q53_hevc_in_all_its_disguises() {
    assert_verbatim(&hevc());
}

/// Frame type 0, frames of the type without composition times where they would be needed, the
/// sequence header again with another timestamp, and again after its end.
fn early() -> Vec<Tag> {
    let start = body(&[&[0x80], b"hvc1", &[1, 1, 0x60]]);
    vec![
        video(0, &start),
        video(0, &body(&[&[0x83], b"hvc1", &[0, 0, 0, 2, 0x26, 1]])),
        video(80, &body(&[&[0x83], b"hvc1", &[0, 0, 0, 2, 2, 1]])),
        video(40, &body(&[&[0x83], b"hvc1", &[0, 0, 0, 2, 0, 1]])),
        video(33, &start),
        video(120, &body(&[&[0x82], b"hvc1"])),
        video(120, &start),
    ]
}

/// Quirk 54: Enhanced RTMP before it was finished (obs-studio#8650, obs-studio#8761).
#[test]
fn q54_enhanced_rtmp_before_it_was_finished() {
    assert_verbatim(&early());
}

/// Metadata packets with the name and without it, and frames of type 5, which are commands.
fn no_frames() -> Vec<Tag> {
    let config = Value::object([("transferCharacteristics", 16.0.into())]);
    let colours = Value::object([("colorConfig", config)]);
    let named = encode(&["colorInfo".into(), colours.clone()]);
    vec![
        video(0, &body(&[&[0xd4], b"hvc1", &named])),
        video(0, &body(&[&[0x84], b"av01", &encode(&[colours])])),
        video(40, &body(&[&[0xd4], b"hvc1"])),
        video(40, &[0x52, 0]),
        video(41, &[0x57, 1, 0, 0, 0, 1]),
        video(80, &body(&[&[0xd1], b"hvc1", &[0]])),
    ]
}

/// Quirk 55: colour metadata, and frame type 5 (srs#4603, srs#4604).
#[test]
fn q55_colours_and_commands_are_recorded() {
    assert_verbatim(&no_frames());
}

/// Every codec that has a FourCC, and two that nobody knows.
fn four_ccs() -> Vec<Tag> {
    let videos = [b"vp08", b"vp09", b"av01", b"avc1", b"hvc1", b"vvc1", b"xyz9"];
    let audios = [b"ac-3", b"ec-3", b"Opus", b".mp3", b"fLaC", b"mp4a", b"\0\xff\0\xff"];
    let videos = videos.into_iter().map(|cc| video(0, &body(&[&[0x90], cc, &[1, 2, 3]])));
    let audios = audios.into_iter().map(|cc| audio(0, &body(&[&[0x90], cc, &[1, 2, 3]])));
    videos.chain(audios).collect()
}

/// Quirk 56: FourCC headers without a word about them in `connect` (HaishinKit.swift, obs-studio
/// `rtmp.c`).
#[test]
fn q56_nothing_has_to_be_negotiated() {
    assert_verbatim(&four_ccs());
}

/// Track 0 in old headers, the second as one track, then many of one codec and of many.
fn multitrack() -> Vec<Tag> {
    let track = |id: u8, bytes: &[u8]| body(&[&[id, 0, 0, bytes.len().to_le_bytes()[0]], bytes]);
    let map = encode(&["onMetaData".into(), Value::object([("audioTrackIdInfoMap", Value::Null)])]);
    vec![
        script(0, &map),
        video(0, &[0x17, 0, 0, 0, 0, 1]),
        audio(0, &[0xaf, 0, 0x12, 0x10]),
        video(0, &body(&[&[0x96, 0x00], b"hvc1", &[1], &[1, 1, 0x60]])),
        audio(0, &body(&[&[0x95, 0x00], b"Opus", &[1], b"OpusHead"])),
        video(40, &body(&[&[0x96, 0x11], b"avc1", &track(0, &[9; 20]), &track(1, &[8; 200])])),
        audio(40, &body(&[&[0x95, 0x21], b"mp4a", &track(0, &[7; 5]), b"Opus", &track(2, &[6])])),
        video(80, &body(&[&[0x97, 2, 1, 2, 3, 0x01], b"hvc1", &[0, 0, 0], &[1]])),
    ]
}

/// Quirk 57: track 0 in old headers, the others in enhanced ones (mediamtx#4996, mediamtx#3685).
#[test]
fn q57_tracks_in_all_three_forms() {
    assert_verbatim(&multitrack());
}
