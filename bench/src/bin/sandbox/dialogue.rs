//! From connect to `NetStream.Publish.Start`.

use anyhow::Result;
use sluicebox_bench::{latency, table};

use crate::Args;
use crate::server::{Server, Target};
use crate::values::{ratio, spread};

const CASE: &str = "dialogue";
/// Publishes of a run, one after the other.
const TIMES: u32 = 200;

/// Milliseconds of each run.
#[derive(Default)]
struct Waits {
    half: Vec<f64>,
    most: Vec<f64>,
}

/// Runs both servers.
pub(crate) fn compare(args: &Args) -> Result<()> {
    if !args.wants(CASE) {
        return Ok(());
    }
    let targets = [Target::native()?, Target::sandboxed()?];
    let mut all = [Waits::default(), Waits::default()];
    for _ in 0..args.repeats {
        for (target, waits) in targets.iter().zip(&mut all) {
            let server = Server::start(target, args)?;
            let sorted = latency::waits(server.addr, TIMES, None, "live", "latency")?;
            let at = |percent| latency::percentile(&sorted, percent).as_secs_f64() * 1e3;
            waits.half.push(at(50));
            waits.most.push(at(99));
        }
    }
    println!("### From connect to NetStream.Publish.Start\n");
    table::header(&["server", "p50 ms", "x native", "p99 ms", "x native"]);
    let [native, _] = &all;
    for (target, waits) in targets.iter().zip(&all) {
        table::row(&[
            target.name.to_owned(),
            spread(&waits.half, 2),
            ratio(&waits.half, &native.half),
            spread(&waits.most, 2),
            ratio(&waits.most, &native.most),
        ]);
    }
    println!();
    Ok(())
}
