//! Whether the disk can take more, and what to do when it does not.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use super::settings::{OnWriteError, Settings};

/// Time between two looks at the disk.
const PERIOD: Duration = Duration::from_secs(1);
/// Bytes after which it is looked at sooner.
const STEP: u64 = 16 << 20;
/// Time between two tries.
const AGAIN: Duration = Duration::from_secs(1);
/// How long new files are tried before a recording is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks after the disk under one file.
#[derive(Debug)]
pub(super) struct Guard {
    min_free: u64,
    last: Instant,
    len: u64,
}

impl Guard {
    pub(super) fn new(min_free: u64) -> Self {
        Self { min_free, last: Instant::now(), len: 0 }
    }

    /// Looks at the disk now and then.
    ///
    /// # Errors
    ///
    /// When too little is free, and when the file has no name any more: what is written to it is lost.
    #[inline]
    pub(super) fn look(&mut self, file: &File, len: u64) -> io::Result<()> {
        if len < self.len + STEP && self.last.elapsed() < PERIOD {
            return Ok(());
        }
        self.len = len;
        self.look_now(file)
    }

    /// Looks at the disk.
    pub(super) fn look_now(&mut self, file: &File) -> io::Result<()> {
        self.last = Instant::now();
        check_name(file)?;
        check_free(file, self.min_free)
    }
}

#[cfg(unix)]
fn check_name(file: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let meta = file.metadata()?;
    if meta.is_file() && meta.nlink() == 0 {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the file was removed"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_name(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn check_free(file: &File, min_free: u64) -> io::Result<()> {
    if min_free == 0 {
        return Ok(());
    }
    let disk = rustix::fs::fstatvfs(file)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < min_free {
        let what = format!("{free} bytes are free, of {min_free} that --min-free keeps");
        return Err(io::Error::new(io::ErrorKind::StorageFull, what));
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_free(_: &File, _: u64) -> io::Result<()> {
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
    began: Instant,
    told: Cell<bool>,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), told: Cell::new(false) }
    }

    /// Whether this is asked for the first time.
    pub(super) fn first(&self) -> bool {
        !self.told.replace(true)
    }

    /// Decides what to do after `error`, and waits as long as is wished before that. Only the thread of
    /// the recording waits; a stand-in drives the others on.
    pub(super) fn next(&self, settings: &Settings, error: &io::Error, regular: bool) -> Next {
        // A reader that has gone away does not come back.
        if !regular || settings.stop.raised() {
            return Next::Stop;
        }
        match settings.on_write_error {
            OnWriteError::Stop => Next::Stop,
            OnWriteError::Wait if passes(error) => {
                if settings.stop.wait(AGAIN) {
                    Next::Stop
                } else {
                    Next::Again
                }
            }
            OnWriteError::Wait => Next::Stop,
            OnWriteError::Retry => Next::NewFile,
        }
    }

    /// Waits before another new file is tried. False: it was tried for long enough.
    pub(super) fn wait_for_new_file(&self, settings: &Settings) -> bool {
        self.began.elapsed() < PATIENCE && !settings.stop.wait(AGAIN)
    }
}

/// Whether the same file may take more later: not when it has the greatest length that it may have, or
/// was removed.
fn passes(error: &io::Error) -> bool {
    !matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::NotFound)
}
