//! ModEx: what may stand before the packet type and change its meaning (Enhanced RTMP v2).
//!
//! ```text
//!  size - 1, in 1 byte (255: size - 1 in 2 more) │ data │ type 4 bits │ next packet type 4 bits
//! ```

/// One modifier of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModEx<'a> {
    /// Its type: 0 is a nanosecond offset, the rest is reserved.
    pub kind: u8,
    /// Its data; at least one byte.
    pub data: &'a [u8],
}

impl<'a> ModEx<'a> {
    /// Nanoseconds to add to the timestamp of the tag, if that is what it says: below a million,
    /// from a peer that keeps to the specification.
    pub fn nanoseconds(&self) -> Option<u32> {
        match (self.kind, self.data) {
            (TIMESTAMP_OFFSET_NANO, [a, b, c, ..]) => Some(u32::from_be_bytes([0, *a, *b, *c])),
            _ => None,
        }
    }

    /// Takes one off `bytes`, with the packet type behind it. `None`: it is cut off.
    pub(super) fn take(bytes: &mut &'a [u8]) -> Option<(Self, u8)> {
        let mut size = usize::from(*bytes.split_off_first()?);
        if size == 255 {
            let (long, rest) = bytes.split_first_chunk()?;
            size = usize::from(u16::from_be_bytes(*long));
            *bytes = rest;
        }
        let data = bytes.split_off(..size + 1)?;
        let types = bytes.split_off_first()?;
        Some((ModEx { kind: types >> 4, data }, types & 0x0f))
    }
}

/// Iterator over modifiers; see [`Media::mod_ex`](super::Media::mod_ex).
#[derive(Clone, Debug)]
pub struct ModExIter<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for ModExIter<'a> {
    type Item = ModEx<'a>;

    fn next(&mut self) -> Option<ModEx<'a>> {
        ModEx::take(&mut self.0).map(|(mod_ex, _)| mod_ex)
    }
}

const TIMESTAMP_OFFSET_NANO: u8 = 0;

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use crate::flv::{Codec, Kind, Media, Multitrack, Packet};

    #[test]
    fn a_nanosecond_offset_before_a_frame() {
        // Three bytes of 999 999, type 0, then coded frames.
        let video = Media::new(Kind::Video, b"\x97\x02\x0f\x42\x3f\x01hvc1\0\0\x05frame");
        assert_eq!((video.packet, video.nanoseconds()), (Packet::Frame, Some(999_999)));
        assert!(video.is_keyframe() && video.is_whole());
        let part = video.parts().next().unwrap();
        assert_eq!((part.codec, part.composition_time, part.data), (Codec::Hevc, 5, &b"frame"[..]));

        let audio = Media::new(Kind::Audio, b"\x97\x02\0\0\x07\x05\x01Opus\x02A");
        assert_eq!((audio.nanoseconds(), audio.multitrack), (Some(7), Some(Multitrack::OneTrack)));
        assert_eq!(audio.track(2).unwrap().data, b"A");
    }

    #[test]
    fn a_chain_is_walked_to_its_end() {
        // An unknown type with one byte, then an offset with a byte too many.
        let video = Media::new(Kind::Video, b"\xa7\x00?\x57\x03\0\0\x01?\x03av01frame");
        let chain: Vec<_> = video.mod_ex().map(|mod_ex| (mod_ex.kind, mod_ex.data)).collect();
        assert_eq!(chain, [(5, &b"?"[..]), (0, b"\0\0\x01?")]);
        assert_eq!((video.packet, video.nanoseconds()), (Packet::Frame, Some(1)));
        // Two bytes are no offset.
        let short = Media::new(Kind::Video, b"\xa7\x01\0\x01\x03av01frame");
        assert_eq!((short.packet, short.nanoseconds()), (Packet::Frame, None));
    }

    #[test]
    fn long_data_has_a_longer_size() {
        for len in [1, 254, 255, 256, 257, 65536] {
            let size = u16::try_from(len - 1).unwrap();
            let mut body = vec![0x97];
            match u8::try_from(size) {
                Ok(size @ 0..=254) => body.push(size),
                _ => body.extend([&[255][..], &size.to_be_bytes()].concat()),
            }
            body.extend(vec![7; len]);
            body.extend(b"\x11vp09frame");
            let video = Media::new(Kind::Video, &body);
            let lens: Vec<_> =
                video.mod_ex().map(|mod_ex| (mod_ex.kind, mod_ex.data.len())).collect();
            assert_eq!((lens, video.is_keyframe()), (vec![(1, len)], true));
            for cut in [1, 2, 3, 4, body.len() - 10] {
                let video = Media::new(Kind::Video, &body[..cut]);
                assert_eq!((video.packet, video.enhanced), (Packet::Cut, true), "{len} {cut}");
            }
        }
    }
}
