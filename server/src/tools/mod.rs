//! What a binary does instead of serving: each subcommand is a module with its arguments.

pub(crate) mod check;
mod decode;
mod repair;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::ingest::Backend;
use crate::shutdown;

/// Subcommands of every binary. Without one, it serves.
#[derive(Subcommand, Clone, Debug)]
pub enum Tool {
    /// Say what is in FLV files, and whether they are sound
    Check(check::Arguments),
    /// Turn what a client sent, captured, into FLV files: one for each publish
    Decode(decode::Arguments),
    /// Make finished files of what crashes and power losses have left
    Repair(repair::Arguments),
}

impl Tool {
    /// Runs the subcommand; `backend` makes what reads RTMP, where that is needed.
    pub fn run<B: Backend>(self, backend: impl FnOnce() -> Result<B>) -> ExitCode {
        let result = shutdown::survive_file_limits().and_then(|()| match self {
            Self::Check(arguments) => check::run(&arguments),
            Self::Decode(arguments) => decode::run(&arguments, &backend()?),
            Self::Repair(arguments) => repair::run(&arguments),
        });
        result.unwrap_or_else(|error| {
            // Standard error may be closed.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(FAILED)
        })
    }
}

/// Exit code of a tool that could not do its work, as clap has it for wrong arguments.
const FAILED: u8 = 2;
