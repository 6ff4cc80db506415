//! A captured frame: link layer, IP, TCP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A TCP segment, borrowed from the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) sequence: u32,
    pub(super) syn: bool,
    pub(super) ack: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    pub(super) data: &'a [u8],
}

/// How frames begin, by the numbers of libpcap's link types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// 1.
    Ethernet,
    /// 0 and 108: four bytes of an address family.
    Loopback,
    /// 12, 14, 101, 228 and 229: IP at once.
    Raw,
    /// 113: what Linux has for all interfaces together.
    Cooked,
    /// 276: the same, newer.
    Cooked2,
}

/// Why a frame is no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// Something else than TCP, or too short for it.
    NotTcp,
    /// A part of an IP packet.
    Fragment,
}

impl Link {
    /// The link type of that number, if frames of it can be read.
    pub(super) fn of(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Ethernet,
            0 | 108 => Self::Loopback,
            12 | 14 | 101 | 228 | 229 => Self::Raw,
            113 => Self::Cooked,
            276 => Self::Cooked2,
            _ => return None,
        })
    }

    /// What is behind the link layer's header; IP, if it is anything that can be read.
    fn payload(self, frame: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Raw => Some(frame),
            Self::Loopback => frame.get(4..),
            Self::Ethernet => behind_tags(frame.get(12..)?),
            Self::Cooked => behind_tags(frame.get(14..)?),
            Self::Cooked2 => {
                let mut tagged = frame.get(20..)?;
                // The type comes first, and tags behind the header.
                let kind = u16::from_be_bytes(*frame.first_chunk()?);
                if is_tag(kind) {
                    tagged = behind_tags(tagged.get(2..)?)?;
                }
                Some(tagged)
            }
        }
    }
}

/// What is behind an `EtherType`, and behind the tags of virtual networks before it.
fn behind_tags(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (kind, rest) = bytes.split_first_chunk()?;
        match u16::from_be_bytes(*kind) {
            kind if is_tag(kind) => bytes = rest.get(2..)?,
            0x0800 | 0x86dd => return Some(rest),
            // PPPoE, with a session's header and PPP's protocol.
            0x8864 => return rest.get(8..),
            _ => return None,
        }
    }
}

fn is_tag(kind: u16) -> bool {
    matches!(kind, 0x8100 | 0x88a8 | 0x9100)
}

/// The segment in a frame.
pub(super) fn segment(link: Link, frame: &[u8]) -> Result<Segment<'_>, Other> {
    let packet = link.payload(frame).ok_or(Other::NotTcp)?;
    match packet.first().map(|first| first >> 4) {
        Some(4) => v4(packet),
        Some(6) => v6(packet),
        _ => Err(Other::NotTcp),
    }
}

const TCP: u8 = 6;

fn v4(packet: &[u8]) -> Result<Segment<'_>, Other> {
    let header: &[u8; 20] = packet.first_chunk().ok_or(Other::NotTcp)?;
    let len = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[9] != TCP {
        return Err(Other::NotTcp);
    }
    // More fragments, or an offset.
    if u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0 {
        return Err(Other::Fragment);
    }
    // 0 where the network card was to cut it. What is behind the packet is padding.
    let total = if total == 0 { packet.len() } else { total.min(packet.len()) };
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let (from, to) = (Ipv4Addr::new(s0, s1, s2, s3), Ipv4Addr::new(d0, d1, d2, d3));
    tcp(from.into(), to.into(), packet.get(len..total).ok_or(Other::NotTcp)?)
}

fn v6(packet: &[u8]) -> Result<Segment<'_>, Other> {
    let (header, rest) = packet.split_first_chunk::<40>().ok_or(Other::NotTcp)?;
    let len = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let mut rest = if len == 0 { rest } else { &rest[..len.min(rest.len())] };
    let address = |at: usize| {
        let bytes: Option<&[u8; 16]> = header.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map(|bytes| Ipv6Addr::from(*bytes)).ok_or(Other::NotTcp)
    };
    let mut next = header[6];
    loop {
        match next {
            TCP => return tcp(address(8)?.into(), address(24)?.into(), rest),
            // Hop by hop, routing, destination.
            0 | 43 | 60 => {
                let &[following, len, ..] = rest else { return Err(Other::NotTcp) };
                rest = rest.get(8 + 8 * usize::from(len)..).ok_or(Other::NotTcp)?;
                next = following;
            }
            44 => return Err(Other::Fragment),
            _ => return Err(Other::NotTcp),
        }
    }
}

