//! Quirks 32–40 of docs/quirks.md: control messages, aggregates, what does not exist.

use sluicebox_core::{Close, Config, Error, Limit, Malformed};
use sluicebox_tests::fuzz::{Driver, Policy, run};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::reply::Reply;
#[cfg(feature = "sandbox")]
use sluicebox_tests::sandboxed::Sandboxed;
use sluicebox_tests::soak::{self, acknowledged, assert_acknowledged, past_the_wrap};
use sluicebox_tests::wire::{Header, Message, Script};

use super::run::{Scenario, audio, decoded, outcome, publishing, recorded, replies, video};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("control messages anywhere", control_anywhere),
    ("chunk sizes", chunk_sizes),
    ("chunk size in mid-message", chunk_size_in_mid_message),
    ("windows", windows),
    ("pings and unknown events", user_control),
    ("aggregates", aggregates),
    ("aggregates of every shape", every_shape),
    ("a message type that does not exist", || wild(71)),
];

fn control_anywhere() -> Script {
    let script = publishing()
        .message(&Message::control(4, &[0, 6, 0, 0, 0, 5]).on(6).stream(1))
        .message(&Message::control(1, &[0, 0, 16, 0]).on(7).stream(9));
    // The size that was just set without the script's knowledge, set again with it.
    let again = Script::new().chunk_size(4096).video(3, &filler(1000, 7));
    script.raw(again.bytes())
}

/// Quirk 32: control messages on any chunk stream and message stream (PTZOptics: mediamtx#4807,
/// #4909).
#[test]
fn q32_control_messages_on_any_stream() {
    assert!(replies(&outcome(&control_anywhere())).iter().any(|reply| reply.is_pong(5)));
    assert_eq!(recorded(&control_anywhere()), [video(3, &filler(1000, 7))]);
}

fn chunk_sizes() -> Script {
    let body = filler(70_000, 8);
    [1, 128, 4096, 60_000, 65_537, 0x00ff_ffff, 0x0100_0000, 0x7fff_ffff].iter().zip(0..).fold(
        publishing(),
        |script, (size, time)| {
            script.chunk_size(*size).video(time, &body[..if *size == 1 { 500 } else { 70_000 }])
        },
    )
}

/// Quirk 33: chunk sizes of all kinds, at any time (mediamtx#3302, srs#160, srs#541,
/// nginx-rtmp-module#1042). The first bit is no part of the size.
#[test]
fn q33_chunk_sizes_from_1_to_the_longest() {
    let tags = recorded(&chunk_sizes());
    assert_eq!((tags.len(), tags[0].body.len(), tags[7].body.len()), (8, 500, 70_000));
    let zero = publishing().message(&Message::control(1, &[0; 4]));
    assert_eq!(outcome(&zero).error, Some(Error::Malformed(Malformed::ChunkSize)));
    let first_bit = publishing()
        .message(&Message::control(1, &[0x80, 0, 16, 0]))
        .raw(Script::new().chunk_size(4096).video(0, &filler(500, 1)).bytes());
    assert_eq!(recorded(&first_bit), [video(0, &filler(500, 1))]);
}

fn chunk_size_in_mid_message() -> Script {
    let long = Message::video(40, &filler(2000, 9));
    // Two chunks of 128, then the rest in chunks of 500.
    let rest = &filler(2000, 9)[256..];
    let script = publishing().begun(&long, 2).chunk_size(500);
    rest.chunks(500).fold(script, |script, part| script.raw(&[0xc6]).raw(part))
}

/// Quirk 33 again: the size changes while a message on another chunk stream is unfinished.
#[test]
fn q33_chunk_size_in_mid_message() {
    assert_eq!(recorded(&chunk_size_in_mid_message()), [video(40, &filler(2000, 9))]);
}

/// Quirk 34: ffmpeg adopts the server's chunk size at once, OBS never: either is read right, and
/// what we announce is what we use (FFmpeg `rtmpproto.c`).
#[test]
fn q34_the_peers_chunk_size_is_its_own() {
    let outcome = outcome(&publishing().video(0, &filler(1000, 1)));
    assert_eq!(decoded(outcome.only_tags()), [video(0, &filler(1000, 1))]);
    let announced = |reply: &Reply| reply.0.kind == 1 && reply.0.body == 65_536_u32.to_be_bytes();
    assert!(replies(&outcome).iter().any(announced));
}

