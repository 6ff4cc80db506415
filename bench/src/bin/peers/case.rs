//! What every server is put under.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sluicebox_bench::load::{Media, Mix, Pace, Plan};
use sluicebox_bench::tail::Watch;
use sluicebox_bench::verify::{self, Verdict};
use sluicebox_bench::{latency, measure, recordings};

use crate::adapters::Adapter;
use crate::server::Server;

/// A load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
    mix: Mix,
    chunk_size: usize,
    pub(crate) load: Load,
}

/// How fast publishers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many bytes from all of them together, or a part of that to a slow server.
    FlatOut(u64),
    RealTime,
    /// They publish, send sequence headers, and are silent.
    Silent,
    /// In real time, with some recordings watched.
    Tail,
    /// One after the other, from connect to the answer to publish.
    Dialogue,
}

const MB: u64 = 1_000_000;
/// The part of the bytes that slow servers get: one over this.
const SLOW: u64 = 10;

/// All of them. The first seven are compared by time on a processor.
pub(crate) const CASES: &[Case] = &[
    case("one flat out, chunk 4096", 1, Mix::Video, 4096, Load::FlatOut(800 * MB)),
    case("one flat out, chunk 60000", 1, Mix::Video, 60_000, Load::FlatOut(800 * MB)),
    case("one flat out, chunk 128", 1, Mix::Video, 128, Load::FlatOut(600 * MB)),
    case("one flat out, small audio", 1, Mix::Audio, 4096, Load::FlatOut(600 * MB)),
    case("1000 flat out", 1000, Mix::Video, 4096, Load::FlatOut(1500 * MB)),
    case("500 x 5 Mbit/s", 500, Mix::Video, 4096, Load::RealTime),
    case("1000 x audio", 1000, Mix::Audio, 4096, Load::RealTime),
    case("1000 silent", 1000, Mix::Video, 4096, Load::Silent),
    case("tail of 20 x 5 Mbit/s", 20, Mix::Video, 4096, Load::Tail),
    case("dialogue", 1, Mix::Audio, 4096, Load::Dialogue),
];

const fn case(
    name: &'static str,
    connections: usize,
    mix: Mix,
    chunk_size: usize,
    load: Load,
) -> Case {
    Case { name, connections, mix, chunk_size, load }
}

/// Recordings that are watched at a time.
const WATCHED: usize = 4;
/// Dialogues in a run, of servers that take more than one; and how long they may take.
const DIALOGUES: u32 = 1000;
const DIALOGUES_IN: Duration = Duration::from_secs(3);

/// How many times as many runs a server that is not slow has with one publisher flat out.
const OFTEN: u32 = 3;

/// What one run came to. What a case does not measure is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// Seconds on a processor for 10^9 bytes received, and 10^9 bytes received a second.
    pub(crate) cost: Option<f64>,
    pub(crate) speed: Option<f64>,
    /// KiB of memory for each connection, and MiB in all at the most.
    pub(crate) each: Option<f64>,
    pub(crate) peak: Option<f64>,
    /// Milliseconds, shortest first.
    pub(crate) waits: Vec<f64>,
    pub(crate) verdict: Option<Verdict>,
}

impl Case {
    /// Whether it is compared by time on a processor.
    pub(crate) fn is_cost(&self) -> bool {
        matches!(self.load, Load::FlatOut(_) | Load::RealTime)
    }

    /// Whether a server can be put under it.
    pub(crate) fn suits(&self, adapter: &Adapter) -> bool {
        let one = self.connections == 1 || !adapter.single;
        one && !(adapter.raw && self.load == Load::Silent)
    }

    /// Whether it is done in a second or two, in which its time on a processor moves most from run to run.
    pub(crate) fn is_short(&self) -> bool {
        matches!(self.load, Load::FlatOut(_)) && self.connections == 1
    }

    /// How many runs `adapter` has, where others have `repeats`.
    pub(crate) fn runs(&self, adapter: &Adapter, repeats: u32) -> u32 {
        repeats * if self.is_short() && !adapter.slow { OFTEN } else { 1 }
    }

    /// Bytes that `adapter` gets flat out.
    fn bytes(&self, bytes: u64, adapter: &Adapter) -> u64 {
        bytes / if adapter.slow && self.is_short() { SLOW } else { 1 }
    }

