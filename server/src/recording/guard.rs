//! Whether the disk can take more, and what to do when it does not.

use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::file::{OutputFile, links};
use super::settings::{OnWriteError, Settings};
use super::space::{self, Room, Space};

/// Time between two looks at the file and the disk, for what others do there.
const PERIOD: Duration = Duration::from_secs(1);
/// Bytes after which they are looked at sooner.
const STEP: u64 = 16 << 20;
/// Time between two tries.
const AGAIN: Duration = Duration::from_secs(1);
/// How long new files are tried before a recording is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks after the disk under one file.
#[derive(Debug)]
pub(super) struct Guard {
    /// Bytes that are to stay free, and the disk; none: it may be filled.
    space: Option<(u64, Arc<Space>)>,
    /// Bytes that the file takes when it is finished.
    owed: u64,
    last: Instant,
    len: u64,
}

impl Guard {
    /// Of a file that takes `owed` bytes when it is finished. Of a pipe, there is nothing to be kept.
    ///
    /// # Errors
    ///
    /// When the disk cannot be looked at, and when so much is not there.
    pub(super) fn new(min_free: u64, file: &OutputFile, owed: u64) -> io::Result<Self> {
        let mut guard = Self { space: None, owed: 0, last: Instant::now(), len: 0 };
        if min_free > 0 && file.is_regular() {
            let space = Space::under(file.file())?;
            space.owe(owed);
            (guard.space, guard.owed) = (Some((min_free, space)), owed);
            guard.room(file, 0, true)?;
        }
        Ok(guard)
    }

    /// Asks for room for a write of `len` bytes, and looks at the file now and then.
    ///
    /// # Errors
    ///
    /// When too little would stay free, and when the file has no name any more: what is written to it
    /// is lost.
    #[inline]
    pub(super) fn look(&mut self, file: &OutputFile, len: usize) -> io::Result<Option<Room<'_>>> {
        let looks = file.len() >= self.len + STEP || self.last.elapsed() >= PERIOD;
        if looks {
            (self.len, self.last) = (file.len(), Instant::now());
            check_name(file.file())?;
        }
        self.room(file, len as u64, looks)
    }

    #[inline]
    fn room(&self, file: &OutputFile, len: u64, looks: bool) -> io::Result<Option<Room<'_>>> {
        let Some((min_free, space)) = &self.space else { return Ok(None) };
        space.take(len, *min_free, looks, || space::free(file.file())).map(Some)
    }

    /// The file is finished.
    pub(super) fn settle(&mut self) {
        if let Some((_, space)) = self.space.take() {
            space.settle(self.owed);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.settle();
    }
}

fn check_name(file: &File) -> io::Result<()> {
    let meta = file.metadata()?;
    if meta.is_file() && links(&meta) == 0 {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the file was removed"));
    }
    Ok(())
}

/// What to do after a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// End the recording.
    Stop,
    /// Try the same file again.
    Again,
    /// Go on in a new one.
    NewFile,
}

/// Tries of one write.
#[derive(Debug)]
pub(super) struct Tries {
    /// When the first of them failed: nothing is asked of a clock before.
    began: OnceCell<Instant>,
    told: Cell<bool>,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { began: OnceCell::new(), told: Cell::new(false) }
    }

    /// Whether this is asked for the first time: when the first has failed.
    pub(super) fn first(&self) -> bool {
        self.began.get_or_init(Instant::now);
        !self.told.replace(true)
    }

    /// How long they have taken so far, if it was told that there is more than one.
    pub(super) fn told(&self) -> Option<Duration> {
        self.told.get().then(|| self.began.get_or_init(Instant::now).elapsed())
    }

    /// Decides what to do after `error`.
    pub(super) fn next(&self, settings: &Settings, error: &io::Error, regular: bool) -> Next {
        // A reader that has gone away does not come back.
        if !regular || settings.stop.raised() {
            return Next::Stop;
        }
        match settings.on_write_error {
            OnWriteError::Stop => Next::Stop,
            OnWriteError::Wait if passes(error) => Next::Again,
            OnWriteError::Wait => Next::Stop,
            OnWriteError::Retry => Next::NewFile,
        }
    }

    /// Waits before the same file is tried again. Only the thread of the recording waits; a stand-in drives
    /// the others on. False: the server stops.
    pub(super) fn wait(&self, settings: &Settings) -> bool {
        !settings.stop.wait(AGAIN)
    }

    /// Waits before another new file is tried. False: it was tried for long enough.
    pub(super) fn wait_for_new_file(&self, settings: &Settings) -> bool {
        self.began.get_or_init(Instant::now).elapsed() < PATIENCE && !settings.stop.wait(AGAIN)
    }
}

/// Whether the same file may take more later: not when it has the greatest length that it may have, or
/// was removed.
pub(super) fn passes(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::NotFound)
}
