//! What an audio or video tag is.

use super::mod_ex::ModExIter;
use super::parts::{Form, Part, Parts};

/// What an audio or video tag says of itself; see [`Tag::media`](super::Tag::media).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media<'a> {
    /// Which of the two.
    pub kind: Kind,
    /// What it carries, for all its tracks alike.
    pub packet: Packet,
    /// Whether the header is that of Enhanced RTMP, with a FourCC.
    pub enhanced: bool,
    /// How several tracks share the tag; `None`: there is one, and it has no number.
    pub multitrack: Option<Multitrack>,
    /// As sent; 0 for audio.
    pub(super) frame_type: u8,
    /// All modifiers, one after another.
    pub(super) mod_ex: &'a [u8],
    pub(super) parts: Parts<'a>,
}

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`AUDIO`](super::AUDIO).
    Audio,
    /// [`VIDEO`](super::VIDEO).
    Video,
}

/// What a tag carries.
///
/// Each but the last four has at least one [`Part`]; [`Packet::Unknown`] may have some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Packet {
    /// Coded frames.
    Frame,
    /// The codec's configuration: sequence header, sequence start.
    SequenceHeader,
    /// The same as MPEG-2 TS has it: for AV1 a video descriptor.
    Mpeg2TsSequenceHeader,
    /// The end of a sequence.
    SequenceEnd,
    /// Names and values in AMF0: `colorInfo`.
    Metadata,
    /// Which channel is for which speaker: see [`Channels`](super::Channels).
    MultichannelConfig,
    /// A packet type that is reserved, by its number.
    Unknown(u8),
    /// Video of frame type 5: the start or end of a seek, no picture.
    Command,
    /// Audio without a single byte: a pause.
    Silence,
    /// Too short to say.
    Cut,
}

/// How tracks share a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Multitrack {
    /// One track, with its number.
    OneTrack,
    /// Several tracks of one codec.
    ManyTracks,
    /// Several tracks, each with its codec.
    ManyCodecs,
}

impl<'a> Media<'a> {
    /// What it has for each track, in order; most tags have one.
    #[inline]
    pub fn parts(&self) -> Parts<'a> {
        self.parts
    }

    /// What it has for one track; tags without track numbers are for track 0.
    pub fn track(&self, track: u8) -> Option<Part<'a>> {
        self.parts().find(|part| part.track == track)
    }

    /// Whether a decoder can start here: video of frame type 1 or 4, and not empty.
    #[inline]
    pub fn is_keyframe(&self) -> bool {
        self.packet == Packet::Frame
            && matches!(self.frame_type, KEY | GENERATED_KEY)
            && self.parts().next().is_some_and(|part| !part.data.is_empty())
    }

    /// Whether it has the configuration that the decoders of its tracks start with.
    #[inline]
    pub fn is_sequence_header(&self) -> bool {
        matches!(self.packet, Packet::SequenceHeader | Packet::Mpeg2TsSequenceHeader)
    }

    /// What modifies it, in order.
    pub fn mod_ex(&self) -> ModExIter<'a> {
        ModExIter(self.mod_ex)
    }

    /// Nanoseconds to add to the timestamp of the tag, where it says so.
    pub fn nanoseconds(&self) -> Option<u32> {
        self.mod_ex().find_map(|mod_ex| mod_ex.nanoseconds())
    }

    /// Whether nothing is cut off: all headers are there, and all parts as long as they say.
    pub fn is_whole(&self) -> bool {
        let mut parts = self.parts();
        parts.by_ref().for_each(drop);
        self.packet != Packet::Cut && parts.is_whole()
    }

    /// Without parts.
    #[inline]
    pub(super) fn of(kind: Kind, packet: Packet) -> Self {
        Self {
            kind,
            packet,
            enhanced: false,
            multitrack: None,
            frame_type: 0,
            mod_ex: &[],
            parts: Parts::new(Form::Done, false, &[]),
        }
    }
}

