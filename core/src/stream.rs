//! A message stream: who publishes on it, its tags on their way out, and its account.

use alloc::vec::Vec;

use crate::flv;
use crate::ledger::{Ledger, Tally};
use crate::message::{DATA_AMF0, DATA_AMF3};

/// Taking in stops when this many bytes of tags are ready: what is lent stays in the cache.
const RUN: usize = 256 << 10;

/// What a tag buffer may keep when it runs empty, in bytes. Above this, it had a big keyframe.
const KEEP: usize = 256 << 10;

/// What is made room for at once when a message begins, in bytes, however long it says it is: the usual
/// keyframe.
const ROOM: usize = 128 << 10;

/// An unfinished message is moved to the front of the buffer when more bytes than this, and not fewer
/// than it has, have been lent before it: rarely enough to cost nothing, often enough to stay in the cache.
/// In a sandbox, pages that were walked through once stay: there it is sooner, for a tenth of the core's time.
const MOVE: usize = if cfg!(target_family = "wasm") { 4 << 10 } else { 64 << 10 };

/// `rep movsb`, with which `memcpy` copies more than some 2 KiB, is 15 times slower on Zen 3 when the
/// destination lies less than this behind the source, modulo [`PAGE`]; in bytes.
const NEAR: usize = 32;
/// What is around a body, in bytes.
const TAG: usize = flv::TAG_HEADER + flv::TAG_TRAILER;
/// Length of a page, in bytes.
const PAGE: usize = 4096;
/// What is copied at a time then, in bytes: few enough for `memcpy` to take vector registers.
const SHORT: usize = 2048;

/// Where a message stream stands.
///
/// ```text
///            publish           accept            end             polled
///  Created ──────────▶ Asked ─────────▶ Live ─────────▶ Ending ─────────▶ Closed ──publish──▶ Asked
///     ▲                  └── reject ──▶ Closed                              │
///     └── createStream ── Free ◀──────────────── deleteStream ──────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The slot has no stream.
    Free,
    /// Made, and nothing published on it yet: media is held for the publish to come.
    Created,
    /// A publish waits for its decision.
    Asked,
    /// Publishing.
    Live,
    /// Its last tags and its end are on their way out. True: it is freed after that.
    Ending(bool),
    /// Published before, and may again.
    Closed,
}

/// One message stream of a connection.
pub(crate) struct Stream {
    pub(crate) id: u32,
    pub(crate) state: State,
    /// The name published, as sent.
    pub(crate) name: Vec<u8>,
    /// The kind of publish, as sent.
    pub(crate) kind: Vec<u8>,
    pub(crate) tags: TagBuf,
    pub(crate) ledger: Ledger,
}

impl Stream {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            state: State::Created,
            name: Vec::new(),
            kind: Vec::new(),
            tags: TagBuf::default(),
            ledger: Ledger::default(),
        }
    }

    /// Whether tags may leave.
    pub(crate) fn flows(&self) -> bool {
        matches!(self.state, State::Live | State::Ending(_))
    }

    /// Counts messages that became tags as they are.
    pub(crate) fn count(&mut self, messages: Tally) {
        self.ledger.received = self.ledger.received.plus(messages);
        self.ledger.written = self.ledger.written.plus(messages);
    }

    /// Makes the gathered body the next tag, and counts it.
    pub(crate) fn finish(&mut self, kind: u8, timestamp: u32) {
        let len = self.tags.body_len();
        let unwrapped = self.tags.finish(kind, timestamp);
        self.ledger.received.add(len);
        self.ledger.written.add(len - unwrapped);
        self.ledger.unwrapped += unwrapped as u64;
    }

    /// Counts a message, of which `len` bytes came, that did not become whole.
    pub(crate) fn tear(&mut self, len: usize) {
        self.ledger.received.add(len);
        self.ledger.refused.torn.add(len);
    }

    /// Counts a message that the peer took back when `len` bytes of it had come.
    pub(crate) fn abort(&mut self, len: usize) {
        self.ledger.received.add(len);
        self.ledger.refused.aborted.add(len);
    }

    /// Counts a part of an aggregate that is no media.
    pub(crate) fn refuse_foreign(&mut self, len: usize) {
        self.ledger.received.add(len);
        self.ledger.refused.foreign.add(len);
    }

    /// Counts a message that came before `publish` and was too much to hold.
    pub(crate) fn refuse_early(&mut self, len: usize) {
        self.ledger.received.add(len);
        self.ledger.refused.early.add(len);
    }
}

