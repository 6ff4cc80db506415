//! FLV files, read from start to end in one go: whole ones, and what crashes, full disks and other
//! programs leave of them.
//!
//! ```
//! use sluicebox_media::file::{End, Reader};
//!
//! let file = [&sluicebox_core::flv::FILE_HEADER[..], b"\x08\0\0\x02\0\0\0\0\0\0\0ab\0\0\0\x0d", b"\x09\0"];
//! let bytes = file.concat();
//! let mut reader = Reader::new(&bytes[..]);
//! while let Some(entry) = reader.next()? {
//!     println!("{} at {}: {} bytes", entry.tag.kind, entry.offset, entry.tag.body.len());
//! }
//! assert_eq!(reader.end(), Some(End::TornTail { offset: 30 }));
//! # std::io::Result::Ok(())
//! ```

mod window;
mod reader;
#[cfg(test)]
mod tests;

use std::fmt;

use sluicebox_core::flv::{TAG_HEADER, TAG_TRAILER, Tag};

pub use reader::Reader;

/// The start of a file (FLV 10.1, annex E.2), as found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version of the format: 1.
    pub version: u8,
    /// What is announced: bit 0 video, bit 2 audio. Hints, often wrong.
    pub flags: u8,
    /// Where the header ends, in bytes: 9.
    pub len: u32,
    /// The `PreviousTagSize` before the first tag: 0.
    pub first_size: u32,
}

/// A tag, and where it was found. Valid until the next one is read.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where its header begins, in bytes from the start of the file.
    pub offset: u64,
    /// The tag. Its kind may be one that nobody knows.
    pub tag: Tag<'a>,
    /// Its body is preceded by filter parameters: encrypted (annex F).
    pub filtered: bool,
    /// `StreamID`: always 0 in files as they should be.
    pub stream: u32,
    /// The `PreviousTagSize` behind it, as found.
    pub size: u32,
}

impl Entry<'_> {
    /// What `PreviousTagSize` should be.
    pub fn expected_size(&self) -> u32 {
        // A body is shorter than 2^24.
        u32::try_from(TAG_HEADER + self.tag.body.len()).unwrap_or(u32::MAX)
    }

    /// Where the next tag begins, in bytes from the start of the file.
    pub fn next_offset(&self) -> u64 {
        self.offset + (TAG_HEADER + self.tag.body.len() + TAG_TRAILER) as u64
    }
}

/// How a file ends, or where reading it ended.
///
/// Everything before `offset` is the file's header and whole tags; what is cut off there is an FLV
/// file again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a whole tag, or right behind the header.
    Sound,
    /// In the middle of what begins at `offset`: a tag, or (at 0) the header.
    TornTail {
        /// In bytes from the start of the file.
        offset: u64,
    },
    /// With zeros, where a system that lost power had made room for data and not written it. The tag
    /// at `offset` may have begun well.
    ZeroTail {
        /// In bytes from the start of the file.
        offset: u64,
    },
    /// With something at `offset` that is no tag, and goes on behind it: see [`Reader::resync`].
    Broken {
        /// In bytes from the start of the file.
        offset: u64,
        /// What is wrong there.
        why: Why,
    },
}

impl End {
    /// Length of what is whole, in bytes from the start of the file; none when all of it is.
    pub fn offset(self) -> Option<u64> {
        match self {
            Self::Sound => None,
            Self::TornTail { offset } | Self::ZeroTail { offset } | Self::Broken { offset, .. } => {
                Some(offset)
            }
        }
    }
}

/// What is found where a tag should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The file does not begin with `FLV`.
    NotFlv,
    /// The header says that it ends before it does.
    HeaderLength(u32),
    /// No header of a tag.
    NoTag,
    /// `PreviousTagSize` is not the tag's, and nothing that looks like a tag follows.
    Size {
        /// As found.
        found: u32,
        /// As the tag's header has it.
        expected: u32,
    },
    /// Zeros, and something else behind them.
    Zeros,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sound => f.write_str("ends with a whole tag"),
            Self::TornTail { offset } => write!(f, "torn: byte {offset} begins what is not whole"),
            Self::ZeroTail { offset } => write!(f, "filled with zeros behind byte {offset}"),
            Self::Broken { offset, why } => write!(f, "broken at byte {offset}: {why}"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFlv => f.write_str("not an FLV file"),
            Self::HeaderLength(len) => write!(f, "a file header of {len} bytes"),
            Self::NoTag => f.write_str("no tag"),
            Self::Size { found, expected } => {
                write!(f, "PreviousTagSize is {found}, not {expected}, and no tag follows")
            }
            Self::Zeros => f.write_str("zeros instead of a tag"),
        }
    }
}
