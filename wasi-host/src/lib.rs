//! Sluicebox's protocol core in a WebAssembly sandbox, one instance for each connection.
//!
//! ```text
//!  Sandbox ── open ──▶ Session ── calls ──▶ guest: a module without imports
//!                         │                   its memory, its time: bounded
//!   socket ── space ─────▶│
//!     file ◀── poll ──────│  every address, length, number and call order: checked
//! ```
//!
//! A [`Session`] is used as [`sluicebox_core::Session`] is, and gives the same bytes. Whatever a
//! peer makes the parser do, or a foreign module does by itself, ends as an [`Error`] of that one
//! session.
//!
//! ```
//! use std::io::{Read, Write};
//! use sluicebox_host::{Close, Config, Event, Sandbox, Settings, flv};
//!
//! fn record(
//!     sandbox: &Sandbox,
//!     mut socket: impl Read + Write,
//!     mut file: impl Write,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut session = sandbox.open(&Config::default(), 42)?;
//!     loop {
//!         let len = socket.read(session.space(64 << 10)?)?;
//!         if len == 0 { session.close(Close::Gone)? } else { session.feed(len)? }
//!         let mut asked = None;
//!         while let Some(event) = session.poll()? {
//!             match event {
//!                 Event::Reply(bytes) => socket.write_all(bytes)?,
//!                 Event::Publish(publish) => asked = Some(publish.stream),
//!                 Event::Tags(tags) => file.write_all(tags.bytes)?,
//!                 _ => {}
//!             }
//!             if let Some(stream) = asked.take() {
//!                 file.write_all(&flv::FILE_HEADER)?;
//!                 session.accept(stream)?;
//!             }
//!         }
//!         if len == 0 { return Ok(()) }
//!     }
//! }
//! # // An empty connection records nothing and is no error.
//! # struct Nothing;
//! # impl Read for Nothing { fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> { Ok(0) } }
//! # impl Write for Nothing {
//! #     fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> { Ok(bytes.len()) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! let sandbox = Sandbox::new(&Settings::default())?;
//! record(&sandbox, Nothing, Vec::new())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]

mod sandbox;
mod session;
mod check;
mod instance;
mod exports;
mod time;
mod memory;
mod discard;
mod error;

pub use error::{Error, Fault, LoadError};
pub use sandbox::{Sandbox, Settings};
pub use session::Session;
pub use sluicebox_core::{
    Close, Config, Connect, End, Event, Ledger, Limits, Part, Publish, Reject, StreamId, Tags,
    Tally, Text, Type3, Unpublish, flv,
};
