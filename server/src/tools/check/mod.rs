//! `check`: what is in FLV files, and whether they are sound.

mod text;
pub(crate) mod json;

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use sluicebox_media::report::{self, Report};

use super::FAILED;

/// Arguments of `check`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Exit code: 0 if all files are sound, 1 if one is not, 2 if one cannot be read."
)]
pub struct Arguments {
    /// FLV files; "-" is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A JSON object for each file, one a line
    #[arg(long)]
    json: bool,
}

/// Checks all files, and says what is in each. 0: all are sound; 1: one is not; 2: one cannot be read.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut worst = 0;
    for path in &arguments.files {
        let report = match open(path).and_then(|input| read(path, input)) {
            Ok(report) => report,
            Err(error) => {
                worst = FAILED;
                let _ = writeln!(io::stderr(), "error: {}: {error:#}", path.display());
                continue;
            }
        };
        if !report.is_sound() {
            worst = worst.max(1);
        }
        match print(path, &report, arguments.json) {
            // Whoever reads has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            printed => printed.context("cannot write to standard output")?,
        }
    }
    Ok(ExitCode::from(worst))
}

fn open(path: &Path) -> Result<Box<dyn Read>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(path)?))
}

/// Reads a file. What is no FLV file is not read to its end, but a file knows its length.
fn read(path: &Path, input: impl Read) -> Result<Report> {
    let mut report = report::read(input)?;
    if report.header.is_none()
        && path != Path::new("-")
        && let Some(meta) = path.metadata().ok().filter(std::fs::Metadata::is_file)
    {
        report.len = meta.len();
    }
    Ok(report)
}

fn print(path: &Path, report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", json::report(path, report))
    } else {
        text::write(&mut out, path, report)
    }
}
