//! What a server has left that does not run any more.
//!
//! What is marked as unfinished and held by nobody is finished where it lies, as its recording would have
//! done: what is behind the last whole tag is cut off, duration and index are filled in. A file that has
//! whole tags behind damage is left for [`repair`](super::repair()), which writes a new file. One in which nothing
//! was recorded is removed. Of one that was finished in order, only what follows is still to be done.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::Value;
use sluicebox_core::Tally;
use sluicebox_core::flv::{self, SCRIPT};
use sluicebox_media::file::{End, Reader};
use sluicebox_media::tracks::Tracks;

use super::create::{settle, settled, sync_folder};
use super::file::{OutputFile, lock};
use super::look::Look;
use super::marks::{self, Mark, Note, Origin, Pending};
use super::metadata::Metadata;
use super::open::Open;
use super::presence::{self, Presence};
use super::settings::Sync;
use crate::sidecar;

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
    /// It had been finished in order, and no more is known of that.
    pub(crate) finished: bool,
    /// Its program has run already.
    pub(crate) ran: bool,
    /// To be done with when all that follows is done.
    pub(crate) pending: Arc<Pending>,
}

/// A file that was finished in order, and that its sidecar or its program still waits for.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) path: PathBuf,
    pub(crate) origin: Option<Origin>,
    /// What its sidecar says.
    pub(crate) sidecar: Value,
    /// Where that lies, if it does.
    pub(crate) written: Option<PathBuf>,
    pub(crate) ended: Timestamp,
    /// Its length, in bytes.
    pub(crate) len: u64,
    /// Its program has run.
    pub(crate) ran: bool,
    /// To be done with when all that follows is done.
    pub(crate) pending: Arc<Pending>,
}

/// What was left, and is finished now.
#[derive(Clone, Debug)]
pub(crate) enum Left {
    Recovered(Box<Recovered>),
    Kept(Box<Kept>),
    /// Nothing was recorded in it: it is removed.
    Empty(PathBuf, Option<Origin>, u64),
}

impl Left {
    fn path(&self) -> &Path {
        match self {
            Self::Recovered(recovered) => &recovered.path,
            Self::Kept(kept) => &kept.path,
            Self::Empty(path, ..) => path,
        }
    }
}

/// Finishes what was left below `root`, and is held by nobody. `each` is told of every file that is finished
/// then.
pub(crate) fn repair_unfinished(root: &Path, presence: &Presence, each: impl Fn(Left)) {
    let (mut finished, mut held, mut failed) = (0, 0, 0);
    for (mark, path) in marks::all(root) {
        let orphan = Orphan { root, mark: &mark, presence };
        match orphan.finish(&path) {
            Ok(None) => held += 1,
            Ok(Some(left)) => {
                finished += 1;
                log(&left);
                each(left);
            }
            Err(error) if is_gone(&error) => {
                tracing::warn!(path = %path.display(), "what was left is not there any more");
                mark.remove();
            }
            Err(error) => {
                failed += 1;
                let (path, error) = (path.display().to_string(), format!("{error:#}"));
                tracing::warn!(path, error, "cannot finish what a crash has left");
            }
        }
    }
    presence::clear(root);
    if finished + held + failed > 0 {
        tracing::info!(finished, held, failed, "looked through unfinished recordings");
    }
}

fn log(left: &Left) {
    match left {
        Left::Recovered(recovered) if !recovered.finished => {
            let (path, end) = (recovered.path.display().to_string(), &recovered.end);
            let (tags, bytes_cut) = (recovered.tags, recovered.cut);
            let seconds = std::time::Duration::from_millis(recovered.duration).as_secs_f64();
            tracing::info!(path, tags, seconds, bytes_cut, end, "finished after a crash");
        }
        Left::Recovered(_) | Left::Kept(_) => {
            let path = left.path().display().to_string();
            tracing::info!(path, "was finished, what follows is done now");
        }
        Left::Empty(path, _, bytes) => {
            let path = path.display().to_string();
            tracing::info!(path, bytes, "removed, as nothing was recorded in it");
        }
    }
}

fn is_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Opens what was left under this name, or under the one that it got last.
fn open_left(path: &Path, note: Option<&Note>) -> io::Result<(File, PathBuf)> {
    let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
    match (open(path), note) {
        (Err(error), Some(note)) if error.kind() == io::ErrorKind::NotFound => {
            // It got its last name, and the server went no further.
            let path = settled(path, &note.origin).ok_or(error)?;
            Ok((open(&path)?, path))
        }
        (file, _) => Ok((file?, path.to_owned())),
    }
}

/// A mark that nobody may look after any more.
struct Orphan<'a> {
    root: &'a Path,
    mark: &'a Mark,
    presence: &'a Presence,
}

