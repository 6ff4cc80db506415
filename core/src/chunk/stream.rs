//! A chunk stream: what a header means after the ones before it.

use alloc::vec::Vec;

use super::header::{EXTENDED, Fields};
use crate::config::Type3;

/// A gap this long, in milliseconds, is no delta: see [`Type3::Detect`].
const IMPLAUSIBLE_DELTA: u32 = 10_000;

/// What an empty buffer may keep, in bytes: commands and metadata fit.
const KEEP: usize = 16 << 10;

/// The message that a chunk stream is in the middle of, or had last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Message {
    /// Message type.
    pub(crate) kind: u8,
    /// Length of the body, in bytes.
    pub(crate) len: u32,
    /// Message stream.
    pub(crate) stream: u32,
    /// Timestamp in milliseconds, wrapping at 32 bits.
    pub(crate) timestamp: u32,
}

/// Where the body of a message is gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the chunk stream's own buffer.
    #[default]
    Own,
    /// In the chunk stream's own buffer, but for so many bytes at its start, which came out ahead.
    Rest(usize),
    /// Straight behind the last whole tag of the message stream in this slot.
    Tags(usize),
    /// Nowhere; it is counted when it is whole.
    Skip,
    /// Nowhere; it has been counted.
    Gone,
}

/// One chunk stream: the header in force, and the message under way.
#[derive(Debug, Default)]
pub(crate) struct ChunkStream {
    pub(super) csid: u32,
    /// The message under way, or the last one.
    pub(crate) message: Message,
    /// Bytes of it that have come.
    pub(crate) filled: usize,
    /// Whether a message is under way: its header has come and its last byte has not.
    pub(crate) busy: bool,
    /// Where its body goes.
    pub(crate) place: Place,
    /// Slot of the message stream that a media message belongs to.
    pub(crate) slot: Option<usize>,
    /// The body, when it is gathered here.
    pub(crate) buf: Vec<u8>,
    /// Timestamp delta for the next type 3 message.
    delta: u32,
    /// The last header was type 0.
    absolute: bool,
    /// The extended timestamp of the last header that had a timestamp field.
    pub(super) extended: Option<u32>,
    /// When a header last came, in chunks of the connection.
    pub(super) used: u64,
}

impl ChunkStream {
    pub(super) fn new(csid: u32) -> Self {
        Self { csid, ..Self::default() }
    }

    /// Starts a message with this header. `type3` may learn from it.
    pub(super) fn start(&mut self, fields: Fields, extended: Option<u32>, type3: &mut Type3) {
        if fields == Fields::Nothing && self.absolute && means_same(self.delta, type3) {
            self.delta = 0;
        }
        let (message, delta) = self.after(fields, extended);
        self.begin(fields, extended, message, delta);
    }

    /// What [`after`](Self::after) says, if nothing about this header is out of the ordinary: no
    /// message is under way, there is no extended timestamp, and it is clear what the timestamp is.
    #[inline(always)] // a call costs a tenth of a small message
    pub(super) fn ordinary(&self, fields: Fields) -> Option<(Message, u32)> {
        let clear = match fields {
            Fields::Full { time, .. } | Fields::Message { time, .. } | Fields::Delta { time } => {
                time != EXTENDED
            }
            Fields::Nothing => self.extended.is_none() && !self.absolute,
        };
        (clear && !self.busy).then(|| self.after(fields, None))
    }

    /// The message that starts with this header, and its timestamp delta.
    #[inline(always)]
    fn after(&self, fields: Fields, extended: Option<u32>) -> (Message, u32) {
        let last = self.message;
        // Negative deltas are sent as huge numbers: they wrap.
        let later = |delta| last.timestamp.wrapping_add(delta);
        match fields {
            Fields::Full { time, len, kind, stream } => {
                let timestamp = extended.unwrap_or(time);
                (Message { kind, len, stream, timestamp }, timestamp)
            }
            Fields::Message { time, len, kind } => {
                let delta = extended.unwrap_or(time);
                (Message { kind, len, timestamp: later(delta), ..last }, delta)
            }
            Fields::Delta { time } => {
                let delta = extended.unwrap_or(time);
                (Message { timestamp: later(delta), ..last }, delta)
            }
            Fields::Nothing => (Message { timestamp: later(self.delta), ..last }, self.delta),
        }
    }

