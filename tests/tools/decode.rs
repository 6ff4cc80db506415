use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use sluicebox_tests::flv;
use sluicebox_tests::pcap::{Capture, Link};
use sluicebox_tests::tool::Running;
use sluicebox_tests::vector::{Vector, all};
use sluicebox_tests::wire::{Message, Script};
use tempfile::TempDir;

use super::{errors, file, run, tool};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The lines of a file's tags, as `tags.txt` has them.
fn lines(path: &Path) -> Vec<String> {
    flv::read(path).iter().map(flv::Tag::line).collect()
}

fn vector(name: &str) -> Vector {
    all().into_iter().find(|vector| vector.name == name).expect("the vector is there")
}

/// Decodes bytes to a file; the exit code, and what was said.
fn decode(folder: &Path, bytes: &[u8]) -> (i32, String, PathBuf) {
    let capture = file(folder, "capture", bytes);
    let out = folder.join("out.flv");
    let _ = fs::remove_file(&out);
    let (code, output) = run(tool("decode").arg(capture).arg("--output").arg(&out));
    (code, errors(&output), out)
}

#[test]
fn every_vector() {
    let folder = folder();
    for vector in all() {
        let (code, said, out) = decode(folder.path(), &vector.bytes);
        assert_eq!(code, 0, "{}: {said}", vector.name);
        assert!(said.contains("complete=true"), "{}: {said}", vector.name);
        assert_eq!(lines(&out), vector.tags, "{}", vector.name);
    }
}

