//! `sluicebox-host`: the server with the protocol core in a WebAssembly sandbox.

#![forbid(unsafe_code)]

mod backend;
mod guest;

use std::process::ExitCode;

use clap::Parser;
use sluicebox_server::{Flags, Tool};

use backend::{GuestFlags, Sandboxed};

/// Record every RTMP stream that is published here to FLV, each connection in a sandbox.
#[derive(Parser)]
#[command(name = "sluicebox-host", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    flags: Flags,

    #[command(flatten)]
    guest: GuestFlags,

    #[command(subcommand)]
    tool: Option<Tool>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let sandboxes = cli.flags.max_connections();
    let backend = || Sandboxed::new(&cli.guest, sandboxes);
    match cli.tool {
        Some(tool) => tool.run(backend),
        None => sluicebox_server::main(cli.flags, backend),
    }
}
