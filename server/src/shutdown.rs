//! Stopping: a flag that everything looks at, and the signals that raise it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use signal_hook::consts::TERM_SIGNALS;
use signal_hook::iterator::Signals;

/// Raised once, for good.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    raised: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Stop {
    pub(crate) fn raise(&self) {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.raised.store(true, Ordering::SeqCst);
        drop(guard);
        self.changed.notify_all();
    }

    pub(crate) fn raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }

    /// Waits until it is raised, or for `time`; says which.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |(): &mut ()| !self.raised.load(Ordering::SeqCst);
        let result = self.changed.wait_timeout_while(guard, time, waiting);
        !result.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// A file that may grow no further is an error of the write, not the end of the process.
pub(crate) fn survive_file_limits() -> Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, Arc::default())
        .context("cannot catch signals")?;
    Ok(())
}

/// Raises `stop` at the first SIGINT, SIGTERM or SIGQUIT; ends the process at the second.
pub(crate) fn on_signals(stop: &'static Stop) -> Result<()> {
    let mut signals = Signals::new(TERM_SIGNALS).context("cannot catch signals")?;
    let run = move || {
        let mut signals = signals.forever();
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
