//! Parts of large messages that hostile guests make up, and tags that are said to be the rest of one. Each
//! ends its own session, with the fault named. What a good guest gives is tested with every session that the
//! core is.

use sluicebox_host::Config;

use super::drive::{Case, accept, drive, ignore, modules_are_refused, sessions_end};
use super::guests::{Guest, MEMORY, Record, TAG, TAG_AT, data};

/// Where the rest of [`TAG`] lies, of whose body two bytes came ahead.
const REST_AT: u32 = 0x800;
const REST: &[u8; 16] = b"\x08\0\0\x03\0\0\0\0\0\0\0c\0\0\0\x0e";
/// Its part.
const PART: [u32; 5] = [7, 0, 3, TAG_AT + 11, 2];

/// A guest whose stream 7 is accepted, and that gives these parts, and then this record.
fn guest(parts: &[[u32; 5]], then: &[Record]) -> Guest {
    let once = [&[Record::publish(7), Record::NOTHING][..], then].concat();
    Guest::says(&once, &[]).parts(parts).more(&data(REST_AT, REST))
}

fn rest(ahead: u32) -> Record {
    Record::rest(7, [REST_AT, 16, 1], ahead, 0)
}

#[test]
fn a_part_and_its_rest_are_a_tag() {
    let end = Record::unpublish(7, [1, 3], [1, 3]);
    for then in [&[rest(2)][..], &[rest(2), end]] {
        drive(&guest(&[PART], then), accept).unwrap_or_else(|error| panic!("{then:?}: {error}"));
    }
    // The first was taken back.
    let other = [7, 0, 9, TAG_AT, 5];
    drive(&guest(&[other, PART], &[Record::NOTHING, rest(2)]), accept).expect("the second counts");
    let [first, second] = [[7, 0, 3, TAG_AT + 11, 1], [7, 1, 3, TAG_AT + 12, 1]];
    drive(&guest(&[first, second], &[Record::NOTHING, rest(2)]), accept)
        .expect("one after another");
    // Among others, with its end after it.
    let among = [TAG, &REST[..], TAG].concat();
    let end = Record::unpublish(7, [3, 9], [3, 9]);
    let then = [Record::rest(7, [0x900, 52, 3], 2, 18), end];
    drive(&guest(&[PART], &then).more(&data(0x900, &among)), accept).expect("each is a tag");
    let without = guest(&[], &[]).without("part");
    drive(&without, accept).expect("nobody needs parts");
}

#[test]
fn parts_that_cannot_be() {
    let part = |name, parts: &[[u32; 5]]| -> Case<'_> {
        (name, guest(parts, &[]), "Guest(Part(StreamId(7)))", "gave a wrong part for stream 7")
    };
    let longest = Config::default().limits.message;
    sessions_end(
        accept,
        vec![
            part("the middle of nothing", &[[7, 2, 3, TAG_AT, 1]]),
            part("nothing", &[[7, 0, 3, TAG_AT, 0]]),
            part("nothing at the very end", &[[7, 0, 3, MEMORY, 0]]),
            part("more than its message", &[[7, 0, 3, TAG_AT, 4]]),
            part("a message over the limit", &[[7, 0, longest + 1, TAG_AT, 4]]),
            part("a message of 4 GiB", &[[7, 0, u32::MAX, TAG_AT, 4]]),
            part("a gap", &[PART, [7, 3, 9, TAG_AT, 1]]),
            part("what came already", &[PART, [7, 1, 3, TAG_AT, 1]]),
            part("more than is left", &[PART, [7, 2, 3, TAG_AT, 2]]),
            part("another length", &[PART, [7, 2, 4, TAG_AT, 1]]),
            part("more than 4 GiB in all", &[PART, [7, u32::MAX, 3, TAG_AT, 2]]),
        ],
    );
    let order = |name, parts: &[[u32; 5]]| -> Case<'_> {
        (name, guest(parts, &[]), "Guest(Order(StreamId(", "an event out of order")
    };
    sessions_end(accept, vec![order("another stream", &[[1, 0, 3, TAG_AT, 2]])]);
    sessions_end(ignore, vec![order("a stream that was not accepted", &[PART])]);
    let ended = [Record::unpublish(7, [0; 2], [0; 2])];
    let body = [[7, 0, 3, TAG_AT, 1], [7, 1, 3, TAG_AT, 1]];
    let ends = ("a stream that has ended", guest(&body, &ended));
    sessions_end(accept, vec![(ends.0, ends.1, "Guest(Order(StreamId(7)))", "out of order")]);
}

