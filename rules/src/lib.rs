//! What every form of Sluicebox does alike around the protocol core: the server, natively and in a
//! sandbox, and the edge programs, which have no operating system under them.
//!
//! No `std`, no clock and no files: who uses a rule says what time it is, as a span since any fixed
//! start.
//!
//! A [`size`] is read as it is typed. In the order in which a connection meets them: [`places`] counts connections, a [`clock`] says what
//! takes too long, a [`name`] becomes a path that cannot leave the record folder, [`stats`] are what a
//! stream is seen to be, and an [`account`] is what came of it.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod size;
pub mod places;
pub mod clock;
pub mod name;
pub mod stats;
pub mod account;
