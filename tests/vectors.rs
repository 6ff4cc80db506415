use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use sluicebox_tests::flv;
use sluicebox_tests::replay::{Outcome, cut, replay};
use sluicebox_tests::vector::{Vector, all};

/// Where the seeds of cuts that once failed are kept.
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors.regressions");

#[test]
fn whole_and_byte_by_byte() {
    for vector in all() {
        let whole = whole(&vector);
        let tags = flv::parse_tags(whole.only_tags())
            .unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        let lines: Vec<String> = tags.iter().map(flv::Tag::line).collect();
        assert_equal(&vector.name, "tags.txt", &lines, &vector.tags);
        assert_same(&vector.name, &replay(vector.bytes.chunks(1)), &whole);
    }
}

#[test]
fn cut_anywhere() {
    for vector in all() {
        let whole = whole(&vector);
        let cuts = prop::collection::vec(any::<usize>(), 0..40);
        for_many(&vector, &cuts, |cuts| {
            assert_same(&vector.name, &replay(cut(&vector.bytes, &cuts)), &whole);
        });
    }
}

#[test]
fn broken_off_anywhere() {
    for vector in all() {
        let whole = whole(&vector);
        for_many(&vector, &(0..vector.bytes.len()), |len| {
            let part = replay([&vector.bytes[..len]]);
            assert_eq!(part.error, None, "{}: {len} bytes of it", vector.name);
            assert!(whole.replies.starts_with(&part.replies), "{}: other replies", vector.name);
            for (bytes, count) in part.tags.values() {
                let tags = flv::parse_tags(bytes).expect("whole tags");
                assert_eq!(Ok(tags.len()), usize::try_from(*count), "{}: the count", vector.name);
                assert!(whole.only_tags().starts_with(bytes), "{}: other tags", vector.name);
            }
        });
    }
}

#[test]
fn the_tags_are_what_another_reader_finds() {
    for vector in all() {
        let tags = sluicebox_tests::vector::expected_tags(&vector.bytes);
        let lines: Vec<String> = tags.iter().map(flv::Tag::line).collect();
        assert_equal(&vector.name, "tags.txt", &lines, &vector.tags);
    }
}

/// Tries many values; the seed of one that fails is kept, and tried first from then on.
fn for_many<S: Strategy>(vector: &Vector, strategy: &S, test: impl Fn(S::Value)) {
    let config = ProptestConfig {
        cases: 48,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        ..ProptestConfig::default()
    };
    let run = |value| {
        test(value);
        Ok(())
    };
    let result = TestRunner::new(config).run(strategy, run);
    result.unwrap_or_else(|error| panic!("{}: {error}", vector.name));
}

fn whole(vector: &Vector) -> Outcome {
    let whole = replay([vector.bytes.as_slice()]);
    assert_eq!(whole.error, None, "{}", vector.name);
    let (_, count) = whole.tags.values().next().expect("a stream with tags");
    assert_eq!(usize::try_from(*count), Ok(vector.tags.len()), "{}: the count", vector.name);
    whole
}

/// Compares part by part: a difference in 100 KiB of bytes is not worth printing.
fn assert_same(name: &str, found: &Outcome, whole: &Outcome) {
    assert_equal(name, "events", &found.events, &whole.events);
    assert_eq!(found.error, whole.error, "{name}");
    assert!(found.replies == whole.replies, "{name}: other replies than in one piece");
    assert!(found.tags == whole.tags, "{name}: other tags than in one piece");
}

fn assert_equal<T: PartialEq + Debug>(name: &str, what: &str, found: &[T], expected: &[T]) {
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "{name}: number {at} of {what}");
    }
    assert_eq!(found.len(), expected.len(), "{name}: how many {what}");
}
