//! The binary interface between the wasm guest and its host, once for both sides.
//!
//! ```text
//!  host                                     guest
//!  settings::write ──▶ its memory ────────▶ settings::read, open
//!  socket bytes ─────▶ its memory ────────▶ feed
//!  Record::decode ◀─── its memory ◀──────── Outcome::encode, poll
//!  part ◀───────────── its memory ◀──────── encode_part
//! ```
//!
//! `docs/abi.md` is the specification, for hosts and guests in any language. All numbers are
//! little-endian. Addresses are offsets into the guest's memory.
//!
//! Decoding trusts nothing: every address and length is checked against the memory that is there.

#![no_std]
#![forbid(unsafe_code)]

pub mod settings;
mod record;
mod part;
mod fields;
mod unused;
mod codes;

pub use codes::{close, of_close, of_error, of_reject, reject};
pub use part::{encode_part, part};
pub use record::{Fault, LEN as RECORD_LEN, Outcome, Record, stamp};
pub use unused::unused;

/// The version that this crate describes. A guest's `version` export returns it.
pub const VERSION: u32 = 2;

/// Everything that a guest of this version exports, besides its `memory`. An older one may
/// have no `part`.
pub const FUNCTIONS: [&str; 12] = [
    "version",
    "open",
    "space",
    "feed",
    "poll",
    "part",
    "accept",
    "reject",
    "reconnect",
    "idle",
    "close",
    "trim",
];
