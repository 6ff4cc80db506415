//! The headers before the data of a tag, old (annex E.4.2 and E.4.3) and new
//! (Enhanced RTMP v2, "Enhanced Audio" and "Enhanced Video").
//!
//! ```text
//!  video, old   frame type 4 bits │ codec 4 │ H.264, HEVC: packet type 1 byte │ composition time 3
//!  audio, old   codec 4 bits │ rate, size, channels 4 │ AAC: packet type 1 byte
//!  video, new   1 │ frame type 3 bits │ packet type 4 │ modifiers │ multitrack │ parts
//!  audio, new   9 │ packet type 4 bits │ modifiers │ multitrack │ parts
//! ```

use super::codec::Codec;
use super::media::{Kind, Media, Multitrack, Packet};
use super::mod_ex::ModEx;
use super::parts::{Form, Parts};

impl<'a> Media<'a> {
    #[inline]
    pub(super) fn new(kind: Kind, body: &'a [u8]) -> Self {
        match (kind, body) {
            (Kind::Video, [first, rest @ ..]) if first & 0x80 == 0 => Self::old_video(*first, rest),
            (Kind::Audio, [first, rest @ ..]) if first >> 4 != 9 => Self::old_audio(*first, rest),
            (_, [first, rest @ ..]) => Self::enhanced(kind, *first, rest),
            (Kind::Video, []) => Self::of(kind, Packet::Cut),
            (Kind::Audio, []) => Self::of(kind, Packet::Silence),
        }
    }

    #[inline]
    fn old_video(first: u8, rest: &'a [u8]) -> Self {
        let (codec, frame_type) = (Codec::of_video(first), first >> 4);
        let (packet, timed, rest) = match rest {
            _ if frame_type == COMMAND => return Self::of(Kind::Video, Packet::Command),
            _ if !codec.has_composition_time() => (Packet::Frame, false, rest),
            [kind, rest @ ..] => (old_packet(*kind), true, rest),
            [] => return Self::of(Kind::Video, Packet::Cut),
        };
        let parts = Parts::new(Form::Single(codec), timed, rest);
        Self { frame_type, parts, ..Self::of(Kind::Video, packet) }
    }

    #[inline]
    fn old_audio(first: u8, rest: &'a [u8]) -> Self {
        let codec = Codec::of_audio(first);
        let (packet, rest) = match rest {
            _ if codec != Codec::Aac => (Packet::Frame, rest),
            [kind, rest @ ..] if *kind < 2 => (old_packet(*kind), rest),
            [kind, rest @ ..] => (Packet::Unknown(*kind), rest),
            [] => return Self::of(Kind::Audio, Packet::Cut),
        };
        let parts = Parts::new(Form::Single(codec), false, rest);
        Self { parts, ..Self::of(Kind::Audio, packet) }
    }

    fn enhanced(kind: Kind, first: u8, rest: &'a [u8]) -> Self {
        let cut = Self { enhanced: true, ..Self::of(kind, Packet::Cut) };
        Self::enhanced_or_cut(cut, first, rest).unwrap_or(cut)
    }

