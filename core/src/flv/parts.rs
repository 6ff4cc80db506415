//! The tracks that share a tag (Enhanced RTMP v2, `AvMultitrackType`).
//!
//! ```text
//!  one track                 fourcc │ track │ data
//!  many tracks, one codec    fourcc │ track │ length 3 │ data │ track │ length 3 │ data │ …
//!  many tracks and codecs    fourcc │ track │ length 3 │ data │ fourcc │ track │ length 3 │ …
//!  no multitrack             fourcc │ data       or, behind an old header, data alone
//! ```

use super::codec::Codec;

/// What a tag has for one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// The track: 0, the default track, where the tag does not say.
    pub track: u8,
    /// The codec of the track.
    pub codec: Codec,
    /// Milliseconds from the timestamp of the tag to the time at which a frame is shown; negative
    /// from some encoders, and 0 where the packet has no such field.
    pub composition_time: i32,
    /// What is behind all headers: a frame, the codec's configuration record, AMF0 values.
    pub data: &'a [u8],
}

/// Iterator over the parts of a tag; see [`Media::parts`](super::Media::parts).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    form: Form,
    /// Data begins with a composition time, if the codec has one.
    timed: bool,
    /// Nothing was cut off so far.
    whole: bool,
    rest: &'a [u8],
}

/// How the next part lies in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// There is none.
    Done,
    Single(Codec),
    OneTrack(Codec),
    ManyTracks(Codec),
    ManyCodecs,
}

impl<'a> Parts<'a> {
    #[inline]
    pub(super) fn new(form: Form, timed: bool, rest: &'a [u8]) -> Self {
        Self { form, timed, whole: true, rest }
    }

