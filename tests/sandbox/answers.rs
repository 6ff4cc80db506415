//! What hostile guests say: places outside their memory, numbers that mean nothing, counts that
//! cannot be. Each ends its own session, with the fault named.

use super::drive::{accept, drive, says, sessions_end};
use super::guests::{Guest, MEMORY, RECORDS, Record, TAG_AT, TEXT_AT, data};

/// Where lists of free memory lie.
const LIST: u32 = 0x3000;

#[test]
fn room_outside_the_memory() {
    let room = |name, body, debug| {
        (name, Guest::with("space", body), debug, "gave room outside its memory: ")
    };
    sessions_end(
        accept,
        vec![
            room("room behind the end", "(i32.const 0x40000)", "Guest(Space { at: 262144, len: 56"),
            room("room far away", "(i32.const -1)", "Guest(Space { at: 4294967295, len: 56 })"),
            room(
                "room of which one byte is missing",
                "(i32.sub (i32.const 0x40001) (local.get 0))",
                "Guest(Space { at: 262089, len: 56 })",
            ),
            room(
                "room for the settings only",
                "(i32.const 0x3ff00)",
                "Guest(Space { at: 261888, len: 4096 })",
            ),
        ],
    );
}

#[test]
fn records_outside_the_memory() {
    let place =
        |name, body, debug| (name, Guest::with("poll", body), debug, "is outside the memory");
    sessions_end(
        accept,
        vec![
            place(
                "a record behind the end",
                "(i32.const 0x40000)",
                "Guest(Record(Record { at: 262144 }))",
            ),
            place(
                "a record far away",
                "(i32.const -1)",
                "Guest(Record(Record { at: 4294967295 }))",
            ),
            place(
                "a record that is cut off",
                "(i32.const 0x3fffc)",
                "Guest(Record(Record { at: 262140 }))",
            ),
        ],
    );
}

/// What a record points at.
#[test]
fn bytes_outside_the_memory() {
    let slice =
        |name, record, debug| (name, Guest::says_once(record), debug, "are outside the memory");
    sessions_end(
        accept,
        vec![
            slice(
                "a reply behind the end",
                Record::reply(MEMORY, 1),
                "Guest(Record(Range { at: 262144, len: 1 }))",
            ),
            slice(
                "a reply of which one byte is missing",
                Record::reply(MEMORY - 7, 8),
                "Guest(Record(Range { at: 262137, len: 8 }))",
            ),
            slice(
                "a reply of 4 GiB",
                Record::reply(0, u32::MAX),
                "Guest(Record(Range { at: 0, len: 4294967295 }))",
            ),
            slice(
                "a reply whose place and length add up to more than 32 bits",
                Record::reply(u32::MAX, u32::MAX),
                "Guest(Record(Range { at: 4294967295, len: 4294967295 }))",
            ),
            slice(
                "a name of 4 GiB",
                Record::named(1, TAG_AT, u32::MAX),
                "Guest(Record(Range { at: 256, len: 4294967295 }))",
            ),
            slice(
                "an application far away",
                Record::connect(u32::MAX, 1),
                "Guest(Record(Range { at: 4294967295, len: 1 }))",
            ),
            slice(
                "tags of 4 GiB",
                Record::tags(1, TAG_AT, u32::MAX, 1),
                "Guest(Record(Range { at: 256, len: 4294967295 }))",
            ),
            slice(
                "last words of 4 GiB",
                Record::failed(0, TEXT_AT, u32::MAX),
                "Guest(Record(Range { at: 512, len: 4294967295 }))",
            ),
        ],
    );
}

