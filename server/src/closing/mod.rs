//! What is done with finished files, off the data path: the sidecar first, then the operator's
//! program.

mod file;
mod late;
mod steps;

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use crate::events::Events;
use crate::facts::Facts;
use crate::hook::Hook;
use crate::pool::Pool;
use crate::recording::{Kept, Recovered, Segment};
use crate::retention::Retention;
use crate::sidecar::Detail;
pub(crate) use file::Closed;
use file::File;
use late::Late;
use steps::Steps;

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) sidecar: Detail,
    pub(crate) digest: bool,
    pub(crate) hook: Option<crate::hook::Settings>,
}

/// Files at a time.
const FILES: usize = 4;

/// How much less this thread gets of a processor that others want, as `nice` counts it.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lets streams that run, and publishers that begin, go first: a digest can wait.
fn give_way() {
    // Elsewhere it would be the whole process. When it fails, it goes as before.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// Takes finished files.
#[derive(Debug)]
pub(crate) struct Closings {
    /// None: there is nothing to do.
    work: Option<Work>,
    hook: Option<Arc<Hook>>,
}

#[derive(Debug)]
struct Work {
    pool: Pool<File>,
    late: Arc<Late>,
}

impl Closings {
    /// Recordings with a sidecar are handed on to `retention`.
    pub(crate) fn start(
        settings: Settings,
        events: &Arc<Events>,
        retention: Option<Arc<Retention>>,
    ) -> Result<Self> {
        let Settings { sidecar: detail, digest, hook } = settings;
        let hook = hook.map(|hook| Hook::start(hook, events.clone())).transpose()?.map(Arc::new);
        if detail == Detail::None && hook.is_none() {
            return Ok(Self { work: None, hook });
        }
        let steps = Steps { detail, digest, hook: hook.clone(), events: events.clone() };
        let steps = Arc::new(steps);
        let late = Late::start(steps.clone())?;
        let again = late.clone();
        // A few at a time: one disk that hangs is not to hold up what is on others.
        let pool = Pool::start("closing", FILES, move |file: File, _| {
            give_way();
            follow(&file, &steps, &again, retention.as_deref());
        })?;
        Ok(Self { work: Some(Work { pool, late }), hook })
    }

    /// Takes a file that has just been finished. Never waits.
    pub(crate) fn give(&self, facts: &Facts, segment: &Segment) {
        if self.work.is_none() {
            return segment.done();
        }
        self.take(File::Closed(Box::new(Closed::new(facts, segment))));
    }

    /// Takes a file that a crash had left. Never waits.
    pub(crate) fn give_recovered(&self, recovered: Box<Recovered>) {
        self.take(File::Recovered(recovered));
    }

    /// Takes a file that was finished, and no more. Never waits.
    pub(crate) fn give_kept(&self, kept: Box<Kept>) {
        self.take(File::Kept(kept));
    }

    fn take(&self, file: File) {
        let Some(work) = &self.work else {
            return file.pending().iter().for_each(|pending| pending.done());
        };
        let path = file.path().display().to_string();
        if !work.pool.give(file) {
            tracing::error!(path, "too many files wait for what follows: the next start does it");
        }
    }

    /// Waits until everything is done, up to `deadline`; says whether it is.
    pub(crate) fn close(&self, deadline: Instant) -> bool {
        let left = self.work.as_ref().map_or(0, |work| work.pool.close(deadline));
        if left > 0 {
            tracing::error!(files = left, "stopped before all sidecars were written");
        }
        let without = self.work.as_ref().map_or(0, |work| work.late.close(deadline));
        if without > 0 {
            tracing::error!(files = without, "without a sidecar until the next start");
        }
        self.hook.as_ref().is_none_or(|hook| hook.close(deadline)) && left == 0
    }
}

/// Does what follows for a file.
fn follow(file: &File, steps: &Steps, late: &Late, retention: Option<&Retention>) {
    let mut task = match steps.begin(file) {
        Ok(task) => task,
        Err(error) => return tracing::error!(error = format!("{error:#}"), "nothing follows"),
    };
    if task.is_gone() {
        return task.drop_it();
    }
    let written = steps.write_sidecar(&mut task);
    if let Some(retention) = retention {
        retention.add(file.finished());
    }
    if let Err(error) = written {
        let again = !task.is_in_the_way();
        if again {
            // Before it is told: whoever hears of it may end the server.
            task.keep();
        }
        steps.tell(&task, &error);
        if again {
            return late.push(task);
        }
        task.has_sidecar();
    }
    steps.run_program(&mut task);
}
