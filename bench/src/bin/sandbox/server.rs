//! The processes under measurement.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use sluicebox_bench::process::{self, Memory};
use sluicebox_bench::recordings;

use crate::Args;

/// A program, as it is started.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    program: PathBuf,
    args: Vec<String>,
    /// The flag that says where recordings go.
    dir: &'static str,
    /// Whether it takes media without any protocol around it.
    pub(crate) raw: bool,
}

impl Target {
    /// The floor: receives and writes.
    pub(crate) fn rawsink() -> Result<Self> {
        let args = vec!["--drive".to_owned(), "rawsink".to_owned()];
        let build = "-p sluicebox-bench --bins";
        Ok(Self { name: "rawsink", program: found("drive", build)?, args, dir: "--dir", raw: true })
    }

    /// The server with the core in-process.
    pub(crate) fn native() -> Result<Self> {
        Ok(Self::server("native", found("sluicebox", "-p sluicebox")?))
    }

    /// The server with the core in a sandbox.
    pub(crate) fn sandboxed() -> Result<Self> {
        Ok(Self::server("sandboxed", found("sluicebox-host", "-p sluicebox-host")?))
    }

    /// A server that never ends a connection by itself, and takes all from one address.
    pub(crate) fn server(name: &'static str, program: PathBuf) -> Self {
        // What a recording gets besides is measured by recordings.sh.
        let flags = ["--quiet", "--raw", "--sidecar", "none"];
        let caps = ["--max-connections", "20000", "--max-per-address", "20000"];
        let timeouts = ["--publish-timeout", "3600", "--idle-timeout", "3600"];
        let args = flags.into_iter().chain(caps).chain(timeouts).map(str::to_owned).collect();
        Self { name, program, args, dir: "--record-dir", raw: false }
    }

    /// The same with more arguments.
    pub(crate) fn with(mut self, args: impl IntoIterator<Item = String>) -> Self {
        self.args.extend(args);
        self
    }
}

/// Where a program of this name is: beside this one.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

fn found(name: &str, build: &str) -> Result<PathBuf> {
    let program = beside(name)?;
    let missing =
        || format!("{}: build it with `cargo build --release {build}`", program.display());
    ensure!(program.is_file(), missing());
    Ok(program)
}

/// A running program. Ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
    /// From the start of the process until a connection to its port was there.
    pub(crate) listening: Duration,
    /// The same until it answered on that connection.
    pub(crate) answering: Duration,
    /// What it had then.
    pub(crate) memory: Memory,
}

const PATIENCE: Duration = Duration::from_secs(20);
/// How often a port is tried that nobody listens on yet.
const TRY: Duration = Duration::from_micros(100);
/// Until a server has put away a connection that has gone.
const SETTLED: Duration = Duration::from_millis(300);

impl Server {
    /// Starts `target` without any recordings, and connects once.
    pub(crate) fn start(target: &Target, args: &Args) -> Result<Self> {
        let (recordings, log) = (args.recordings(), args.log());
        recordings::clear(&recordings)?;
        let addr = free_address()?;
        let mut command = Command::new(&target.program);
        command.args(&target.args).arg("--listen").arg(addr.to_string());
        command.arg(target.dir).arg(recordings);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let started = Instant::now();
        let child = command.spawn().with_context(|| target.program.display().to_string())?;
        let now = Duration::ZERO;
        let memory = Memory::default();
        let mut server = Self { child, addr, listening: now, answering: now, memory };
        server.become_ready(target, started).with_context(|| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("{} does not start: {}", target.program.display(), log.trim())
        })?;
        Ok(server)
    }

    fn become_ready(&mut self, target: &Target, started: Instant) -> Result<()> {
        let socket = self.connect(started)?;
        self.listening = started.elapsed();
        if !target.raw {
            greet(socket).context("no answer to a handshake")?;
        }
        self.answering = started.elapsed();
        thread::sleep(SETTLED);
        self.memory = process::memory(self.pid())?;
        Ok(())
    }

    fn connect(&mut self, started: Instant) -> Result<TcpStream> {
        loop {
            match TcpStream::connect(self.addr) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                other => return Ok(other?),
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("ended with {status}");
            }
            ensure!(started.elapsed() < PATIENCE, "does not listen after {PATIENCE:?}");
            thread::sleep(TRY);
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Everything is recorded when the last connection is closed: nothing is left to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens on. Not 127.0.0.1, which clients have: a client that happens to
/// be given the port it is trying would connect to itself.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.2:0")?.local_addr()?)
}

/// Sends C0 and C1, and waits for the first byte of the answer.
fn greet(mut socket: TcpStream) -> Result<()> {
    let mut hello = [0; 1537];
    hello[0] = 3;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(&hello)?;
    Ok(socket.read_exact(&mut [0])?)
}
