//! Publishers that send: time on a processor, and throughput.

use anyhow::Result;
use sluicebox_bench::load::Mix;
use sluicebox_bench::table;

use crate::Args;
use crate::case::{Case, Load, Sample, Series};
use crate::server::Target;
use crate::values::{median, ratio, spread};

const CASES: &[Case] = &[
    flat_out("flat out, 1 x video, chunk 128", 1, Mix::Video, 128),
    flat_out("flat out, 1 x video, chunk 4096", 1, Mix::Video, 4096),
    flat_out("flat out, 1 x video, chunk 60000", 1, Mix::Video, 60_000),
    flat_out("flat out, 1 x audio, chunk 128", 1, Mix::Audio, 128),
    flat_out("flat out, 1 x audio, chunk 4096", 1, Mix::Audio, 4096),
    flat_out("flat out, 100 x video, chunk 4096", 100, Mix::Video, 4096),
    flat_out("flat out, 1000 x video, chunk 4096", 1000, Mix::Video, 4096),
    paced("paced, 100 x 5 Mbit/s", 100, Mix::Video),
    paced("paced, 500 x 5 Mbit/s", 500, Mix::Video),
    paced("paced, 1000 x audio", 1000, Mix::Audio),
];

const fn flat_out(name: &'static str, connections: usize, mix: Mix, chunk_size: usize) -> Case {
    // Small messages take several times as long for a byte.
    let bytes = if matches!(mix, Mix::Video) { 2_000_000_000 } else { 500_000_000 };
    Case { name, connections, mix, chunk_size, load: Load::FlatOut(bytes) }
}

const fn paced(name: &'static str, connections: usize, mix: Mix) -> Case {
    Case { name, connections, mix, chunk_size: 4096, load: Load::RealTime }
}

/// Runs the floor and both servers.
pub(crate) fn compare(args: &Args) -> Result<()> {
    let mut cases = CASES.iter().filter(|case| args.wants(case.name)).peekable();
    if cases.peek().is_none() {
        return Ok(());
    }
    let targets = [Target::rawsink()?, Target::native()?, Target::sandboxed()?];
    println!("### Publishers that send\n");
    table::header(&[
        "load",
        "server",
        "CPU s/GB",
        "of it user",
        "x rawsink",
        "x native",
        "GB/s",
        "GB/s x native",
        "recorded",
    ]);
    for case in cases {
        let all = case.compare(&targets, args)?;
        let [floor, native, _] = &all[..] else { unreachable!("three servers") };
        all.iter().for_each(|own| table::row(&row(case, own, floor, native)));
    }
    println!();
    Ok(())
}

fn row(case: &Case, own: &Series, floor: &Series, native: &Series) -> Vec<String> {
    let cpu = own.values(cpu);
    let speed = own.values(speed);
    vec![
        case.name.to_owned(),
        own.server.to_owned(),
        spread(&cpu, 3),
        median(&own.values(user), 3),
        ratio(&cpu, &floor.values(self::cpu)),
        ratio(&cpu, &native.values(self::cpu)),
        spread(&speed, 3),
        ratio(&speed, &native.values(self::speed)),
        own.recorded(),
    ]
}

fn gigabytes(sample: &Sample) -> f64 {
    sample.run.report.sent.wire as f64 / 1e9
}

fn cpu(sample: &Sample) -> f64 {
    sample.run.cpu.as_secs_f64() / gigabytes(sample)
}

fn user(sample: &Sample) -> f64 {
    sample.run.user.as_secs_f64() / gigabytes(sample)
}

fn speed(sample: &Sample) -> f64 {
    gigabytes(sample) / sample.run.report.took.as_secs_f64()
}
