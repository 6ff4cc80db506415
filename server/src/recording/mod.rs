//! The recording of one publish, from open to finish: which files its tags go to, and what is in
//! them.
//!
//! ```text
//!            ┌ timeline ─ look ─ facts, index ─ cutter ┐
//!  tags ──▶ │ what is it, where does it belong         │ ──▶ open ──▶ file ──▶ the disk
//!            └───────────── one walk ──────────────────┘      │         └ guard, sync
//!                                                             └ metadata: at the start, filled in at the end
//! ```
//!
//! A recording knows nothing of sockets. It can be moved to another connection, which goes on with it.

mod settings;
mod template;
mod destination;
mod create;
mod presence;
mod marks;
mod timeline;
mod look;
mod facts;
mod index;
mod segment;
mod metadata;
mod open;
mod space;
mod guard;
mod write;
mod file;
mod sync;
mod recover;
mod repair;
mod watch;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use sluicebox_core::{Tags, Tally, flv};

use crate::stats::Stats;
pub(crate) use destination::{Destination, Opening};
use guard::{Guard, Tries};
pub(crate) use look::Look;
use marks::Mark;
pub(crate) use marks::{Origin, Pending};
use open::Open;
pub(crate) use recover::{Kept, Left, Recovered, repair_unfinished};
pub(crate) use repair::repair;
pub(crate) use segment::{Cutter, put_tag, put_timestamp};
pub(crate) use settings::{OnWriteError, Segments, Settings, Sync};
pub(crate) use template::Template;
use template::Values;
pub(crate) use timeline::Timeline;
pub(crate) use watch::{Finished, Resume, Segment, Watch};

/// The recording of one publish.
pub(crate) struct Recording {
    settings: Arc<Settings>,
    values: Values,
    /// None: it has been finished.
    open: Option<Open>,
    mark: Option<Mark>,
    guard: Guard,
    /// The file that is open, or was last.
    segment: Segment,
    /// Tags in files that are closed, and their milliseconds.
    closed: Tally,
    duration: u64,
    timeline: Timeline,
    cutter: Option<Cutter>,
    /// Whole tags that wait to be written together, since then.
    waiting: Vec<u8>,
    since: Option<Instant>,
    /// A keyframe is among what is not written yet.
    keyframe: bool,
    /// Why nothing more goes in, to be told at the next tag.
    failed: Option<anyhow::Error>,
    watch: Box<dyn Watch>,
}

impl Recording {
    /// Where the current file is; `-` is standard output.
    pub(crate) fn path(&self) -> &Path {
        &self.segment.path
    }

    /// Tags written, and the bytes of their bodies.
    pub(crate) fn written(&self) -> Tally {
        let open = self.open.as_ref().map_or_else(Tally::default, |open| open.facts.tally);
        self.closed.plus(open)
    }

    /// Appends a run of tags, looking at each where it lies: what is in the file is this side's word,
    /// not the session's.
    ///
    /// # Errors
    ///
    /// When the run is not whole tags, and when the output takes no more. A file then ends at the
    /// last tag that went in whole. Nothing is to be appended after an error.
    pub(crate) fn append(&mut self, tags: &Tags<'_>, stats: &Stats) -> Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.walk(tags.bytes, stats)?;
        stats.written(tags);
        Ok(())
    }

