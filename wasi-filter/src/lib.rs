//! One RTMP connection on standard input and output, recorded to a folder: for `inetd`, `socat` and
//! whatever else hands over a connection, under any runtime of WASI preview 1.
//!
//! ```text
//!  stdin ──▶ read ──▶ Connection::feed ──▶ files in the first folder that the runtime gives
//!  stdout ◀─ outbox ◀────┘                 log and ledger on stderr
//! ```
//!
//! The exit code is 0 only if something was recorded and nothing of it is missing.

#![cfg_attr(target_family = "wasm", no_std)]
#![allow(unsafe_code, reason = "calls into WASI, and the start function: nothing else")]

// There is nothing in it elsewhere, so that the workspace builds everywhere.
#[cfg(target_family = "wasm")]
extern crate alloc;
#[cfg(target_family = "wasm")]
mod run;
#[cfg(target_family = "wasm")]
mod runtime;
#[cfg(target_family = "wasm")]
mod system;
#[cfg(target_family = "wasm")]
mod wasi;
