//! Everything that comes out of a session.

use core::fmt;

use crate::capabilities::Capabilities;
use crate::ledger::Ledger;

/// What [`Session::poll`](crate::Session::poll) found. Valid until the next call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Write these bytes to the peer, in order.
    Reply(&'a [u8]),
    /// The peer said where it is from. Already answered; for logs.
    Connect(Connect<'a>),
    /// The peer wants to publish: call [`accept`](crate::Session::accept) or
    /// [`reject`](crate::Session::reject). Until then no more input is taken in.
    Publish(Publish<'a>),
    /// Append these tags to the stream's recording.
    Tags(Tags<'a>),
    /// A stream that was accepted has ended. No tag of it will follow.
    Unpublish(Unpublish),
}

/// A message stream of one connection.
///
/// An identifier may be used again after [`Event::Unpublish`], by the next publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u32);

/// The parameters of `connect` (RTMP 1.0, section 7.2.1.1), as sent; what was not sent is empty.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// Application, often with a query string behind it.
    pub app: Text<'a>,
    /// The address as the peer has it. A hint only: real peers send quotes, other keys, or nothing.
    pub tc_url: Text<'a>,
    /// What the encoder calls itself.
    pub flash_ver: Text<'a>,
    /// `swfUrl`; encoders repeat their `tcUrl` here.
    pub swf_url: Text<'a>,
    /// `pageUrl`, from players in a web page.
    pub page_url: Text<'a>,
    /// What it says it can.
    pub capabilities: Capabilities<'a>,
}

/// A request to publish (RTMP 1.0, section 7.2.2.6).
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// The stream to accept or reject.
    pub stream: StreamId,
    /// Application of the connection, as sent.
    pub app: Text<'a>,
    /// Address of the connection, as sent.
    pub tc_url: Text<'a>,
    /// Stream name, as sent: often a key, often with a query string.
    pub name: Text<'a>,
    /// `live`, `record`, `append`, or whatever else was sent.
    pub kind: Text<'a>,
}

/// A run of whole FLV tags of one stream, back to back, ready for one write (but for what of one came out
/// [`ahead`](Self::ahead) of it).
#[derive(Clone, Copy, Debug)]
pub struct Tags<'a> {
    /// The stream they belong to.
    pub stream: StreamId,
    /// The tags, each with its `PreviousTagSize` behind it; never a part of one.
    pub bytes: &'a [u8],
    /// How many they are; at least one.
    pub count: u32,
    /// Bytes of the body of one of the tags that came out ahead of it, as a [`Part`], and are not in `bytes`:
    /// they belong behind its header. Always 0 for who never asks for parts.
    pub ahead: u32,
    /// Where in `bytes` that tag begins.
    pub ahead_of: u32,
    /// Messages of the stream that were refused so far; the reasons are in its [`Ledger`].
    pub refused: u64,
}

/// What has come of an audio or video message that is not whole, ahead of its tag.
///
/// When the message is whole, its tag comes without these bytes, and [`Tags::ahead`] says how many they
/// are. A message that never becomes whole has no tag: the next part
/// with `at` 0 is another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The stream that its tag will belong to.
    pub stream: StreamId,
    /// Where in the body it begins, in bytes: what of this message came out before.
    pub at: u32,
    /// Length of the whole body, in bytes.
    pub len: u32,
    /// At least one byte.
    pub bytes: &'a [u8],
}

/// The end of a stream, and the account of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpublish {
    /// The stream that ended.
    pub stream: StreamId,
    /// Who ended it.
    pub why: End,
    /// What was received, what came out, what did not.
    pub ledger: Ledger,
}

/// Who ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// The peer: `FCUnpublish`, `closeStream`, `deleteStream`, or a publish with no name.
    Peer,
    /// The session was closed while the stream was live.
    Closed(Close),
    /// The stream was refused after it had been accepted.
    Rejected(Reject),
    /// The session failed; the error follows.
    Failed,
}

/// Why a publish is refused, or a live stream ended, by this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reject {
    /// Somebody else publishes under that name: `NetStream.Publish.BadName`.
    Busy,
    /// Not with these credentials: `NetStream.Publish.Denied`.
    Denied,
    /// Not here, not this: `NetStream.Publish.Rejected`.
    Refused,
    /// It cannot be stored (any longer): `NetStream.Record.Failed`.
    Storage,
}

/// Why this side ends the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Close {
    /// The peer is gone: nothing more is said to it.
    Gone,
    /// The server stops: `NetConnection.Connect.AppShutdown`.
    Shutdown,
    /// The peer was silent for too long: `NetConnection.Connect.IdleTimeOut`.
    Idle,
}

/// Text from a peer: bytes, usually UTF-8, never to be trusted.
///
/// `Display` is safe for a terminal or a log line: control characters, bytes that are no UTF-8,
/// and characters that change the direction of text appear as `\xNN` or `\u{N}`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Text<'a>(pub &'a [u8]);

impl<'a> Text<'a> {
    /// The bytes as they were sent.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether nothing, or an empty string, was sent.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.utf8_chunks() {
            for char in part.valid().chars() {
                if char.is_control() || is_format(char) {
                    write!(f, "{}", char.escape_unicode())?;
                } else {
                    fmt::Write::write_char(f, char)?;
                }
            }
            for byte in part.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Characters that are invisible or reorder what stands around them.
fn is_format(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn text_cannot_forge_a_log_line() {
        let text = Text(b"cam\n\x1b[2Jlive \xff \xe2\x80\xaegnp.exe");
        assert_eq!(text.to_string(), "cam\\u{a}\\u{1b}[2Jlive \\xff \\u{202e}gnp.exe");
    }
}
