//! Bytes in, everything out, in a form that tests compare.

use sluicebox_core::flv::Media;
use sluicebox_core::{Config, End, Ledger};
use sluicebox_tests::flv::{self, Tag};
use sluicebox_tests::fuzz::{Outcome, Policy, run};
use sluicebox_tests::reply::{Reply, parse_replies};
use sluicebox_tests::wire::Script;

/// A synthetic session, and what it is.
pub(crate) type Scenario = (&'static str, fn() -> Script);

/// The start of every session that is about media.
pub(crate) fn publishing() -> Script {
    Script::hello().to_publish("live", "cam")
}

/// What comes out of a script that is accepted.
pub(crate) fn outcome(script: &Script) -> Outcome {
    run(Config::default(), Policy::Accept, [script.bytes()])
}

/// The tags of the only recording of a script that broke no rule.
pub(crate) fn recorded(script: &Script) -> Vec<Tag> {
    let outcome = outcome(script);
    assert_eq!(outcome.error, None);
    decoded(outcome.only_tags())
}

/// Tags, read strictly.
pub(crate) fn decoded(bytes: &[u8]) -> Vec<Tag> {
    flv::parse_tags(bytes).expect("whole tags")
}

/// The timestamps of the only recording.
pub(crate) fn times(script: &Script) -> Vec<u32> {
    recorded(script).iter().map(|tag| tag.timestamp).collect()
}

/// Everything that the peer was told.
pub(crate) fn replies(outcome: &Outcome) -> Vec<Reply> {
    parse_replies(&outcome.replies)
}

/// All codes that the peer was told, in order.
pub(crate) fn codes(outcome: &Outcome) -> Vec<String> {
    replies(outcome).iter().filter_map(Reply::code).collect()
}

/// The end of the only stream.
pub(crate) fn end(outcome: &Outcome) -> (End, Ledger) {
    let ends = outcome.ends();
    assert_eq!(ends.len(), 1, "{ends:?}");
    (ends[0].1, ends[0].2)
}

/// A video tag.
pub(crate) fn video(timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind: 9, timestamp, body: body.to_vec() }
}

/// An audio tag.
pub(crate) fn audio(timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind: 8, timestamp, body: body.to_vec() }
}

/// A script tag.
pub(crate) fn script(timestamp: u32, body: &[u8]) -> Tag {
    Tag { kind: 18, timestamp, body: body.to_vec() }
}

/// What a tag says of itself.
pub(crate) fn media(tag: &Tag) -> Media<'_> {
    let Tag { kind, timestamp, body } = tag;
    let tag = sluicebox_core::flv::Tag { kind: *kind, timestamp: *timestamp, body };
    tag.media().expect("audio or video")
}
