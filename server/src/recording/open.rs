//! A file that is open: what has gone into it, and what it gets when it is finished.

use std::io;

use sluicebox_core::flv::{self, Tag};

use super::facts::Facts;
use super::file::{OutputFile, Torn};
use super::index::Index;
use super::look::Look;
use super::metadata::{Blank, Metadata, room};

/// An open FLV file.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) file: OutputFile,
    pub(super) facts: Facts,
    /// As they were when the last write had gone well.
    safe: Facts,
    index: Index,
    /// Entries of the index; none: nothing in the file is ours.
    completes: Option<usize>,
    metadata: Option<Metadata>,
    /// Bytes of the hole for the index.
    hole: u64,
    /// Another process made it: there may be an index in it already.
    was_found: bool,
    /// No tag has come yet.
    pub(super) is_new: bool,
}

/// A write that failed.
#[derive(Debug)]
pub(super) struct Failed {
    /// Bytes of whole tags that went in.
    pub(super) whole: usize,
    pub(super) error: io::Error,
}

impl Open {
    /// Begins a file with its header. `entries` of an index get their place in it, unless it is to be
    /// as it came.
    ///
    /// # Errors
    ///
    /// When it takes none.
    pub(super) fn begin(mut file: OutputFile, entries: Option<usize>) -> io::Result<Self> {
        let completes = entries.filter(|_| file.is_regular());
        file.write(&flv::FILE_HEADER).map_err(|torn| torn.error)?;
        let index = Index::new(completes.unwrap_or(0));
        let (facts, safe) = (Facts::default(), Facts::default());
        let (metadata, hole, was_found, is_new) = (None, 0, false, true);
        Ok(Self { file, facts, safe, index, completes, metadata, hole, was_found, is_new })
    }

    /// Goes on with a file that has tags already, up to `len` bytes.
    pub(super) fn found(file: OutputFile, metadata: Option<Metadata>) -> Self {
        let entries = metadata.map(|metadata| metadata.entries);
        let index = Index::new(entries.unwrap_or(0));
        let (facts, safe) = (Facts::default(), Facts::default());
        let (completes, hole, was_found, is_new) = (entries.or(Some(0)), 0, true, false);
        Self { file, facts, safe, index, completes, metadata, hole, was_found, is_new }
    }

    /// Bytes that are in it and take room, with as much of the index as there is by now.
    #[inline]
    pub(super) fn content(&self) -> u64 {
        self.file.len() - self.hole + room(self.index.entries().len())
    }

    /// Whether the first tag, when it comes, meets metadata of ours.
    pub(super) fn wants_metadata(&self) -> bool {
        self.is_new && self.completes.is_some()
    }

    /// Writes metadata with room for what is known at the end: that of `first`, if that is metadata, or
    /// our own. True: `first` is in it, and does not have to be written.
    ///
    /// # Errors
    ///
    /// When it cannot be written; then nothing of it is in the file.
    pub(super) fn put_metadata(&mut self, first: Option<&Tag<'_>>) -> io::Result<bool> {
        self.is_new = false;
        let Some(entries) = self.completes else { return Ok(false) };
        let sent = first.filter(|tag| tag.kind == flv::SCRIPT).map(|tag| tag.body);
        let (blank, merged) = match sent.and_then(|body| Blank::new(Some(body), entries)) {
            Some(blank) => (Some(blank), true),
            None => (Blank::new(None, entries), false),
        };
        // More entries than a tag has room for: a flag's bound.
        let Some(mut blank) = blank else { return Ok(false) };
        let timestamp = first.filter(|_| merged).map_or(0, |tag| tag.timestamp);
        super::segment::put_timestamp(&mut blank.head, timestamp);
        let before = self.file.len();
        let mut write = || {
            self.file.write(&blank.head).map_err(|torn| torn.error)?;
            self.file.skip(blank.hole)?;
            self.file.write(&blank.tail).map_err(|torn| torn.error)
        };
        if let Err(error) = write() {
            self.file.cut_back(before);
            self.is_new = true;
            return Err(error);
        }
        self.metadata = Some(blank.placed(before));
        self.hole = blank.hole as u64;
        if merged && let Some(tag) = first {
            self.count(tag);
        }
        Ok(merged)
    }

    /// Counts a tag that is in the metadata.
    pub(super) fn count(&mut self, tag: &Tag<'_>) {
        self.facts.tally.add(tag.body.len());
        self.safe = self.facts;
    }

    /// Takes note of a tag that goes to `position`, with this timestamp.
    #[inline(always)] // a call costs a tenth of a small message
    pub(super) fn note(&mut self, tag: &Tag<'_>, look: Look, timestamp: u32, position: u64) {
        let time = self.facts.note(tag, look, timestamp);
        if self.completes.is_some() {
            self.index.note(look, time, position);
        }
    }

    /// Takes note of the whole tags that `bytes` begin with, which go to `position`; gives their length.
    pub(super) fn note_all(&mut self, bytes: &[u8], position: u64) -> usize {
        let mut tags = flv::tags(bytes);
        let mut at = 0;
        while let Some(tag) = tags.next() {
            self.note(&tag, Look::at(&tag), tag.timestamp, position + at as u64);
            at = bytes.len() - tags.rest().len();
        }
        at
    }

    /// Appends whole tags that have been noted. When that fails, what went in whole is kept, the rest is
    /// cut off and forgotten: a file ends at a tag again.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        let before = self.file.len();
        let Err(Torn { gone, error }) = self.file.write(bytes) else {
            self.safe = self.facts;
            return Ok(());
        };
        Err(Failed { whole: self.keep_whole(&bytes[..gone], before), error })
    }

    /// Forgets what was noted and not written.
    pub(super) fn forget(&mut self) {
        self.facts = self.safe;
        self.index.truncate(self.file.len());
    }

    fn keep_whole(&mut self, gone: &[u8], before: u64) -> usize {
        self.facts = self.safe;
        self.index.truncate(before);
        let whole = self.note_all(gone, before);
        self.safe = self.facts;
        self.file.cut_back(before + whole as u64);
        whole
    }

    /// Fills in what is known now: flags, duration, length, index.
    ///
    /// # Errors
    ///
    /// When the file cannot be written to. It plays all the same.
    pub(super) fn complete(&mut self) -> io::Result<()> {
        if self.completes.is_none() {
            return Ok(());
        }
        self.file.patch(FLAGS, &[self.facts.flags()])?;
        let Some(metadata) = self.metadata else { return Ok(()) };
        let len = self.file.len();
        let ours = metadata.finished(&self.facts, &self.index, len);
        // As much of the hole as is used takes room now. On a disk that is full, the index stays empty.
        let mut blank = metadata.blank();
        if !self.was_found {
            blank.truncate(ours.len());
        }
        let ours = match self.file.patch(metadata.at, &blank) {
            Ok(()) => ours,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                metadata.short(&self.facts, len)
            }
            Err(error) => return Err(error),
        };
        self.file.patch(metadata.at, &ours)
    }
}

/// Where the flags of the header are: which kinds of media there are.
const FLAGS: u64 = 4;
