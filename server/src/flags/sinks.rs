//! Where streams go beside their recordings.

use std::time::Duration;

use clap::Args;

use super::parse::{seconds_or_none, size_up_to};
use crate::program::Program;
use crate::sink::{Settings, Target};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sinks beside the recording")]
pub(super) struct SinkFlags {
    /// Give every stream to TARGET, too: a path with {app}, {stream} and {start} in it (a new file, a
    /// FIFO), "-", unix:PATH or tcp:HOST:PORT; may be given several times
    #[arg(long, value_name = "TARGET", env = "SLUICEBOX_SINK", value_delimiter = ',')]
    sink: Vec<Target>,

    /// Give every stream to a CMD of its own, on its standard input; may be given several times. Split
    /// into words, no shell
    #[arg(long, value_name = "CMD", env = "SLUICEBOX_EXEC")]
    exec: Vec<Program>,

    /// Bytes that may wait for one sink
    #[arg(long, value_name = "SIZE", env = "SLUICEBOX_SINK_BUFFER", default_value_t = 16_777_216,
          value_parser = size_up_to::<usize>(u64::MAX))]
    sink_buffer: usize,

    /// How long a stream may be held up by its sinks, in all, before it goes on without those that
    /// are full, in seconds
    #[arg(long, value_name = "S", env = "SLUICEBOX_SINK_WAIT", default_value = "2",
          value_parser = seconds_or_none)]
    sink_wait: Duration,
}

impl SinkFlags {
    pub(super) fn settings(&self) -> Settings {
        Settings {
            targets: self.sink.clone(),
            programs: self.exec.clone(),
            buffer: self.sink_buffer,
            wait: self.sink_wait,
        }
    }

    /// Whether one of them is standard output.
    pub(super) fn stdout(&self) -> bool {
        self.sink.contains(&Target::Stdout)
    }
}
