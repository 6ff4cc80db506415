//! What a process has used, as /proc tells it.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process and all that it started have used up to now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Time on a processor, in user and in system mode.
    pub cpu: Duration,
    /// The part of it in user mode.
    pub user: Duration,
    /// Times that a thread now alive has waited.
    pub waits: u64,
}

/// Looks up what process `pid` and its descendants have used.
///
/// # Errors
///
/// When there is no such process.
pub fn usage(pid: u32) -> Result<Usage> {
    let mut usage = Usage::default();
    for pid in tree(pid)? {
        let own = own_usage(pid)?;
        usage.cpu += own.cpu;
        usage.user += own.user;
        usage.waits += own.waits;
    }
    Ok(usage)
}

fn own_usage(pid: u32) -> Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold blanks; utime is the 12th field behind it, then come stime
    // and those of children that have ended.
    let (_, fields) = stat.rsplit_once(')').context("stat without a name")?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let mut next = || fields.next().context("stat is short")?.context("stat");
    let (user, system, children) = (next()?, next()?, (next()?, next()?));
    let time =
        |ticks| Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second());
    let mut waits = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while its neighbours are looked at.
        let status = fs::read_to_string(task?.path().join("status")).unwrap_or_default();
        waits += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
    }
    let user = user + children.0;
    Ok(Usage { cpu: time(user + system + children.1), user: time(user), waits })
}

/// Process `pid` and its descendants.
///
/// # Errors
///
/// When there is no such process.
pub fn tree(pid: u32) -> Result<Vec<u32>> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let children = fs::read_to_string(task?.path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
        next += 1;
    }
    Ok(found)
}

/// Memory of a process, and of all that it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// In RAM, in bytes.
    pub resident: u64,
    /// The same with pages that several processes share divided among them, in bytes.
    pub proportional: u64,
    /// The most that has been in RAM at a time, in bytes.
    pub peak: u64,
    /// What the system keeps to find it, in bytes.
    pub page_tables: u64,
    /// Address space, in bytes.
    pub virtual_size: u64,
    /// Mappings, of which the system allows a process a certain number.
    pub mappings: u64,
}

/// Looks up what memory process `pid` and its descendants have.
///
/// # Errors
///
/// When there is no such process, or it belongs to somebody else.
pub fn memory(pid: u32) -> Result<Memory> {
    let mut memory = Memory::default();
    for pid in tree(pid)? {
        let own = own_memory(pid)?;
        memory.resident += own.resident;
        memory.proportional += own.proportional;
        memory.peak += own.peak;
        memory.page_tables += own.page_tables;
        memory.virtual_size += own.virtual_size;
        memory.mappings += own.mappings;
    }
    Ok(memory)
}

fn own_memory(pid: u32) -> Result<Memory> {
    let read = |name| fs::read_to_string(format!("/proc/{pid}/{name}"));
    let (status, rollup) = (read("status")?, read("smaps_rollup")?);
    let bytes = |text, name| field(text, name).map(|kib| kib * 1024).context(name);
    Ok(Memory {
        resident: bytes(&status, "VmRSS:")?,
        proportional: bytes(&rollup, "Pss:")?,
        peak: bytes(&status, "VmHWM:")?,
        page_tables: bytes(&status, "VmPTE:")?,
        virtual_size: bytes(&status, "VmSize:")?,
        mappings: read("maps")?.lines().count() as u64,
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