    /// About what a run of so many `seconds` records, in bytes.
    fn recorded(&self, adapter: &Adapter, media: &Media, seconds: u64) -> u64 {
        match self.load {
            Load::FlatOut(bytes) => self.bytes(bytes, adapter) * 9 / 8,
            Load::RealTime | Load::Tail => {
                let lap = media.sum(media.messages());
                let length = media.due(media.messages()) - media.due(0);
                self.connections as u64 * lap.wire * seconds * 1000 / length
            }
            Load::Silent | Load::Dialogue => 0,
        }
    }

    /// Puts a server under it. Paced publishers send for so many `seconds`.
    pub(crate) fn run(&self, adapter: &Adapter, dir: &Path, seconds: u64) -> Result<Sample> {
        let context = || format!("{}, {}", self.name, adapter.name);
        self.try_run(adapter, dir, seconds).with_context(context)
    }

    fn try_run(&self, adapter: &Adapter, dir: &Path, seconds: u64) -> Result<Sample> {
        if adapter.raw && self.load == Load::Dialogue {
            let waits = latency::bare(DIALOGUES)?;
            return Ok(Sample { waits: milliseconds(&waits), ..Sample::default() });
        }
        let name = if adapter.raw { "" } else { "load" };
        let media = self.mix.media(self.chunk_size)?;
        recordings::warm(dir, self.recorded(adapter, &media, seconds))?;
        let server = Server::start(adapter, dir, &format!("{name}00000"))?;
        if self.load == Load::Dialogue {
            return dialogue(adapter, &server);
        }
        let time = Duration::from_secs(seconds);
        let plan = Plan {
            connections: self.connections,
            pace: match self.load {
                Load::FlatOut(bytes) => {
                    Pace::FlatOut(self.bytes(bytes, adapter) / self.connections as u64)
                }
                Load::Silent => Pace::Idle(Duration::from_secs(1)),
                Load::RealTime | Load::Tail | Load::Dialogue => Pace::RealTime(time),
            },
            watched: if self.load == Load::Tail { WATCHED } else { 0 },
            name: name.to_owned(),
            raw: adapter.raw,
            ..Plan::new(server.addr)
        };
        let recordings = dir.join("recordings");
        let names = (0..plan.watched).map(|index| format!("{name}{index:05}")).collect();
        let watch = (plan.watched > 0).then(|| Watch::start(&recordings, names));
        let run = measure::run(&plan, &media, server.pid())?;
        let waits = watch.map(|watch| watch.end(&run.report, &media, adapter.raw)).transpose()?;
        let before = server.memory;
        // What some still hold, they write when they end.
        drop(server);
        let verdict = verify::verify(&recordings, &run.report, &media, adapter.raw)?;
        let received = run.report.sent.wire as f64 / 1e9;
        let more = run.memory.proportional as f64 - before.proportional as f64;
        Ok(Sample {
            cost: self.is_cost().then(|| run.cpu.as_secs_f64() / received),
            speed: self.is_cost().then(|| received / run.report.took.as_secs_f64()),
            each: Some(more / 1024.0 / self.connections as f64),
            peak: Some(run.peak as f64 / 1_048_576.0),
            waits: milliseconds(&waits.unwrap_or_default()),
            verdict: Some(verdict),
        })
    }
}

fn dialogue(adapter: &Adapter, server: &Server) -> Result<Sample> {
    let (times, time) = if adapter.single { (1, None) } else { (DIALOGUES, Some(DIALOGUES_IN)) };
    let name = if adapter.single { "load" } else { "latency" };
    let waits = latency::waits(server.addr, times, time, "live", name)?;
    Ok(Sample { waits: milliseconds(&waits), ..Sample::default() })
}

fn milliseconds(waits: &[Duration]) -> Vec<f64> {
    waits.iter().map(|wait| wait.as_secs_f64() * 1e3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::ADAPTERS;

    #[test]
    fn a_short_case_has_more_runs_of_servers_that_are_not_slow() {
        let runs = |case: &str, server: &str| {
            let case = CASES.iter().find(|one| one.name == case).expect("a case");
            let adapter = ADAPTERS.iter().find(|one| one.name == server).expect("a server");
            case.runs(adapter, 5)
        };
        assert_eq!(runs("one flat out, chunk 4096", "rawsink"), 15);
        assert_eq!(runs("one flat out, chunk 4096", "sandboxed"), 15);
        assert_eq!(runs("one flat out, chunk 4096", "nginx-rtmp"), 5);
        assert_eq!(runs("1000 flat out", "sandboxed"), 5);
        assert_eq!(runs("dialogue", "sandboxed"), 5);
    }
}