    /// Begins what [`after`](Self::after) said.
    #[inline(always)]
    pub(super) fn begin(
        &mut self,
        fields: Fields,
        extended: Option<u32>,
        message: Message,
        delta: u32,
    ) {
        (self.message, self.delta) = (message, delta);
        self.absolute = matches!(fields, Fields::Full { .. });
        if fields != Fields::Nothing {
            self.extended = extended;
        }
        (self.filled, self.busy) = (0, true);
    }

    /// Empties the buffer. What a large message took is given back.
    pub(crate) fn clear(&mut self) {
        self.buf.clear();
        self.buf.shrink_to(KEEP);
    }

    /// Gives back what the buffer does not need for what is in it.
    pub(crate) fn trim(&mut self) {
        if self.buf.capacity() > 2 * self.buf.len() {
            self.buf.shrink_to_fit();
        }
    }

    /// Bytes of the message that have not come.
    pub(super) fn left(&self) -> usize {
        self.message.len as usize - self.filled
    }
}

/// Whether a type 3 message after a type 0 header at `timestamp` has that same timestamp.
fn means_same(timestamp: u32, type3: &mut Type3) -> bool {
    if *type3 == Type3::Detect && timestamp > IMPLAUSIBLE_DELTA {
        *type3 = Type3::Same;
    }
    *type3 == Type3::Same
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Fields = Fields::Full { time: 20, len: 1, kind: 8, stream: 1 };

    /// Timestamps of messages with these headers, one after another.
    fn timestamps(type3: Type3, headers: &[(Fields, Option<u32>)]) -> Vec<u32> {
        let (mut stream, mut type3) = (ChunkStream::new(4), type3);
        let start = |(fields, extended): &(Fields, Option<u32>)| {
            stream.start(*fields, *extended, &mut type3);
            stream.message.timestamp
        };
        headers.iter().map(start).collect()
    }

    #[test]
    fn type_3_after_each_type() {
        let nothing = (Fields::Nothing, None);
        let after = |first| [(FULL, None), first, nothing, nothing];
        let delta = (Fields::Delta { time: 5 }, None);
        let message = (Fields::Message { time: 7, len: 1, kind: 8 }, None);
        let full = (FULL, None);
        assert_eq!(timestamps(Type3::Detect, &after(delta)), [20, 25, 30, 35]);
        assert_eq!(timestamps(Type3::Detect, &after(message)), [20, 27, 34, 41]);
        assert_eq!(timestamps(Type3::Detect, &after(full)), [20, 20, 40, 60]);
        assert_eq!(timestamps(Type3::Same, &after(full)), [20, 20, 20, 20]);
        assert_eq!(timestamps(Type3::Same, &after(delta)), [20, 25, 30, 35]);
    }

    #[test]
    fn an_implausible_delta_shows_the_other_camp() {
        let late = Fields::Full { time: 60_000, len: 1, kind: 8, stream: 1 };
        let nothing = (Fields::Nothing, None);
        let headers = [(late, None), nothing, (FULL, None), nothing];
        assert_eq!(timestamps(Type3::Detect, &headers), [60_000, 60_000, 20, 20]);
        assert_eq!(timestamps(Type3::Delta, &headers), [60_000, 120_000, 20, 40]);
    }

    #[test]
    fn deltas_wrap_and_may_be_negative() {
        let start = (FULL, Some(u32::MAX - 9));
        let back = (Fields::Delta { time: 0xff_ffff }, Some(u32::MAX - 4));
        let forth = (Fields::Delta { time: 30 }, None);
        let expected = [u32::MAX - 9, u32::MAX - 14, 15];
        assert_eq!(timestamps(Type3::Detect, &[start, back, forth]), expected);
    }
}