    /// Looks at every tag once, and writes what lies between two cuts with one write.
    fn walk(&mut self, sent: &[u8], stats: &Stats) -> Result<()> {
        let moves = self.timeline.moves();
        let mut bytes = if moves { Cow::Owned(sent.to_vec()) } else { Cow::Borrowed(sent) };
        let mut tags = flv::tags(sent);
        let (mut start, mut at, mut last) = (0, 0, self.timeline.last());
        while let Some(tag) = tags.next() {
            let look = if let Some(plain) = tag.plain() {
                stats.plain(&tag, &plain);
                plain.into()
            } else {
                let media = tag.media();
                stats.media(&tag, media.as_ref());
                Look::of(media.as_ref())
            };
            let mut timestamp = tag.timestamp;
            if moves {
                timestamp = self.timeline.map(tag.timestamp, look.is_frame());
            }
            if self.cuts_before(look, timestamp, at - start) {
                self.put(&bytes[start..at])?;
                start = at;
                self.next_file(timestamp)?;
                if moves {
                    timestamp = self.timeline.map(tag.timestamp, look.is_frame());
                }
            }
            if let Cow::Owned(bytes) = &mut bytes {
                put_timestamp(&mut bytes[at..], timestamp);
            }
            if let Some(cutter) = &mut self.cutter {
                cutter.note(&tag, look);
            }
            let end = sent.len() - tags.rest().len();
            let wants = self.open.as_ref().is_some_and(Open::wants_metadata);
            if wants && self.begins_with(&flv::Tag { timestamp, ..tag })? {
                start = end;
            } else if let Some(open) = &mut self.open {
                let position = open.file.len() + (self.waiting.len() + at - start) as u64;
                open.note(&tag, look, timestamp, position);
                self.keyframe |= look == Look::Frame { video: true, key: true };
            }
            (at, last) = (end, timestamp);
        }
        self.timeline.pass(last);
        self.put(&bytes[start..at])?;
        if at != sent.len() {
            bail!("the session gave a run that is not whole tags");
        }
        Ok(())
    }

    /// Whether a tag has to begin the next file, when `more` bytes are still to go into this one.
    #[inline]
    fn cuts_before(&self, look: Look, timestamp: u32, more: usize) -> bool {
        let (Some(cutter), Some(open)) = (&self.cutter, &self.open) else { return false };
        let len = open.content() + (self.waiting.len() + more) as u64;
        cutter.is_due(&open.facts, open.facts.time_of(timestamp), len, look)
    }

    /// Puts metadata before the first tag of a file. True: the tag is in it.
    fn begins_with(&mut self, tag: &flv::Tag<'_>) -> Result<bool> {
        let tries = Tries::new();
        loop {
            let Some(open) = self.open.as_mut().filter(|open| open.wants_metadata()) else {
                return Ok(false);
            };
            let error = match open.put_metadata(Some(tag)) {
                Ok(merged) => {
                    self.goes_on(&tries);
                    return Ok(merged);
                }
                Err(error) => error,
            };
            // What was sent as metadata is in the next file already.
            if self.after(error, &tries, false)?
                && self.cutter.as_ref().and_then(Cutter::metadata) == Some(tag.body)
                && let Some(open) = &mut self.open
            {
                open.count(tag);
                return Ok(true);
            }
        }
    }

    /// Ends the file, and goes on with the next: the last metadata and sequence headers, and then the tag
    /// that had this timestamp in the file before.
    fn next_file(&mut self, timestamp: u32) -> Result<()> {
        self.write_waiting()?;
        self.close();
        let tries = Tries::new();
        loop {
            let Err(error) = self.open_next(timestamp) else { break };
            if self.settings.on_write_error == OnWriteError::Stop {
                return Err(error);
            }
            let wanted =
                destination::path_of(&self.settings, &self.values, self.segment.number + 1);
            let wanted = Segment::new(&wanted, self.segment.number + 1);
            self.stumbles(&wanted, &format_args!("{error:#}"), &tries);
            let goes_on = match self.settings.on_write_error {
                OnWriteError::Wait => tries.wait(&self.settings),
                _ => tries.wait_for_new_file(&self.settings),
            };
            if !goes_on {
                return Err(error);
            }
        }
        self.goes_on(&tries);
        Ok(())
    }

    fn open_next(&mut self, timestamp: u32) -> Result<()> {
        let opened = destination::open_file(&self.settings, &self.values, self.segment.number + 1)?;
        self.adopt(opened);
        self.timeline.begin_file();
        let timestamp = if self.settings.segments.rebase { 0 } else { timestamp };
        let (Some(cutter), Some(open)) = (&self.cutter, &mut self.open) else { return Ok(()) };
        let metadata = cutter.metadata();
        let metadata = metadata.map(|body| flv::Tag { kind: flv::SCRIPT, timestamp, body });
        let mut setups = Vec::new();
        if open.put_metadata(metadata.as_ref())? {
            // It was counted when it was sent.
            open.facts.tally = Tally::default();
        } else if let Some(tag) = &metadata {
            put_tag(&mut setups, tag);
        }
        let position = open.file.len();
        cutter.setups(timestamp).for_each(|tag| put_tag(&mut setups, &tag));
        open.note_all(&setups, position);
        open.facts.tally = Tally::default();
        open.write(&setups).map_err(|failed| failed.error)?;
        Ok(())
    }

