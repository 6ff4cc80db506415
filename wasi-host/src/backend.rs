//! The protocol core in a sandbox, as a backend of the server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use sluicebox_host::{Close, Config, Event, Reject, Sandbox, Session, Settings, StreamId, Tally};
use sluicebox_server::{Backend, Ingest};

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
    Ok(Sandbox::with_guest(&module, settings)?)
}

#[cfg(not(feature = "compiler"))]
fn load(_: &std::path::Path, _: &Settings) -> Result<Sandbox> {
    anyhow::bail!(
        "this binary has no compiler: build it with `--features compiler` to run other guests"
    )
}

impl Backend for Sandboxed {
    type Ingest = Guest;

    fn open(&self, config: Config, seed: u64) -> Result<Guest> {
        Ok(Guest(self.0.open(&config, seed)?))
    }
}

/// A session in a sandbox. The worker's buffer is not used: sockets are read into the guest.
pub(crate) struct Guest(Session);

impl Ingest for Guest {
    fn space<'a>(&'a mut self, scratch: &'a mut [u8]) -> Result<&'a mut [u8]> {
        Ok(self.0.space(scratch.len())?)
    }

    fn feed(&mut self, len: usize) -> Result<()> {
        Ok(self.0.feed(len)?)
    }

    fn poll<'a>(&'a mut self, _scratch: &[u8]) -> Result<Option<Event<'a>>> {
        Ok(self.0.poll()?)
    }

    fn accept(&mut self, stream: StreamId) -> Result<()> {
        Ok(self.0.accept(stream)?)
    }

    fn reject(&mut self, stream: StreamId, why: Reject) -> Result<()> {
        Ok(self.0.reject(stream, why)?)
    }

    fn reconnect(&mut self, url: &str) -> Result<bool> {
        Ok(self.0.reconnect(url)?)
    }

    fn idle(&mut self) -> Result<()> {
        self.0.release()?;
        Ok(self.0.idle()?)
    }

    fn close(&mut self, why: Close) -> Result<()> {
        Ok(self.0.close(why)?)
    }

    fn received(&self) -> u64 {
        self.0.received()
    }

    fn stray(&self) -> Tally {
        self.0.stray()
    }

    /// Buffers that a guest frees are of use to nobody else: it keeps them until it is quiet.
    fn trim(&mut self) -> Result<()> {
        Ok(())
    }
}
