//! Quirks 41–52 and 58–60 of docs/quirks.md: what is in audio, video and data messages. The
//! session never looks: these tests say so.

use sluicebox_tests::amf::{Value, encode};
use sluicebox_tests::flv::Tag;
use sluicebox_tests::handshake::filler;
use sluicebox_tests::wire::{Header, Message, Script};

use super::run::{
    Scenario, audio, end, media, outcome, publishing, recorded, script as data, times, video,
};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("metadata in all its forms", metadata),
    ("frames and no metadata", || verbatim(&no_metadata())),
    ("metadata that is wrong", || verbatim(&wrong_metadata())),
    ("data of any kind", || verbatim(&any_data())),
    ("sequence headers repeated and changed", || verbatim(&sequence_headers())),
    ("frames without a sequence header", || verbatim(&no_sequence_header())),
    ("negative composition times", || verbatim(&composition_times())),
    ("a track that starts late", || verbatim(&late_track())),
    ("silence, then a burst", || verbatim(&burst())),
    ("zero-length messages", || verbatim(&empty())),
    ("bodies of every kind", || verbatim(&bodies())),
    ("timestamps that jump", jumps),
    ("across 2^31 and 2^32", wraps),
    ("a day of video begins", || first_extended(false)),
    ("a day of video begins, bare", || first_extended(true)),
    ("media on stream 0", stream_0),
    ("a keyframe of 6 MB", huge_keyframe),
];

/// These tags, as messages.
pub(crate) fn verbatim(tags: &[Tag]) -> Script {
    tags.iter().fold(publishing(), |script, tag| {
        let message = Message::new(tag.kind, &tag.body).on(4).stream(1);
        script.message(&message.header(Header::Full(tag.timestamp)))
    })
}

/// Asserts that messages come out as tags, bit for bit, and all.
pub(crate) fn assert_verbatim(tags: &[Tag]) {
    let script = verbatim(tags);
    assert_eq!(recorded(&script), tags);
    assert!(end(&outcome(&script)).1.complete());
}

fn metadata() -> Script {
    let numbers = encode(&[1.0.into(), 2.0.into()]);
    let wrapped = encode(&["@setDataFrame".into(), "onMetaData".into(), Value::Null]);
    let clear = encode(&["@clearDataFrame".into(), "onMetaData".into()]);
    let bodies = [
        wrapped.clone(),
        encode(&["onMetaData".into(), Value::Null]),
        [numbers, wrapped].concat(),
        clear,
        encode(&["@setDataFrame".into()]),
        b"\x02\0\x0d@setDataFram".to_vec(),
    ];
    bodies
        .iter()
        .fold(publishing(), |script, body| script.message(&Message::new(18, body).on(4).stream(1)))
}

/// Quirk 41: `@setDataFrame`, nothing, or numbers before `onMetaData`; `@clearDataFrame`
/// (ZLMediaKit#764, #4800).
#[test]
fn q41_set_data_frame_is_unwrapped() {
    let plain = encode(&["onMetaData".into(), Value::Null]);
    let clear = encode(&["@clearDataFrame".into(), "onMetaData".into()]);
    let torn = b"\x02\0\x0d@setDataFram";
    let expected = [&plain[..], &plain, &plain, &clear, &[], torn].map(|body| data(0, body));
    assert_eq!(recorded(&metadata()), expected);
    let (_, ledger) = end(&outcome(&metadata()));
    assert_eq!((ledger.unwrapped, ledger.complete()), (16 + 34 + 16, true));
}

fn no_metadata() -> Vec<Tag> {
    vec![audio(0, &[0xaf, 1]), data(0, &[]), video(0, &[0x27, 1, 0, 0, 0])]
}

/// Quirk 42: no metadata, empty metadata, codecs it does not name (Dahua, DJI: mediamtx#386,
/// #2289, #769, #3301).
#[test]
fn q42_metadata_is_not_waited_for() {
    assert_verbatim(&[video(0, &[0x17, 1, 0, 0, 0])]);
    assert_verbatim(&no_metadata());
}

fn wrong_metadata() -> Vec<Tag> {
    let pairs = vec![
        ("duration".to_owned(), 0.0.into()),
        ("filesize".to_owned(), f64::NAN.into()),
        ("videocodecid".to_owned(), f64::from(0x6176_3031).into()),
    ];
    vec![data(0, &encode(&["onMetaData".into(), Value::EcmaArray(pairs)]))]
}

/// Quirk 43: durations of 0, a codec named by a number that is a FourCC (OBS, FFmpeg `flvenc.c`).
#[test]
fn q43_metadata_is_not_corrected() {
    assert_verbatim(&wrong_metadata());
}