    /// Takes over a file that was opened.
    fn adopt(&mut self, opened: destination::Opened) {
        self.guard = opened.guard;
        self.segment = Segment::new(opened.open.file.path(), self.segment.number + 1);
        (self.open, self.mark) = (Some(opened.open), opened.mark);
        self.watch.opened(&self.segment);
    }

    /// Nothing comes for now: what waits is written, and gets to the disk if that is wished.
    pub(crate) fn rest(&mut self) {
        self.settle();
        if let Some(open) = &mut self.open {
            open.file.rest();
        }
    }

    /// Writes what waits: without more tags, [`written`](Self::written) stays as it is then.
    pub(crate) fn settle(&mut self) {
        if let Err(error) = self.write_waiting() {
            self.failed = Some(error);
        }
    }

    /// Goes on after its publisher was away, with a publisher whose timestamps may begin anywhere. A file
    /// that is to be as it came takes no moved timestamps: then there is a next file in any case.
    ///
    /// # Errors
    ///
    /// When there has to be a new file and it cannot be made.
    pub(crate) fn resume(&mut self, how: Resume) -> Result<()> {
        match (how, &self.open) {
            (Resume::SameFile(gap), Some(open))
                if !self.settings.raw || !open.file.is_regular() =>
            {
                self.timeline.resume(u32::try_from(gap.as_millis()).unwrap_or(u32::MAX));
                Ok(())
            }
            _ if self.settings.output.is_some() => Ok(()),
            _ => {
                self.write_waiting()?;
                self.close();
                let number = self.segment.number + 1;
                let opened = destination::open_file(&self.settings, &self.values, number)?;
                self.adopt(opened);
                self.timeline = Timeline::new(self.settings.segments.rebase);
                self.cutter = Cutter::wanted(&self.settings);
                Ok(())
            }
        }
    }

    /// Closes the last file.
    pub(crate) fn finish(mut self) -> Finished {
        self.end();
        Finished {
            segments: self.segment.number,
            last: self.segment.clone(),
            written: self.written(),
            duration: self.duration,
        }
    }

    fn end(&mut self) {
        let failed = self.write_waiting().err().or_else(|| self.failed.take());
        if let Some(error) = failed {
            let path = self.path().display().to_string();
            tracing::error!(path, error = format!("{error:#}"), "recording failed");
        }
        self.close();
    }

    /// Finishes the open file: what is known now is filled in, and it gets its last name.
    fn close(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        open.forget();
        let Some(path) = open.file.whereabouts() else { return self.give_up(&open) };
        if *path != *self.segment.path {
            let (from, to) = (self.segment.path.display(), path.display());
            tracing::warn!(%from, %to, "the file was moved while it was written");
        }
        let warn = |error: std::io::Error| {
            tracing::warn!(path = %path.display(), %error, "the file is not finished");
        };
        let finished = destination::finish(&mut open, &path).map_err(warn);
        self.guard.settle();
        self.closed = self.closed.plus(open.facts.tally);
        self.duration += open.facts.duration();
        self.segment.close(&open, finished.as_deref().unwrap_or(&path));
        let mark = self.mark.take().filter(|_| finished.is_ok());
        self.segment.pending = mark.map(Pending::new);
        drop(open);
        self.watch.closed(&self.segment);
        self.segment.pending = None;
    }

    /// The open file was removed under us. What is in it counts for nothing.
    fn give_up(&mut self, open: &Open) {
        self.guard.settle();
        if let Some(mark) = self.mark.take() {
            mark.remove();
        }
        let messages = open.facts.tally.messages;
        let path = self.path().display().to_string();
        tracing::error!(path, messages, "the file was removed: what was in it is lost");
        let error = format!("the file was removed, with {messages} messages");
        self.watch.lost(&self.segment, &error);
    }
}

/// A recording that nobody finished, as when a bug ended its connection, ends here.
impl Drop for Recording {
    fn drop(&mut self) {
        self.end();
    }
}
