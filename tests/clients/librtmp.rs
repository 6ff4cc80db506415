//! librtmp itself, by a few lines of C: what rtmpdump, old OBS and many devices publish with.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use sluicebox_tests::compatibility;
use sluicebox_tests::flv::{self, read};
use sluicebox_tests::media::{Encode, assert_same, media_tags};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, run, target, tool};

use crate::encodes::*;

/// The program: `librtmp URL FILE`.
fn librtmp() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let made = tempfile::tempdir_in(target()).expect("a folder for a program");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/librtmp.c");
        let program = made.path().join("librtmp");
        run(tool("cc").arg("-o").arg(&program).args([source, "-lrtmp"]));
        // Renamed into place, so that nobody ever runs half of it.
        let place = target().join("tmp/librtmp");
        std::fs::rename(program, &place).expect("a program can be renamed");
        place
    };
    tool(PROGRAM.get_or_init(build))
}

/// Publishes an encode, which `pushed` tells about, to a server of its own, and compares: metadata too, for librtmp sends a file
/// as it is.
fn publish(pushed: &str, encode: &Encode) {
    let server = Server::start(&["--raw"]);
    run(librtmp().arg(server.url("cam")).arg(&encode.file));
    let recording = server.complete("cam");
    assert_same(&recording, &encode.file);
    assert_eq!(read(&recording), read(&encode.file));
    compatibility::recorded("librtmp", &compatibility::debian("librtmp1"), pushed, &recording);
}

#[test]
fn a_file_as_it_is() {
    publish("H.264 and AAC", &Encode::new(H264_AAC));
}

/// From three seconds before the first extended timestamp. librtmp leaves it out of type 3 chunks,
/// which follow, as its chunks are of 128 bytes.
#[test]
fn timestamps_that_outgrow_24_bits() {
    let encode = Encode::new(&format!("{H264_AAC} -output_ts_offset 16775.2"));
    publish("timestamps that outgrow 24 bits", &encode);
}

/// Media that begins 20000 s after its sequence headers: a delta in the extended field.
#[test]
fn a_delta_in_the_extended_field() {
    let encode = Encode::new(&format!("{H264_AAC} -output_ts_offset 20000"));
    publish("a delta in the extended timestamp", &encode);
}

/// Across 2^31 ms, where a signed clock turns negative, and across 2^32, where any does. ffmpeg's FLV
/// writer would begin again at 0.
#[test]
fn timestamps_across_the_sign_and_the_wrap() {
    let folder = tempfile::tempdir().expect("a folder for files");
    for (start, pushed) in [
        ((1 << 31) - 1000, "timestamps across 2^31 ms"),
        (u32::MAX - 1000, "timestamps across 2^32 ms"),
    ] {
        let mut tags = media_tags(&Encode::new(H264_AAC).reference);
        tags.iter_mut().for_each(|tag| tag.timestamp = tag.timestamp.wrapping_add(start));
        let file = folder.path().join("late.flv");
        std::fs::write(&file, flv::file(&tags)).expect("a file can be written");
        let server = Server::start(&["--raw"]);
        run(librtmp().arg(server.url("cam")).arg(&file));
        let recording = server.complete("cam");
        assert_eq!(read(&recording), tags);
        compatibility::recorded("librtmp", &compatibility::debian("librtmp1"), pushed, &recording);
    }
}

#[test]
fn a_name_that_is_taken() {
    let encode = Encode::new(H264_AAC);
    let server = Server::start(&["--on-conflict", "reject"]);
    let _first = Peer::publishing(server.addr, "live", "cam");
    let second = Running::start(librtmp().arg(server.url("cam")).arg(&encode.file)).output();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && said.contains("NetStream.Publish.BadName"), "{second:?}");
    let shows = "fails to connect; the code is in its log";
    let version = compatibility::debian("librtmp1");
    compatibility::refused("librtmp", &version, "a name that is taken", shows);
}
