//! The FLV file format (Adobe Flash Video File Format 10.1, annex E): what a recording is made of.
//!
//! ```text
//!  file   "FLV" 1 flags 00000009 │ 00000000 │ tag │ tag │ …
//!  tag    kind 1 │ length 3 │ timestamp 3 + 1 upper │ 000000 │ body │ 11 + length, in 4 bytes
//! ```
//!
//! [`tags`] finds the tags; [`Tag::media`] and [`Tag::script`] say what one is, in its old form
//! and in those of Enhanced RTMP v1 and v2. Whatever the bytes, they give an answer: what is cut
//! off or unknown is called that, and a recording has it all the same.
//!
//! ```
//! use sluicebox_core::flv::{self, Codec, Kind, Packet, Tag};
//!
//! let hevc = Tag { kind: flv::VIDEO, timestamp: 40, body: b"\x91hvc1\xff\xff\xf6\0\0\0\x01\x26" };
//! let media = hevc.media().unwrap();
//! assert!(media.is_keyframe());
//! assert_eq!((media.kind, media.packet), (Kind::Video, Packet::Frame));
//!
//! let part = media.parts().next().unwrap();
//! assert_eq!((part.track, part.codec, part.composition_time), (0, Codec::Hevc, -10));
//! ```

mod tag;
mod plain;
mod media;
mod header;
mod mod_ex;
mod parts;
mod codec;
mod channels;
mod script;

pub use channels::{ChannelOrder, Channels};
pub use codec::{Codec, FourCc};
pub use media::{Kind, Media, Multitrack, Packet};
pub use mod_ex::{ModEx, ModExIter};
pub use parts::{Part, Parts};
pub use plain::Plain;
pub use script::Script;
pub use tag::{Tag, TagIter, tags};
pub(crate) use tag::{tag_header, tag_trailer};

/// The start of a file: audio and video announced (the flags are hints), and the first
/// `PreviousTagSize`.
pub const FILE_HEADER: [u8; 13] = *b"FLV\x01\x05\0\0\0\x09\0\0\0\0";

/// Length of a tag header, in bytes.
pub const TAG_HEADER: usize = 11;

/// Length of the `PreviousTagSize` behind each tag, in bytes.
pub const TAG_TRAILER: usize = 4;

/// Tag kind, and RTMP message type, of audio.
pub const AUDIO: u8 = 8;
/// Tag kind, and RTMP message type, of video.
pub const VIDEO: u8 = 9;
/// Tag kind, and RTMP message type, of AMF3 script data. A session writes such messages as
/// [`SCRIPT`], which everything reads.
pub const SCRIPT_AMF3: u8 = 15;
/// Tag kind, and RTMP message type, of AMF0 script data.
pub const SCRIPT: u8 = 18;
