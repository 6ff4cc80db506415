//! A file that is being written.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::settings::Sync;
use super::sync::Syncer;

/// A file, FIFO or pipe that takes whole tags.
#[derive(Debug)]
pub(super) struct OutputFile {
    file: Arc<File>,
    path: PathBuf,
    /// It can be gone back in: no pipe, no device.
    regular: bool,
    /// Bytes that are in it.
    len: u64,
    syncer: Syncer,
}

/// A write that failed, and the bytes that went in before it did.
#[derive(Debug)]
pub(super) struct Torn {
    pub(super) gone: usize,
    pub(super) error: io::Error,
}

impl OutputFile {
    /// Takes an empty file, and keeps other processes from taking it for one that nobody writes to.
    pub(super) fn new(file: File, path: PathBuf, sync: Sync) -> Self {
        let regular = file.metadata().is_ok_and(|meta| meta.is_file());
        if regular {
            // Where locks are not known, nobody takes the file for an orphan either: see `repair`.
            let _ = lock(&file);
        }
        let file = Arc::new(file);
        let syncer = Syncer::new(if regular { sync } else { Sync::None });
        Self { file, path, regular, len: 0, syncer }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is by now: somebody may have moved it, or a folder above it. None: it was removed, and what
    /// is in it is lost.
    pub(super) fn whereabouts(&self) -> Option<PathBuf> {
        if !self.regular || is_at(&self.file, &self.path) {
            return Some(self.path.clone());
        }
        let meta = self.file.metadata();
        if meta.is_ok_and(|meta| links(&meta) == 0) {
            return None;
        }
        // Where that cannot be told, it is where it was.
        Some(found(&self.file).unwrap_or_else(|| self.path.clone()))
    }

    /// Whether it can be gone back in.
    pub(super) fn is_regular(&self) -> bool {
        self.regular
    }

    /// Bytes that are in it.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    ///
    /// When not all of them could be written. What went in stays: see [`cut_back`](Self::cut_back).
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Torn> {
        if let Some(error) = self.syncer.failure() {
            return Err(Torn { gone: 0, error });
        }
        let mut gone = 0;
        let result = loop {
            if gone == bytes.len() {
                break Ok(());
            }
            match (&*self.file).write(&bytes[gone..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => gone += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.len += gone as u64;
        result.map_err(|error| Torn { gone, error })
    }

    /// Appends `len` zeros without writing them. Something has to be written behind them.
    pub(super) fn skip(&mut self, len: usize) -> io::Result<()> {
        let len = len as u64;
        (&*self.file).seek(SeekFrom::Start(self.len + len))?;
        self.len += len;
        Ok(())
    }

    /// It has so many bytes already.
    pub(super) fn found(&mut self, len: u64) {
        self.len = len;
    }

    /// Takes back what is behind `len` bytes. What has gone into a pipe cannot be.
    pub(super) fn cut_back(&mut self, len: u64) {
        self.len = len;
        if !self.regular {
            return;
        }
        let cut = self.file.set_len(len).and_then(|()| (&*self.file).seek(SeekFrom::Start(len)));
        if let Err(error) = cut {
            tracing::warn!(path = %self.path.display(), %error, "cannot cut off a torn tag");
        }
    }

    /// Writes over what is there, at `position`; appending goes on where it was.
    pub(super) fn patch(&mut self, position: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(position))?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::Start(self.len))?;
        Ok(())
    }

    /// Lets what was written so far get to the disk, if it is time.
    #[inline]
    pub(super) fn sync_if_due(&mut self, keyframe: bool) {
        self.syncer.sync_if_due(&self.file, self.len, keyframe);
    }

    /// Lets what was written so far get to the disk, as nothing more comes for now.
    pub(super) fn rest(&mut self) {
        self.syncer.rest(&self.file, self.len);
    }

    /// Waits until all is on the disk, if that is wished at the end of a file.
    pub(super) fn sync_at_end(&mut self) -> io::Result<()> {
        self.syncer.sync_at_end(&self.file)
    }

    /// Whether names are to be on the disk too at the end of a file.
    pub(super) fn syncs_at_end(&self) -> bool {
        self.syncer.syncs_at_end()
    }
}

/// Whether it is this file that has a path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(one), Ok(other)) = (file.metadata(), path.metadata()) else { return false };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Names that a file has.
#[cfg(unix)]
pub(super) fn links(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(meta)
}

#[cfg(not(unix))]
pub(super) fn links(_: &std::fs::Metadata) -> u64 {
    1
}

/// The path of an open file, if the system can tell.
#[cfg(target_os = "linux")]
fn found(file: &File) -> Option<PathBuf> {
    use std::os::fd::AsRawFd as _;
    let path = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    is_at(file, &path).then_some(path)
}

#[cfg(not(target_os = "linux"))]
fn found(_: &File) -> Option<PathBuf> {
    None
}

/// Locks a file that is written to. False: somebody else has it.
///
/// # Errors
///
/// When the file system knows no locks.
#[cfg(unix)]
pub(super) fn lock(file: &File) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Elsewhere there are no locks: nothing is repaired on start.
#[cfg(not(unix))]
pub(super) fn lock(_: &File) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}
