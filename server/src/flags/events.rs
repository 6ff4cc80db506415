//! Who is told what happens.

use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::parse::{at_least_one, seconds};
use crate::events::Target;
use crate::hook;
use crate::program::Program;
use crate::retention::Keep;
use crate::sidecar::Detail;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Events and finished files")]
pub(super) struct EventFlags {
    /// Write what happens as lines of JSON to a file or FIFO, to standard output with "-", or to an
    /// open descriptor with "fd:N"
    #[arg(long, value_name = "TARGET", env = "SLUICEBOX_EVENTS")]
    pub(super) events: Option<Target>,

    /// What goes into `NAME.json` beside each file in the record folder
    #[arg(long, value_name = "DETAIL", env = "SLUICEBOX_SIDECAR", default_value = "account")]
    pub(super) sidecar: Detail,

    /// Put the SHA-256 of each file into its sidecar: the file is read once more
    #[arg(long, env = "SLUICEBOX_SHA256", value_parser = FalseyValueParser::new())]
    pub(super) sha256: bool,

    /// Keep finished recordings so long, so many bytes of them, or both, as 30d,500GB; the oldest
    /// are deleted
    #[arg(long, value_name = "WHAT", env = "SLUICEBOX_KEEP")]
    pub(super) keep: Option<Keep>,

    /// Run CMD for every finished file, with what is known about it in variables. Split into words,
    /// no shell
    #[arg(long, value_name = "CMD", env = "SLUICEBOX_ON_CLOSED")]
    on_closed: Option<Program>,

    /// How many of it may run at a time
    #[arg(long, value_name = "N", env = "SLUICEBOX_ON_CLOSED_JOBS", default_value_t = 4,
          value_parser = at_least_one)]
    on_closed_jobs: usize,

    /// How long each may take, in seconds
    #[arg(long, value_name = "S", env = "SLUICEBOX_ON_CLOSED_TIMEOUT", default_value = "300",
          value_parser = seconds)]
    on_closed_timeout: Duration,
}

impl EventFlags {
    /// What is run for finished files.
    pub(super) fn hook(&self) -> Option<hook::Settings> {
        let (jobs, timeout) = (self.on_closed_jobs, self.on_closed_timeout);
        self.on_closed.clone().map(|program| hook::Settings { program, jobs, timeout })
    }
}
