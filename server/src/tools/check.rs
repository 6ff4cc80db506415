//! `check`: whether FLV files are sound.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use sluicebox_media::file::{End, Reader};

/// Arguments of `check`.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// FLV files; "-" is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Checks all files. 0: all are sound; 1: one is not.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut sound = true;
    for path in &arguments.files {
        let end = end(open(path)?).with_context(|| path.display().to_string())?;
        writeln!(io::stdout(), "{}: {end}", path.display())?;
        sound &= end == End::Sound;
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(Box::new(file))
}

fn end(input: impl Read) -> Result<End> {
    let mut reader = Reader::new(input);
    while reader.next()?.is_some() {}
    reader.end().context("the reader stopped before the end")
}
