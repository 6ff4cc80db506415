//! Ordinary media, taken in without a step for each chunk: nearly all of what a publisher sends.
//!
//! What is out of the ordinary (a header that a read cuts, an extended timestamp, a message that
//! supersedes another, a limit) is left where it is, for [`Reader::next`].

use super::header::Header;
use super::reader::{Open, Reader};
use super::stream::{Message, Place};
use crate::ledger::Tally;
use crate::message::{AUDIO, VIDEO};
use crate::stream::{Stream, TagBuf};

impl Reader {
    /// Takes in messages, one after another, as long as nothing about them is out of the ordinary:
    /// audio or video for the message stream of `to`, which is in `slot`, each with a header that is
    /// whole in the input. The last may have begun and go on: with [`run`](Self::run).
    #[inline(never)] // a loop that needs all registers, WebAssembly's most
    pub(crate) fn messages(&mut self, input: &mut &[u8], to: &mut Stream, slot: usize) {
        if self.open.is_some() || !self.stash.is_empty() {
            return;
        }
        let mut counted = Tally::default();
        while !to.tags.is_full()
            && let Some((index, message)) = self.begin_ordinary(input, to.id)
        {
            let len = message.len as usize;
            let chunk = self.chunk_size.min(len);
            if chunk == len
                && let Some(body) = input.split_off(..len)
            {
                self.streams[index].busy = false;
                to.tags.append(message.kind, message.timestamp, body);
                counted.add(len);
                continue;
            }
            let stream = &mut self.streams[index];
            (stream.place, stream.slot) = (Place::Tags(slot), Some(slot));
            self.open = Some(Open { index, left: chunk, first: false });
            to.tags.begin(index, len);
            if !self.run(index, input, &mut to.tags) {
                break;
            }
            to.finish(message.kind, message.timestamp);
        }
        to.count(counted);
    }

    /// Begins the next message and takes its header off the input. `None`: it is not audio or video
    /// for message stream `on`, or there is something about it, and nothing has happened.
    #[inline(always)] // a call costs a tenth of a small message
    fn begin_ordinary(&mut self, input: &mut &[u8], on: u32) -> Option<(usize, Message)> {
        let header = Header::read(input)?;
        let index = self.find(header.csid)?;
        let stream = &mut self.streams[index];
        let (message, delta) = stream.ordinary(header.fields)?;
        let chunk = self.chunk_size.min(message.len as usize);
        let bounded =
            message.len <= self.limits.message && self.unfinished + chunk <= self.limits.buffered;
        if !bounded || !matches!(message.kind, AUDIO | VIDEO) || message.stream != on {
            return None;
        }
        *input = input.get(header.len..)?;
        self.headers += 1;
        self.last = index;
        stream.used = self.headers;
        stream.begin(header.fields, None, message, delta);
        Some((index, message))
    }

    /// Takes in what follows of the message under way at `index`, up to the first chunk that is not
    /// its own: most of the work when chunks are small. The payload goes to `out`. Whether the
    /// message is whole with it, is told.
    pub(crate) fn run(&mut self, index: usize, input: &mut &[u8], out: &mut TagBuf) -> bool {
        let mut open = match self.open {
            Some(open) if open.index == index => open.left,
            Some(_) => return false,
            None => 0,
        };
        if !self.stash.is_empty() {
            return false;
        }
        let stream = &mut self.streams[index];
        // A basic header of one byte, and no extended timestamp that might be repeated.
        let plain = stream.csid < 64 && stream.extended.is_none();
        let header = 0xc0 | stream.csid.to_le_bytes()[0];
        let chunk_size = self.chunk_size;
        let (mut left, mut rest) = (stream.left(), *input);
        let mut room = self.limits.buffered - self.unfinished;
        loop {
            let (payload, after) = rest.split_at(open.min(rest.len()));
            out.push(payload);
            (left, room, rest) = (left - payload.len(), room - payload.len(), after);
            open -= payload.len();
            if open > 0 || left == 0 || !plain {
                break;
            }
            while let Some((chunk, after)) = rest.split_at_checked(1 + chunk_size)
                && chunk[0] == header
                && left > chunk_size
                && room >= chunk_size
            {
                out.push(&chunk[1..]);
                (left, room, rest) = (left - chunk_size, room - chunk_size, after);
            }
            // The last chunk, or the one that the input cuts. One that may not be held is left to
            // `next`, which makes it an error.
            open = left.min(chunk_size);
            match rest.split_first() {
                Some((first, after)) if *first == header && open <= room => rest = after,
                _ => {
                    open = 0;
                    break;
                }
            }
        }
        *input = rest;
        self.open = (open > 0).then_some(Open { index, left: open, first: false });
        self.unfinished = self.limits.buffered - room;
        stream.filled = stream.message.len as usize - left;
        if left == 0 {
            stream.busy = false;
            self.unfinished -= stream.filled;
        }
        left == 0
    }
}
