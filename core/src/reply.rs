//! What this side says, gathered for one write.

use alloc::vec::Vec;

use crate::amf0::Writer;
use crate::capabilities::CapsEx;
use crate::chunk::writer;
use crate::event::Reject;
use crate::message::{self, user_control};

/// Chunk streams of what we send: control messages must use 2 (RTMP 1.0, section 5.4).
const CONTROL_STREAM: u8 = 2;
const COMMAND_STREAM: u8 = 3;
const STATUS_STREAM: u8 = 5;

/// What this side can do with any codec (Enhanced RTMP v2, `FourCcInfoMask`).
const CAN_FORWARD: f64 = 4.0;

/// The `level` of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Status,
    Error,
}

/// A status object: what `onStatus` carries (section 7.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status<'a> {
    pub(crate) level: Level,
    pub(crate) code: &'a str,
    pub(crate) description: &'a str,
}

impl<'a> Status<'a> {
    pub(crate) fn ok(code: &'a str, description: &'a str) -> Self {
        Self { level: Level::Status, code, description }
    }

    pub(crate) fn error(code: &'a str, description: &'a str) -> Self {
        Self { level: Level::Error, code, description }
    }

    /// Why a publish is refused, by codes that encoders act on. `credentials`: the peer came with a
    /// user and a password.
    pub(crate) fn refusal(why: Reject, credentials: bool) -> Self {
        let (code, description) = match why {
            Reject::Busy => ("NetStream.Publish.BadName", "Somebody publishes under this name."),
            Reject::Denied if credentials => {
                let text = "User and password are not read here: put the key into the stream name.";
                ("NetStream.Publish.Denied", text)
            }
            Reject::Denied => ("NetStream.Publish.Denied", "Not allowed to publish."),
            Reject::Refused => ("NetStream.Publish.Rejected", "Not accepted here."),
            Reject::Storage => ("NetStream.Record.Failed", "The recording cannot be written."),
        };
        Self::error(code, description)
    }

    fn write(&self, amf: &mut Writer<'_>) {
        let level = match self.level {
            Level::Status => "status",
            Level::Error => "error",
        };
        amf.property("level").string(level);
        amf.property("code").string(self.code);
        amf.property("description").string(self.description);
    }
}

/// Bytes for the peer.
pub(crate) struct Replies {
    pub(crate) out: Vec<u8>,
    chunk_size: usize,
    /// A message body while it is written.
    body: Vec<u8>,
}

impl Replies {
    pub(crate) fn new() -> Self {
        Self { out: Vec::new(), chunk_size: 128, body: Vec::new() }
    }

    /// Gives back what is not in use.
    pub(crate) fn trim(&mut self) {
        self.out.shrink_to_fit();
        self.body = Vec::new();
    }

    /// Announces our chunk size, and uses it from here on.
    pub(crate) fn set_chunk_size(&mut self, size: u32) {
        self.control(message::SET_CHUNK_SIZE, &size.to_be_bytes());
        self.chunk_size = size as usize;
    }

    /// Acknowledges `received` bytes: counted in 64 bits, sent in 32 (section 5.4.3).
    #[expect(clippy::cast_possible_truncation, reason = "the field wraps")]
    pub(crate) fn acknowledge(&mut self, received: u64) {
        self.control(message::ACKNOWLEDGEMENT, &(received as u32).to_be_bytes());
    }

    /// Announces our window.
    pub(crate) fn window_size(&mut self, size: u32) {
        self.control(message::WINDOW_SIZE, &size.to_be_bytes());
    }

    /// Sets the peer's window, type dynamic.
    pub(crate) fn peer_bandwidth(&mut self, size: u32) {
        let [a, b, c, d] = size.to_be_bytes();
        self.control(message::PEER_BANDWIDTH, &[a, b, c, d, 2]);
    }

    /// A user control event with a 32-bit parameter.
    pub(crate) fn user_control(&mut self, event: u16, value: u32) {
        let ([a, b], [c, d, e, f]) = (event.to_be_bytes(), value.to_be_bytes());
        self.control(message::USER_CONTROL, &[a, b, c, d, e, f]);
    }

    /// Answers a ping.
    pub(crate) fn pong(&mut self, timestamp: u32) {
        self.user_control(user_control::PING_RESPONSE, timestamp);
    }

    /// Answers `connect` (section 7.2.1.1). `encoding` is the peer's object encoding. A peer that
    /// speaks Enhanced RTMP is told that any codec is forwarded as it is, and what else is
    /// understood; others get what they have always got.
    pub(crate) fn connected(&mut self, transaction: f64, encoding: f64, enhanced: bool) {
        self.command(COMMAND_STREAM, 0, |amf| {
            amf.string("_result").number(transaction);
            amf.object();
            amf.property("fmsVer").string("FMS/3,5,7,7009");
            amf.property("capabilities").number(31.0);
            amf.property("mode").number(1.0);
            amf.end();
            amf.object();
            Status::ok("NetConnection.Connect.Success", "Connection succeeded.").write(amf);
            amf.property("objectEncoding").number(encoding);
            if enhanced {
                for map in ["videoFourCcInfoMap", "audioFourCcInfoMap"] {
                    amf.property(map).object().property("*").number(CAN_FORWARD).end();
                }
                amf.property("capsEx").number(CapsEx::OURS.0.into());
            }
            amf.end();
        });
    }

    /// Asks the peer to connect anew (Enhanced RTMP v2, "Reconnect Request"): to `url`, or, if that
    /// is empty, to the address it came to.
    pub(crate) fn reconnect(&mut self, url: &str) {
        self.command(COMMAND_STREAM, 0, |amf| {
            amf.string("onStatus").number(0.0).null().object();
            let code = "NetConnection.Connect.ReconnectRequest";
            Status::ok(code, "The server stops: connect anew.").write(amf);
            if !url.is_empty() {
                amf.property("tcUrl").string(url);
            }
            amf.end();
        });
    }

    /// Answers a command with a number, or with undefined.
    pub(crate) fn result(&mut self, transaction: f64, value: Option<f64>) {
        self.command(COMMAND_STREAM, 0, |amf| {
            amf.string("_result").number(transaction).null();
            match value {
                Some(number) => amf.number(number),
                None => amf.undefined(),
            };
        });
    }

    /// Answers a command with an error.
    pub(crate) fn error(&mut self, transaction: f64, status: &Status<'_>) {
        self.command(COMMAND_STREAM, 0, |amf| {
            amf.string("_error").number(transaction).null().object();
            status.write(amf);
            amf.end();
        });
    }

    /// A status of a message stream, or of the connection (stream 0), with command `name`:
    /// `onStatus`, or one of its relatives.
    pub(crate) fn status(&mut self, name: &str, stream: u32, status: &Status<'_>) {
        let csid = if stream == 0 { COMMAND_STREAM } else { STATUS_STREAM };
        self.command(csid, stream, |amf| {
            amf.string(name).number(0.0).null().object();
            status.write(amf);
            amf.end();
        });
    }

    fn control(&mut self, kind: u8, body: &[u8]) {
        writer::write(&mut self.out, self.chunk_size, CONTROL_STREAM, kind, 0, body);
    }

    fn command(&mut self, csid: u8, stream: u32, write: impl FnOnce(&mut Writer<'_>)) {
        self.body.clear();
        write(&mut Writer::new(&mut self.body));
        let kind = message::COMMAND_AMF0;
        writer::write(&mut self.out, self.chunk_size, csid, kind, stream, &self.body);
    }
}