#[test]
fn parts_outside_the_memory() {
    let slice = |name, part: [u32; 5], debug| -> Case<'_> {
        (name, guest(&[part], &[]), debug, "are outside the memory")
    };
    let record = |name, body, debug| -> Case<'_> {
        (name, guest(&[], &[]).and("part", body), debug, "is outside the memory")
    };
    sessions_end(
        accept,
        vec![
            slice(
                "bytes behind the end",
                [7, 0, 9, MEMORY, 1],
                "Guest(Record(Range { at: 262144, len: 1 }))",
            ),
            slice(
                "4 GiB",
                [7, 0, 9, TAG_AT, u32::MAX],
                "Guest(Record(Range { at: 256, len: 4294967295 }))",
            ),
            record(
                "a record behind the end",
                "(i32.const 0x40000)",
                "Guest(Record(Record { at: 262144 }))",
            ),
            record(
                "a record that is cut off",
                "(i32.const 0x3fff0)",
                "Guest(Record(Record { at: 262128 }))",
            ),
        ],
    );
}

#[test]
fn rests_of_nothing() {
    let tags = |name, parts: &[[u32; 5]], record| -> Case<'_> {
        let then = [Record::NOTHING, record];
        (name, guest(parts, &then), "Guest(Tags(StreamId(7)))", "gave no whole tags for stream 7")
    };
    let of = |run, of| Record::rest(7, run, 2, of);
    let cases = vec![
        tags("the rest of what never came", &[], rest(2)),
        tags("the rest of more than came", &[PART], rest(3)),
        tags("the rest of less than came", &[PART], rest(1)),
        tags("the rest of another message", &[[7, 0, 4, TAG_AT, 2]], rest(2)),
        tags("a whole tag as a rest", &[PART], of([TAG_AT, 18, 1], 0)),
        tags("a rest as a whole tag", &[PART], rest(0)),
        tags("a rest of 4 GiB", &[PART], rest(u32::MAX)),
        tags("a rest that is a byte short", &[PART], of([REST_AT, 15, 1], 0)),
        tags("a rest that is a byte long", &[PART], of([REST_AT, 17, 1], 0)),
        tags("no rest", &[PART], of([REST_AT, 0, 1], 0)),
        tags("a rest that is said to be none", &[PART], of([REST_AT, 16, 0], 0)),
        tags("a rest that is said to be two", &[PART], of([REST_AT, 16, 2], 0)),
        tags("a rest that begins elsewhere", &[PART], of([REST_AT, 16, 1], 1)),
        tags("a rest behind the end", &[PART], of([REST_AT, 16, 1], 17)),
        tags("a rest that is 4 GiB away", &[PART], of([REST_AT, 16, 1], u32::MAX)),
    ];
    sessions_end(accept, cases);
    let among = |name, bytes: &[&[u8]], count, at| {
        let bytes = bytes.concat();
        let len = u32::try_from(bytes.len()).expect("a few tags");
        let mut case = tags(name, &[PART], of([0x900, len, count], at));
        case.1.add(&data(0x900, &bytes));
        case
    };
    sessions_end(
        accept,
        vec![
            among("a rest and a tag that is cut off", &[REST, &TAG[..17]], 2, 0),
            among("a tag that is cut off and a rest", &[&TAG[..17], REST], 2, 17),
            among("two rests", &[REST, REST], 2, 0),
            among("a rest that is said to be the other tag", &[REST, TAG], 2, 16),
            among("a rest and a tag that is not counted", &[REST, TAG], 1, 0),
        ],
    );
    let changed = |name, at: usize, byte| {
        let mut bytes = *REST;
        bytes[at] = byte;
        let record = of([0xa00, 16, 1], 0);
        let mut case = tags(name, &[PART], record);
        case.1.add(&data(0xa00, &bytes));
        case
    };
    sessions_end(
        accept,
        vec![
            changed("script data", 0, 18),
            changed("another length", 3, 4),
            changed("another stream", 8, 1),
            changed("another length behind it", 15, 3),
        ],
    );
    let twice = [Record::NOTHING, rest(2), rest(2)];
    let again = guest(&[PART], &twice);
    let (debug, message) = ("Guest(Tags(StreamId(7)))", "no whole tags");
    sessions_end(accept, vec![("a rest that came already", again, debug, message)]);
}

#[test]
fn what_a_guest_exports_as_parts_has_their_type() {
    let other = Guest::good().typed("part", "(result i32)", "(i32.const 0)");
    modules_are_refused(vec![("another type", other, "Start(Export(\"part\"))", "`part`")]);
}
