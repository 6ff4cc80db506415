//! A session in a sandbox, as the server drives it.
//!
//! Memory of a guest that was not used for a while is not in the cache, and stays in RAM once it was
//! touched. So a publisher of live media, which has its turn some times a second, is kept small: its
//! socket is read into the worker's buffer, which is in the cache, handed to the guest in slices, and
//! what the guest makes of them is put together for one write. What has come of a message that a slice cuts is
//! taken from the guest ahead of its tag: no guest ever needs room for more than a slice, and moves none of it.
//!
//! ```text
//!  live       socket ──▶ worker's buffer ── slice by slice ──▶ guest ──▶ buffer ──▶ recording
//!  flat out   socket ────────────────────────────────────────▶ guest ─────────────▶ recording
//! ```

use std::ops::Range;

use anyhow::Result;
use sluicebox_host::{Close, Event, Part, Reject, Session, StreamId, Tags, Tally, flv};
use sluicebox_server::Ingest;

/// What a guest is handed at a time, in bytes, and twice as much when a second read in a row filled the
/// buffer: whoever sends so much saves more by fewer calls than smaller slices save in the cache.
const SLICE: usize = 8 << 10;
/// What a slice has at least that may leave a part behind, and what a part has, in bytes: sound alone comes in
/// less, and to ask takes time.
const PART: usize = 4 << 10;
/// A part that is shorter is moved to where it takes no more than it needs, at the end of each turn; in bytes.
const MOVED: usize = 128 << 10;
/// So many reads in a row that fill the buffer, and a publisher sends flat out.
const FLAT_OUT: u32 = 16;
/// A run of tags longer than this came of a large message, whose memory is given back; in bytes.
const LARGE: usize = 48 << 10;
/// What the next turn takes in any case, in bytes.
const USUAL: usize = 32 << 10;

/// A session in a sandbox.
pub(crate) struct Guest {
    session: Session,
    /// What of the worker's buffer the guest has not been handed yet.
    fed: Range<usize>,
    /// Tags of a read that come out slice by slice, and behind `whole` bytes of them what has come of one
    /// more, with room for its header.
    run: Vec<u8>,
    whole: usize,
    /// That one, once others have become whole before it: moved out once, however many they are.
    aside: Vec<u8>,
    /// Whose they are, and whose the part is.
    of: Option<Run>,
    part_of: Option<StreamId>,
    /// They have been lent.
    lent: bool,
    /// Length of the slice that was handed over last, in bytes.
    sliced: usize,
    /// The guest's last event has not been handed out: it ended the run.
    held: bool,
    /// A stream to be ended once it has.
    rejected: Option<(StreamId, Reject)>,
    /// Room for the next read, and whether it is the guest's own.
    room: usize,
    direct: bool,
    /// Reads in a row that filled it; a short one halves them.
    full: u32,
    /// Something in this turn took much memory; and in an earlier one, and it is not given back.
    large: bool,
    spent: bool,
}

/// What [`Tags`] says of a run besides its bytes.
#[derive(Clone, Copy)]
struct Run {
    stream: StreamId,
    count: u32,
    refused: u64,
}

