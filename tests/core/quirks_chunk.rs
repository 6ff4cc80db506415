//! Quirks 24–31 of docs/quirks.md: chunk headers.

use sluicebox_core::{Config, Error, Malformed, Type3};
use sluicebox_tests::fuzz::{Policy, run};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::wire::{Header, Message, Script};

use super::run::{
    Scenario, audio, decoded, end, outcome, publishing, recorded, replies, times, video,
};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("type 3 after each type", || type3_after_each(40)),
    ("type 3 after a late type 0", || type3_after_each(60_000)),
    ("extended timestamps repeated", || extended(false)),
    ("extended timestamps not repeated", || extended(true)),
    ("extended deltas", extended_deltas),
    ("payload like an extended timestamp", || payload_like_timestamp(false)),
    ("short chunks behind a repeated timestamp", short_chunks),
    ("negative deltas", negative_deltas),
    ("all media on one chunk stream", one_chunk_stream),
    ("every form of the basic header", every_form),
    ("type 1 first", type1_first),
    ("type 2 first", || publishing().raw(&[0x80 | 33, 0, 0, 0, 0])),
];

/// A video message on chunk stream 6 with this header.
fn frame(header: Header, body: &[u8]) -> Message {
    Message::video(0, body).header(header)
}

fn type3_after_each(first: u32) -> Script {
    let body = filler(10, 1);
    let message = |header| frame(header, &body);
    publishing()
        .message(&message(Header::Full(first)))
        .message(&message(Header::Same))
        .message(&message(Header::Delta(5)))
        .message(&message(Header::Same))
        .message(&message(Header::SameLength(7)))
        .message(&message(Header::Same))
}

/// Quirk 24: a type 3 chunk that starts a message after type 0 means the timestamp again as a
/// delta (ffmpeg, GStreamer), or the same timestamp (OBS until 2024-05). mediamtx#1433, #4718.
#[test]
fn q24_type_3_starts_a_message_in_both_camps() {
    assert_eq!(times(&type3_after_each(40)), [40, 80, 85, 90, 97, 104]);
    let same = [60_000, 60_000, 60_005, 60_010, 60_017, 60_024];
    assert_eq!(times(&type3_after_each(60_000)), same);
    let read = |type3| {
        let config = Config { type3, ..Config::default() };
        let outcome = run(config, Policy::Accept, [type3_after_each(60_000).bytes()]);
        decoded(outcome.only_tags())[1].timestamp
    };
    assert_eq!((read(Type3::Delta), read(Type3::Same)), (120_000, 60_000));
}

/// Timestamps around every edge, each in a message of several chunks.
fn extended(bare: bool) -> Script {
    let body = filler(1000, 2);
    EDGES.iter().fold(publishing(), |script, time| {
        let message = Message::video(*time, &body);
        script.message(&if bare { message.bare_type3() } else { message })
    })
}

const EDGES: [u32; 10] = [
    0xff_ffff - 3000,
    0xff_fffe,
    0xff_ffff,
    0x0100_0000,
    0x7fff_fffe,
    0x8000_0000,
    0x8000_0001,
    u32::MAX - 1,
    u32::MAX,
    5,
];

/// Quirk 25: the extended timestamp again on type 3 (FMLE, ffmpeg: obs-studio#10097,
/// mediamtx#2808).
#[test]
fn q25_extended_timestamp_repeated_on_type_3() {
    let body = filler(1000, 2);
    assert_eq!(recorded(&extended(false)), EDGES.map(|time| video(time, &body)));
}

/// Quirk 26: and not (librtmp, OBS before 2024: rust-media-libs#15, RootEncoder#1179).
#[test]
fn q26_extended_timestamp_not_repeated_on_type_3() {
    let body = filler(1000, 2);
    assert_eq!(recorded(&extended(true)), EDGES.map(|time| video(time, &body)));
}

