use std::io::Write as _;

use sluicebox_tests::compatibility;
use sluicebox_tests::ffmpeg::Ffmpeg;
use sluicebox_tests::flv::read;
use sluicebox_tests::media::{Encode, assert_same, ffmpeg, media_tags, probe, push_from_pipe};
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{BusyCores, Running, run};

use crate::encodes::*;

#[test]
fn sixty_of_sixty_frames_ten_times_on_a_busy_machine() {
    let encode = Encode::new(SEED);
    assert_eq!(probe(&encode.reference).packets.len(), 60);
    let server = Server::start(&[]);
    let _busy = BusyCores::start(2);
    for round in 0..10 {
        let stream = format!("round-{round}");
        run(&mut encode.push_live(&server.url(&stream)));
        encode.assert_recorded(&server.complete(&stream));
    }
}

#[test]
fn an_encoder_that_is_itself_live() {
    let server = Server::start(&[]);
    for (stream, encode) in [("video", SEED), ("both", H264_AAC)] {
        let reference = server.folder.path().join(format!("{stream}.flv"));
        let url = server.url(stream);
        let outputs = format!("[f=flv]{}|[f=flv]{url}", reference.display());
        let mut command = ffmpeg();
        command.arg("-re").args(encode.split_whitespace());
        // Without the flag, x264 puts the sequence header into the stream for other outputs' sake.
        command.args(["-flags", "+global_header", "-map", "0"]);
        if encode == H264_AAC {
            command.args(["-map", "1"]);
        }
        run(command.args(["-f", "tee"]).arg(outputs));
        assert_same(&server.complete(stream), &reference);
    }
}

/// Publishes an encode, which `pushed` tells about, as fast as ffmpeg can, and compares.
fn flat_out(pushed: &str, arguments: &str) -> Encode {
    let encode = Encode::new(arguments);
    let server = Server::start(&[]);
    run(&mut encode.push(&server.url("cam")));
    let recording = server.complete("cam");
    encode.assert_recorded(&recording);
    compatibility::recorded("ffmpeg", Ffmpeg::Debian.version(), pushed, &recording);
    encode
}

#[test]
fn video_and_audio() {
    let encode = flat_out("H.264 and AAC", H264_AAC);
    assert_eq!(probe(&encode.reference).streams.len(), 2);
}

#[test]
fn audio_only() {
    let encode = flat_out("AAC alone", AUDIO);
    assert!(media_tags(&encode.reference).iter().all(|tag| tag.kind == 8));
}

#[test]
fn video_only() {
    let encode = flat_out("H.264 alone", SEED);
    assert!(media_tags(&encode.reference).iter().all(|tag| tag.kind == 9));
}

#[test]
fn b_frames() {
    let encode = flat_out("H.264 with B-frames", B_FRAMES);
    let composition_times = media_tags(&encode.reference)
        .into_iter()
        .filter(|tag| tag.body[1] == 1)
        .filter(|tag| tag.body[2..5] != [0; 3]);
    assert!(composition_times.count() > 10, "the encode has frames that are shown later");
}

#[test]
fn sixty_frames_a_second() {
    flat_out("H.264 at 60 frames a second, and AAC", SIXTY);
}

#[test]
fn keyframes_over_a_mebibyte() {
    let encode = flat_out("H.264 with keyframes over 1 MiB", HUGE);
    let largest = read(&encode.reference).iter().map(|tag| tag.body.len()).max();
    assert!(largest > Some(1 << 20), "the largest tag has {largest:?} bytes");
}

#[test]
fn four_publishers_at_once() {
    let encode = Encode::new(H264_AAC);
    let server = Server::start(&[]);
    let streams = ["a", "b", "c", "d"];
    let publishers =
        streams.map(|stream| Running::start(&mut encode.push_live(&server.url(stream))));
    for (stream, publisher) in streams.into_iter().zip(publishers) {
        let output = publisher.output();
        assert!(output.status.success(), "{output:?}");
        encode.assert_recorded(&server.complete(stream));
    }
}

#[test]
fn a_second_publisher_leaves_no_hole_in_the_first() {
    let encode = Encode::new(H264_AAC);
    let server = Server::start(&["--on-conflict", "reject"]);
    let bytes = std::fs::read(&encode.file).expect("an encode can be read");
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    let (first, mut feed) = Running::fed(&mut push_from_pipe(&server.url("cam")));
    feed.write_all(half).expect("the first publisher reads");
    server.publishing("cam");
    let second = Running::start(&mut encode.push(&server.url("cam"))).output();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success(), "the second publisher was not refused");
    assert!(said.contains("Somebody publishes under this name"), "{said}");
    feed.write_all(rest).expect("the first publisher reads on");
    drop(feed);
    assert!(first.output().status.success());
    encode.assert_recorded(&server.complete("cam"));
    let shows = "shows the reason, and ends with an error";
    compatibility::refused("ffmpeg", Ffmpeg::Debian.version(), "a name that is taken", shows);
}
