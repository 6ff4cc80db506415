//! The protocol core as a typed component: `wit/ingest.wit` is its interface, and says what each
//! function does. It imports nothing.

#![cfg_attr(target_family = "wasm", no_std)]

// There is nothing in it elsewhere, so that the workspace builds everywhere.
#[cfg(target_family = "wasm")]
extern crate alloc;
#[cfg(target_family = "wasm")]
mod convert;
#[cfg(target_family = "wasm")]
mod runtime;
#[cfg(target_family = "wasm")]
mod session;

#[cfg(target_family = "wasm")]
#[allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "made from wit/ingest.wit"
)]
mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "ingest", pub_export_macro: false });
    use crate::session::Component;
    export!(Component);
}
