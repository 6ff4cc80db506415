//! Sidecars that could not be written: tried again while the server runs, as there may be room later.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::steps::{Steps, Task};

/// Files that may wait. What comes then is left to the next start.
const MOST: usize = 1000;
/// Time between the first tries. It doubles, up to [`RARELY`].
const SOON: Duration = Duration::from_secs(1);
const RARELY: Duration = Duration::from_secs(30);
/// How long a program waits for the sidecar of its file.
const PATIENCE: Duration = Duration::from_secs(30);

/// Files that wait for their sidecars.
#[derive(Debug)]
pub(super) struct Late {
    steps: Arc<Steps>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    closed: bool,
    /// Files that have no sidecar in the end; none: it is not over.
    left: Option<usize>,
}

#[derive(Debug)]
struct Waiting {
    task: Task,
    since: Instant,
    next: Instant,
    pause: Duration,
}

impl Late {
    pub(super) fn start(steps: Arc<Steps>) -> Result<Arc<Self>> {
        let late = Arc::new(Self { steps, state: Mutex::default(), changed: Condvar::new() });
        let own = late.clone();
        let run = move || own.run();
        thread::Builder::new().name("late".into()).spawn(run).context("cannot start a thread")?;
        Ok(late)
    }

    /// Takes a file whose sidecar could not be written.
    pub(super) fn push(&self, mut task: Task) {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= MOST {
            drop(state);
            return self.steps.run_program(&mut task);
        }
        let now = Instant::now();
        state.waiting.push(Waiting { task, since: now, next: now + SOON, pause: SOON });
        drop(state);
        self.changed.notify_all();
    }

    /// Has all tried once more, and waits for that, up to `deadline`. Returns how many have none.
    pub(super) fn close(&self, deadline: Instant) -> usize {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        loop {
            let time = deadline.saturating_duration_since(Instant::now());
            match state.left {
                Some(left) => return left,
                None if time.is_zero() => return state.waiting.len().max(1),
                None => {}
            }
            let wait = self.changed.wait_timeout(state, time);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn run(&self) {
        while let Some(due) = self.due() {
            let mut again: Vec<_> = due.into_iter().filter_map(|it| self.attempt(it)).collect();
            self.lock().waiting.append(&mut again);
        }
        let last = std::mem::take(&mut self.lock().waiting);
        let left = last.into_iter().filter_map(|waiting| {
            let mut waiting = self.attempt(waiting)?;
            self.steps.run_program(&mut waiting.task);
            Some(())
        });
        let left = left.count();
        self.lock().left = Some(left);
        self.changed.notify_all();
    }

    /// Waits for files whose time has come. None: it is closed.
    fn due(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let now = Instant::now();
            let due: Vec<_> = state.waiting.extract_if(.., |it| it.next <= now).collect();
            if !due.is_empty() {
                return Some(due);
            }
            let next = state.waiting.iter().map(|it| it.next).min();
            let time = next.map_or(RARELY, |next| next.saturating_duration_since(now));
            let wait = self.changed.wait_timeout(state, time);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tries once more. Gives it back if that was in vain.
    fn attempt(&self, mut waiting: Waiting) -> Option<Waiting> {
        let task = &mut waiting.task;
        if task.is_gone() {
            task.drop_it();
            return None;
        }
        match self.steps.write_sidecar(task) {
            Ok(()) => {
                tracing::info!(path = %task.path.display(), "the sidecar could be written");
                self.steps.run_program(task);
                return None;
            }
            Err(_) if task.is_in_the_way() => {
                task.has_sidecar();
                self.steps.run_program(task);
                return None;
            }
            Err(_) => {}
        }
        if waiting.since.elapsed() > PATIENCE {
            self.steps.run_program(task);
        }
        waiting.pause = (waiting.pause * 2).min(RARELY);
        waiting.next = Instant::now() + waiting.pause;
        Some(waiting)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
