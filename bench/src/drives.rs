//! Ways to drive connections: minimal recorders that differ in nothing else.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

mod door;
mod rawsink;
mod recorder;
mod shards;
mod threads;
mod tokio_rt;
#[cfg(target_os = "linux")]
mod uring;

/// Size of a read from a socket, in bytes.
const READ: usize = 64 << 10;

/// Who waits for the sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Drive {
    /// One thread, one epoll; bytes go to the file as they come. The floor: no protocol.
    Rawsink,
    /// A blocking thread for each connection.
    Threads,
    /// An async runtime with a task for each connection.
    Tokio,
    /// One epoll loop for each core; each owns its connections.
    Shards,
    /// One io_uring for each core, with calls that read and write for many at a time.
    #[cfg(target_os = "linux")]
    Uring,
}

/// How a drive goes about it.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Where recordings go
    #[arg(long)]
    pub dir: PathBuf,
    /// Reads a socket at most about this often, in milliseconds; as it comes when 0
    #[arg(long, default_value = "0", value_parser = millis)]
    pub tick: Duration,
    /// Threads of `tokio`, `shards` and `uring`
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
    /// `tokio`: wraps every write to a file in `block_in_place`
    #[arg(long)]
    pub block_in_place: bool,
    /// `shards`: reads one socket up to so many times before the next has its turn
    #[arg(long, default_value_t = 1)]
    pub reads: usize,
    /// `shards`: gives back what a session does not use after each turn
    #[arg(long)]
    pub trim: bool,
    /// `shards`: pays for a watchdog that may take over, a lock for each read and two atomic
    /// stores for each write
    #[arg(long)]
    pub guard: bool,
}

fn millis(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

/// Records whatever comes in on `listener`, until the process ends.
///
/// # Errors
///
/// When the listener fails; a connection that fails is only told about on stderr.
pub fn run(drive: Drive, listener: TcpListener, options: &Options) -> Result<()> {
    match drive {
        Drive::Rawsink => rawsink::run(listener, options),
        Drive::Threads => threads::run(&listener, options),
        Drive::Tokio => tokio_rt::run(listener, options),
        Drive::Shards => shards::run(&listener, options),
        #[cfg(target_os = "linux")]
        Drive::Uring => uring::run(&listener, options),
    }
}
