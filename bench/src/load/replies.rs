//! What the server says: every byte is read, and everything it means is checked.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};
use sluicebox_core::amf0::{Reader, Value};

/// More than any reply takes, in bytes.
const MOST: usize = 1 << 20;

/// Something that a publisher waits for, or has to answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// A command succeeded: its transaction, and the number it gave.
    Result(u32, Option<f64>),
    /// A status without a fault, by its code.
    Status(String),
    /// A ping, to be answered with the same number.
    Ping(u32),
}

/// Transactions of commands that servers may refuse or not know: encoders do not care.
pub(super) const OPTIONAL: [u32; 3] = [2, 3, 6];

/// Messages of one server, put together from its chunks.
#[derive(Default)]
pub(super) struct Replies {
    bytes: Vec<u8>,
    chunk_size: usize,
    streams: HashMap<u32, Stream>,
    /// Bytes sent to it: it cannot have received more.
    pub(super) sent: u64,
}

/// A chunk stream of the server's.
#[derive(Clone, Default)]
struct Stream {
    kind: u8,
    len: usize,
    extended: bool,
    body: Vec<u8>,
}

impl Replies {
    pub(super) fn new() -> Self {
        Self { chunk_size: 128, ..Self::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(bytes);
        ensure!(self.bytes.len() <= MOST, "the server sends more than replies");
        Ok(())
    }

    /// Takes `len` bytes that are no chunks, once they are there.
    pub(super) fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        (self.bytes.len() >= len).then(|| self.bytes.drain(..len).collect())
    }

    /// The next reply that means something to a publisher. `None`: there is not enough.
    ///
    /// # Errors
    ///
    /// When the server breaks the protocol, or says that something has failed.
    pub(super) fn next(&mut self) -> Result<Option<Reply>> {
        loop {
            let Some((kind, body)) = self.message()? else { return Ok(None) };
            let reply = match kind {
                1..=6 => self.control(kind, &body)?,
                20 => command(&body)?,
                17 => command(body.get(1..).context("an empty command")?)?,
                15 | 18 => None,
                _ => bail!("the server sends a message of type {kind}"),
            };
            if reply.is_some() {
                return Ok(reply);
            }
        }
    }

    /// The next whole message: its type and its body.
    fn message(&mut self) -> Result<Option<(u8, Vec<u8>)>> {
        loop {
            let Some((id, len)) = self.chunk()? else { return Ok(None) };
            self.bytes.drain(..len);
            let stream = self.streams.get_mut(&id).context("a chunk stream")?;
            if stream.body.len() == stream.len {
                return Ok(Some((stream.kind, std::mem::take(&mut stream.body))));
            }
        }
    }

    /// Takes in the next chunk, if all of it is there: its chunk stream, and its length.
    fn chunk(&mut self) -> Result<Option<(u32, usize)>> {
        let bytes = &self.bytes[..];
        let Some(first) = bytes.first() else { return Ok(None) };
        let (id, basic) = match (first & 0x3f, bytes) {
            (0, [_, a, ..]) => (64 + u32::from(*a), 2),
            (1, [_, a, b, ..]) => (64 + u32::from(*a) + 256 * u32::from(*b), 3),
            (0 | 1, _) => return Ok(None),
            (id, _) => (u32::from(id), 1),
        };
        let format = first >> 6;
        let mut at = basic + [11, 7, 3, 0][usize::from(format)];
        let Some(header) = bytes.get(basic..at) else { return Ok(None) };
        let mut stream = match (self.streams.get(&id), format) {
            (Some(stream), _) => stream.clone(),
            (None, 0) => Stream::default(),
            _ => bail!("the server begins a chunk stream with format {format}"),
        };
        if format < 3 {
            stream.extended = header[..3] == [0xff; 3];
            ensure!(stream.body.is_empty(), "the server begins a message within another");
        }
        if let [_, _, _, a, b, c, kind, ..] = *header {
            stream.len = u32::from_be_bytes([0, a, b, c]) as usize;
            stream.kind = kind;
        }
        if stream.extended {
            at += 4;
        }
        let len = (stream.len - stream.body.len()).min(self.chunk_size);
        let Some(payload) = bytes.get(at..at + len) else { return Ok(None) };
        stream.body.extend_from_slice(payload);
        self.streams.insert(id, stream);
        Ok(Some((id, at + len)))
    }

