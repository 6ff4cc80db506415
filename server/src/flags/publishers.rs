//! What becomes of a name when its publisher is lost, or another one comes.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::parse::{seconds, seconds_or_none};
use crate::access::OnConflict;

/// Where a recording goes on when its publisher is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnReturn {
    /// In the same file, its timestamps behind those that are there
    SameFile,
    /// In the next file
    NextSegment,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Publishers of the same name")]
pub(super) struct PublisherFlags {
    /// What becomes of a publish whose name has a publisher
    #[arg(long, value_name = "HOW", env = "SLUICEBOX_ON_CONFLICT", default_value = "grace")]
    pub(super) on_conflict: OnConflict,

    /// With grace: how long a recording waits for a publisher that was lost, in seconds; 0: not at
    /// all
    #[arg(long, value_name = "S", env = "SLUICEBOX_GRACE", default_value = "20",
          value_parser = seconds_or_none)]
    pub(super) grace: Duration,

    /// With grace: silence after which a publisher may be taken for lost by one that comes, in
    /// seconds
    #[arg(long, value_name = "S", env = "SLUICEBOX_TAKEOVER_AFTER", default_value = "5",
          value_parser = seconds)]
    pub(super) takeover_after: Duration,

    /// With grace: where a recording goes on when its publisher is back
    #[arg(long, value_name = "WHERE", env = "SLUICEBOX_ON_RETURN", default_value = "same-file")]
    on_return: OnReturn,
}

impl PublisherFlags {
    /// Whether a recording goes on in the next file.
    pub(super) fn next_segment(&self) -> bool {
        self.on_return == OnReturn::NextSegment
    }
}
