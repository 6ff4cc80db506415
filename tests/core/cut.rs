//! Any cut of the input gives the same output.

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use sluicebox_core::{Config, Reject};
use sluicebox_tests::fuzz::{Policy, run};
use sluicebox_tests::replay::cut;

use super::scenarios;

/// Where the seeds of cuts that once failed are kept.
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/core/cut.regressions");

const POLICIES: [Policy; 3] = [Policy::Accept, Policy::Reject(Reject::Busy), Policy::Alternate];

#[test]
fn byte_by_byte() {
    for (name, script) in scenarios() {
        let script = script();
        for policy in POLICIES {
            let whole = run(Config::default(), policy, [script.bytes()]);
            let bytewise = run(Config::default(), policy, script.bytes().chunks(1));
            bytewise.assert_same(&whole, &(name, policy));
        }
    }
}

#[test]
fn after_every_byte_once() {
    for (name, script) in scenarios() {
        let script = script();
        let whole = run(Config::default(), Policy::Accept, [script.bytes()]);
        let len = script.bytes().len();
        // Every place of short scripts; of long ones, their beginnings and some more.
        let places = (0..len).step_by(1 + len / 20_000).filter(|at| len < 20_000 || at % 97 == 0);
        for at in places.take(if len < 20_000 { len } else { 50 }) {
            let (a, b) = script.bytes().split_at(at);
            run(Config::default(), Policy::Accept, [a, b]).assert_same(&whole, &(name, at));
        }
    }
}

#[test]
fn anywhere() {
    for (name, script) in scenarios() {
        let script = script();
        let whole = run(Config::default(), Policy::Accept, [script.bytes()]);
        let config = ProptestConfig {
            cases: if script.bytes().len() > 100_000 { 8 } else { 64 },
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
            ..ProptestConfig::default()
        };
        let cuts = prop::collection::vec(any::<usize>(), 0..60);
        TestRunner::new(config)
            .run(&cuts, |cuts| {
                let pieces = cut(script.bytes(), &cuts);
                run(Config::default(), Policy::Accept, pieces).assert_same(&whole, &name);
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
