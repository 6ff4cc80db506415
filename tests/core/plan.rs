//! Sessions made up at random, with every choice that RTMP leaves to a sender, and the recording
//! that each must give, worked out from the choices and not from the bytes.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use sluicebox_core::{Config, Type3};
use sluicebox_tests::flv::Tag;
use sluicebox_tests::fuzz::{Policy, run};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::replay::cut;
use sluicebox_tests::wire::{Header, Message, Script};

use super::run::{decoded, publishing};

/// Where the seeds of plans that once failed are kept.
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/core/plan.regressions");

/// Timestamps from here on are in the extended field.
const EXTENDED: u32 = 0xff_ffff;

/// One message, or two in turn.
#[derive(Clone, Debug)]
struct Step {
    message: Choice,
    beside: Option<Choice>,
    chunk_size: Option<u32>,
}

/// What a sender may choose for a message.
#[derive(Clone, Debug)]
struct Choice {
    csid: u32,
    format: u8,
    time: u32,
    len: usize,
    kind: u8,
}

/// What a chunk stream remembers.
#[derive(Clone, Copy)]
struct Memory {
    timestamp: u32,
    delta: u32,
    len: usize,
    kind: u8,
}

fn choice() -> impl Strategy<Value = Choice> {
    let csid = prop::sample::select(vec![2, 4, 6, 63, 64, 319, 320, 65_599]);
    let edge = prop::sample::select(vec![
        0,
        1,
        40,
        9999,
        0xff_fffe,
        0xff_ffff,
        0x0100_0000,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
    ]);
    let time = prop_oneof![4 => 0..20_000_u32, 2 => edge, 1 => any::<u32>()];
    let len = prop_oneof![3 => 0..300_usize, 1 => prop::sample::select(vec![0, 1, 127, 128, 129])];
    let kind = prop::sample::select(vec![8, 9, 18]);
    (csid, 0..4_u8, time, len, kind).prop_map(|(csid, format, time, len, kind)| Choice {
        csid,
        format,
        time,
        len,
        kind,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let sizes = prop::sample::select(vec![1, 2, 7, 64, 127, 128, 129, 4096]);
    let size = prop::option::weighted(0.2, sizes);
    (choice(), prop::option::weighted(0.4, choice()), size)
        .prop_map(|(message, beside, chunk_size)| Step { message, beside, chunk_size })
}

/// A plan put into bytes, and the tags it must give.
struct Made {
    script: Script,
    tags: Vec<Tag>,
    memory: HashMap<u32, Memory>,
    chunk_size: usize,
    seed: u32,
    bare: bool,
}

impl Made {
    /// `bare`: extended timestamps are not repeated.
    fn new(plan: &[Step], bare: bool) -> Self {
        let (script, tags, memory) = (publishing(), Vec::new(), HashMap::new());
        // What the commands before left on chunk streams 3 and 8 is not used.
        let new = Self { script, tags, memory, chunk_size: 128, seed: 1, bare };
        plan.iter().fold(new, Self::step)
    }

    fn step(mut self, step: &Step) -> Self {
        if let Some(size) = step.chunk_size {
            self.script = self.script.chunk_size(size);
            self.chunk_size = size as usize;
            // It went out on chunk stream 2.
            self.memory.remove(&2);
        }
        let (a, tag) = self.message(&step.message);
        let beside = step.beside.as_ref().filter(|beside| beside.csid != step.message.csid);
        let Some(beside) = beside else {
            self.script = self.script.message(&a);
            self.tags.push(tag);
            return self;
        };
        let (b, other) = self.message(beside);
        let chunks = |tag: &Tag| tag.body.len().div_ceil(self.chunk_size).max(1);
        let in_order = chunks(&tag) <= chunks(&other);
        self.script = self.script.interleaved(&a, &b);
        self.tags.extend(if in_order { [tag, other] } else { [other, tag] });
        self
    }

    /// The message of a choice; what a chunk stream does not know yet is said in full.
    fn message(&mut self, choice: &Choice) -> (Message, Tag) {
        let before = self.memory.get(&choice.csid).copied();
        let format = if before.is_none() { 0 } else { choice.format };
        // Behind an empty message, a header that looks like the extended timestamp would pass for one
        // that is repeated: nobody can tell.
        let empty = before.is_some_and(|before| before.len == 0 && before.delta >= EXTENDED);
        let format = if self.bare && format == 3 && empty { 2 } else { format };
        let before = before.unwrap_or(Memory { timestamp: 0, delta: 0, len: 0, kind: 0 });
        let (len, kind) =
            if format < 2 { (choice.len, choice.kind) } else { (before.len, before.kind) };
        let delta = if format < 3 { choice.time } else { before.delta };
        let timestamp =
            if format == 0 { choice.time } else { before.timestamp.wrapping_add(delta) };
        self.memory.insert(choice.csid, Memory { timestamp, delta, len, kind });
        self.seed += 1;
        let body = filler(len, self.seed);
        let header = match format {
            0 => Header::Full(choice.time),
            1 => Header::Delta(choice.time),
            2 => Header::SameLength(choice.time),
            _ => Header::Same,
        };
        let message = Message::new(kind, &body).on(choice.csid).stream(1).header(header);
        let message = if self.bare { message.bare_type3() } else { message };
        (message, Tag { kind, timestamp, body })
    }
}

#[test]
fn recordings_are_what_was_planned() {
    let config = ProptestConfig {
        cases: 1500,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(SEEDS))),
        ..ProptestConfig::default()
    };
    let plans = prop::collection::vec(step(), 1..25);
    let cuts = prop::collection::vec(any::<usize>(), 0..20);
    TestRunner::new(config)
        .run(&(plans, any::<bool>(), cuts), |(plan, bare, cuts)| {
            let made = Made::new(&plan, bare);
            let config = Config { type3: Type3::Delta, ..Config::default() };
            let whole = run(config, Policy::Accept, [made.script.bytes()]);
            prop_assert_eq!(whole.error, None);
            prop_assert_eq!(decoded(whole.only_tags()), made.tags);
            prop_assert!(whole.ends()[0].2.complete());
            let pieces = cut(made.script.bytes(), &cuts);
            run(config, Policy::Accept, pieces).assert_same(&whole, &"cut");
            let bytewise = made.script.bytes().chunks(1);
            run(config, Policy::Accept, bytewise).assert_same(&whole, &"byte by byte");
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
