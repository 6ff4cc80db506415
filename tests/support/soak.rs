//! More than 4 GiB through one session: where 32 bits of a counter are not enough.

use sluicebox_core::{Close, Config};

use crate::flv;
use crate::fuzz::{Driver, Outcome, Policy};
use crate::reply::parse_replies;
use crate::subject::Subject;
use crate::wire::{Message, Script};

/// The longest message there is, in bytes.
const LONGEST: usize = 0x00ff_ffff;

/// Feeds more than 4 GiB, 16 MiB at a time, and `then` acts after each part. The acknowledgements
/// that the peer got, and everything that came out.
pub fn past_the_wrap<S: Subject>(
    mut driver: Driver<S>,
    mut then: impl FnMut(&mut Driver<S>),
) -> (Vec<u32>, Outcome) {
    let size = u32::try_from(LONGEST).expect("24 bits");
    driver.feed(Script::hello().to_publish("live", "cam").chunk_size(size).bytes());
    // A shared object: legal, of the longest kind, and not recorded.
    let mut after = Script::new().chunk_size(size);
    after.take();
    let long = after.clone().message(&Message::new(19, &vec![0; LONGEST]));
    for time in 0..260 {
        driver.feed(long.bytes());
        driver.feed(after.clone().audio(time, &time.to_be_bytes()).bytes());
        then(&mut driver);
    }
    let acks = acknowledged(&driver);
    let outcome = driver.finish(Close::Gone);
    assert!(outcome.received > 1 << 32, "{:?} after {} bytes", outcome.error, outcome.received);
    let tags = flv::parse_tags(outcome.only_tags()).expect("whole tags");
    assert!(tags.iter().map(|tag| tag.timestamp).eq(0..260), "a tag behind each long message");
    (acks, outcome)
}

/// The values of all acknowledgements so far.
pub fn acknowledged<S: Subject>(driver: &Driver<S>) -> Vec<u32> {
    let replies = parse_replies(driver.replies());
    let acks = replies.iter().filter(|reply| reply.0.kind == 3);
    acks.map(|reply| u32::from_be_bytes(*reply.0.body.first_chunk().expect("4 bytes"))).collect()
}

/// Asserts that each pause is acknowledged with what was received, of which 32 bits are sent.
pub fn assert_acknowledged<S: Subject>(driver: Driver<S>) {
    let mut expected = Vec::new();
    let (acks, _) = past_the_wrap(driver, |driver| {
        driver.idle();
        expected.push(driver.received());
    });
    assert!(expected.first() < Some(&(1 << 31)) && expected.last() > Some(&(1 << 32)));
    let low = |received: &u64| u32::try_from(received % (1 << 32)).expect("the low half");
    assert_eq!(acks, expected.iter().map(low).collect::<Vec<_>>());
}

/// A session of the core in this process.
pub fn driver() -> Driver {
    Driver::new(Config::default(), Policy::Accept)
}
