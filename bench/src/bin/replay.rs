//! Replays recorded input through one session for each file: small, to be run under a profiler.

use anyhow::{Context as _, Result, ensure};
use sluicebox_bench::vector::{self, Counts};
use sluicebox_core::{Close, Config, Session};

/// Size of a read, in bytes, as a server reads.
const READ: usize = 64 << 10;

fn main() -> Result<()> {
    let mut files = std::env::args_os().skip(1).peekable();
    ensure!(files.peek().is_some(), "usage: replay FILE...");
    for path in files {
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let mut session = Session::new(Config::default(), 1);
        let mut counts = Counts::default();
        for input in bytes.chunks(READ) {
            vector::replay(&mut session, input, &mut counts)?;
        }
        session.close(Close::Gone);
        vector::replay(&mut session, &[], &mut counts)?;
        println!("{}: {} tags, {} bytes", path.display(), counts.tags, counts.bytes);
    }
    Ok(())
}
