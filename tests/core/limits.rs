//! Each limit: just under it passes, just over it is the error that names it. And what a peer can
//! make a session hold.

use sluicebox_core::{Close, Config, Error, Limit, Limits};
use sluicebox_tests::amf::{Value, encode};
use sluicebox_tests::fuzz::{Driver, Outcome, Policy, run};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::wire::{Header, Message, Script};

use super::quirks_control::{aggregate, part};
use super::run::{decoded, end, publishing, replies};

/// What comes out of a script under limits that are the defaults but for some.
fn under(change: impl FnOnce(&mut Limits), script: &Script) -> Outcome {
    let mut config = Config::default();
    change(&mut config.limits);
    run(config, Policy::Accept, [script.bytes()])
}

/// Asserts that a script of `at(len)` passes up to `most`, and fails with `over` at one more.
fn assert_edge(
    change: impl Fn(&mut Limits),
    at: impl Fn(usize) -> Script,
    most: usize,
    over: Limit,
) {
    assert_eq!(under(&change, &at(most)).error, None, "{over:?} at {most}");
    assert_eq!(under(&change, &at(most + 1)).error, Some(Error::OverLimit(over)));
}

#[test]
fn message() {
    let at = |len| publishing().video(0, &filler(len, 1));
    assert_edge(|limits| limits.message = 1000, at, 1000, Limit::Message { len: 1001 });
}

#[test]
fn command() {
    let at = |len: usize| {
        let name = "x".repeat(len - encode(&["".into(), 0.0.into()]).len());
        Script::hello().message(&Message::new(20, &encode(&[name.as_str().into(), 0.0.into()])))
    };
    assert_edge(|limits| limits.command = 600, at, 600, Limit::Command { len: 601 });
    let control = |len| Script::hello().message(&Message::control(4, &vec![0; len]));
    assert_edge(|limits| limits.command = 600, control, 600, Limit::Command { len: 601 });
}

#[test]
fn buffered() {
    // Seven chunks of 128 bytes are unfinished; the eighth is as long as what is asked.
    let at = |len: usize| {
        let script = (10..17).fold(publishing(), |script, csid| {
            script.begun(&Message::video(0, &filler(500, csid)).on(csid), 1)
        });
        script.begun(&Message::video(0, &filler(500, 1)).on(20), 0).video(0, &filler(len, 2))
    };
    assert_edge(|limits| limits.buffered = 7 * 128 + 100, at, 100, Limit::Buffered);
    let aborted = at(0).abort(10).video(1, &filler(228, 3));
    assert_eq!(under(|limits| limits.buffered = 7 * 128 + 100, &aborted).error, None);
}

#[test]
fn chunk_streams() {
    let at = |count: usize| {
        let count = u32::try_from(count).expect("a few");
        (10..10 + count).fold(publishing(), |script, csid| {
            script.begun(&Message::video(0, &filler(500, csid)).on(csid), 1)
        })
    };
    assert_edge(|limits| limits.chunk_streams = 5, at, 5, Limit::ChunkStreams);
}

#[test]
fn the_chunk_stream_unused_for_longest_is_forgotten() {
    let on = |csid, time| Message::audio(time, &[1]).on(csid);
    let script = [10, 11, 12, 10, 13].iter().fold(publishing(), |s, csid| s.message(&on(*csid, 9)));
    let again = |csid| script.clone().message(&on(csid, 1).header(Header::SameLength(1)));
    let error = |csid| under(|limits| limits.chunk_streams = 3, &again(csid)).error;
    assert_eq!((error(10), error(12), error(13)), (None, None, None));
    let expected = sluicebox_core::Malformed::NoPriorHeader { chunk_stream: 11 };
    assert_eq!(error(11), Some(Error::Malformed(expected)));
}

