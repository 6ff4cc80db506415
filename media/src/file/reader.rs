//! Tag by tag through a file.

use std::io::{self, Read};

use sluicebox_core::flv::{self, TAG_HEADER, TAG_TRAILER, Tag};

use super::window::Window;
use super::{End, Entry, Header, Why};

/// Bytes of a file header, without the `PreviousTagSize` behind it.
const HEADER: usize = 9;

/// Zeros that are taken for a hole without knowing where they end, in bytes: more than a page of any
/// file system's.
const HOLE: usize = 64 << 10;

/// Reads a file from start to end, in memory of at most three times the longest tag (16 MiB).
///
/// What deviates and can be read all the same is read, and can be seen in [`Header`] and [`Entry`]:
/// unknown kinds of tags, a `StreamID` that is not 0, a wrong `PreviousTagSize` with a tag behind it.
#[derive(Debug)]
pub struct Reader<R> {
    window: Window<R>,
    header: Option<Header>,
    /// Length of the tag that was given last, with all that belongs to it: still in the window.
    given: usize,
    /// Some `PreviousTagSize` was wrong, and a tag followed.
    sizes_differ: bool,
    end: Option<End>,
}

/// The header of a tag, as found.
struct TagHeader {
    kind: u8,
    filtered: bool,
    /// Length of the body, in bytes.
    len: usize,
    timestamp: u32,
    stream: u32,
}

impl<R: Read> Reader<R> {
    /// Reads `input` from the first byte of a file. It needs no buffer of its own.
    pub fn new(input: R) -> Self {
        let window = Window::new(input);
        Self { window, header: None, given: 0, sizes_differ: false, end: None }
    }

    /// The file's header, read when it has not been yet; none when there is none.
    ///
    /// # Errors
    ///
    /// Those of the input.
    pub fn header(&mut self) -> io::Result<Option<Header>> {
        if self.header.is_none() && self.end.is_none() {
            self.read_header()?;
        }
        Ok(self.header)
    }

