//! Live publishers beside one that sends flat out, and beside a storm of connects.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sluicebox_bench::load::{self, Mix, Pace, Plan};
use sluicebox_bench::tail::Watch;
use sluicebox_bench::{latency, measure, table};

use crate::Args;
use crate::server::{Server, Target};

const CASE: &str = "fair";
/// Live publishers, and how many of their recordings are watched.
const LIVE: usize = 50;
const WATCHED: usize = 4;

/// What else the server has to do.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    /// One publisher sends so many bytes.
    FlatOut(u64),
    /// So many connect at once.
    Storm(usize),
}

/// Runs both servers.
pub(crate) fn compare(args: &Args) -> Result<()> {
    if !args.wants(CASE) {
        return Ok(());
    }
    println!("### Until a tag of one of {LIVE} x 5 Mbit/s can be read, in ms\n");
    table::header(&["beside", "server", "p50", "p99", "most", "recorded", "connected/s"]);
    for (name, beside) in [
        ("nothing else", Beside::Nothing),
        ("one flat out, 4 GB", Beside::FlatOut(4_000_000_000)),
        ("2000 connects at once", Beside::Storm(2000)),
    ] {
        for target in [Target::native()?, Target::sandboxed()?] {
            let cells = run(&target, beside, args).with_context(|| name.to_owned())?;
            let mut row = vec![name.to_owned(), target.name.to_owned()];
            row.extend(cells);
            table::row(&row);
        }
    }
    println!();
    Ok(())
}

fn run(target: &Target, beside: Beside, args: &Args) -> Result<Vec<String>> {
    let server = Server::start(target, args)?;
    let live = Plan {
        connections: LIVE,
        pace: Pace::RealTime(Duration::from_secs(args.seconds)),
        watched: WATCHED,
        ..Plan::new(server.addr)
    };
    let other = Plan { name: "other".to_owned(), ..Plan::new(server.addr) };
    let other = match beside {
        Beside::Nothing => None,
        Beside::FlatOut(bytes) => Some(Plan { pace: Pace::FlatOut(bytes), ..other }),
        Beside::Storm(connections) => Some(Plan {
            connections,
            ramp: connections,
            pace: Pace::Connected(Duration::ZERO),
            ..other
        }),
    };
    let media = Mix::Video.media(4096)?;
    let names = (0..WATCHED).map(|index| format!("load{index:05}")).collect();
    let watch = Watch::start(&args.recordings(), names);
    let (report, other) = thread::scope(|scope| -> Result<_> {
        let beside = other.map(|plan| {
            let media = &media;
            scope.spawn(move || {
                thread::sleep(Duration::from_secs(1));
                load::run(&plan, media, |_| {})
            })
        });
        let report = load::run(&live, &media, |_| {})?;
        let other = beside.map(|beside| beside.join().ok().context("a load panicked")?);
        Ok((report, other.transpose()?))
    })?;
    let waits = watch.end(&report, &media, false)?;
    let at = |percent| format!("{:.1}", latency::percentile(&waits, percent).as_secs_f64() * 1e3);
    let mut sent = report.sent;
    let speed = match (&other, beside) {
        (Some(other), Beside::Storm(connections)) => {
            format!("{:.0}", connections as f64 / other.started.as_secs_f64())
        }
        (Some(other), _) => {
            sent.add(other.sent);
            String::new()
        }
        (None, _) => String::new(),
    };
    let complete = measure::complete(sent, false, &args.recordings())?;
    Ok(vec![at(50), at(99), at(100), complete.to_string(), speed])
}