#[test]
fn chunk_size() {
    // More than any message has is read as the longest message.
    let body = filler(300, 1);
    let script = publishing().chunk_size(0x7fff_ffff).video(0, &body);
    let outcome = under(|limits| (limits.message, limits.chunk_size) = (300, 300), &script);
    assert_eq!(decoded(outcome.only_tags())[0].body, body);
}

#[test]
fn smallest_chunk() {
    let at = |less: usize| publishing().chunk_size(128 - u32::try_from(less).expect("a few"));
    let over = Limit::SmallestChunk { size: 63 };
    assert_edge(|limits| limits.smallest_chunk = 64, at, 64, over);
}

#[test]
fn streams() {
    let at = |count: usize| {
        let count = u32::try_from(count).expect("a few");
        (1..=count).fold(Script::hello().connect("live"), |script, id| script.publish(id, "cam"))
    };
    assert_edge(|limits| limits.streams = 3, at, 3, Limit::Streams);
    let created = Script::hello().connect("live").create_stream().create_stream();
    let outcome = under(|limits| limits.streams = 1, &created);
    let last = replies(&outcome).pop().and_then(|reply| reply.command()).expect("an answer");
    assert_eq!((outcome.error, last.name.as_str(), last.transaction), (None, "_error", 3.0));
}

#[test]
fn early() {
    let at = |len| {
        let script = Script::hello().connect("live").create_stream();
        let script = script.audio(0, &filler(85, 1)).audio(1, &filler(len, 2));
        script.publish(1, "cam").audio(2, &[3])
    };
    // The first tag takes 15 bytes more than its body.
    let kept = |len| {
        let outcome = under(|limits| limits.early = 200, &at(len));
        (outcome.error, decoded(outcome.only_tags()).len(), end(&outcome).1.refused.early)
    };
    assert_eq!(kept(100), (None, 3, Default::default()));
    let (error, tags, refused) = kept(101);
    assert_eq!((error, tags, refused.messages, refused.bytes), (None, 2, 1, 101));
}

#[test]
fn amf_depth() {
    let at = |depth: usize| {
        let object = (0..depth).fold(Value::Null, |value, _| Value::object([("a", value)]));
        Script::hello().command("connect", &[object])
    };
    assert_edge(|limits| limits.amf_depth = 4, at, 4, Limit::AmfDepth);
    let arrays = |depth: usize| {
        let array = (0..depth).fold(Value::Null, |value, _| Value::StrictArray(vec![value]));
        Script::hello().command("connect", &[array])
    };
    assert_edge(|limits| limits.amf_depth = 4, arrays, 4, Limit::AmfDepth);
}

#[test]
fn amf_values() {
    // The name, the transaction, the array, and what is in it.
    let at = |count: usize| {
        let array = Value::StrictArray(vec![Value::Null; count - 3]);
        Script::hello().command("connect", &[array])
    };
    assert_edge(|limits| limits.amf_values = 50, at, 50, Limit::AmfValues);
}

#[test]
fn aggregate_messages() {
    let at = |count| publishing().message(&aggregate(0, &vec![part(8, 0, &[1]); count]));
    assert_edge(|limits| limits.aggregate = 6, at, 6, Limit::Aggregate);
}

/// What a session may hold: everything unfinished once more as capacity, a little kept for each
/// chunk stream and message stream, and one run of tags.
fn bound(limits: &Limits) -> usize {
    2 * limits.buffered + limits.chunk_streams * (64 << 10) + limits.streams * (1 << 20) + (1 << 20)
}

/// The most that was held while `feed` fed a session.
fn peak(feed: impl FnOnce(&mut Driver)) -> usize {
    let mut driver = Driver::new(Config::default(), Policy::Accept);
    feed(&mut driver);
    let peak = driver.peak();
    driver.finish(Close::Gone);
    peak
}

#[test]
fn announced_lengths_cost_nothing() {
    let longest = vec![0; 0x00ff_ffff];
    for kind in [8, 22] {
        let held = peak(|driver| {
            let mut script = publishing();
            for csid in 10..130 {
                let message = Message::new(kind, &longest).on(csid).stream(1);
                script = script.begun(&message, 1);
                driver.feed(&script.take());
            }
        });
        assert!(held < 256 << 10, "{held} bytes held of messages of type {kind}");
    }
}