    /// The next tag. None: there is no more, and [`end`](Self::end) says why.
    ///
    /// # Errors
    ///
    /// Those of the input. Reading can go on where it was.
    #[expect(clippy::should_implement_trait, reason = "it lends, which an Iterator cannot")]
    pub fn next(&mut self) -> io::Result<Option<Entry<'_>>> {
        self.window.pass(std::mem::take(&mut self.given));
        if self.header()?.is_none() || self.end.is_some() {
            return Ok(None);
        }
        self.end = self.look()?;
        if self.end.is_some() {
            return Ok(None);
        }
        Ok(self.lend())
    }

    /// Why there are no more tags; none while there may be more.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Where reading is, in bytes from the start of the file: everything before was read and given.
    pub fn offset(&self) -> u64 {
        self.window.offset() + self.given as u64
    }

    /// Looks for the next tag behind an [`end`](Self::end) that was not the end of the file, and gives
    /// its offset; [`next`](Self::next) goes on with it. Only a tag with the right `PreviousTagSize`
    /// and of a known kind is taken for one. None: there is no other, and `end` stays as it is.
    ///
    /// # Errors
    ///
    /// Those of the input.
    pub fn resync(&mut self) -> io::Result<Option<u64>> {
        if self.header.is_none()
            || !matches!(self.end, Some(End::Broken { .. } | End::TornTail { .. }))
        {
            return Ok(None);
        }
        // Whatever begins at the end is no tag; behind a hole, the window is further on already.
        let mut step = usize::from(self.end.and_then(End::offset) == Some(self.window.offset()));
        loop {
            self.window.pass(step);
            let head = self.window.fill(TAG_HEADER)?;
            if head.is_empty() {
                return Ok(None);
            }
            let plain = TagHeader::read(head).filter(TagHeader::is_plain);
            step = 1;
            if let Some(header) = plain {
                let len = TAG_HEADER + header.len;
                let trailer = self.window.fill(len + TAG_TRAILER)?.get(len..);
                if trailer.and_then(size) == u32::try_from(len).ok() {
                    self.end = None;
                    return Ok(Some(self.window.offset()));
                }
            }
            let rest = &self.window.bytes()[1..];
            step += rest.iter().position(|byte| is_known(*byte)).unwrap_or(rest.len());
        }
    }

    /// How far the input was read, in bytes from the start of the file.
    pub(crate) fn seen(&self) -> u64 {
        self.window.offset() + self.window.bytes().len() as u64
    }

    /// Passes whatever is left, and gives the length of the file.
    ///
    /// # Errors
    ///
    /// Those of the input.
    pub fn drain(&mut self) -> io::Result<u64> {
        self.window.pass(std::mem::take(&mut self.given));
        loop {
            let len = self.window.fill(HOLE)?.len();
            if len == 0 {
                return Ok(self.window.offset());
            }
            self.window.pass(len);
        }
    }

    fn read_header(&mut self) -> io::Result<()> {
        let broken = |why| Some(End::Broken { offset: 0, why });
        let start = self.window.fill(HEADER)?;
        if !b"FLV".starts_with(&start[..start.len().min(3)]) {
            self.end = broken(Why::NotFlv);
            return Ok(());
        }
        let Some(&[_, _, _, version, flags, l3, l2, l1, l0]) = start.first_chunk() else {
            self.end = Some(End::TornTail { offset: 0 });
            return Ok(());
        };
        let len = u32::from_be_bytes([l3, l2, l1, l0]);
        // The field is for headers to come; one of a megabyte is none of them.
        let Some(header) = usize::try_from(len).ok().filter(|len| (HEADER..1 << 20).contains(len))
        else {
            self.end = broken(Why::HeaderLength(len));
            return Ok(());
        };
        let first_size = self.window.fill(header + TAG_TRAILER)?.get(header..).and_then(size);
        let Some(first_size) = first_size else {
            self.end = Some(End::TornTail { offset: 0 });
            return Ok(());
        };
        self.window.pass(header + TAG_TRAILER);
        self.header = Some(Header { version, flags, len, first_size });
        Ok(())
    }

    /// Looks at what the window begins with: none if it is a tag, which is then whole in the window.
    fn look(&mut self) -> io::Result<Option<End>> {
        let offset = self.window.offset();
        let broken = |why| Some(End::Broken { offset, why });
        let head = self.window.fill(TAG_HEADER)?;
        if head.is_empty() {
            return Ok(Some(End::Sound));
        }
        if head.iter().all(|byte| *byte == 0) {
            let zeros = self.zeros_to_the_end()?;
            return Ok(if zeros { Some(End::ZeroTail { offset }) } else { broken(Why::Zeros) });
        }
        let known = is_known(head[0]);
        let Some(header) = TagHeader::read(head) else {
            return Ok(if known { Some(End::TornTail { offset }) } else { broken(Why::NoTag) });
        };
        let len = TAG_HEADER + header.len;
        let Some(found) = self.window.fill(len + TAG_TRAILER)?.get(len..).and_then(size) else {
            let torn = known && header.stream == 0;
            return Ok(if torn { Some(End::TornTail { offset }) } else { broken(Why::NoTag) });
        };
        // A body is shorter than 2^24.
        let expected = u32::try_from(len).unwrap_or(u32::MAX);
        if found == expected {
            return Ok(None);
        }
        if !known {
            return Ok(broken(Why::NoTag));
        }
        self.look_behind(len + TAG_TRAILER, Why::Size { found, expected })
    }

    /// Decides what a tag of `len` bytes with a wrong size behind it is, by what follows.
    fn look_behind(&mut self, len: usize, why: Why) -> io::Result<Option<End>> {
        let offset = self.window.offset();
        let next = &self.window.fill(len + TAG_HEADER)?[len..];
        let plausible = match TagHeader::read(next) {
            Some(header) => header.is_plain(),
            // The end of the file, or what is torn there. Some writers get every size wrong.
            None if next.is_empty() => self.sizes_differ,
            None => is_known(next[0]),
        };
        if plausible {
            self.sizes_differ = true;
            return Ok(None);
        }
        let next = &self.window.fill(len + HOLE)?[len..];
        if next.iter().any(|byte| *byte != 0) {
            return Ok(Some(End::Broken { offset, why }));
        }
        self.window.pass(len);
        let zeros = self.zeros_to_the_end()?;
        let broken = End::Broken { offset, why: Why::Zeros };
        Ok(Some(if zeros { End::ZeroTail { offset } } else { broken }))
    }

    /// Passes zeros. Whether nothing else was left.
    fn zeros_to_the_end(&mut self) -> io::Result<bool> {
        loop {
            let rest = self.window.fill(HOLE)?;
            if rest.is_empty() {
                return Ok(true);
            }
            let len = rest.len();
            let zeros = rest.iter().position(|byte| *byte != 0).unwrap_or(len);
            self.window.pass(zeros);
            if zeros < len {
                return Ok(false);
            }
        }
    }

    /// Lends the tag that the window begins with.
    fn lend(&mut self) -> Option<Entry<'_>> {
        let header = TagHeader::read(self.window.bytes())?;
        let len = TAG_HEADER + header.len;
        self.given = len + TAG_TRAILER;
        let bytes = self.window.bytes().get(..self.given)?;
        let tag =
            Tag { kind: header.kind, timestamp: header.timestamp, body: &bytes[TAG_HEADER..len] };
        Some(Entry {
            offset: self.window.offset(),
            tag,
            filtered: header.filtered,
            stream: header.stream,
            size: size(&bytes[len..])?,
        })
    }
}

impl TagHeader {
    /// The header that `bytes` begin with; none when they are too few.
    fn read(bytes: &[u8]) -> Option<Self> {
        let &[first, l2, l1, l0, t2, t1, t0, t3, s2, s1, s0] = bytes.first_chunk::<TAG_HEADER>()?;
        let filtered = first & FILTER != 0 && is_known(first & !FILTER);
        Some(Self {
            kind: if filtered { first & !FILTER } else { first },
            filtered,
            len: u32::from_be_bytes([0, l2, l1, l0]) as usize,
            timestamp: u32::from_be_bytes([t3, t2, t1, t0]),
            stream: u32::from_be_bytes([0, s2, s1, s0]),
        })
    }

    /// Whether it has nothing in it that no writer writes.
    fn is_plain(&self) -> bool {
        is_known(self.kind) && self.stream == 0
    }
}

/// The bit of a tag's first byte that says that it is filtered (annex E.4.1).
const FILTER: u8 = 0x20;

/// Whether tags of this kind are known, filtered or not.
fn is_known(first: u8) -> bool {
    matches!(first & !FILTER, flv::AUDIO | flv::VIDEO | flv::SCRIPT)
}

/// A `PreviousTagSize`.
fn size(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
