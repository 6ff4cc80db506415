use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};
use sluicebox_tests::flv::hex;
use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::{Server, binary};

use super::{connect, publish, publisher, stem_below};

fn names() -> Vec<Vec<u8>> {
    let long = "x".repeat(5000);
    let wide = "\u{e9}".repeat(200);
    let deep = "a/".repeat(500) + "end";
    #[rustfmt::skip]
    let texts = [
        "..", ".", "...", "../../x", "../../../../../../tmp/x", "/etc/cron.d/x", "//x", "./x",
        "x/..", "a/../../../x", "..\\..\\x", "C:\\x", "\\\\host\\x", "C:", "a\0b", "\0",
        "../x\0.flv", "a\nINFO ended", "a\r\n", "\t", "\u{7f}", "\u{1b}[2J", "\u{85}",
        "\u{202e}vlf.mac", "\u{200b}", "\u{2066}x\u{2069}", "\u{feff}x", "\u{2044}etc\u{2044}x",
        "\u{ff0e}\u{ff0e}\u{ff0f}x", "\u{430}", "e\u{301}", "NUL", "con", "COM1", "Lpt9.flv",
        "aux.x", "PRN ", "x.", "x ", " ", ".hidden", "~root", "$HOME", "`id`", "$(id)", "-rf",
        "--", "%2e%2e", "%2F", "%00", "%", "a%zz", "@", "*", "x:y", "x|y", "\"x\"", "<x>",
        "a-20260101T000000Z.flv", &long, &wide, &deep,
    ];
    let bytes: [&[u8]; 4] = [b"\xff", b"\xc0\xae\xc0\xae/x", b"\xed\xa0\x80", b"caf\xe9"];
    texts.iter().map(|text| text.as_bytes()).chain(bytes).map(<[u8]>::to_vec).collect()
}

/// What README says a path is made of: the parts of application and name together.
fn parts(app: &[u8], name: &[u8]) -> Vec<Vec<u8>> {
    let both = [app, b"/", name].concat();
    let parts = both.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    parts.map(<[u8]>::to_vec).collect()
}

/// Reads a part of a path back, as README says.
fn decode(part: &str) -> Vec<u8> {
    if part == "@" {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut rest = part.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'%' {
            let digits = rest.get(..2).expect("two digits behind a percent sign");
            let digits = std::str::from_utf8(digits).expect("digits");
            out.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
            rest = &rest[2..];
        } else {
            assert!(byte.is_ascii_alphanumeric() || b"-_.".contains(byte), "{part}");
            out.push(*byte);
        }
    }
    out
}

/// Asserts that a part of a path stands for `raw`.
fn assert_stands_for(part: &str, raw: &[u8]) {
    let fits = |name: &&str| !name.is_empty() && *name != "." && *name != ".." && name.len() <= 120;
    assert!(Some(part).as_ref().is_some_and(fits), "{part}");
    match part.split_once('~') {
        None => assert_eq!(decode(part), raw, "{part}"),
        Some((head, digest)) => {
            assert!(raw.starts_with(&decode(head)), "{part}");
            assert_eq!(digest, hex(&Sha256::digest(raw)[..8]), "{part}");
        }
    }
}

/// Every file below a folder but those in the server's own `.unfinished`. Panics at anything that leads elsewhere.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let entry = entry.expect("an entry can be read");
        let kind = entry.file_type().expect("an entry has a type");
        if entry.file_name() == ".unfinished" {
            continue;
        }
        assert!(kind.is_dir() || kind.is_file(), "{:?}", entry.path());
        if kind.is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn nothing_leaves_the_record_folder_and_every_name_can_be_read_back() {
    let outer = tempfile::tempdir().expect("a folder");
    // Deep enough that some steps up still end in a folder that is looked through.
    let inner = outer.path().join("1/2/3/4");
    let server = Server::start(&["--record-dir", inner.to_str().expect("a plain path")]);
    let inner_is = |path: &Path| {
        let inner = inner.canonicalize().expect("the record folder is there");
        path.canonicalize().expect("the file is there").starts_with(inner)
    };
    let mut count = 0;
    for raw in names() {
        for (app, name) in [(&b"live"[..], &raw[..]), (&raw, b"cam"), (&raw, &raw)] {
            let mut peer = publisher(&server, &[("app", app)], name);
            peer.send(|script| script.delete_stream(1.0));
            count += 1;
            // By number, as the peers are so many that their ports come again.
            let ended = &server.wait_for_lines("ended", count)[count - 1];
            let path = PathBuf::from(ended.text("path"));
            assert!(inner_is(&path), "{path:?}");
            assert_parts(&stem_below(&inner, &path), parts(app, name));
        }
    }
    let found = files(outer.path());
    assert_eq!(found.len(), count, "files");
    assert!(found.iter().all(|path| inner_is(path)), "{found:?}");
    assert_clean(&server);
}

/// Asserts that a path below the record folder stands for these parts.
fn assert_parts(stem: &str, mut raw: Vec<Vec<u8>>) {
    let path: Vec<&str> = stem.split('/').collect();
    assert!((2..=8).contains(&path.len()), "{stem}");
    // No name, or not even an application: `@` stands for either.
    while raw.len() < path.len() {
        raw.insert(0, Vec::new());
    }
    let last = raw.split_off(path.len() - 1).join(&b'/');
    raw.push(last);
    for (part, raw) in path.into_iter().zip(raw) {
        assert_stands_for(part, &raw);
    }
}

/// Asserts that nothing in a log can move a cursor, end a line or turn text around, not even when
/// its JSON is read.
fn assert_clean(server: &Server) {
    let log = server.log();
    for line in log.lines() {
        let fields: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        for (field, value) in fields.as_object().expect("a line is an object") {
            assert_harmless(value.as_str().unwrap_or_default(), field);
        }
    }
}

fn assert_harmless(text: &str, what: &str) {
    let turning = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
    let turns = |char| char == '\u{feff}' || turning.iter().any(|range| range.contains(&char));
    let harmful = text.chars().find(|char| char.is_control() || turns(*char));
    assert_eq!(harmful, None, "{what}: {text:?}");
}

#[test]
fn a_line_of_the_text_log_is_one_line_whatever_the_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(binary());
    command.args(["--listen", "127.0.0.1:0", "--record-dir"]).arg(folder.path());
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the server starts");
    let mut log = BufReader::new(child.stderr.take().expect("stderr is piped")).split(b'\n');
    let mut next = || {
        let line = log.next().expect("a line").expect("the log can be read");
        String::from_utf8(line).expect("the log is UTF-8")
    };
    let first = next();
    let addr = first.split("addr=").nth(1).and_then(|rest| rest.split(' ').next());
    let addr = addr.expect("the address it listens on").parse().expect("an address");
    for raw in names() {
        let mut peer = Peer::connect(addr, &Handshake::Simple);
        let properties = [("app", &raw[..])];
        peer.send(|script| publish(connect(script, &properties), &raw).delete_stream(1.0));
        for expected in ["publishing", "ended"] {
            let line = next();
            assert_harmless(&line, "the log");
            assert!(line.contains(&format!("INFO {expected} peer={}", peer.addr())), "{line}");
        }
    }
    child.kill().expect("the server can be killed");
    child.wait().expect("the server can be waited for");
}
