use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::{run, tool};

use super::publish;

#[test]
fn a_reader_of_events_that_does_not_read_costs_events_only() {
    let (server, mut stdout) = Server::with_stdout(&["--events", "-"]);
    let mut good = Steady::start(server.addr, "live", "good");
    let long = "x".repeat(25_000);
    for _ in 0..200 {
        let mut peer = Peer::connect(server.addr, &Handshake::Simple);
        peer.send(|script| script.connect(&long));
        peer.wait_for(|reply| reply.is("_result"));
        good.frame(3000);
    }
    good.finish(&server);
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).expect("events");
        text
    });
    // What comes next finds room, and says what had none.
    std::thread::sleep(Duration::from_millis(300));
    publish(&server, "next");
    server.complete("next");
    server.signal(Signal::TERM);
    drop(server);
    let text = reader.join().expect("a reader");
    let events: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let lost = events.iter().find(|event| event["event"] == "lost").expect("a line about it");
    let known = events.iter().filter(|event| event["event"] == "connected").count() as u64;
    assert!(lost["lines"].as_u64().is_some_and(|lines| lines >= 200 - known), "{lost}");
}

/// The next one is told in which place lines are missing: before those that waited.
#[test]
fn a_reader_of_events_that_goes_away_is_followed_by_one_that_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("events");
    run(tool("mkfifo").arg(&fifo));
    let server = Server::start(&["--events", fifo.to_str().expect("text")]);
    let connect = |app: &str| {
        let mut peer = Peer::connect(server.addr, &Handshake::Simple);
        peer.send(|script| script.connect(app));
        peer.wait_for(|reply| reply.is("_result"));
        peer
    };
    let read = |lines: &mut BufReader<File>| {
        let mut line = String::new();
        lines.read_line(&mut line).expect("an event");
        serde_json::from_str::<Value>(&line).expect("JSON")
    };
    let _one = connect("one");
    let mut reader = BufReader::new(File::open(&fifo).expect("a reader"));
    assert_eq!(read(&mut reader)["app"], "one");
    drop(reader);
    let _two = connect("two");
    server.wait("events cannot be written");
    let _others = ["three", "four"].map(connect);
    let mut reader = BufReader::new(File::open(&fifo).expect("a reader"));
    let lost = read(&mut reader);
    assert_eq!((&lost["event"], &lost["lines"]), (&"lost".into(), &1.into()), "{lost}");
    for app in ["three", "four"] {
        assert_eq!(read(&mut reader)["app"], app);
    }
}
