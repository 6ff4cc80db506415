//! How long things may take.

use std::time::Duration;

use clap::Args;
use sluicebox_rules::clock::Timeouts;

use super::parse::seconds;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Timeouts, in seconds")]
pub(super) struct TimeoutFlags {
    /// From connecting to the first byte after the handshake
    #[arg(long, value_name = "S", env = "SLUICEBOX_HANDSHAKE_TIMEOUT", default_value = "10",
          value_parser = seconds)]
    handshake_timeout: Duration,

    /// From that byte to the first publish, and between publishes
    #[arg(long, value_name = "S", env = "SLUICEBOX_PUBLISH_TIMEOUT", default_value = "30",
          value_parser = seconds)]
    publish_timeout: Duration,

    /// For a publisher that sends no whole message, and no 64 KiB of one
    #[arg(long, value_name = "S", env = "SLUICEBOX_IDLE_TIMEOUT", default_value = "60",
          value_parser = seconds)]
    idle_timeout: Duration,

    /// For finishing when the server is told to stop
    #[arg(long, value_name = "S", env = "SLUICEBOX_STOP_TIMEOUT", default_value = "10",
          value_parser = seconds)]
    pub(super) stop_timeout: Duration,

    /// Longest rest between two reads of one publisher, in milliseconds: fewer, larger reads cost
    /// less; 0 reads at once
    #[arg(long, value_name = "MS", env = "SLUICEBOX_READ_INTERVAL", default_value_t = 90,
          value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub(super) read_interval: u16,
}

impl TimeoutFlags {
    pub(super) fn timeouts(&self) -> Timeouts {
        Timeouts {
            handshake: self.handshake_timeout,
            publish: self.publish_timeout,
            idle: self.idle_timeout,
        }
    }
}
