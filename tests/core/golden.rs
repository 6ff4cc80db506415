//! What each synthetic session must give: committed, in lines that people can read, and with the
//! digest of what goes in. And which of them, and of the captured ones, are of which quirk.
//!
//! `SLUICEBOX_WRITE=1 cargo test -p sluicebox-tests -- core::golden` writes the files anew, and
//! `SLUICEBOX_EXPORT=DIR` puts the bytes of each session into a folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sluicebox_tests::transcript::transcript;
use sluicebox_tests::vector;

use super::scenarios;

/// Every quirk, and the sessions that show it: synthetic by name, captured by folder.
const QUIRKS: &[(u8, &[&str])] = &[
    (1, &["everything in one segment"]),
    (2, &["digest in schema 0", "digest in schema 1", "a version without a digest"]),
    (3, &["everything in one segment", "a version without a digest"]),
    (4, &["nothing before connect"]),
    (5, &["a command nobody knows"]),
    (6, &["commands in one go"]),
    (7, &["transaction identifiers"]),
    (8, &["extra commands"]),
    (9, &["publish without createStream", "publish on 0, media on 1"]),
    (10, &["media before publish"]),
    (11, &["names of all kinds"]),
    (12, &["names of all kinds"]),
    (13, &["an address that is none"]),
    (14, &["names of all kinds"]),
    (15, &["labels"]),
    (16, &["AMF3 flavour"]),
    (17, &["every AMF0 marker"]),
    (18, &["credentials in the application"]),
    (19, &["credentials in the application", "all ends"]),
    (20, &["an end in the middle of connect", "a stale chunk size"]),
    (21, &["all ends"]),
    (22, &["HTTP", "TLS", "a scanner"]),
    (23, &["two streams side by side"]),
    (24, &["type 3 after each type", "type 3 after a late type 0", "ffmpeg-b-frames"]),
    (25, &["extended timestamps repeated", "short chunks behind a repeated timestamp"]),
    (26, &["extended timestamps not repeated", "payload like an extended timestamp"]),
    (27, &["extended deltas", "ffmpeg-extended-delta"]),
    (28, &["negative deltas"]),
    (29, &["all media on one chunk stream", "gstreamer-librtmp"]),
    (30, &["every form of the basic header"]),
    (31, &["type 1 first", "type 2 first"]),
    (32, &["control messages anywhere"]),
    (33, &["chunk sizes", "chunk size in mid-message"]),
    (34, &["ffmpeg-h264-aac", "gstreamer-rtmp2sink"]),
    (35, &["windows"]),
    (36, &["more than 4 GiB"]),
    (37, &["pings and unknown events"]),
    (38, &["pings and unknown events"]),
    (39, &["aggregates", "aggregates of every shape", "an aggregate that is broken"]),
    (40, &["a message type that does not exist"]),
    (41, &["metadata in all its forms"]),
    (42, &["frames and no metadata"]),
    (43, &["metadata that is wrong"]),
    (44, &["data of any kind"]),
    (45, &["sequence headers repeated and changed"]),
    (46, &["sequence headers repeated and changed"]),
    (47, &["frames without a sequence header"]),
    (48, &["zero-length messages"]),
    (49, &["negative composition times"]),
    (50, &["timestamps that jump"]),
    (51, &["across 2^31 and 2^32"]),
    (52, &["a day of video begins", "a day of video begins, bare", "ffmpeg-past-24-bits"]),
    (53, &["HEVC in all its disguises"]),
    (54, &["Enhanced RTMP before it was finished"]),
    (55, &["colours and frames that are none"]),
    (56, &["FourCC headers that nobody negotiated"]),
    (57, &["tracks in all three forms"]),
    (58, &["a keyframe of 6 MB"]),
    (59, &["a track that starts late"]),
    (60, &["silence, then a burst"]),
    (61, &["TLS"]),
];

/// Made while it is fed: `sluicebox_tests::soak`.
const STREAMED: &str = "more than 4 GiB";

/// How many rows docs/quirks.md has.
const ROWS: u8 = 61;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("core/golden")
}

/// The name of a session as that of a file.
fn file_name(name: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() { c } else { '-' };
    name.chars().map(keep).collect()
}

#[test]
fn every_session_gives_what_is_written_down() {
    let write = std::env::var_os("SLUICEBOX_WRITE").is_some();
    let mut files = BTreeSet::new();
    for (name, script) in scenarios() {
        let file = format!("{}.txt", file_name(name));
        let path = folder().join(&file);
        assert!(files.insert(file), "{name}: two sessions of that name");
        let found = transcript(script().bytes());
        if write {
            fs::write(&path, &found).expect("a transcript can be written");
        }
        let expected = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (found, expected) in found.lines().zip(expected.lines()) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.lines().count(), expected.lines().count(), "{name}: lines");
    }
    for entry in fs::read_dir(folder()).expect("the transcripts are there") {
        let file = entry.expect("a folder can be listed").file_name();
        assert!(files.contains(&*file.to_string_lossy()), "no session for {}", file.display());
    }
}

#[test]
fn every_quirk_has_a_session() {
    assert!(QUIRKS.iter().map(|(quirk, _)| *quirk).eq(1..=ROWS));
    let text = include_str!("../../docs/quirks.md");
    let rows =
        text.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    assert_eq!(rows.count(), usize::from(ROWS), "rows in docs/quirks.md");
    let mut names: BTreeSet<String> = scenarios().map(|(name, _)| name.to_owned()).collect();
    names.extend(vector::all().into_iter().map(|vector| vector.name));
    names.insert(STREAMED.to_owned());
    for (quirk, sessions) in QUIRKS {
        let missing = sessions.iter().find(|name| !names.contains(**name));
        assert_eq!(missing, None, "no such session, of quirk {quirk}");
    }
}

/// For other programs, and for the check of the corpus itself: tests/mutants.rs.
#[test]
fn export() {
    let Some(folder) = std::env::var_os("SLUICEBOX_EXPORT").map(PathBuf::from) else { return };
    for (name, script) in scenarios() {
        let folder = folder.join(file_name(name));
        fs::create_dir_all(&folder).expect("a folder for a session");
        fs::write(folder.join("in.bin"), script().bytes()).expect("a session can be written");
    }
}