impl Orphan<'_> {
    /// Finishes the file at `path` where it lies. None: somebody holds it.
    fn finish(&self, path: &Path) -> Result<Option<Left>> {
        let (file, path) = open_left(path, self.mark.note().as_ref())?;
        if !lock(&file).context("the file system knows no locks: see `sluicebox repair`")? {
            return Ok(None);
        }
        // As it is now: another server may have come first.
        let note = self.mark.note();
        let server = note.as_ref().and_then(|note| note.server.as_deref());
        if !self.mark.exists() || server.is_some_and(|name| presence::is_present(self.root, name)) {
            return Ok(None);
        }
        let len = file.metadata()?.len();
        if is_blank(&file)? {
            fs::remove_file(&path)?;
            self.mark.remove();
            return Ok(Some(Left::Empty(path, note.map(|note| note.origin), len)));
        }
        if let Some(kept) = self.kept(&path, len, note.as_ref()) {
            self.take(false);
            return Ok(Some(Left::Kept(Box::new(kept))));
        }
        let recovered = self.recover(&file, path, note)?;
        Ok(Some(Left::Recovered(Box::new(recovered))))
    }

    /// From now on, this server does what is to be done.
    fn take(&self, crashed: bool) {
        self.mark.change_note(|note| {
            note.server = self.presence.name(self.root);
            note.crashed |= crashed;
        });
    }

    /// What is known of a file that was finished in order, and has its last name: by its sidecar, or by
    /// what was noted.
    fn kept(&self, path: &Path, len: u64, note: Option<&Note>) -> Option<Kept> {
        let at = sidecar::path_of(path);
        let lies = sidecar::read(&at).filter(|(mark, _)| mark.is_of(path, len));
        let noted =
            || sidecar::parse(note?.sidecar.clone()?).filter(|(mark, _)| mark.is_of(path, len));
        let written = lies.is_some().then_some(at);
        let (mark, sidecar) = lies.or_else(noted)?;
        Some(Kept {
            path: path.to_owned(),
            origin: note.map(|note| note.origin.clone()),
            sidecar,
            written,
            ended: mark.ended,
            len,
            ran: note.is_some_and(|note| note.ran),
            pending: Pending::new(self.mark.clone()),
        })
    }

    fn recover(&self, file: &File, path: PathBuf, note: Option<Note>) -> Result<Recovered> {
        let meta = file.metadata()?;
        let (len, ended) = (meta.len(), meta.modified()?.try_into()?);
        let mut reader = Reader::new(file);
        let first = reader.next()?.filter(|entry| entry.tag.kind == SCRIPT);
        let says = first.as_ref().and_then(|entry| Metadata::says(entry.tag.body));
        let metadata = first.and_then(|entry| Metadata::find(entry.tag.body, entry.offset));
        let mut open =
            Open::found(OutputFile::new(file.try_clone()?, path.clone(), Sync::Close), metadata);
        let mut file = file;
        file.rewind()?;
        let mut reader = Reader::new(file);
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
        if reader.header()?.is_none() {
            bail!("{end}");
        }
        if matches!(end, End::Broken { .. } | End::TornTail { .. }) && reader.resync()?.is_some() {
            bail!("{end}, and tags are behind that: see `sluicebox repair`");
        }
        let finished = says == Some(len)
            && end == End::Sound
            && !note.as_ref().is_some_and(|note| note.crashed);
        let ran = note.as_ref().is_some_and(|note| note.ran);
        self.take(!finished);
        let whole = end.offset().unwrap_or(len);
        if whole < len {
            open.file.cut_back(whole);
        } else {
            open.file.found(whole);
        }
        open.complete()?;
        open.file.sync_at_end()?;
        let last = settle(&path)?;
        sync_folder(&last)?;
        Ok(Recovered {
            path: last,
            origin: note.map(|note| note.origin),
            segment: self.mark.segment(),
            ended,
            len: whole,
            tally: open.facts.tally,
            tags,
            duration: open.facts.duration(),
            tracks,
            cut: len - whole,
            end: end.to_string(),
            finished,
            ran,
            pending: Pending::new(self.mark.clone()),
        })
    }
}

/// Whether nothing was recorded in a file: there are zeros only, as a power loss leaves them, or not even all
/// of a header.
pub(super) fn is_blank(file: &File) -> io::Result<bool> {
    let mut start = Vec::new();
    let mut file = file;
    file.rewind()?;
    file.take(flv::FILE_HEADER.len() as u64).read_to_end(&mut start)?;
    let mut blank = start.iter().all(|byte| *byte == 0);
    if start.len() < flv::FILE_HEADER.len() && flv::FILE_HEADER.starts_with(&start) {
        return Ok(true);
    }
    let mut piece = vec![0; 64 << 10];
    while blank {
        match file.read(&mut piece)? {
            0 => break,
            len => blank = piece[..len].iter().all(|byte| *byte == 0),
        }
    }
    file.rewind()?;
    Ok(blank)
}
