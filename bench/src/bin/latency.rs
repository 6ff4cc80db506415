//! How long a publisher waits from connect to `NetStream.Publish.Start`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use sluicebox_bench::load::{self, Mix, Pace, Plan};

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
    let mut waits = (0..args.times).map(|time| wait(&args, time)).collect::<Result<Vec<_>>>()?;
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_micros();
    println!("p50 {} us, p99 {} us, max {} us", at(50), at(99), at(100));
    Ok(())
}

fn wait(args: &Args, time: u32) -> Result<Duration> {
    let plan = Plan {
        addr: args.addr,
        connections: 1,
        mix: Mix::Audio,
        chunk_size: 4096,
        pace: Pace::FlatOut(0),
        app: args.app.clone(),
        name: format!("latency{time}-"),
        raw: false,
        seed: 1,
    };
    Ok(load::run(&plan, |_| {})?.started)
}
