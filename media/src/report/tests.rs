use std::vec;
use std::vec::Vec;

use sluicebox_core::flv::{AUDIO, Codec, FILE_HEADER, SCRIPT, VIDEO};

use super::*;

fn tag(kind: u8, timestamp: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap();
    let [_, l2, l1, l0] = len.to_be_bytes();
    let [t3, t2, t1, t0] = timestamp.to_be_bytes();
    let header = [kind, l2, l1, l0, t2, t1, t0, t3, 0, 0, 0];
    [&header[..], body, &(11 + len).to_be_bytes()].concat()
}

fn report(tags: &[Vec<u8>]) -> Report {
    read(&[&FILE_HEADER[..], &tags.concat()].concat()[..]).unwrap()
}

/// H.264 frames at these times, the first a keyframe.
fn frames(times: impl IntoIterator<Item = u32>) -> Vec<Vec<u8>> {
    let frame = |(at, time)| {
        tag(VIDEO, time, if at == 0 { b"\x17\x01\0\0\0key" } else { b"\x27\x01\0\0\0inter" })
    };
    times.into_iter().enumerate().map(frame).collect()
}

#[test]
fn frames_keyframes_and_rates() {
    let mut tags = frames((0..51).map(|at| at * 40));
    tags.insert(0, tag(VIDEO, 0, b"\x17\0\0\0\0not a record"));
    tags.push(tag(AUDIO, 2000, b"\xaf\x01frame"));
    let report = report(&tags);
    assert!(report.is_sound());
    let [video, audio] = &report.tracks[..] else { panic!("{:?}", report.tracks) };
    assert_eq!((video.frames, video.keyframes, video.headers), (51, 1, 1));
    assert_eq!((video.frame_rate(), video.bytes), (Some(25.0), 3 + 50 * 5));
    assert_eq!((audio.frames, audio.frames_before_header, video.frames_before_header), (1, 1, 0));
    assert_eq!(
        (report.seconds(), report.all_tags(), report.len),
        (2.0, 53, 13 + 53 * 15 + 17 + 51 * 5 + 3 + 250 + 7)
    );
}

#[test]
fn gaps_and_steps_back() {
    let report = report(&frames([0, 40, 80, 5080, 5120, 4000, 5160]));
    let times = &report.tracks[0].times;
    let pairs = |jumps: &[Jump]| jumps.iter().map(|jump| (jump.from, jump.to)).collect::<Vec<_>>();
    // From 4000 up to 5160 is no gap: three usual steps are longer.
    assert_eq!(pairs(&times.gaps), [(80, 5080)]);
    assert_eq!(pairs(&times.backwards), [(5120, 4000)]);
    assert_eq!(times.backwards[0].offset, 13 + 23 + 4 * 25);
    // Two seconds apart is no gap where all frames are.
    let slow = self::report(&frames((0..20).map(|at| at * 2000)));
    assert_eq!(slow.tracks[0].times.gap_count, 1, "only the first, of which nothing was known");
}

#[test]
fn timestamps_wrap() {
    let start = u32::MAX - 60;
    let wrapped = report(&frames((0..5).map(|at| start.wrapping_add(at * 40))));
    assert_eq!((wrapped.wraps, wrapped.seconds()), (1, 0.16));
    assert_eq!(wrapped.tracks[0].times.backward_count, 0);
    let short = report(&frames([0x00ff_ffd0, 0x00ff_fff8, 0x20, 0x48]));
    assert_eq!(short.wraps, 0);
    assert!(short.tracks[0].times.backwards[0].is_24_bit_wrap());
    // Audio that starts before a wrap, and video behind it.
    let mut tags = frames([10, 50]);
    tags.insert(0, tag(AUDIO, u32::MAX, b"\xaf\x01frame"));
    assert_eq!(report(&tags).seconds(), 0.051);
}

#[test]
fn headers_that_change_and_tracks_that_are_many() {
    let report = report(&[
        tag(VIDEO, 0, b"\x90hvc1one"),
        tag(VIDEO, 0, b"\x90hvc1one"),
        tag(VIDEO, 0, b"\x96\0hvc1\x01other"),
        tag(VIDEO, 0, b"\xa1hvc1\0\0\0frame"),
        tag(VIDEO, 40, b"\x90hvc1two"),
        tag(AUDIO, 40, b"\x90OpusOpusHead\x01\x02"),
        tag(77, 0, b"?"),
        tag(VIDEO, 0, b"\x90hv"),
    ]);
    let tracks: Vec<_> = report.tracks.iter().map(|t| (t.kind, t.number, t.headers)).collect();
    assert_eq!(tracks, [(Kind::Video, 0, 3), (Kind::Video, 1, 1), (Kind::Audio, 0, 1)]);
    assert_eq!((report.tracks[0].header_changes, report.tracks[0].frames_before_keyframe), (1, 1));
    assert_eq!((report.flaws.unknown.count, report.flaws.cut.count), (1, 1));
    assert!(report.is_sound(), "what is unknown is no damage");
}

#[test]
fn metadata_is_compared() {
    let number = |name: &str, value: f64| {
        let len = u16::try_from(name.len()).unwrap().to_be_bytes();
        [&len[..], name.as_bytes(), &[0], &value.to_be_bytes()].concat()
    };
    let metadata = |position: f64| {
        let positions =
            [&b"\x0a\0\0\0\x02\0"[..], &position.to_be_bytes(), b"\0", &f64::NAN.to_be_bytes()];
        let index =
            [&b"\0\x09keyframes\x03\0\x0dfilepositions"[..], &positions.concat(), b"\0\0\x09"];
        let body = [
            b"\x02\0\x0d@setDataFrame\x02\0\x0aonMetaData\x08\0\0\0\0".to_vec(),
            number("duration", 60.0),
            number("framerate", 25.5),
            b"\0\x07encoder\x02\0\x04a\nb!".to_vec(),
            index.concat(),
            b"\0\0\x09".to_vec(),
        ];
        tag(SCRIPT, 0, &body.concat())
    };
    let start = 13 + metadata(0.0).len();
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let tags = [vec![metadata(start as f64)], frames((0..51).map(|at| at * 40))].concat();
    let found = report(&tags).metadata.unwrap();
    let differs = Mismatch { name: "duration", found: 60.0, measured: 2.0 };
    assert_eq!(found.mismatches, [differs]);
    assert_eq!((found.index.entries, found.index.right), (2, 1));
    assert!(found.values.contains(&("encoder".into(), "a\\u{a}b!".into())));
}

#[test]
fn damage_is_listed_and_passed() {
    let mut tags = frames([0, 40, 80, 120]);
    tags.insert(2, b"garbage in the middle".to_vec());
    tags.push(b"\x09\0".to_vec());
    let report = report(&tags);
    assert!(!report.is_sound());
    assert_eq!((report.damages, report.tracks[0].frames), (1, 4));
    assert_eq!(report.damage[0].resumed - report.damage[0].what.offset().unwrap(), 21);
    assert_eq!(report.end, End::TornTail { offset: report.len - 2 });
}

#[test]
fn colours_are_of_no_track() {
    let mut tags = frames([0, 40]);
    // Of another track, without its number.
    tags.insert(1, tag(VIDEO, 0, b"\xd4hvc1\x02\0\x09colorInfo"));
    let report = report(&tags);
    assert_eq!(report.tracks.len(), 1);
    assert_eq!(report.tracks[0].codecs, [Codec::Avc]);
    assert_eq!((report.tracks[0].frames, report.tags[&VIDEO]), (2, 3));
}
