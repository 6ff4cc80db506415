//! Stopping: steps that everything looks at, and the signals that take them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use signal_hook::consts::TERM_SIGNALS;
use signal_hook::iterator::Signals;

const RUNNING: u8 = 0;
const DRAINING: u8 = 1;
const STOPPED: u8 = 2;

/// How far the server is on its way to its end: only ever further.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    step: AtomicU8,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Stop {
    /// Nobody new; publishers may end by themselves.
    pub(crate) fn drain(&self) {
        self.advance(DRAINING);
    }

    /// Everybody ends now.
    pub(crate) fn raise(&self) {
        self.advance(STOPPED);
    }

    /// Whether it drains, or has stopped.
    pub(crate) fn draining(&self) -> bool {
        self.step.load(Ordering::Relaxed) >= DRAINING
    }

    pub(crate) fn raised(&self) -> bool {
        self.step.load(Ordering::Relaxed) == STOPPED
    }

    /// Waits until it is raised, or for `time`; says which.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let waiting = |(): &mut ()| self.step.load(Ordering::SeqCst) < STOPPED;
        let result = self.changed.wait_timeout_while(self.lock(), time, waiting);
        !result.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits until it drains or stops.
    pub(crate) fn wait_for_any(&self) {
        let waiting = |(): &mut ()| self.step.load(Ordering::SeqCst) == RUNNING;
        drop(self.changed.wait_while(self.lock(), waiting));
    }

    /// Waits until `nobody` is left, up to `deadline`, or until it is raised; then raises it.
    pub(crate) fn drained(&self, deadline: Instant, nobody: impl Fn() -> bool) {
        const LOOK: Duration = Duration::from_millis(20);
        while !nobody() && Instant::now() < deadline && !self.wait(LOOK) {}
        self.raise();
    }

    fn advance(&self, step: u8) {
        let guard = self.lock();
        self.step.fetch_max(step, Ordering::SeqCst);
        drop(guard);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where publishers are asked to connect to when this server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    url: String,
    /// It has an application.
    whole: bool,
}

impl Elsewhere {
    /// An address that is `whole`, or lacks the application.
    pub(crate) fn new(url: &str, whole: bool) -> Self {
        Self { url: url.to_owned(), whole }
    }

    /// The address for a publisher of this application.
    pub(crate) fn url(&self, app: &str) -> String {
        match self.whole {
            true => self.url.clone(),
            false => format!("{}/{app}", self.url.trim_end_matches('/')),
        }
    }
}

/// A file that may grow no further is an error of the write, not the end of the process.
pub(crate) fn survive_file_limits() -> Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, Arc::default())
        .context("cannot catch signals")?;
    Ok(())
}

/// Takes a step at each SIGINT, SIGTERM or SIGQUIT: first drains, if that is wished; then stops; then
/// ends the process.
pub(crate) fn on_signals(stop: &'static Stop, drains: bool) -> Result<()> {
    let mut signals = Signals::new(TERM_SIGNALS).context("cannot catch signals")?;
    let run = move || {
        let mut signals = signals.forever();
        if drains && signals.next().is_some() {
            tracing::info!("draining: nobody new; once more to stop");
            stop.drain();
        }
        if signals.next().is_some() {
            stop.raise();
            tracing::info!("stopping; once more to stop at once");
        }
        if let Some(signal) = signals.next() {
            std::process::exit(128 + signal);
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(run)
        .context("cannot start a thread")?;
    Ok(())
}
