//! `repair`: makes finished files of what crashes and power losses have left.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::recording;

/// Arguments of `repair`.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// FLV files. Each is kept as FILE.orig; its name gets a new file with all that is whole, with
    /// duration and index
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Do not keep the files as they were
    #[arg(long)]
    discard: bool,

    /// Entries that the index of keyframes has room for
    #[arg(long, value_name = "N", default_value_t = 10_800,
          value_parser = clap::value_parser!(u32).range(16..=400_000))]
    index: u32,
}

/// Repairs all files. 0: all are whole now; 1: some could not be.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut well = true;
    for path in &arguments.files {
        let name = path.display();
        let repaired = recording::repair(path, arguments.index as usize + 1, !arguments.discard);
        let repaired = match repaired.with_context(|| name.to_string()) {
            Ok(repaired) => repaired,
            Err(error) => {
                writeln!(io::stderr(), "error: {error:#}")?;
                well = false;
                continue;
            }
        };
        let seconds = Duration::from_millis(repaired.duration).as_secs_f64();
        let (tags, lost, end) = (repaired.tags, repaired.lost, &repaired.end);
        match repaired.original {
            _ if repaired.finished => writeln!(io::stdout(), "{name}: is finished, left alone")?,
            Some(original) => writeln!(
                io::stdout(),
                "{name}: {tags} tags, {seconds:.3} s, {lost} bytes left out; it was: {end}; kept as {}",
                original.display()
            )?,
            None => writeln!(
                io::stdout(),
                "{name}: {tags} tags, {seconds:.3} s, {lost} bytes left out; it was: {end}"
            )?,
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
