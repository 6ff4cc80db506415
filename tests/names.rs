use std::path::{Path, PathBuf};

use sluicebox_tests::amf::{self, Value};
use sluicebox_tests::flv;
use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::wire::{Message, Script};

/// Names that would do harm, if they could.
mod hostile;

/// Body of the only frame of every recording here.
const FRAME: [u8; 5] = [0x17, 0, 0, 0, 0];

/// A string of AMF0 with any bytes in it.
fn string(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("a short string");
    [&[2][..], &len.to_be_bytes(), bytes].concat()
}

/// `connect` with these properties, of any bytes.
fn connect(script: Script, properties: &[(&str, &[u8])]) -> Script {
    let mut body = amf::encode(&["connect".into(), 1.0.into()]);
    body.push(3);
    for (key, value) in properties {
        body.extend(&string(key.as_bytes())[1..]);
        body.extend(string(value));
    }
    body.extend([0, 0, 9]);
    script.message(&Message::new(20, &body))
}

/// `publish` under a name of any bytes.
fn publish(script: Script, name: &[u8]) -> Script {
    let head = amf::encode(&["publish".into(), 2.0.into(), Value::Null]);
    let body = [head, string(name), string(b"live")].concat();
    script.message(&Message::new(20, &body).on(8).stream(1))
}

/// A peer that publishes one frame, to an application and under a name of any bytes.
fn publisher(server: &Server, properties: &[(&str, &[u8])], name: &[u8]) -> Peer {
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    peer.send(|script| publish(connect(script, properties), name).video(0, &FRAME));
    peer
}

/// The recording of a peer's only stream, whole.
fn recording(server: &Server, peer: &Peer) -> PathBuf {
    let ended = server.wait_about("ended", peer.addr());
    let path = PathBuf::from(ended.text("path"));
    assert_eq!(flv::read(&path).len(), 1, "{ended:?}");
    path
}

/// Publishes one frame, and gives the path below the record folder, without time and extension.
fn stem(server: &Server, properties: &[(&str, &[u8])], name: &[u8]) -> String {
    let mut peer = publisher(server, properties, name);
    peer.send(|script| script.delete_stream(1.0));
    stem_below(server.folder.path(), &recording(server, &peer))
}

/// The path of a recording below a folder, without start time, number and extension.
fn stem_below(folder: &Path, path: &Path) -> String {
    let below = path.strip_prefix(folder).expect("below the record folder");
    let text = below.to_str().expect("recordings have plain names");
    let (stem, rest) = text.split_at(text.rfind("-20").expect("a start time"));
    let rest = rest.strip_suffix(".flv").expect("the extension");
    let (time, number) = rest.split_once('Z').expect("a start time in UTC");
    let shape = |byte| if u8::is_ascii_digit(&byte) { '9' } else { char::from(byte) };
    assert_eq!(time.bytes().map(shape).collect::<String>(), "-99999999T999999", "{text}");
    assert!(number.is_empty() || number.bytes().map(shape).eq("-9".chars()), "{text}");
    stem.to_owned()
}

/// Asserts that every application and name of `cases` is recorded as what stands behind them.
fn assert_stems(cases: &[(&str, &str, &str)]) {
    let server = Server::start(&[]);
    for (app, name, expected) in cases {
        let found = stem(&server, &[("app", app.as_bytes())], name.as_bytes());
        assert_eq!(found, *expected, "application {app:?}, name {name:?}");
    }
}

#[test]
fn slashes() {
    assert_stems(&[
        ("live", "cam", "live/cam"),
        ("live/eu", "cam2", "live/eu/cam2"),
        ("live", "eu/cam3", "live/eu/cam3"),
        ("live/eu/north", "cam", "live/eu/north/cam"),
        ("/live/", "/cam4", "live/cam4"),
        ("live//", "cam5/", "live/cam5"),
        ("live", "", "live/@"),
        ("live/", "/", "live/@"),
        ("", "cam", "@/cam"),
        ("", "", "@/@"),
    ]);
}

#[test]
fn queries() {
    assert_stems(&[
        ("live", "cam?token=1", "live/cam"),
        ("live?token=1", "cam2", "live/cam2"),
        ("live?user=a/b&pass=c", "cam3?d=/e", "live/cam3"),
        ("live/?x", "/cam4?", "live/cam4"),
        ("live", "?token=1", "live/@"),
        ("live", "cam5??", "live/cam5"),
    ]);
}

