use std::io::{self, Read};
use std::prelude::v1::*;

use sluicebox_core::flv::FILE_HEADER;

use super::*;

/// A tag as a file has it.
fn tag(kind: u8, timestamp: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap();
    let [_, l2, l1, l0] = len.to_be_bytes();
    let [t3, t2, t1, t0] = timestamp.to_be_bytes();
    let header = [kind, l2, l1, l0, t2, t1, t0, t3, 0, 0, 0];
    [&header[..], body, &(11 + len).to_be_bytes()].concat()
}

fn file(parts: &[Vec<u8>]) -> Vec<u8> {
    [FILE_HEADER.to_vec(), parts.concat()].concat()
}

/// Three tags; the second begins at byte 78, the third at 193.
fn three() -> Vec<Vec<u8>> {
    vec![tag(9, 0, &[0x17; 50]), tag(8, 0x0102_0304, &[0xaf; 100]), tag(9, 40, &[0x27; 20])]
}

/// Offsets and timestamps of all tags, and the end.
fn read(bytes: &[u8]) -> (Vec<(u64, u32)>, Option<End>) {
    let mut reader = Reader::new(bytes);
    let mut tags = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        assert_eq!(entry.size, entry.expected_size());
        let (offset, next) = (entry.offset, entry.next_offset());
        tags.push((offset, entry.tag.timestamp));
        assert_eq!(reader.offset(), next);
    }
    assert!(reader.next().unwrap().is_none());
    (tags, reader.end())
}

const ALL: [(u64, u32); 3] = [(13, 0), (78, 0x0102_0304), (193, 40)];

#[test]
fn a_whole_file() {
    let bytes = file(&three());
    assert_eq!(read(&bytes), (ALL.to_vec(), Some(End::Sound)));
    let mut reader = Reader::new(&bytes[..]);
    let header = Header { version: 1, flags: 5, len: 9, first_size: 0 };
    assert_eq!(reader.header().unwrap(), Some(header));
    assert_eq!(reader.next().unwrap().unwrap().tag.body, [0x17; 50]);
    assert_eq!(read(&FILE_HEADER), (vec![], Some(End::Sound)));
}

#[test]
fn torn_anywhere() {
    let bytes = file(&three());
    for len in 0..bytes.len() {
        let (tags, end) = read(&bytes[..len]);
        let whole = ALL.iter().zip([78, 193, 228]).take_while(|(_, next)| *next <= len).count();
        assert_eq!(tags, ALL[..whole], "{len} bytes");
        let offset = match whole {
            0 if len < 13 => 0,
            whole => [13, 78, 193, 228][whole],
        };
        let sound = offset == len as u64 && len > 0;
        let expected = if sound { End::Sound } else { End::TornTail { offset } };
        assert_eq!(end, Some(expected), "{len} bytes");
    }
}

#[test]
fn zeros_from_anywhere_to_the_end() {
    let bytes = file(&three());
    for more in [0, 1, 300_000] {
        for len in 13..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[len..].fill(0);
            bytes.resize(bytes.len() + more, 0);
            let offset = [13, 78, 193].into_iter().rfind(|offset| *offset <= len as u64).unwrap();
            let end = read(&bytes).1.unwrap();
            // A length with zeros in it may reach beyond the end, a size may be zero only in part.
            assert_eq!(end.offset(), Some(offset), "{len} and {more}: {end}");
            if more == 300_000 {
                assert_eq!(end, End::ZeroTail { offset }, "{len}");
            }
        }
    }
}

#[test]
fn garbage_in_the_middle_is_found_and_passed() {
    let garbage = [b"garbage \x08\x09\x12\x00\x00".repeat(50), vec![0; 70_000], vec![9; 3]];
    for garbage in garbage {
        let mut parts = three();
        parts.insert(2, garbage.clone());
        let bytes = file(&parts);
        let mut reader = Reader::new(&bytes[..]);
        reader.next().unwrap().unwrap();
        reader.next().unwrap().unwrap();
        assert!(reader.next().unwrap().is_none());
        assert!(matches!(
            reader.end(),
            Some(End::Broken { offset: 193, .. } | End::TornTail { offset: 193 })
        ));
        assert_eq!(reader.resync().unwrap(), Some(193 + garbage.len() as u64));
        assert_eq!(reader.next().unwrap().unwrap().tag.timestamp, 40);
        assert!(reader.next().unwrap().is_none());
        assert_eq!(reader.end(), Some(End::Sound));
        assert_eq!(reader.resync().unwrap(), None);
    }
}

#[test]
fn a_length_that_is_wrong_costs_one_tag() {
    let mut bytes = file(&three());
    bytes[78 + 3] += 1;
    let mut reader = Reader::new(&bytes[..]);
    reader.next().unwrap().unwrap();
    assert!(reader.next().unwrap().is_none());
    assert!(matches!(reader.end(), Some(End::Broken { offset: 78, why: Why::Size { .. } })));
    assert_eq!(reader.resync().unwrap(), Some(193));
}

#[test]
fn what_deviates_and_can_be_read_is_read() {
    let mut parts = three();
    let last = parts[0].len() - 4;
    parts[0][last..].fill(0);
    parts[1][10] = 1;
    parts[2] = tag(0x0f, 0, b"AMF3");
    parts.push(tag(0x28, 0, b"filtered"));
    let bytes = file(&parts);
    let mut reader = Reader::new(&bytes[..]);
    // The second tag has a stream, so the first one's size is no proof of it.
    assert!(reader.next().unwrap().is_none());
    parts[1][10] = 0;
    parts[2][10] = 1;
    let bytes = file(&parts);
    let mut reader = Reader::new(&bytes[..]);
    assert_eq!(reader.next().unwrap().unwrap().size, 0);
    reader.next().unwrap().unwrap();
    let entry = reader.next().unwrap().unwrap();
    assert_eq!((entry.tag.kind, entry.stream), (15, 1));
    let entry = reader.next().unwrap().unwrap();
    assert_eq!((entry.tag.kind, entry.filtered), (8, true));
    assert!(reader.next().unwrap().is_none());
    assert_eq!(reader.end(), Some(End::Sound));
}

#[test]
fn what_is_no_flv_file() {
    let end = |bytes: &[u8]| read(bytes).1.unwrap();
    assert_eq!(end(b"RIFF0000WAVE"), End::Broken { offset: 0, why: Why::NotFlv });
    assert_eq!(end(b"FL"), End::TornTail { offset: 0 });
    let long = Why::HeaderLength(0xffff_ffff);
    assert_eq!(end(b"FLV\x01\x05\xff\xff\xff\xff"), End::Broken { offset: 0, why: long });
    let later = [b"FLV\x01\x05\0\0\0\x0bmm\0\0\0\0".to_vec(), three().concat()].concat();
    assert_eq!(read(&later).0, ALL.map(|(offset, timestamp)| (offset + 2, timestamp)));
}

/// Gives one byte at a time, and is interrupted in between.
struct Slow<'a>(&'a [u8], bool);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.0.read(&mut buffer[..1])
    }
}

#[test]
fn any_pieces_of_input_give_the_same() {
    let bytes = file(&three());
    let mut reader = Reader::new(Slow(&bytes, false));
    for (offset, timestamp) in ALL {
        let entry = reader.next().unwrap().unwrap();
        assert_eq!((entry.offset, entry.tag.timestamp), (offset, timestamp));
    }
    assert!(reader.next().unwrap().is_none());
    assert_eq!(reader.end(), Some(End::Sound));
}
