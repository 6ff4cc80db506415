//! The bytes a publisher sends: commands in AMF0, messages cut into chunks.

/// Length of C1, S1, C2 and S2, in bytes.
pub(crate) const HANDSHAKE: usize = 1536;

/// A chunk stream with what a message header on it needs to name.
#[derive(Clone, Copy)]
pub(crate) struct Lane {
    pub(crate) chunk_stream: u8,
    pub(crate) kind: u8,
}

pub(crate) const CONTROL: Lane = Lane { chunk_stream: 2, kind: 1 };
pub(crate) const COMMAND: Lane = Lane { chunk_stream: 3, kind: 20 };
pub(crate) const AUDIO: Lane = Lane { chunk_stream: 4, kind: 8 };
pub(crate) const DATA: Lane = Lane { chunk_stream: 5, kind: 18 };
pub(crate) const VIDEO: Lane = Lane { chunk_stream: 6, kind: 9 };

/// Appends a message at timestamp 0 with a full (type 0) header.
pub(crate) fn first(out: &mut Vec<u8>, lane: Lane, stream: u32, body: &[u8], chunk_size: usize) {
    out.extend([lane.chunk_stream, 0, 0, 0]);
    out.extend(uint24(body.len()));
    out.push(lane.kind);
    out.extend(stream.to_le_bytes());
    chunks(out, lane, body, chunk_size);
}

/// Appends a message `delta` ms after the one before it on its chunk stream (type 1 header).
pub(crate) fn next(out: &mut Vec<u8>, lane: Lane, delta: usize, body: &[u8], chunk_size: usize) {
    out.push(0x40 | lane.chunk_stream);
    out.extend(uint24(delta));
    out.extend(uint24(body.len()));
    out.push(lane.kind);
    chunks(out, lane, body, chunk_size);
}

fn chunks(out: &mut Vec<u8>, lane: Lane, body: &[u8], chunk_size: usize) {
    for (i, part) in body.chunks(chunk_size).enumerate() {
        if i > 0 {
            out.push(0xc0 | lane.chunk_stream);
        }
        out.extend_from_slice(part);
    }
}

fn uint24(value: usize) -> [u8; 3] {
    let [high @ .., a, b, c] = (value as u64).to_be_bytes();
    assert_eq!(high, [0; 5], "{value} does not fit in three bytes");
    [a, b, c]
}

/// A command: values of AMF0, one behind the other.
#[derive(Default)]
pub(crate) struct Command(Vec<u8>);

impl Command {
    pub(crate) fn new(name: &str, transaction: u32) -> Self {
        Self::default().string(name).number(f64::from(transaction))
    }

    pub(crate) fn string(mut self, value: &str) -> Self {
        self.0.push(2);
        self.bare(value)
    }

    pub(crate) fn number(mut self, value: f64) -> Self {
        self.0.push(0);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn null(mut self) -> Self {
        self.0.push(5);
        self
    }

    pub(crate) fn object(mut self) -> Self {
        self.0.push(3);
        self
    }

    pub(crate) fn key(self, name: &str) -> Self {
        self.bare(name)
    }

    pub(crate) fn end(mut self) -> Self {
        self.0.extend([0, 0, 9]);
        self
    }

    /// Appends the command, or data message, as one message.
    pub(crate) fn write(&self, out: &mut Vec<u8>, lane: Lane, stream: u32, chunk_size: usize) {
        first(out, lane, stream, &self.0, chunk_size);
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }

    fn bare(mut self, value: &str) -> Self {
        let [.., a, b] = (value.len() as u64).to_be_bytes();
        self.0.extend([a, b]);
        self.0.extend(value.bytes());
        self
    }
}