fn windows() -> Script {
    publishing().window(0).window(1).audio(0, &filler(10_000, 1)).window(100_000).window(0)
}

/// Quirk 35: windows of 0 and of a few bytes (ZLMediaKit#1839). 0 is none; half of the others is
/// acknowledged when the peer goes quiet, but never less than 2 KiB.
#[test]
fn q35_windows_of_nothing() {
    let count = |window: u32, len: usize| {
        let mut driver = Driver::new(Config::default(), Policy::Accept);
        driver.feed(publishing().window(window).bytes());
        driver.idle();
        let before = acknowledged(&driver).len();
        driver.feed(Script::new().audio(0, &filler(len, 1)).bytes());
        driver.idle();
        driver.idle();
        (before, acknowledged(&driver).len() - before)
    };
    assert_eq!((count(0, 10_000), count(0, 1_250_000)), ((0, 0), (0, 1)));
    assert_eq!((count(1, 1_900), count(1, 2_100)), ((1, 0), (1, 1)));
    assert_eq!((count(100_000, 40_000), count(100_000, 50_000)), ((0, 0), (0, 1)));
    assert_eq!(outcome(&windows()).error, None);
}

/// Quirk 36: acknowledgements across 2^31 and 2^32 (srs#598, #730; nginx-rtmp-module#354), at each
/// pause.
#[test]
fn q36_acknowledgements_wrap_at_32_bits() {
    assert_acknowledged(soak::driver());
}

/// Quirk 36 again, in the sandbox, where a counter that is too short would be the guest's.
#[cfg(feature = "sandbox")]
#[test]
fn q36_acknowledgements_wrap_in_the_sandbox() {
    let session = Sandboxed::new(&Config::default(), 7);
    assert_acknowledged(Driver::of(session, Policy::Accept));
}

/// Quirk 36 again: the same from a peer that never pauses, in steps of half our window.
#[test]
fn q36_acknowledgements_without_a_pause() {
    let (acks, outcome) = past_the_wrap(soak::driver(), |_| ());
    let half = Config::default().window / 2;
    assert_eq!(acks.len() as u64, outcome.received / u64::from(half));
    assert!((1..).zip(&acks).all(|(n, ack)| *ack == half.wrapping_mul(n)), "{acks:?}");
}

fn user_control() -> Script {
    let event = |event: u8, rest: &[u8]| Message::control(4, &[&[0, event], rest].concat());
    [0, 1, 2, 3, 4, 7, 26, 31, 32, 33].iter().fold(publishing().ping(1), |script, kind| {
        script.message(&event(*kind, &[0, 0, 0, 1])).message(&event(*kind, &[]))
    })
}

/// Quirk 37: user control events 31 and 32, and others nobody knows (mediamtx#5512).
#[test]
fn q37_unknown_user_control_events_are_nothing() {
    let before = replies(&outcome(&publishing().ping(1)));
    let after = outcome(&user_control());
    assert_eq!((after.error, replies(&after)), (None, before));
}

/// Quirk 38: pings are answered with their own time; ours are not sent.
#[test]
fn q38_pings_are_answered() {
    let script = publishing().ping(0).ping(u32::MAX);
    let replies = replies(&outcome(&script));
    assert!(replies[replies.len() - 2].is_pong(0) && replies[replies.len() - 1].is_pong(u32::MAX));
    assert!(!replies.iter().any(|reply| reply.0.kind == 4 && reply.0.body[..2] == [0, 6]));
}

/// One part of an aggregate, with its back pointer.
pub(crate) fn part(kind: u8, time: u32, body: &[u8]) -> Vec<u8> {
    let [t0, t1, t2, t3] = time.to_be_bytes();
    let len = u32::try_from(body.len()).expect("a short part");
    let head = [&[kind][..], &len.to_be_bytes()[1..], &[t1, t2, t3, t0, 0, 0, 0]].concat();
    [&head, body, &(len + 11).to_be_bytes()].concat()
}

/// An aggregate of these parts, at this time.
pub(crate) fn aggregate(time: u32, parts: &[Vec<u8>]) -> Message {
    Message::new(22, &parts.concat()).on(7).stream(1).header(Header::Full(time))
}