    /// Whether everything up to here was there: at the end, whether the tag is whole.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    #[inline]
    fn last(&mut self, track: u8, codec: Codec) -> Part<'a> {
        self.form = Form::Done;
        let data = core::mem::take(&mut self.rest);
        self.part(track, codec, data)
    }

    fn one_track(&mut self, codec: Codec) -> Option<Part<'a>> {
        let track = *self.rest.split_off_first()?;
        Some(self.last(track, codec))
    }

    /// One of many tracks; of `codec`, or of a codec of its own.
    fn one_of_many(&mut self, codec: Option<Codec>) -> Option<Part<'a>> {
        let codec = match codec {
            Some(codec) => codec,
            None => Codec::of_fourcc(self.rest.split_off(..4)?.try_into().ok()?),
        };
        let ([track, a, b, c], rest) = self.rest.split_first_chunk()?;
        let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let (data, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        if rest.is_empty() {
            self.form = Form::Done;
        }
        Some(self.part(*track, codec, data))
    }

    /// A part that begins at its composition time, if it has one: one that is cut off is 0, and no
    /// data is behind it.
    #[inline]
    fn part(&mut self, track: u8, codec: Codec, data: &'a [u8]) -> Part<'a> {
        let mut part = Part { track, codec, composition_time: 0, data };
        if self.timed && codec.has_composition_time() {
            if let [a, b, c, data @ ..] = data {
                // SI24: the sign comes down from the top.
                part.composition_time = i32::from_be_bytes([*a, *b, *c, 0]) >> 8;
                part.data = data;
            } else {
                part.data = &[];
                self.whole = false;
            }
        }
        part
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    #[inline]
    fn next(&mut self) -> Option<Part<'a>> {
        let part = match self.form {
            Form::Done => return None,
            Form::Single(codec) => return Some(self.last(0, codec)),
            Form::OneTrack(codec) => self.one_track(codec),
            Form::ManyTracks(codec) => self.one_of_many(Some(codec)),
            Form::ManyCodecs => self.one_of_many(None),
        };
        if part.is_none() {
            self.form = Form::Done;
            self.whole = false;
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use crate::flv::{Codec, FourCc, Kind, Media, Multitrack, Packet};

    /// Track, codec, composition time and data of each part, and whether all of it is there.
    type Parts<'a> = (Vec<(u8, Codec, i32, &'a [u8])>, bool);

    fn parts<'a>(media: &Media<'a>) -> Parts<'a> {
        let parts = media.parts();
        let part = |p: super::Part<'a>| (p.track, p.codec, p.composition_time, p.data);
        (parts.map(part).collect(), media.is_whole())
    }

    #[test]
    fn one_track() {
        let video = Media::new(Kind::Video, b"\x96\x01hvc1\x03\0\0\x09frame");
        assert_eq!((video.packet, video.multitrack), (Packet::Frame, Some(Multitrack::OneTrack)));
        assert!(video.is_keyframe());
        let expected = (3, Codec::Hevc, 9, &b"frame"[..]);
        assert_eq!(parts(&video), ([expected].to_vec(), true));

        let audio = Media::new(Kind::Audio, b"\x95\x00Opus\x01OpusHead");
        assert_eq!(audio.packet, Packet::SequenceHeader);
        let expected = (1, Codec::Opus, 0, &b"OpusHead"[..]);
        assert_eq!(parts(&audio), ([expected].to_vec(), true));
        assert_eq!((audio.track(1).is_some(), audio.track(0)), (true, None));
    }

    #[test]
    fn many_tracks_of_one_codec() {
        let body = b"\xa6\x11avc1\x00\0\0\x04\0\0\x01A\x02\0\0\x05\xff\xff\xffBC";
        let video = Media::new(Kind::Video, body);
        assert_eq!((video.packet, video.is_keyframe()), (Packet::Frame, false));
        let expected = [(0, Codec::Avc, 1, &b"A"[..]), (2, Codec::Avc, -1, b"BC")];
        assert_eq!(parts(&video), (expected.to_vec(), true));
        assert_eq!(video.track(2).unwrap().data, b"BC");
    }

    #[test]
    fn many_tracks_and_codecs() {
        let body = b"\x96\x21av01\x00\0\0\x01Ahvc1\x01\0\0\x04\0\0\x02Bnew!\x07\0\0\0";
        let video = Media::new(Kind::Video, body);
        let new = Codec::FourCc(FourCc(*b"new!"));
        let expected = [(0, Codec::Av1, 0, &b"A"[..]), (1, Codec::Hevc, 2, b"B"), (7, new, 0, b"")];
        assert_eq!(parts(&video), (expected.to_vec(), true));

        let audio = Media::new(Kind::Audio, b"\x95\x20mp4a\x00\0\0\x02\x12\x10fLaC\x01\0\0\x01F");
        let expected = [(0, Codec::Aac, 0, &b"\x12\x10"[..]), (1, Codec::Flac, 0, b"F")];
        assert_eq!(
            (audio.packet, audio.multitrack),
            (Packet::SequenceHeader, Some(Multitrack::ManyCodecs))
        );
        assert_eq!(parts(&audio), (expected.to_vec(), true));
    }

    #[test]
    fn what_is_cut_off_ends_the_parts() {
        let body = b"\x96\x11hvc1\x00\0\0\x04\0\0\0A\x01\0\0\x04\0\0\0B";
        for len in 0..body.len() {
            let video = Media::new(Kind::Video, &body[..len]);
            let expected = match len {
                // Up to the length of the first part, and to its end.
                0..14 => (Packet::Cut, 0, false),
                14 => (Packet::Frame, 1, true),
                _ => (Packet::Frame, 1, false),
            };
            assert_eq!((video.packet, video.parts().count(), video.is_whole()), expected, "{len}");
        }
        // Too long by one; too short for a composition time, with a part behind it.
        let long = Media::new(Kind::Video, b"\x96\x11vp09\x00\0\0\x02A");
        assert_eq!((long.packet, long.is_keyframe()), (Packet::Cut, false));
        let short = Media::new(Kind::Video, b"\x96\x11hvc1\x00\0\0\x02\0\0\x01\0\0\x04\0\0\0B");
        let expected = [(0, Codec::Hevc, 0, &b""[..]), (1, Codec::Hevc, 0, b"B")];
        assert_eq!(parts(&short), (expected.to_vec(), false));
    }

    #[test]
    fn forms_that_are_reserved_have_no_parts() {
        // A form of 3, multitrack in multitrack, a modifier in multitrack.
        for body in [&b"\x96\x31hvc1\0"[..], b"\x96\x06hvc1\0", b"\x96\x07\0\0\x01hvc1\0"] {
            let video = Media::new(Kind::Video, body);
            assert_eq!((video.packet, video.parts().count()), (Packet::Unknown(6), 0));
        }
        let audio = Media::new(Kind::Audio, b"\x95\xf1Opus\0");
        assert_eq!((audio.packet, audio.parts().count()), (Packet::Unknown(5), 0));
    }
}
