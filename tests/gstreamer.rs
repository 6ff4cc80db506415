use sluicebox_tests::compatibility;
use sluicebox_tests::media::{assert_same, probe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, gstreamer, run};

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
    let client = format!("GStreamer {sink}");
    compatibility::recorded(&client, compatibility::gstreamer(), "H.264 and AAC", &recording);
}

/// What `sink` says when its name is taken.
fn refusal(sink: &str) -> String {
    let server = Server::start(&["--on-conflict", "reject"]);
    let _first = Peer::publishing(server.addr, "live", "cam");
    let pipeline = format!(
        "videotestsrc num-buffers=60 ! x264enc ! flvmux streamable=true ! {sink} location={}",
        server.url("cam"),
    );
    let output = Running::start(&mut gstreamer(&["x264enc", "flvmux", sink], &pipeline)).output();
    assert!(!output.status.success(), "{sink} was not refused");
    String::from_utf8(output.stderr).expect("GStreamer writes text")
}

#[test]
fn rtmp2sink() {
    publish("rtmp2sink");
}

#[test]
fn rtmpsink_which_is_librtmp() {
    publish("rtmpsink");
}

#[test]
fn rtmp2sink_shows_why_it_is_refused() {
    let said = refusal("rtmp2sink");
    assert!(said.contains("NetStream.Publish.BadName"), "{said}");
    assert!(said.contains("Somebody publishes under this name"), "{said}");
    let shows = "shows the code and the reason, and ends with an error";
    let version = compatibility::gstreamer();
    compatibility::refused("GStreamer rtmp2sink", version, "a name that is taken", shows);
}

#[test]
fn rtmpsink_ends_when_it_is_refused() {
    let said = refusal("rtmpsink");
    assert!(said.contains("Could not connect to RTMP stream"), "{said}");
    let shows = "ends with an error; librtmp does not tell it why";
    let version = compatibility::gstreamer();
    compatibility::refused("GStreamer rtmpsink", version, "a name that is taken", shows);
}