#[test]
fn prefixes() {
    assert_stems(&[
        ("live", "mp4:cam", "live/cam"),
        ("live", "flv:cam2", "live/cam2"),
        ("live", "mp4:eu/cam3", "live/eu/cam3"),
        ("live", "flv:cam4?token=1", "live/cam4"),
        ("live", "mp4:", "live/@"),
        ("live", "rtmp:cam", "live/rtmp%3Acam"),
    ]);
}

#[test]
fn addresses() {
    let server = Server::start(&[]);
    let of = |properties: &[(&str, &str)], name: &str| {
        let bytes: Vec<_> = properties.iter().map(|(key, url)| (*key, url.as_bytes())).collect();
        stem(&server, &bytes, name.as_bytes())
    };
    // With an application, the address counts for nothing.
    for (at, url) in ["rtmp://h/else", "\"rtmp://h/else\"", "no url", ""].iter().enumerate() {
        let name = format!("hint-{at}");
        assert_eq!(of(&[("app", "live"), ("tcUrl", url)], &name), format!("live/{name}"));
    }
    let urls = [
        "rtmp://h/live",
        "\"rtmp://h:1935/live/\"",
        "rtmp://[::1]/live?token=a/b",
        " rtmp://h/live",
    ];
    for (at, url) in urls.iter().enumerate() {
        let name = format!("only-{at}");
        assert_eq!(of(&[("tcUrl", url)], &name), format!("live/{name}"), "{url}");
        assert_eq!(of(&[("app", ""), ("tcUrl", url)], &name), format!("live/{name}"), "{url}");
    }
    for (at, url) in
        ["rtmp://h/../../x", "rtmp://h", "://", "file:///etc/cron.d"].iter().enumerate()
    {
        let name = format!("odd-{at}");
        let stem = of(&[("tcUrl", url)], &name);
        assert!(stem.ends_with(&name) && !stem.contains(".."), "{url}: {stem}");
    }
    assert_eq!(of(&[], "nothing"), "@/nothing");
}

#[test]
fn the_same_name_again_at_once_is_another_file() {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    peer.send(|script| {
        let script = script.connect("live").create_stream();
        (0..5).fold(script, |script, at| script.publish(1, "cam").video(at, &FRAME).close_stream(1))
    });
    let lines = server.wait_for_lines("ended", 5);
    let mut paths: Vec<_> = lines.iter().map(|line| line.text("path").to_owned()).collect();
    for (at, path) in paths.iter().enumerate() {
        let tags = flv::read(Path::new(path));
        assert_eq!((tags.len(), tags[0].timestamp as usize), (1, at), "{path}");
    }
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 5, "{paths:?}");
}

#[test]
fn names_that_differ_in_what_is_encoded_share_nothing() {
    let server = Server::start(&[]);
    let (long, also) = ("x".repeat(300) + "1", "x".repeat(300) + "2");
    let names = [
        "a b",
        "a%20b",
        "a%2520b",
        "a_b",
        "",
        "@",
        "%40",
        "..",
        "%2E%2E",
        "%2e%2e",
        "cam",
        "CAM",
        "NUL",
        "%4EUL",
        &long,
        &also,
        "x~0123456789abcdef",
        "b.",
        "b%2E",
        "e\u{301}",
        "\u{e9}",
    ];
    // All at the same time: none is the second publisher of another's name.
    let mut peers: Vec<_> =
        names.iter().map(|name| publisher(&server, &[("app", b"live")], name.as_bytes())).collect();
    for peer in &mut peers {
        peer.wait_for_code("NetStream.Publish.Start");
    }
    peers.iter_mut().for_each(|peer| peer.send(|script| script.delete_stream(1.0)));
    let mut stems: Vec<_> = peers
        .iter()
        .map(|peer| stem_below(server.folder.path(), &recording(&server, peer)))
        .collect();
    stems.sort();
    stems.dedup();
    assert_eq!(stems.len(), names.len(), "{stems:#?}");
}

#[test]
fn the_same_name_cut_elsewhere_is_the_same_name() {
    let server = Server::start(&["--on-conflict", "reject"]);
    let mut first = publisher(&server, &[("app", b"live/eu")], b"cam");
    first.wait_for_code("NetStream.Publish.Start");
    for (app, name) in [("live", "eu/cam"), ("/live/eu?x", "mp4:cam"), ("", "live//eu/cam?y")] {
        let mut second = publisher(&server, &[("app", app.as_bytes())], name.as_bytes());
        second.wait_for_code("NetStream.Publish.BadName");
    }
}
