//! The account of a stream: nothing is received that is not written or refused with a reason.

/// A number of messages, and the bytes of their bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages (audio, video, data; each part of an aggregate is one).
    pub messages: u64,
    /// Bytes of message bodies: without chunk headers, without FLV tag headers.
    pub bytes: u64,
}

impl Tally {
    /// Counts one message of `bytes` bytes.
    pub fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }

    /// Both counts of `other`, added.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, bytes: self.bytes + other.bytes }
    }
}

/// The account of one stream, from publish to unpublish.
///
/// Always `received = written + refused` in messages, and
/// `received = written + unwrapped + refused` in bytes: see [`Ledger::balanced`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Every media and data message of which at least one byte, or the whole header of an empty
    /// one, arrived.
    pub received: Tally,
    /// Tags that went out in [`Event::Tags`](crate::Event::Tags), with the bytes of their bodies.
    pub written: Tally,
    /// Bytes of data messages that are RTMP's and not the recording's: `@setDataFrame`, and the
    /// format byte of AMF3 data messages.
    pub unwrapped: u64,
    /// What was received and did not go out.
    pub refused: Refused,
}

/// Messages that did not become tags, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// The peer took them back: an abort message (RTMP 1.0, section 5.4.2), or another message
    /// begun on the chunk stream before this one was whole.
    pub aborted: Tally,
    /// The stream or the connection ended before they were whole.
    pub torn: Tally,
    /// Sent before `publish`, and more than [`Limits::early`](crate::Limits::early) bytes of them.
    pub early: Tally,
    /// Parts of aggregate messages that are neither audio nor video nor data.
    pub foreign: Tally,
}

impl Refused {
    /// All of them together.
    pub fn total(&self) -> Tally {
        self.aborted.plus(self.torn).plus(self.early).plus(self.foreign)
    }
}

impl Ledger {
    /// Whether every message received is in the recording.
    pub fn complete(&self) -> bool {
        self.balanced() && self.refused.total().messages == 0
    }

    /// Whether what came in is what went out and what was refused, to the byte.
    pub fn balanced(&self) -> bool {
        let accounted = self.written.plus(self.refused.total());
        self.received.messages == accounted.messages
            && self.received.bytes == accounted.bytes + self.unwrapped
    }
}
