//! How long a publisher waits from connect to `NetStream.Publish.Start`.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use clap::Parser;
use sluicebox_bench::latency;

/// Publishes over and over, one at a time, and prints how long each waited for its start
#[derive(Parser)]
struct Args {
    /// The server, on loopback
    addr: SocketAddr,
    /// How often
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    /// Application to publish to
    #[arg(long, default_value = "live")]
    app: String,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.addr.ip().is_loopback(), "load only goes to loopback addresses");
    let waits = latency::waits(args.addr, args.times, None, &args.app, "latency")?;
    let at = |percent| latency::percentile(&waits, percent).as_micros();
    println!("p50 {} us, p99 {} us, max {} us", at(50), at(99), at(100));
    Ok(())
}
