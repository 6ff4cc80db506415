//! A minimal recorder that drives its connections in one of several ways.

use std::net::{SocketAddr, TcpListener};

use anyhow::Result;
use clap::Parser;
use sluicebox_bench::drives::{self, Drive, Options};
use sluicebox_bench::process;

/// Records RTMP publishers, to measure a way of driving connections
#[derive(Parser)]
struct Args {
    /// Who waits for the sockets
    #[arg(long)]
    drive: Drive,
    /// Address to listen on; the one in use is the only line on stdout
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    #[command(flatten)]
    options: Options,
}

fn main() -> Result<()> {
    let args = Args::parse();
    process::allow_many_files();
    let listener = TcpListener::bind(args.listen)?;
    println!("{}", listener.local_addr()?);
    drives::run(args.drive, listener, &args.options)
}
