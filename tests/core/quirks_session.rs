//! Quirks 11–15 and 18–23 of docs/quirks.md: names, refusals and ends.

use sluicebox_core::{Close, Config, End, Error, Malformed, Reject, Unsupported};
use sluicebox_tests::amf::{Value, encode};
use sluicebox_tests::fuzz::{Policy, Told, run};
use sluicebox_tests::wire::{Message, Script};

use super::quirks_connect::{published, told};
use super::run::{Scenario, audio, codes, decoded, outcome, publishing, replies, video};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("names of all kinds", names),
    ("an address that is none", || connect_with(&[("tcurl", "\"not a url".into())])),
    ("labels", || connect_with(&[("flashVer", "Lavf57\n\u{1b}[2J".into()), ("swfUrl", "".into())])),
    ("credentials in the application", credentials),
    ("an end in the middle of connect", broken_connect),
    ("a stale chunk size", stale_chunk_size),
    ("HTTP", || Script::new().raw(b"GET / HTTP/1.1\r\n\r\n")),
    ("TLS", || Script::new().raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")),
    ("a scanner", || Script::new().raw(b"\x80\x2e\x01\x03")),
    ("all ends", all_ends),
    ("two streams side by side", side_by_side),
];

fn connect_with(pairs: &[(&str, Value)]) -> Script {
    let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Script::hello().command("connect", &[Value::Object(pairs)])
}

/// Quirks 11, 12 and 14: slashes, query strings and prefixes come out as they were sent; what they
/// mean is the server's (ZLMediaKit#2435, #692; mediamtx#6007; Node-Media-Server#506).
#[test]
fn q11_q12_q14_names_come_out_raw() {
    let cases = [
        ("a/b/c", "d/e"),
        ("live/", ""),
        ("/live", "/cam"),
        ("live?token=1&x=/y", "cam?token=2"),
        ("live", "mp4:cam.flv"),
        ("live", "../../etc/passwd"),
    ];
    for (app, name) in cases {
        let script = Script::hello().connect(app).create_stream().publish(1, name);
        assert_eq!(told(&script)[1], published(1, app, name));
    }
}

/// One publish after another, the names as encoders send them.
fn names() -> Script {
    let names = ["d/e", "", "/cam", "cam?token=2", "mp4:cam.flv", "../../etc/passwd"];
    let first = Script::hello().connect("/a/b/c/?token=1&x=/y");
    names.iter().fold(first, |script, name| {
        script.create_stream().publish(1, name).audio(0, &[1]).delete_stream(1.0)
    })
}

