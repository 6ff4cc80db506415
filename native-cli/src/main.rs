//! `sluicebox`: the server with the protocol core in-process.

#![forbid(unsafe_code)]

mod native;

use std::process::ExitCode;

use clap::Parser;
use sluicebox_server::Flags;

/// Record every RTMP stream that is published here to FLV.
#[derive(Parser)]
#[command(name = "sluicebox", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    sluicebox_server::main(Cli::parse().flags, || Ok(native::Native))
}
