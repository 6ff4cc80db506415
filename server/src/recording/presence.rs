//! Whether the server that has something to do with a file still runs.
//!
//! A server holds the lock of one file in the folder of marks for as long as it runs, and its marks name
//! that file. So what waits for a program or for room on the disk is not taken for a crash's, however much
//! waits, and takes no descriptors.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::file::lock;
use super::marks::FOLDER;

/// What the file has behind its name.
const LOCK: &str = ".lock";

/// The presence of this server in its record folder.
#[derive(Debug, Default)]
pub(crate) struct Presence(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    name: String,
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl Presence {
    /// What it is called in `root`: it begins when that is asked first. None: there are no locks.
    pub(super) fn name(&self, root: &Path) -> Option<String> {
        let mut held = self.held();
        if held.is_none() {
            *held = Held::new(root).ok();
        }
        held.as_ref().map(|held| held.name.clone())
    }

    /// The folder of marks was removed, and made again.
    pub(super) fn renew(&self) {
        *self.held() = None;
    }

    /// This server does nothing more.
    pub(crate) fn leave(&self) {
        if let Some(held) = self.held().take() {
            let _ = fs::remove_file(&held.path);
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn new(root: &Path) -> io::Result<Self> {
        use std::hash::{BuildHasher as _, RandomState};
        let name = format!("{:016x}", RandomState::new().hash_one(Instant::now()));
        let path = path(root, &name);
        // Until it is locked, somebody may take it for one that was left.
        for _ in 0..10 {
            let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
            if lock(&file)? && path.exists() {
                return Ok(Self { name, path, _file: file });
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Whether the server of this name runs.
pub(super) fn is_present(root: &Path, name: &str) -> bool {
    File::open(path(root, name)).is_ok_and(|file| is_held(&file))
}

/// Removes what servers have left that do not run any more.
pub(super) fn clear(root: &Path) {
    for entry in fs::read_dir(root.join(FOLDER)).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.to_str().is_some_and(|path| path.ends_with(LOCK))
            && File::open(&path).is_ok_and(|file| matches!(lock(&file), Ok(true)))
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn path(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join(format!("{name}{LOCK}"))
}

/// Others may look at the same time: that is no reason to take it for held.
#[cfg(unix)]
fn is_held(file: &File) -> bool {
    use rustix::fs::{FlockOperation, flock};
    flock(file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

#[cfg(not(unix))]
fn is_held(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn wait(is: impl Fn() -> bool) {
        let start = Instant::now();
        while !is() {
            assert!(start.elapsed() < Duration::from_secs(30), "it stays as it is");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_server_is_present_until_it_leaves() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(FOLDER)).unwrap();
        let (one, other) = (Presence::default(), Presence::default());
        let [name, stays] = [&one, &other].map(|it| it.name(root.path()).unwrap());
        assert_eq!(one.name(root.path()).as_ref(), Some(&name));
        assert!(is_present(root.path(), &name) && is_present(root.path(), &stays));
        // As when it is killed: its file stays.
        drop(one);
        // A program that another test starts has the lock, too, until it is another program.
        wait(|| !is_present(root.path(), &name));
        assert!(path(root.path(), &name).exists());
        wait(|| {
            clear(root.path());
            !path(root.path(), &name).exists()
        });
        assert!(is_present(root.path(), &stays));
        other.leave();
        assert!(!is_present(root.path(), &stays) && !path(root.path(), &stays).exists());
    }
}