/// `VideoFrameType`.
const KEY: u8 = 1;
const GENERATED_KEY: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flv::{AUDIO, SCRIPT, SCRIPT_AMF3, Tag, VIDEO};

    fn video(body: &[u8]) -> Media<'_> {
        Media::new(Kind::Video, body)
    }

    fn audio(body: &[u8]) -> Media<'_> {
        Media::new(Kind::Audio, body)
    }

    #[test]
    fn frame_types() {
        // Generated keyframes are keyframes; 0, which early encoders sent, is nothing special.
        for (frame_type, key) in
            [(0, false), (1, true), (2, false), (3, false), (4, true), (7, false)]
        {
            let old = [frame_type << 4 | 7, 1, 0, 0, 0, 1];
            let new = [&[0x81 | frame_type << 4], &b"hvc1\0\0\0\x01"[..]].concat();
            assert_eq!([video(&old), video(&new)].map(|media| media.is_keyframe()), [key; 2]);
            assert_eq!([video(&old), video(&new)].map(|media| media.packet), [Packet::Frame; 2]);
        }
    }

    #[test]
    fn commands_and_metadata_are_no_frames() {
        // Frame type 5 has no FourCC and no picture, whatever the packet type says…
        for body in [&b"\x57\0"[..], b"\x57", b"\xd1\0", b"\xd0\x01", b"\xd3"] {
            let media = video(body);
            assert_eq!((media.packet, media.parts().count()), (Packet::Command, 0));
            assert!(!media.is_keyframe() && !media.is_sequence_header());
        }
        // …but for metadata, whose frame type does not count.
        for first in [b"\xd4", b"\x94", b"\xa4"] {
            let body = [first, &b"hvc1\x02\0\x09colorInfo"[..]].concat();
            let media = video(&body);
            assert_eq!((media.packet, media.is_keyframe()), (Packet::Metadata, false));
            assert_eq!(media.track(0).unwrap().data, b"\x02\0\x09colorInfo");
        }
    }

    #[test]
    fn bodies_of_a_few_bytes() {
        assert_eq!((video(b"").packet, audio(b"").packet), (Packet::Cut, Packet::Silence));
        assert!(audio(b"").is_whole() && !video(b"").is_whole());
        assert_eq!((video(b"\x17").packet, audio(b"\xaf").packet), (Packet::Cut, Packet::Cut));
        // A composition time that is cut off: what it is, is known; nothing is in it.
        for len in 2..5 {
            let media = video(&[0x17, 1, 0, 0][..len.min(4)]);
            assert_eq!(
                (media.packet, media.is_keyframe(), media.is_whole()),
                (Packet::Frame, false, false)
            );
            assert_eq!(media.parts().next().unwrap().data, b"");
        }
        // Nothing but headers.
        assert!(!video(b"\x17\x01\0\0\0").is_keyframe());
        assert!(video(b"\x17\x01\0\0\0").is_whole());
        for len in 1..5 {
            let (video, audio) = (video(&b"\x90hvc1"[..len]), audio(&b"\x90Opus"[..len]));
            assert_eq!([video.packet, audio.packet], [Packet::Cut; 2]);
            assert!(video.enhanced && audio.enhanced && video.parts().count() == 0);
        }
        assert_eq!(audio(b"\x90Opus").packet, Packet::SequenceHeader);
    }

    #[test]
    fn tags_of_every_kind() {
        let tag = |kind, body| Tag { kind, timestamp: 0, body };
        assert_eq!(tag(AUDIO, b"\xaf\x01").media().unwrap().kind, Kind::Audio);
        assert_eq!(tag(VIDEO, b"\x17\x01").media().unwrap().kind, Kind::Video);
        assert_eq!(tag(7, b"\x17\x01").media(), None);
        assert_eq!(tag(SCRIPT, b"\x17\x01").media(), None);

        let metadata = b"\x02\0\x0aonMetaData\x05";
        let script = tag(SCRIPT, metadata).script().unwrap();
        assert_eq!((script.name, script.values), (&b"onMetaData"[..], &b"\x05"[..]));
        let amf3 = [b"\0", &metadata[..]].concat();
        assert_eq!(tag(SCRIPT_AMF3, &amf3).script(), Some(script));
        assert_eq!(tag(SCRIPT_AMF3, metadata).script(), Some(script));
        for body in [&b""[..], b"\x02", b"\x02\0\x09cut", b"\x05", b"\x03\0\0\x09"] {
            assert_eq!((tag(SCRIPT, body).script(), tag(AUDIO, body).script()), (None, None));
        }
    }
}
