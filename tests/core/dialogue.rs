//! What is said, in which order, to the byte where the protocol fixes it.

use sluicebox_core::{Close, Config, End, Event, Reject, Session, StreamId};
use sluicebox_tests::amf::Value;
use sluicebox_tests::fuzz::{Policy, run};
use sluicebox_tests::handshake::{Handshake, PART, Schema};
use sluicebox_tests::reply::{Reply, parse_replies};
use sluicebox_tests::wire::{Message, Script};

use super::run::{codes, outcome, publishing, replies};

/// A session by hand, and what it said.
struct Hand {
    session: Session,
    said: Vec<u8>,
}

impl Hand {
    fn new() -> Self {
        Self { session: Session::new(Config::default(), 3), said: Vec::new() }
    }

    /// Polls until nothing comes; the events that are no replies, as text; and what is left.
    fn feed(&mut self, mut bytes: &[u8]) -> (Vec<String>, usize) {
        let mut events = Vec::new();
        while let Some(event) = self.session.poll(&mut bytes).expect("no rule is broken") {
            match event {
                Event::Reply(bytes) => self.said.extend(bytes),
                Event::Connect(_) => events.push("connect".to_owned()),
                Event::Publish(publish) => events.push(format!("publish {}", publish.stream.0)),
                Event::Tags(tags) => events.push(format!("tags {}", tags.count)),
                Event::Unpublish(end) => events.push(format!("end {:?}", end.why)),
                _ => {}
            }
        }
        (events, bytes.len())
    }

    /// The codes said so far.
    fn codes(&self) -> Vec<String> {
        parse_replies(&self.said).iter().filter_map(Reply::code).collect()
    }
}

#[test]
fn s0_s1_s2_come_with_the_last_byte_of_c1() {
    for handshake in [Handshake::Simple, Handshake::Digest(Schema::Zero)] {
        let c0c1 = handshake.c0c1();
        let mut hand = Hand::new();
        hand.feed(&c0c1[..PART]);
        assert!(hand.said.is_empty());
        hand.feed(&c0c1[PART..]);
        assert_eq!((hand.said.len(), hand.said[0]), (1 + 2 * PART, 3));
        // Reads every part of the answer, digests included.
        let c2 = handshake.c2(&hand.said);
        hand.feed(&c2);
        assert_eq!(hand.said.len(), 1 + 2 * PART);
        assert_eq!(hand.feed(Script::new().connect("live").bytes()).0, ["connect"]);
    }
}

