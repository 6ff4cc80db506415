//! Acting on whole messages: media becomes tags, aggregates are split, control messages are obeyed.

use super::{SMALLEST_WINDOW, Session};
use crate::chunk::{Message, Place};
use crate::error::{Error, Limit, Malformed};
use crate::flv;
use crate::message::{self, Class};

impl Session {
    /// Acts on a message that is whole.
    pub(super) fn whole(&mut self, index: usize) -> Result<(), Error> {
        let chunks = self.chunks.stream(index);
        let Message { kind, len, timestamp, .. } = chunks.message;
        match (Class::of(kind)?, chunks.place) {
            (Class::Media, Place::Tags(slot)) => self.streams[slot].finish(kind, timestamp),
            (Class::Media, Place::Skip) => self.refuse(index, len as usize),
            (_, Place::Skip | Place::Gone) => {}
            (class, _) => {
                // Taken out while it is acted on, and put back to be used again.
                let mut body = core::mem::take(&mut chunks.buf);
                let result = self.act(class, index, &body);
                let chunks = self.chunks.stream(index);
                core::mem::swap(&mut chunks.buf, &mut body);
                chunks.clear();
                return result;
            }
        }
        Ok(())
    }

    /// Acts on a message with its body.
    fn act(&mut self, class: Class, index: usize, body: &[u8]) -> Result<(), Error> {
        let chunks = self.chunks.stream(index);
        let (message, slot, place) = (chunks.message, chunks.slot, chunks.place);
        match class {
            Class::Control => self.control(message.kind, body),
            Class::Command => self.command(message.kind, message.stream, body),
            Class::Aggregate => self.aggregate(message, body),
            Class::Media => {
                if let Some(slot) = slot {
                    let ahead = if let Place::Rest(ahead) = place { ahead } else { 0 };
                    self.append(slot, message.kind, message.timestamp, body, ahead);
                }
                Ok(())
            }
            Class::Ignored => Ok(()),
        }
    }

    /// Appends a message that was gathered elsewhere as a tag, behind what came out ahead of it.
    fn append(&mut self, slot: usize, kind: u8, timestamp: u32, body: &[u8], ahead: usize) {
        self.make_room(slot);
        let stream = &mut self.streams[slot];
        stream.tags.begin(usize::MAX, body.len());
        stream.tags.push(body);
        stream.tags.resume(ahead);
        stream.finish(kind, timestamp);
    }

    /// Splits an aggregate message (RTMP 1.0, section 7.1.6): tags back to back. The first takes
    /// the message's timestamp, the others keep their distance from it.
    fn aggregate(&mut self, message: Message, mut body: &[u8]) -> Result<(), Error> {
        let mut offset = None;
        for _ in 0..self.config.limits.aggregate {
            if body.is_empty() {
                return Ok(());
            }
            let Some((kind, timestamp, part, rest)) = split(body) else {
                self.lose(message.stream, body.len());
                return Err(Malformed::Aggregate.into());
            };
            let offset = *offset.get_or_insert_with(|| message.timestamp.wrapping_sub(timestamp));
            self.aggregated(kind, message.stream, timestamp.wrapping_add(offset), part);
            body = rest;
        }
        if body.is_empty() {
            return Ok(());
        }
        self.lose(message.stream, body.len());
        Err(Limit::Aggregate.into())
    }

    /// Appends a part of an aggregate.
    fn aggregated(&mut self, kind: u8, stream: u32, timestamp: u32, body: &[u8]) {
        let media = matches!(Class::of(kind), Ok(Class::Media));
        match self.route(stream) {
            Some(slot) if !media => self.streams[slot].refuse_foreign(body.len()),
            Some(slot) if self.is_live(slot) || self.may_hold(slot, body.len()) => {
                self.append(slot, kind, timestamp, body, 0);
            }
            Some(slot) => self.streams[slot].refuse_early(body.len()),
            None => self.stray.add(body.len()),
        }
    }

    /// Counts the rest of an aggregate that cannot be split as one torn message.
    fn lose(&mut self, stream: u32, len: usize) {
        match self.route(stream) {
            Some(slot) => self.streams[slot].tear(len),
            None => self.stray.add(len),
        }
    }

    /// Counts a media message that was not kept.
    fn refuse(&mut self, index: usize, len: usize) {
        match self.chunks.stream(index).slot {
            Some(slot) => self.streams[slot].refuse_early(len),
            None => self.stray.add(len),
        }
    }

    /// Acts on a protocol control message.
    fn control(&mut self, kind: u8, body: &[u8]) -> Result<(), Error> {
        match message::Control::read(kind, body)? {
            message::Control::SetChunkSize(size) => self.chunks.set_chunk_size(size)?,
            message::Control::Abort(csid) => {
                if let Some((index, had)) = self.chunks.abort(csid) {
                    self.drop_message(index, had);
                }
            }
            message::Control::WindowSize(0) | message::Control::Ignored => {}
            message::Control::WindowSize(size) => self.peer_window = size.max(SMALLEST_WINDOW),
            message::Control::PeerBandwidth(size) => self.replies.window_size(size),
            message::Control::Ping(timestamp) => self.replies.pong(timestamp),
        }
        Ok(())
    }
}

/// The first part of an aggregate: kind, timestamp, body, and what follows.
fn split(aggregate: &[u8]) -> Option<(u8, u32, &[u8], &[u8])> {
    let (header, rest) = aggregate.split_first_chunk::<{ flv::TAG_HEADER }>()?;
    let &[kind, l2, l1, l0, t2, t1, t0, upper, ..] = header;
    let len = u32::from_be_bytes([0, l2, l1, l0]) as usize;
    let (body, rest) = rest.split_at_checked(len)?;
    // The length of the part stands behind it; the last one is left out by some.
    let rest = rest.get(flv::TAG_TRAILER..).unwrap_or_default();
    Some((kind, u32::from_be_bytes([upper, t2, t1, t0]), body, rest))
}
