//! The protocol core in a sandbox, as a backend of the server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use sluicebox_host::{Config, Sandbox, Settings};
use sluicebox_server::Backend;

use crate::guest::Guest;

/// Memory of a guest that peers cannot reach with the default limits, in MiB.
const MEMORY: u32 = 128;
const MIB: usize = 1 << 20;

#[derive(Args, Debug)]
#[command(next_help_heading = "Sandbox")]
pub(crate) struct GuestFlags {
    /// Another guest than the one built in: a WebAssembly module that speaks the same interface
    #[arg(long, value_name = "FILE", env = "SLUICEBOX_GUEST")]
    guest: Option<PathBuf>,

    /// Memory that the guest of one connection may have, in MiB
    #[arg(long, value_name = "MIB", env = "SLUICEBOX_GUEST_MEMORY", default_value_t = MEMORY,
          value_parser = clap::value_parser!(u32).range(2..=4096))]
    guest_memory: u32,

    /// Time that the guest of one connection may run at a stretch, in milliseconds
    #[arg(long, value_name = "MS", env = "SLUICEBOX_GUEST_DEADLINE", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(20..=60_000))]
    guest_deadline: u32,
}

/// Opens sessions in sandboxes.
pub(crate) struct Sandboxed(Sandbox);

impl Sandboxed {
    /// For so many connections at a time.
    pub(crate) fn new(flags: &GuestFlags, connections: usize) -> Result<Self> {
        let settings = Settings {
            sessions: u32::try_from(connections).unwrap_or(u32::MAX),
            memory: flags.guest_memory as usize * MIB,
            deadline: Duration::from_millis(flags.guest_deadline.into()),
        };
        let Some(file) = &flags.guest else {
            let sandbox = Sandbox::new(&settings);
            return sandbox.map(Self).with_context(|| {
                format!("no sandboxes for {connections} connections (--max-connections)")
            });
        };
        load(file, &settings).map(Self).with_context(|| format!("guest {}", file.display()))
    }
}

#[cfg(feature = "compiler")]
fn load(file: &std::path::Path, settings: &Settings) -> Result<Sandbox> {
    let module = std::fs::read(file).context("cannot be read")?;
    anyhow::ensure!(module.starts_with(b"\0asm"), "not WebAssembly in its binary format");
    Ok(Sandbox::with_guest(&module, settings)?)
}

#[cfg(not(feature = "compiler"))]
fn load(file: &std::path::Path, _: &Settings) -> Result<Sandbox> {
    std::fs::File::open(file).context("cannot be read")?;
    anyhow::bail!(
        "this binary has no compiler: build it with `--features compiler` to run other guests"
    )
}

impl Backend for Sandboxed {
    type Ingest = Guest;

    fn open(&self, config: Config, seed: u64) -> Result<Guest> {
        Ok(Guest::new(self.0.open(&config, seed)?))
    }

    fn prepare(&self) {
        self.0.prepare();
    }
}
