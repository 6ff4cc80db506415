//! Where recordings go: a new file for each below a folder, or an output that was named.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use sluicebox_core::Tally;
use sluicebox_rules::name::PublishPoint;

use super::Recording;
use super::create::{self, create, mark};
use super::file::OutputFile;
use super::guard::Guard;
use super::marks::Mark;
use super::metadata;
use super::open::Open;
use super::presence::Presence;
use super::segment::Cutter;
use super::settings::Settings;
use super::template::Values;
use super::timeline::Timeline;
use super::watch::{Segment, Watch};
use crate::events::About;

/// Where recordings go.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    settings: Arc<Settings>,
}

/// What a recording is opened for.
pub(crate) struct Opening<'a> {
    pub(crate) point: &'a PublishPoint,
    pub(crate) about: Arc<About>,
    pub(crate) watch: Box<dyn Watch>,
}

/// A file that was opened, and its mark.
pub(super) struct Opened {
    pub(super) open: Open,
    pub(super) mark: Option<Mark>,
    pub(super) guard: Guard,
}

impl Destination {
    /// What the flags say. A file that has something in it is not written over.
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        match &settings.output {
            None => {
                let folder = &settings.folder;
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            }
            Some(output) if output == Path::new("-") => {}
            Some(output) => match fs::metadata(output) {
                Ok(meta) if meta.is_dir() => {
                    bail!("{} is a folder: see --record-dir", output.display())
                }
                Ok(meta) if meta.is_file() && meta.len() > 0 => {
                    bail!("{} exists and is not written over", output.display())
                }
                // Not at the first publish: by then, somebody streams.
                Ok(_) => {}
                Err(error) => may_be_made(output, error)?,
            },
        }
        Ok(Self { settings: Arc::new(settings) })
    }

    /// Where recordings go, for people.
    pub(crate) fn name(&self) -> String {
        self.settings.output.as_ref().unwrap_or(&self.settings.folder).display().to_string()
    }

    /// The folder below which recordings are files of their own; none: there is one output.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.settings.output.is_none().then_some(&self.settings.folder)
    }

    /// Tells other servers that this one runs.
    pub(crate) fn presence(&self) -> &Arc<Presence> {
        &self.settings.presence
    }

    /// The one output that was named, if one was.
    pub(crate) fn output(&self) -> Option<&Path> {
        self.settings.output.as_deref()
    }

    /// Opens the recording of a publish that starts now.
    ///
    /// # Errors
    ///
    /// When its first file cannot be made, or too little is free for it.
    pub(crate) fn open(&self, opening: Opening<'_>) -> Result<Recording> {
        let settings = self.settings.clone();
        let values = Values {
            point: opening.point.path(),
            published: Timestamp::now(),
            about: opening.about,
            unique: RandomState::new().hash_one(Instant::now()),
        };
        let Opened { open, mark, guard } = open_file(&settings, &values, 1)?;
        let segment = Segment::new(open.file.path(), 1);
        let mut watch = opening.watch;
        watch.opened(&segment);
        Ok(Recording {
            guard,
            timeline: Timeline::new(settings.segments.rebase),
            cutter: Cutter::wanted(&settings),
            settings,
            values,
            open: Some(open),
            mark,
            segment,
            closed: Tally::default(),
            duration: 0,
            waiting: Vec::new(),
            since: None,
            keyframe: false,
            failed: None,
            watch,
        })
    }
}

/// Whether a file that cannot be looked at can be made all the same: it is not there, its folder is.
fn may_be_made(output: &Path, error: io::Error) -> Result<()> {
    if error.kind() != io::ErrorKind::NotFound {
        return Err(error).with_context(|| format!("cannot write to {}", output.display()));
    }
    let folder = output.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        bail!("cannot write to {}: there is no folder {}", output.display(), folder.display());
    }
    Ok(())
}

/// The path that a file of a recording with this number is to have, if nothing is there.
pub(super) fn path_of(settings: &Settings, values: &Values, number: u32) -> PathBuf {
    settings.output.clone().unwrap_or_else(|| create::wanted(settings, values, number))
}

/// Opens the file of a recording that has this number.
pub(super) fn open_file(settings: &Settings, values: &Values, number: u32) -> Result<Opened> {
    let (file, path, mark) = match &settings.output {
        None => {
            let made = create(settings, values, number)?;
            (made.file, made.path, true)
        }
        Some(path) if path == Path::new("-") => {
            (stdout().context("cannot open standard output")?, path.clone(), false)
        }
        Some(path) => {
            let open = OpenOptions::new().write(true).create(true).truncate(false).open(path);
            (open.with_context(|| format!("cannot open {}", path.display()))?, path.clone(), false)
        }
    };
    let named = settings.output.as_deref() != Some(Path::new("-"));
    // And one for the sequence header.
    let entries = (!settings.raw && named).then_some(settings.index + 1);
    begin(
        settings,
        values,
        number,
        OutputFile::new(file, path.clone(), settings.sync),
        entries,
        mark,
    )
    .inspect_err(|_| {
        // Of no use to anybody.
        if settings.output.is_none() {
            let _ = fs::remove_file(&path);
        }
    })
}

fn begin(
    settings: &Settings,
    values: &Values,
    number: u32,
    file: OutputFile,
    entries: Option<usize>,
    marked: bool,
) -> Result<Opened> {
    let path = file.path().to_owned();
    let write =
        |error| anyhow::Error::new(error).context(format!("cannot write {}", path.display()));
    let index = entries.map_or(0, metadata::room);
    let guard = Guard::new(settings.min_free, &file, index).map_err(write)?;
    // Locked by now: nobody takes the mark for an orphan's.
    let mark = if marked { mark(settings, values, number, &path) } else { None };
    match Open::begin(file, entries) {
        Ok(open) => Ok(Opened { open, mark, guard }),
        Err(error) => {
            if let Some(mark) = mark {
                mark.remove();
            }
            Err(write(error))
        }
    }
}

/// Finishes a file, and gives its last name.
pub(super) fn finish(open: &mut Open, path: &Path) -> io::Result<PathBuf> {
    open.complete()?;
    open.file.sync_at_end()?;
    let last = if open.file.is_regular() { create::settle(path)? } else { path.to_owned() };
    if open.file.syncs_at_end() {
        create::sync_folder(&last)?;
    }
    Ok(last)
}

/// Standard output without the line buffer that the standard library puts before it.
fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    let own = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned()?;
    #[cfg(windows)]
    let own = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned()?;
    Ok(own.into())
}
