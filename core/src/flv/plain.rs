//! Ordinary frames, told by their first bytes: nearly all tags of nearly all streams.

use super::media::Kind;
use super::tag::Tag;
use super::{AUDIO, VIDEO};

/// An ordinary frame: one track behind an old header, with nothing cut off that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Audio or video.
    pub kind: Kind,
    /// A video frame that a decoder can start at.
    pub is_keyframe: bool,
    /// The codec's number in the old header, below 16.
    pub codec: u8,
}

impl Tag<'_> {
    /// What the tag is, if that is an ordinary frame: H.264 or HEVC, or audio of any codec that has
    /// a number. `None`: ask [`media`](Self::media), which says the same of these, and more, at a
    /// few times the cost.
    #[inline]
    pub fn plain(&self) -> Option<Plain> {
        match (self.kind, self.body) {
            (AUDIO, [first, rest @ ..]) => {
                let codec = first >> 4;
                let frame = match codec {
                    AAC => rest.first() == Some(&FRAME),
                    ENHANCED => false,
                    _ => true,
                };
                frame.then_some(Plain { kind: Kind::Audio, is_keyframe: false, codec })
            }
            // Behind the composition time, there is a frame.
            (VIDEO, [first @ (0x17 | 0x27 | 0x1c | 0x2c), FRAME, _, _, _, _, ..]) => {
                let is_keyframe = first >> 4 == 1;
                Some(Plain { kind: Kind::Video, is_keyframe, codec: first & 0x0f })
            }
            _ => None,
        }
    }
}

/// `SoundFormat` with a packet type behind it, and the one that means a new header.
const AAC: u8 = 10;
const ENHANCED: u8 = 9;
/// `AVCPacketType` and `AACPacketType` of coded frames.
const FRAME: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flv::Packet;

    /// Every first and second byte, at every length up to a frame of one byte.
    #[test]
    fn it_says_what_media_says() {
        let mut plain = 0;
        for kind in [AUDIO, VIDEO, 18] {
            for (first, second) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
                let body = [first, second, 0, 0, 0, 9];
                for len in 0..=body.len() {
                    let tag = Tag { kind, timestamp: 0, body: &body[..len] };
                    let Some(frame) = tag.plain() else { continue };
                    let media = tag.media().unwrap();
                    let part = media.parts().next().unwrap();
                    assert_eq!((media.packet, media.kind), (Packet::Frame, frame.kind));
                    assert_eq!((media.enhanced, media.multitrack), (false, None));
                    assert_eq!(media.is_keyframe(), frame.is_keyframe);
                    assert_eq!(part.codec.id(), Some(frame.codec), "{first:02x} {second:02x}");
                    plain += 1;
                }
            }
        }
        assert!(plain > 0);
        let key = Tag { kind: VIDEO, timestamp: 0, body: &[0x17, 1, 0, 0, 0, 9] };
        assert!(key.plain().is_some_and(|frame| frame.is_keyframe));
    }
}
