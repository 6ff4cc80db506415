//! Publishers, how many and how fast, and what they cost each server.

use std::time::Duration;

use anyhow::{Context as _, Result};
use sluicebox_bench::load::{Mix, Pace, Plan};
use sluicebox_bench::measure::{self, Run};
use sluicebox_bench::process::Memory;

use crate::Args;
use crate::server::{Server, Target};

/// A load that every server is put under.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
    pub(crate) mix: Mix,
    pub(crate) chunk_size: usize,
    pub(crate) load: Load,
}

/// How fast publishers send.
pub(crate) enum Load {
    /// So many bytes from all of them together.
    FlatOut(u64),
    RealTime,
    /// They publish, send sequence headers, and are silent.
    Silent,
    /// They connect.
    Connected,
}

/// One run.
pub(crate) struct Sample {
    pub(crate) run: Run,
    /// Memory of the server that had just started.
    pub(crate) before: Memory,
    /// Whether the recordings hold all that was sent.
    pub(crate) complete: bool,
}

/// The runs of one server.
pub(crate) struct Series {
    pub(crate) server: &'static str,
    pub(crate) samples: Vec<Sample>,
}

impl Series {
    pub(crate) fn values(&self, of: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().map(of).collect()
    }

    /// In how many runs everything was recorded.
    pub(crate) fn recorded(&self) -> String {
        let complete = self.samples.iter().filter(|sample| sample.complete).count();
        format!("{complete}/{}", self.samples.len())
    }
}

impl Case {
    /// Puts all of `targets` under this load, as often as is asked for.
    pub(crate) fn compare(&self, targets: &[Target], args: &Args) -> Result<Vec<Series>> {
        let series = |target: &Target| Series { server: target.name, samples: Vec::new() };
        let mut all: Vec<_> = targets.iter().map(series).collect();
        // Repeats outside: what else the machine does then falls on all servers alike.
        for _ in 0..args.repeats {
            for (target, series) in targets.iter().zip(&mut all) {
                let sample = self.run(target, args);
                series
                    .samples
                    .push(sample.with_context(|| format!("{}, {}", self.name, target.name))?);
            }
        }
        Ok(all)
    }

    fn run(&self, target: &Target, args: &Args) -> Result<Sample> {
        let server = Server::start(target, args)?;
        let time = Duration::from_secs(args.seconds);
        let plan = Plan {
            connections: self.connections,
            pace: match self.load {
                Load::FlatOut(bytes) => Pace::FlatOut(bytes / self.connections as u64),
                Load::RealTime => Pace::RealTime(time),
                Load::Silent => Pace::Idle(time),
                Load::Connected => Pace::Connected(time),
            },
            raw: target.raw,
            ..Plan::new(server.addr)
        };
        let run = measure::run(&plan, &self.mix.media(self.chunk_size)?, server.pid())?;
        let complete = measure::complete(run.report.sent, target.raw, &args.recordings())?;
        Ok(Sample { run, before: server.memory, complete })
    }
}
