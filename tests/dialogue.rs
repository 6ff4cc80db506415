use sluicebox_tests::flv::{self, Tag};
use sluicebox_tests::handshake::{Handshake, Schema, filler};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::replay::replay;
use sluicebox_tests::reply::parse_replies;
use sluicebox_tests::server::Server;
use sluicebox_tests::wire::{Basic, Header, Message, Script};

/// The start of every dialogue that is about media.
fn publishing() -> Script {
    Script::hello().to_publish("live", "cam")
}

/// The tags of a recording of this client, which broke no rule.
fn recorded(script: &Script) -> Vec<Tag> {
    let outcome = replay([script.bytes()]);
    assert_eq!(outcome.error, None);
    flv::parse_tags(outcome.only_tags()).expect("whole tags")
}

fn video(timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind: 9, timestamp, body: body.to_vec() }
}

fn audio(timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind: 8, timestamp, body: body.to_vec() }
}

#[test]
fn every_command_with_a_transaction_is_answered() {
    let outcome = replay([publishing().bytes()]);
    let replies = parse_replies(&outcome.replies);
    for transaction in 1..=4 {
        let answers = replies.iter().filter_map(|reply| reply.command());
        let results: Vec<_> = answers
            .filter(|command| command.name == "_result")
            .filter(|command| command.transaction == f64::from(transaction))
            .collect();
        assert_eq!(results.len(), 1, "transaction {transaction}: {replies:#?}");
    }
    let codes: Vec<_> = replies.iter().filter_map(|reply| reply.code()).collect();
    assert!(codes.contains(&"NetConnection.Connect.Success".to_owned()), "{codes:?}");
    assert_eq!(codes.last().map(String::as_str), Some("NetStream.Publish.Start"));
}

#[test]
fn messages_of_two_chunk_streams_interleave() {
    let (frame, sound) = (filler(5000, 1), filler(700, 2));
    let script = publishing()
        .interleaved(&Message::video(40, &frame), &Message::audio(23, &sound))
        .interleaved(&Message::audio(46, &sound), &Message::video(80, &frame));
    let expected = [audio(23, &sound), video(40, &frame), audio(46, &sound), video(80, &frame)];
    assert_eq!(recorded(&script), expected);
}

#[test]
fn the_chunk_size_changes_between_the_chunks_of_a_message() {
    let frame = filler(2000, 3);
    let script = publishing()
        .chunk_size(1)
        .audio(0, &frame[..300])
        .chunk_size(100)
        .split(&Message::video(40, &frame), 2, |script| script.ping(1).audio(23, &frame[..50]))
        .chunk_size(70_000)
        .video(80, &frame);
    let expected =
        [audio(0, &frame[..300]), audio(23, &frame[..50]), video(40, &frame), video(80, &frame)];
    assert_eq!(recorded(&script), expected);
}

#[test]
fn headers_of_every_type_and_form() {
    let frame = filler(200, 4);
    let on = |chunk_stream, form, header| {
        Message::video(0, &frame).on(chunk_stream).basic(form).header(header)
    };
    let script = publishing()
        .message(&on(64, Basic::Two, Header::Full(1000)))
        .message(&on(64, Basic::Three, Header::Delta(40)))
        .message(&on(64, Basic::Shortest, Header::SameLength(20)))
        .message(&on(64, Basic::Shortest, Header::Same))
        .message(&on(65_599, Basic::Three, Header::Full(2000)))
        .message(&on(320, Basic::Shortest, Header::Full(3000)));
    let times: Vec<u32> = recorded(&script).iter().map(|tag| tag.timestamp).collect();
    assert_eq!(times, [1000, 1040, 1060, 1080, 2000, 3000]);
    assert!(recorded(&script).iter().all(|tag| tag.body == frame));
}