/// Payload after a type 3 header that begins as the extended timestamp does, for 0…3 bytes.
fn payload_like_timestamp(torn: bool) -> Script {
    let time: u32 = 0x0102_03ff;
    let mut script = publishing();
    for (n, like) in [&[9][..], &[1, 9], &[1, 2, 9], &[1, 2, 3, 9], &[1, 2, 3]].iter().enumerate() {
        let body = [&filler(128, 3), *like].concat();
        let message = Message::video(time, &body).on(6 + u32::try_from(n).expect("small"));
        script = script.message(&message.bare_type3());
    }
    if torn { script } else { script.audio(1, &[]) }
}

/// Quirk 26 again: payload that looks like the timestamp is payload, at the end of the input too.
#[test]
fn q26_payload_that_begins_like_the_timestamp() {
    let lengths = |script: &Script| -> Vec<usize> {
        recorded(script).iter().map(|tag| tag.body.len() - 128).collect()
    };
    let whole = payload_like_timestamp(true);
    assert_eq!(lengths(&whole), [1, 2, 3, 4, 3]);
    assert_eq!(recorded(&whole)[4].body[128..], [1, 2, 3]);
    assert!(end(&outcome(&whole)).1.complete());
}

/// Last chunks of up to four bytes, each behind a repeated timestamp, after a longer one: before
/// the first repetition is whole, nobody can know that it is one.
fn short_chunks() -> Script {
    let first = publishing().message(&Message::video(0x0102_0304, &filler(300, 5)));
    (1..=4).fold(first, |script, len| {
        script.message(&Message::video(0x0102_0304, &filler(128 + len, 5)))
    })
}

/// Quirk 25 again: a few bytes behind the repeated timestamp. A stream that ends in the middle of
/// it ends in the middle of a message.
#[test]
fn q25_short_chunks_behind_a_repeated_timestamp() {
    let expected = [172, 1, 2, 3, 4].map(|len| video(0x0102_0304, &filler(128 + len, 5)));
    assert_eq!(recorded(&short_chunks()), expected);
    for missing in 1..=4 {
        let script = publishing().message(&Message::video(0x0102_0304, &filler(300, 5)));
        let script = script.message(&Message::video(0x0102_0304, &filler(128 + missing, 5)));
        let len = script.bytes().len() - 4;
        let cut = outcome(&Script::new().raw(&script.bytes()[..len]));
        assert_eq!(decoded(cut.only_tags()), expected[..1], "{missing} bytes of it came");
        assert!(!end(&cut).1.complete());
    }
}

fn extended_deltas() -> Script {
    let body = filler(300, 4);
    let message = |header| frame(header, &body);
    publishing()
        .message(&message(Header::Full(1000)))
        .message(&message(Header::Delta(0x0100_0000)))
        .message(&message(Header::SameLength(0x0100_0001)))
        .message(&message(Header::Same))
        .message(&message(Header::SameLength(0x00ff_ffff)).bare_type3())
        .message(&message(Header::Delta(0x7fff_ffff)))
        .message(&message(Header::Delta(20)))
        .message(&message(Header::Same))
}

/// Quirk 27: the extended timestamp of types 1 and 2 is a delta (srs#4356, enhanced-rtmp#42).
#[test]
fn q27_extended_timestamps_may_be_deltas() {
    let deltas = [0x0100_0000, 0x0100_0001, 0x0100_0001, 0x00ff_ffff, 0x7fff_ffff, 20, 20];
    let mut expected = vec![1000_u32];
    for delta in deltas {
        expected.push(expected[expected.len() - 1].wrapping_add(delta));
    }
    assert_eq!(times(&extended_deltas()), expected);
    assert!(expected[5] > 1 << 31, "across 2^31");
}

fn negative_deltas() -> Script {
    let back = |delta: i32| Header::Delta(delta.cast_unsigned());
    publishing()
        .message(&frame(Header::Full(1000), &[1]))
        .message(&frame(back(-40), &[2]))
        .message(&frame(back(-960), &[3]))
        .message(&frame(back(-1), &[4]))
        .message(&frame(Header::Delta(11), &[5]))
}

