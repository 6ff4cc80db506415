//! The server from start to stop.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mio::net::TcpListener;
use sluicebox_core::Config;
use sluicebox_rules::account::Outcome;
use sluicebox_rules::clock::Timeouts;

use crate::access::{Access, Claims};
use crate::connection::Unfinished;
use crate::display::Display;
use crate::drive::Drive;
use crate::flags::Flags;
use crate::ingest::Backend;
use crate::keeper::Keeper;
use crate::recording::Destination;
use crate::services::Services;
use crate::shutdown::{Elsewhere, Stop};
use crate::{heap, listen, logging, recording, shutdown};

/// What all connections share.
pub(crate) struct Shared<B> {
    pub(crate) backend: B,
    pub(crate) config: Config,
    pub(crate) access: Arc<Access>,
    /// Who publishes under which name, and the recordings that wait for their publishers.
    pub(crate) claims: Arc<Claims<Unfinished>>,
    /// How long they wait. None: they do not.
    pub(crate) grace: Option<Duration>,
    /// They go on in the next file.
    pub(crate) next_segment_on_return: bool,
    /// Applications that are taken; none: all.
    pub(crate) apps: Vec<String>,
    pub(crate) destination: Destination,
    pub(crate) timeouts: Timeouts,
    pub(crate) read_interval: Duration,
    /// Where publishers are asked to connect to when this server stops.
    pub(crate) reconnect_to: Option<Elsewhere>,
    pub(crate) once: bool,
    outcome: Mutex<Outcome>,
    pub(crate) services: Services,
    pub(crate) display: Display,
    pub(crate) stop: &'static Stop,
    /// The one publish of `--once` has begun.
    taken: AtomicBool,
    seeds: AtomicU64,
}

impl<B> Shared<B> {
    /// A number that differs between connections and runs.
    pub(crate) fn seed(&self) -> u64 {
        RandomState::new().hash_one(self.seeds.fetch_add(1, Ordering::Relaxed))
    }

    /// What has come of the run so far.
    pub(crate) fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more publish is wanted.
    pub(crate) fn admit(&self) -> bool {
        !self.once || !self.taken.swap(true, Ordering::SeqCst)
    }
}

/// What a binary's `main` is: runs the server, says what went wrong, gives the exit code.
pub fn main<B: Backend>(flags: Flags, backend: impl FnOnce() -> Result<B>) -> ExitCode {
    match backend().and_then(|backend| run(flags, backend)) {
        Ok(code) => code,
        Err(error) => {
            // Standard error may be closed.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the server until a signal, or until the first publish has ended if that is wished.
///
/// # Errors
///
/// When the server cannot start: an address in use, an output that exists.
pub fn run<B: Backend>(flags: Flags, backend: B) -> Result<ExitCode> {
    heap::keep_usual_buffers();
    // One for the process, as signals are.
    let stop: &'static Stop = Box::leak(Box::default());
    let destination = Destination::new(flags.recording(stop))?;
    let listeners =
        flags.listen.iter().map(|addr| listen::bind(*addr)).collect::<Result<Vec<_>>>()?;
    let display = Display::new(!flags.quiet);
    let _log = logging::start(flags.log, display.lines());
    let services = Services::start(&flags)?;
    listen::raise_file_limit();
    shutdown::on_signals(stop, !flags.drain_timeout().is_zero())?;
    shutdown::survive_file_limits()?;
    for listener in &listeners {
        let addr = listener.local_addr().context("cannot tell the address")?;
        let records = destination.name();
        tracing::info!(%addr, publish_to = listen::url(addr), records_to = records, "listening");
    }
    repair(&destination, &services)?;
    let shared = Arc::new(Shared {
        backend,
        config: flags.config(),
        access: Access::new(flags.connections()),
        claims: Claims::new(flags.claims()),
        grace: flags.grace(),
        next_segment_on_return: flags.next_segment_on_return(),
        apps: flags.app.clone(),
        destination,
        timeouts: flags.timeouts(),
        read_interval: flags.read_interval(),
        reconnect_to: flags.reconnect_to(),
        once: flags.once(),
        outcome: Mutex::default(),
        services,
        display,
        stop,
        taken: AtomicBool::new(false),
        seeds: AtomicU64::new(0),
    });
    serve(&shared, listeners, &flags)
}

/// Finishes what a crash has left, beside everything else.
fn repair(destination: &Destination, services: &Services) -> Result<()> {
    let Some(folder) = destination.folder().map(Path::to_owned) else { return Ok(()) };
    let (recover, presence) = (services.recover(), destination.presence().clone());
    let run = move || recording::repair_unfinished(&folder, &presence, recover);
    thread::Builder::new().name("repair".into()).spawn(run).context("cannot start a thread")?;
    Ok(())
}

/// Serves until the server is to stop, and lets everything come to its end.
fn serve<B: Backend>(
    shared: &Arc<Shared<B>>,
    listeners: Vec<TcpListener>,
    flags: &Flags,
) -> Result<ExitCode> {
    let stop = shared.stop;
    let keeper = Keeper::start(shared)?;
    let drive = Drive::start(shared, listeners)?;
    let drawing = shared.clone();
    let draw = move || drawing.display.run(stop);
    thread::Builder::new().name("display".into()).spawn(draw).context("cannot start a thread")?;
    stop.wait_for_any();
    drive.wake();
    let nobody = || shared.access.connections() == 0;
    if !stop.raised() {
        stop.drained(Instant::now() + flags.drain_timeout(), nobody);
        tracing::info!(connections = shared.access.connections(), "drained");
        drive.wake();
    }
    let deadline = Instant::now() + flags.stop_timeout();
    shared.claims.close();
    let streams_ended = drive.ended(deadline) & keeper.ended(deadline);
    let ended = shared.services.close(deadline, streams_ended) && streams_ended;
    shared.destination.presence().leave();
    if !ended {
        let connections = shared.access.connections();
        tracing::error!(connections, "stopped before everything was finished");
    }
    let complete = ended && (!shared.once || shared.outcome().complete());
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
