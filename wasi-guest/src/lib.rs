//! The protocol core as a WebAssembly module: no imports, twelve functions.
//!
//! ```text
//!  host                         this module, one instance a connection
//!  space(n) ──▶ read ─────────▶ input
//!  feed(n)                        │  Session::poll
//!  poll() ◀── event record ◀──────┤
//!  part() ◀── of a large message ◀┘  accept · reject · reconnect · idle · close
//! ```
//!
//! `docs/abi.md` says what each export does. A call out of order, a number that means nothing and
//! a bug of the core all end in a trap: the host drops the instance, and with it one connection.

#![cfg_attr(target_family = "wasm", no_std)]
#![allow(
    unsafe_code,
    reason = "exports and a memory that the host writes to: the one crate of ours that needs it"
)]

extern crate alloc;

#[cfg(test)]
mod allocations;
#[cfg(target_family = "wasm")]
mod exports;
mod guest;
#[cfg(target_family = "wasm")]
mod memory;
mod runs;
#[cfg(target_family = "wasm")]
mod runtime;
