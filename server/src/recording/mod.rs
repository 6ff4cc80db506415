//! The recording of one publish, from open to finish: which files its tags go to, and what is in
//! them.
//!
//! ```text
//!  tags ─▶ Recording ─▶ count ─▶ OutputFile ─▶ file, FIFO, standard output
//!                         └────▶ Watch         opened · closed
//! ```
//!
//! A recording knows nothing of sockets. It can be moved to another connection, which goes on with it.

#![allow(
    dead_code,
    reason = "facts for whoever watches, and ways to go on, come before their users"
)]

mod destination;
mod file;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use jiff::Timestamp;
use sluicebox_core::{Tags, Tally, flv};

use crate::stats::Stats;
pub(crate) use destination::{Destination, Opening};
use file::OutputFile;

/// A file of a recording, and what is in it.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Where it is; `-` is standard output.
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
    /// Milliseconds from the first media tag to the last.
    pub(crate) duration: u64,
}

/// Told of every file of a recording. Called by the thread that has the recording: nothing in it may
/// wait.
pub(crate) trait Watch: Send {
    /// A file was opened.
    fn opened(&mut self, segment: &Segment);
    /// A file was closed, and has its final name. Nothing more happens to it.
    fn closed(&mut self, segment: &Segment);
}

/// Watches nothing.
impl Watch for () {
    fn opened(&mut self, _: &Segment) {}
    fn closed(&mut self, _: &Segment) {}
}

/// The recording of one publish.
pub(crate) struct Recording {
    /// None: it has been finished.
    file: Option<OutputFile>,
    segment: Segment,
    written: Tally,
    session: String,
    watch: Box<dyn Watch>,
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
}

/// How a recording goes on when its publisher has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// In the same file: timestamps go on where they ended, this much later.
    SameFile(std::time::Duration),
    /// In the next file.
    NextSegment,
}

impl Recording {
    /// Begins with the first file, which is open and empty.
    fn begin(file: OutputFile, session: String, mut watch: Box<dyn Watch>) -> Result<Self> {
        let began = Timestamp::now();
        let segment = Segment {
            path: file.path().into(),
            number: 1,
            began,
            ended: began,
            len: 0,
            tally: Tally::default(),
            duration: 0,
        };
        watch.opened(&segment);
        let mut recording =
            Self { file: Some(file), segment, written: Tally::default(), session, watch };
        recording.write(&flv::FILE_HEADER)?;
        Ok(recording)
    }

    /// Where the current file is; `-` is standard output.
    pub(crate) fn path(&self) -> &Path {
        &self.segment.path
    }

    /// Tags written, and the bytes of their bodies.
    pub(crate) fn written(&self) -> Tally {
        self.written
    }

    /// What tells this recording from all others, in names, logs and events.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// Appends a run of tags, counting them where they lie: what is in the file is this side's word,
    /// not the session's.
    ///
    /// # Errors
    ///
    /// When the run is not whole tags, and when the output takes no more. A file then ends at the
    /// last tag that went in whole. Nothing is to be appended after an error.
    pub(crate) fn append(&mut self, tags: &Tags<'_>, stats: &Stats) -> Result<()> {
        let (run, len) = count(tags.bytes, |tag| stats.tag(tag));
        if len != tags.bytes.len() {
            bail!("the session gave a run that is not whole tags");
        }
        self.write(tags.bytes)?;
        self.count(run);
        stats.written(tags);
        Ok(())
    }

    /// Goes on after its publisher was away, with a publisher whose timestamps may begin anywhere.
    ///
    /// # Errors
    ///
    /// When there has to be a new file and it cannot be made.
    pub(crate) fn resume(&mut self, _how: Resume) -> Result<()> {
        Ok(())
    }

    /// Closes the last file.
    pub(crate) fn finish(mut self) -> Finished {
        self.close();
        Finished {
            segments: self.segment.number,
            last: self.segment.clone(),
            written: self.written,
        }
    }

    fn close(&mut self) {
        if let Some(file) = self.file.take() {
            self.segment.len = file.len();
            self.segment.ended = Timestamp::now();
            self.watch.closed(&self.segment);
        }
    }

    fn count(&mut self, run: Tally) {
        self.written = self.written.plus(run);
        self.segment.tally = self.segment.tally.plus(run);
    }

    /// Writes whole tags. When that fails, what went in whole is kept and counted, and the rest is
    /// cut off: a file ends at a tag again.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(file) = &mut self.file else { bail!("the recording is finished") };
        let Err(torn) = file.write(bytes) else { return Ok(()) };
        let (run, len) = count(&bytes[..torn.gone], |_| ());
        file.cut_back(torn.gone - len);
        self.count(run);
        let path = self.path().display();
        Err(anyhow::Error::new(torn.error).context(format!("cannot write {path}")))
    }
}

/// A recording that nobody finished, as when a bug ended its connection, ends here.
impl Drop for Recording {
    fn drop(&mut self) {
        self.close();
    }
}

/// Counts the whole tags at the start of `bytes`: their number and bodies, and their length in all.
fn count(bytes: &[u8], mut each: impl FnMut(&flv::Tag<'_>)) -> (Tally, usize) {
    let mut tally = Tally::default();
    let mut tags = flv::tags(bytes);
    for tag in &mut tags {
        tally.add(tag.body.len());
        each(&tag);
    }
    (tally, bytes.len() - tags.rest().len())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use sluicebox_core::StreamId;

    use super::*;

    const TAG: &[u8] = b"\x08\0\0\x02\0\0\0\0\0\0\0ab\0\0\0\x0d";

    fn open(folder: &Path) -> Recording {
        Destination::new(folder, None).unwrap().open(Opening::for_tests("live", "cam")).unwrap()
    }

    #[test]
    fn whole_tags_are_counted_and_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut recording = open(folder.path());
        let run = |bytes| Tags { stream: StreamId(1), bytes, count: 1, refused: 0 };
        let stats = Stats::default();
        recording.append(&run(TAG), &stats).unwrap();
        assert_eq!(recording.written(), Tally { messages: 1, bytes: 2 });
        recording.append(&run(&TAG[..TAG.len() - 1]), &stats).unwrap_err();
        assert_eq!(fs::read(recording.path()).unwrap(), [&flv::FILE_HEADER, TAG].concat());
        let finished = recording.finish();
        assert_eq!((finished.segments, finished.last.len), (1, 30));
    }
}
