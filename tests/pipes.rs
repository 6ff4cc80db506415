use std::process::{Command, Stdio};

use sluicebox_tests::media::{Encode, Probe, ffmpeg, ffprobe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, gstreamer, run};
use sluicebox_tests::wire::Message;

use crate::encodes::*;

#[test]
fn once_ends_well_when_nothing_is_missing() {
    let encode = Encode::new(SEED);
    let mut server = Server::start(&["--once"]);
    run(&mut encode.push(&server.url("cam")));
    encode.assert_recorded(&server.complete("cam"));
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn once_ends_badly_when_something_is_missing() {
    let mut server = Server::start(&["--once"]);
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| script.begun(&Message::video(0, &[0; 300]), 1));
    drop(peer);
    assert!(!server.ended("cam").complete);
    assert!(server.exit().code().is_some_and(|code| code != 0));
}

#[test]
fn once_ends_badly_when_media_belonged_to_no_publish() {
    let mut server = Server::start(&["--once"]);
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| {
        let nowhere = Message::audio(0, b"sound").stream(5);
        script.message(&Message::audio(0, b"sound")).message(&nowhere).delete_stream(1.0)
    });
    assert!(server.ended("cam").complete);
    assert_eq!(server.wait("media that belongs to no publish").number("messages"), 1);
    assert!(server.exit().code().is_some_and(|code| code != 0));
}

#[test]
fn once_ends_badly_when_nothing_came() {
    let mut server = Server::start(&["--once"]);
    drop(Peer::publishing(server.addr, "live", "cam"));
    server.ended("cam");
    assert!(server.exit().code().is_some_and(|code| code != 0));
}

/// Publishes an encode to a server that writes to `reader`, and returns what the reader wrote.
fn through_a_pipe(encode: &Encode, reader: &mut Command) -> Vec<u8> {
    let (mut server, stdout) = Server::piped();
    let reader = Running::start(reader.stdin(Stdio::from(stdout)));
    run(&mut encode.push(&server.url("cam")));
    assert_eq!(server.exit().code(), Some(0));
    let output = reader.output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{}: {errors}", output.status);
    output.stdout
}

#[test]
fn a_pipe_into_ffprobe() {
    let encode = Encode::new(H264_AAC);
    let json = through_a_pipe(&encode, ffprobe().arg("pipe:0"));
    let reference = run(ffprobe().arg(&encode.reference)).stdout;
    assert_eq!(Probe::parse(&json), Probe::parse(&reference));
}

#[test]
fn a_pipe_into_ffmpeg() {
    let encode = Encode::new(H264_AAC);
    let frames = ["-map", "0:v", "-map", "0:a", "-f", "framemd5", "-"];
    let piped = through_a_pipe(&encode, ffmpeg().args(["-xerror", "-i", "pipe:0"]).args(frames));
    let reference = run(ffmpeg().arg("-i").arg(&encode.reference).args(frames)).stdout;
    assert_eq!(String::from_utf8_lossy(&piped), String::from_utf8_lossy(&reference));
}

#[test]
fn a_pipe_into_gstreamer() {
    let encode = Encode::new(H264_AAC);
    let folder = tempfile::tempdir().expect("a folder for frames");
    let frames = folder.path().join("frames.yuv");
    let pipeline = format!(
        "fdsrc fd=0 ! flvdemux name=d d.video ! queue ! h264parse ! avdec_h264 \
         ! filesink location={} d.audio ! queue ! fakesink",
        frames.display()
    );
    let elements = ["flvdemux", "h264parse", "avdec_h264"];
    through_a_pipe(&encode, &mut gstreamer(&elements, &pipeline));
    let raw = ["-map", "0:v", "-fps_mode", "passthrough", "-f", "rawvideo", "-"];
    let reference = run(ffmpeg().arg("-i").arg(&encode.reference).args(raw)).stdout;
    let frames = std::fs::read(frames).expect("decoded frames");
    assert_eq!(frames.len(), reference.len());
    assert!(frames == reference, "other pixels");
}
