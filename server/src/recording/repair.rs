//! Files that nobody finished: after a crash, and after a power loss.
//!
//! On start, what is marked as unfinished and held by nobody is finished where it lies, as its recording
//! would have done: what is behind the last whole tag is cut off, duration and index are filled in. A
//! file that has whole tags behind damage is left for [`repair`], which writes a new file: nothing is
//! done to the old one before the new one is on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use sluicebox_core::Tally;
use sluicebox_core::flv::SCRIPT;
use sluicebox_media::file::{End, Reader};
use sluicebox_media::tracks::Tracks;

use super::create::{rename_new, settle, settled, sync_folder};
use super::file::{OutputFile, lock};
use super::look::Look;
use super::marks::{self, Mark, Origin, Pending};
use super::metadata::Metadata;
use super::open::Open;
use super::segment::put_tag;
use super::settings::Sync;

/// A file that a crash had left, and that is finished now.
#[derive(Clone, Debug)]
pub(crate) struct Recovered {
    /// Its last name.
    pub(crate) path: PathBuf,
    /// Where it comes from, if that is known.
    pub(crate) origin: Option<Origin>,
    /// Its number in its recording.
    pub(crate) segment: u32,
    /// When the last of it was written.
    pub(crate) ended: Timestamp,
    /// Its length, in bytes.
    pub(crate) len: u64,
    /// Tags in it without metadata of ours, and the bytes of their bodies.
    pub(crate) tally: Tally,
    /// All tags in it.
    pub(crate) tags: u64,
    /// Milliseconds from the first frame to the latest.
    pub(crate) duration: u64,
    pub(crate) tracks: Tracks,
    /// Bytes that were in it and are not any more.
    pub(crate) cut: u64,
    /// How it ended.
    pub(crate) end: String,
    /// To be done with when all that follows is done.
    pub(crate) pending: Arc<Pending>,
}

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

/// Finishes what was left unfinished below `root`, and is held by nobody. `each` is told of every file
/// that is finished then.
pub(crate) fn repair_unfinished(root: &Path, each: impl Fn(Recovered)) {
    let (mut finished, mut held, mut failed) = (0, 0, 0);
    for (mark, path) in marks::all(root) {
        match finish(&path, &mark) {
            Ok(None) => held += 1,
            Ok(Some(recovered)) => {
                finished += 1;
                let (path, end) = (recovered.path.display().to_string(), &recovered.end);
                let (tags, bytes_cut) = (recovered.tags, recovered.cut);
                let seconds = std::time::Duration::from_millis(recovered.duration).as_secs_f64();
                tracing::info!(path, tags, seconds, bytes_cut, end, "finished after a crash");
                each(recovered);
            }
            Err(error) if is_gone(&error) => mark.remove(),
            Err(error) => {
                failed += 1;
                let (path, error) = (path.display().to_string(), format!("{error:#}"));
                tracing::warn!(path, error, "cannot finish what a crash has left");
            }
        }
    }
    if finished + held + failed > 0 {
        tracing::info!(finished, held, failed, "looked through unfinished recordings");
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Opens what was left under this name, or under the one that it got last.
fn open_left(path: &Path, mark: &Mark) -> io::Result<(File, PathBuf)> {
    let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
    match (open(path), mark.origin()) {
        (Err(error), Some(origin)) if error.kind() == io::ErrorKind::NotFound => {
            // It got its last name, and the server went no further.
            let path = settled(path, &origin).ok_or(error)?;
            Ok((open(&path)?, path))
        }
        (file, _) => Ok((file?, path.to_owned())),
    }
}

/// Finishes a file where it lies. None: somebody holds it.
fn finish(path: &Path, mark: &Mark) -> Result<Option<Recovered>> {
    let (file, path) = open_left(path, mark)?;
    if !lock(&file).context("the file system knows no locks: see `sluicebox repair`")? {
        return Ok(None);
    }
    let meta = file.metadata()?;
    let (len, ended) = (meta.len(), meta.modified()?.try_into()?);
    let mut reader = Reader::new(&file);
    let first = reader.next()?.filter(|entry| entry.tag.kind == SCRIPT);
    let metadata = first.and_then(|entry| Metadata::find(entry.tag.body, entry.offset));
    let mut open =
        Open::found(OutputFile::new(file.try_clone()?, path.clone(), Sync::Close), metadata);
    (&file).rewind()?;
    let mut reader = Reader::new(&file);
    let (mut tags, mut tracks) = (0, Tracks::default());
    while let Some(entry) = reader.next()? {
        tags += 1;
        tracks.tag(&entry.tag);
        if tags == 1 && metadata.is_some_and(|metadata| metadata.is_alone(entry.offset)) {
            continue;
        }
        let look = Look::at(&entry.tag);
        open.note(&entry.tag, look, entry.tag.timestamp, entry.offset);
    }
    let end = reader.end().context("the reader stopped before the end")?;
    if matches!(end, End::Broken { .. } | End::TornTail { .. }) && reader.resync()?.is_some() {
        bail!("{end}, and tags are behind that: see `sluicebox repair`");
    }
    let whole = end.offset().unwrap_or(len);
    if whole < len || len == 0 {
        open.file.cut_back(whole);
    } else {
        open.file.found(whole);
    }
    if whole > 0 {
        open.complete()?;
    }
    open.file.sync_at_end()?;
    let last = settle(&path)?;
    sync_folder(&last)?;
    Ok(Some(Recovered {
        path: last,
        origin: mark.origin(),
        segment: mark.segment(),
        ended,
        len: whole,
        tally: open.facts.tally,
        tags,
        duration: open.facts.duration(),
        tracks,
        cut: len - whole,
        end: end.to_string(),
        pending: Pending::new(mark.clone(), open.file.shared()),
    }))
}

/// Repairs a file by hand: writes what is whole in it to a new one, gets that to the disk, and gives it
/// the old one's name. The old one is kept beside it, as `FILE.orig`, unless that is not wished. A file
/// that is finished, and whole, is left alone.
///
/// # Errors
///
/// When it is no FLV file, somebody writes to it, or the new file cannot be written. The old one is then
/// as it was.
pub(crate) fn repair(path: &Path, entries: usize, keep: bool) -> Result<Repaired> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    // Where there are no locks, it is the caller's word that nobody writes to it.
    if matches!(lock(&file), Ok(false)) {
        bail!("{} is being written", path.display());
    }
    let len = file.metadata()?.len();
    let found = look_through(&file, len)?;
    if found.finished {
        return Ok(found);
    }
    let new = beside(path, "repair", |new| {
        OpenOptions::new().write(true).read(true).create_new(true).open(new).map(|_| ())
    })?;
    let written = write_new(&file, &new, entries).and_then(|(tags, duration, lost)| {
        fs::set_permissions(&new, file.metadata()?.permissions())?;
        let original =
            if keep { Some(beside(path, "orig", |to| fs::hard_link(path, to))?) } else { None };
        fs::rename(&new, path)?;
        sync_folder(path)?;
        Ok(Repaired { tags, duration, lost, original, finished: false, ..found })
    });
    written.inspect_err(|_| drop(fs::remove_file(&new)))
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
