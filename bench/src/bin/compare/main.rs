//! Ways to drive connections, side by side: CPU, memory, waits, and whether all was recorded.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use sluicebox_bench::{recordings, table};

mod cases;
mod hung;
mod server;

use cases::{CASES, Case, Sample};
use server::VARIANTS;

/// Runs every drive through every case, and prints tables in Markdown
#[derive(Parser)]
struct Args {
    /// Runs of each case; medians are shown
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Only cases with this in their name
    #[arg(long, default_value = "")]
    case: String,
    /// Only drives with this in their name, and rawsink
    #[arg(long, default_value = "")]
    drive: String,
    /// Seconds of a paced case
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Where recordings go for the time of a run
    #[arg(long, default_value = "/dev/shm/sluicebox-compare")]
    dir: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    sluicebox_bench::process::allow_many_files();
    std::fs::create_dir_all(&args.dir)?;
    table::machine();
    for case in CASES.iter().filter(|case| case.name.contains(&args.case)) {
        compare(case, &args)?;
    }
    if "hung".contains(&args.case) {
        hung::compare(&args.drive, &args.dir)?;
    }
    Ok(std::fs::remove_dir_all(&args.dir)?)
}

fn compare(case: &Case, args: &Args) -> Result<()> {
    let wanted = |name: &str| name == "rawsink" || name.contains(&args.drive);
    let variants: Vec<_> = VARIANTS.iter().filter(|variant| wanted(variant.name)).collect();
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); variants.len()];
    recordings::clear(&args.dir)?;
    // Repeats outside: what else the machine does then falls on all drives alike.
    for _ in 0..args.repeats {
        for (variant, samples) in variants.iter().zip(&mut samples) {
            samples.push(case.run(variant, args.seconds, &args.dir)?);
        }
    }
    println!("### {}\n", case.name);
    table::header(&["drive", "CPU s/GB", "x rawsink", "CPU ms", "KiB/conn", "waits/s", "recorded"]);
    for (variant, own) in variants.iter().zip(&samples) {
        table::row(&row(variant.name, own, &samples[0]));
    }
    println!();
    Ok(())
}

fn row(name: &str, samples: &[Sample], floor: &[Sample]) -> Vec<String> {
    let median = |of: fn(&Sample) -> f64| table::median(samples.iter().map(of).collect());
    let ratios = samples.iter().zip(floor).map(|(own, floor)| own.cpu / floor.cpu).collect();
    let recorded = samples.iter().filter(|sample| sample.complete).count();
    vec![
        name.to_owned(),
        format!("{:.3}", median(|sample| sample.cpu / sample.gigabytes)),
        format!("{:.2}", table::median(ratios)),
        format!("{:.0}", median(|sample| sample.cpu * 1000.0)),
        format!("{:.1}", median(|sample| sample.resident / 1024.0)),
        format!("{:.0}", median(|sample| sample.waits)),
        format!("{recorded}/{}", samples.len()),
    ]
}
