//! The server as a WASI 0.2 command: listens by itself through `wasi:sockets`, records through
//! `wasi:filesystem`, serves everybody in one loop on `wasi:io/poll`.
//!
//! ```text
//!  listen ──▶ peer: socket ── read ──▶ Connection::feed ──▶ files in the record folder
//!             poll ◀── run: who is ready, what is due ──▶ outbox ── write ──▶ socket
//! ```
//!
//! A host of ours is not needed: `wasmtime run`, a containerd shim, or Node through jco.

#![cfg_attr(target_family = "wasm", no_std)]

// There is nothing in it elsewhere, so that the workspace builds everywhere.
#[cfg(target_family = "wasm")]
extern crate alloc;
#[cfg(target_family = "wasm")]
mod addresses;
#[cfg(target_family = "wasm")]
mod command;
#[cfg(target_family = "wasm")]
mod listen;
#[cfg(target_family = "wasm")]
mod peer;
#[cfg(target_family = "wasm")]
mod run;
#[cfg(target_family = "wasm")]
mod runtime;
#[cfg(target_family = "wasm")]
mod system;

#[cfg(target_family = "wasm")]
use wasi::sockets::network as wit;
