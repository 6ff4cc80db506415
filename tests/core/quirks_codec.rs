//! Quirks 53–57 of docs/quirks.md: codecs and packets of every form. The session records them
//! without a look; the typed view says what they are.

use sluicebox_core::flv::{Codec, Kind, Packet};
use sluicebox_tests::flv::Tag;

use super::quirks_media::{assert_verbatim, bodies, verbatim};
use super::run::{Scenario, audio, media, publishing, recorded, video};

pub(crate) const SCENARIOS: &[Scenario] = &[("codecs in every form", || verbatim(&every_form()))];

/// A tag of each form that Enhanced RTMP has, and of those before it.
fn every_form() -> Vec<Tag> {
    let video_bodies: &[&[u8]] = &[
        // Old H.264 and HEVC: sequence header, frames, end.
        b"\x17\x00\0\0\0\x01d\0\x1f",
        b"\x1c\x00\0\0\0\x01",
        b"\x17\x01\0\0\0frame",
        b"\x2c\x01\xff\xff\xf6frame",
        b"\x17\x02\0\0\0",
        b"\x57\0",
        // Every packet type.
        b"\x90hvc1\x01config",
        b"\x91hvc1\0\0\x28frame",
        b"\xa3hvc1frame",
        b"\x92hvc1",
        b"\xd4hvc1\x02\0\x09colorInfo\x03\0\0\x09",
        b"\x95av01\x80\x04\x81",
        b"\x9bnew!unknown",
        b"\xd1\x01",
        // One track; many of one codec; many of many codecs.
        b"\x96\x00avc1\x01config",
        b"\x96\x11avc1\x00\0\0\x04\0\0\x01A\x01\0\0\x04\0\0\x01B",
        b"\x96\x21av01\x00\0\0\x01Avp09\x01\0\0\x01B",
        b"\x96\x31hvc1",
        // Modifiers: a nanosecond offset, and one of two sizes before it.
        b"\x97\x02\x0f\x42\x3f\x01hvc1\0\0\x05frame",
        b"\x97\xff\0\x03long\x17\x02\0\0\x07\x06\x01hvc1\x02\0\0\0frame",
    ];
    let audio_bodies: &[&[u8]] = &[
        b"\xaf\x00\x12\x10",
        b"\xaf\x01frame",
        b"\x2eframe",
        b"",
        b"\x90OpusOpusHead",
        b"\x91ac-3frame",
        b"\x92fLaC",
        b"\x94Opus\x02\x02\x01\0",
        b"\x95\x01Opus\x01frame",
        b"\x95\x20mp4a\0\0\0\x02\x12\x10fLaC\x01\0\0\x01F",
        b"\x97\x02\0\0\x07\x01Opusframe",
    ];
    let video = (0..).zip(video_bodies).map(|(n, body)| video(n, body));
    let audio = (100..).zip(audio_bodies).map(|(n, body)| audio(n, body));
    video.chain(audio).collect()
}

/// Every first byte there is, with a FourCC and without, and every form there is.
#[test]
fn q53_to_q57_codecs_of_every_form_are_recorded_as_sent() {
    let mut tags = every_form();
    for kind in 0..=0xff {
        tags.push(video(1, &[&[kind][..], b"hvc1", &[0; 9]].concat()));
        tags.push(audio(1, &[&[kind][..], b"Opus", &[0; 9]].concat()));
        tags.push(video(1, &[kind]));
    }
    assert_verbatim(&tags);
    assert_verbatim(&bodies());
}

/// Quirk 53: HEVC as codec 12 and as `hvc1` (mediamtx#5105), or under the number of H.264
/// (srs#3464), which nothing but its frames could tell.
#[test]
fn q53_hevc_by_number_and_by_fourcc() {
    for header in [&b"\x1c\x00\0\0\0\x01"[..], b"\x90hvc1\x01"] {
        let tag = video(0, header);
        let part = media(&tag).parts().next().unwrap();
        assert_eq!((part.codec, part.data), (Codec::Hevc, &[1][..]));
        assert!(media(&tag).is_sequence_header());
    }
    assert!(media(&video(0, b"\x1c\x01\0\0\0frame")).is_keyframe());
    let labelled_avc = video(0, b"\x17\x01\0\0\0frame");
    assert_eq!(media(&labelled_avc).parts().next().unwrap().codec, Codec::Avc);
}

/// Quirk 54: frame type 0, sequence headers of any frame type, no composition time in the frames of
/// an unfinished Enhanced RTMP (obs-studio#8650, #8761).
#[test]
fn q54_frame_types_are_not_validated() {
    for first in [0x80, 0xa0, 0xe0] {
        let tag = video(0, &[&[first][..], b"hvc1\x01"].concat());
        assert_eq!(media(&tag).packet, Packet::SequenceHeader);
    }
    let frame = video(0, b"\x83hvc1frame");
    assert_eq!((media(&frame).packet, media(&frame).is_keyframe()), (Packet::Frame, false));
}

/// Quirk 55: metadata packets and frame type 5 are no frames, so neither keyframe nor sequence
/// header (srs#4603, #4604).
#[test]
fn q55_metadata_and_commands_are_no_frames() {
    for (body, packet) in [
        (&b"\x94hvc1\x02\0\x09colorInfo"[..], Packet::Metadata),
        (b"\xd4hvc1\x02\0\x09colorInfo", Packet::Metadata),
        (b"\x57\0", Packet::Command),
        (b"\xd0\x01", Packet::Command),
    ] {
        let tag = video(0, body);
        let media = media(&tag);
        assert_eq!(media.packet, packet);
        assert!(!media.is_keyframe() && !media.is_sequence_header());
    }
}

/// Quirk 57: track 0 in old headers, the others as multitrack, each with its sequence header
/// (mediamtx#4996, #3685).
#[test]
fn q57_tracks_are_told_apart() {
    let tags = [
        video(0, b"\x17\x00\0\0\0\x01zero"),
        video(0, b"\x96\x00hvc1\x01one"),
        audio(0, b"\xaf\x00\x12\x10"),
        audio(0, b"\x95\x00Opus\x02two"),
        video(40, b"\x17\x01\0\0\0frame"),
        video(40, b"\x96\x01hvc1\x01\0\0\0frame"),
    ];
    let tags = recorded(&tags.iter().fold(publishing(), |script, tag| match tag.kind {
        8 => script.audio(tag.timestamp, &tag.body),
        _ => script.video(tag.timestamp, &tag.body),
    }));
    let seen: Vec<_> = tags
        .iter()
        .map(|tag| {
            let media = media(tag);
            let part = media.parts().next().unwrap();
            (media.kind, media.packet, part.track, part.codec, media.is_keyframe())
        })
        .collect();
    let (header, frame) = (Packet::SequenceHeader, Packet::Frame);
    assert_eq!(
        seen,
        [
            (Kind::Video, header, 0, Codec::Avc, false),
            (Kind::Video, header, 1, Codec::Hevc, false),
            (Kind::Audio, header, 0, Codec::Aac, false),
            (Kind::Audio, header, 2, Codec::Opus, false),
            (Kind::Video, frame, 0, Codec::Avc, true),
            (Kind::Video, frame, 1, Codec::Hevc, true),
        ]
    );
}