#[test]
fn extended_timestamps_with_and_without_repetition() {
    let frame = filler(1000, 5);
    let at = |time| Message::video(time, &frame);
    let script = publishing()
        .message(&at(0xff_fffe))
        .message(&at(0xff_ffff))
        .message(&at(0x0100_0000).bare_type3())
        .message(&at(0xffff_fff0));
    let expected = [0xff_fffe, 0xff_ffff, 0x0100_0000, 0xffff_fff0];
    assert_eq!(recorded(&script), expected.map(|time| video(time, &frame)));
}

#[test]
fn an_aborted_message_leaves_no_trace() {
    let frame = filler(1000, 6);
    let script = publishing().begun(&Message::video(40, &frame), 3).abort(6).video(80, &frame);
    assert_eq!(recorded(&script), [video(80, &frame)]);
}

#[test]
fn metadata_is_recorded_without_its_prefix() {
    let script = publishing().metadata([("width", 320.0.into())]).video(0, &[0x17, 0]);
    let tags = recorded(&script);
    assert_eq!((tags[0].kind, tags.len()), (18, 2));
    let values = sluicebox_tests::amf::decode(&tags[0].body);
    assert_eq!((values.len(), values[0].text()), (2, Some("onMetaData")));
    assert_eq!(values[1].get("width"), Some(&320.0.into()));
}

#[test]
fn all_ways_to_end_end_one_stream() {
    let ends: [fn(Script) -> Script; 4] = [
        |script| script.fc_unpublish("cam").delete_stream(1.0),
        |script| script.delete_stream(1.0),
        |script| script.close_stream(1),
        |script| script,
    ];
    for end in ends {
        let outcome = replay([end(publishing().video(0, &[0x17, 0])).bytes()]);
        let ended = outcome.events.iter().filter(|event| event.starts_with("Unpublish"));
        assert_eq!(ended.count(), 1, "{:#?}", outcome.events);
    }
}

#[test]
fn handshakes_plain_and_with_digests() {
    let server = Server::start(&[]);
    let kinds =
        [Handshake::Simple, Handshake::Digest(Schema::Zero), Handshake::Digest(Schema::One)];
    for handshake in kinds {
        let mut peer = Peer::connect(server.addr, &handshake);
        peer.send(|script| script.connect("live"));
        peer.wait_for_code("NetConnection.Connect.Success");
    }
}

#[test]
fn a_second_publisher_of_a_name_is_told_so() {
    let server = Server::start(&["--on-conflict", "reject"]);
    let mut first = Peer::publishing(server.addr, "live", "cam");
    let mut second = Peer::connect(server.addr, &Handshake::Simple);
    second.send(|script| script.to_publish("live", "cam"));
    second.wait_for_code("NetStream.Publish.BadName");
    first.send(|script| script.video(0, &[0x17, 0, 0, 0, 0]).delete_stream(1.0));
    assert_eq!(flv::read(&server.complete("cam")), [video(0, &[0x17, 0, 0, 0, 0])]);
}

/// Quirk 18: an encoder whose `authmod` was answered elsewhere says so here, too.
#[test]
fn credentials_that_nobody_asked_for_are_no_hindrance() {
    let app = "live?authmod=adobe&user=me";
    let server = Server::start(&[]);
    let steps = [app.to_owned(), format!("{app}&challenge=abc&response=def&opaque=ghi")];
    for (app, name) in steps.iter().zip(["one", "two"]) {
        let mut peer = Peer::publishing(server.addr, app, name);
        peer.send(|script| script.video(0, &[0x17, 0, 0, 0, 0]).delete_stream(1.0));
        assert_eq!(flv::read(&server.complete(name)), [video(0, &[0x17, 0, 0, 0, 0])]);
    }
    // Where it is refused, it is told so by a code that encoders act on, and let go.
    let server = Server::start(&["--app", "other"]);
    let mut peer = Peer::connect(server.addr, &Handshake::Simple);
    peer.send(|script| script.connect(app).create_stream().publish(1, "cam"));
    let codes: Vec<_> = peer.until_ended().iter().filter_map(|reply| reply.code()).collect();
    assert_eq!(codes, ["NetConnection.Connect.Success", "NetStream.Publish.Rejected"]);
}
