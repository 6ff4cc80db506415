//! Publishers over loopback: how many, how fast, what they send.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use sluicebox_bench::load::{self, Mix, Pace, Plan};
use sluicebox_bench::process;

/// Sends media from many RTMP publishers to a server on this machine
#[derive(Parser)]
struct Args {
    /// The server, on loopback
    addr: SocketAddr,
    /// Publishers at a time
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    connections: usize,
    /// What each sends
    #[arg(long, value_enum, default_value_t = Mix::Video)]
    mix: Mix,
    /// Sends this recording instead, over and over
    #[arg(long, value_name = "FILE", conflicts_with = "mix")]
    flv: Option<PathBuf>,
    /// Chunk size of the publishers, in bytes
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..))]
    chunk_size: u32,
    /// Bytes from each publisher, as fast as the server takes them
    #[arg(long, value_name = "BYTES", conflicts_with_all = ["seconds", "idle"])]
    flat_out: Option<u64>,
    /// Publishes in real time for so long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Sends only what comes before the media, and is silent for the seconds
    #[arg(long)]
    idle: bool,
    /// Connects, publishes nothing, and is silent for the seconds
    #[arg(long, conflicts_with_all = ["flat_out", "idle"])]
    connected: bool,
    /// How late a message may be when publishing in real time, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 4)]
    jitter: u64,
    /// Publishers between connect and publish at a time
    #[arg(long, default_value_t = load::RAMP, value_parser = at_least_one)]
    ramp: usize,
    /// Seed of where publishers begin, and of the jitter
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Application to publish to
    #[arg(long, default_value = "live")]
    app: String,
    /// Stream names are this and a number
    #[arg(long, default_value = "load")]
    name: String,
    /// Media without any protocol around it
    #[arg(long)]
    raw: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    ensure!(args.addr.ip().is_loopback(), "load only goes to loopback addresses");
    process::allow_many_files();
    let time = Duration::from_secs(args.seconds);
    let chunk_size = args.chunk_size.try_into()?;
    let media = match &args.flv {
        Some(file) => load::recording(file, chunk_size)?,
        None => args.mix.media(chunk_size)?,
    };
    let plan = Plan {
        connections: args.connections,
        pace: match args.flat_out {
            Some(bytes) => Pace::FlatOut(bytes),
            None if args.idle => Pace::Idle(time),
            None if args.connected => Pace::Connected(time),
            None => Pace::RealTime(time),
        },
        jitter: Duration::from_millis(args.jitter),
        ramp: args.ramp,
        app: args.app,
        name: args.name,
        raw: args.raw,
        seed: args.seed,
        ..Plan::new(args.addr)
    };
    let report = load::run(&plan, &media, |phase| eprintln!("{phase:?}"))?;
    let seconds = report.took.as_secs_f64();
    println!("messages {}", report.sent.messages);
    println!("body_bytes {}", report.sent.bodies);
    println!("wire_bytes {}", report.sent.wire);
    println!("seconds {seconds:.3}");
    Ok(())
}

fn at_least_one(text: &str) -> Result<usize> {
    let number = text.parse()?;
    ensure!(number > 0, "at least 1");
    Ok(number)
}
