//! Connections that are open: memory, mappings, and time on a processor.

use anyhow::Result;
use sluicebox_bench::load::Mix;
use sluicebox_bench::process::Memory;
use sluicebox_bench::table;

use crate::Args;
use crate::case::{Case, Load, Sample, Series};
use crate::model::{self, Point};
use crate::server::Target;
use crate::values::{median, mib, spread};

const CASES: &[Case] = &[
    open("open, 1 x 5 Mbit/s", 1, Mix::Video, Load::RealTime),
    open("open, 10 x 5 Mbit/s", 10, Mix::Video, Load::RealTime),
    open("open, 100 x 5 Mbit/s", 100, Mix::Video, Load::RealTime),
    open("open, 100 x audio", 100, Mix::Audio, Load::RealTime),
    open("open, 1000 x 1 Mbit/s", 1000, Mix::Low, Load::RealTime),
    open("open, 1000 x 5 Mbit/s", 1000, Mix::Video, Load::RealTime),
    open("open, 1000 connected", 1000, Mix::Audio, Load::Connected),
    open("open, 1000 silent publishers", 1000, Mix::Video, Load::Silent),
    open("open, 1000 x audio", 1000, Mix::Audio, Load::RealTime),
    open("open, 200 x 5 Mbit/s", 200, Mix::Video, Load::RealTime),
    open("open, 10000 connected", 10_000, Mix::Audio, Load::Connected),
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
        "opened/s",
        "CPU ms/s",
        "seconds",
        "recorded",
    ]);
    let mut points = [Vec::new(), Vec::new()];
    for case in cases {
        for (series, points) in case.compare(&targets, args)?.iter().zip(&mut points) {
            table::row(&row(case, series));
            points.extend(point(case, series));
        }
    }
    println!();
    model::print(&targets, &points);
    Ok(())
}

/// Where publishers in real time lie in the model.
fn point(case: &Case, series: &Series) -> Option<Point> {
    if !matches!(case.load, Load::RealTime) {
        return None;
    }
    let second = |sample: &Sample, of: f64| of / sample.run.sending.as_secs_f64();
    let of = |value: fn(&Sample) -> f64| {
        table::median(series.values(|sample| second(sample, value(sample))))
    };
    Some(Point {
        publishers: case.connections as f64,
        bytes: of(|sample| sample.run.report.sent.wire as f64),
        cpu: of(|sample| sample.run.cpu_sending.as_secs_f64()),
    })
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
        median(&series.values(|sample| connections / sample.run.report.started.as_secs_f64()), 0),
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