/// Tags back to back, and behind them the body of the one that is being gathered.
///
/// ```text
///  ┌ lent before ┬ whole tags ──────────────┬ header, to be filled ┬ body so far ──┐
///  │             │ 11 + body + 4, 11 + …    │ 11                   │               │
///  └─────────────┴──────────────────────────┴──────────────────────┴───────────────┘
///                └ lent in one piece ───────┘
/// ```
///
/// The body so far may be lent ahead of its tag, and goes then; the tag is what is left.
#[derive(Default)]
pub(crate) struct TagBuf {
    buf: Vec<u8>,
    /// Start and end of the whole tags.
    start: usize,
    whole: usize,
    /// How many they are.
    count: u32,
    /// The chunk stream whose message is being gathered.
    gathers: Option<usize>,
    /// Bytes of its body that came out ahead, and are not here any more.
    ahead: usize,
    /// The same of a whole tag that is to be lent, and where it begins, behind `start`.
    rest: (usize, usize),
    /// Messages come out in parts: none needs room for all of it.
    parts: bool,
}

impl TagBuf {
    /// The whole tags and their number.
    pub(crate) fn whole(&self) -> (&[u8], u32) {
        (&self.buf[self.start..self.whole], self.count)
    }

    /// How much of the body of a whole tag came out ahead of it, and where it begins in the whole ones.
    pub(crate) fn rest(&self) -> (usize, usize) {
        self.rest
    }

    /// Messages come out in parts from now on.
    pub(crate) fn in_parts(&mut self) {
        self.parts = true;
    }

    /// Where in its body what has come of the gathered message begins, and the bytes.
    pub(crate) fn part(&self) -> (usize, &[u8]) {
        (self.ahead, &self.buf[self.whole + flv::TAG_HEADER..])
    }

    /// Whether some of the gathered message came out ahead.
    pub(crate) fn part_came(&self) -> bool {
        self.ahead > 0
    }

    /// Drops that part: it has been lent.
    pub(crate) fn release_part(&mut self) {
        let start = self.whole + flv::TAG_HEADER;
        self.ahead += self.buf.len() - start;
        self.buf.truncate(start);
    }

    /// Length of the whole tags, in bytes.
    pub(crate) fn ready(&self) -> usize {
        self.whole - self.start
    }

    /// Whether enough is ready to come out.
    pub(crate) fn is_full(&self) -> bool {
        self.ready() >= RUN
    }

    /// Drops the whole tags: they have been lent.
    pub(crate) fn release(&mut self) {
        (self.start, self.count, self.rest) = (self.whole, 0, (0, 0));
        if self.start == self.buf.len() {
            self.buf.clear();
            self.buf.shrink_to(KEEP);
            (self.start, self.whole) = (0, 0);
        } else if self.start > MOVE.max(self.buf.len() - self.start) {
            self.compact();
        }
    }

    /// The chunk stream whose message is being gathered here.
    pub(crate) fn gathers(&self) -> Option<usize> {
        self.gathers
    }

    /// Makes room for what `len` bytes of input may add, so that it need not be found in steps.
    pub(crate) fn expect(&mut self, len: usize) {
        // Tags have a little more around them than small messages have on the wire.
        self.reserve(len.min(KEEP) + len / 16 + TAG);
    }

    /// Begins to gather the message of a chunk stream, `len` bytes long. Nothing else may be gathered.
    pub(crate) fn begin(&mut self, index: usize, len: usize) {
        let room = len.min(ROOM) + TAG;
        if self.buf.capacity() - self.buf.len() < room {
            self.grow_for_message(room);
        }
        self.gathers = Some(index);
        self.buf.extend_from_slice(&[0; flv::TAG_HEADER]);
    }

