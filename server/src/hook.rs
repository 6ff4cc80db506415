//! `--on-closed`: a program that is run for every finished file.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::events::{About, Event, Events};
use crate::pool::{Pool, Time};
use crate::program::{Program, Variables};
use crate::recording::Pending;

/// What to run, how many at a time, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) program: Program,
    pub(crate) jobs: usize,
    pub(crate) timeout: Duration,
}

/// A finished file, and what a program is told about it.
#[derive(Debug)]
pub(crate) struct Job {
    /// None: it is not known any more.
    pub(crate) about: Option<Arc<About>>,
    /// As it is shown.
    pub(crate) path: String,
    pub(crate) variables: Variables,
    /// To be told when it has run.
    pub(crate) pending: Option<Arc<Pending>>,
}

/// Runs the program. Whoever has finished a file never waits for it.
#[derive(Debug)]
pub(crate) struct Hook {
    pool: Pool<Job>,
    events: Arc<Events>,
}

impl Hook {
    pub(crate) fn start(settings: Settings, events: Arc<Events>) -> Result<Self> {
        let told = events.clone();
        let jobs = settings.jobs;
        let work = move |job: Job, time: &Time<'_>| {
            // One that the server ends as it stops runs again at the next start.
            if run(&settings, &job, time, &told)
                && let Some(pending) = &job.pending
            {
                pending.has_run();
            }
        };
        Ok(Self { pool: Pool::start("on-closed", jobs, work)?, events })
    }

    /// Has the program run for a file.
    pub(crate) fn give(&self, job: Job) {
        let (about, path) = (job.about.clone(), job.path.clone());
        if !self.pool.give(job) {
            fail(
                &self.events,
                about.as_deref(),
                &path,
                "too many files wait for it: not run before the next start",
            );
        }
    }

    /// Waits until every program has ended, up to `deadline`; says whether they have.
    pub(crate) fn close(&self, deadline: Instant) -> bool {
        let left = self.pool.close(deadline);
        if left > 0 {
            tracing::error!(files = left, "stopped before --on-closed was done");
        }
        left == 0
    }
}

/// Runs the program for a file. False: the server could not wait for its end.
fn run(settings: &Settings, job: &Job, time: &Time<'_>, events: &Events) -> bool {
    let (path, program) = (&job.path, settings.program.name());
    let about = job.about.as_deref();
    let mut running = match settings.program.start(&job.variables, Stdio::null()) {
        Ok(running) => running,
        Err(error) => {
            fail(events, about, path, &format!("cannot start {program}: {error}"));
            return true;
        }
    };
    let deadline = Instant::now() + settings.timeout;
    let status = running.wait_while(|| Instant::now() < deadline && !time.is_up());
    running.end();
    match status {
        Some(status) if status.success() => {
            let output = running.last_words();
            tracing::info!(path, program, output, "on-closed is done");
        }
        Some(status) => fail(events, about, path, &running.says(&format!("{program}: {status}"))),
        None if time.is_up() => {
            let error = format!("{program} was ended, as the server stops");
            fail(events, about, path, &running.says(&error));
            return false;
        }
        None => {
            let error = format!("{program} was ended, as it takes too long");
            fail(events, about, path, &running.says(&error));
        }
    }
    true
}

fn fail(events: &Events, about: Option<&About>, path: &str, error: &str) {
    tracing::error!(path, error, "on-closed failed");
    events.note(about, &Event::Failed { what: "on-closed", error, path: Some(path) });
}