    /// `None`: a header is cut off. `media` is what is known before the first.
    fn enhanced_or_cut(media: Self, first: u8, mut rest: &'a [u8]) -> Option<Self> {
        let video = media.kind == Kind::Video;
        let frame_type = if video { first >> 4 & 0x07 } else { 0 };
        let (modifiers, mut packet) = (rest, first & 0x0f);
        while packet == MOD_EX {
            (_, packet) = ModEx::take(&mut rest)?;
        }
        let mod_ex = &modifiers[..modifiers.len() - rest.len()];
        let media = Self { frame_type, mod_ex, ..media };

        if frame_type == COMMAND && packet != METADATA {
            return Some(Self { packet: Packet::Command, ..media });
        }
        let is_multitrack =
            |packet| packet == if video { MULTITRACK_VIDEO } else { MULTITRACK_AUDIO };
        let mut multitrack = None;
        if is_multitrack(packet) {
            let byte = *rest.split_off_first()?;
            multitrack = Multitrack::of(byte >> 4);
            let inner = byte & 0x0f;
            if multitrack.is_none() || is_multitrack(inner) || inner == MOD_EX {
                return Some(Self { packet: Packet::Unknown(packet), ..media });
            }
            packet = inner;
        }
        let mut codec = || Some(Codec::of_fourcc(rest.split_off(..4)?.try_into().ok()?));
        let form = match multitrack {
            None => Form::Single(codec()?),
            Some(Multitrack::OneTrack) => Form::OneTrack(codec()?),
            Some(Multitrack::ManyTracks) => Form::ManyTracks(codec()?),
            Some(Multitrack::ManyCodecs) => Form::ManyCodecs,
        };
        let parts = Parts::new(form, video && packet == CODED_FRAMES, rest);
        parts.into_iter().next()?;
        let packet = if video { video_packet(packet) } else { audio_packet(packet) };
        Some(Self { packet, multitrack, parts, ..media })
    }
}

impl Multitrack {
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::OneTrack,
            1 => Self::ManyTracks,
            2 => Self::ManyCodecs,
            _ => return None,
        })
    }
}

/// `AVCPacketType`, and of `AACPacketType` all but the end.
#[inline]
fn old_packet(number: u8) -> Packet {
    match number {
        0 => Packet::SequenceHeader,
        1 => Packet::Frame,
        2 => Packet::SequenceEnd,
        other => Packet::Unknown(other),
    }
}

/// `VideoPacketType`.
fn video_packet(number: u8) -> Packet {
    match number {
        0 => Packet::SequenceHeader,
        // The latter without composition time.
        CODED_FRAMES | 3 => Packet::Frame,
        2 => Packet::SequenceEnd,
        METADATA => Packet::Metadata,
        5 => Packet::Mpeg2TsSequenceHeader,
        other => Packet::Unknown(other),
    }
}

/// `AudioPacketType`.
fn audio_packet(number: u8) -> Packet {
    match number {
        0 => Packet::SequenceHeader,
        CODED_FRAMES => Packet::Frame,
        2 => Packet::SequenceEnd,
        4 => Packet::MultichannelConfig,
        other => Packet::Unknown(other),
    }
}

/// `VideoFrameType`.
const COMMAND: u8 = 5;

