//! Packet captures: the RTMP clients in them.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::SocketAddr;

use anyhow::{Context as _, Result, anyhow, bail};
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

use super::Decode;
use super::client::Client;
use super::packet::{Link, Other, Segment, segment};
use super::tcp::Assembly;
use crate::ingest::Backend;

/// The buffer of the reader, in bytes: at first, and at most. Nobody's packets are longer.
const BUFFER: usize = 256 << 10;
const LARGEST: usize = 64 << 20;

/// The first byte of an RTMP client (RTMP 1.0, section 5.2.2).
const VERSION: u8 = 3;

/// Where RTMP servers listen.
const PORT: u16 = 1935;

/// Whether a file that begins with these bytes is a packet capture.
pub(super) fn is_capture(start: &[u8]) -> bool {
    const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
    const MICROSECONDS: [u8; 4] = [0xa1, 0xb2, 0xc3, 0xd4];
    const NANOSECONDS: [u8; 4] = [0xa1, 0xb2, 0x3c, 0x4d];
    let mut reversed = start.to_vec();
    reversed.reverse();
    start == PCAPNG
        || [MICROSECONDS, NANOSECONDS].iter().any(|magic| start == magic || reversed == magic)
}

/// Decodes every client in a capture.
pub(super) fn read<B: Backend>(input: impl Read + Send, decode: &mut Decode<'_, B>) -> Result<()> {
    let mut reader = create_reader(BUFFER, Whole(input)).map_err(|error| match error {
        PcapError::Incomplete(_) => anyhow!("the capture ends in its own header"),
        error => anyhow!("{}", short(&error)),
    })?;
    let mut frames = Frames::default();
    let mut clients = Clients { flows: BTreeMap::new(), frame: 0 };
    loop {
        match reader.next() {
            Ok((len, block)) => {
                if let Some((link, data)) = frames.take(&block)? {
                    clients.take(link, data, &mut frames, decode)?;
                }
                reader.consume(len);
            }
            Err(PcapError::Eof) => break,
            Err(PcapError::Incomplete(_) | PcapError::BufferTooSmall) => {
                if !more(reader.as_mut())? {
                    decode.said.failure("the capture ends in the middle of a packet");
                    break;
                }
            }
            Err(PcapError::UnexpectedEof) => {
                decode.said.failure("the capture ends in the middle of a packet");
                break;
            }
            Err(error) => bail!("damaged after packet {}: {}", frames.count, short(&error)),
        }
    }
    clients.finish(decode)?;
    if decode.said.clients == 0 {
        let what = "no RTMP client whose connection begins in the capture";
        decode.said.failure(&format!("{} packets, and {what}", frames.count));
    }
    frames.say(&decode.said);
    Ok(())
}

/// Reads as much as there is room for: the library wants a header in one piece.
struct Whole<R>(R);

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut len = 0;
        while len < buffer.len() {
            match self.0.read(&mut buffer[len..]) {
                Ok(0) => break,
                Ok(more) => len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(len)
    }
}

/// Reads more, into a larger buffer if that is needed. False: there was no more the last time.
fn more(reader: &mut dyn PcapReaderIterator) -> Result<bool> {
    if reader.reader_exhausted() {
        return Ok(false);
    }
    let have = reader.data().len();
    let failed = |error: &PcapError<&[u8]>| anyhow!("cannot be read: {}", short(error));
    reader.refill().map_err(|error| failed(&error))?;
    if reader.data().len() == have && !reader.reader_exhausted() {
        let size = (2 * have).max(2 * BUFFER);
        if size > LARGEST || !reader.grow(size) {
            bail!("a packet is too long");
        }
        reader.refill().map_err(|error| failed(&error))?;
    }
    Ok(true)
}

/// An error without the bytes that it is about.
fn short(error: &PcapError<&[u8]>) -> String {
    match error {
        PcapError::NomError(_, kind) | PcapError::OwnedNomError(_, kind) => format!("{kind:?}"),
        other => format!("{other:?}"),
    }
}

/// The frames of a capture, and what was left out.
#[derive(Default)]
struct Frames {
    /// Link types of the interfaces: of a pcap, the only one.
    links: Vec<i32>,
    /// Packets so far.
    count: u64,
    cut: u64,
    fragments: u64,
    /// Packets on links that cannot be read, and the last of these.
    foreign: u64,
    foreign_link: i32,
}

impl Frames {
    /// The frame in a block, if it is one.
    fn take<'a>(&mut self, block: &'a PcapBlockOwned<'_>) -> Result<Option<(Link, &'a [u8])>> {
        let (interface, data, len, whole) = match block {
            PcapBlockOwned::LegacyHeader(header) => {
                self.links = vec![header.network.0];
                return Ok(None);
            }
            PcapBlockOwned::Legacy(block) => (0, block.data, block.caplen, block.origlen),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                self.links.clear();
                return Ok(None);
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                self.links.push(interface.linktype.0);
                return Ok(None);
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(block)) => {
                (block.if_id, block.data, block.caplen, block.origlen)
            }
            PcapBlockOwned::NG(Block::SimplePacket(block)) => {
                (0, block.data, block.origlen, block.origlen)
            }
            PcapBlockOwned::NG(_) => return Ok(None),
        };
        self.count += 1;
        // Without what pads the block.
        let data = data.get(..len as usize).unwrap_or(data);
        self.cut += u64::from(data.len() < whole as usize);
        let number =
            self.links.get(interface as usize).context("a packet of an unknown interface")?;
        let Some(link) = Link::of(*number) else {
            self.foreign += 1;
            self.foreign_link = *number;
            return Ok(None);
        };
        Ok(Some((link, data)))
    }

    /// Says what was left out, and may be why something is missing.
    fn say(&self, said: &super::client::Said) {
        if self.cut > 0 {
            said.line(&format!("{} packets were not captured whole: capture with -s 0", self.cut));
        }
        if self.fragments > 0 {
            said.line(&format!("{} fragments of IP packets are left out", self.fragments));
        }
        if self.foreign > 0 {
            let (count, link) = (self.foreign, self.foreign_link);
            said.line(&format!("{count} packets of link type {link} cannot be read"));
        }
    }
}

