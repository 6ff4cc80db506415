use sluicebox_tests::media::{assert_same, probe};
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{gstreamer, run};

/// Encodes, writes to a file, and publishes with `sink`, all at once; compares.
fn publish(sink: &str) {
    let server = Server::start(&[]);
    let reference = server.folder.path().join("reference.flv");
    let pipeline = format!(
        "videotestsrc num-buffers=60 ! video/x-raw,width=320,height=240,framerate=30/1 \
         ! x264enc speed-preset=ultrafast key-int-max=30 ! h264parse ! queue ! mux. \
         audiotestsrc num-buffers=86 ! audio/x-raw,rate=44100 ! avenc_aac ! aacparse \
         ! queue ! mux. \
         flvmux name=mux streamable=true ! tee name=both \
         both. ! queue ! filesink location={} \
         both. ! queue ! {sink} location={}",
        reference.display(),
        server.url("cam"),
    );
    let elements = ["x264enc", "h264parse", "avenc_aac", "aacparse", "flvmux", sink];
    run(&mut gstreamer(&elements, &pipeline));
    let recording = server.complete("cam");
    let video = |packet: &&String| packet.contains("\"video\"");
    assert_eq!(probe(&recording).packets.iter().filter(video).count(), 60);
    assert_same(&recording, &reference);
}

#[test]
fn rtmp2sink() {
    publish("rtmp2sink");
}

#[test]
fn rtmpsink_which_is_librtmp() {
    publish("rtmpsink");
}
