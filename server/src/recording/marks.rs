//! Which files below the record folder are not finished.
//!
//! In `.unfinished` in the record folder there is a symbolic link for each file that is being written,
//! to that file: one call makes it, whole or not at all. It goes when the file is finished, has its
//! sidecar, and its program has run. What is left there by a server that does not run any more, with nobody
//! holding the lock of the file, was left by a crash. Beside the link lies a note of where the file comes
//! from, and later of what is known of it, for whoever does the rest then; nothing depends on it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::presence::Presence;
use crate::events::About;

/// The folder of marks, in the record folder. What peers say never begins with a dot.
pub(super) const FOLDER: &str = ".unfinished";
/// What the note of a mark has behind its name.
const NOTE: &str = ".json";

/// The mark of an unfinished file.
#[derive(Clone, Debug)]
pub(super) struct Mark(PathBuf);

/// Where a file comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// Who published when the file was opened.
    #[serde(flatten)]
    pub(crate) about: About,
    /// The first file of a recording is 1.
    pub(crate) segment: u32,
    /// When it was opened.
    pub(crate) started: Timestamp,
    /// What the file system calls it: it may have its last name already.
    #[serde(default)]
    pub(super) inode: Option<u64>,
}

/// What lies beside a mark.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    #[serde(flatten)]
    pub(super) origin: Origin,
    /// The server that does what is to be done, by its presence.
    #[serde(default)]
    pub(super) server: Option<String>,
    /// A crash had left the file.
    #[serde(default)]
    pub(super) crashed: bool,
    /// Its program has run.
    #[serde(default)]
    pub(super) ran: bool,
    /// Of a file that is finished and has no sidecar: what that says.
    #[serde(default)]
    pub(super) sidecar: Option<Value>,
}

impl Mark {
    /// Marks `file`, which is below `root`, as unfinished.
    pub(super) fn new(
        root: &Path,
        name: &str,
        file: &Path,
        origin: Origin,
        presence: &Presence,
    ) -> io::Result<Self> {
        let folder = root.join(FOLDER);
        let mark = Self(folder.join(name));
        let target = Path::new("..").join(file.strip_prefix(root).unwrap_or(file));
        match link(&target, &mark.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&folder)?;
                presence.renew();
                link(&target, &mark.0)?;
            }
            result => result?,
        }
        let server = presence.name(root);
        let note = Note { origin, server, crashed: false, ran: false, sidecar: None };
        // Without it, less is known after a crash.
        let _ = serde_json::to_vec(&note).map(|text| fs::write(mark.path_of_note(), text));
        Ok(mark)
    }

    /// Whether it is still there.
    pub(super) fn exists(&self) -> bool {
        self.0.symlink_metadata().is_ok()
    }

    /// What lies beside it, if that can be read.
    pub(super) fn note(&self) -> Option<Note> {
        serde_json::from_slice(&fs::read(self.path_of_note()).ok()?).ok()
    }

    /// Changes what lies beside it, if there is something. That takes no room as a rule, so that it can be
    /// done on a disk that is full.
    pub(super) fn change_note(&self, change: impl FnOnce(&mut Note)) {
        let path = self.path_of_note();
        let Ok(before) = fs::read(&path) else { return };
        let Ok(mut note) = serde_json::from_slice(&before) else { return };
        change(&mut note);
        let Ok(text) = serde_json::to_vec(&note) else { return };
        let write = |text: &[u8]| {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(text)?;
            file.set_len(text.len() as u64)
        };
        if let Err(error) = write(&text) {
            tracing::warn!(path = %path.display(), %error, "cannot note what is known of a file");
            // What there was, at least.
            let _ = write(&before);
        }
    }

    /// The file's number in its recording.
    pub(super) fn segment(&self) -> u32 {
        let name = self.0.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.rsplit('-').next()?.parse().ok());
        number.unwrap_or(1)
    }

    /// Nothing is to be done with the file any more.
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove the mark of a file");
        }
        let _ = fs::remove_file(self.path_of_note());
    }

    fn path_of_note(&self) -> PathBuf {
        let mut name = self.0.as_os_str().to_owned();
        name.push(NOTE);
        name.into()
    }
}

/// A file that is finished, and of which something is still to be done. Until then its mark stays: should
/// nobody come to do it, the next start does.
#[derive(Debug)]
pub(crate) struct Pending {
    mark: Mark,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    sidecar: bool,
    program: bool,
}

impl Pending {
    pub(super) fn new(mark: Mark) -> Arc<Self> {
        Arc::new(Self { mark, left: Mutex::new(Left { sidecar: true, program: true }) })
    }

    /// All is done.
    pub(crate) fn done(&self) {
        self.mark.remove();
    }

    /// It has its sidecar, or is to have none.
    pub(crate) fn has_sidecar(&self) {
        let mut left = self.left();
        left.sidecar = false;
        if !left.program {
            self.done();
        }
    }

    /// Its program has run, or there is none.
    pub(crate) fn has_run(&self) {
        let mut left = self.left();
        left.program = false;
        if left.sidecar {
            self.mark.change_note(|note| note.ran = true);
        } else {
            self.done();
        }
    }

    /// Keeps what is known of it where the next start finds it.
    pub(crate) fn keep(&self, sidecar: &Value) {
        self.mark.change_note(|note| note.sidecar = Some(sidecar.clone()));
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All marks below `root`, and the files that they are for.
pub(super) fn all(root: &Path) -> Vec<(Mark, PathBuf)> {
    let folder = root.join(FOLDER);
    // No folder, no marks.
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let file = |entry: fs::DirEntry| {
        let path = entry.path();
        if let Some(mark) = path.to_str().and_then(|path| path.strip_suffix(NOTE)) {
            // A mark is made before its note, and removed before it.
            if Path::new(mark).symlink_metadata().is_err() {
                let _ = fs::remove_file(&path);
            }
            return None;
        }
        let target = read(&path).ok()?;
        let file = root.join(target.strip_prefix("..").ok()?);
        Some((Mark(path), file))
    };
    entries.filter_map(file).collect()
}

#[cfg(unix)]
fn link(target: &Path, mark: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, mark)
}

#[cfg(unix)]
fn read(mark: &Path) -> io::Result<PathBuf> {
    fs::read_link(mark)
}

/// Where links need a privilege, a file with the path in it.
#[cfg(not(unix))]
fn link(target: &Path, mark: &Path) -> io::Result<()> {
    fs::write(mark, target.as_os_str().as_encoded_bytes())
}

#[cfg(not(unix))]
fn read(mark: &Path) -> io::Result<PathBuf> {
    fs::read_to_string(mark).map(PathBuf::from)
}
