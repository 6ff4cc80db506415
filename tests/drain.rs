use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sluicebox_tests::amf::Value;
use sluicebox_tests::flv;
use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::reply::Reply;
use sluicebox_tests::server::Server;

const ASKED: &str = "NetConnection.Connect.ReconnectRequest";
const STOPS: &str = "NetConnection.Connect.AppShutdown";
/// A frame of no codec in particular.
const FRAME: &[u8] = &[0x17, 1, 0, 0, 0, 9];

/// A publisher that has said that it comes again when asked to.
fn able(server: &Server, name: &str) -> Peer {
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    let properties = Value::object([("app", "live".into()), ("capsEx", 1.0.into())]);
    peer.send(|script| script.command("connect", &[properties]).create_stream().publish(1, name));
    peer.wait_for_code("NetStream.Publish.Start");
    peer.send(|script| script.video(0, FRAME));
    peer.barrier();
    peer
}

/// A publisher that has said nothing of the kind.
fn old(server: &Server, name: &str) -> Peer {
    let mut peer = Peer::publishing(server.addr, "live", name);
    peer.send(|script| script.video(0, FRAME));
    peer.barrier();
    peer
}

fn codes(replies: &[Reply]) -> Vec<String> {
    replies.iter().filter_map(Reply::code).collect()
}

/// Sends one more frame, ends its stream, and finds both frames in the recording.
fn ends_well(server: &Server, mut peer: Peer, name: &str) -> Vec<String> {
    peer.send(|script| script.video(40, FRAME).delete_stream(1.0));
    let tags = flv::read(&server.complete(name));
    assert_eq!(tags.iter().map(|tag| tag.timestamp).collect::<Vec<_>>(), [0, 40]);
    codes(&peer.until_ended())
}

#[test]
fn a_draining_server_takes_nobody_new_and_waits_for_its_publishers() {
    let elsewhere = ["--drain-timeout", "600", "--reconnect-to", "rtmp://b.example:1936"];
    let mut server = Server::start(&elsewhere);
    let (mut able, old) = (able(&server, "able"), old(&server, "old"));
    let mut idle = Peer::connect(server.addr, &Handshake::Simple);
    idle.send(|script| script.connect("live"));
    idle.wait_for_code("NetConnection.Connect.Success");
    server.signal(Signal::TERM);
    // Who does not publish has nothing to end.
    assert_eq!(codes(&idle.until_ended()).pop().as_deref(), Some(STOPS));
    let asked = able.wait_for_code(ASKED).command().expect("a command");
    assert_eq!((asked.name.as_str(), asked.transaction), ("onStatus", 0.0));
    let status = &asked.arguments[1];
    assert_eq!(status.get("level"), Some(&"status".into()));
    assert_eq!(status.get("tcUrl"), Some(&"rtmp://b.example:1936/live".into()));
    let start = Instant::now();
    while TcpStream::connect(server.addr).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(30), "the port stays open");
        thread::sleep(Duration::from_millis(10));
    }
    let told = ends_well(&server, able, "able");
    assert_eq!(told.iter().filter(|code| *code == ASKED).count(), 1);
    // The last one to go ends the server, long before the deadline.
    let told = ends_well(&server, old, "old");
    assert!(!told.contains(&ASKED.to_owned()), "{told:?}");
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn a_draining_server_ends_those_that_stay_when_time_is_up() {
    let mut server = Server::start(&["--drain-timeout", "0.5"]);
    let (able, old) = (able(&server, "able"), old(&server, "old"));
    server.signal(Signal::INT);
    assert!(codes(&able.until_ended()).ends_with(&[ASKED.to_owned(), STOPS.to_owned()]));
    assert_eq!(codes(&old.until_ended()).pop().as_deref(), Some(STOPS));
    for name in ["able", "old"] {
        assert_eq!(flv::read(&server.complete(name)).len(), 1);
    }
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn a_second_signal_ends_the_wait() {
    let mut server = Server::start(&["--drain-timeout", "600"]);
    let mut peer = able(&server, "cam");
    server.signal(Signal::TERM);
    let asked = peer.wait_for_code(ASKED).command().expect("a command");
    assert_eq!(asked.arguments[1].get("tcUrl"), None);
    server.signal(Signal::TERM);
    assert_eq!(codes(&peer.until_ended()).pop().as_deref(), Some(STOPS));
    assert_eq!(flv::read(&server.complete("cam")).len(), 1);
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn a_server_that_does_not_drain_asks_too_and_ends_at_once() {
    let mut server = Server::start(&["--reconnect-to", "rtmp://b.example/other/app"]);
    let peer = able(&server, "cam");
    server.signal(Signal::TERM);
    let replies = peer.until_ended();
    assert!(codes(&replies).ends_with(&[ASKED.to_owned(), STOPS.to_owned()]));
    let asked = replies.iter().find(|reply| reply.code().as_deref() == Some(ASKED));
    let asked = asked.and_then(Reply::command).expect("a command");
    let url = "rtmp://b.example/other/app";
    assert_eq!(asked.arguments[1].get("tcUrl"), Some(&url.into()));
    assert_eq!(flv::read(&server.complete("cam")).len(), 1);
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn addresses_that_are_none_are_refused() {
    for wrong in ["b.example", "http://b.example/live", "rtmp://"] {
        let output = Server::refusing(&["--reconnect-to", wrong]);
        assert!(!output.status.success(), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--reconnect-to"), "{wrong}");
    }
}
