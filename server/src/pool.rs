//! A few threads for work that must not hold up a connection.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Jobs that may wait. Each is a recording that was finished.
const WAITING: usize = 10_000;

/// Threads that do jobs in the order in which they were given.
#[derive(Debug)]
pub(crate) struct Pool<J> {
    shared: Arc<Shared<J>>,
}

#[derive(Debug)]
struct Shared<J> {
    state: Mutex<State<J>>,
    /// There is a job, or there will be no more.
    given: Condvar,
    /// A job has ended.
    ended: Condvar,
}

#[derive(Debug)]
struct State<J> {
    waiting: VecDeque<J>,
    running: usize,
    /// Jobs that were told that their time is up.
    late: usize,
    /// No more jobs come, and by then all have to be done.
    deadline: Option<Instant>,
}

/// Tells a job how long it may take.
pub(crate) struct Time<'a>(&'a dyn Fn() -> bool);

impl Time<'_> {
    /// Whether the server stops and cannot wait any longer.
    pub(crate) fn is_up(&self) -> bool {
        (self.0)()
    }
}

impl<J: Send + 'static> Pool<J> {
    /// Starts `threads` that do `work`.
    pub(crate) fn start(
        name: &str,
        threads: usize,
        work: impl Fn(J, &Time<'_>) + Send + Sync + 'static,
    ) -> Result<Self> {
        let state = State { waiting: VecDeque::new(), running: 0, late: 0, deadline: None };
        let (given, ended) = Default::default();
        let shared = Arc::new(Shared { state: Mutex::new(state), given, ended });
        let work = Arc::new(work);
        for _ in 0..threads {
            let (shared, work) = (shared.clone(), work.clone());
            let run = move || shared.run(&*work);
            let thread = thread::Builder::new().name(name.into());
            thread.spawn(run).context("cannot start a thread")?;
        }
        Ok(Self { shared })
    }

    /// Gives a job. False: too many wait, and it will not be done.
    pub(crate) fn give(&self, job: J) -> bool {
        let mut state = self.shared.lock();
        let room = state.waiting.len() < WAITING;
        if room {
            state.waiting.push_back(job);
            self.shared.given.notify_one();
        }
        room
    }

    /// Waits until every job is done, up to `deadline`. Returns how many are not by then: those that
    /// run are told that their time is up, and given a moment more.
    pub(crate) fn close(&self, deadline: Instant) -> usize {
        const MOMENT: Duration = Duration::from_secs(1);
        let mut state = self.shared.lock();
        state.deadline = Some(deadline);
        self.shared.given.notify_all();
        loop {
            let left = state.waiting.len() + state.running;
            let time = (deadline + MOMENT).saturating_duration_since(Instant::now());
            if left == 0 || time.is_zero() || state.running == 0 && Instant::now() > deadline {
                return left + state.late;
            }
            let wait = self.shared.ended.wait_timeout(state, time.min(MOMENT));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<J> Shared<J> {
    fn run(&self, work: &dyn Fn(J, &Time<'_>)) {
        let is_up = || self.is_up(&self.lock());
        while let Some(job) = self.next() {
            // A panic is a bug of ours, and costs this job only.
            if catch_unwind(AssertUnwindSafe(|| work(job, &Time(&is_up)))).is_err() {
                tracing::error!("a bug in this server ended a job");
            }
            let mut state = self.lock();
            state.running -= 1;
            state.late += usize::from(self.is_up(&state));
            drop(state);
            self.ended.notify_all();
        }
    }

    /// The next job. None: there will be no more.
    fn next(&self) -> Option<J> {
        let mut state = self.lock();
        loop {
            if self.is_up(&state) {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                state.running += 1;
                return Some(job);
            }
            if state.deadline.is_some() {
                return None;
            }
            state = self.given.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn is_up(&self, state: &State<J>) -> bool {
        state.deadline.is_some_and(|deadline| Instant::now() > deadline)
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn all_jobs_are_done_before_it_closes_and_few_at_once() {
        static NOW: AtomicUsize = AtomicUsize::new(0);
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let pool = Pool::start("test", 2, |(), _| {
            assert!(NOW.fetch_add(1, SeqCst) < 2);
            thread::sleep(Duration::from_millis(5));
            NOW.fetch_sub(1, SeqCst);
            DONE.fetch_add(1, SeqCst);
        });
        let pool = pool.unwrap();
        (0..20).for_each(|_| assert!(pool.give(())));
        assert_eq!(pool.close(Instant::now() + LONG), 0);
        assert_eq!(DONE.load(SeqCst), 20);
    }

    #[test]
    fn jobs_are_told_when_their_time_is_up() {
        let pool = Pool::start("test", 1, |(), time| {
            while !time.is_up() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        let pool = pool.unwrap();
        (0..3).for_each(|_| assert!(pool.give(())));
        assert_eq!(pool.close(Instant::now() + Duration::from_millis(50)), 3);
    }

    #[test]
    fn a_job_that_panics_costs_no_other() {
        let pool = Pool::start("test", 1, |bad: bool, _| assert!(!bad, "on purpose")).unwrap();
        assert!(pool.give(true) && pool.give(false));
        assert_eq!(pool.close(Instant::now() + LONG), 0);
    }

    #[test]
    fn jobs_that_cannot_wait_are_refused() {
        let pool = Pool::start("test", 0, |(), _| ()).unwrap();
        assert!((0..WAITING).all(|_| pool.give(())));
        assert!(!pool.give(()));
    }
}
