//! What a run of the load generator costs a server, and whether all of it was recorded.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::load::{self, Amount, Media, Phase, Plan, Report};
use crate::process::{self, Memory};
use crate::recordings;

/// What one run cost.
#[derive(Clone, Debug)]
pub struct Run {
    /// What was sent, and how long that took.
    pub report: Report,
    /// Time on a processor until all publishers were told to start.
    pub cpu_publishing: Duration,
    /// From the first media until all of it was sent.
    pub sending: Duration,
    /// Time on a processor within that.
    pub cpu_sending: Duration,
    /// Waits of all threads within that.
    pub waits: u64,
    /// Time on a processor from the first media to the last connection closed.
    pub cpu: Duration,
    /// The part of it in user mode.
    pub user: Duration,
    /// When all media was sent. The server may still be at what lies in its sockets.
    pub memory: Memory,
    /// The most memory that it had until every connection was closed, in bytes.
    pub peak: u64,
}

/// Puts the server, process `pid` and its descendants, under the load of `plan` and `media`.
///
/// # Errors
///
/// When the load generator fails, or the server ends.
pub fn run(plan: &Plan, media: &Media, pid: u32) -> Result<Run> {
    let before = process::usage(pid)?;
    let mut looks = Vec::new();
    let mut memory = None;
    let report = load::run(plan, media, |phase| {
        looks.push((Instant::now(), process::usage(pid)));
        if phase == Phase::Sent {
            memory = Some(process::memory(pid));
        }
    })?;
    let looks = looks.into_iter().map(|(when, usage)| Ok((when, usage?)));
    let looks = looks.collect::<Result<Vec<_>>>()?;
    let [(start, published), (end, sent), (_, ended)] = looks[..] else {
        bail!("a phase is missing");
    };
    Ok(Run {
        report,
        cpu_publishing: published.cpu - before.cpu,
        sending: end - start,
        cpu_sending: sent.cpu - published.cpu,
        waits: sent.waits.saturating_sub(published.waits),
        cpu: ended.cpu - published.cpu,
        user: ended.user - published.user,
        memory: memory.context("a phase is missing")??,
        peak: process::memory(pid)?.peak,
    })
}

/// Whether the recordings below `dir` hold all that was sent: tag by tag, or every byte if it was
/// sent `raw`.
///
/// # Errors
///
/// When a recording is not whole.
pub fn complete(sent: Amount, raw: bool, dir: &Path) -> Result<bool> {
    if raw {
        return Ok(recordings::bytes(dir)? == sent.wire);
    }
    let content = recordings::count(dir)?;
    Ok((content.tags, content.bodies) == (sent.messages, sent.bodies))
}