/// A direction: sender and receiver.
type Direction = (SocketAddr, SocketAddr);

/// One direction of a connection.
enum Flow<I> {
    /// Its start was seen, and no byte of it yet.
    Begun(Assembly, u32),
    /// An RTMP client.
    Client(Assembly, Box<Client<I>>),
    /// Something else, or an RTMP client that has ended.
    Other,
}

/// All directions in a capture.
struct Clients<I> {
    flows: BTreeMap<Direction, Flow<I>>,
    /// Number of the frame that is looked at, from 1.
    frame: u64,
}

impl<I: crate::ingest::Ingest> Clients<I> {
    fn take<B: Backend<Ingest = I>>(
        &mut self,
        link: Link,
        data: &[u8],
        frames: &mut Frames,
        decode: &mut Decode<'_, B>,
    ) -> Result<()> {
        self.frame = frames.count;
        match segment(link, data) {
            Ok(segment) => self.segment(&segment, decode),
            Err(Other::NotTcp) => Ok(()),
            Err(Other::Fragment) => {
                frames.fragments += 1;
                Ok(())
            }
        }
    }

    fn segment<B: Backend<Ingest = I>>(
        &mut self,
        segment: &Segment<'_>,
        decode: &mut Decode<'_, B>,
    ) -> Result<()> {
        let direction = (segment.from, segment.to);
        if segment.syn {
            return self.begin(segment, decode);
        }
        if !segment.data.is_empty() && !self.flows.contains_key(&direction) {
            self.guess(segment);
        }
        let Some(flow) = self.flows.get_mut(&direction) else { return Ok(()) };
        if let Flow::Begun(assembly, _) = flow
            && let Some(first) = segment.data.first()
            && assembly.is_next(segment.sequence)
        {
            let assembly = std::mem::replace(assembly, Assembly::new(0));
            *flow = match *first {
                VERSION => {
                    let name = format!("{} to {}", segment.from, segment.to);
                    Flow::Client(assembly, Box::new(decode.client(name)?))
                }
                _ => Flow::Other,
            };
        }
        match flow {
            Flow::Other => Ok(()),
            Flow::Begun(assembly, _) => assembly.take(segment.sequence, segment.data, |_| Ok(())),
            Flow::Client(assembly, client) => {
                let (output, said) = (&mut decode.output, &mut decode.said);
                let failed = client.failed();
                assembly.take(segment.sequence, segment.data, |bytes| {
                    client.take(bytes, output, said)
                })?;
                if client.failed() && !failed {
                    said.line(&format!("{}: that was in packet {}", client.name(), self.frame));
                }
                let over = segment.rst || (segment.fin && assembly.hole().is_none());
                if over || assembly.is_hopeless() {
                    end(std::mem::replace(flow, Flow::Other), decode)?;
                }
                Ok(())
            }
        }
    }

    /// A connection begins: the one who asks for it is the client.
    fn begin<B: Backend<Ingest = I>>(
        &mut self,
        segment: &Segment<'_>,
        decode: &mut Decode<'_, B>,
    ) -> Result<()> {
        let direction = (segment.from, segment.to);
        if segment.ack {
            self.flows.insert(direction, Flow::Other);
            return Ok(());
        }
        let first = segment.sequence.wrapping_add(1);
        if let Some(Flow::Begun(_, begun)) = self.flows.get(&direction)
            && *begun == first
        {
            // Asked again.
            return Ok(());
        }
        let begun = Flow::Begun(Assembly::new(first), first);
        match self.flows.insert(direction, begun) {
            // The port comes again.
            Some(before) => end(before, decode),
            None => Ok(()),
        }
    }

    /// A connection that began before the capture did: a client's handshake may still be seen.
    fn guess(&mut self, segment: &Segment<'_>) {
        let back = (segment.to, segment.from);
        let looks_like_it = segment.data.first() == Some(&VERSION)
            && segment.from.port() != PORT
            && !self.flows.contains_key(&back);
        let first = segment.sequence;
        let flow = match looks_like_it {
            true => Flow::Begun(Assembly::new(first), first),
            false => Flow::Other,
        };
        self.flows.insert((segment.from, segment.to), flow);
    }

    fn finish<B: Backend<Ingest = I>>(self, decode: &mut Decode<'_, B>) -> Result<()> {
        for (_, flow) in self.flows {
            end(flow, decode)?;
        }
        Ok(())
    }
}

/// A direction is over: what is missing in it is said, what was published is finished.
fn end<B: Backend>(flow: Flow<B::Ingest>, decode: &mut Decode<'_, B>) -> Result<()> {
    let Flow::Client(assembly, client) = flow else { return Ok(()) };
    if let Some((place, len)) = assembly.hole() {
        let name = client.name();
        decode.said.failure(&format!("{name}: {len} bytes at byte {place} were not captured"));
    }
    client.finish(&mut decode.output, &mut decode.said)
}
