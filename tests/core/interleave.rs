//! Messages between the chunks of others, and messages taken back.

use sluicebox_tests::handshake::filler;
use sluicebox_tests::wire::{Message, Script};

use super::run::{Scenario, audio, decoded, end, outcome, publishing, recorded, replies, video};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("two interleaved", two_interleaved),
    ("three interleaved", three_interleaved),
    ("aborts", aborts),
];

fn two_interleaved() -> Script {
    publishing()
        .interleaved(&Message::video(40, &filler(5000, 1)), &Message::audio(23, &filler(4000, 2)))
}

/// The messages, chunk by chunk in turn: type 0 headers, chunk size 128.
fn in_turn(script: Script, messages: &[Message]) -> Script {
    let mut queues: Vec<Vec<u8>> =
        messages.iter().map(|message| Script::new().message(message).take()).collect();
    let mut out = script;
    for len in std::iter::once(12 + 128).chain(std::iter::repeat(1 + 128)) {
        for queue in &mut queues {
            let chunk: Vec<u8> = queue.drain(..queue.len().min(len)).collect();
            out = out.raw(&chunk);
        }
        if queues.iter().all(Vec::is_empty) {
            return out;
        }
    }
    out
}

fn three_interleaved() -> Script {
    let messages = [
        Message::video(40, &filler(1000, 1)),
        Message::audio(23, &filler(700, 2)),
        Message::new(18, &filler(900, 3)).on(5).stream(1),
    ];
    in_turn(publishing(), &messages)
}

/// Messages of two and three chunk streams interleave: the one that is whole first comes first.
#[test]
fn two_and_three_messages_interleave() {
    let expected = [audio(23, &filler(4000, 2)), video(40, &filler(5000, 1))];
    assert_eq!(recorded(&two_interleaved()), expected);
    let expected = [
        audio(23, &filler(700, 2)),
        video(40, &filler(1000, 1)),
        super::run::script(0, &filler(900, 3)),
    ];
    let mut found = recorded(&three_interleaved());
    found.sort_by_key(|tag| tag.kind);
    assert_eq!(found, expected);
    assert_eq!(recorded(&three_interleaved())[0].kind, 8);
}

fn aborts() -> Script {
    let long = filler(1000, 4);
    publishing()
        .begun(&Message::video(40, &long), 3)
        .abort(6)
        .abort(6)
        .abort(9)
        .begun(&Message::audio(41, &long), 2)
        .begun(&Message::video(42, &long), 1)
        .abort(4)
        .video(43, &long)
        .video(80, &long)
        .begun(&Message::video(81, &long), 2)
        .abort(6)
        .message(&Message::control(4, &[0, 6, 0, 0, 0, 7]).on(6))
}

/// An aborted message, and one that another supersedes, are on the ledger and not in the recording.
#[test]
fn aborted_and_superseded_messages() {
    let outcome = outcome(&aborts());
    let long = filler(1000, 4);
    assert_eq!(decoded(outcome.only_tags()), [video(43, &long), video(80, &long)]);
    let ledger = end(&outcome).1;
    assert_eq!((ledger.refused.aborted.messages, ledger.refused.aborted.bytes), (4, 8 * 128));
    assert_eq!(ledger.refused.total(), ledger.refused.aborted);
    assert!(replies(&outcome).iter().any(|reply| reply.is_pong(7)), "the chunk stream goes on");
}
