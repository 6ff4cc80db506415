//! How long a recording is, and what is told while nothing goes into it.

use rustix::process::Signal;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use std::time::Duration;

use super::{assert_documented, documented, events, publish, sidecar};

#[test]
fn seconds_are_of_all_publishers_and_all_files() {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, more) in [("one", &[][..]), ("several", &["--on-return", "next-segment"])] {
        let told = folder.path().join(file);
        let wanted = ["--events", told.to_str().expect("text"), "--sidecar", "account"];
        let mut server = Server::start(&[&wanted[..], &["--grace", "20"], more].concat());
        let mut first = Steady::start(server.addr, "live", "cam");
        first.frames(60, 100);
        first.recorded(&server);
        let first_seconds = f64::from(first.sent[59].timestamp - first.sent[0].timestamp) / 1000.0;
        first.peer.reset();
        server.wait("publisher lost, recording waits");
        publish(&server, "cam");
        let path = server.complete("cam");
        let last = sidecar(&path);
        server.signal(Signal::TERM);
        assert_eq!(server.exit().code(), Some(0));
        let events = events(&told);
        let of = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
        let closed: Vec<_> = of("segment-closed").collect();
        let seconds = |event: &serde_json::Value| event["seconds"].as_f64().expect("a number");
        let sum: f64 = closed.iter().map(|event| seconds(event)).sum();
        let ended = seconds(of("ended").next().expect("an end"));
        assert!(ended > first_seconds, "{ended}, and the first publisher alone {first_seconds}");
        assert!((ended - sum).abs() < 0.0001, "{ended}, and all files {sum}");
        assert_eq!(last["seconds"], closed[closed.len() - 1]["seconds"]);
        assert_eq!(closed.len(), if more.is_empty() { 1 } else { 2 });
    }
}

#[test]
fn a_stall_is_over_before_its_stream_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = folder.path().join("events");
    let mut server = Server::start(&["--events", told.to_str().expect("text")]);
    let mut silent = ["ends", "gone"].map(|name| Steady::start(server.addr, "live", name));
    for publisher in &mut silent {
        publisher.frames(5, 3000);
        publisher.recorded(&server);
    }
    server.wait_for_lines("stalled", 2);
    let [mut ends, gone] = silent;
    ends.peer.send(|script| script.delete_stream(1.0));
    gone.peer.reset();
    server.complete("ends");
    server.complete("gone");
    server.signal(Signal::TERM);
    server.exit();
    let (events, documented) = (events(&told), documented());
    events.iter().for_each(|event| assert_documented(event, &documented));
    for (stream, rest) in [
        ("ends", &["segment-closed", "ended"][..]),
        ("gone", &["waiting", "segment-closed", "ended"]),
    ] {
        let mine: Vec<_> = events.iter().filter(|event| event["stream"] == stream).collect();
        let names: Vec<_> = mine.iter().filter_map(|event| event["event"].as_str()).collect();
        let expected = [&["segment-opened", "publishing", "stalled", "flowing"], rest].concat();
        assert_eq!(names, expected);
        let seconds = mine[3]["seconds"].as_f64().expect("a number");
        assert!(seconds >= Duration::from_secs(5).as_secs_f64(), "{seconds}");
    }
}
