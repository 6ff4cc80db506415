//! Making files under their names, and giving them their last one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;

use super::marks::{Mark, Origin};
use super::settings::Settings;
use super::template::Values;

/// Files of one name, told apart by a number.
const NUMBERS: u32 = 10_000;
/// What a file has behind its name until it is closed, if that is wished.
const PART: &str = ".part";

/// A file that was made.
pub(super) struct Created {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

/// Makes the next file of a recording, under a name that no other file has.
pub(super) fn create(settings: &Settings, values: &Values, segment: u32) -> Result<Created> {
    let name = settings.path.expand(values, segment, Timestamp::now());
    let stem = settings.folder.join(&name.stem);
    if let Some(folder) = stem.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    for number in 1..=NUMBERS {
        let last = numbered(&stem, number, &name.extension);
        let path = if settings.part { with_part(&last) } else { last.clone() };
        if settings.part && last.symlink_metadata().is_ok() {
            continue;
        }
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => return Ok(Created { file, path }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Its folder ran empty, and was deleted just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound && number == 1 => {
                stem.parent().map_or(Ok(()), fs::create_dir_all)?;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot create {}", path.display()));
            }
        }
    }
    bail!("too many recordings of the name {}", stem.display())
}

/// The first path that [`create`] tries.
pub(super) fn wanted(settings: &Settings, values: &Values, segment: u32) -> PathBuf {
    let name = settings.path.expand(values, segment, Timestamp::now());
    let last = numbered(&settings.folder.join(&name.stem), 1, &name.extension);
    if settings.part { with_part(&last) } else { last }
}

/// Marks a file as unfinished. None: that cannot be done, and a crash would leave it as it is.
pub(super) fn mark(
    settings: &Settings,
    values: &Values,
    segment: u32,
    path: &Path,
) -> Option<Mark> {
    let name = format!("{:016x}-{segment}", values.unique);
    let about = (*values.about).clone();
    let origin = Origin { about, segment, started: Timestamp::now(), inode: inode(path) };
    let mark = Mark::new(&settings.folder, &name, path, origin, &settings.presence);
    mark.inspect_err(|error| {
        tracing::warn!(path = %path.display(), %error, "cannot mark a file as unfinished");
    })
    .ok()
}

/// Gives a finished file its last name: without `.part`, with a number if that name is taken by now.
pub(super) fn settle(path: &Path) -> io::Result<PathBuf> {
    let Some(last) = without_part(path) else { return Ok(path.to_owned()) };
    let (stem, extension) = parts(&last);
    for number in 1..=NUMBERS {
        let to = numbered(&stem, number, &extension);
        match rename_new(path, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| to),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The name that [`settle`] has given a file, if it has.
pub(super) fn settled(path: &Path, origin: &Origin) -> Option<PathBuf> {
    let (last, inode_then) = (without_part(path)?, origin.inode?);
    let (stem, extension) = parts(&last);
    let names = (1..=NUMBERS).map(|number| numbered(&stem, number, &extension));
    names.take_while(|name| name.exists()).find(|name| inode(name) == Some(inode_then))
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Some(path.symlink_metadata().ok()?.ino())
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<u64> {
    None
}

/// A path in front of its extension, and that with its dot.
fn parts(path: &Path) -> (PathBuf, String) {
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    (path.with_extension(""), extension.unwrap_or_default())
}

/// Renames a file, never over another.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // Not on this file system.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
            result => return Ok(result?),
        }
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // No links either: the best that is left has a gap between the look and the act.
        Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Gets the names in the folder of `path` to the disk.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            File::open(folder)?.sync_all()
        }
        _ => Ok(()),
    }
}

fn numbered(stem: &Path, number: u32, extension: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    if number > 1 {
        name.push(format!("-{number}"));
    }
    name.push(extension);
    name.into()
}

fn with_part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PART);
    name.into()
}

fn without_part(path: &Path) -> Option<PathBuf> {
    Some(path.to_str()?.strip_suffix(PART)?.into())
}