/// In mid-stream, between frames.
fn any_data() -> Vec<Tag> {
    let text = encode(&["onTextData".into(), Value::object([("text", "a".into())])]);
    let cue = encode(&["onCuePoint".into(), Value::Undefined]);
    vec![
        data(0, &encode(&["onMetaData".into(), "x".repeat(3000).as_str().into()])),
        video(0, &[0x17, 1, 0, 0, 0]),
        data(1, &text),
        data(2, &cue),
        data(3, &[0, 0, 0, 9]),
        video(40, &[0x27, 1, 0, 0, 0]),
        data(41, &[0xff; 70]),
        data(42, &[2, 0xff, 0xff]),
        data(43, &[0x11]),
    ]
}

/// Quirk 44: large payloads, text, cue points, four bytes of timecode (mediamtx#2986, srs#3803).
#[test]
fn q44_data_of_any_kind_is_recorded() {
    let large = encode(&["onMetaData".into(), "x".repeat(200_000).as_str().into()]);
    assert_verbatim(&[data(0, &large)]);
    assert_verbatim(&any_data());
}

fn sequence_headers() -> Vec<Tag> {
    let header = |byte| [0x17, 0, 0, 0, 0, byte];
    let key = [0x17, 1, 0, 0, 0, 9];
    vec![
        video(0, &header(1)),
        video(0, &key),
        video(40, &header(1)),
        video(40, &key),
        video(80, &header(2)),
        video(80, &key),
    ]
}

/// Quirks 45 and 46: the sequence header again with every keyframe, and another one in mid-stream
/// (DJI, Wirecast: mediamtx#3802, #4116; phones: yasea#840).
#[test]
fn q45_q46_sequence_headers_repeated_and_changed() {
    assert_verbatim(&sequence_headers());
}

fn no_sequence_header() -> Vec<Tag> {
    let frame = [0x27, 1, 0, 0, 0, 1];
    vec![video(0, &frame), video(40, &[0x17]), audio(40, &[0xaf]), video(80, &frame)]
}

/// Quirk 47: a sequence header that is late, one byte long, or never comes (mediamtx#1074, #426).
#[test]
fn q47_frames_without_a_sequence_header() {
    assert_verbatim(&no_sequence_header());
}

fn empty() -> Vec<Tag> {
    let mut tags = vec![audio(0, &[]), video(0, &[]), data(0, &[])];
    for len in 1..=9 {
        tags.extend([audio(5, &[0xaf; 9][..len]), video(6, &[0x17; 9][..len])]);
    }
    tags.extend([video(7, &[0x17, 2, 0, 0, 0]), video(8, &[0x17, 1, 0, 0, 0])]);
    tags
}

/// Quirk 48: empty bodies, frames of a few bytes, end of sequence (DJI, OBS: mediamtx#928, #2375,
/// srs#3767).
#[test]
fn q48_empty_and_tiny_messages_are_tags() {
    assert_verbatim(&empty());
}

pub(crate) fn bodies() -> Vec<Tag> {
    let edges = [127, 128, 129, 255, 256, 257, 4095, 4096, 4097];
    let tag = |(n, len): (u32, usize)| video(n, &filler(len, n));
    let mut tags: Vec<Tag> = (0..).zip(edges).map(tag).collect();
    let first_bytes = (0..=255).map(|byte| video(1, &[byte, byte ^ 0x55, 1, 2, 3]));
    tags.extend(first_bytes);
    tags.extend((0..=255).map(|byte| audio(2, &[byte, 0])));
    tags
}

fn composition_times() -> Vec<Tag> {
    vec![video(40, &[0x27, 1, 0xff, 0xff, 0xd8, 1]), video(80, &[0x27, 1, 0x80, 0, 0])]
}

/// Quirk 49: negative composition times (iOS, NVENC: gortmplib#88, mediamtx#1764).
#[test]
fn q49_negative_composition_times() {
    let tags = composition_times();
    assert_verbatim(&tags);
    let time = |tag: &Tag| media(tag).parts().next().unwrap().composition_time;
    assert_eq!(tags.iter().map(time).collect::<Vec<_>>(), [-40, -0x80_0000]);
}

fn jumps() -> Script {
    let times = [500, 480, 480, 0, 0, 36_000_000, 10, 1_700_000_000, 0xffff_0000, 0];
    let tags: Vec<Tag> = times.iter().map(|time| video(*time, &[0x27, 1])).collect();
    verbatim(&tags)
}

