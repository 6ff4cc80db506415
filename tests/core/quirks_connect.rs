//! Quirks 1–10, 16 and 17 of docs/quirks.md: handshake and commands.

use sluicebox_core::{Close, Config, Reject};
use sluicebox_tests::amf::{Value, encode};
use sluicebox_tests::fuzz::{Driver, Outcome, Policy, Told, run};
use sluicebox_tests::handshake::{Handshake, PART, Schema};
use sluicebox_tests::wire::{Message, Script};

use super::run::{Scenario, audio, decoded, end, outcome, publishing, recorded, replies, video};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("everything in one segment", one_segment),
    ("digest in schema 0", || Script::shaking(&Handshake::Digest(Schema::Zero)).connect("live")),
    ("digest in schema 1", || Script::shaking(&Handshake::Digest(Schema::One)).connect("live")),
    ("a version without a digest", version_alone),
    ("nothing before connect", before_connect),
    ("a command nobody knows", || publishing().command("someCommand", &[Value::Null])),
    ("commands in one go", pipelined),
    ("transaction identifiers", transactions),
    ("extra commands", extra_commands),
    ("publish without createStream", on_demand),
    ("publish on 0, media on 1", publish_on_0),
    ("media before publish", early),
    ("AMF3 flavour", amf3_flavour),
    ("every AMF0 marker", every_marker),
];

/// What was told of the connection and of its publishes.
pub(crate) fn told(script: &Script) -> Vec<Told> {
    outcome(script).told
}

pub(crate) fn published(stream: u32, app: &str, name: &str) -> Told {
    Told::Publish(stream, [app, name, "live"].map(|text| text.as_bytes().to_vec()))
}

/// Transactions that were answered with this command.
fn answered(outcome: &Outcome, with: &str) -> Vec<f64> {
    let commands = replies(outcome).into_iter().filter_map(|reply| reply.command());
    commands.filter(|command| command.name == with).map(|command| command.transaction).collect()
}

fn one_segment() -> Script {
    Script::hello().chunk_size(4096).to_publish("live", "cam").audio(0, &[0xaf, 0, 0x12, 0x10])
}

/// Quirk 1: C2, Set Chunk Size and `connect` in one segment, or C1 in pieces (OBS, librtmp:
/// obs-studio `plugins/obs-outputs/librtmp/rtmp.c`).
#[test]
fn q01_reads_are_not_messages() {
    let script = one_segment();
    let whole = outcome(&script);
    assert_eq!(decoded(whole.only_tags()), [audio(0, &[0xaf, 0, 0x12, 0x10])]);
    for first in [1, 700, 1 + PART, 2 * PART, 1 + 2 * PART] {
        let (a, b) = script.bytes().split_at(first);
        assert!(run(Config::default(), Policy::Accept, [a, b]) == whole, "cut at {first}");
    }
}

/// The digest is wrong by a bit.
fn version_alone() -> Script {
    let mut c0c1 = Handshake::Digest(Schema::Zero).c0c1();
    c0c1[PART] ^= 1;
    Script::new().raw(&c0c1).raw(&Handshake::Simple.c2_in_advance()).connect("live")
}

/// Quirk 2: a version in C1, with a digest (FFmpeg, Flash) or without (FFmpeg
/// `libavformat/rtmpproto.c`).
#[test]
fn q02_version_in_c1_with_and_without_digest() {
    for schema in [Schema::Zero, Schema::One] {
        let handshake = Handshake::Digest(schema);
        handshake.c2(&outcome(&Script::new().raw(&handshake.c0c1())).replies);
    }
    let script = version_alone();
    let said = outcome(&script).replies;
    let c1 = &script.bytes()[1..=PART];
    assert!(said[1 + PART..].starts_with(c1), "no valid digest: the exact echo");
}

/// Quirk 3: S2 is compared with C1 to the byte (OBS, Streamlabs: mediamtx#1244, #1398).
#[test]
fn q03_s2_echoes_c1_exactly() {
    let c0c1 = Handshake::Simple.c0c1();
    let said = outcome(&Script::new().raw(&c0c1)).replies;
    assert!(said[1 + PART..] == c0c1[1..]);
}

