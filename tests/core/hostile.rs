//! Bytes that no encoder means: no panic, whole tags, balanced ledgers, errors that stick. All of
//! that is asserted where the bytes are fed (`sluicebox_tests::fuzz`).

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use sluicebox_core::{Config, Reject};
use sluicebox_tests::fuzz::{self, Policy, run};

use super::scenarios;

/// Where the seeds of what once failed are kept.
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/core/hostile.regressions");

/// Bytes of the handshake in every scenario.
const HANDSHAKE: usize = 3073;

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        ..ProptestConfig::default()
    })
}

/// The scenarios short enough to be run thousands of times, and with something to change.
fn short() -> Vec<(&'static str, Vec<u8>)> {
    let all = scenarios().map(|(name, script)| (name, script().take()));
    all.filter(|(_, bytes)| (HANDSHAKE..20_000).contains(&bytes.len())).collect()
}

#[test]
fn random_bytes() {
    let bytes = prop::collection::vec(any::<u8>(), 0..800);
    runner(4000)
        .run(&bytes, |bytes| {
            fuzz::session(&bytes);
            fuzz::cuts(&bytes);
            fuzz::amf0(&bytes);
            fuzz::tags(&bytes);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A change to a valid session.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Delete(Index, usize),
    Repeat(Index, usize),
    Truncate(Index),
}

impl Change {
    /// Changes what is behind the handshake.
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: &Index| HANDSHAKE + at.index(bytes.len() - HANDSHAKE + 1);
        let run = |at: usize, len: usize| at..bytes.len().min(at + len);
        match self {
            Self::Flip(at, mask) => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= mask;
                }
            }
            Self::Insert(at, new) => {
                let at = place(at);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Delete(at, len) => {
                let range = run(place(at), *len);
                bytes.drain(range);
            }
            Self::Repeat(at, len) => {
                let at = place(at);
                let again = bytes[run(at, *len)].to_vec();
                bytes.splice(at..at, again);
            }
            Self::Truncate(at) => bytes.truncate(place(at)),
        }
    }

    fn any() -> impl Strategy<Value = Self> {
        let at = any::<Index>;
        prop_oneof![
            4 => (at(), 1..=255_u8).prop_map(|(at, mask)| Self::Flip(at, mask)),
            2 => (at(), prop::collection::vec(any::<u8>(), 1..20))
                .prop_map(|(at, new)| Self::Insert(at, new)),
            2 => (at(), 1..200_usize).prop_map(|(at, len)| Self::Delete(at, len)),
            2 => (at(), 1..600_usize).prop_map(|(at, len)| Self::Repeat(at, len)),
            1 => at().prop_map(Self::Truncate),
        ]
    }
}

#[test]
fn changed_sessions() {
    let scenarios = short();
    let policies = [Policy::Accept, Policy::Reject(Reject::Refused), Policy::Alternate];
    let changes = prop::collection::vec(Change::any(), 1..5);
    runner(4000)
        .run(&(any::<Index>(), any::<Index>(), changes), |(scenario, policy, changes)| {
            let mut bytes = scenario.get(&scenarios).1.clone();
            changes.iter().for_each(|change| change.apply(&mut bytes));
            let policy = *policy.get(&policies);
            let whole = run(Config::default(), policy, [bytes.as_slice()]);
            let bytewise = run(Config::default(), policy, bytes.chunks(1));
            bytewise.assert_same(&whole, &"byte by byte");
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// A session that ends after any byte leaves the beginning of what the whole one leaves.
#[test]
fn every_truncation() {
    for (name, bytes) in short() {
        let whole = run(Config::default(), Policy::Accept, [bytes.as_slice()]);
        for len in (0..HANDSHAKE).step_by(311).chain(HANDSHAKE..bytes.len()) {
            let outcome = run(Config::default(), Policy::Accept, [&bytes[..len]]);
            for (stream, tags) in &outcome.tags {
                let all = whole.tags.get(stream).map(Vec::as_slice).unwrap_or_default();
                assert!(all.starts_with(tags), "{name}, cut off at {len}: other tags");
            }
        }
    }
}
