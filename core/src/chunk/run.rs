//! Ordinary media, taken in without a step for each chunk: nearly all of what a publisher sends.
//!
//! What is out of the ordinary (a header that a read cuts, an extended timestamp, a message that
//! supersedes another, a limit) is left where it is, for [`Reader::next`].

use super::header::{EXTENDED, Header};
use super::reader::{Open, Reader};
use super::stream::Message;
use crate::message::{AUDIO, VIDEO};
use crate::stream::TagBuf;

impl Reader {
    /// Begins the next message, if nothing about it is out of the ordinary: audio or video for
    /// message stream `on`, with a header that is whole in the input. Gives its chunk stream, and its
    /// body when all of it is in the input in one chunk; otherwise it goes on with
    /// [`run`](Self::run). If there is anything else, nothing happens.
    pub(crate) fn message<'a>(
        &mut self,
        input: &mut &'a [u8],
        on: u32,
    ) -> Option<(usize, Option<&'a [u8]>)> {
        if self.open.is_some() || !self.stash.is_empty() {
            return None;
        }
        let header = Header::read(input)?;
        let index = self.find(header.csid)?;
        let stream = &mut self.streams[index];
        let extended = match header.time() {
            Some(time) => time == EXTENDED,
            None => stream.extended.is_some(),
        };
        if extended || stream.busy {
            return None;
        }
        let Message { kind, len, stream: id, .. } = header.fields.over(stream.message);
        let chunk = self.chunk_size.min(len as usize);
        let bounded = len <= self.limits.message && self.unfinished + chunk <= self.limits.buffered;
        if !bounded || !matches!(kind, AUDIO | VIDEO) || id != on {
            return None;
        }
        self.headers += 1;
        self.last = index;
        stream.used = self.headers;
        stream.start(header.fields, None, &mut self.type3);
        *input = &input[header.len..];
        if chunk == len as usize
            && let Some(body) = input.split_off(..chunk)
        {
            stream.busy = false;
            return Some((index, Some(body)));
        }
        self.open = Some(Open { index, left: chunk, first: false });
        Some((index, None))
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
