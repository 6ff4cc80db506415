//! RTMP ingest as a state machine: socket bytes in, replies and FLV tags out.
//!
//! No sockets, no clock, no threads, no randomness, no `std`, no unsafe code. Whoever drives a
//! [`Session`] reads from the socket, writes what comes out, and decides who may publish.
//!
//! ```text
//!  socket bytes
//!       │   Session::poll(&mut input)
//!       ▼
//!  handshake ─▶ chunk ─▶ message ─┬─▶ command ─▶ reply ──────▶ Event::Reply     write to the peer
//!                                 │        └────────────────▶ Event::Publish   decide: accept or reject
//!                                 └─▶ stream ─▶ flv ────────▶ Event::Tags      append to the recording
//!                                                             Event::Unpublish
//! ```
//!
//! The modules are the boxes, in this order. The whole of a caller:
//!
//! ```
//! use std::io::{Read, Write};
//! use sluicebox_core::{Close, Config, Event, Session, flv};
//!
//! fn record(
//!     mut socket: impl Read + Write,
//!     mut file: impl Write,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut session = Session::new(Config::default(), 42);
//!     let mut buffer = vec![0; 64 << 10];
//!     loop {
//!         let len = socket.read(&mut buffer)?;
//!         if len == 0 {
//!             session.close(Close::Gone);
//!         }
//!         let mut input = &buffer[..len];
//!         let mut asked = None;
//!         while let Some(event) = session.poll(&mut input)? {
//!             match event {
//!                 Event::Reply(bytes) => socket.write_all(bytes)?,
//!                 Event::Publish(publish) => asked = Some(publish.stream),
//!                 Event::Tags(tags) => file.write_all(tags.bytes)?,
//!                 Event::Unpublish(end) => println!("complete: {}", end.ledger.complete()),
//!                 _ => {}
//!             }
//!             if let Some(stream) = asked.take() {
//!                 file.write_all(&flv::FILE_HEADER)?;
//!                 session.accept(stream);
//!             }
//!         }
//!         if len == 0 {
//!             return Ok(());
//!         }
//!     }
//! }
//! # // An empty connection records nothing and is no error.
//! # struct Nothing;
//! # impl Read for Nothing { fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> { Ok(0) } }
//! # impl Write for Nothing {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { Ok(bytes.len()) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # record(Nothing, Vec::new()).unwrap();
//! ```
//!
//! # Promises
//!
//! - **Any cut of the input gives the same output.** How the bytes are split over calls decides
//!   only how tags are grouped into runs.
//! - **Whole tags only.** A recording made of [`Event::Tags`] ends at a tag at any moment.
//! - **Bit for bit.** Bodies of audio, video and data messages pass unchanged; only the wrapping
//!   that belongs to RTMP (`@setDataFrame`, the AMF3 format byte) is taken off. See [`Ledger`].
//! - **Bounded.** What a peer can make a session hold is in [`Limits`]; buffers grow with bytes
//!   that arrived, never to a length that was announced.
//! - **No panic.** Bad input is an [`Error`]. A panic is a bug of this crate.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod session;

mod handshake;
mod chunk;
mod message;
mod command;
mod reply;
mod stream;
pub mod flv;

pub mod amf0;
mod capabilities;
mod config;
mod error;
mod event;
mod ledger;

pub use capabilities::{Capabilities, CapsEx, FourCcs};
pub use config::{Config, Limits, Type3};
pub use error::{Error, Limit, Malformed, Unsupported};
pub use event::{
    Close, Connect, End, Event, Part, Publish, Reject, StreamId, Tags, Text, Unpublish,
};
pub use ledger::{Ledger, Refused, Tally};
pub use session::Session;

/// The loop in the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