#[test]
fn seeds_vary_the_handshake_and_nothing_else() {
    let c0c1 = Handshake::Simple.c0c1();
    let said = |seed| {
        let mut session = Session::new(Config::default(), seed);
        match session.poll(&mut &c0c1[..]) {
            Ok(Some(Event::Reply(bytes))) => bytes.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    assert_ne!(said(1)[9..=PART], said(2)[9..=PART]);
    assert_eq!(said(1), said(1));
}

#[test]
fn the_answer_to_connect_to_the_byte() {
    let said = outcome(&Script::hello().connect("live")).replies;
    let control = [
        &[2, 0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 0, 0x40, 0x00, 0x00, 0x00][..],
        &[2, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0, 0, 0x40, 0x00, 0x00, 0x00, 2],
        &[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x00, 0x01, 0x00, 0x00],
    ]
    .concat();
    assert_eq!(said[1 + 2 * PART..][..control.len()], control);
    let replies = parse_replies(&said);
    let kinds: Vec<u8> = replies.iter().map(|reply| reply.0.kind).collect();
    assert_eq!(kinds, [5, 6, 1, 20]);
    let result = replies[3].command().expect("a command");
    assert_eq!((result.name.as_str(), result.transaction), ("_result", 1.0));
    assert_eq!(result.arguments[1].get("code"), Some(&"NetConnection.Connect.Success".into()));
    assert_eq!(result.arguments[1].get("level"), Some(&"status".into()));
}

#[test]
fn nothing_is_promised_before_the_decision() {
    let mut hand = Hand::new();
    let script = publishing().audio(0, &[1]).ping(9);
    let after = Script::new().audio(0, &[1]).ping(9).bytes().len();
    let (events, left) = hand.feed(script.bytes());
    assert_eq!((events, left), (vec!["connect".to_owned(), "publish 1".to_owned()], after));
    let rest = &script.bytes()[script.bytes().len() - after..];
    assert_eq!(hand.feed(rest), (Vec::new(), after), "input stays where it is");
    assert_eq!(hand.codes(), ["NetConnection.Connect.Success"]);
    let before = hand.said.len();
    hand.session.accept(StreamId(1));
    assert_eq!(hand.feed(rest), (vec!["tags 1".to_owned()], 0));
    // StreamBegin on stream 1, to the byte, comes first.
    let begin = [2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(hand.said[before..][..begin.len()], begin);
    assert_eq!(hand.codes()[1..], ["NetStream.Publish.Start", "NetStream.Publish.Start"]);
    let names: Vec<_> = parse_replies(&hand.said).iter().filter_map(Reply::command).collect();
    let names: Vec<_> = names.iter().rev().take(2).map(|command| command.name.as_str()).collect();
    assert_eq!(names, ["onStatus", "onFCPublish"]);
}

#[test]
fn decisions_that_nobody_waits_for_do_nothing() {
    let mut hand = Hand::new();
    hand.feed(Script::hello().connect("live").create_stream().bytes());
    let before = hand.said.len();
    for stream in [0, 1, 2, u32::MAX] {
        hand.session.accept(StreamId(stream));
        hand.session.reject(StreamId(stream), Reject::Busy);
    }
    assert_eq!((hand.feed(&[]), hand.said.len()), ((Vec::new(), 0), before));
}

#[test]
fn a_live_stream_can_be_refused() {
    let mut hand = Hand::new();
    let mut script = publishing();
    hand.feed(&script.take());
    hand.session.accept(StreamId(1));
    script = script.audio(0, &[1]).begun(&Message::video(1, &[2; 300]), 1);
    assert_eq!(hand.feed(&script.take()).0, ["tags 1"]);
    hand.session.reject(StreamId(1), Reject::Storage);
    assert_eq!(hand.feed(&[]).0, ["end Rejected(Storage)"]);
    assert_eq!(hand.codes().pop().as_deref(), Some("NetStream.Record.Failed"));
    // What is left of its messages is nothing, and the next publish is as good as the first.
    let (rest, _) = hand.feed(script.publish(1, "again").bytes());
    assert_eq!(rest, ["publish 1"]);
}

#[test]
fn closing_says_why_and_ends_every_stream() {
    let cases = [
        (Close::Gone, None),
        (Close::Shutdown, Some("NetConnection.Connect.AppShutdown")),
        (Close::Idle, Some("NetConnection.Connect.IdleTimeOut")),
    ];
    for (why, code) in cases {
        let mut hand = Hand::new();
        hand.feed(publishing().bytes());
        hand.session.accept(StreamId(1));
        hand.feed(&[]);
        let (before, replies) = (hand.said.len(), parse_replies(&hand.said).len());
        hand.session.close(why);
        hand.session.close(Close::Gone);
        assert_eq!(hand.feed(b"more").0, [format!("end {:?}", End::Closed(why))]);
        let last = parse_replies(&hand.said);
        assert_eq!(last.last().and_then(Reply::code).as_deref().filter(|_| code.is_some()), code);
        match code {
            None => assert_eq!(hand.said.len(), before),
            // Stream EOF on stream 1, then the status.
            Some(_) => assert_eq!(last[replies].0.body, [0, 1, 0, 0, 0, 1]),
        }
        assert_eq!(hand.session.received(), publishing().bytes().len() as u64);
    }
}

#[test]
fn nothing_is_said_to_a_peer_that_said_nothing() {
    let mut hand = Hand::new();
    hand.session.close(Close::Shutdown);
    assert_eq!((hand.feed(b"more"), hand.said.len()), ((Vec::new(), 4), 0));
}

#[test]
fn identifiers_are_given_out_from_1_and_again() {
    let script = Script::hello()
        .connect("live")
        .create_stream()
        .create_stream()
        .delete_stream(1.0)
        .create_stream()
        .create_stream();
    let results = replies(&outcome(&script)).into_iter().filter_map(|reply| reply.command());
    let ids: Vec<f64> =
        results.filter_map(|command| command.arguments.get(1).and_then(Value::number)).collect();
    assert_eq!(ids, [1.0, 2.0, 1.0, 3.0]);
}

#[test]
fn players_are_told_that_there_is_nothing_to_play() {
    let script = Script::hello().connect("live").create_stream();
    let script = script.command("play", &[Value::Null, "cam".into()]);
    assert_eq!(codes(&outcome(&script))[1..], ["NetStream.Play.Failed"]);
}

#[test]
fn a_second_publish_on_a_live_stream_leaves_it_alone() {
    let script = publishing().audio(0, &[1]).publish(1, "other").audio(1, &[2]);
    let outcome = run(Config::default(), Policy::Accept, [script.bytes()]);
    assert_eq!(codes(&outcome).pop().as_deref(), Some("NetStream.Publish.BadName"));
    assert_eq!((outcome.ends().len(), outcome.ends()[0].2.written.messages), (1, 2));
}

#[test]
fn a_window_that_the_peer_asks_for_is_announced() {
    let script = Script::hello().connect("live");
    let script = script.message(&Message::control(6, &[0, 0, 0x20, 0, 1]));
    let last = replies(&outcome(&script)).pop().expect("a reply").0;
    assert_eq!((last.kind, last.body), (5, vec![0, 0, 0x20, 0]));
}