/// Quirk 28: negative deltas, sent as huge numbers (Tencent Meeting: srs#2808, obs-studio#8764).
#[test]
fn q28_deltas_wrap() {
    assert_eq!(times(&negative_deltas()), [1000, 960, 0, u32::MAX, 10]);
}

fn one_chunk_stream() -> Script {
    let on = |message: Message| message.on(4);
    publishing()
        .metadata([("width", 320.0.into())])
        .message(&on(Message::video(0, &filler(500, 5))))
        .message(&on(Message::audio(0, &[0xaf, 1])).header(Header::Delta(10)))
        .message(&on(Message::video(0, &filler(300, 6))).header(Header::Delta(10)))
        .message(&on(Message::audio(0, &[0xaf, 2])).header(Header::Delta(0)))
        .message(&on(Message::audio(0, &[0xaf, 3])).header(Header::SameLength(3)))
        .message(&on(Message::audio(0, &[0xaf, 4])).header(Header::Same))
}

/// Quirk 29: everything on one chunk stream, the type changing with each message (OBS on 4).
#[test]
fn q29_all_media_on_one_chunk_stream() {
    let tags = recorded(&one_chunk_stream());
    let seen: Vec<_> = tags.iter().map(|tag| (tag.kind, tag.timestamp, tag.body.len())).collect();
    let expected = [(9, 0, 500), (8, 10, 2), (9, 20, 300), (8, 20, 2), (8, 23, 2), (8, 26, 2)];
    assert_eq!(seen[1..], expected);
}

/// All of them begin before the first goes on: none may be taken for another.
fn every_form() -> Script {
    let all = [2, 3, 63, 64, 65, 319, 320, 321, 65_598, 65_599];
    let first = |script: Script, csid: &u32| {
        script.message(&Message::video(*csid, &filler(200, *csid)).on(*csid))
    };
    let next = |script: Script, csid: &u32| {
        script.message(&Message::video(0, &[1]).on(*csid).header(Header::Delta(1)))
    };
    all.iter().fold(all.iter().fold(publishing(), first), next)
}

/// Quirk 30: any chunk stream of 2…65599 (HaishinKit 8, hardware 64, DJI 33:
/// nginx-rtmp-module#246, #241).
#[test]
fn q30_every_chunk_stream_in_one_session() {
    let tags = recorded(&every_form());
    assert_eq!((tags.len(), tags[19].timestamp), (20, 65_600));
    let all = (2..=65_599).fold(publishing(), |script, csid| {
        script.message(&Message::audio(csid, &csid.to_be_bytes()).on(csid))
    });
    let tags = recorded(&all);
    assert_eq!(tags.len(), 65_598);
    assert!((2..).zip(&tags).all(|(csid, tag)| *tag == audio(csid, &csid.to_be_bytes())));
}

fn type1_first() -> Script {
    let ping = Message::control(4, &[0, 6, 0, 0, 0, 9]).on(9).header(Header::Delta(100));
    publishing()
        .message(&ping)
        .message(&Message::audio(0, &[1]).on(10).header(Header::Delta(50)))
        .message(&Message::audio(0, &[2]).on(10).header(Header::Same))
}

/// Quirk 31: a chunk stream that begins with type 1 (librtmp's ping), or with type 2 (one report:
/// mac-local-rtmp-server#28).
#[test]
fn q31_first_headers_without_all_fields() {
    assert!(replies(&outcome(&type1_first())).iter().any(|reply| reply.is_pong(9)));
    assert_eq!(recorded(&type1_first()), [audio(50, &[1]), audio(100, &[2])]);
    for first in [0x80 | 33, 0xc0 | 33] {
        let script = publishing().raw(&[first, 0, 0, 0, 0]);
        let expected = Malformed::NoPriorHeader { chunk_stream: 33 };
        assert_eq!(outcome(&script).error, Some(Error::Malformed(expected)));
    }
}
