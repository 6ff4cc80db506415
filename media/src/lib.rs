//! What is in a recording: FLV files read tag by tag, whoever wrote them, and what the headers of
//! codecs say about the tracks in them.
//!
//! Everything here takes bytes that a peer chose. Nothing panics on them, no code is unsafe, and what
//! is held in memory is bounded by the longest tag, not by the file.

//!
//! Without the feature `std` there are no [`file`](mod@file) and [`report`]: the rest needs no operating system.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(feature = "std")]
pub mod file;
pub mod codec;
pub mod tracks;
#[cfg(feature = "std")]
pub mod report;
