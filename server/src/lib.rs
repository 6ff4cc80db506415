//! The server around the protocol core: everything that touches the operating system, once.
//!
//! ```text
//!             ┌ front ───────────────┐  publishes   ┌ media loops, one a core ─────┐
//!  listen ──▶ │ accept, handshake,   │ ───────────▶ │ read · poll · write          │ ──▶ recording
//!             │ commands: at once    │ ◀─────────── │ many small reads become one  │
//!             └──────────────────────┘  has ended   └──────────────────────────────┘
//! ```
//!
//! The modules follow a connection: `listen` makes sockets, `drive` runs connections, a
//! `connection` reads, polls its [`Ingest`] and acts on events, `access` decides who may publish,
//! `name` makes file names of what peers say, a `recording` is a file or standard output, and
//! `report` says what came of it. Where the protocol core runs is the [`Backend`]'s business.

#![forbid(unsafe_code)]

mod flags;
mod ingest;

mod access;
mod connection;
mod display;
mod drive;
mod listen;
mod logging;
pub mod name;
mod recording;
mod report;
mod run;
mod shutdown;
mod stats;

pub use flags::Flags;
pub use ingest::{Backend, Ingest};
pub use run::{main, run};
