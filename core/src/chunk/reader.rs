//! Chunks in, pieces of messages out.
//!
//! A byte is looked at once: a header that a read cuts is remembered in a stash, payload is never
//! held here. What comes out are places: which chunk stream, how many bytes, from where.

use alloc::vec::Vec;

use super::header::{EXTENDED, Fields, Header};
use super::stash::Stash;
use super::stream::ChunkStream;
use crate::config::{Config, Limits, Type3};
use crate::error::{Error, Limit, Malformed};

/// What the input holds next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A piece of a message.
    Piece(Piece),
    /// A message began on this chunk stream before the last one was whole. Of that one, `had`
    /// bytes came. The new one's first piece is next.
    Superseded { index: usize, had: usize },
}

/// A piece of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// The chunk stream, as an index.
    pub(crate) index: usize,
    /// Where its bytes are.
    pub(crate) source: Source,
    /// How many they are; the first piece may have none.
    pub(crate) len: usize,
    /// The message's header came just before it.
    pub(crate) first: bool,
    /// With it the message is whole.
    pub(crate) last: bool,
}

/// Where the bytes of a piece are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// At the start of the input.
    Input,
    /// In the stash: they looked like an extended timestamp and were none.
    Stash,
}

/// The reading side of the chunk layer.
pub(crate) struct Reader {
    pub(super) streams: Vec<ChunkStream>,
    /// The chunk whose payload is being taken in.
    pub(super) open: Option<Open>,
    /// Bytes of a header that is not whole, or payload that was looked at with one.
    pub(super) stash: Stash,
    pub(super) chunk_size: usize,
    /// Bytes in unfinished messages.
    pub(super) unfinished: usize,
    /// The chunk stream of the last header, as an index.
    pub(super) last: usize,
    /// Headers seen, to know which chunk stream was unused for longest.
    pub(super) headers: u64,
    /// The peer has repeated an extended timestamp on a type 3 chunk.
    repeats: bool,
    pub(super) type3: Type3,
    pub(super) limits: Limits,
}

/// A chunk whose payload has not come, or in part.
#[derive(Clone, Copy)]
pub(super) struct Open {
    /// Its chunk stream, as an index.
    pub(super) index: usize,
    /// Bytes that have not come.
    pub(super) left: usize,
    /// It is the first of its message, and no piece of it has been given.
    pub(super) first: bool,
}

/// A header that is whole, and what it says of its timestamp.
struct Whole {
    header: Header,
    extended: Option<u32>,
    /// Length with the extended timestamp, in bytes.
    len: usize,
    index: Option<usize>,
}