#[test]
fn aborted_messages_are_given_back() {
    let part = vec![0; 8 << 20];
    for (kind, abort) in [(22, true), (22, false), (8, true), (8, false)] {
        let held = peak(|driver| {
            let mut script = publishing().chunk_size(1 << 20);
            for csid in 10..40 {
                let message = Message::new(kind, &part).on(csid).stream(1);
                // In turn with a second one, so that neither lies among the tags.
                let other = Message::audio(0, &part[..3 << 20]).on(9);
                script = script.begun(&message, 5).begun(&other, 1).abort(9);
                script = if abort { script.abort(csid) } else { script.message(&short(csid)) };
                driver.feed(&script.take());
            }
        });
        assert!(held < bound(&Limits::default()), "{held} bytes held: type {kind}, {abort}");
    }
}

/// A message that supersedes an unfinished one.
fn short(csid: u32) -> Message {
    Message::audio(0, &[1]).on(csid)
}

#[test]
fn aborted_messages_of_many_streams_are_given_back() {
    let part = vec![0; 12 << 20];
    let held = peak(|driver| {
        let mut script = Script::hello().connect("live").chunk_size(1 << 20);
        for id in 1..=16 {
            script = script.publish(id, "cam");
            script = script.begun(&Message::video(0, &part).stream(id), 11).abort(6);
            driver.feed(&script.take());
        }
    });
    assert!(held < bound(&Limits::default()), "{held} bytes held");
}

#[test]
fn early_media_is_bounded_when_it_interleaves() {
    let body = filler(60_001, 3);
    let mut script = Script::hello().connect("live").create_stream().chunk_size(60_000);
    for csid in 10..50 {
        script = script.begun(&Message::video(0, &body).on(csid), 1);
    }
    for csid in 10..50_u8 {
        script = script.raw(&[0xc0 | csid, body[60_000]]);
    }
    let outcome = under(|_| (), &script.publish(1, "cam"));
    let held = outcome.only_tags().len();
    assert!(held <= Limits::default().early + 15, "{held} bytes held before publish");
}

#[test]
fn work_and_memory_of_many_small_things() {
    let held = peak(|driver| {
        driver.feed(publishing().chunk_size(1).bytes());
        let mut script = Script::new();
        for csid in (2..=65_599).cycle().take(1_000_000) {
            script = script.message(&Message::audio(0, &[1]).on(csid));
            if script.bytes().len() > 1 << 20 {
                driver.feed(&script.take());
            }
        }
        driver.feed(script.audio(0, &[]).bytes());
        driver.feed(&[0xc4; 100_000]);
        let pings = (0..10_000).fold(Script::new(), Script::ping);
        driver.feed(pings.bytes().get(..0).unwrap_or_default());
    });
    assert!(held < 8 << 20, "{held} bytes held");
}

#[test]
fn amf_bombs() {
    let deep = [b"\x03\0\x01a".repeat(10_000), b"\x0a\0\0\0\x01".repeat(10_000)];
    let wide = [b"\x0a\xff\xff\xff\xff".to_vec(), b"\x11\x09\xbf\xff\xff\xff\x01".to_vec()];
    for bomb in deep.iter().chain(&wide) {
        let body = [&encode(&["connect".into(), 1.0.into()]), bomb.as_slice()].concat();
        let mut driver = Driver::new(Config::default(), Policy::Accept);
        driver.feed(Script::hello().message(&Message::new(20, &body)).bytes());
        assert!(driver.peak() < 256 << 10, "{} bytes held", driver.peak());
        let error = driver.finish(Close::Gone).error;
        assert!(matches!(error, None | Some(Error::OverLimit(Limit::AmfDepth))), "{error:?}");
    }
}
