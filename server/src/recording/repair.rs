//! Files that nobody finished, repaired by hand: what is whole goes to a new file. Nothing is done to the
//! old one before the new one is on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sluicebox_core::flv::SCRIPT;
use sluicebox_media::file::{End, Reader};

use super::create::{rename_new, sync_folder};
use super::file::{OutputFile, lock};
use super::look::Look;
use super::metadata::Metadata;
use super::open::Open;
use super::recover::is_blank;
use super::segment::put_tag;
use super::settings::Sync;

/// What was found in a file, and done to it by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repaired {
    /// Tags that are in it, metadata too.
    pub(crate) tags: u64,
    /// Milliseconds from the first frame to the latest.
    pub(crate) duration: u64,
    /// Bytes that were in it and are not any more.
    pub(crate) lost: u64,
    /// How it ended.
    pub(crate) end: String,
    /// Where the file is as it was; none: it is as it was, or nobody wanted to keep it.
    pub(crate) original: Option<PathBuf>,
    /// It was finished, and whole: nothing had to be done.
    pub(crate) finished: bool,
}

/// Repairs a file by hand: writes what is whole in it to a new one, gets that to the disk, and gives it
/// the old one's name, mode and, where that may be done, owner. The old one is kept beside it, as `FILE.orig`,
/// unless that is not wished. A file that is finished, and whole, is left alone. Of a link, it is the file that
/// it leads to.
///
/// # Errors
///
/// When it is no FLV file, somebody writes to it, or the new file cannot be written. The old one is then
/// as it was.
pub(crate) fn repair(path: &Path, entries: usize, keep: bool) -> Result<Repaired> {
    let cannot = || format!("cannot open {}", path.display());
    let found = fs::canonicalize(path).with_context(cannot)?;
    // To open a FIFO would wait for somebody who writes, and a device may have no end.
    if !found.metadata().with_context(cannot)?.is_file() {
        bail!("{} is not a regular file", found.display());
    }
    let file = File::open(&found).with_context(cannot)?;
    let path = &*found;
    // Where there are no locks, it is the caller's word that nobody writes to it.
    if matches!(lock(&file), Ok(false)) {
        bail!("{} is being written", path.display());
    }
    let len = file.metadata()?.len();
    if is_blank(&file)? {
        bail!("nothing was recorded in it: {len} bytes, and not one of them says anything");
    }
    let state = look_through(&file, len)?;
    if state.finished {
        return Ok(state);
    }
    let new = beside(path, "repair", create_private)?;
    let written = write_new(&file, &new, entries).and_then(|(tags, duration, lost)| {
        give_as_it_was(&new, &file.metadata()?)?;
        let original =
            if keep { Some(beside(path, "orig", |to| fs::hard_link(path, to))?) } else { None };
        fs::rename(&new, path)?;
        sync_folder(path)?;
        Ok(Repaired { tags, duration, lost, original, finished: false, ..state })
    });
    written.inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Makes a file that nobody else reads: who may is known later.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// Gives a file the owner and the mode of another.
fn give_as_it_was(path: &Path, other: &fs::Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, chown};
        match chown(path, Some(other.uid()), Some(other.gid())) {
            // Root may, and others only what is their own already.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            result => result?,
        }
    }
    fs::set_permissions(path, other.permissions())
}

/// Reads a file to its end.
fn look_through(file: &File, len: u64) -> Result<Repaired> {
    let mut reader = Reader::new(file);
    let (mut tags, mut says) = (0, None);
    let mut facts = super::facts::Facts::default();
    while let Some(entry) = reader.next()? {
        if tags == 0 && entry.tag.kind == SCRIPT {
            says = Metadata::says(entry.tag.body);
        }
        tags += 1;
        facts.note(&entry.tag, Look::at(&entry.tag), entry.tag.timestamp);
    }
    let end = reader.end().context("the reader stopped before the end")?;
    if reader.header()?.is_none() {
        bail!("{end}");
    }
    Ok(Repaired {
        tags,
        duration: facts.duration(),
        lost: 0,
        end: end.to_string(),
        original: None,
        finished: end == End::Sound && says == Some(len),
    })
}

/// Writes all that is whole in `file` to `new`, and gets it to the disk. Gives the number of tags, their
/// duration, and the bytes that are not in it.
fn write_new(mut file: &File, new: &Path, entries: usize) -> Result<(u64, u64, u64)> {
    file.rewind()?;
    let out = OpenOptions::new().read(true).write(true).open(new)?;
    let mut open = Open::begin(OutputFile::new(out, new.to_owned(), Sync::Close), Some(entries))?;
    let mut reader = Reader::new(file);
    let (mut tags, mut kept, mut piece) = (0, 0, Vec::new());
    loop {
        while let Some(entry) = reader.next()? {
            tags += 1;
            kept += entry.next_offset() - entry.offset;
            let tag = entry.tag;
            if open.wants_metadata() && open.put_metadata(Some(&tag))? {
                continue;
            }
            let position = open.file.len() + piece.len() as u64;
            open.note(&tag, Look::at(&tag), tag.timestamp, position);
            put_tag(&mut piece, &tag);
            if piece.len() >= PIECE {
                open.write(&piece).map_err(|failed| failed.error)?;
                piece.clear();
            }
        }
        if reader.resync()?.is_none() {
            break;
        }
    }
    open.write(&piece).map_err(|failed| failed.error)?;
    open.complete()?;
    open.file.sync_at_end()?;
    let lost = file.metadata()?.len().saturating_sub(kept + HEADER);
    Ok((tags, open.facts.duration(), lost))
}

/// Makes `path` with `.<word>` behind it, and a number if that is taken.
fn beside(path: &Path, word: &str, make: impl Fn(&Path) -> io::Result<()>) -> Result<PathBuf> {
    for number in 1..100 {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { format!(".{word}") } else { format!(".{word}-{number}") });
        let name = PathBuf::from(name);
        match make(&name) {
            Ok(()) => return Ok(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // No links on this file system: then the old one is renamed, and is gone for a moment.
            Err(_) if word == "orig" => {
                return rename_new(path, &name).map(|()| name).map_err(Into::into);
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot create {}", name.display()));
            }
        }
    }
    bail!("too many files like {}.{word}", path.display())
}

/// Bytes that are written together.
const PIECE: usize = 1 << 20;
/// Bytes before the first tag.
const HEADER: u64 = 13;
