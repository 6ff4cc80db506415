//! What peers say they can, and what they are answered (Enhanced RTMP v2, "Enhancing NetConnection
//! connect Command" and "Reconnect Request"): quirk 56 of docs/quirks.md.

use sluicebox_core::{Close, Config};
use sluicebox_tests::amf::{Value, encode};
use sluicebox_tests::fuzz::{Driver, ELSEWHERE, Policy, Told};
use sluicebox_tests::reply::parse_replies;
use sluicebox_tests::wire::Script;

use super::run::{Scenario, codes, decoded, outcome, publishing, replies, video};

pub(crate) const SCENARIOS: &[Scenario] =
    &[("a peer that says what it can", || able(&everything())), ("one that is told", told_in_mid)];

/// A frame that needs no negotiation.
const FRAME: &[u8] = b"\x91hvc1\0\0\0frame";

fn list(names: &[&str]) -> Value {
    Value::StrictArray(names.iter().map(|name| (*name).into()).collect())
}

/// Everything that Enhanced RTMP has for `connect`.
fn everything() -> Vec<(&'static str, Value)> {
    let video = Value::object([("hvc1", 7.0.into()), ("*", 4.0.into())]);
    let audio = Value::EcmaArray(vec![("Opus".into(), 2.0.into())]);
    vec![
        ("fourCcList", list(&["hvc1", "Opus", "*", "no fourcc"])),
        ("videoFourCcInfoMap", video),
        ("audioFourCcInfoMap", audio),
        ("videoFunction", 7.0.into()),
        ("capsEx", 15.0.into()),
        ("objectEncoding", 3.0.into()),
    ]
}

/// A publisher with these properties in its `connect`.
fn able(properties: &[(&'static str, Value)]) -> Script {
    let mut pairs = vec![("app".to_owned(), Value::from("live"))];
    pairs.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let script = Script::hello().command("connect", &[Value::Object(pairs)]);
    script.create_stream().publish(1, "cam").video(0, FRAME)
}

/// Connects again in mid-stream, saying less.
fn told_in_mid() -> Script {
    able(&everything()).connect("live").video(40, FRAME)
}

#[test]
fn what_a_peer_can_comes_out_as_it_was_said() {
    let Told::Connect(_, can) = &outcome(&able(&everything())).told[0] else {
        panic!("no connect")
    };
    let list = b"hvc1\0Opus\0*\0\0\0\0".to_vec();
    let (video, audio) = (b"hvc1\x07*\0\0\0\x04".to_vec(), b"Opus\x02".to_vec());
    assert_eq!(can, &([list, video, audio], [15, 7, 3]));
}

/// The last object of the answer to `connect`, to the byte.
fn answer(script: &Script) -> Vec<u8> {
    let replies = replies(&outcome(script));
    let result = replies.iter().find(|reply| reply.is("_result")).expect("an answer");
    let start = b"\x03\0\x05level";
    let at = result.0.body.windows(start.len()).position(|part| part == start);
    result.0.body[at.expect("a status")..].to_vec()
}

fn success(more: &[(&str, Value)]) -> Vec<u8> {
    let mut pairs: Vec<(String, Value)> = vec![
        ("level".into(), "status".into()),
        ("code".into(), "NetConnection.Connect.Success".into()),
        ("description".into(), "Connection succeeded.".into()),
    ];
    pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    encode(&[Value::Object(pairs)])
}

/// Any codec is forwarded; reconnects, tracks, modifiers and nanoseconds are understood.
#[test]
fn a_peer_that_says_anything_is_answered_in_kind_to_the_byte() {
    let forward = Value::object([("*", 4.0.into())]);
    let enhanced = |encoding: f64| {
        success(&[
            ("objectEncoding", encoding.into()),
            ("videoFourCcInfoMap", forward.clone()),
            ("audioFourCcInfoMap", forward.clone()),
            ("capsEx", 15.0.into()),
        ])
    };
    assert_eq!(answer(&able(&everything())), enhanced(3.0));
    for one in [
        ("fourCcList", list(&["hvc1"])),
        ("fourCcList", list(&[])),
        ("videoFourCcInfoMap", Value::object([("av01", 1.0.into())])),
        ("audioFourCcInfoMap", Value::object([("*", 4.0.into())])),
        ("capsEx", 0.0.into()),
        ("capsEx", 1.0.into()),
    ] {
        assert_eq!(answer(&able(std::slice::from_ref(&one))), enhanced(0.0), "{one:?}");
    }
}

/// Quirk 56: OBS says nothing, ffmpeg only if told to, HaishinKit everything; FourCC headers come
/// from all of them (obs-studio `rtmp.c`, HaishinKit.swift). Those that say nothing get the answer
/// that everybody got before there was Enhanced RTMP.
#[test]
fn q56_nothing_has_to_be_negotiated() {
    let old = success(&[("objectEncoding", 0.0.into())]);
    assert_eq!(answer(&publishing()), old);
    assert_eq!(answer(&able(&[("videoFunction", 1.0.into())])), old);
    for script in [able(&[]), able(&everything())] {
        let outcome = outcome(&script);
        assert_eq!(decoded(outcome.only_tags()), [video(0, FRAME)]);
        assert!(outcome.ends()[0].2.complete());
    }
}

#[test]
fn only_peers_that_can_are_asked_to_connect_anew() {
    const ASKED: &str = "NetConnection.Connect.ReconnectRequest";
    let says = |caps: f64| outcome(&able(&[("capsEx", caps.into())]));
    for (caps, able) in [(0.0, false), (1.0, true), (14.0, false), (15.0, true), (-1.0, false)] {
        let outcome = says(caps);
        assert_eq!(outcome.reconnects, able, "{caps}");
        assert_eq!(codes(&outcome).contains(&ASKED.to_owned()), able, "{caps}");
    }
    assert!(!outcome(&publishing()).reconnects);
    // The last `connect` counts.
    assert!(!outcome(&told_in_mid()).reconnects);
    // A session that has failed says no more.
    let failed = able(&everything()).raw(&[2, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 0]);
    assert!(!outcome(&failed).reconnects);
}

#[test]
fn the_request_to_connect_anew_to_the_byte() {
    let status = |more: &[(&str, Value)]| {
        let mut pairs: Vec<(String, Value)> = vec![
            ("level".into(), "status".into()),
            ("code".into(), "NetConnection.Connect.ReconnectRequest".into()),
            ("description".into(), "The server stops: connect anew.".into()),
        ];
        pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        encode(&["onStatus".into(), 0.0.into(), Value::Null, Value::Object(pairs)])
    };
    for (url, body) in [("", status(&[])), (ELSEWHERE, status(&[("tcUrl", ELSEWHERE.into())]))] {
        let mut driver = Driver::new(Config::default(), Policy::Accept);
        driver.feed(able(&everything()).bytes());
        let before = parse_replies(driver.replies()).len();
        assert!(driver.reconnect(url));
        let replies = parse_replies(driver.replies());
        assert_eq!(replies.len(), before + 1);
        let last = &replies[before].0;
        assert_eq!((last.kind, last.stream, &last.body), (20, 0, &body));
        // The stream goes on until the peer ends it.
        driver.feed(Script::new().video(40, FRAME).delete_stream(1.0).bytes());
        let outcome = driver.finish(Close::Gone);
        assert_eq!(decoded(outcome.only_tags()), [video(0, FRAME), video(40, FRAME)]);
        assert!(outcome.ends()[0].2.complete());
    }
}
