//! How long a publisher waits from connect to `NetStream.Publish.Start`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::load::{self, Mix, Plan};

/// Publishes so many `times`, one after the other, to streams of this `name` and a number; tells how
/// long each waited for its start, shortest first. Ends earlier when it has taken `time`.
///
/// # Errors
///
/// When a publish fails.
pub fn waits(
    addr: SocketAddr,
    times: u32,
    time: Option<Duration>,
    app: &str,
    name: &str,
) -> Result<Vec<Duration>> {
    let start = Instant::now();
    let mut waits = Vec::new();
    for number in 0..times {
        // Other names each time, as some servers are slow to let go of one.
        let name = if times == 1 { name.to_owned() } else { format!("{name}{number}x") };
        waits.push(wait(addr, app, name)?);
        if time.is_some_and(|time| start.elapsed() > time) {
            break;
        }
    }
    waits.sort_unstable();
    Ok(waits)
}

/// The wait that so many per cent of `sorted`, which is not empty, do not exceed.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn wait(addr: SocketAddr, app: &str, name: String) -> Result<Duration> {
    let plan = Plan { app: app.to_owned(), name, ..Plan::new(addr) };
    Ok(load::run(&plan, &Mix::Audio.media(4096)?, |_| {})?.started)
}
