//! What a message is, by its type, and the protocol control messages among them
//! (RTMP 1.0, sections 5.4, 6.2 and 7.1).
//!
//! Dispatch is on the type alone: cameras send control messages on any chunk stream and with any
//! message stream.

use crate::error::{Error, Malformed};

pub(crate) const SET_CHUNK_SIZE: u8 = 1;
pub(crate) const ABORT: u8 = 2;
pub(crate) const ACKNOWLEDGEMENT: u8 = 3;
pub(crate) const USER_CONTROL: u8 = 4;
pub(crate) const WINDOW_SIZE: u8 = 5;
pub(crate) const PEER_BANDWIDTH: u8 = 6;
pub(crate) const AUDIO: u8 = crate::flv::AUDIO;
pub(crate) const VIDEO: u8 = crate::flv::VIDEO;
pub(crate) const DATA_AMF3: u8 = 15;
pub(crate) const SHARED_AMF3: u8 = 16;
pub(crate) const COMMAND_AMF3: u8 = 17;
pub(crate) const DATA_AMF0: u8 = crate::flv::SCRIPT;
pub(crate) const SHARED_AMF0: u8 = 19;
pub(crate) const COMMAND_AMF0: u8 = 20;
pub(crate) const AGGREGATE: u8 = 22;

/// User control events (section 7.1.7) that mean something to a recorder.
pub(crate) mod user_control {
    pub(crate) const STREAM_BEGIN: u16 = 0;
    pub(crate) const STREAM_EOF: u16 = 1;
    pub(crate) const PING_REQUEST: u16 = 6;
    pub(crate) const PING_RESPONSE: u16 = 7;
}

/// The kinds of message a session treats alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Acts on the connection; short.
    Control,
    /// A command; bounded.
    Command,
    /// Becomes a tag.
    Media,
    /// Holds messages that become tags.
    Aggregate,
    /// Legal, and nothing to a recorder: shared objects.
    Ignored,
}

impl Class {
    /// The class of a message type. A type that does not exist is an error before a byte of its
    /// body is kept: it is what a desynchronised stream, or MPEG-TS sent to this port, looks like.
    pub(crate) fn of(kind: u8) -> Result<Self, Error> {
        Ok(match kind {
            SET_CHUNK_SIZE..=PEER_BANDWIDTH => Self::Control,
            COMMAND_AMF0 | COMMAND_AMF3 => Self::Command,
            AUDIO | VIDEO | DATA_AMF0 | DATA_AMF3 => Self::Media,
            AGGREGATE => Self::Aggregate,
            SHARED_AMF0 | SHARED_AMF3 => Self::Ignored,
            _ => return Err(Malformed::MessageType(kind).into()),
        })
    }
}

/// A protocol control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    SetChunkSize(u32),
    /// The chunk stream whose message is taken back.
    Abort(u32),
    WindowSize(u32),
    /// The window that the peer wants us to announce.
    PeerBandwidth(u32),
    /// The peer's timestamp, to be sent back.
    Ping(u32),
    /// Acknowledgements of our few replies, and events that say nothing to a recorder.
    Ignored,
}

impl Control {
    /// Reads the body of a control message of type `kind`.
    pub(crate) fn read(kind: u8, body: &[u8]) -> Result<Self, Error> {
        // Bodies of control messages are bounded far below 4 GiB.
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let number = |at: usize| {
            let bytes = body.get(at..).and_then(|rest| rest.first_chunk());
            bytes.map(|bytes| u32::from_be_bytes(*bytes)).ok_or(Malformed::Control { kind, len })
        };
        Ok(match kind {
            SET_CHUNK_SIZE => Self::SetChunkSize(number(0)?),
            ABORT => Self::Abort(number(0)?),
            WINDOW_SIZE => Self::WindowSize(number(0)?),
            PEER_BANDWIDTH => Self::PeerBandwidth(number(0)?),
            USER_CONTROL if body.get(..2) == Some(&user_control::PING_REQUEST.to_be_bytes()) => {
                Self::Ping(number(2)?)
            }
            // Events 31, 32 and others are seen in the field and documented nowhere.
            _ => Self::Ignored,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_messages() {
        assert_eq!(Control::read(1, &[0, 0, 16, 0]), Ok(Control::SetChunkSize(4096)));
        assert_eq!(Control::read(6, &[0, 0, 0, 9, 2]), Ok(Control::PeerBandwidth(9)));
        assert_eq!(Control::read(4, &[0, 6, 1, 2, 3, 4]), Ok(Control::Ping(0x0102_0304)));
        assert_eq!(Control::read(4, &[0, 31, 0, 0, 0, 1]), Ok(Control::Ignored));
        assert_eq!(Control::read(4, &[]), Ok(Control::Ignored));
        let short = |kind, len| Err(Malformed::Control { kind, len }.into());
        assert_eq!(Control::read(1, &[0, 0, 16]), short(1, 3));
        assert_eq!(Control::read(4, &[0, 6, 1]), short(4, 3));
    }

    #[test]
    fn types_that_do_not_exist() {
        for kind in [0, 7, 10, 14, 21, 23, 71, 210, 255] {
            assert_eq!(Class::of(kind), Err(Malformed::MessageType(kind).into()));
        }
    }
}