/// Quirk 50: timestamps that go back, stand still, jump, or begin at the time of day
/// (ZLMediaKit#3363, mediamtx#4002).
#[test]
fn q50_timestamps_pass_as_they_came() {
    let expected = [500, 480, 480, 0, 0, 36_000_000, 10, 1_700_000_000, 0xffff_0000, 0];
    assert_eq!(times(&jumps()), expected);
}

/// Frames every 40 ms across an edge, by deltas.
fn across(script: Script, edge: u32, bare: bool) -> Script {
    let body = filler(300, 7);
    let first = Message::video(edge.wrapping_sub(100), &body);
    let next = Message::video(0, &body).header(Header::Delta(40));
    let script = script.message(&if bare { first.bare_type3() } else { first });
    (0..5).fold(script, |script, _| script.message(&next))
}

fn wraps() -> Script {
    across(across(publishing(), 1 << 31, false), 0, true)
}

/// Quirk 51: timestamps across 2^31 (24.8 days) and 2^32 (49.7 days), in FLV's 24 + 8 bits.
#[test]
fn q51_timestamps_across_the_sign_and_the_wrap() {
    let around = |edge: u32| [-100, -60, -20, 20, 60, 100].map(|at| edge.wrapping_add_signed(at));
    assert_eq!(times(&wraps()), [around(1 << 31), around(0)].concat());
}

/// Starts three seconds before the first extended timestamp, absolute times all the way.
fn first_extended(bare: bool) -> Script {
    let body = filler(400, 8);
    (0..150).fold(publishing(), |script, n| {
        let message = Message::video(0x00ff_ffff - 3000 + 40 * n, &body);
        let sound = Message::audio(0x00ff_ffff - 3000 + 40 * n + 20, &body[..200]);
        if bare {
            script.message(&message.bare_type3()).message(&sound.bare_type3())
        } else {
            script.message(&message).message(&sound)
        }
    })
}

/// Quirk 52: 4 h 39 min 37 s, when the extended timestamp comes into use (RootEncoder#1179,
/// obs-studio#10097).
#[test]
fn q52_the_first_extended_timestamp_ever() {
    for bare in [false, true] {
        let tags = recorded(&first_extended(bare));
        assert_eq!(tags.len(), 300);
        for (n, pair) in (0..).zip(tags.chunks(2)) {
            let time = 0x00ff_ffff - 3000 + 40 * n;
            let body = filler(400, 8);
            assert_eq!(pair, [video(time, &body), audio(time + 20, &body[..200])]);
        }
    }
}

fn huge_keyframe() -> Script {
    publishing().interleaved(
        &Message::video(40, &filler(6_000_000, 9)),
        &Message::audio(41, &filler(3_000, 1)),
    )
}

/// Quirk 58: keyframes of 6 MB, here in chunks of 128 bytes between those of an audio message
/// (mediacommon#30, nginx-rtmp-module#324).
#[test]
fn q58_a_keyframe_of_6_mb_in_small_chunks() {
    let tags = recorded(&huge_keyframe());
    assert!(tags == [audio(41, &filler(3_000, 1)), video(40, &filler(6_000_000, 9))]);
}

fn late_track() -> Vec<Tag> {
    vec![video(0, &[0x17, 0]), video(10_000, &[0x27, 1]), audio(10_001, &[0xaf, 0])]
}

/// Half a minute of nothing between two timestamps, then frames that all came at once.
fn burst() -> Vec<Tag> {
    let late = (0..200).map(|n| video(30_000 + 40 * n, &filler(300, n)));
    std::iter::once(video(0, &[0x17, 0])).chain(late).collect()
}

/// Quirk 60, as far as the core goes: no silence is too long for it, and no burst too short.
#[test]
fn q60_silence_and_bursts() {
    assert_verbatim(&burst());
}

/// Quirk 59: a track that starts late.
#[test]
fn q59_a_track_that_starts_late() {
    assert_verbatim(&late_track());
}

fn stream_0() -> Script {
    let on_0 = |message: Message| message.stream(0);
    publishing()
        .message(&on_0(Message::video(0, &[0x17, 0])))
        .message(&on_0(Message::new(18, &[5]).on(4)))
        .message(&on_0(Message::audio(7, &[0xaf, 0])))
        .message(&Message::audio(8, &[0xaf, 1]).stream(9))
}

/// Media on message stream 0 belongs to the only live stream, as relays mean it; media on a stream
/// that is not there belongs to none, and is counted.
#[test]
fn media_on_stream_0_belongs_to_the_only_live_stream() {
    let expected = [video(0, &[0x17, 0]), data(0, &[5]), audio(7, &[0xaf, 0])];
    assert_eq!(recorded(&stream_0()), expected);
    assert_eq!(outcome(&stream_0()).stray.messages, 1);
}