/// Quirk 13: tcUrl in quotes, under another key, no URL, no string, or missing (Neko:
/// mediamtx#1405).
#[test]
fn q13_the_address_is_a_hint() {
    let url = |pairs: &[(&str, Value)]| match &told(&connect_with(pairs))[..] {
        [Told::Connect([_, url, ..], _)] => String::from_utf8_lossy(url).into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(url(&[("tcUrl", "\"rtmp://a/b\"".into())]), "\"rtmp://a/b\"");
    assert_eq!(url(&[("tcurl", "rtmp://a/b".into())]), "rtmp://a/b");
    assert_eq!(url(&[("tcUrl", "not a url".into())]), "not a url");
    assert_eq!(url(&[("tcUrl", 5.0.into())]), "");
    assert_eq!(url(&[]), "");
    let bare = Script::hello().command("connect", &[Value::Null]);
    assert_eq!(codes(&outcome(&bare)), ["NetConnection.Connect.Success"]);
}

/// Quirk 15: labels that identify an encoder, or nothing (OBS, RootEncoder#1281,
/// nginx-rtmp-module#246).
#[test]
fn q15_labels_come_out_raw() {
    for label in ["FMLE/3.0 (compatible; FMSc/1.0)", "WIN 9,0,115,0", "", "Lavf57\n\u{1b}[2J"] {
        let pairs = [
            ("flashVer", label.into()),
            ("swfUrl", "rtmp://a/b".into()),
            ("pageUrl", label.into()),
        ];
        let texts = ["", "", label, "rtmp://a/b", label].map(|text| text.as_bytes().to_vec());
        assert_eq!(told(&connect_with(&pairs)), [Told::Connect(texts, Default::default())]);
    }
}

fn credentials() -> Script {
    let app = "live?authmod=adobe&user=me&challenge=x&response=y";
    Script::hello().connect(app).create_stream().publish(1, "cam")
}

/// Quirk 18: credentials for Adobe's authmod: they come out raw, and a refusal can be read
/// (mediamtx#3879, #2056; nginx-rtmp-module#188).
#[test]
fn q18_credentials_come_out_raw_and_a_refusal_is_readable() {
    let app = "live?authmod=adobe&user=me&challenge=x&response=y";
    let script = credentials();
    assert_eq!(told(&script)[1], published(1, app, "cam"));
    let refused = run(Config::default(), Policy::Reject(Reject::Denied), [script.bytes()]);
    let reply = replies(&refused).pop().and_then(|reply| reply.command()).expect("an answer");
    assert_eq!(reply.arguments[1].get("code"), Some(&"NetStream.Publish.Denied".into()));
    let description = reply.arguments[1].get("description").and_then(Value::text);
    assert!(description.is_some_and(|text| text.contains("put the key into the stream name")));
    // Without credentials there is nothing to say of them.
    let bare = run(Config::default(), Policy::Reject(Reject::Denied), [publishing().bytes()]);
    let reply = replies(&bare).pop().and_then(|reply| reply.command()).expect("an answer");
    assert_eq!(reply.arguments[1].get("description"), Some(&"Not allowed to publish.".into()));
}

/// Quirk 19: a refusal is an `onStatus` of level error with a known code (OBS:
/// Node-Media-Server#331).
#[test]
fn q19_refusals_have_codes_that_encoders_know() {
    let cases = [
        (Reject::Busy, "NetStream.Publish.BadName"),
        (Reject::Denied, "NetStream.Publish.Denied"),
        (Reject::Refused, "NetStream.Publish.Rejected"),
        (Reject::Storage, "NetStream.Record.Failed"),
    ];
    for (why, code) in cases {
        let script = publishing().audio(0, &[1]);
        let outcome = run(Config::default(), Policy::Reject(why), [script.bytes()]);
        let reply = replies(&outcome).pop().expect("a reply");
        let status = reply.command().expect("a command");
        assert_eq!((status.name.as_str(), reply.0.stream), ("onStatus", 1));
        assert_eq!(status.arguments[1].get("level"), Some(&"error".into()));
        assert_eq!(status.arguments[1].get("code"), Some(&code.into()));
        assert!(outcome.tags.is_empty() && outcome.ends().is_empty());
    }
}

fn broken_connect() -> Script {
    Script::hello().connect("live").message(&Message::new(99, &[1]))
}

fn stale_chunk_size() -> Script {
    let mut stale = Script::new().chunk_size(4096);
    stale.take();
    Script::hello().raw(stale.connect(&"x".repeat(200)).bytes())
}

/// Quirk 20: an end in the middle of `connect` hangs OBS; old ones start with the last session's
/// chunk size (obs-studio#4135, #878, #2865).
#[test]
fn q20_the_answer_is_finished_before_the_end() {
    let outcome = outcome(&broken_connect());
    assert_eq!(outcome.error, Some(Error::Malformed(Malformed::MessageType(99))));
    let expected = ["NetConnection.Connect.Success", "NetConnection.Connect.Closed"];
    assert_eq!(codes(&outcome), expected);
    let stale = stale_chunk_size();
    assert_eq!((super::run::outcome(&stale).error.is_some(), told(&stale)), (true, Vec::new()));
}

fn all_ends() -> Script {
    let publish_false = ["publish".into(), 0.0.into(), Value::Null, false.into()];
    publishing()
        .audio(1, &[1])
        .fc_unpublish("cam")
        .delete_stream(1.0)
        .create_stream()
        .publish(1, "b")
        .audio(2, &[2])
        .delete_stream(1.0)
        .create_stream()
        .publish(1, "c")
        .audio(3, &[3])
        .close_stream(1)
        .publish(1, "d")
        .audio(4, &[4])
        .message(&Message::new(20, &encode(&publish_false)).stream(1))
        .publish(1, "e")
        .audio(5, &[5])
        .command("deleteStream", &[Value::Null, "e".into()])
        .publish(1, "f")
        .audio(6, &[6])
        .command("deleteStream", &[Value::Null])
        .publish(1, "g")
        .audio(7, &[7])
}

/// Quirk 21: `FCUnpublish` with `deleteStream` (OBS), `deleteStream` alone (ffmpeg), `closeStream`
/// (HaishinKit), `publish(false)` (Flash), or nothing; and the next publish after it (srs#454).
#[test]
fn q21_every_end_ends_and_the_next_publish_is_legal() {
    let outcome = outcome(&all_ends());
    let ends = outcome.ends();
    assert_eq!((outcome.error, ends.len()), (None, 7));
    assert!(ends[..6].iter().all(|(_, why, ledger)| *why == End::Peer && ledger.complete()));
    assert_eq!(ends[6].1, End::Closed(Close::Gone));
    assert!(ends.iter().all(|(_, _, ledger)| ledger.written.messages == 1));
    let stopped = codes(&outcome);
    let stopped = stopped.iter().filter(|code| *code == "NetStream.Unpublish.Success");
    assert_eq!(stopped.count(), 6);
}

/// Quirk 22: HTTP and scanners (livego#123, srs#1172).
#[test]
fn q22_other_protocols_get_no_word() {
    for (bytes, version) in [(&b"GET / HTTP/1.1\r\n\r\n"[..], b'G'), (b"\x80\x2e\x01\x03", 0x80)] {
        let outcome = outcome(&Script::new().raw(bytes));
        assert_eq!(outcome.error, Some(Error::Malformed(Malformed::Version(version))));
        assert!(outcome.replies.is_empty() && outcome.told.is_empty());
    }
    let outcome = outcome(&Script::new().raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"));
    assert_eq!(outcome.error, Some(Error::Unsupported(Unsupported::Tls)));
    assert!(outcome.replies.is_empty() && outcome.told.is_empty());
}

fn side_by_side() -> Script {
    Script::hello()
        .connect("live")
        .create_stream()
        .create_stream()
        .publish(1, "a")
        .publish(2, "b")
        .interleaved(
            &Message::video(0, &[1; 300]).on(6),
            &Message::video(0, &[2; 300]).on(7).stream(2),
        )
        .delete_stream(1.0)
        .message(&Message::audio(3, &[3]).stream(2))
}

/// Quirk 23: two publishers of a name are told apart by the server; a stream can be refused
/// before, and taken over after it is live (nginx-rtmp-module#1152, mediamtx#911).
#[test]
fn q23_one_stream_ends_and_the_other_goes_on() {
    let both = outcome(&side_by_side());
    assert_eq!(decoded(&both.tags[&1]), [video(0, &[1; 300])]);
    assert_eq!(decoded(&both.tags[&2]), [video(0, &[2; 300]), audio(3, &[3])]);
    let second = run(Config::default(), Policy::Alternate, [side_by_side().bytes()]);
    assert_eq!(second.tags.keys().collect::<Vec<_>>(), [&2]);
    assert!(codes(&second).contains(&"NetStream.Publish.BadName".to_owned()));
}