impl Reader {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            streams: Vec::new(),
            open: None,
            stash: Stash::default(),
            chunk_size: 128,
            unfinished: 0,
            last: 0,
            headers: 0,
            repeats: false,
            type3: config.type3,
            limits: config.limits,
        }
    }

    /// The next step, or `None`: the input is used up. Of the payload in the input it takes
    /// nothing: a piece with [`Source::Input`] is the caller's to split off.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Step>, Error> {
        if self.open.is_none() {
            let Some(whole) = self.header(input)? else { return Ok(None) };
            if let Some(had) = self.begin(&whole)? {
                let index = self.open.map_or(0, |open| open.index);
                return Ok(Some(Step::Superseded { index, had }));
            }
        }
        Ok(self.piece(input.len()).map(Step::Piece))
    }

    /// The chunk stream at `index`, as a [`Piece`] names it.
    pub(crate) fn stream(&mut self, index: usize) -> &mut ChunkStream {
        &mut self.streams[index]
    }

    /// All chunk streams.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &ChunkStream> {
        self.streams.iter()
    }

    /// All chunk streams.
    pub(crate) fn streams_mut(&mut self) -> impl Iterator<Item = &mut ChunkStream> {
        self.streams.iter_mut()
    }

    /// Takes the bytes of a piece with [`Source::Stash`].
    pub(crate) fn take_stash(&mut self, len: usize) -> ([u8; 4], usize) {
        self.stash.take(len)
    }

    /// Applies a set chunk size message (section 5.4.1), from the next chunk on.
    pub(crate) fn set_chunk_size(&mut self, size: u32) -> Result<(), Error> {
        // The first bit is to be zero; nobody means a chunk of 2 GiB.
        match size & 0x7fff_ffff {
            0 => Err(Malformed::ChunkSize.into()),
            size if size < self.limits.smallest_chunk => Err(Limit::SmallestChunk { size }.into()),
            size => {
                self.chunk_size = size.min(self.limits.chunk_size) as usize;
                Ok(())
            }
        }
    }

    /// Applies an abort message (section 5.4.2): the index of the chunk stream, if a message was
    /// under way there, and how much of it had come.
    pub(crate) fn abort(&mut self, csid: u32) -> Option<(usize, usize)> {
        let index = self.streams.iter().position(|stream| stream.csid == csid && stream.busy)?;
        let stream = &mut self.streams[index];
        stream.busy = false;
        self.unfinished -= stream.filled;
        Some((index, stream.filled))
    }

    /// The input has ended: what was held back as the start of a repeated extended timestamp is
    /// payload after all, if that makes a message whole and the peer never repeated one.
    pub(crate) fn finish(&mut self) -> Option<Piece> {
        let header = Header::read(self.stash.bytes())?;
        let index = self.find(header.csid)?;
        let held = self.stash.bytes().len() - header.len;
        let stream = &mut self.streams[index];
        let left = if stream.busy { stream.left() } else { stream.message.len as usize };
        let whole = left == held && held <= self.chunk_size && !self.repeats;
        if header.fields != Fields::Nothing || !whole {
            return None;
        }
        let first = !stream.busy;
        if first {
            stream.start(Fields::Nothing, None, &mut self.type3);
        }
        self.stash.skip(header.len);
        self.open = Some(Open { index, left, first });
        self.piece(0)
    }

    /// Bytes of input that are held: part of a header, or what was looked at behind one.
    pub(crate) fn stashed(&self) -> usize {
        self.stash.bytes().len()
    }

    /// Whether [`next`](Self::next) may go on without input.
    pub(crate) fn holds(&self) -> bool {
        !self.stash.is_empty() || self.open.is_some_and(|open| open.first)
    }

    /// The next piece of the open chunk.
    fn piece(&mut self, input: usize) -> Option<Piece> {
        let open = self.open.as_mut()?;
        let stashed = self.stash.bytes().len();
        let (source, available) =
            if stashed > 0 { (Source::Stash, stashed) } else { (Source::Input, input) };
        let len = open.left.min(available);
        if len == 0 && open.left > 0 && !open.first {
            return None;
        }
        let (index, first) = (open.index, open.first);
        open.left -= len;
        open.first = false;
        if open.left == 0 {
            self.open = None;
        }
        let stream = &mut self.streams[index];
        stream.filled += len;
        self.unfinished += len;
        let last = stream.left() == 0;
        if last {
            stream.busy = false;
            self.unfinished -= stream.filled;
        }
        Some(Piece { index, source, len, first, last })
    }

    /// Reads the next header, from the input or, when a cut went through it, from the stash.
    fn header(&mut self, input: &mut &[u8]) -> Result<Option<Whole>, Error> {
        if self.stash.is_empty()
            && let Some(whole) = self.measure(input)?
        {
            *input = &input[whole.len..];
            return Ok(Some(whole));
        }
        loop {
            if let Some(whole) = self.measure(self.stash.bytes())? {
                self.stash.skip(whole.len);
                return Ok(Some(whole));
            }
            let Some(byte) = input.split_off_first() else { return Ok(None) };
            self.stash.push(*byte);
        }
    }

    /// Reads a header at the start of `bytes`; `None`: there are too few.
    fn measure(&self, bytes: &[u8]) -> Result<Option<Whole>, Error> {
        let Some(header) = Header::read(bytes) else { return Ok(None) };
        let index = self.find(header.csid);
        let rest = &bytes[header.len..];
        let extended = match header.time() {
            Some(EXTENDED) => match rest.first_chunk() {
                Some(bytes) => Some(u32::from_be_bytes(*bytes)),
                None => return Ok(None),
            },
            Some(_) => None,
            None => {
                let Some(index) = index else {
                    return Err(Malformed::NoPriorHeader { chunk_stream: header.csid }.into());
                };
                match repeats(self.streams[index].extended, rest) {
                    Some(repeated) => repeated,
                    None => return Ok(None),
                }
            }
        };
        let len = header.len + if extended.is_some() { 4 } else { 0 };
        Ok(Some(Whole { header, extended, len, index }))
    }

    /// Opens the chunk of this header. Gives back how much of an unfinished message it supersedes.
    fn begin(&mut self, whole: &Whole) -> Result<Option<usize>, Error> {
        let fields = whole.header.fields;
        let index = match (whole.index, fields) {
            (Some(index), _) => index,
            // A type 1 header on a new chunk stream is how librtmp sends its first ping: the
            // timestamp counts from 0, the message stream is 0.
            (None, Fields::Full { .. } | Fields::Message { .. }) => self.add(whole.header.csid)?,
            (None, _) => {
                return Err(Malformed::NoPriorHeader { chunk_stream: whole.header.csid }.into());
            }
        };
        self.headers += 1;
        self.last = index;
        self.repeats |= fields == Fields::Nothing && whole.extended.is_some();
        let stream = &mut self.streams[index];
        stream.used = self.headers;
        let continues = stream.busy && fields == Fields::Nothing;
        let superseded = (stream.busy && !continues).then_some(stream.filled);
        // Limits come first: what was under way stays as it is when one is broken.
        let len = if continues { stream.message.len } else { fields.len(stream.message.len) };
        if len > self.limits.message {
            return Err(Limit::Message { len }.into());
        }
        let left = if continues { stream.left() } else { len as usize };
        let left = left.min(self.chunk_size);
        let unfinished = self.unfinished - superseded.unwrap_or(0);
        if unfinished + left > self.limits.buffered {
            return Err(Limit::Buffered.into());
        }
        self.unfinished = unfinished;
        if !continues {
            stream.start(fields, whole.extended, &mut self.type3);
        }
        self.open = Some(Open { index, left, first: !continues });
        Ok(superseded)
    }

    /// The index of a chunk stream, if it is known.
    pub(super) fn find(&self, csid: u32) -> Option<usize> {
        // Most chunks follow one of the same chunk stream.
        match self.streams.get(self.last) {
            Some(stream) if stream.csid == csid => Some(self.last),
            _ => self.streams.iter().position(|stream| stream.csid == csid),
        }
    }

    /// Makes room for one more chunk stream.
    fn add(&mut self, csid: u32) -> Result<usize, Error> {
        let new = ChunkStream::new(csid);
        if self.streams.len() < self.limits.chunk_streams {
            // Few are used, and as many more are never: one after the other.
            self.streams.reserve_exact(1);
            self.streams.push(new);
            return Ok(self.streams.len() - 1);
        }
        let idle = self.streams.iter_mut().enumerate().filter(|(_, stream)| !stream.busy);
        let (index, oldest) =
            idle.min_by_key(|(_, stream)| stream.used).ok_or(Limit::ChunkStreams)?;
        *oldest = new;
        Ok(index)
    }
}

/// Whether a type 3 chunk repeats the extended timestamp in force: the specification and half of
/// the encoders do, the others go on with payload. `None`: too few bytes to tell.
fn repeats(extended: Option<u32>, rest: &[u8]) -> Option<Option<u32>> {
    let Some(value) = extended else { return Some(None) };
    let seen = rest.len().min(4);
    if rest[..seen] != value.to_be_bytes()[..seen] {
        return Some(None);
    }
    (seen == 4).then_some(Some(value))
}
