//! Connections that are open: memory, mappings, and time on a processor.

use anyhow::Result;
use sluicebox_bench::load::Mix;
use sluicebox_bench::process::Memory;
use sluicebox_bench::table;

use crate::Args;
use crate::case::{Case, Load, Series};
use crate::server::Target;
use crate::values::{median, mib, spread};

const CASES: &[Case] = &[
    open("open, 1000 connected", 1000, Mix::Audio, Load::Connected),
    open("open, 1000 silent publishers", 1000, Mix::Video, Load::Silent),
    open("open, 1000 x audio", 1000, Mix::Audio, Load::RealTime),
    open("open, 200 x 5 Mbit/s", 200, Mix::Video, Load::RealTime),
    open("open, 5000 silent publishers", 5000, Mix::Video, Load::Silent),
    open("open, 5000 x audio", 5000, Mix::Audio, Load::RealTime),
];

const fn open(name: &'static str, connections: usize, mix: Mix, load: Load) -> Case {
    Case { name, connections, mix, chunk_size: 4096, load }
}

/// Runs both servers.
pub(crate) fn compare(args: &Args) -> Result<()> {
    let mut cases = CASES.iter().filter(|case| args.wants(case.name)).peekable();
    if cases.peek().is_none() {
        return Ok(());
    }
    let targets = [Target::native()?, Target::sandboxed()?];
    println!("### Connections that are open\n");
    table::header(&[
        "connections",
        "server",
        "RSS KiB/conn",
        "PSS KiB/conn",
        "page tables KiB/conn",
        "mappings/conn",
        "RSS MiB",
        "CPU us to open one",
        "CPU ms/s",
        "seconds",
        "recorded",
    ]);
    for case in cases {
        for series in case.compare(&targets, args)? {
            table::row(&row(case, &series));
        }
    }
    println!();
    Ok(())
}

fn row(case: &Case, series: &Series) -> Vec<String> {
    let connections = case.connections as f64;
    let each = |of: fn(&Memory) -> u64, unit: f64| {
        series.values(|sample| {
            let more = of(&sample.run.memory) as f64 - of(&sample.before) as f64;
            more / unit / connections
        })
    };
    let opening = |micros: f64| micros / connections;
    vec![
        case.name.to_owned(),
        series.server.to_owned(),
        spread(&each(|memory| memory.resident, 1024.0), 1),
        median(&each(|memory| memory.proportional, 1024.0), 1),
        median(&each(|memory| memory.page_tables, 1024.0), 1),
        median(&each(|memory| memory.mappings, 1.0), 2),
        median(&series.values(|sample| mib(sample.run.memory.resident)), 1),
        median(&series.values(|one| opening(one.run.cpu_publishing.as_secs_f64() * 1e6)), 0),
        median(
            &series.values(|sample| {
                let run = &sample.run;
                run.cpu_sending.as_secs_f64() * 1e3 / run.sending.as_secs_f64()
            }),
            0,
        ),
        median(&series.values(|sample| sample.run.sending.as_secs_f64()), 1),
        series.recorded(),
    ]
}
