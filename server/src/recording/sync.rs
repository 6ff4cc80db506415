//! Getting what was written to the disk.
//!
//! A sync may take as long as the disk likes. While a file is open, a thread of its own does it, one at a
//! time for each file: the recording goes on meanwhile. What a sync says went wrong is an error of the
//! next write.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::Instant;

use super::settings::Sync;

/// The syncs of one file.
#[derive(Debug)]
pub(super) struct Syncer {
    when: Sync,
    /// When the last one was begun, and the length of the file by then.
    last: Instant,
    synced: u64,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    under_way: AtomicBool,
    /// The system's number of an error; 0: none.
    failed: AtomicI32,
}

impl Syncer {
    pub(super) fn new(when: Sync) -> Self {
        Self { when, last: Instant::now(), synced: 0, state: Arc::default() }
    }

    /// What went wrong, once.
    #[inline]
    pub(super) fn failure(&self) -> Option<io::Error> {
        if self.when == Sync::None {
            return None;
        }
        match self.state.failed.swap(0, Ordering::Relaxed) {
            0 => None,
            number => Some(io::Error::from_raw_os_error(number)),
        }
    }

    /// Begins a sync of the first `len` bytes if it is time: at a keyframe, or when the interval is over.
    #[inline]
    pub(super) fn sync_if_due(&mut self, file: &Arc<File>, len: u64, keyframe: bool) {
        let due = match self.when {
            Sync::None | Sync::Close => false,
            Sync::Keyframe => keyframe,
            Sync::Interval(interval) => self.last.elapsed() >= interval,
        };
        if due {
            self.begin(file, len);
        }
    }

    /// Begins a sync if there is anything to sync, as nothing more comes for now.
    pub(super) fn rest(&mut self, file: &Arc<File>, len: u64) {
        if matches!(self.when, Sync::Interval(_) | Sync::Keyframe) {
            self.begin(file, len);
        }
    }

    fn begin(&mut self, file: &Arc<File>, len: u64) {
        if self.synced == len || self.state.under_way.swap(true, Ordering::AcqRel) {
            return;
        }
        (self.last, self.synced) = (Instant::now(), len);
        let (file, state) = (file.clone(), self.state.clone());
        let run = move || {
            if let Err(error) = file.sync_data() {
                state.failed.store(error.raw_os_error().unwrap_or(-1), Ordering::Relaxed);
            }
            drop(file);
            state.under_way.store(false, Ordering::Release);
        };
        if thread::Builder::new().name("sync".into()).spawn(run).is_err() {
            // Out of threads: the next one will do it.
            self.state.under_way.store(false, Ordering::Release);
            self.synced = 0;
        }
    }

    pub(super) fn syncs_at_end(&self) -> bool {
        self.when != Sync::None
    }

    /// Waits until all is on the disk, if that is wished at the end of a file.
    pub(super) fn sync_at_end(&mut self, file: &File) -> io::Result<()> {
        if !self.syncs_at_end() {
            return Ok(());
        }
        self.failure().map_or(Ok(()), Err)?;
        file.sync_all()
    }
}
