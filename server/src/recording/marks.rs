//! Which files below the record folder are not finished.
//!
//! In `.unfinished` in the record folder there is a symbolic link for each file that is being written,
//! to that file: one call makes it, whole or not at all. It goes when the file is finished. What is left
//! there, with nobody holding the lock of the file, was left by a crash.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of marks, in the record folder. What peers say never begins with a dot.
pub(super) const FOLDER: &str = ".unfinished";

/// The mark of an unfinished file.
#[derive(Debug)]
pub(super) struct Mark(PathBuf);

impl Mark {
    /// Marks `file`, which is below `root`, as unfinished.
    pub(super) fn new(root: &Path, name: &str, file: &Path) -> io::Result<Self> {
        let folder = root.join(FOLDER);
        let mark = folder.join(name);
        let target = Path::new("..").join(file.strip_prefix(root).unwrap_or(file));
        match link(&target, &mark) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(&folder)?;
                link(&target, &mark)?;
            }
            result => result?,
        }
        Ok(Self(mark))
    }

    /// The file is finished.
    pub(super) fn remove(self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove the mark of a file");
        }
    }
}

/// All marks below `root`, and the files that they are for.
pub(super) fn all(root: &Path) -> Vec<(Mark, PathBuf)> {
    let folder = root.join(FOLDER);
    // No folder, no marks.
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let file = |entry: fs::DirEntry| {
        let target = read(&entry.path()).ok()?;
        let file = root.join(target.strip_prefix("..").ok()?);
        Some((Mark(entry.path()), file))
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
