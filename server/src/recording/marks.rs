//! Which files below the record folder are not finished.
//!
//! In `.unfinished` in the record folder there is a symbolic link for each file that is being written,
//! to that file: one call makes it, whole or not at all. It goes when the file is finished, and has its
//! sidecar. What is left there, with nobody holding the lock of the file, was left by a crash. Beside the link lies a note of
//! where the file comes from, for whoever finishes it then; nothing depends on it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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

impl Mark {
    /// Marks `file`, which is below `root`, as unfinished.
    pub(super) fn new(root: &Path, name: &str, file: &Path, origin: &Origin) -> io::Result<Self> {
        let folder = root.join(FOLDER);
        let mark = Self(folder.join(name));
        let target = Path::new("..").join(file.strip_prefix(root).unwrap_or(file));
        match link(&target, &mark.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&folder)?;
                link(&target, &mark.0)?;
            }
            result => result?,
        }
        // Without it, less is known after a crash.
        let _ = serde_json::to_vec(origin).map(|text| fs::write(mark.note(), text));
        Ok(mark)
    }

    /// Where the file comes from, if that is known.
    pub(super) fn origin(&self) -> Option<Origin> {
        serde_json::from_slice(&fs::read(self.note()).ok()?).ok()
    }

    /// The file's number in its recording.
    pub(super) fn segment(&self) -> u32 {
        let name = self.0.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.rsplit('-').next()?.parse().ok());
        number.unwrap_or(1)
    }

    /// The file is finished.
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove the mark of a file");
        }
        let _ = fs::remove_file(self.note());
    }

    fn note(&self) -> PathBuf {
        let mut name = self.0.as_os_str().to_owned();
        name.push(NOTE);
        name.into()
    }
}

/// A file that is finished, and of which something is still to be done. Until then its mark and its lock
/// stay: should nobody come to do it, the next start does.
#[derive(Debug)]
pub(crate) struct Pending {
    mark: Mark,
    /// Holds the lock.
    _file: Arc<File>,
}

impl Pending {
    pub(super) fn new(mark: Mark, file: Arc<File>) -> Arc<Self> {
        Arc::new(Self { mark, _file: file })
    }

    /// All is done.
    pub(crate) fn done(&self) {
        self.mark.remove();
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
