//! Packet captures, written: segments of one connection, as any link and format has them.

/// How frames begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet, with a virtual network's tag.
    Tagged,
    /// The loopback device of BSD and macOS.
    Loopback,
    /// IP at once.
    Raw,
    /// All interfaces of Linux together.
    Cooked,
}

/// Flags of a segment.
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// A connection that is captured.
#[derive(Clone, Debug)]
pub struct Capture {
    link: Link,
    /// Sequence number of the client's first byte.
    start: u32,
    frames: Vec<Vec<u8>>,
}

impl Capture {
    /// A connection that begins with its handshake. `start` is the client's first sequence number.
    pub fn new(link: Link, start: u32) -> Self {
        let mut capture = Self { link, start, frames: Vec::new() };
        capture.frame(start.wrapping_sub(1), SYN, b"", true);
        capture.frame(7000, SYN | ACK, b"", false);
        capture
    }

    /// Bytes of the client, from `place` on in all of them.
    pub fn client(&mut self, place: usize, bytes: &[u8]) {
        let place = u32::try_from(place).expect("a short capture");
        self.frame(self.start.wrapping_add(place), ACK, bytes, true);
    }

    /// Bytes of the server.
    pub fn server(&mut self, bytes: &[u8]) {
        self.frame(7001, ACK, bytes, false);
    }

    /// The file, in the format of libpcap: big-endian, as some machines write it.
    pub fn pcap(&self) -> Vec<u8> {
        let mut file = b"\xa1\xb2\xc3\xd4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\x04\0\0".to_vec();
        file.extend(self.number().to_be_bytes());
        for frame in &self.frames {
            let len = len(frame).to_be_bytes();
            file.extend([&[0; 8][..], &len, &len, frame].concat());
        }
        file
    }

    /// The file, in the newer format: little-endian, with a block that nobody knows.
    pub fn pcapng(&self) -> Vec<u8> {
        let mut file =
            block(0x0a0d_0d0a, b"\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
        let [l0, l1, ..] = self.number().to_le_bytes();
        file.extend(block(1, &[l0, l1, 0, 0, 0, 0, 4, 0]));
        file.extend(block(0x0bad_cafe, b"what?"));
        for frame in &self.frames {
            let len = len(frame).to_le_bytes();
            file.extend(block(6, &[&[0; 12][..], &len, &len, frame].concat()));
        }
        file
    }

    fn number(&self) -> u32 {
        match self.link {
            Link::Tagged => 1,
            Link::Loopback => 0,
            Link::Raw => 101,
            Link::Cooked => 113,
        }
    }

    fn frame(&mut self, sequence: u32, flags: u8, data: &[u8], from_client: bool) {
        let (client, server) = (b"\xc3\x50", b"\x07\x8f");
        let (from, to) = if from_client { (client, server) } else { (server, client) };
        let ports = [*from, *to].concat();
        let rest = [0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0];
        let segment = [&ports[..], &sequence.to_be_bytes(), &rest, data].concat();
        let total = u16::try_from(20 + segment.len()).expect("a short segment").to_be_bytes();
        let (one, two) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let addresses = if from_client { [one, two] } else { [two, one] }.concat();
        let head = [&[0x45, 0], &total[..], &[0, 0, 0x40, 0, 0x40, 6, 0, 0]].concat();
        let link = match self.link {
            Link::Tagged => [&[0; 12][..], b"\x81\0\0\x05\x08\0"].concat(),
            Link::Loopback => vec![0, 0, 0, 2],
            Link::Raw => Vec::new(),
            Link::Cooked => [&[0; 14][..], b"\x08\0"].concat(),
        };
        self.frames.push([link, head, addresses, segment].concat());
    }
}

fn len(frame: &[u8]) -> u32 {
    u32::try_from(frame.len()).expect("a short frame")
}

/// A block of pcapng, little-endian, padded to four bytes.
fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let len = 12 + len(body) + len(&padding);
    [&kind.to_le_bytes()[..], &len.to_le_bytes(), body, &padding, &len.to_le_bytes()].concat()
}
