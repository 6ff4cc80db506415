//! What is in a recording: FLV files read tag by tag, whoever wrote them, and what the headers of
//! codecs say about the tracks in them.
//!
//! Everything here takes bytes that a peer chose. Nothing panics on them, no code is unsafe, and what
//! is held in memory is bounded by the longest tag, not by the file.

#![forbid(unsafe_code)]

pub mod file;
pub mod codec;
