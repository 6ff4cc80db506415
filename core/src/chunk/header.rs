//! How a chunk header looks on the wire.

/// A chunk header without its extended timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Chunk stream, 2…65599.
    pub(super) csid: u32,
    /// What stands behind the basic header.
    pub(super) fields: Fields,
    /// Length of basic and message header, in bytes.
    pub(super) len: usize,
}

/// The message header, by format (section 5.3.1.2). What is not there is taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fields {
    /// fmt 0: everything.
    Full { time: u32, len: u32, kind: u8, stream: u32 },
    /// fmt 1: all but the message stream.
    Message { time: u32, len: u32, kind: u8 },
    /// fmt 2: a timestamp delta.
    Delta { time: u32 },
    /// fmt 3: nothing.
    Nothing,
}

impl Fields {
    /// The length of the message that starts with this header, after one of length `last`.
    pub(super) fn len(self, last: u32) -> u32 {
        match self {
            Self::Full { len, .. } | Self::Message { len, .. } => len,
            Self::Delta { .. } | Self::Nothing => last,
        }
    }
}

/// The value of a timestamp field that says that the real one follows in 32 bits.
pub(super) const EXTENDED: u32 = 0xff_ffff;

impl Header {
    /// Reads a header at the start of `bytes`; `None`: there are too few.
    #[inline(always)] // a call costs a tenth of a small message
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (csid, basic) = basic(bytes)?;
        let rest = &bytes[basic..];
        let (fields, message) = match bytes[0] >> 6 {
            0 => {
                let h: &[u8; 11] = rest.first_chunk()?;
                let stream = u32::from_le_bytes([h[7], h[8], h[9], h[10]]);
                let (len, kind) = len_and_kind(h);
                (Fields::Full { time: be24(h, 0), len, kind, stream }, 11)
            }
            1 => {
                let h: &[u8; 7] = rest.first_chunk()?;
                let (len, kind) = len_and_kind(h);
                (Fields::Message { time: be24(h, 0), len, kind }, 7)
            }
            2 => {
                let h: &[u8; 3] = rest.first_chunk()?;
                (Fields::Delta { time: be24(h, 0) }, 3)
            }
            _ => (Fields::Nothing, 0),
        };
        Some(Self { csid, fields, len: basic + message })
    }

    /// The 24-bit timestamp field; fmt 3 has none.
    pub(super) fn time(&self) -> Option<u32> {
        match self.fields {
            Fields::Full { time, .. } | Fields::Message { time, .. } | Fields::Delta { time } => {
                Some(time)
            }
            Fields::Nothing => None,
        }
    }
}

/// Chunk stream and length of the basic header, in its three forms (section 5.3.1.1).
fn basic(bytes: &[u8]) -> Option<(u32, usize)> {
    match bytes.first()? & 0x3f {
        0 => Some((64 + u32::from(*bytes.get(1)?), 2)),
        1 => Some((64 + u32::from(*bytes.get(1)?) + (u32::from(*bytes.get(2)?) << 8), 3)),
        csid => Some((u32::from(csid), 1)),
    }
}

/// Length and type of a message, which stand next to one another: one load.
fn len_and_kind<const N: usize>(h: &[u8; N]) -> (u32, u8) {
    (u32::from_be_bytes([h[3], h[4], h[5], h[6]]) >> 8, h[6])
}

fn be24<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_be_bytes([0, bytes[at], bytes[at + 1], bytes[at + 2]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_of_the_basic_header() {
        let csid = |bytes: &[u8]| Header::read(bytes).map(|header| (header.csid, header.len));
        assert_eq!(csid(&[0xc2]), Some((2, 1)));
        assert_eq!(csid(&[0xff]), Some((63, 1)));
        assert_eq!(csid(&[0xc0, 0]), Some((64, 2)));
        assert_eq!(csid(&[0xc0, 255]), Some((319, 2)));
        assert_eq!(csid(&[0xc1, 0, 1]), Some((320, 3)));
        assert_eq!(csid(&[0xc1, 255, 255]), Some((65_599, 3)));
    }

    #[test]
    fn a_short_header_is_none_at_every_length() {
        for (header, len) in [(0x05, 12), (0x45, 8), (0x85, 4), (0xc5, 1), (0x00, 13), (0x41, 10)] {
            let bytes = [header; 18];
            assert_eq!(Header::read(&bytes[..len]).map(|header| header.len), Some(len));
            assert!((0..len).all(|short| Header::read(&bytes[..short]).is_none()));
        }
    }

    #[test]
    fn full_header() {
        let bytes = [0x06, 0, 1, 2, 0, 3, 4, 9, 1, 2, 0, 0];
        let fields = Fields::Full { time: 0x102, len: 0x304, kind: 9, stream: 0x201 };
        assert_eq!(Header::read(&bytes), Some(Header { csid: 6, fields, len: 12 }));
    }
}
