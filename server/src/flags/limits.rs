//! Bounds on what peers may take.

use clap::{Args, ValueEnum};
use sluicebox_core::{Config, Limits, Type3};

use super::parse::{at_least_one, size_up_to};

/// Reading of a type 3 chunk after a type 0 header; see [`Type3`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Type3Flag {
    /// As specified, unless it cannot be meant
    Detect,
    /// As specified: the timestamp is the delta
    Delta,
    /// The same timestamp, as old librtmp means it
    Same,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitFlags {
    /// Connections at a time
    #[arg(long, value_name = "N", env = "SLUICEBOX_MAX_CONNECTIONS", default_value_t = 10_000,
          value_parser = at_least_one)]
    pub(super) max_connections: usize,

    /// Connections at a time from one address (IPv6: one /64 network)
    #[arg(long, value_name = "N", env = "SLUICEBOX_MAX_PER_ADDRESS", default_value_t = 256,
          value_parser = at_least_one)]
    pub(super) max_per_address: usize,

    #[command(flatten)]
    pub(super) session: SessionFlags,
}

/// What a session is told: the server's flags, and those of tools that read RTMP.
#[derive(Args, Clone, Debug)]
pub(crate) struct SessionFlags {
    /// Longest message, in bytes
    #[arg(long, value_name = "SIZE", env = "SLUICEBOX_MAX_MESSAGE",
          default_value_t = Limits::default().message,
          value_parser = size_up_to::<u32>(Limits::MAX_MESSAGE.into()))]
    max_message: u32,

    /// Unfinished messages of one connection together, in bytes
    #[arg(long, value_name = "SIZE", env = "SLUICEBOX_MAX_BUFFERED",
          default_value_t = Limits::default().buffered, value_parser = size_up_to::<usize>(u64::MAX))]
    max_buffered: usize,

    /// Smallest chunk size a peer may set, in bytes
    #[arg(long, value_name = "SIZE", env = "SLUICEBOX_MIN_CHUNK_SIZE",
          default_value_t = Limits::default().smallest_chunk, value_parser = size_up_to::<u32>(65_536))]
    min_chunk_size: u32,

    /// Timestamp of a type 3 chunk that starts a message after a type 0 header
    #[arg(long, value_name = "HOW", env = "SLUICEBOX_TYPE3", default_value = "detect")]
    type3: Type3Flag,
}

impl SessionFlags {
    /// Settings of a session.
    pub(crate) fn config(&self) -> Config {
        let limits = Limits {
            message: self.max_message,
            buffered: self.max_buffered,
            smallest_chunk: self.min_chunk_size,
            ..Limits::default()
        };
        let type3 = match self.type3 {
            Type3Flag::Detect => Type3::Detect,
            Type3Flag::Delta => Type3::Delta,
            Type3Flag::Same => Type3::Same,
        };
        Config { limits, type3, ..Config::default() }
    }
}