    /// Makes room for so many bytes more.
    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.buf.capacity() - self.buf.len() < more {
            self.grow(more);
        }
    }

    #[cold]
    #[inline(never)] // in line, it costs every message
    fn grow_for_message(&mut self, more: usize) {
        // In parts, it needs no more than what a read adds.
        self.grow(if self.parts { TAG } else { more });
    }

    #[cold]
    #[inline(never)] // in line, it costs every message
    fn grow(&mut self, more: usize) {
        if self.buf.capacity() - self.buf.len() >= more {
            return;
        }
        let room = (2 * self.buf.capacity() - self.buf.len()).max(more);
        // What has to move is what is in it. Room that was never touched would be, if it moved along.
        self.buf.shrink_to_fit();
        self.buf.reserve_exact(room);
    }

    /// Adds to the body.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if bytes.len() > SHORT {
            self.push_long(bytes);
        } else {
            self.buf.extend_from_slice(bytes);
        }
    }

    /// Adds many bytes to the body, around the slow case of [`NEAR`].
    #[inline(never)] // in line, it costs every chunk of 128 bytes ten instructions
    fn push_long(&mut self, bytes: &[u8]) {
        self.buf.reserve(bytes.len());
        let end = self.buf.as_ptr().addr() + self.buf.len();
        if end.wrapping_sub(bytes.as_ptr().addr()) % PAGE < NEAR {
            bytes.chunks(SHORT).for_each(|part| self.buf.extend_from_slice(part));
        } else {
            self.buf.extend_from_slice(bytes);
        }
    }

    /// Appends a tag whose body is at hand. Nothing may be gathered.
    pub(crate) fn append(&mut self, kind: u8, timestamp: u32, body: &[u8]) {
        let len = tag_len(body.len());
        self.buf.extend_from_slice(&flv::tag_header(kind, timestamp, len));
        self.push(body);
        self.close(len);
    }

    /// Takes the body out: it goes on elsewhere. Gives back how much of it came out ahead.
    pub(crate) fn evict(&mut self, into: &mut Vec<u8>) -> usize {
        let (ahead, body) = self.part();
        into.extend_from_slice(body);
        self.cut();
        ahead
    }

    /// Drops what is gathered.
    pub(crate) fn cut(&mut self) {
        self.buf.truncate(self.whole);
        self.buf.shrink_to(KEEP);
        (self.gathers, self.ahead) = (None, 0);
    }

    /// Goes on with a body of which so much came out ahead.
    pub(crate) fn resume(&mut self, ahead: usize) {
        self.ahead = ahead;
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes held.
    pub(crate) fn capacity(&self) -> usize {
        self.buf.capacity()
    }

    /// Gives back what is not needed for what is in it.
    pub(crate) fn trim(&mut self) {
        self.compact();
        // What is half full of a message that grows would only be taken again.
        if self.buf.capacity() > 2 * self.buf.len() {
            self.buf.shrink_to_fit();
        }
    }

    fn body_len(&self) -> usize {
        self.buf.len() - self.whole - flv::TAG_HEADER + self.ahead
    }

    /// Moves what is in it to the front.
    fn compact(&mut self) {
        if self.start > 0 {
            self.buf.copy_within(self.start.., 0);
            self.buf.truncate(self.buf.len() - self.start);
            self.whole -= self.start;
            self.start = 0;
        }
    }

    /// Makes the body a tag; returns how many bytes of wrapping were taken off it.
    fn finish(&mut self, kind: u8, timestamp: u32) -> usize {
        let start = self.whole + flv::TAG_HEADER;
        let unwrapped = match kind {
            DATA_AMF0 | DATA_AMF3 => wrapping(kind, &self.buf[start..]),
            _ => 0,
        };
        if unwrapped > 0 {
            self.buf.copy_within(start + unwrapped.., start);
            self.buf.truncate(self.buf.len() - unwrapped);
        }
        let len = tag_len(self.body_len());
        let kind = if kind == DATA_AMF3 { DATA_AMF0 } else { kind };
        self.buf[self.whole..start].copy_from_slice(&flv::tag_header(kind, timestamp, len));
        if self.ahead > 0 {
            self.note_rest();
        }
        self.close(len);
        unwrapped
    }

    /// What is gathered becomes a tag now, of whose body some came out ahead.
    #[cold]
    fn note_rest(&mut self) {
        self.rest = (core::mem::take(&mut self.ahead), self.whole - self.start);
    }

    /// Ends the tag at the end of the buffer, with a body of `len` bytes.
    fn close(&mut self, len: u32) {
        self.buf.extend_from_slice(&flv::tag_trailer(len));
        self.whole = self.buf.len();
        self.count += 1;
        self.gathers = None;
    }
}

