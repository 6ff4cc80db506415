//! What others are told of a recording.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sluicebox_core::Tally;

use super::marks::Pending;
use super::open::Open;

/// A file of a recording, and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Where it is; `-` is standard output. Once it is closed, this is its last name.
    pub(crate) path: Arc<Path>,
    /// The first file of a recording is 1.
    pub(crate) number: u32,
    /// When it was opened, and closed, by the wall clock. Of an open one, both are the same.
    pub(crate) began: Timestamp,
    pub(crate) ended: Timestamp,
    /// Its length, in bytes.
    pub(crate) len: u64,
    /// Tags in it that the publisher sent, and the bytes of their bodies.
    pub(crate) tally: Tally,
    /// Milliseconds from the first frame to the latest.
    pub(crate) duration: u64,
    /// There is audio, and video.
    pub(crate) audio: bool,
    pub(crate) video: bool,
    /// Video frames that a decoder can start at.
    pub(crate) keyframes: u64,
    /// Of one that is finished: to be done with when all that follows is done.
    pub(crate) pending: Option<Arc<Pending>>,
}

/// Told of every file of a recording. Called by the thread that has the recording: nothing in it may
/// wait.
pub(crate) trait Watch: Send {
    /// A file was opened.
    fn opened(&mut self, segment: &Segment);
    /// A file was closed, and has its last name. Nothing more happens to it.
    fn closed(&mut self, segment: &Segment);
    /// A file was removed while it was open, and is not closed.
    fn lost(&mut self, segment: &Segment, error: &str);
    /// A write to a file failed, and is tried again. It may be a file that cannot be opened.
    fn stumbles(&mut self, segment: &Segment, error: &dyn Display);
    /// The recording goes on after that, in this file: so long after the first try.
    fn goes_on(&mut self, segment: &Segment, after: Duration);
}

/// Watches nothing.
impl Watch for () {
    fn opened(&mut self, _: &Segment) {}
    fn closed(&mut self, segment: &Segment) {
        segment.done();
    }
    fn lost(&mut self, _: &Segment, _: &str) {}
    fn stumbles(&mut self, _: &Segment, _: &dyn Display) {}
    fn goes_on(&mut self, _: &Segment, _: Duration) {}
}

/// What a recording came to.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// How many files there are.
    pub(crate) segments: u32,
    /// The last of them.
    pub(crate) last: Segment,
    /// Tags in all of them that the publisher sent, and the bytes of their bodies.
    pub(crate) written: Tally,
    /// Milliseconds of all of them together, each from its first frame to the latest.
    pub(crate) duration: u64,
}

/// How a recording goes on when its publisher has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// In the same file: timestamps go on where they ended, this much later.
    SameFile(Duration),
    /// In the next file.
    NextSegment,
}

impl Segment {
    /// A file that was opened just now.
    pub(super) fn new(path: &Path, number: u32) -> Self {
        let now = Timestamp::now();
        Self {
            path: path.into(),
            number,
            began: now,
            ended: now,
            len: 0,
            tally: Tally::default(),
            duration: 0,
            audio: false,
            video: false,
            keyframes: 0,
            pending: None,
        }
    }

    /// Nothing is to be done with it any more.
    pub(crate) fn done(&self) {
        if let Some(pending) = &self.pending {
            pending.done();
        }
    }

    /// It was closed just now, under this name.
    pub(super) fn close(&mut self, open: &Open, path: &Path) {
        let facts = &open.facts;
        self.path = path.into();
        self.ended = Timestamp::now();
        (self.len, self.tally, self.duration) = (open.file.len(), facts.tally, facts.duration());
        (self.audio, self.video, self.keyframes) = (facts.audio, facts.video, facts.keyframes);
    }
}
