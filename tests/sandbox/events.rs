//! Events that hostile guests make up: out of order, without end, with tags and ledgers that are
//! none. Each ends its own session, with the fault named.

use sluicebox_host::Config;

use super::drive::{accept, ignore, reject, says, sessions_end};
use super::guests::{Guest, MEMORY, RECORDS, Record, TAG, TAG_AT, TEXT_AT, data};

#[test]
fn events_out_of_order() {
    let (publish, tag) = (Record::publish(7), Record::tag(7));
    let end = |tags: u64| Record::unpublish(7, [tags, 3 * tags], [tags, 3 * tags]);
    let order = |name, once: &[Record]| {
        says(name, once, "Guest(Order(StreamId(7)))", "an event out of order for stream 7")
    };
    let (publish, tag) = (&publish, &tag);
    sessions_end(
        accept,
        vec![
            order("tags of a stream that nobody asked for", std::slice::from_ref(tag)),
            order("the end of a stream that nobody asked for", &[end(0)]),
            order("a publish on a stream that is live", &[publish.clone(), publish.clone()]),
            order("tags after the end", &[publish.clone(), tag.clone(), end(1), tag.clone()]),
            order("an end after the end", &[publish.clone(), end(0), end(0)]),
            order("tags of another stream", &[Record::publish(1), tag.clone()]),
        ],
    );
    let too_early = || {
        let tags = order("tags of a stream that was not accepted", &[publish.clone(), tag.clone()]);
        let end = order("the end of a stream that was not accepted", &[publish.clone(), end(0)]);
        vec![tags, end]
    };
    sessions_end(ignore, too_early());
    sessions_end(reject, too_early());
    let again = order("a publish asked for twice", &[publish.clone(), publish.clone()]);
    sessions_end(ignore, vec![again]);
}

#[test]
fn tags_that_are_none() {
    let tags = |name, at, len, count| {
        let once = [Record::publish(7), Record::tags(7, at, len, count)];
        says(name, &once, "Guest(Tags(StreamId(7)))", "gave no whole tags for stream 7")
    };
    sessions_end(
        accept,
        vec![
            tags("a tag without its last byte", TAG_AT, 17, 1),
            tags("a tag with a byte more", TAG_AT, 19, 1),
            tags("a tag's header", TAG_AT, 11, 1),
            tags("the middle of a tag", TAG_AT + 1, 17, 1),
            tags("bytes that are no tag", 0x20000, 1000, 1),
            tags("one tag that is said to be two", TAG_AT, 18, 2),
            tags("one tag that is said to be none", TAG_AT, 18, 0),
            tags("no tags", TAG_AT, 0, 0),
            tags("nothing that is said to be a tag", TAG_AT, 0, 1),
        ],
    );
    let changed = |name, at: usize, byte| {
        let mut bytes = *TAG;
        bytes[at] = byte;
        let (name, guest, debug, message) = tags(name, 0x300, 18, 1);
        (name, guest.more(&data(0x300, &bytes)), debug, message)
    };
    sessions_end(
        accept,
        vec![
            changed("a tag of a kind that FLV has not", 0, 15),
            changed("a tag whose kind has a flag", 0, 0x28),
            changed("a tag of another stream", 8, 1),
            changed("a tag of yet another stream", 10, 1),
        ],
    );
}

#[test]
fn ledgers_that_lie() {
    let ledger = |name, received, written, refused| {
        let end = Record::ended(7, [1, 0], received, written, refused);
        let once = [Record::publish(7), Record::tag(7), end];
        says(name, &once, "Guest(Ledger(StreamId(7)))", "gave a wrong ledger for stream 7")
    };
    sessions_end(
        accept,
        vec![
            ledger("a message too many", [2, 3], [2, 3], 0),
            ledger("a byte too many", [1, 4], [1, 4], 0),
            ledger("nothing was written", [0, 0], [0, 0], 0),
            ledger("all was written that can be told", [1, 3], [u64::MAX; 2], 0),
            ledger("less was received than written", [0, 0], [1, 3], 0),
            ledger("more was received than written or refused", [2, 6], [1, 3], 0),
            ledger("more was refused than can be told", [1, 3], [1, 3], u64::MAX),
        ],
    );
}

#[test]
fn events_without_end() {
    let tag = [Record::tag(7)];
    let large = tag_of(0xfff0);
    let len = u32::try_from(large.len()).expect("a small tag");
    let run = [Record::tags(7, 0x10000, len, 1)];
    let ever = |name, once: &[Record], ever: &[Record]| {
        (name, Guest::says(once, ever), "Guest(Events)", "more events than its input can mean")
    };
    let bytes = |name, once: &[Record], ever: &[Record]| {
        let guest = Guest::says(once, ever).more(&data(0x10000, &large));
        (name, guest, "Guest(Output)", "more bytes than its input can mean")
    };
    let publish = [Record::publish(7)];
    sessions_end(
        accept,
        vec![
            ever("empty replies", &[], &[Record::reply(0, 0)]),
            ever("short replies", &[], &[Record::reply(0, 3)]),
            ever("connects", &[], &[Record::connect(TEXT_AT, 3)]),
            ever("tags", &publish, &tag),
            ever(
                "publishes and ends",
                &[],
                &[Record::publish(7), Record::unpublish(7, [0; 2], [0; 2])],
            ),
            bytes("long replies", &[], &[Record::reply(0, 0xffff)]),
            bytes("a reply that is all of its memory", &[], &[Record::reply(0, MEMORY)]),
            bytes("long tags", &publish, &run),
            (
                "publishes on one stream after another",
                ever_new_streams(),
                "Guest(Streams)",
                "the guest has too many streams",
            ),
        ],
    );
    sessions_end(reject, vec![bytes("long names", &[], &[Record::named(7, 0, 0xffff)])]);
    sessions_end(
        reject,
        vec![(
            "publishes that are refused",
            ever_new_streams(),
            "Guest(Events)",
            "more events than its input can mean",
        )],
    );
}

/// Texts come out of a command, and no command is longer than `Limits::command`.
#[test]
fn texts_that_no_command_has() {
    let long = |name, record| {
        let guest = Guest::says_once(record);
        (name, guest, "Guest(Output)", "more bytes than its input can mean")
    };
    let len = Config::default().limits.command + 1;
    sessions_end(
        accept,
        vec![
            long("a long application", Record::connect(0, len)),
            long("a long name", Record::named(1, 0, len)),
            long("a name that is all of its memory", Record::named(1, 0, MEMORY)),
        ],
    );
}

/// A tag with a body of `len` zeros.
fn tag_of(len: u32) -> Vec<u8> {
    let [_, length @ ..] = len.to_be_bytes();
    let body = vec![0; len as usize];
    [&[9][..], &length, &[0; 7], &body, &(len + 11).to_be_bytes()].concat()
}

/// Asks for a publish on another stream each time.
fn ever_new_streams() -> Guest {
    let body = format!(
        "(i32.store (i32.const {at}) (i32.add (i32.load (i32.const {at})) (i32.const 1)))
        (i32.const {RECORDS})",
        at = RECORDS + 4
    );
    Guest::says_once(Record::publish(0)).and("poll", &body)
}