/// The length of a message has 24 bits.
fn tag_len(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// How many bytes at the start of a data message are RTMP's and not the recording's: the format
/// byte of AMF3 messages, and `@setDataFrame`, before which some pushers put numbers.
fn wrapping(kind: u8, body: &[u8]) -> usize {
    const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0d@setDataFrame";
    const NUMBER: usize = 9;
    let format = usize::from(kind == DATA_AMF3 && body.first() == Some(&0));
    let mut at = format;
    while body.get(at) == Some(&0x00) && body.len() > at + NUMBER {
        at += NUMBER;
    }
    if body[at..].starts_with(SET_DATA_FRAME) { at + SET_DATA_FRAME.len() } else { format }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRAPPED: &[u8] = b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData";

    #[test]
    fn wrapping_is_found_and_nothing_else() {
        assert_eq!(wrapping(DATA_AMF0, WRAPPED), 16);
        assert_eq!(wrapping(DATA_AMF0, &WRAPPED[16..]), 0);
        assert_eq!(wrapping(DATA_AMF3, &[b"\0", WRAPPED].concat()), 17);
        assert_eq!(wrapping(DATA_AMF3, b"\0\x02\x00\x0aonTextData"), 1);
        assert_eq!(wrapping(DATA_AMF3, b"\x02\x00\x0aonTextData"), 0);
        let numbers = [&b"\0\0\0\0\0\0\0\0\0"[..], b"\0\0\0\0\0\0\0\0\0", WRAPPED].concat();
        assert_eq!(wrapping(DATA_AMF0, &numbers), 34);
        // ffmpeg's timecode message: four bytes of anything.
        assert_eq!(wrapping(DATA_AMF0, &[0, 0, 0, 1]), 0);
        assert_eq!(wrapping(DATA_AMF0, b""), 0);
        assert_eq!(wrapping(DATA_AMF3, b""), 0);
    }

    #[test]
    fn long_pieces_pass_wherever_they_lie() {
        let source: Vec<u8> = (0..3 * PAGE).map(|n| n.to_le_bytes()[n % 2]).collect();
        for start in (0..PAGE).step_by(NEAR / 2) {
            let piece = &source[start..][..2 * PAGE - 1];
            let mut tags = TagBuf::default();
            tags.begin(0, 3);
            tags.push(piece);
            let mut own = Vec::new();
            assert_eq!(tags.evict(&mut own), 0);
            assert_eq!(own, piece, "from {start}");
        }
    }

    #[test]
    fn a_message_moves_out_and_what_is_whole_stays() {
        let mut tags = TagBuf::default();
        tags.begin(0, 3);
        tags.push(b"abc");
        assert_eq!(tags.finish(8, 5), 0);
        tags.begin(1, 2);
        tags.push(b"de");
        let mut own = Vec::new();
        assert_eq!(tags.evict(&mut own), 0);
        assert_eq!(own, b"de");
        let (whole, count) = tags.whole();
        assert_eq!((whole.len(), count), (11 + 3 + 4, 1));
        tags.release();
        assert_eq!(tags.whole(), (&[][..], 0));
    }
}
