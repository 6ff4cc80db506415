use std::time::Instant;

use sluicebox_tests::amf::Value;
use sluicebox_tests::flv;
use sluicebox_tests::handshake::{Handshake, filler};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::wire::{Message, Script};

use super::DEADLINE;

/// Asserts that a publish was refused with this code, as encoders want to be told: an `onStatus`
/// of level `error`, and then the end of the connection, in order.
fn assert_refused(peer: Peer, code: &str) {
    let replies = peer.until_ended();
    let last = replies.last().expect("a reply");
    assert_eq!(last.code().as_deref(), Some(code), "{replies:#?}");
    let command = last.command().expect("a command");
    assert_eq!(command.name, "onStatus");
    let level = command.arguments.iter().find_map(|value| value.get("level"));
    assert_eq!(level.and_then(Value::text), Some("error"));
}

/// Publishes, waits for nothing, and sends frames as if all were well: more than TCP holds, so
/// that the server has to read on.
fn publish_blindly(server: &Server, app: &str, name: &str) -> Peer {
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    let frame = filler(400_000, 9);
    peer.send(|script| {
        let script = script.to_publish(app, name).chunk_size(65_536);
        (0..20).fold(script, |script, at| script.video(at * 40, &frame))
    });
    peer
}

#[test]
fn a_second_publisher_is_refused_in_order_and_leaves_nothing() {
    let server = Server::start(&["--on-conflict", "reject"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frame(1000);
    assert_refused(publish_blindly(&server, "live", "cam"), "NetStream.Publish.BadName");
    first.frame(1000);
    let path = first.finish(&server);
    let folder = path.parent().expect("the application's folder");
    assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), 1, "files");
}

#[test]
fn an_application_that_is_not_taken_is_refused_and_leaves_nothing() {
    let server = Server::start(&["--app", "live", "--app", "eu/north"]);
    assert_refused(publish_blindly(&server, "else", "cam"), "NetStream.Publish.Rejected");
    let refused = server.wait("publish refused");
    assert_eq!((refused.text("app"), refused.text("stream")), ("else", "cam"));
    let files = std::fs::read_dir(server.folder.path()).expect("the record folder");
    assert_eq!(files.count(), 0, "files");
    for (app, stream) in [("live", "a"), ("eu/north", "b")] {
        let mut taken = Steady::start(server.addr, app, stream);
        taken.frame(1000);
        taken.finish(&server);
    }
}

#[test]
fn a_peer_that_reads_no_replies_is_closed_before_they_cost() {
    let server = Server::start(&[]);
    let mut good = Steady::start(server.addr, "live", "good");
    good.frame(1000);
    let before = server.memory();
    let mut deaf = Peer::connect(server.addr, &Handshake::Simple);
    let addr = deaf.addr();
    let start = Instant::now();
    while deaf.try_send(|script| (0..5000).fold(script, Script::ping)) {
        assert!(start.elapsed() < DEADLINE, "it is still heard");
    }
    let line = server.wait_about("connection failed", addr);
    assert_eq!(line.text("error"), "the peer does not read replies");
    let peak = server.peak_memory();
    assert!(peak < before + (8 << 20), "{} KiB more", (peak - before) >> 10);
    good.frame(1000);
    good.finish(&server);
}

#[test]
fn a_malformed_message_ends_its_own_connection_with_the_reason() {
    type Say = fn(Script) -> Script;
    let bad: [(Say, &str); 6] = [
        (|s| s.raw(&[0xc5]), "chunk stream 5: no header before this one to take over"),
        (|s| s.message(&Message::new(99, b"x")), "message type 99 does not exist"),
        (|s| s.message(&Message::control(1, &[0; 4])), "chunk size of 0"),
        (|s| s.message(&Message::control(1, &[0])), "control message of type 1 with only 1 bytes"),
        (|s| s.message(&Message::new(20, &[5])), "command without a name"),
        (
            |s| s.message(&Message::new(20, &[0; 70_000])),
            "message of 70000 bytes is over the limit",
        ),
    ];
    let server = Server::start(&[]);
    let mut good = Steady::start(server.addr, "live", "good");
    for (at, (say, expected)) in bad.into_iter().enumerate() {
        let mut broken = Steady::start(server.addr, "live", &format!("bad-{at}"));
        broken.frame(3000);
        good.frame(3000);
        broken.peer.send(say);
        let line = server.wait_about("connection failed", broken.peer.addr());
        assert!(line.text("error").contains(expected), "{line:?}");
        broken.assert_complete(&server);
        assert_eq!(server.ended(&broken.stream).why, "connection failed");
        broken.peer.until_ended();
        good.recorded(&server);
    }
    good.finish(&server);
}

#[test]
fn two_streams_of_one_connection_are_two_recordings() {
    let server = Server::start(&[]);
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    peer.send(|script| script.connect("live").create_stream().create_stream());
    for (stream, name) in [(1, "left"), (2, "right")] {
        peer.send(|script| script.publish(stream, name));
        server.publishing(name);
    }
    let frame = |stream: u32, at: u32| {
        let body = filler(3000, stream * 1000 + at);
        Message::video(at * 40, &body).stream(stream).on(5 + stream)
    };
    peer.send(|script| {
        let script = (0..50).fold(script, |s, at| s.interleaved(&frame(1, at), &frame(2, at)));
        let script = script.delete_stream(1.0);
        (50..60).fold(script, |script, at| script.message(&frame(2, at))).delete_stream(2.0)
    });
    for (stream, name, count) in [(1, "left", 50), (2, "right", 60)] {
        let tags = flv::read(&server.complete(name));
        let expected = (0..count).map(|at| (at * 40, filler(3000, stream * 1000 + at)));
        let found: Vec<_> = tags.into_iter().map(|tag| (tag.timestamp, tag.body)).collect();
        assert!(found == expected.collect::<Vec<_>>(), "other tags in {name}");
    }
}
