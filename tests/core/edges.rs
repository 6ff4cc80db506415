//! Rare orders of events, each of which once went wrong.

use sluicebox_core::{
    Close, Config, End, Error, Event, Limit, Malformed, Reject, Session, StreamId,
};
use sluicebox_tests::amf::{Value, encode};
use sluicebox_tests::fuzz::{Policy, run};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::wire::{Header, Message, Script};

use super::quirks_control::{aggregate, part};
use super::run::{Scenario, decoded, end, outcome, publishing, video};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("publish in the middle of a message", publish_in_mid_message),
    ("window with a timestamp", window_with_timestamp),
    ("messages behind a command that looks like a timestamp", behind_a_command),
    ("an aggregate that is broken", broken_aggregate),
    ("an aggregate that is torn", || torn_aggregate(false)),
    ("an aggregate that is aborted", || torn_aggregate(true)),
    ("a bad message after media on its chunk stream", bad_after_good),
    ("a long early message is torn", torn_early),
];

/// A session at the first event that `wanted` names.
fn until(script: &Script, wanted: fn(&Event<'_>) -> bool) -> Session {
    let mut session = Session::new(Config::default(), 1);
    let mut input = script.bytes();
    loop {
        let event = session.poll(&mut input).expect("no rule is broken");
        if wanted(&event.expect("the event comes")) {
            return session;
        }
    }
}

/// The number of replies, of tags and of ends that are left.
fn rest(mut session: Session) -> (usize, usize, usize) {
    let mut counts = (0, 0, 0);
    while let Some(event) = session.poll(&mut &[][..]).expect("no rule is broken") {
        match event {
            Event::Reply(_) => counts.0 += 1,
            Event::Tags(_) => counts.1 += 1,
            Event::Unpublish(_) => counts.2 += 1,
            _ => {}
        }
    }
    counts
}

fn publish_in_mid_message() -> Script {
    Script::hello()
        .connect("live")
        .create_stream()
        .split(&Message::video(0, &filler(130, 1)), 1, |script| script.publish(1, "cam"))
        .publish(1, "again")
        .video(40, &[1])
}

#[test]
fn a_rejected_stream_forgets_the_message_it_was_in() {
    for policy in [Policy::Reject(Reject::Busy), Policy::Alternate] {
        let outcome = run(Config::default(), policy, [publish_in_mid_message().bytes()]);
        assert_eq!(outcome.error, None);
        let expected: &[_] = if policy == Policy::Alternate { &[video(40, &[1])] } else { &[] };
        assert_eq!(decoded(outcome.only_tags()), expected);
    }
}

fn window_with_timestamp() -> Script {
    // The last byte of the window and the header behind it look like the extended timestamp.
    let window = Message::control(5, &[0, 0, 0x20, 1]).header(Header::Full(0x0102_0304));
    publishing()
        .chunk_size(1)
        .message(&window.bare_type3())
        .chunk_size(4096)
        .audio(0, &filler(20_000, 1))
}

#[test]
fn bytes_looked_ahead_are_not_acknowledged() {
    let script = window_with_timestamp();
    let config = Config { window: 4096, ..Config::default() };
    let whole = run(config, Policy::Accept, [script.bytes()]);
    run(config, Policy::Accept, script.bytes().chunks(1)).assert_same(&whole, &"byte by byte");
}

fn behind_a_command() -> Script {
    let publish = ["publish".into(), 9.0.into(), Value::Null, "cam".into(), "live".into()];
    let publish = encode(&publish);
    let all_but_one = u32::try_from(publish.len()).expect("short") - 1;
    // "e", and the headers of two messages.
    let time = Header::Full(0x65c4_c400);
    Script::hello()
        .connect("live")
        .create_stream()
        .audio(0, &[])
        .chunk_size(all_but_one)
        .message(&Message::new(20, &publish).on(8).stream(1).header(time).bare_type3())
        .raw(&[0xc4, 0xc4, 0xc4])
}

#[test]
fn messages_looked_ahead_come_out_after_the_decision() {
    let script = behind_a_command();
    let bytewise = run(Config::default(), Policy::Accept, script.bytes().chunks(1));
    assert_eq!(decoded(bytewise.only_tags()).len(), 4);
}

#[test]
fn a_decision_after_the_end_is_none() {
    let script = Script::hello().connect("live").create_stream().audio(0, &[1]).publish(1, "cam");
    for decide in [Session::accept, |s: &mut Session, id| s.reject(id, Reject::Busy)] {
        let mut session = until(&script, |event| matches!(event, Event::Publish(_)));
        session.close(Close::Gone);
        decide(&mut session, StreamId(1));
        assert_eq!(rest(session), (0, 0, 0));
    }
}

#[test]
fn what_is_said_after_a_reply_is_not_lost() {
    let connect = Script::hello().connect("live");
    let mut session = until(&connect, |event| matches!(event, Event::Reply(_)));
    session.close(Close::Shutdown);
    assert_eq!(rest(session).0, 1);
    let mut session = until(&publishing(), |event| matches!(event, Event::Publish(_)));
    session.accept(StreamId(1));
    let start = session.poll(&mut &[][..]).expect("no rule is broken");
    assert!(matches!(start, Some(Event::Reply(_))));
    session.reject(StreamId(1), Reject::Storage);
    assert_eq!(rest(session), (1, 0, 1));
}

#[test]
fn a_message_that_ends_with_the_input_is_not_lost_behind_tags() {
    let time = 0x0102_03ff;
    let last = Message::video(time, &[&filler(128, 1)[..], &[1, 2]].concat()).bare_type3();
    let script = publishing().video(0, &[1]).message(&last);
    let mut session = Session::new(Config::default(), 1);
    let (mut input, mut tags) = (script.bytes(), 0);
    loop {
        let asked = match session.poll(&mut input).expect("no rule is broken") {
            Some(Event::Tags(run)) => {
                tags += run.count;
                break;
            }
            Some(Event::Publish(publish)) => publish.stream,
            Some(_) => continue,
            None => panic!("no tags"),
        };
        session.accept(asked);
    }
    session.close(Close::Shutdown);
    while let Some(event) = session.poll(&mut input).expect("no rule is broken") {
        match event {
            Event::Tags(run) => tags += run.count,
            Event::Unpublish(end) => assert_eq!(end.ledger.written.messages, u64::from(tags)),
            _ => {}
        }
    }
    assert_eq!(tags, 2);
}

fn broken_aggregate() -> Script {
    let mut broken = part(9, 0, &[1; 20]);
    broken.truncate(13);
    publishing().message(&aggregate(0, &[part(8, 0, &[7]), broken]))
}

fn torn_aggregate(abort: bool) -> Script {
    let script = publishing().begun(&aggregate(0, &[part(9, 0, &filler(1000, 1))]), 3);
    if abort { script.abort(7) } else { script }
}

#[test]
fn aggregates_that_are_lost_are_on_the_ledger() {
    let refused = |script: &Script| {
        let (_, ledger) = end(&outcome(script));
        assert!(!ledger.complete());
        ledger.refused
    };
    let torn = refused(&torn_aggregate(false)).torn;
    assert_eq!((torn.messages, torn.bytes), (1, 3 * 128));
    let aborted = refused(&torn_aggregate(true)).aborted;
    assert_eq!((aborted.messages, aborted.bytes), (1, 3 * 128));
    assert_eq!(refused(&broken_aggregate()).total().messages, 1);
}

#[test]
fn a_message_before_a_failing_header_keeps_its_bytes() {
    let begun = publishing().begun(&Message::video(0, &filler(1000, 1)), 3);
    let script = begun.message(&Message::video(0, &filler(6000, 1)));
    let mut config = Config::default();
    config.limits.message = 5000;
    let outcome = run(config, Policy::Accept, [script.bytes()]);
    assert_eq!(outcome.error, Some(Error::OverLimit(Limit::Message { len: 6000 })));
    assert_eq!(end(&outcome).1.refused.total().bytes, 3 * 128);
}

fn bad_after_good() -> Script {
    let bad = Message::new(99, &filler(200, 1)).on(6).stream(1);
    publishing().video(0, &[1]).message(&bad)
}

#[test]
fn a_bad_message_is_no_media() {
    let outcome = outcome(&bad_after_good());
    assert_eq!(outcome.error, Some(Error::Malformed(Malformed::MessageType(99))));
    let (why, ledger) = end(&outcome);
    assert_eq!((why, ledger.received.messages, ledger.complete()), (End::Failed, 1, true));
}

fn torn_early() -> Script {
    Script::hello()
        .connect("live")
        .create_stream()
        .chunk_size(100_000)
        .begun(&Message::video(0, &filler(200_000, 1)), 1)
        .publish(1, "cam")
}

#[test]
fn a_long_early_message_that_is_torn_is_on_the_ledger() {
    let ledger = end(&outcome(&torn_early())).1;
    assert_eq!((ledger.received.messages, ledger.received.bytes), (1, 100_000));
    assert!(!ledger.complete());
}

#[test]
fn settings_that_make_no_sense_do_no_harm() {
    for (window, chunk_size) in [(0, 0), (1, 1), (u32::MAX, u32::MAX)] {
        let config = Config { window, chunk_size, ..Config::default() };
        let outcome = run(config, Policy::Accept, [publishing().audio(0, &[1]).bytes()]);
        assert_eq!((outcome.error, decoded(outcome.only_tags()).len()), (None, 1));
    }
}
