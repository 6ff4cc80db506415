//! How long a publisher waits from connect to `NetStream.Publish.Start`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::load::{self, Mix, Pace, Plan};

/// Publishes so many `times`, one after the other, and tells how long each waited for its start,
/// shortest first.
///
/// # Errors
///
/// When a publish fails.
pub fn waits(addr: SocketAddr, times: u32, app: &str) -> Result<Vec<Duration>> {
    let mut waits = (0..times).map(|time| wait(addr, time, app)).collect::<Result<Vec<_>>>()?;
    waits.sort_unstable();
    Ok(waits)
}

/// The wait that so many per cent of `sorted`, which is not empty, do not exceed.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn wait(addr: SocketAddr, time: u32, app: &str) -> Result<Duration> {
    let plan = Plan {
        addr,
        connections: 1,
        mix: Mix::Audio,
        chunk_size: 4096,
        pace: Pace::FlatOut(0),
        app: app.to_owned(),
        name: format!("latency{time}-"),
        raw: false,
        seed: 1,
    };
    Ok(load::run(&plan, |_| {})?.started)
}
