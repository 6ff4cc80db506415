//! The bytes of a client, under full control.
//!
//! A `Script` is what a client sends, written as it would be told:
//!
//! ```ignore
//! Script::hello().to_publish("live", "cam").chunk_size(4096).video(0, &keyframe).delete_stream(1.0)
//! ```
//!
//! Every choice RTMP leaves to the sender can be made for each `Message`: the type of the chunk
//! header, the chunk stream and the form of its basic header, the timestamp and whether an extended
//! one is repeated, the order of chunks.

use std::collections::HashMap;

use crate::amf::{self, Value};
use crate::handshake::Handshake;
pub use crate::message::{Basic, Header, Message};

/// What a client sends, in order.
#[derive(Clone, Debug)]
pub struct Script {
    bytes: Vec<u8>,
    chunk_size: usize,
    transaction: f64,
    /// The timestamp or delta last sent on each chunk stream: type 3 chunks may repeat it.
    times: HashMap<u32, u32>,
}

impl Default for Script {
    fn default() -> Self {
        Self { bytes: Vec::new(), chunk_size: 128, transaction: 0.0, times: HashMap::new() }
    }
}

impl Script {
    /// Chunks only: the handshake is done elsewhere.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins with the plain handshake.
    pub fn hello() -> Self {
        Self::shaking(&Handshake::Simple)
    }

    /// Begins with this handshake; C2 does not wait for the server's part.
    pub fn shaking(handshake: &Handshake) -> Self {
        Self::default().raw(&handshake.c0c1()).raw(&handshake.c2_in_advance())
    }

    /// Everything so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Everything since the last call: what is next on the socket.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Any bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    /// One message, in as many chunks as it takes.
    #[must_use]
    pub fn message(mut self, message: &Message) -> Self {
        let chunks = self.chunks(message);
        self.bytes.extend(chunks.concat());
        self
    }

    /// Two messages, chunk by chunk in turn, beginning with `a`.
    #[must_use]
    pub fn interleaved(mut self, a: &Message, b: &Message) -> Self {
        let (a, b) = (self.chunks(a), self.chunks(b));
        for at in 0..a.len().max(b.len()) {
            for chunk in [a.get(at), b.get(at)].into_iter().flatten() {
                self.bytes.extend(chunk);
            }
        }
        self
    }

    /// The first `chunks` chunks of a message; then `between`; then the rest of it.
    #[must_use]
    pub fn split(
        mut self,
        message: &Message,
        chunks: usize,
        between: impl FnOnce(Self) -> Self,
    ) -> Self {
        let all = self.chunks(message);
        self.bytes.extend(all[..chunks].concat());
        self = between(self);
        self.bytes.extend(all[chunks..].concat());
        self
    }

    /// The first `chunks` chunks of a message, and never the rest.
    #[must_use]
    pub fn begun(mut self, message: &Message, chunks: usize) -> Self {
        let all = self.chunks(message);
        assert!(chunks < all.len(), "{chunks} chunks would be all of the message");
        self.bytes.extend(all[..chunks].concat());
        self
    }

    /// Set Chunk Size, and chunks of that size from here on.
    #[must_use]
    pub fn chunk_size(mut self, size: u32) -> Self {
        self = self.message(&Message::control(1, &size.to_be_bytes()));
        self.chunk_size = size as usize;
        self
    }

    /// Abort Message.
    #[must_use]
    pub fn abort(self, chunk_stream: u32) -> Self {
        self.message(&Message::control(2, &chunk_stream.to_be_bytes()))
    }

    /// Window Acknowledgement Size, in bytes.
    #[must_use]
    pub fn window(self, size: u32) -> Self {
        self.message(&Message::control(5, &size.to_be_bytes()))
    }

    /// A ping request (user control event 6).
    #[must_use]
    pub fn ping(self, time: u32) -> Self {
        let body = [&[0, 6][..], &time.to_be_bytes()].concat();
        self.message(&Message::control(4, &body))
    }

    /// Any command, with the next transaction identifier, on this message and chunk stream.
    #[must_use]
    pub fn command_on(
        mut self,
        stream: u32,
        chunk_stream: u32,
        name: &str,
        arguments: &[Value],
    ) -> Self {
        self.transaction += 1.0;
        let head = [name.into(), self.transaction.into()];
        let body = amf::encode(&[&head, arguments].concat());
        self.message(&Message::new(20, &body).on(chunk_stream).stream(stream))
    }

    /// A video message with a type 0 header.
    #[must_use]
    pub fn video(self, timestamp: u32, body: &[u8]) -> Self {
        self.message(&Message::video(timestamp, body))
    }

    /// An audio message with a type 0 header.
    #[must_use]
    pub fn audio(self, timestamp: u32, body: &[u8]) -> Self {
        self.message(&Message::audio(timestamp, body))
    }

    /// The chunks of a message: each header with its part of the body.
    fn chunks(&mut self, message: &Message) -> Vec<Vec<u8>> {
        let mut chunks = Vec::new();
        let mut rest = message.body.as_slice();
        let mut header = self.first_header(message);
        loop {
            let (part, after) = rest.split_at(rest.len().min(self.chunk_size));
            header.extend(part);
            chunks.push(header);
            rest = after;
            if rest.is_empty() {
                return chunks;
            }
            header = self.type3_header(message);
        }
    }

    fn first_header(&mut self, message: &Message) -> Vec<u8> {
        let (format, time) = match message.header {
            Header::Full(time) => (0, time),
            Header::Delta(time) => (1, time),
            Header::SameLength(time) => (2, time),
            Header::Same => return self.type3_header(message),
        };
        self.times.insert(message.chunk_stream, time);
        let mut out = message.basic_header(format);
        out.extend(&time.min(EXTENDED).to_be_bytes()[1..]);
        if format < 2 {
            let len = u32::try_from(message.body.len()).expect("a message under 4 GiB");
            out.extend(&len.to_be_bytes()[1..]);
            out.push(message.kind);
        }
        if format < 1 {
            out.extend(message.stream.to_le_bytes());
        }
        if time >= EXTENDED {
            out.extend(time.to_be_bytes());
        }
        out
    }

    fn type3_header(&self, message: &Message) -> Vec<u8> {
        let mut out = message.basic_header(3);
        let time = self.times.get(&message.chunk_stream).copied().unwrap_or(0);
        if time >= EXTENDED && !message.bare_type3 {
            out.extend(time.to_be_bytes());
        }
        out
    }
}

/// Timestamps from here on are in the extended field.
const EXTENDED: u32 = 0xff_ffff;
