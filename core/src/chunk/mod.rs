//! The chunk layer (RTMP 1.0, section 5.3): messages are cut into chunks, chunks of several
//! messages interleave.
//!
//! ```text
//!  ┌ basic header ┬ message header ┬ extended timestamp ┬ payload ────────────────┐
//!  │ 1–3 bytes    │ 0, 3, 7 or 11  │ 0 or 4             │ ≤ chunk size            │
//!  │ fmt, csid    │ by fmt         │ if the field is    │ the last of a message   │
//!  │              │                │ 0xffffff           │ is what is left of it   │
//!  └──────────────┴────────────────┴────────────────────┴─────────────────────────┘
//! ```
//!
//! [`header`] knows how a header looks, [`stream`] what it means after the ones before it on the
//! same chunk stream, [`Reader`] finds the next piece of a message in the input, [`run`] takes in
//! ordinary media at once, and [`writer`] cuts our own small messages.

mod header;
mod reader;
mod run;
mod stash;
mod stream;
pub(crate) mod writer;

pub(crate) use reader::{Piece, Reader, Source, Step};
pub(crate) use stream::{ChunkStream, Message, Place};
