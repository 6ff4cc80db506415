//! What a process has used, as /proc tells it.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process has used up to now, all its threads together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time on a processor, in user and in system mode.
    pub cpu: Duration,
    /// Memory in RAM, in bytes.
    pub resident: u64,
    /// Times that a thread now alive has waited.
    pub waits: u64,
}

/// Looks up what process `pid` has used.
///
/// # Errors
///
/// When there is no such process.
pub fn usage(pid: u32) -> Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold blanks; utime is the 12th field behind it.
    let (_, fields) = stat.rsplit_once(')').context("stat without a name")?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let mut next = || fields.next().context("stat is short")?.context("stat");
    let ticks = next()? + next()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mut waits = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while its neighbours are looked at.
        let status = fs::read_to_string(task?.path().join("status")).unwrap_or_default();
        waits += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
    }
    Ok(Usage {
        cpu: Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()),
        resident: field(&status, "VmRSS:").context("no VmRSS")? * 1024,
        waits,
    })
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Raises the limit on open files as far as this process may.
pub fn allow_many_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Without it, runs of few connections still work.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
