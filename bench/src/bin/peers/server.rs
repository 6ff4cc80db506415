//! A server under measurement, from its start to its end.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use sluicebox_bench::process::{self, Memory};
use sluicebox_bench::recordings;

use crate::adapters::{Adapter, Place};

const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is asked whether a server listens.
const TRY: Duration = Duration::from_millis(2);
/// Until a server that listens has settled.
const SETTLED: Duration = Duration::from_millis(150);
/// Until a server that is asked to end is made to.
const GRACE: Duration = Duration::from_secs(2);

/// A running server. Ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
    /// What it had when it had just started.
    pub(crate) memory: Memory,
}

impl Server {
    /// Starts a server without any recordings, in the folder `dir`, and waits until it listens.
    pub(crate) fn start(adapter: &Adapter, dir: &Path, stream: &str) -> Result<Self> {
        let (recordings, work) = (dir.join("recordings"), dir.join("work"));
        for folder in [&recordings, &work] {
            fs::create_dir_all(folder)?;
            recordings::clear(folder)?;
        }
        let addr = TcpListener::bind("127.0.0.2:0")?.local_addr()?;
        let place = Place { addr, recordings: &recordings, work: &work, stream };
        let mut command = adapter.command(&adapter.program()?, &place)?;
        let log = work.join("log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        command.process_group(0);
        let child = command.spawn().with_context(|| adapter.name.to_owned())?;
        let mut server = Self { child, addr, memory: Memory::default() };
        server.become_ready().with_context(|| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{} does not start: {}", adapter.name, log.trim())
        })?;
        Ok(server)
    }

    fn become_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while !listens(self.addr.port())? {
            if let Some(status) = self.child.try_wait()? {
                bail!("ended with {status}");
            }
            ensure!(started.elapsed() < PATIENCE, "does not listen after {PATIENCE:?}");
            thread::sleep(TRY);
        }
        thread::sleep(SETTLED);
        self.memory = process::memory(self.pid())?;
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked first: some have processes of their own, which they end.
        let group = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw);
        let signal = |signal| group.map(|pid| rustix::process::kill_process_group(pid, signal));
        signal(rustix::process::Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(TRY);
        }
        signal(rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Whether anybody listens on a port of this machine. Asked of the system: some servers take one
/// connection, and it is not to be this.
fn listens(port: u16) -> Result<bool> {
    let wanted = format!(":{port:04X}");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let tables = tables.map(Result::unwrap_or_default);
    let mut lines = tables.iter().flat_map(|table| table.lines().skip(1));
    Ok(lines.any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().is_some_and(|local| local.ends_with(&wanted));
        local && fields.nth(1) == Some("0A")
    }))
}