impl Guest {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            fed: 0..0,
            run: Vec::new(),
            whole: 0,
            aside: Vec::new(),
            part_of: None,
            of: None,
            lent: false,
            sliced: 0,
            held: false,
            rejected: None,
            room: 0,
            direct: false,
            full: 0,
            large: false,
            spent: false,
        }
    }

    /// Hands over the next slice; `false`: there is none.
    fn slice(&mut self, scratch: &[u8]) -> Result<bool> {
        let slice = &scratch[self.fed.clone()];
        let most = if self.full > 1 { 2 * SLICE } else { SLICE };
        let slice = &slice[..slice.len().min(most)];
        if !slice.is_empty() {
            self.session.space(slice.len())?[..slice.len()].copy_from_slice(slice);
            self.session.feed(slice.len())?;
            self.fed.start += slice.len();
        }
        self.sliced = slice.len();
        Ok(!slice.is_empty())
    }

    /// Goes on until there is an event to hand out: what was put together, or the guest's last.
    fn advance(&mut self, scratch: &[u8]) -> Result<()> {
        loop {
            match self.session.advance() {
                Ok(true) => {}
                // With what was put together first, then again.
                Err(_) if self.of.is_some() => return Ok(()),
                Err(error) => return Err(error.into()),
                Ok(false) => {
                    self.take_part()?;
                    match self.slice(scratch)? {
                        true => continue,
                        false => return Ok(()),
                    }
                }
            }
            if !self.put() {
                self.held = true;
                return Ok(());
            }
        }
    }

    /// Takes from the guest what has come of a message that the slice has cut.
    fn take_part(&mut self) -> Result<()> {
        if self.sliced < PART {
            return Ok(());
        }
        self.sliced = 0;
        if let Some(Part { stream, at, bytes, .. }) = self.session.part(PART)? {
            if at == 0 {
                // What came of a message before it never becomes whole.
                self.part_of = Some(stream);
                self.run.truncate(self.whole);
                self.aside = Vec::new();
                self.run.reserve(flv::TAG_HEADER + bytes.len() + self.fed.len() + SLICE);
                self.run.extend_from_slice(&[0; flv::TAG_HEADER]);
            }
            let part = if self.aside.is_empty() { &mut self.run } else { &mut self.aside };
            part.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Puts the guest's event to the run, if it is tags of the same stream, and not the last of all, that can
    /// be lent from where they are. `false`: it is to be handed out as it is.
    fn put(&mut self) -> bool {
        let more = !self.fed.is_empty();
        let tags = match self.session.event() {
            Some(Event::Tags(tags)) => tags,
            Some(Event::Unpublish(end)) => {
                if self.part_of == Some(end.stream) {
                    self.run.truncate(self.whole);
                    self.aside = Vec::new();
                }
                return false;
            }
            _ => return false,
        };
        self.large |= tags.bytes.len() > LARGE;
        match &mut self.of {
            None if !more && tags.ahead == 0 => return false,
            None => {
                let Tags { stream, count, refused, .. } = tags;
                self.of = Some(Run { stream, count, refused });
            }
            Some(run) if run.stream == tags.stream => {
                run.count += tags.count;
                run.refused = tags.refused;
            }
            Some(_) => return false,
        }
        // It was judged: what it says is so.
        let rest = tags.ahead_of as usize;
        if self.run.len() > self.whole && (tags.ahead == 0 || rest > 0) {
            self.aside = self.run.split_off(self.whole);
        }
        self.run.reserve(tags.bytes.len() + self.fed.len() + SLICE);
        if tags.ahead == 0 {
            self.run.extend_from_slice(tags.bytes);
        } else if self.aside.is_empty() {
            let (header, rest) = tags.bytes.split_at(flv::TAG_HEADER);
            self.run[self.whole..][..header.len()].copy_from_slice(header);
            self.run.extend_from_slice(rest);
        } else {
            let (before, behind) = tags.bytes.split_at(rest + flv::TAG_HEADER);
            self.run.extend_from_slice(before);
            self.run.extend_from_slice(&self.aside[flv::TAG_HEADER..]);
            self.run.extend_from_slice(behind);
            self.aside = Vec::new();
        }
        self.whole = self.run.len();
        true
    }
}

impl Ingest for Guest {
    fn space<'a>(&'a mut self, scratch: &'a mut [u8]) -> Result<&'a mut [u8]> {
        (self.room, self.direct) = (scratch.len(), self.full >= FLAT_OUT);
        if !self.direct {
            return Ok(scratch);
        }
        self.large = true;
        Ok(self.session.space(self.room)?)
    }

    fn feed(&mut self, len: usize) -> Result<()> {
        let full = if len == self.room { self.full + 1 } else { self.full / 2 };
        self.full = full.min(2 * FLAT_OUT);
        if self.direct {
            return Ok(self.session.feed(len)?);
        }
        self.fed = 0..len;
        Ok(())
    }

    fn poll<'a>(&'a mut self, scratch: &[u8]) -> Result<Option<Event<'a>>> {
        if std::mem::take(&mut self.lent) {
            self.run.drain(..self.whole);
            (self.whole, self.of) = (0, None);
        }
        if !self.held {
            if let Some((stream, why)) = self.rejected.take() {
                self.session.reject(stream, why)?;
            }
            self.advance(scratch)?;
        } else if matches!(self.session.event(), Some(Event::Tags(tags)) if tags.ahead > 0) {
            // It ended the run of another stream, and is to be put together itself.
            self.held = !self.put();
        }
        if let Some(Run { stream, count, refused }) = self.of {
            self.lent = true;
            let (bytes, ahead, ahead_of) = (&self.run[..self.whole], 0, 0);
            return Ok(Some(Event::Tags(Tags { stream, bytes, count, ahead, ahead_of, refused })));
        }
        self.held = false;
        Ok(self.session.event())
    }

    fn accept(&mut self, stream: StreamId) -> Result<()> {
        Ok(self.session.accept(stream)?)
    }

    fn reject(&mut self, stream: StreamId, why: Reject) -> Result<()> {
        if self.held {
            // It would take the event back that is next.
            self.rejected = Some((stream, why));
            return Ok(());
        }
        Ok(self.session.reject(stream, why)?)
    }

    fn reconnect(&mut self, url: &str) -> Result<bool> {
        Ok(self.session.reconnect(url)?)
    }

    fn idle(&mut self) -> Result<()> {
        (self.large, self.spent) = (false, false);
        self.session.release(0)?;
        Ok(self.session.idle()?)
    }

    fn close(&mut self, why: Close) -> Result<()> {
        (self.fed, self.held, self.of, self.lent) = (0..0, false, None, false);
        self.run.drain(..std::mem::take(&mut self.whole));
        Ok(self.session.close(why)?)
    }

    fn received(&self) -> u64 {
        self.session.received()
    }

    fn stray(&self) -> Tally {
        self.session.stray()
    }

    /// Gives back to the system what a large message took, at the first turn without one: whoever
    /// sends nothing else would only take it again, and page faults cost more than that is worth. In a
    /// crowd they do not: a thousand publishers that send flat out would have a keyframe's room each.
    fn trim(&mut self, crowded: bool) -> Result<()> {
        // What is left is a part, if anything: in memory of its own, as long as it is, but for a long one that
        // fills half of that: to move it each time would cost more. Where a run was is what the next
        // connection takes.
        let (len, room) = (self.run.len(), self.run.capacity());
        if self.whole == 0 && room > len && (len < MOVED || room > 2 * len) {
            self.run = self.run.as_slice().into();
        }
        if crowded {
            self.full = 0;
        }
        let large = std::mem::take(&mut self.large);
        self.spent |= large;
        if self.spent && (crowded || !large) {
            self.spent = false;
            self.session.release(USUAL)?;
        }
        Ok(())
    }
}
