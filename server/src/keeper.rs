//! Finishes the recordings whose publishers do not come back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::connection::Unfinished;
use crate::ingest::Backend;
use crate::run::Shared;

/// Waits for those whose time is up.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// Threads that are at work: the one that waits, and those that finish.
    at_work: Arc<AtomicUsize>,
}

impl Keeper {
    pub(crate) fn start<B: Backend>(shared: &Arc<Shared<B>>) -> Result<Self> {
        let at_work = Arc::new(AtomicUsize::new(1));
        let (shared, count) = (shared.clone(), at_work.clone());
        let run = move || {
            while let Some(unfinished) = shared.claims.next_given_up() {
                count.fetch_add(1, Ordering::SeqCst);
                finish(unfinished, &shared, &count);
            }
            count.fetch_sub(1, Ordering::SeqCst);
        };
        thread::Builder::new().name("keeper".into()).spawn(run).context("cannot start a thread")?;
        Ok(Self { at_work })
    }

    /// Waits until everything is finished, up to `deadline`; says whether it is. Claims have to be
    /// closed.
    pub(crate) fn ended(&self, deadline: Instant) -> bool {
        while self.at_work.load(Ordering::SeqCst) > 0 {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

/// Finishes a recording on a thread of its own: its disk may hang, and others wait.
fn finish<B: Backend>(unfinished: Unfinished, shared: &Arc<Shared<B>>, count: &Arc<AtomicUsize>) {
    let slot = Arc::new(Mutex::new(Some(unfinished)));
    let run = {
        let (slot, shared, count) = (slot.clone(), shared.clone(), count.clone());
        move || {
            let unfinished = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(unfinished) = unfinished {
                unfinished.finish(&shared);
            }
            count.fetch_sub(1, Ordering::SeqCst);
        }
    };
    if thread::Builder::new().name("finish".into()).spawn(run).is_err() {
        // No thread to be had: here, then.
        let unfinished = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(unfinished) = unfinished {
            unfinished.finish(shared);
        }
        count.fetch_sub(1, Ordering::SeqCst);
    }
}