/// The list of free memory that `trim` leaves.
#[test]
fn free_memory_outside_the_memory() {
    let list = |name, at: &str, words: &[u32], debug, message| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        (name, Guest::with("trim", at).more(&data(LIST, &bytes)), debug, message)
    };
    let whole = [1, 0, MEMORY];
    let outside = "is outside the memory";
    sessions_end(
        accept,
        vec![
            list(
                "a list behind the end",
                "(i32.const 0x40000)",
                &whole,
                "Guest(Record(Record { at: 262144 }))",
                outside,
            ),
            list(
                "a list far away",
                "(i32.const -1)",
                &whole,
                "Guest(Record(Record { at: 4294967295 }))",
                outside,
            ),
            list(
                "a list that is cut off",
                "(i32.store (i32.const 0x3fffc) (i32.const 1)) (i32.const 0x3fffc)",
                &whole,
                "Guest(Record(Record { at: 262140 }))",
                outside,
            ),
            list(
                "a byte more than there is",
                "(i32.const 0x3000)",
                &[1, 1, MEMORY],
                "Guest(Record(Range { at: 1, len: 262144 }))",
                "are outside the memory",
            ),
            list(
                "4 GiB behind a good entry",
                "(i32.const 0x3000)",
                &[2, 0x4000, 0x1000, 0, u32::MAX],
                "Guest(Record(Range { at: 0, len: 4294967295 }))",
                "are outside the memory",
            ),
        ],
    );
    let endless: Vec<u32> =
        [u32::MAX].into_iter().chain([0x8000, MEMORY - 0x8000].repeat(400)).collect();
    for words in [&whole[..], &[1, LIST, 12], &[3, 0x20001, 1, 0x20fff, 2, MEMORY, 0], &endless] {
        let (_, guest, ..) = list("", "(i32.const 0x3000)", words, "", "");
        drive(&guest, accept).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }
}

#[test]
fn numbers_that_mean_nothing() {
    let end = |end| Record::ended(1, end, [0; 2], [0; 2], 0);
    let kind = |name, kind, debug| says(name, &[Record::unknown(kind)], debug, "of unknown kind");
    let code = |name, codes, debug| {
        says(name, &[Record::publish(1), end(codes)], debug, "means nothing here")
    };
    sessions_end(
        accept,
        vec![
            kind("a kind that comes after the last", 7, "Guest(Record(Kind(7)))"),
            kind("the last of all kinds", u32::MAX, "Guest(Record(Kind(4294967295)))"),
            code("an end by nobody", [0, 0], "Guest(Record(Code(0)))"),
            code("an end by somebody else", [9, 0], "Guest(Record(Code(9)))"),
            code("a close for no reason", [2, 99], "Guest(Record(Code(2)))"),
            code("a refusal for no reason", [3, u32::MAX], "Guest(Record(Code(3)))"),
        ],
    );
}

#[test]
fn counts_that_cannot_be() {
    let nothing = |received, stray| Record::NOTHING.counting(received, stray);
    let counts = |name, once: &[Record]| {
        says(name, once, "Guest(Counts)", "counts what it cannot have taken in")
    };
    sessions_end(
        accept,
        vec![
            counts("more taken in than was fed", &[nothing(4097, 0)]),
            counts("all taken in that can be told", &[nothing(u64::MAX, 0)]),
            counts("more strays than were fed", &[nothing(0, u64::MAX)]),
            counts("fewer strays than before", &[nothing(0, 2), nothing(0, 1)]),
        ],
    );
}

#[test]
fn last_words() {
    let failed = |name, record, debug, message| (name, Guest::says_once(record), debug, message);
    sessions_end(
        accept,
        vec![
            failed(
                "an error without a name",
                Record::failed(12345, TEXT_AT, 5),
                "Guest(Other(\"no",
                "sandbox: the guest failed: no",
            ),
            failed("a known one", Record::failed(104, 0, 0), "Session(OverLimit(", "chunk streams"),
        ],
    );
    let guest = Guest::says_once(Record::failed(0, 0, MEMORY));
    let error = drive(&guest, accept).expect_err("it has failed");
    let text = error.to_string();
    assert!(text.len() < 2000, "{} bytes of last words", text.len());
    let guest = Guest::says_once(Record::failed(0, TEXT_AT, 12));
    let text = drive(&guest, accept).expect_err("it has failed").to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// Strange, and nobody's harm: the session goes on to its end.
#[test]
fn what_does_no_harm() {
    let at = RECORDS;
    let taken = |bytes| Record::NOTHING.counting(bytes, 0);
    let harmless = [
        (
            "room at the very end",
            Guest::with("space", "(i32.sub (i32.const 0x40000) (local.get 0))"),
        ),
        ("room over its own records", Guest::with("space", "(i32.const 0x1000)")),
        ("a record at the very end", Guest::with("poll", "(i32.const 0x3ffe0)")),
        ("a reply that is its own record", Guest::says_once(Record::reply(at, 40))),
        ("an application that is its own record", Guest::says_once(Record::connect(at + 7, 90))),
        ("an empty reply at the very end", Guest::says_once(Record::reply(MEMORY, 0))),
        ("less taken in than before", Guest::says(&[taken(100), taken(99)], &[])),
    ];
    for (name, guest) in harmless {
        drive(&guest, accept).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
