//! Where a stream goes beside its recording: files, pipes, sockets, programs.
//!
//! ```text
//!                    ┌▶ queue ─▶ thread ─▶ file, FIFO, socket, standard output
//!  tags ─▶ Outlets ──┤
//!                    └▶ queue ─▶ thread ─▶ a program's standard input
//! ```
//!
//! The recording is written first. A sink that does not keep up fills its queue; the stream waits for it
//! up to a bound, in all, and then goes on without it. Only whole tags go into a queue.

mod outlet;
mod output;
mod queue;
mod target;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use sluicebox_rules::name::PublishPoint;

use crate::events::Events;
use crate::facts::Facts;
use crate::program::Program;
pub(crate) use outlet::Outlets;
pub(crate) use target::Target;

/// What sinks there are, and their bounds.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) targets: Vec<Target>,
    pub(crate) programs: Vec<Program>,
    /// Bytes that may wait for one sink.
    pub(crate) buffer: usize,
    /// How long a stream may be held up by its sinks, in all.
    pub(crate) wait: Duration,
}

/// What all streams share of it.
#[derive(Debug)]
pub(crate) struct Sinks {
    settings: Settings,
    events: Arc<Events>,
    /// Targets that take one stream at a time, and have one.
    taken: Mutex<HashSet<String>>,
    /// Threads that write.
    writing: AtomicUsize,
    /// When the server stops, and cannot wait any longer.
    deadline: Mutex<Option<Instant>>,
}

impl Sinks {
    pub(crate) fn new(settings: Settings, events: Arc<Events>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            events,
            taken: Mutex::default(),
            writing: AtomicUsize::new(0),
            deadline: Mutex::new(None),
        })
    }

    /// Opens the sinks of a stream. None: there are none.
    pub(crate) fn open(
        self: &Arc<Self>,
        point: &PublishPoint,
        facts: &Arc<Facts>,
    ) -> Result<Option<Box<Outlets>>> {
        let Settings { targets, programs, .. } = &self.settings;
        if targets.is_empty() && programs.is_empty() {
            return Ok(None);
        }
        let targets = targets.iter().cloned().chain(programs.iter().cloned().map(Target::Program));
        Outlets::open(self, targets, point, facts).map(Box::new).map(Some)
    }

    /// Waits until all that was given to sinks is written and all programs have ended, up to `deadline`.
    pub(crate) fn close(&self, deadline: Instant) -> bool {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
        let moment = Duration::from_secs(1);
        let writing = || self.writing.load(Ordering::SeqCst);
        let mut late = 0;
        while writing() > 0 && Instant::now() < deadline + moment {
            if Instant::now() > deadline {
                late = late.max(writing());
            }
            thread::sleep(Duration::from_millis(5));
        }
        if late > 0 {
            tracing::error!(sinks = late, "stopped before all sinks were done");
        }
        late == 0
    }

    /// Whether the server stops and cannot wait any longer.
    fn time_is_up(&self) -> bool {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.is_some_and(|deadline| Instant::now() > deadline)
    }

    /// Takes a target that takes one stream at a time. False: another has it.
    fn take(&self, name: &str) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned())
    }

    fn give_back(&self, name: &str) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
