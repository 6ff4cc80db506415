//! Who is told what happens.

use clap::Args;

use crate::events::Target;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Events and finished files")]
pub(super) struct EventFlags {
    /// Write what happens as lines of JSON to a file or FIFO, to standard output with "-", or to an
    /// open descriptor with "fd:N"
    #[arg(long, value_name = "TARGET", env = "SLUICEBOX_EVENTS")]
    pub(super) events: Option<Target>,
}
