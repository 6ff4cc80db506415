//! The server as a command with the sockets of WASI 0.3: listens by itself, a task for each connection. Files
//! and the log are WASI 0.2's, with the very code of `sluicebox-serve`.
//!
//! ```text
//!  listen ──▶ peer: socket ── stream ──▶ Connection::feed ──▶ files in the record folder
//!             run: a task each, and one that looks at the clock ──▶ outbox ── stream ──▶ socket
//! ```
//!
//! For runtimes that know both: `wasmtime run -S p3 -W component-model-async`.

#![cfg_attr(target_family = "wasm", no_std)]

// There is nothing in it elsewhere, so that the workspace builds everywhere.
#[cfg(target_family = "wasm")]
extern crate alloc;
#[cfg(target_family = "wasm")]
#[path = "../../wasi-serve/src/addresses.rs"]
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
#[path = "../../wasi-serve/src/runtime.rs"]
mod runtime;
#[cfg(target_family = "wasm")]
mod signal;
#[cfg(target_family = "wasm")]
#[path = "../../wasi-serve/src/system.rs"]
mod system;

#[cfg(target_family = "wasm")]
use wasip3::sockets::types as wit;
