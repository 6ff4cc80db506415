//! Messages that are larger than what a sandbox gathers of one: whole, in turn with others, taken back, torn,
//! as fast as they may and slowly. What is recorded is what was sent, whichever server does it.

use std::thread;
use std::time::Duration;

use sluicebox_tests::flv::{self, Tag};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::wire::{Message, Script};

/// Lengths of bodies around what is usual, and far over it.
const LENGTHS: [usize; 7] = [12_000, 24_576, 50_000, 65_536, 120_000, 300_000, 1_100_000];

/// Bytes sent at a time, and the rest after it: a server finds as much, and reads as often.
const PACES: [(usize, u64); 3] = [(usize::MAX, 0), (20_000, 30), (150_000, 100)];

fn video(timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind: 9, timestamp, body: body.to_vec() }
}

fn audio(timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind: 8, timestamp, body: body.to_vec() }
}

/// Publishes what the script says as `one` to `server`, at every pace.
fn at_every_pace(script: impl Fn(Script) -> Script, judge: impl Fn(&Server)) {
    for (len, rest) in PACES {
        let server = Server::start(&[]);
        let mut peer = Peer::publishing(server.addr, "live", "one");
        let bytes = script(Script::new()).take();
        for piece in bytes.chunks(len.min(bytes.len())) {
            peer.send(|script| script.raw(piece));
            thread::sleep(Duration::from_millis(rest));
        }
        // A socket that is closed with replies unread takes back what is on its way.
        peer.barrier();
        drop(peer);
        judge(&server);
    }
}

/// Asserts that all that the script says is recorded, and only these tags.
fn assert_recorded(script: impl Fn(Script) -> Script, tags: &[Tag]) {
    at_every_pace(script, |server| {
        let recorded = flv::read(&server.complete("one"));
        assert_eq!(sizes(&recorded), sizes(tags));
        assert!(recorded == tags, "other bytes");
    });
}

/// What can be read of tags in a message.
fn sizes(tags: &[Tag]) -> Vec<(u8, u32, usize)> {
    tags.iter().map(|tag| (tag.kind, tag.timestamp, tag.body.len())).collect()
}

#[test]
fn in_chunks_of_every_size() {
    for chunk_size in [128, 4096, 65_536, 0xff_ffff] {
        let bodies: Vec<_> = (1..).zip(LENGTHS).map(|(seed, len)| filler(len, seed)).collect();
        let script = |script: Script| {
            bodies.iter().zip(1..).fold(script.chunk_size(chunk_size), |script, (body, at)| {
                script.video(at * 40, body).audio(at * 40, &body[..300]).video(at * 40 + 1, b"\x27")
            })
        };
        let tags: Vec<_> = bodies
            .iter()
            .zip(1..)
            .flat_map(|(body, at)| {
                let last = video(at * 40 + 1, b"\x27");
                [video(at * 40, body), audio(at * 40, &body[..300]), last]
            })
            .collect();
        assert_recorded(script, &tags);
    }
}

#[test]
fn chunk_by_chunk_in_turn() {
    let (long, longer, small) = (filler(200_000, 1), filler(300_000, 2), filler(300, 3));
    let script = |script: Script| {
        let script = script.chunk_size(4096);
        let script = script.interleaved(&Message::video(40, &longer), &Message::audio(23, &long));
        // Sound and a ping between the chunks of a keyframe, as some encoders send it.
        let script = script.split(&Message::video(80, &longer), 40, |script| {
            (0..30).fold(script, |script, at| script.audio(46 + at, &small).ping(at))
        });
        let script = script.interleaved(&Message::audio(90, &longer), &Message::video(120, &long));
        // Sound right before the end of a keyframe.
        (0..5).fold(script, |script, at| {
            let key = Message::video(200 + at, &long[..50_000]);
            script.split(&key, 12, |script| script.audio(200 + at, &small))
        })
    };
    let mut tags = vec![audio(23, &long), video(40, &longer)];
    tags.extend((0..30).map(|at| audio(46 + at, &small)));
    tags.extend([video(80, &longer), video(120, &long), audio(90, &longer)]);
    tags.extend((200..205).flat_map(|at| [audio(at, &small), video(at, &long[..50_000])]));
    assert_recorded(script, &tags);
}

