//! What a peer says it can, and what this side answers (Enhanced RTMP v2, "Enhancing NetConnection
//! connect Command").

use alloc::vec::Vec;

use crate::amf0::{Object, Value};
use crate::flv::FourCc;

/// What a peer said in `connect` of what it can. Labels only: nothing that comes later depends on
/// it, as many encoders say nothing and send FourCC headers all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities<'a> {
    /// `fourCcList`, of v1: codecs of both kinds.
    pub list: FourCcs<'a>,
    /// `videoFourCcInfoMap`.
    pub video: FourCcs<'a>,
    /// `audioFourCcInfoMap`.
    pub audio: FourCcs<'a>,
    /// `capsEx`.
    pub caps_ex: CapsEx,
    /// `videoFunction`: 1 client seeks, 2 HDR, 4 metadata packets, 8 large-scale tiles.
    pub video_function: u32,
    /// `objectEncoding`: 0 or 3, for AMF0 and AMF3.
    pub object_encoding: u32,
}

/// `capsEx`: a bit for each thing that a peer can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CapsEx(pub u32);

impl CapsEx {
    /// Comes again when asked to: see [`Session::reconnect`](crate::Session::reconnect).
    pub const RECONNECT: u32 = 1;
    /// Several tracks in one stream.
    pub const MULTITRACK: u32 = 2;
    /// Modifiers before a packet: see [`flv::ModEx`](crate::flv::ModEx).
    pub const MOD_EX: u32 = 4;
    /// Nanoseconds in those modifiers.
    pub const TIMESTAMP_NANO_OFFSET: u32 = 8;

    /// What this side answers. A recorder keeps tracks, modifiers and nanoseconds as they were
    /// sent, and [`flv::Media`](crate::flv::Media) reads them.
    pub(crate) const OURS: Self =
        Self(Self::RECONNECT | Self::MULTITRACK | Self::MOD_EX | Self::TIMESTAMP_NANO_OFFSET);

    /// Whether it comes again when asked to.
    pub fn reconnects(self) -> bool {
        self.0 & Self::RECONNECT != 0
    }
}

/// Codecs, and what a peer can do with each: five bytes an entry, a FourCC and its bits.
///
/// The wildcard `*` is a FourCC with three zeros behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FourCcs<'a>(pub &'a [u8]);

impl<'a> FourCcs<'a> {
    /// Each codec with its bits: 1 it decodes, 2 encodes, 4 forwards; 0 in a list, which has none.
    pub fn iter(&self) -> impl Iterator<Item = (FourCc, u8)> + use<'a> {
        self.0.chunks_exact(5).map(|one| (FourCc([one[0], one[1], one[2], one[3]]), one[4]))
    }
}

/// What is kept of a `connect`.
#[derive(Default)]
pub(crate) struct Said {
    list: Vec<u8>,
    video: Vec<u8>,
    audio: Vec<u8>,
    caps_ex: CapsEx,
    video_function: u32,
    object_encoding: u32,
    /// Anything of Enhanced RTMP: then it is answered in kind.
    pub(crate) enhanced: bool,
}

impl Said {
    /// Reads the command object of `connect`.
    pub(crate) fn read(object: Object<'_>) -> Self {
        let number = |name| object.number(name).map(bits);
        let codecs = |name| object.get(name).map(entries);
        let caps_ex = number("capsEx");
        let [list, video, audio] =
            ["fourCcList", "videoFourCcInfoMap", "audioFourCcInfoMap"].map(codecs);
        let enhanced = caps_ex.is_some() || [&list, &video, &audio].iter().any(|one| one.is_some());
        Self {
            list: list.unwrap_or_default(),
            video: video.unwrap_or_default(),
            audio: audio.unwrap_or_default(),
            caps_ex: CapsEx(caps_ex.unwrap_or_default()),
            video_function: number("videoFunction").unwrap_or_default(),
            object_encoding: number("objectEncoding").unwrap_or_default(),
            enhanced,
        }
    }

    pub(crate) fn capabilities(&self) -> Capabilities<'_> {
        Capabilities {
            list: FourCcs(&self.list),
            video: FourCcs(&self.video),
            audio: FourCcs(&self.audio),
            caps_ex: self.caps_ex,
            video_function: self.video_function,
            object_encoding: self.object_encoding,
        }
    }
}

/// The entries of a list, or of a map; names that are no FourCC are left out.
fn entries(value: Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |name: &[u8], mask: u8| {
        let fourcc = match name {
            b"*" => *b"*\0\0\0",
            _ => match name.try_into() {
                Ok(fourcc) => fourcc,
                Err(_) => return,
            },
        };
        out.extend(fourcc);
        out.push(mask);
    };
    let text = |value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    match value {
        Value::Array(array) => array.iter().filter_map(text).for_each(|name| add(name, 0)),
        Value::Object(object) => object.iter().for_each(|(key, value)| match value {
            Value::Number(number) => add(key, u8::try_from(bits(number)).unwrap_or(u8::MAX)),
            // A list that was sent as an object: its keys are places.
            Value::String(name) => add(name, 0),
            _ => {}
        }),
        _ => {}
    }
    out
}

/// Bits sent as a number: what is none becomes those nearest to it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn bits(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amf0::Reader;

    fn read(bytes: &[u8]) -> Said {
        match Reader::new(bytes).next() {
            Ok(Some(Value::Object(object))) => Said::read(object),
            other => panic!("{other:?}"),
        }
    }

    fn number(number: f64) -> Vec<u8> {
        [&[0][..], &number.to_be_bytes()].concat()
    }

    #[test]
    fn lists_and_maps_are_read() {
        let bytes = [
            &b"\x03\0\x0afourCcList\x0a\0\0\0\x04\x02\0\x04hvc1\x05\x02\0\x01*\x02\0\x05wrong"[..],
            b"\0\x12videoFourCcInfoMap\x03\0\x04av01",
            &number(7.0),
            b"\0\x01*",
            &number(1e9),
            b"\0\0\x09\0\x12audioFourCcInfoMap\x08\0\0\0\x01\0\x04Opus",
            &number(-1.0),
            b"\0\0\x09\0\x06capsEx",
            &number(5.0),
            b"\0\x0dvideoFunction",
            &number(3.0),
            b"\0\x0eobjectEncoding",
            &number(3.0),
            b"\0\0\x09",
        ]
        .concat();
        let said = read(&bytes);
        let caps = said.capabilities();
        let (hvc1, any) = (FourCc(*b"hvc1"), FourCc(*b"*\0\0\0"));
        assert!(caps.list.iter().eq([(hvc1, 0), (any, 0)]));
        assert!(caps.video.iter().eq([(FourCc(*b"av01"), 7), (any, 255)]));
        assert!(caps.audio.iter().eq([(FourCc(*b"Opus"), 0)]));
        assert_eq!((caps.caps_ex, caps.video_function, caps.object_encoding), (CapsEx(5), 3, 3));
        assert!(said.enhanced && caps.caps_ex.reconnects());
    }

    #[test]
    fn old_peers_say_none_of_it() {
        let old = [b"\x03\0\x0dvideoFunction", &number(1.0)[..], b"\0\0\x09"].concat();
        let said = read(&old);
        assert!(!said.enhanced);
        let expected = Capabilities { video_function: 1, ..Capabilities::default() };
        assert_eq!(said.capabilities(), expected);
        // What makes no sense is nothing, but said all the same.
        let odd = b"\x03\0\x0afourCcList\x05\0\x12videoFourCcInfoMap\x02\0\x01*\0\0\x09";
        let said = read(odd);
        assert!(said.enhanced && said.capabilities() == Capabilities::default());
    }
}
