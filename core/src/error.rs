//! Why a session ended: whose fault, and the numbers.

use core::fmt;

/// The end of a session. Sticks: after it every call returns it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the protocol.
    Malformed(Malformed),
    /// The peer went over one of our [`Limits`](crate::Limits).
    OverLimit(Limit),
    /// Legal, and not done here.
    Unsupported(Unsupported),
}

/// How a peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The first byte is no RTMP version: a scanner, or a client of another protocol.
    Version(u8),
    /// A chunk header refers to one before it, and there was none.
    NoPriorHeader {
        /// The chunk stream it is on.
        chunk_stream: u32,
    },
    /// A message type that does not exist: usually the stream is out of step, or is not RTMP.
    MessageType(u8),
    /// A chunk size of 0.
    ChunkSize,
    /// A control message that is too short for what it says.
    Control {
        /// Its message type.
        kind: u8,
        /// Its length in bytes.
        len: u32,
    },
    /// A command without a readable name.
    Command,
    /// A part of an aggregate message that is longer than what is left of it.
    Aggregate,
}

/// Which of our limits a peer went over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::message`](crate::Limits::message).
    Message {
        /// The length announced, in bytes.
        len: u32,
    },
    /// [`Limits::command`](crate::Limits::command).
    Command {
        /// The length announced, in bytes.
        len: u32,
    },
    /// [`Limits::buffered`](crate::Limits::buffered).
    Buffered,
    /// [`Limits::chunk_streams`](crate::Limits::chunk_streams).
    ChunkStreams,
    /// [`Limits::smallest_chunk`](crate::Limits::smallest_chunk).
    SmallestChunk {
        /// The chunk size asked for, in bytes.
        size: u32,
    },
    /// [`Limits::streams`](crate::Limits::streams).
    Streams,
    /// [`Limits::amf_depth`](crate::Limits::amf_depth).
    AmfDepth,
    /// [`Limits::amf_values`](crate::Limits::amf_values).
    AmfValues,
    /// [`Limits::aggregate`](crate::Limits::aggregate).
    Aggregate,
}

/// What is legal and not done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// RTMPE: the version byte asks for encryption.
    Encryption(u8),
    /// TLS: the first byte is that of a handshake record. RTMPS ends before a session begins.
    Tls,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => what.fmt(f),
            Self::OverLimit(what) => what.fmt(f),
            Self::Unsupported(what) => what.fmt(f),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Version(byte) => write!(f, "not RTMP: the first byte is {byte:#04x}"),
            Self::NoPriorHeader { chunk_stream } => {
                write!(f, "chunk stream {chunk_stream}: no header before this one to take over")
            }
            Self::MessageType(kind) => {
                write!(f, "message type {kind} does not exist: out of step, or not RTMP")
            }
            Self::ChunkSize => f.write_str("chunk size of 0"),
            Self::Control { kind, len } => {
                write!(f, "control message of type {kind} with only {len} bytes")
            }
            Self::Command => f.write_str("command without a name"),
            Self::Aggregate => f.write_str("aggregate message with a part that is cut off"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Message { len } => write!(f, "message of {len} bytes is over the limit"),
            Self::Command { len } => {
                write!(f, "command or control message of {len} bytes is over the limit")
            }
            Self::Buffered => f.write_str("unfinished messages are over the limit in bytes"),
            Self::ChunkStreams => f.write_str("too many chunk streams in the middle of a message"),
            Self::SmallestChunk { size } => write!(f, "chunk size of {size} is under the limit"),
            Self::Streams => f.write_str("too many message streams"),
            Self::AmfDepth => f.write_str("command nested too deep"),
            Self::AmfValues => f.write_str("command with too many values"),
            Self::Aggregate => f.write_str("aggregate of too many messages"),
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Encryption(version) => {
                write!(f, "RTMPE (version {version}) is not supported")
            }
            Self::Tls => f.write_str("TLS (RTMPS) on a port that speaks plain RTMP"),
        }
    }
}

impl core::error::Error for Error {}

impl From<Malformed> for Error {
    fn from(what: Malformed) -> Self {
        Self::Malformed(what)
    }
}

impl From<Limit> for Error {
    fn from(what: Limit) -> Self {
        Self::OverLimit(what)
    }
}

impl From<Unsupported> for Error {
    fn from(what: Unsupported) -> Self {
        Self::Unsupported(what)
    }
}
