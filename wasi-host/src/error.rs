//! What can go wrong, and whose fault it is.

use std::fmt;

use sluicebox_abi as abi;
use sluicebox_core::StreamId;
use wasmtime::Trap;

/// The end of a session. Sticks: after it every call returns it again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The session failed as a session does: the peer's fault, or beyond its limits.
    Session(sluicebox_core::Error),
    /// The guest failed: a bug of it, or a guest that means harm.
    Guest(Fault),
}

/// How a guest failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It ran for longer than [`Settings::deadline`](crate::Settings::deadline).
    Time,
    /// It wanted more memory than [`Settings::memory`](crate::Settings::memory).
    Memory,
    /// It trapped.
    Trap(Trap),
    /// It cannot be instantiated: all [`Settings::sessions`](crate::Settings::sessions) are open, or
    /// the system has no more memory mappings.
    Instance(String),
    /// An export has not the type that it has to have.
    Export(&'static str),
    /// A record of it cannot be read.
    Record(abi::Fault),
    /// The room it gave for input is not inside its memory.
    Space {
        /// Where it was said to be.
        at: u32,
        /// How many bytes were asked for.
        len: u32,
    },
    /// A count of what it took in that cannot be.
    Counts,
    /// More events than what it was fed can mean.
    Events,
    /// More bytes than what it was fed can mean.
    Output,
    /// An event for a stream that does not wait for it: tags of a stream that was not accepted, a
    /// publish on one that is live.
    Order(StreamId),
    /// More streams at a time than [`Limits::streams`](sluicebox_core::Limits::streams).
    Streams,
    /// A run of tags that is not whole tags, or not as many as it says.
    Tags(StreamId),
    /// A part of a message that cannot be where it says.
    Part(StreamId),
    /// A ledger that is not what was written.
    Ledger(StreamId),
    /// An error that this host has no name for.
    Other(String),
}

/// Why a module is no guest.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// Address space for so many sessions cannot be had.
    Pool(wasmtime::Error),
    /// It is no module, or not one that can be run here.
    Module(wasmtime::Error),
    /// It wants something of its host: a guest gets nothing.
    Import(String),
    /// It does not export what a guest has to.
    Export(&'static str),
    /// It speaks another version of the interface.
    Version {
        /// The guest's.
        guest: u32,
    },
    /// It failed before it could tell its version.
    Start(Fault),
    /// The thread that counts epochs cannot be started.
    Clock(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Guest(fault) => write!(f, "sandbox: the guest {fault}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time => f.write_str("ran for too long"),
            Self::Memory => f.write_str("wanted more memory than it may have"),
            Self::Trap(trap) => write!(f, "trapped: {trap}"),
            Self::Instance(what) => write!(f, "cannot be instantiated: {what}"),
            Self::Export(name) => write!(f, "does not export `{name}` as it has to"),
            Self::Record(fault) => write!(f, "gave a record that cannot be read: {fault}"),
            Self::Space { at, len } => {
                write!(f, "gave room outside its memory: {len} bytes at {at:#x}")
            }
            Self::Counts => f.write_str("counts what it cannot have taken in"),
            Self::Events => f.write_str("gave more events than its input can mean"),
            Self::Output => f.write_str("gave more bytes than its input can mean"),
            Self::Order(stream) => {
                write!(f, "gave an event out of order for stream {}", stream.0)
            }
            Self::Streams => f.write_str("has too many streams"),
            Self::Tags(stream) => write!(f, "gave no whole tags for stream {}", stream.0),
            Self::Part(stream) => write!(f, "gave a wrong part for stream {}", stream.0),
            Self::Ledger(stream) => write!(f, "gave a wrong ledger for stream {}", stream.0),
            Self::Other(text) => write!(f, "failed: {text}"),
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(error) => write!(f, "address space cannot be had: {error:#}"),
            Self::Module(error) => write!(f, "not a module that can be run: {error:#}"),
            Self::Import(name) => write!(f, "the module imports {name}; a guest imports nothing"),
            Self::Export(name) => {
                write!(f, "the module does not export `{name}`, as a guest has to")
            }
            Self::Version { guest } => {
                write!(f, "the guest speaks version {guest}, this host {}", abi::VERSION)
            }
            Self::Start(fault) => write!(f, "the guest {fault}"),
            Self::Clock(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for Error {}
impl std::error::Error for Fault {}
impl std::error::Error for LoadError {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Guest(fault)
    }
}

impl From<Fault> for LoadError {
    fn from(fault: Fault) -> Self {
        Self::Start(fault)
    }
}

impl From<abi::Fault> for Fault {
    fn from(fault: abi::Fault) -> Self {
        Self::Record(fault)
    }
}