/// `VideoPacketType` and `AudioPacketType`.
const CODED_FRAMES: u8 = 1;
const METADATA: u8 = 4;
const MULTITRACK_AUDIO: u8 = 5;
const MULTITRACK_VIDEO: u8 = 6;
const MOD_EX: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flv::{Channels, FourCc, Part};

    fn video(body: &[u8]) -> Media<'_> {
        Media::new(Kind::Video, body)
    }

    fn audio(body: &[u8]) -> Media<'_> {
        Media::new(Kind::Audio, body)
    }

    fn only<'a>(media: &Media<'a>) -> Part<'a> {
        let part = media.parts().next().unwrap();
        assert_eq!((media.parts().count(), media.is_whole()), (1, true));
        part
    }

    #[test]
    fn old_h264_and_hevc() {
        for (codec, id) in [(Codec::Avc, 7), (Codec::Hevc, 12)] {
            let key = [0x10 | id, 1, 0xff, 0xff, 0xf6, 1, 2, 3];
            let media = video(&key);
            assert_eq!((media.packet, media.enhanced), (Packet::Frame, false));
            assert!(media.is_keyframe() && !media.is_sequence_header());
            let data = &[1, 2, 3][..];
            assert_eq!(only(&media), Part { track: 0, codec, composition_time: -10, data });

            let inter = [0x20 | id, 1, 0x7f, 0xff, 0xff, 1];
            assert!(!video(&inter).is_keyframe());
            assert_eq!(only(&video(&inter)).composition_time, 0x7f_ffff);

            // A sequence header is no keyframe, though it has the frame type of one.
            let header = [0x10 | id, 0, 0, 0, 0, 1, 0x64];
            let media = video(&header);
            assert!(media.is_sequence_header() && !media.is_keyframe());
            assert_eq!(only(&media).data, [1, 0x64]);

            let end = [0x10 | id, 2, 0, 0, 0];
            assert_eq!(video(&end).packet, Packet::SequenceEnd);
            let reserved = [0x10 | id, 3, 0, 0, 0];
            assert_eq!(video(&reserved).packet, Packet::Unknown(3));
        }
    }

    #[test]
    fn other_old_codecs() {
        let media = video(&[0x12, 9, 9]);
        assert!(media.is_keyframe());
        assert_eq!((only(&media).codec, only(&media).data), (Codec::SorensonH263, &[9, 9][..]));
        assert_eq!(only(&video(&[0x2d, 1])).codec, Codec::Id(13));

        let aac = audio(&[0xaf, 1, 0x21]);
        assert_eq!((aac.packet, only(&aac).codec), (Packet::Frame, Codec::Aac));
        assert_eq!((only(&aac).data, aac.is_keyframe()), (&[0x21][..], false));
        let config = audio(&[0xaf, 0, 0x12, 0x10]);
        assert_eq!(
            (config.packet, only(&config).data),
            (Packet::SequenceHeader, &[0x12, 0x10][..])
        );
        assert_eq!(audio(&[0xaf, 2]).packet, Packet::Unknown(2));

        let mp3 = audio(&[0x2e, 0xff, 0xfb]);
        assert_eq!((mp3.packet, only(&mp3).codec), (Packet::Frame, Codec::Mp3));
        assert_eq!(only(&mp3).data, [0xff, 0xfb]);
    }

    #[test]
    fn fourcc_video_of_every_packet_type() {
        let all = [
            (0, Packet::SequenceHeader),
            (1, Packet::Frame),
            (2, Packet::SequenceEnd),
            (3, Packet::Frame),
            (4, Packet::Metadata),
            (5, Packet::Mpeg2TsSequenceHeader),
            (8, Packet::Unknown(8)),
            (15, Packet::Unknown(15)),
        ];
        for (fourcc, timed) in [
            (b"avc1", true),
            (b"hvc1", true),
            (b"vvc1", true),
            (b"av01", false),
            (b"vp09", false),
            (b"vp08", false),
            (b"new!", false),
        ] {
            for (number, packet) in all {
                let body = [&[0x90 | number], &fourcc[..], &[0, 0, 4, 1, 2]].concat();
                let media = video(&body);
                assert_eq!((media.packet, media.enhanced), (packet, true));
                assert_eq!(media.is_keyframe(), packet == Packet::Frame);
                assert_eq!(media.is_sequence_header(), number == 0 || number == 5);
                let part = only(&media);
                assert_eq!(part.codec.fourcc(), Some(FourCc(*fourcc)));
                // Coded frames alone have the field, and only those of codecs with NAL units.
                let (time, data) = if timed && number == 1 { (4, 8) } else { (0, 5) };
                assert_eq!((part.composition_time, part.data), (time, &body[data..]), "{fourcc:?}");
            }
        }
    }

    #[test]
    fn fourcc_audio_of_every_packet_type() {
        let all = [
            (0, Packet::SequenceHeader),
            (1, Packet::Frame),
            (2, Packet::SequenceEnd),
            (3, Packet::Unknown(3)),
            (4, Packet::MultichannelConfig),
            (6, Packet::Unknown(6)),
        ];
        for fourcc in [b"Opus", b"fLaC", b"ac-3", b"ec-3", b".mp3", b"mp4a", b"new!"] {
            for (number, packet) in all {
                let body = [&[0x90 | number], &fourcc[..], &[0, 2]].concat();
                let media = audio(&body);
                assert_eq!((media.packet, media.is_keyframe()), (packet, false));
                assert_eq!(only(&media).codec.fourcc(), Some(FourCc(*fourcc)));
                assert_eq!(only(&media).data, [0, 2]);
            }
        }
        let config = audio(b"\x94Opus\x01\x02\0\0\0\x03");
        assert_eq!(Channels::read(only(&config).data).unwrap().count, 2);
    }
}
