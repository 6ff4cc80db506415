//! How many publishers, how fast; what a run of them costs the server.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sluicebox_bench::load::{Mix, Pace, Plan};
use sluicebox_bench::{measure, recordings};

use crate::server::{Server, Variant};

/// A load that every drive is put under.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    connections: usize,
    mix: Mix,
    load: Load,
}

enum Load {
    /// So many bytes from all publishers together.
    FlatOut(u64),
    RealTime,
    Idle,
}

pub(crate) const CASES: &[Case] = &[
    flat_out("flat out, 1 publisher", 1),
    flat_out("flat out, 100 publishers", 100),
    flat_out("flat out, 1000 publishers", 1000),
    Case { name: "paced, 100 x 5 Mbit/s", connections: 100, mix: Mix::Video, load: Load::RealTime },
    Case { name: "paced, 500 x 5 Mbit/s", connections: 500, mix: Mix::Video, load: Load::RealTime },
    Case { name: "paced, 1000 x audio", connections: 1000, mix: Mix::Audio, load: Load::RealTime },
    Case { name: "idle, 1000", connections: 1000, mix: Mix::Video, load: Load::Idle },
];

const fn flat_out(name: &'static str, connections: usize) -> Case {
    Case { name, connections, mix: Mix::Video, load: Load::FlatOut(2_000_000_000) }
}

/// What one run cost the server, from the first media on.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds on a processor.
    pub(crate) cpu: f64,
    /// 10^9 bytes received.
    pub(crate) gigabytes: f64,
    /// Bytes of memory for each publisher, when all media was sent.
    pub(crate) resident: f64,
    /// Waits of all threads, a second.
    pub(crate) waits: f64,
    /// Whether the recordings hold all that was sent.
    pub(crate) complete: bool,
}

impl Case {
    pub(crate) fn run(&self, variant: &Variant, seconds: u64, dir: &Path) -> Result<Sample> {
        recordings::reserve(dir, self.connections, self.bytes(seconds))?;
        let server = Server::start(variant, dir)?;
        let before = server.memory()?;
        let plan = self.plan(&server, variant, seconds);
        let run = measure::run(&plan, &self.mix.media(4096)?, server.pid())
            .with_context(|| format!("{}, {}", self.name, variant.name))?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let sample = Sample {
            cpu: run.cpu.as_secs_f64(),
            gigabytes: run.report.sent.wire as f64 / 1e9,
            resident: run.memory.resident.saturating_sub(before.resident) as f64
                / self.connections as f64,
            waits: run.waits as f64 / run.sending.as_secs_f64(),
            complete: measure::complete(run.report.sent, variant.is_raw(), dir)?,
        };
        Ok(sample)
    }

    /// About how much one publisher sends, in bytes.
    fn bytes(&self, seconds: u64) -> u64 {
        match (&self.load, self.mix) {
            (Load::FlatOut(bytes), _) => bytes / self.connections as u64,
            (Load::RealTime, Mix::Audio) => seconds * 8_000,
            (Load::RealTime, _) => seconds * 625_000,
            (Load::Idle, _) => 0,
        }
    }

    fn plan(&self, server: &Server, variant: &Variant, seconds: u64) -> Plan {
        let time = Duration::from_secs(seconds);
        Plan {
            connections: self.connections,
            pace: match self.load {
                Load::FlatOut(bytes) => Pace::FlatOut(bytes / self.connections as u64),
                Load::RealTime => Pace::RealTime(time),
                Load::Idle => Pace::Idle(time.min(Duration::from_secs(3))),
            },
            name: String::new(),
            raw: variant.is_raw(),
            ..Plan::new(server.addr)
        }
    }
}
