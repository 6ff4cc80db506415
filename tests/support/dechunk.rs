//! Chunks put together to messages again (RTMP 1.0, section 5.3.1), in the simplest way: all bytes
//! at hand, everything in vectors. It shares nothing with the core, so each can find the other wrong.

use std::collections::HashMap;

/// A whole message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Message type.
    pub kind: u8,
    /// Message stream.
    pub stream: u32,
    /// Timestamp in ms, deltas added up.
    pub timestamp: u32,
    /// The body.
    pub body: Vec<u8>,
}

/// The whole messages in a chunk stream (what comes after the handshake). What is cut off at the
/// end is left out; Set Chunk Size and Abort are obeyed as they come.
pub fn messages(bytes: &[u8]) -> Vec<Message> {
    let mut reader = Reader { rest: bytes, chunk_size: 128, streams: HashMap::new() };
    let mut messages = Vec::new();
    while !reader.rest.is_empty() {
        let mark = reader.rest;
        match reader.chunk() {
            Some(Some(message)) => messages.push(message),
            Some(None) => {}
            None => {
                reader.rest = mark;
                break;
            }
        }
    }
    messages
}

struct Reader<'a> {
    rest: &'a [u8],
    chunk_size: usize,
    streams: HashMap<u32, ChunkStream>,
}

#[derive(Clone, Default)]
struct ChunkStream {
    kind: u8,
    stream: u32,
    timestamp: u32,
    /// What a type 3 chunk that begins a message adds.
    delta: u32,
    extended: Option<u32>,
    len: usize,
    body: Vec<u8>,
}

impl Reader<'_> {
    /// One chunk, and the message it completes. `None` where it is cut off.
    fn chunk(&mut self) -> Option<Option<Message>> {
        let first = self.take::<1>()?[0];
        let number = match first & 63 {
            0 => 64 + u32::from(self.take::<1>()?[0]),
            1 => 64 + u32::from(u16::from_le_bytes(self.take()?)),
            number => number.into(),
        };
        // A copy, put back when the chunk turned out to be whole.
        let mut state = self.streams.get(&number).cloned().unwrap_or_default();
        self.header(&mut state, first >> 6)?;
        let len = (state.len - state.body.len()).min(self.chunk_size);
        state.body.extend(self.take_slice(len)?);
        let message = (state.body.len() == state.len).then(|| Message {
            kind: state.kind,
            stream: state.stream,
            timestamp: state.timestamp,
            body: std::mem::take(&mut state.body),
        });
        self.streams.insert(number, state);
        if let Some(message) = &message {
            self.obey(message);
        }
        Some(message)
    }

    fn header(&mut self, state: &mut ChunkStream, format: u8) -> Option<()> {
        if format == 3 {
            return self.type3(state);
        }
        let mut time = self.take_u24()?;
        if format < 2 {
            state.len = self.take_u24()? as usize;
            state.kind = self.take::<1>()?[0];
        }
        if format == 0 {
            state.stream = u32::from_le_bytes(self.take()?);
        }
        state.extended = None;
        if time == 0xff_ffff {
            time = u32::from_be_bytes(self.take()?);
            state.extended = Some(time);
        }
        state.timestamp = if format == 0 { time } else { state.timestamp.wrapping_add(time) };
        state.delta = time;
        state.body.clear();
        Some(())
    }

    fn type3(&mut self, state: &mut ChunkStream) -> Option<()> {
        // Some repeat the extended timestamp, some do not: taken when it is the same.
        if let Some(extended) = state.extended
            && u32::from_be_bytes(*self.rest.first_chunk()?) == extended
        {
            self.take::<4>()?;
        }
        if state.body.is_empty() {
            state.timestamp = state.timestamp.wrapping_add(state.delta);
        }
        Some(())
    }

    fn obey(&mut self, message: &Message) {
        let Some(value) = message.body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)) else {
            return;
        };
        match message.kind {
            1 => self.chunk_size = value as usize,
            2 => {
                if let Some(state) = self.streams.get_mut(&value) {
                    state.body.clear();
                }
            }
            _ => {}
        }
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*head)
    }

    fn take_u24(&mut self) -> Option<u32> {
        let [a, b, c] = self.take()?;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    fn take_slice(&mut self, len: usize) -> Option<&[u8]> {
        let (head, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(head)
    }
}
