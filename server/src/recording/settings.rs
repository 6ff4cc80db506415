//! How recordings are written: what the flags say.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::presence::Presence;
use super::template::Template;
use crate::shutdown::Stop;

/// Settings of all recordings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Folder for recordings.
    pub(crate) folder: PathBuf,
    /// One output for one publish, instead.
    pub(crate) output: Option<PathBuf>,
    /// Names below the folder.
    pub(crate) path: Template,
    /// A file has `.part` behind its name until it is closed.
    pub(crate) part: bool,
    /// Bytes go into files as they came: nothing is added, nothing changed.
    pub(crate) raw: bool,
    /// Entries of the index of keyframes.
    pub(crate) index: usize,
    pub(crate) segments: Segments,
    /// How long tags may wait in memory to be written together.
    pub(crate) flush: Duration,
    pub(crate) sync: Sync,
    /// Bytes that have to stay free.
    pub(crate) min_free: u64,
    pub(crate) on_write_error: OnWriteError,
    /// Tells other servers that files which wait are not left by a crash.
    pub(crate) presence: Arc<Presence>,
    /// Ends all waiting.
    pub(crate) stop: &'static Stop,
}

/// When a recording goes on in the next file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segments {
    /// Milliseconds of media in a file; none: no bound.
    pub(crate) time: Option<u64>,
    /// Bytes of a file; none: no bound.
    pub(crate) size: Option<u64>,
    /// Timestamps of every file begin at 0.
    pub(crate) rebase: bool,
}

/// When what was written has to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// When the system sees fit.
    None,
    /// When a file is closed.
    Close,
    /// At each keyframe, all before it; and when a file is closed.
    Keyframe,
    /// So often; and when a file is closed.
    Interval(Duration),
}

/// What to do when a file takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnWriteError {
    /// End the recording, and tell the publisher
    Stop,
    /// Hold the publisher back and try again, for as long as it takes: for a full disk
    Wait,
    /// Go on in a new file; after 30 seconds of failing, stop
    Retry,
}
