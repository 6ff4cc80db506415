//! What the sandbox costs: the server with the core in-process and in a sandbox, side by side.

use std::cell::Cell;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;
use sluicebox_bench::{process, table};

mod server;
mod case;
mod loads;
mod connections;
mod model;
mod fair;
mod dialogue;
mod start;
mod sizes;
mod values;

/// Runs both servers, and the floor, through every case, and prints tables in Markdown
#[derive(Parser)]
struct Args {
    /// Runs of each case; medians are shown
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Only cases with this in their name
    #[arg(long, default_value = "")]
    case: String,
    /// Seconds that paced publishers send, and that silent ones are silent
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Where recordings and logs go for the time of a run; anything in it is deleted
    #[arg(long, default_value = "/dev/shm/sluicebox-sandbox")]
    dir: PathBuf,
    /// The guest as a WebAssembly module, for its size and the time to compile it
    #[arg(long, value_name = "FILE", env = "SLUICEBOX_BUILD_GUEST")]
    guest: Option<PathBuf>,
    /// Some case was wanted.
    #[arg(skip)]
    met: Cell<bool>,
}

impl Args {
    fn recordings(&self) -> PathBuf {
        self.dir.join("recordings")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn wants(&self, case: &str) -> bool {
        let wants = case.contains(&self.case);
        self.met.set(self.met.get() || wants);
        wants
    }
}

fn main() -> Result<()> {
    let args = Args::parse();
    process::allow_many_files();
    std::fs::create_dir_all(args.recordings())?;
    let result = compare(&args);
    std::fs::remove_dir_all(&args.dir)?;
    result
}

fn compare(args: &Args) -> Result<()> {
    table::machine();
    sizes::print(args)?;
    start::compare(args)?;
    dialogue::compare(args)?;
    loads::compare(args)?;
    connections::compare(args)?;
    fair::compare(args)?;
    ensure!(args.met.get(), "no case has {:?} in its name", args.case);
    Ok(())
}