#[test]
fn packets_captured_from_real_connections() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    for (name, publishes) in
        [("tcpdump-cooked-ipv6/capture.pcap", 1), ("tshark-two-at-once/capture.pcapng", 2)]
    {
        let folder = folder();
        let capture = captures.join(name);
        let (code, output) = run(tool("decode").arg(&capture).current_dir(folder.path()));
        assert_eq!(code, 0, "{name}: {}", errors(&output));
        for number in 1..=publishes {
            let out =
                if number == 1 { "capture.flv".into() } else { format!("capture-{number}.flv") };
            let tags = capture.with_file_name(format!("tags-{number}.txt"));
            let tags = fs::read_to_string(tags).expect("the tags of a capture");
            assert_eq!(lines(&folder.path().join(out)), tags.lines().collect::<Vec<_>>(), "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), publishes);
    }
}

#[test]
fn every_link_and_format() {
    let (folder, vector) = (folder(), vector("ffmpeg-aac"));
    for link in [Link::Tagged, Link::Loopback, Link::Raw, Link::Cooked] {
        // The sequence numbers wrap on the way.
        let mut capture = Capture::new(link, u32::MAX - 5000);
        for (number, piece) in vector.bytes.chunks(1460).enumerate() {
            capture.client(number * 1460, piece);
            capture.server(b"\x03whatever it answers");
        }
        for file in [capture.pcap(), capture.pcapng()] {
            let (code, said, out) = decode(folder.path(), &file);
            assert_eq!(code, 0, "{link:?}: {said}");
            assert_eq!(lines(&out), vector.tags, "{link:?}");
        }
    }
}

#[test]
fn segments_in_any_order_and_more_than_once() {
    let (folder, vector) = (folder(), vector("ffmpeg-aac"));
    let pieces = vector.bytes.len().div_ceil(500);
    // A shuffle, and pieces that are sent again, longer.
    let strategy = (
        Just((1..pieces).collect::<Vec<_>>()).prop_shuffle(),
        prop::collection::vec(0..pieces, 0..9),
    );
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        cases: 6,
        ..ProptestConfig::default()
    });
    let result = runner.run(&strategy, |(order, again)| {
        let mut capture = Capture::new(Link::Raw, 1);
        let mut send = |piece: usize, len: usize| {
            let place = piece * 500;
            capture.client(place, &vector.bytes[place..vector.bytes.len().min(place + len)]);
        };
        // What tells a client is its first byte.
        send(0, 500);
        again.iter().for_each(|piece| send(*piece, 900));
        order.iter().for_each(|piece| send(*piece, 500));
        let (code, said, out) = decode(folder.path(), &capture.pcap());
        prop_assert_eq!(code, 0, "{}", said);
        prop_assert_eq!(&lines(&out), &vector.tags);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_was_not_captured_is_named() {
    let (folder, vector) = (folder(), vector("ffmpeg-h264-aac"));
    let (before, behind) = (8000, 9000);
    let mut capture = Capture::new(Link::Raw, 1);
    capture.client(0, &vector.bytes[..before]);
    capture.client(behind, &vector.bytes[behind..]);
    let (code, said, out) = decode(folder.path(), &capture.pcap());
    assert_eq!(code, 1);
    assert!(said.contains("1000 bytes at byte 8000 were not captured"), "{said}");
    let tags = lines(&out);
    assert!(!tags.is_empty() && vector.tags.starts_with(&tags), "what came before is there");

    // A capture that ends in a packet, and one that is none.
    let whole = capture.pcap();
    let (code, said, _) = decode(folder.path(), &whole[..whole.len() - 3]);
    assert!(code == 1 && said.contains("ends in the middle of a packet"), "{said}");
    let (code, said, _) = decode(folder.path(), b"\xa1\xb2\xc3\xd4 no header of a capture");
    assert_ne!(code, 0, "{said}");
}

#[test]
fn an_error_says_at_which_byte_it_is() {
    let folder = folder();
    let sound = Message::audio(0, b"\xaf\x01sound");
    let mut bytes = Script::hello().to_publish("live", "cam").message(&sound).bytes().to_vec();
    let well = bytes.len();
    // A chunk that repeats a header on a chunk stream that has had none.
    bytes.push(0xc0 | 37);
    let (code, said, out) = decode(folder.path(), &[&bytes[..], &[0; 64]].concat());
    assert_eq!(code, 1, "{said}");
    let place = said.split("failed at byte ").nth(1).and_then(|rest| rest.split(':').next());
    let place: usize = place.and_then(|place| place.parse().ok()).expect("a place");
    assert!((well..=well + 12).contains(&place), "{well}: {said}");
    assert_eq!(flv::read(&out).len(), 1, "what came before is there");
    // Not RTMP at all.
    let (code, said, _) = decode(folder.path(), b"GET / HTTP/1.1\r\n\r\n");
    assert!(code == 1 && said.contains("failed at byte 1: not RTMP"), "{said}");
}

/// Two publishes on one connection.
fn two_publishes() -> Vec<u8> {
    let publish = |script: Script, stream, name, sound| {
        let message = Message::audio(0, sound).stream(stream);
        script.create_stream().publish(stream, name).message(&message)
    };
    let script = publish(Script::hello().connect("live"), 1, "a", b"\xaf\x01one");
    publish(script, 2, "b", b"\xaf\x01two").bytes().to_vec()
}

#[test]
fn a_file_for_each_publish_and_nothing_written_over() {
    let folder = folder();
    let bytes = two_publishes();
    let (code, said, out) = decode(folder.path(), &bytes);
    assert_eq!(code, 0, "{said}");
    for (path, body) in
        [(out.clone(), b"\xaf\x01one"), (folder.path().join("out-2.flv"), b"\xaf\x01two")]
    {
        let tags = flv::read(&path);
        assert_eq!((tags.len(), tags[0].body.as_slice()), (1, body.as_slice()));
    }
    let capture = folder.path().join("capture");
    let before = fs::read(&out).expect("the first file");
    let (code, output) = run(tool("decode").arg(&capture).arg("-o").arg(&out));
    assert!(code == 2 && errors(&output).contains("out.flv"), "{}", errors(&output));
    assert_eq!(fs::read(&out).expect("the first file"), before);
}

#[test]
fn standard_input_and_output() {
    use std::io::Write as _;
    let vector = vector("ffmpeg-b-frames");
    let (running, mut stdin) = Running::fed(tool("decode").args(["-", "-o", "-"]));
    stdin.write_all(&vector.bytes).expect("it reads");
    drop(stdin);
    let output = running.output();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let tags = flv::parse(&output.stdout).expect("an FLV file");
    assert_eq!(tags.iter().map(flv::Tag::line).collect::<Vec<_>>(), vector.tags);
    // Two do not go into one pipe.
    let folder = folder();
    let capture = file(folder.path(), "two", &two_publishes());
    let (code, output) = run(tool("decode").arg(capture).args(["-o", "-"]));
    assert!(code == 2 && errors(&output).contains("more than one publish"), "{}", errors(&output));
}

#[test]
fn what_has_nothing_in_it_is_said_to_have_nothing() {
    let folder = folder();
    let mut handshake = vec![0; 1 + 2 * 1536];
    handshake[0] = 3;
    for (bytes, expected) in [
        (&b""[..], "not a byte"),
        (&handshake, "3073 bytes of handshake"),
        (&handshake[..99], "99"),
    ] {
        let (code, said, _) = decode(folder.path(), bytes);
        assert_eq!(code, 1);
        assert!(said.contains(expected), "{said}");
    }
    let capture = Capture::new(Link::Raw, 7);
    let (code, said, _) = decode(folder.path(), &capture.pcap());
    assert_eq!(code, 1);
    assert!(said.contains("no RTMP client"), "{said}");
}
