//! `sluicebox`: the server with the protocol core in-process.

#![forbid(unsafe_code)]

mod native;

use std::process::ExitCode;

use clap::Parser;
use sluicebox_server::{Flags, Tool};

/// Record every RTMP stream that is published here to FLV.
#[derive(Parser)]
#[command(name = "sluicebox", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    flags: Flags,

    #[command(subcommand)]
    tool: Option<Tool>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let backend = || Ok(native::Native);
    match cli.tool {
        Some(tool) => tool.run(backend),
        None => sluicebox_server::main(cli.flags, backend),
    }
}
