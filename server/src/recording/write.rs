//! Tags on their way into the file: at once or together with others, and what happens when it takes no
//! more.

use std::borrow::Cow;
use std::time::Instant;

use anyhow::{Result, bail};

use super::Recording;
use super::guard::{Next, Tries, passes};
use super::open::Failed;
use super::watch::Segment;

/// Bytes that wait in memory for more at most.
const FULL: usize = 1 << 20;

impl Recording {
    /// Writes whole tags that have been noted, at once or together with others.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if self.settings.flush.is_zero() {
            return self.write(bytes);
        }
        self.waiting.extend_from_slice(bytes);
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.waiting.len() < FULL && since.elapsed() < self.settings.flush {
            return Ok(());
        }
        self.write_waiting()
    }

    pub(super) fn write_waiting(&mut self) -> Result<()> {
        self.since = None;
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() { Ok(()) } else { self.write(&waiting) }
    }

    /// Writes whole tags that have been noted. When that fails, it goes on as is wished: not at all, in
    /// the same file, or in a new one.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = Cow::Borrowed(bytes);
        let tries = Tries::new();
        let mut is_new = false;
        loop {
            let Some(open) = &mut self.open else { bail!("the recording is finished") };
            let written = match self.guard.look(&open.file, rest.len()) {
                Ok(_room) => open.write(&rest),
                Err(error) => Err(Failed { whole: 0, error }),
            };
            let failed = match written {
                Ok(()) => {
                    open.file.sync_if_due(std::mem::take(&mut self.keyframe));
                    self.goes_on(&tries);
                    return Ok(());
                }
                Err(failed) => failed,
            };
            open.forget();
            rest = Cow::Owned(rest[failed.whole..].to_vec());
            // Where not even one tag of it fits, the next file has no use either.
            let in_vain = is_new && failed.whole == 0;
            let opened = self.after(failed.error, &tries, in_vain)?;
            is_new = opened || in_vain;
            if opened {
                rest = Cow::Owned(self.timeline.move_on(rest.into_owned()));
            }
            let Some(open) = &mut self.open else { bail!("the recording is finished") };
            let position = open.file.len();
            open.note_all(&rest, position);
        }
    }

    /// Does what is wished after a write has failed. True: a new file is open.
    pub(super) fn after(
        &mut self,
        error: std::io::Error,
        tries: &Tries,
        in_vain: bool,
    ) -> Result<bool> {
        let regular = self.open.as_ref().is_some_and(|open| open.file.is_regular());
        let path = self.path().display().to_string();
        let next = match tries.next(&self.settings, &error, regular) {
            Next::NewFile if in_vain && !passes(&error) => Next::Stop,
            next => next,
        };
        if next != Next::Stop {
            self.stumbles(&self.segment.clone(), &error, tries);
        }
        if next == Next::Again && tries.wait(&self.settings) {
            return Ok(false);
        }
        if in_vain && next == Next::NewFile && tries.wait_for_new_file(&self.settings) {
            return Ok(false);
        }
        if in_vain || next != Next::NewFile {
            return Err(anyhow::Error::new(error).context(format!("cannot write {path}")));
        }
        self.close();
        let timestamp = self.timeline.last();
        loop {
            match self.open_next(timestamp) {
                Ok(()) => return Ok(true),
                Err(error) if !tries.wait_for_new_file(&self.settings) => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Says that a write to a file failed which is tried again: once for all its tries.
    pub(super) fn stumbles(
        &mut self,
        segment: &Segment,
        error: &dyn std::fmt::Display,
        tries: &Tries,
    ) {
        if tries.first() {
            let path = segment.path.display().to_string();
            let how = format!("{:?}", self.settings.on_write_error).to_lowercase();
            tracing::error!(path, %error, on_write_error = how, "cannot write");
            self.watch.stumbles(segment, error);
        }
    }

    /// Says that it goes on, if it was said that a write failed.
    pub(super) fn goes_on(&mut self, tries: &Tries) {
        if let Some(after) = tries.told() {
            let (path, seconds) = (self.path().display().to_string(), after.as_secs_f64());
            tracing::info!(path, seconds, "writes again");
            self.watch.goes_on(&self.segment, after);
        }
    }
}
