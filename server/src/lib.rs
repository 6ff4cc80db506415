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
//! a `recording` is a file or standard output. What every form of Sluicebox does alike is in
//! [`sluicebox_rules`]: names, timeouts, accounts. Where the protocol core runs is the [`Backend`]'s
//! business.
//! `tools` are what the binaries do instead of serving.

#![deny(unsafe_code)]

mod flags;
mod ingest;
mod moment;
mod heap;

mod listen;
mod drive;
mod connection;
mod access;
mod recording;
mod stats;
mod facts;
mod keeper;
mod services;
mod stalls;
mod events;
mod pool;
mod program;
mod hook;
mod sidecar;
mod closing;
mod sink;
mod retention;

mod display;
mod logging;
mod shutdown;
mod run;

mod tools;

pub use flags::Flags;
pub use ingest::{Backend, Ingest};
pub use run::{main, run};
pub use sluicebox_rules::name;
pub use tools::Tool;
