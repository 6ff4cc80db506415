//! Commands: what the peer asks for (RTMP 1.0, section 7.2).

use crate::amf0::{Object, OverBudget, Reader, Value};
use crate::config::Limits;
use crate::error::{Error, Limit, Malformed};
use crate::message::COMMAND_AMF3;

/// A command as it is read: order and transaction identifiers are the peer's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Command<'a> {
    /// What is asked.
    pub(crate) request: Request<'a>,
    /// 0: no answer is waited for.
    pub(crate) transaction: f64,
}

/// What a command asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request<'a> {
    Connect(Option<Object<'a>>),
    CreateStream,
    /// `releaseStream`, `_checkbw`: answered, nothing else.
    Acknowledge,
    /// `FCPublish`; the name may differ from the one published.
    AnnouncePublish,
    StreamLength,
    /// `publish`; no name: the peer stops publishing.
    Publish {
        name: Option<&'a [u8]>,
        kind: &'a [u8],
    },
    /// `FCUnpublish`.
    AnnounceUnpublish(&'a [u8]),
    CloseStream,
    DeleteStream(Which<'a>),
    /// `play` and what belongs to it.
    Play,
    /// An answer, or a notice: nothing is to be done.
    Ignored,
    Unknown,
}

/// Which stream `deleteStream` means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Which<'a> {
    Id(u32),
    /// Some encoders give the name.
    Name(&'a [u8]),
    /// Some give nothing.
    Unsaid,
}

impl<'a> Command<'a> {
    /// Reads the body of a command message of type `kind`.
    pub(crate) fn read(kind: u8, body: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        // Type 17 has a format byte, then AMF0 all the same (Enhanced RTMP, "AMF3").
        let body = match body {
            [0, rest @ ..] if kind == COMMAND_AMF3 => rest,
            _ => body,
        };
        let mut values = Reader::with_limits(body, limits.amf_depth, limits.amf_values);
        let name = values.string()?.ok_or(Malformed::Command)?;
        let transaction = values.number()?.unwrap_or(0.0);
        let object = values.next()?;
        let request = match name {
            b"connect" => Request::Connect(match object {
                Some(Value::Object(object)) => Some(object),
                _ => None,
            }),
            b"createStream" => Request::CreateStream,
            b"releaseStream" | b"_checkbw" => Request::Acknowledge,
            b"FCPublish" => Request::AnnouncePublish,
            b"getStreamLength" => Request::StreamLength,
            b"publish" => {
                Request::Publish { name: values.string()?, kind: values.string()?.unwrap_or(b"") }
            }
            b"FCUnpublish" => Request::AnnounceUnpublish(values.string()?.unwrap_or(b"")),
            b"closeStream" => Request::CloseStream,
            b"deleteStream" => Request::DeleteStream(match values.next()? {
                Some(Value::Number(id)) => Which::Id(stream_id(id)),
                Some(Value::String(name)) => Which::Name(name),
                _ => Which::Unsaid,
            }),
            b"play" | b"play2" | b"seek" | b"pause" | b"pauseRaw" | b"FCSubscribe" => Request::Play,
            [b'_', ..] | [b'o', b'n', ..] => Request::Ignored,
            _ => Request::Unknown,
        };
        Ok(Self { request, transaction })
    }
}

/// A stream identifier sent as a number: what is no identifier becomes one that no stream has.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn stream_id(number: f64) -> u32 {
    number as u32
}

impl From<OverBudget> for Error {
    fn from(over: OverBudget) -> Self {
        match over {
            OverBudget::Depth => Limit::AmfDepth.into(),
            OverBudget::Values => Limit::AmfValues.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::amf0::Writer;

    fn body(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut body = Vec::new();
        write(&mut Writer::new(&mut body));
        body
    }

    fn read(kind: u8, body: &[u8]) -> Result<Command<'_>, Error> {
        Command::read(kind, body, &Limits::default())
    }

    #[test]
    fn amf3_flavour_is_amf0_behind_a_byte() {
        let plain = body(|amf| _ = amf.string("publish").number(5.0).null().string("cam"));
        let request = Request::Publish { name: Some(b"cam"), kind: b"" };
        let expected = Ok(Command { request, transaction: 5.0 });
        assert_eq!(read(20, &plain), expected);
        assert_eq!(read(17, &plain), expected);
        assert_eq!(read(17, &[&[0], &plain[..]].concat()), expected);
    }

    #[test]
    fn delete_stream_says_what_it_can() {
        let which = |write: fn(&mut Writer<'_>)| {
            let bytes = body(|amf| {
                amf.string("deleteStream").number(0.0).null();
                write(amf);
            });
            let bytes: &'static [u8] = bytes.leak();
            read(20, bytes).unwrap().request
        };
        assert_eq!(which(|amf| _ = amf.number(3.0)), Request::DeleteStream(Which::Id(3)));
        let named = Request::DeleteStream(Which::Name(b"cam"));
        assert_eq!(which(|amf| _ = amf.string("cam")), named);
        assert_eq!(which(|_| ()), Request::DeleteStream(Which::Unsaid));
    }

    #[test]
    fn a_command_needs_a_name() {
        for body in [&b""[..], b"\x05", b"\x02\0\x09cut"] {
            assert_eq!(read(20, body), Err(Malformed::Command.into()));
        }
    }
}