fn before_connect() -> Script {
    Script::hello().chunk_size(4096).window(2_500_000)
}

/// Quirk 4: S0S1S2 together, and nothing else before `connect` (HaishinKit.swift
/// `RTMPHandshake.swift`).
#[test]
fn q04_nothing_but_the_handshake_before_connect() {
    let mut driver = Driver::new(Config::default(), Policy::Accept);
    driver.feed(before_connect().bytes());
    assert_eq!(driver.finish(Close::Gone).replies.len(), 1 + 2 * PART);
}

/// Quirk 5: every answer is waited for (HaishinKit.swift#1414, #1393).
#[test]
fn q05_every_transaction_is_answered() {
    let outcome = outcome(&publishing().command("someCommand", &[Value::Null]));
    assert_eq!(answered(&outcome, "_result"), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(answered(&outcome, "_error"), [6.0]);
}

fn pipelined() -> Script {
    Script::hello()
        .connect("live")
        .release_stream("cam?token=1")
        .fc_publish("other")
        .create_stream()
        .publish(1, "cam")
}

/// Quirk 6: commands before any answer, another name in `FCPublish`, `onFCPublish` expected
/// (OBS, Wirecast: nginx-rtmp-module#789, HaishinKit.swift#684).
#[test]
fn q06_commands_are_pipelined() {
    let outcome = outcome(&pipelined());
    assert_eq!(outcome.told[1], published(1, "live", "cam"));
    assert_eq!(answered(&outcome, "onFCPublish"), [0.0]);
    let without = Script::hello().connect("live").create_stream().publish(1, "cam");
    assert!(answered(&super::run::outcome(&without), "onFCPublish").is_empty());
}

fn transactions() -> Script {
    let command = |name: &str, transaction: f64| {
        Message::new(20, &encode(&[name.into(), transaction.into(), Value::Null]))
    };
    Script::hello()
        .message(&command("connect", 77.0))
        .message(&command("createStream", 0.5))
        .message(&command("releaseStream", -3.0))
        .message(&command("FCPublish", 1e300))
        .message(&command("FCPublish", 0.0))
}

/// Quirk 7: transaction identifiers are the peer's choice.
#[test]
fn q07_transaction_identifiers_are_echoed() {
    assert_eq!(answered(&outcome(&transactions()), "_result"), [77.0, 0.5, -3.0, 1e300]);
}

fn extra_commands() -> Script {
    let result = Message::new(20, &encode(&["_result".into(), 2.0.into(), Value::Null]));
    Script::hello()
        .connect("live")
        .command("_checkbw", &[Value::Null])
        .command("getStreamLength", &[Value::Null, "cam".into()])
        .message(&result)
        .command("onBWDone", &[Value::Null])
}

/// Quirk 8: `_checkbw`, `getStreamLength`, answers to what was not asked (Flash, librtmp:
/// srs#844).
#[test]
fn q08_bandwidth_checks_and_stream_lengths() {
    let outcome = outcome(&extra_commands());
    assert_eq!((outcome.error, answered(&outcome, "_result")), (None, vec![1.0, 2.0, 3.0]));
    let length = replies(&outcome).last().and_then(|reply| reply.command()).expect("an answer");
    assert_eq!(length.arguments, [Value::Null, 0.0.into()]);
}

fn on_demand() -> Script {
    Script::hello()
        .fc_publish("cam")
        .connect("live")
        .publish(5, "cam")
        .message(&Message::audio(7, &[1]).stream(5))
}

fn publish_on_0() -> Script {
    Script::hello().connect("live").create_stream().publish(0, "cam").audio(7, &[1])
}

/// Quirk 9: `publish` before the answer to `createStream`, `FCPublish` before `connect` (hardware:
/// torresjeff/rtmp-rs `src/protocol/quirks.rs`).
#[test]
fn q09_publish_needs_no_create_stream() {
    assert_eq!(told(&on_demand())[1], published(5, "live", "cam"));
    assert_eq!(recorded(&on_demand()), [audio(7, &[1])]);
    assert_eq!(told(&publish_on_0())[1], published(0, "live", "cam"));
    assert_eq!(recorded(&publish_on_0()), [audio(7, &[1])]);
}

fn early() -> Script {
    Script::hello()
        .connect("live")
        .create_stream()
        .video(0, &[0x17, 0, 0, 0, 0, 1])
        .audio(0, &[0xaf, 0, 0x12, 0x10])
        .publish(1, "cam")
        .video(40, &[0x17, 1, 0, 0, 0])
}

/// Quirk 10: sequence headers before `publish` (cameras: ZLMediaKit#2417, #2715).
#[test]
fn q10_media_before_publish_is_held() {
    let expected = [
        video(0, &[0x17, 0, 0, 0, 0, 1]),
        audio(0, &[0xaf, 0, 0x12, 0x10]),
        video(40, &[0x17, 1, 0, 0, 0]),
    ];
    assert_eq!(recorded(&early()), expected);
    assert!(end(&outcome(&early())).1.complete());
    let rejected = run(Config::default(), Policy::Reject(Reject::Busy), [early().bytes()]);
    assert!(rejected.tags.is_empty());
}

fn amf3_flavour() -> Script {
    let flavoured = |values: &[Value]| [&[0][..], &encode(values)].concat();
    let object = Value::object([("app", "live".into()), ("objectEncoding", 3.0.into())]);
    let publish = ["publish".into(), 3.0.into(), Value::Null];
    // Name and kind as AMF3 strings: marker 0x11, then 0x06 and the length twice, plus one.
    let publish = [&flavoured(&publish), &b"\x11\x06\x07cam\x11\x06\x09live"[..]].concat();
    let metadata = flavoured(&["@setDataFrame".into(), "onMetaData".into(), Value::Null]);
    Script::hello()
        .message(&Message::new(17, &flavoured(&["connect".into(), 1.0.into(), object])))
        .message(&Message::new(17, &flavoured(&["createStream".into(), 2.0.into(), Value::Null])))
        .message(&Message::new(17, &publish).stream(1))
        .message(&Message::new(15, &metadata).stream(1))
        .audio(5, &[1])
}

/// Quirk 16: object encoding 3, commands of type 17 behind a format byte, AMF3 values (Flash:
/// Enhanced RTMP v2, "AMF3").
#[test]
fn q16_commands_and_data_in_amf3_flavour() {
    let outcome = outcome(&amf3_flavour());
    assert_eq!(outcome.told[1], published(1, "live", "cam"));
    let metadata = encode(&["onMetaData".into(), Value::Null]);
    let expected = [super::run::script(0, &metadata), audio(5, &[1])];
    assert_eq!(decoded(outcome.only_tags()), expected);
    assert_eq!(end(&outcome).1.unwrapped, 17);
    let result = replies(&outcome).iter().find_map(|r| r.command()).expect("an answer");
    assert_eq!(result.arguments[1].get("objectEncoding"), Some(&3.0.into()));
}

fn every_marker() -> Script {
    let values: [&[u8]; 12] = [
        b"\x00\x40\x08\0\0\0\0\0\0",
        b"\x01\x01",
        b"\x05",
        b"\x06",
        b"\x07\0\x01",
        b"\x08\0\0\0\x63\0\x01k\x05\0\0\x09",
        b"\x0a\0\0\0\x02\x05\x06",
        b"\x0b\x42\x70\0\0\0\0\0\0\0\0",
        b"\x0c\0\0\0\x04long",
        b"\x0d",
        b"\x0f\0\0\0\x04<x/>",
        b"\x10\0\x03Foo\0\x01k\x02\0\x01v\0\0\x09",
    ];
    let mut connect = encode(&["connect".into(), 1.0.into()]);
    // A stray end marker, then the object.
    connect.extend(b"\x09\x03");
    for (n, value) in (b'a'..).zip(values) {
        connect.extend([0, 1, n]);
        connect.extend(value);
    }
    connect.extend(b"\0\x03app\x02\0\x04live\0\0\x09");
    Script::hello().message(&Message::new(20, &connect))
}

/// Quirk 17: every AMF0 marker, and end markers where none belong (mediamtx#3188, #2077; xiu#183).
#[test]
fn q17_every_amf0_marker_is_stepped_over() {
    let [Told::Connect([app, ..], _)] = &told(&every_marker())[..] else {
        panic!("connect is told")
    };
    assert_eq!(app, b"live");
}