#[test]
fn taken_back_or_never_ended() {
    let (long, small) = (filler(200_000, 1), filler(300, 2));
    let begun = |script: Script, time| script.begun(&Message::video(time, &long), 30);
    let script = |script: Script| {
        let script = begun(script.chunk_size(4096), 40).abort(6).audio(41, &small);
        // Superseded: by one like it, by a small one, and by one that is superseded too.
        let script = begun(script, 80).video(120, &long);
        let script = begun(script, 160).video(200, &small);
        begun(begun(script, 240), 280).video(320, &long)
    };
    let tags = [audio(41, &small), video(120, &long), video(200, &small), video(320, &long)];
    at_every_pace(script, |server| {
        let ended = server.ended("one");
        assert_eq!((ended.written, ended.refused), (4, 5), "{ended:?}");
        assert!(flv::read(&ended.path) == tags, "other tags");
    });
    let script = |script| begun(script, 40);
    at_every_pace(
        |s| script(s.chunk_size(4096).video(0, &long)),
        |server| {
            let ended = server.ended("one");
            assert_eq!((ended.written, ended.refused), (1, 1), "{ended:?}");
            assert!(flv::read(&ended.path) == [video(0, &long)], "other tags");
        },
    );
}

#[test]
fn of_two_streams_of_one_connection() {
    let (long, longer, small) = (filler(200_000, 1), filler(300_000, 2), filler(300, 3));
    let other = |message: Message| message.stream(2).on(9);
    let script = |script: Script| {
        // The other is stream 2, as it is the second that is made.
        let script = script.chunk_size(4096).create_stream().publish(2, "two");
        let two = other(Message::video(40, &longer));
        let script = script.interleaved(&Message::video(40, &long), &two);
        let two = other(Message::video(80, &long));
        let script = script.split(&Message::video(80, &longer), 40, |script| {
            script.message(&two).message(&other(Message::audio(81, &small)))
        });
        let script = script.message(&other(Message::video(120, &long))).audio(121, &small);
        // The first ends in the middle of one of the other's.
        script.split(&other(Message::video(160, &long)), 30, |script| script.delete_stream(1.0))
    };
    at_every_pace(script, |server| {
        let one = [video(40, &long), video(80, &longer), audio(121, &small)];
        let two = [
            video(40, &longer),
            video(80, &long),
            audio(81, &small),
            video(120, &long),
            video(160, &long),
        ];
        for (name, tags) in [("one", &one[..]), ("two", &two)] {
            let recorded = flv::read(&server.complete(name));
            assert_eq!(sizes(&recorded), sizes(tags), "{name}");
            assert!(recorded == tags, "{name}: other bytes");
        }
    });
}

/// Each burst is one read, of which the large message is nearly all.
#[test]
fn behind_small_ones_in_one_read() {
    let server = Server::start(&[]);
    let mut peer = Peer::publishing(server.addr, "live", "one");
    peer.send(|script| script.chunk_size(4096).create_stream().publish(2, "two"));
    peer.barrier();
    let (long, small) = (filler(55_000, 1), filler(300, 2));
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for time in (0..8).map(|burst| burst * 100) {
        let other = time % 200 > 0;
        peer.send(|script| {
            let beside = Message::audio(time, &small);
            let beside = if other { beside.stream(2).on(9) } else { beside };
            script.message(&beside).video(time + 1, &long).audio(time + 2, &small)
        });
        if other { &mut two } else { &mut one }.push(audio(time, &small));
        one.extend([video(time + 1, &long), audio(time + 2, &small)]);
        thread::sleep(Duration::from_millis(200));
    }
    peer.barrier();
    drop(peer);
    for (name, tags) in [("one", one), ("two", two)] {
        let recorded = flv::read(&server.complete(name));
        assert_eq!(sizes(&recorded), sizes(&tags), "{name}");
        assert!(recorded == tags, "{name}: other bytes");
    }
}
