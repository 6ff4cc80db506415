//! What the stand-alone WASI programs have in common: everything but the calls into WASI.
//!
//! ```text
//!  a WASI runtime                      this crate
//!  socket ── bytes ──▶ Connection::feed ──▶ Session::poll ──▶ Recording ──▶ System::File
//!  socket ◀── Connection::outbox ◀────────────┘
//! ```
//!
//! No `std`, no unsafe code, and nothing of WASI: a program gives it a [`System`], and drives
//! [`Connection`]s. The protocol is [`sluicebox_core`]'s; names, timeouts, places and accounts are
//! [`sluicebox_rules`]', as in the server.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod flags;
mod system;
mod log;
mod date;
mod recording;
mod live;
mod connection;
mod edge;

pub use connection::Connection;
pub use edge::Edge;
pub use flags::{Asked, Form, Settings, parse};
pub use system::{Fault, File, Found, System, find_folder};
