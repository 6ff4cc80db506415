//! How publishers are let go when the server is told to stop.

use std::time::Duration;

use clap::Args;

use super::parse::{elsewhere, seconds_or_none};
use crate::shutdown::Elsewhere;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stopping")]
pub(super) struct DrainFlags {
    /// When told to stop, wait so long for publishers to end by themselves, and take nobody new; those
    /// that can are asked to connect anew. 0 ends them at once. In seconds
    #[arg(long, value_name = "S", env = "SLUICEBOX_DRAIN_TIMEOUT", default_value = "0",
          value_parser = seconds_or_none)]
    pub(super) drain_timeout: Duration,

    /// Where publishers are asked to connect to when this server stops: `rtmp://HOST[:PORT]`, to which
    /// the application is added, or a whole address. Without it, to where they came to
    #[arg(long, value_name = "URL", env = "SLUICEBOX_RECONNECT_TO", value_parser = elsewhere)]
    pub(super) reconnect_to: Option<Elsewhere>,
}
