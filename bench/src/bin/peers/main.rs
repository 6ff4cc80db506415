//! Sluicebox beside its peers: the same loads for all, one after the other, in one run.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use sluicebox_bench::process;
use sluicebox_bench::stalls::Stalls;

mod adapters;
mod case;
mod picture;
mod report;
mod server;

use adapters::{ADAPTERS, Adapter};
use case::{CASES, Sample};

/// Puts Sluicebox, its peers and a plain copy under the same loads, and sets them side by side, as
/// tables in Markdown and as a picture
#[derive(Parser)]
pub(crate) struct Args {
    /// Runs of each case, three times as many with one publisher flat out; medians are shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Ends after about so many minutes, with fewer runs of cases that take long, but one of each
    #[arg(long, value_name = "MINUTES")]
    within: Option<u32>,
    /// Only cases with this in their name; one that is in none lists them
    #[arg(long, default_value = "")]
    case: String,
    /// Only servers with one of these in their name, and rawsink; several, with commas between
    #[arg(long, value_delimiter = ',')]
    server: Vec<String>,
    /// Seconds that paced publishers send
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Where recordings go for the time of a run: a folder for this alone, as it is deleted with all that
    /// is in it
    #[arg(long, default_value = "/dev/shm/sluicebox-peers")]
    dir: PathBuf,
    /// Writes the tables to this file, not to standard output, and the picture beside it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How long the machine is looked at by itself.
const WATCHED: Duration = Duration::from_secs(10);

/// The runs of one server under one case.
pub(crate) struct Series {
    pub(crate) adapter: &'static Adapter,
    pub(crate) samples: Vec<Sample>,
    /// Why there are no more.
    pub(crate) failed: Option<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    check(&args)?;
    process::allow_many_files();
    std::fs::create_dir_all(&args.dir)?;
    let result = compare(&args);
    std::fs::remove_dir_all(&args.dir)?;
    result
}

/// Makes sure that what was asked for exists.
fn check(args: &Args) -> Result<()> {
    let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
    let known = names.iter().any(|name| name.contains(&args.case));
    ensure!(known, "no case has {:?} in its name: {}", args.case, names.join("; "));
    for part in &args.server {
        let known = ADAPTERS.iter().any(|adapter| adapter.name.contains(part.as_str()));
        ensure!(known, "no server has {part:?} in its name");
    }
    Ok(())
}

fn compare(args: &Args) -> Result<()> {
    let wanted = |adapter: &&Adapter| {
        let chosen = args.server.iter().any(|part| adapter.name.contains(part.as_str()));
        adapter.name == "rawsink" || args.server.is_empty() || chosen
    };
    let (mut servers, mut missing) = (Vec::new(), Vec::new());
    for adapter in ADAPTERS.iter().filter(wanted) {
        match adapter.program() {
            Ok(_) => servers.push(adapter),
            Err(why) => missing.push(format!("{}: {why:#}", adapter.name)),
        }
    }
    let mut results = Vec::new();
    let cases: Vec<_> = CASES.iter().filter(|case| case.name.contains(&args.case)).collect();
    let end = args.within.map(|within| Instant::now() + Duration::from_secs(60) * within);
    for (done, case) in cases.iter().enumerate() {
        // What is left, in equal parts: a quick case leaves the rest of its part to the others.
        let began = Instant::now();
        let left = u32::try_from(cases.len() - done)?;
        let part = end.map(|end| end.saturating_duration_since(began) / left);
        let suited = servers.iter().filter(|adapter| case.suits(adapter));
        let mut all: Vec<_> =
            suited.map(|adapter| Series { adapter, samples: vec![], failed: None }).collect();
        let runs = |series: &Series| case.runs(series.adapter, args.repeats);
        let most = all.iter().map(runs).max().unwrap_or(0);
        // Repeats outside, and each begins with another server: what else the machine does then, and what
        // a slow server leaves behind, falls on all alike.
        for repeat in 0..most {
            let next = began.elapsed() * (repeat + 1) / repeat.max(1);
            if repeat > 0 && part.is_some_and(|part| next > part) {
                break;
            }
            eprintln!("{}, {} of {most}", case.name, repeat + 1);
            let first = repeat as usize % all.len().max(1);
            let (before, from) = all.split_at_mut(first);
            let turns = from.iter_mut().chain(before);
            for series in turns.filter(|own| own.failed.is_none() && repeat < runs(own)) {
                match case.run(series.adapter, &args.dir, args.seconds) {
                    Ok(sample) => series.samples.push(sample),
                    Err(error) => {
                        eprintln!("{error:#}");
                        series.failed = Some(format!("{error:#}"));
                    }
                }
            }
        }
        results.push((*case, all));
    }
    tell(&results, &missing, args)
}

/// Writes the page and its picture.
fn tell(results: &[report::Result<'_>], missing: &[String], args: &Args) -> Result<()> {
    let waited = results.iter().any(|(case, _)| case.load == case::Load::Dialogue);
    let stalls = waited.then(|| Stalls::watch(WATCHED));
    let text = report::markdown(results, missing, stalls, args);
    let Some(out) = &args.out else {
        print!("{text}");
        return Ok(());
    };
    picture::draw(results, &out.with_extension("svg"))?;
    std::fs::write(out, text).with_context(|| out.display().to_string())
}