fn tcp(from: IpAddr, to: IpAddr, bytes: &[u8]) -> Result<Segment<'_>, Other> {
    let header: &[u8; 20] = bytes.first_chunk().ok_or(Other::NotTcp)?;
    let &[s1, s0, d1, d0, q3, q2, q1, q0, _, _, _, _, len, flags, ..] = header;
    let data = bytes.get(usize::from(len >> 4) * 4..).ok_or(Other::NotTcp)?;
    let set = |bit: u8| flags & bit != 0;
    Ok(Segment {
        from: SocketAddr::new(from, u16::from_be_bytes([s1, s0])),
        to: SocketAddr::new(to, u16::from_be_bytes([d1, d0])),
        sequence: u32::from_be_bytes([q3, q2, q1, q0]),
        syn: set(0x02),
        ack: set(0x10),
        fin: set(0x01),
        rst: set(0x04),
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment with three bytes, from port 50000 to 1935.
    const TCP_SEGMENT: &[u8] =
        b"\xc3\x50\x07\x8f\0\0\0\x07\0\0\0\0\x60\x10\xff\xff\0\0\0\0\x01\x01\x01\0abc";

    fn v4_packet(fragment: u16) -> Vec<u8> {
        let len = u16::try_from(20 + TCP_SEGMENT.len()).unwrap();
        let head = [&b"\x45\0"[..], &len.to_be_bytes(), b"\0\0", &fragment.to_be_bytes()].concat();
        [&head, &b"\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02"[..], TCP_SEGMENT].concat()
    }

    fn v6_packet() -> Vec<u8> {
        // With a destination header of 8 bytes before TCP.
        let len = u16::try_from(8 + TCP_SEGMENT.len()).unwrap();
        let head = [&b"\x60\0\0\0"[..], &len.to_be_bytes(), b"\x3c\x40"].concat();
        let addresses = [[0; 15].as_slice(), &[1], &[0; 15], &[2]].concat();
        [&head, &addresses, &b"\x06\0\x01\x04\0\0\0\0"[..], TCP_SEGMENT].concat()
    }

    #[test]
    fn every_link_and_both_versions() {
        let v4 = v4_packet(0x4000);
        let frames = [
            (Link::Raw, v4.clone()),
            (Link::Raw, v6_packet()),
            (Link::Loopback, [b"\x02\0\0\0", &v4[..]].concat()),
            (Link::Ethernet, [&[0; 12], &b"\x08\0"[..], &v4, b"padding"].concat()),
            (Link::Ethernet, [&[0; 12], &b"\x81\0\0\x05\x86\xdd"[..], &v6_packet()].concat()),
            (Link::Ethernet, [&[0; 12], &b"\x88\x64\x11\0\0\x01\0\x30\0\x21"[..], &v4].concat()),
            (Link::Cooked, [&[0; 14], &b"\x08\0"[..], &v4].concat()),
            (Link::Cooked2, [&b"\x08\0"[..], &[0; 18], &v4].concat()),
            (Link::Cooked2, [&b"\x81\0"[..], &[0; 18], b"\0\x05\x08\0", &v4].concat()),
        ];
        for (link, frame) in frames {
            let segment = segment(link, &frame).unwrap_or_else(|_| panic!("{link:?}"));
            assert_eq!((segment.data, segment.sequence), (&b"abc"[..], 7), "{link:?}");
            assert_eq!((segment.from.port(), segment.to.port()), (50_000, 1935));
            assert!(segment.ack && !segment.syn && !segment.fin && !segment.rst);
        }
    }

    #[test]
    fn what_is_no_segment() {
        assert_eq!(segment(Link::Raw, &v4_packet(0x2000)), Err(Other::Fragment));
        let v4 = v4_packet(0);
        for len in 0..40 {
            assert_eq!(segment(Link::Raw, &v4[..len]), Err(Other::NotTcp), "{len}");
        }
        let v6 = v6_packet();
        for len in 0..68 {
            assert_eq!(segment(Link::Raw, &v6[..len]), Err(Other::NotTcp), "{len}");
        }
        assert_eq!(segment(Link::Ethernet, &[0; 60]), Err(Other::NotTcp));
        assert_eq!(Link::of(105), None);
    }
}