    fn control(&mut self, kind: u8, body: &[u8]) -> Result<Option<Reply>> {
        let word = |at: usize| -> Result<u32> {
            let word = body.get(at..at + 4).and_then(|word| word.try_into().ok());
            Ok(u32::from_be_bytes(word.with_context(|| format!("type {kind} is too short"))?))
        };
        match kind {
            1 => {
                self.chunk_size = word(0)? as usize;
                ensure!(self.chunk_size > 0, "chunk size 0");
            }
            3 => {
                let received = word(0)?;
                ensure!(u64::from(received) <= self.sent, "acknowledges {received} bytes");
            }
            4 if body.starts_with(&[0, 6]) => return Ok(Some(Reply::Ping(word(2)?))),
            4 => ensure!(body.len() >= 2, "an empty user control message"),
            _ => drop(word(0)?),
        }
        Ok(None)
    }
}

/// What a command of the server's means.
fn command(body: &[u8]) -> Result<Option<Reply>> {
    let mut values = Reader::new(body);
    let name = values.string().ok().flatten().context("a command without a name")?;
    let name = String::from_utf8_lossy(name).into_owned();
    let transaction = values.number().ok().flatten();
    let mut rest = Vec::new();
    while let Ok(Some(value)) = values.next() {
        rest.push(value);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let transaction = transaction.map(|number| number as u32);
    let code = rest.iter().find_map(|value| match value {
        Value::Object(object) => {
            let text =
                |name| object.string(name).map(|text| String::from_utf8_lossy(text).into_owned());
            Some((text("level"), text("code").unwrap_or_default()))
        }
        _ => None,
    });
    let number = rest.iter().find_map(|value| match value {
        Value::Number(number) => Some(*number),
        _ => None,
    });
    match (name.as_str(), transaction, code) {
        ("_result", Some(transaction), code) => {
            if transaction == 1 {
                let code = code.map(|(_, code)| code).unwrap_or_default();
                // Values come in two objects, and not all servers put the code into the last one.
                let told = code == "NetConnection.Connect.Success"
                    || find(body, b"NetConnection.Connect.Success");
                ensure!(told, "connect: {code}");
            }
            Ok(Some(Reply::Result(transaction, number)))
        }
        ("_error", Some(transaction), _) if OPTIONAL.contains(&transaction) => Ok(None),
        ("_error", transaction, code) => bail!("_error to {transaction:?}: {code:?}"),
        ("onStatus", _, Some((level, code))) => {
            ensure!(level.as_deref() != Some("error"), "onStatus: {code}");
            Ok(Some(Reply::Status(code)))
        }
        ("onStatus", _, None) => bail!("onStatus without a code"),
        // onBWDone, onFCPublish and the like.
        _ => Ok(None),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{self, COMMAND, CONTROL, Command};

    fn replies(bytes: &[u8]) -> Result<Vec<Reply>> {
        let mut replies = Replies::new();
        let mut all = Vec::new();
        // Byte by byte: whole messages come however they are cut.
        for byte in bytes {
            replies.push(&[*byte])?;
            while let Some(reply) = replies.next()? {
                all.push(reply);
            }
        }
        Ok(all)
    }

    fn status(level: &str, code: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let command = Command::new("onStatus", 0).null().object();
        let command = command.key("level").string(level).key("code").string(code);
        let command = command.key("description").string(&"x".repeat(200)).end();
        command.write(&mut out, COMMAND, 1, 128);
        out
    }

    #[test]
    fn what_a_publisher_waits_for_is_found() {
        let mut out = Vec::new();
        wire::first(&mut out, CONTROL, 0, &4096_u32.to_be_bytes(), 128);
        Command::new("_result", 4).null().number(1.0).write(&mut out, COMMAND, 0, 4096);
        Command::new("_error", 2).null().write(&mut out, COMMAND, 0, 4096);
        assert_eq!(replies(&out).unwrap(), [Reply::Result(4, Some(1.0))]);
        let start = "NetStream.Publish.Start";
        assert_eq!(replies(&status("status", start)).unwrap(), [Reply::Status(start.into())]);
    }

    #[test]
    fn what_is_wrong_is_found() {
        let error = replies(&status("error", "NetStream.Publish.BadName")).unwrap_err();
        assert!(error.to_string().contains("BadName"));
        let mut out = Vec::new();
        Command::new("_error", 1).null().write(&mut out, COMMAND, 0, 128);
        assert!(replies(&out).is_err());
        assert!(replies(&[0xc3]).is_err());
        let mut out = Vec::new();
        let acknowledgement = wire::Lane { kind: 3, ..CONTROL };
        wire::first(&mut out, acknowledgement, 0, &1_u32.to_be_bytes(), 128);
        assert!(replies(&out).unwrap_err().to_string().contains("acknowledges 1"));
    }
}