fn aggregates() -> Script {
    let mut cut = part(9, 70, &filler(300, 2));
    cut.truncate(cut.len() - 4);
    publishing()
        .message(&aggregate(1000, &[part(8, 50, &[1]), part(9, 60, &[2; 200]), part(18, 40, &[5])]))
        .message(&aggregate(2000, &[part(8, u32::MAX, &[3]), cut]))
        .message(&aggregate(3000, &[]))
        .message(&aggregate(4000, &[part(8, 0, &[]), part(7, 0, &[9]), part(15, 9, &[0, 5])]))
}

/// An aggregate in an aggregate, one past the first extended timestamp, one whose parts go back in
/// time and have a wrong back pointer, one between the chunks of a frame.
fn every_shape() -> Script {
    let late = 0x0100_0000;
    let wrong = [&part(9, 10, &[1])[..12], &[0xff; 4]].concat();
    let inner = part(22, 0, &part(8, 0, &[1]));
    publishing()
        .message(&aggregate(10, &[inner, part(8, 1, &[2])]))
        .message(&aggregate(late + 5, &[part(9, late, &[3; 300]), part(8, late + 40, &[4])]))
        .message(&aggregate(50, &[wrong, part(8, 5, &[5]), part(8, 30, &[])]))
        .split(&Message::video(60, &filler(400, 3)), 2, |script| {
            script.message(&aggregate(70, &[part(8, 0, &[6]), part(9, 0, &[7])]))
        })
}

/// Quirk 39 again.
#[test]
fn q39_aggregates_of_every_shape() {
    let late = 0x0100_0000;
    let expected = [
        audio(11, &[2]),
        video(late + 5, &[3; 300]),
        audio(late + 45, &[4]),
        video(50, &[1]),
        audio(45, &[5]),
        audio(70, &[]),
        audio(70, &[6]),
        video(70, &[7]),
        video(60, &filler(400, 3)),
    ];
    assert_eq!(recorded(&every_shape()), expected);
}

/// Quirk 39: aggregate messages: times keep their distance from the message's own (FMS, Wowza).
#[test]
fn q39_aggregates_become_tags() {
    let expected = [
        audio(1000, &[1]),
        video(1010, &[2; 200]),
        super::run::script(990, &[5]),
        audio(2000, &[3]),
        video(2071, &filler(300, 2)),
        audio(4000, &[]),
        super::run::script(4009, &[5]),
    ];
    assert_eq!(recorded(&aggregates()), expected);
    let mut broken = part(9, 0, &[1; 20]);
    broken.truncate(25);
    let script = publishing().message(&aggregate(0, &[part(8, 0, &[7]), broken]));
    let outcome = outcome(&script);
    assert_eq!(outcome.error, Some(Error::Malformed(Malformed::Aggregate)));
    assert_eq!(decoded(outcome.only_tags()), [audio(0, &[7])]);
}

/// A header of this type, and a length out of nowhere.
fn wild(kind: u8) -> Script {
    publishing().audio(0, &[1]).raw(&[6, 0, 0, 0, 0xff, 0xff, 0xff, kind, 1, 0, 0, 0])
}

/// Quirk 40: message types that do not exist (mediamtx#4006, node-rtsp-rtmp-server#128), and
/// lengths out of nowhere.
#[test]
fn q40_unknown_types_end_the_connection_before_they_cost() {
    for kind in [0, 7, 14, 21, 71, 210, 255] {
        let mut driver = Driver::new(Config::default(), Policy::Accept);
        driver.feed(wild(kind).bytes());
        assert!(driver.peak() < 64 << 10, "{} bytes held", driver.peak());
        let outcome = driver.finish(Close::Gone);
        assert_eq!(outcome.error, Some(Error::Malformed(Malformed::MessageType(kind))));
        assert_eq!(decoded(outcome.only_tags()), [audio(0, &[1])]);
    }
}

/// Tiny chunks: the limit that a server may set on them.
#[test]
fn q33_a_server_may_refuse_tiny_chunks() {
    let mut config = Config::default();
    config.limits.smallest_chunk = 128;
    let script = publishing().chunk_size(128).chunk_size(127);
    let expected = Error::OverLimit(Limit::SmallestChunk { size: 127 });
    assert_eq!(run(config, Policy::Accept, [script.bytes()]).error, Some(expected));
}
