//! How tags stand one after another (annex E.4.1).

use super::media::{Kind, Media};
use super::script::Script;
use super::{AUDIO, SCRIPT, SCRIPT_AMF3, TAG_HEADER, TAG_TRAILER, VIDEO};

/// One tag, borrowed from a run or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// [`AUDIO`], [`VIDEO`], [`SCRIPT`], or something else.
    pub kind: u8,
    /// Milliseconds, wrapping at 32 bits.
    pub timestamp: u32,
    /// The body, without header and trailer.
    pub body: &'a [u8],
}

impl<'a> Tag<'a> {
    /// What an audio or video tag says of itself. Cheap enough to be asked of every tag.
    #[inline]
    pub fn media(&self) -> Option<Media<'a>> {
        match self.kind {
            AUDIO => Some(Media::new(Kind::Audio, self.body)),
            VIDEO => Some(Media::new(Kind::Video, self.body)),
            _ => None,
        }
    }

    /// Name and values of a script tag; `None` too, when it has no name.
    pub fn script(&self) -> Option<Script<'a>> {
        match (self.kind, self.body) {
            (SCRIPT, body) => Script::new(body),
            // A format byte comes first, as in the message (Enhanced RTMP, "Enabling AMF3 in FLV").
            (SCRIPT_AMF3, [0, body @ ..] | body) => Script::new(body),
            _ => None,
        }
    }
}

/// The tags at the start of `bytes`, one after another.
///
/// Ends at the first that is cut off or whose `PreviousTagSize` is wrong; [`TagIter::rest`] is
/// then what was not read.
pub fn tags(bytes: &[u8]) -> TagIter<'_> {
    TagIter { rest: bytes }
}

/// Iterator over tags; see [`tags`].
#[derive(Clone, Debug)]
pub struct TagIter<'a> {
    rest: &'a [u8],
}

impl<'a> TagIter<'a> {
    /// What has not been read: empty, when all of it was whole tags.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for TagIter<'a> {
    type Item = Tag<'a>;

    #[inline]
    fn next(&mut self) -> Option<Tag<'a>> {
        let h = self.rest.first_chunk::<TAG_HEADER>()?;
        // Read as they stand, four bytes at once.
        let kind_and_len = u32::from_be_bytes([h[0], h[1], h[2], h[3]]);
        let timestamp = u32::from_be_bytes([h[4], h[5], h[6], h[7]]).rotate_right(8);
        let len = kind_and_len & 0xff_ffff;
        let end = TAG_HEADER + len as usize;
        let (tag, rest) = self.rest.split_at_checked(end + TAG_TRAILER)?;
        if tag[end..] != tag_trailer(len) {
            return None;
        }
        self.rest = rest;
        Some(Tag { kind: h[0], timestamp, body: &tag[TAG_HEADER..end] })
    }
}

/// The header of a tag: `len` is the length of its body in bytes, at most 24 bits of it.
pub(crate) fn tag_header(kind: u8, timestamp: u32, len: u32) -> [u8; TAG_HEADER] {
    let kind_and_len = u32::from(kind) << 24 | len & 0xff_ffff;
    let [a, b, c, d] = kind_and_len.to_be_bytes();
    // The upper byte of the timestamp stands behind the others.
    let [e, f, g, h] = timestamp.rotate_left(8).to_be_bytes();
    [a, b, c, d, e, f, g, h, 0, 0, 0]
}

/// What stands behind a tag with a body of `len` bytes.
pub(crate) fn tag_trailer(len: u32) -> [u8; TAG_TRAILER] {
    const HEADER: u32 = 11;
    (HEADER + len).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn tag(timestamp: u32, body: &[u8]) -> Vec<u8> {
        let len = u32::try_from(body.len()).unwrap();
        [&tag_header(AUDIO, timestamp, len)[..], body, &tag_trailer(len)].concat()
    }

    #[test]
    fn tags_are_read_back() {
        let bytes = [tag(0x0102_0304, b"abc"), tag(u32::MAX, b"")].concat();
        let mut iter = tags(&bytes);
        let expected = Tag { kind: AUDIO, timestamp: 0x0102_0304, body: b"abc" };
        assert_eq!(iter.next(), Some(expected));
        assert_eq!(iter.next(), Some(Tag { timestamp: u32::MAX, body: b"", ..expected }));
        assert_eq!((iter.next(), iter.rest().len()), (None, 0));
    }

    #[test]
    fn a_cut_tag_is_left() {
        let bytes = tag(1, b"abc");
        for len in 1..bytes.len() {
            let mut iter = tags(&bytes[..len]);
            assert_eq!((iter.next(), iter.rest().len()), (None, len));
        }
        let mut wrong = bytes;
        *wrong.last_mut().unwrap() += 1;
        assert_eq!(tags(&wrong).next(), None);
    }
}
