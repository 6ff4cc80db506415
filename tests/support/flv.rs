//! FLV files, read strictly: a recording that is torn, padded or inconsistent anywhere is an error.

use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// A tag of an FLV file.
#[derive(Clone, PartialEq, Eq)]
pub struct Tag {
    /// 8 audio, 9 video, 18 script.
    pub kind: u8,
    /// Timestamp in ms, the extension as the upper eight bits.
    pub timestamp: u32,
    /// The body.
    pub body: Vec<u8>,
}

/// The tags of a recording, as they were sent: without metadata that the server put before them.
/// Metadata of an encoder's is among them, with what the server adds. Panics with the place where the
/// file is not what it should be.
pub fn read(path: &Path) -> Vec<Tag> {
    let mut tags = read_all(path);
    if tags.first().is_some_and(|tag| Metadata::of(tag).is_some_and(|found| found.is_server_only()))
    {
        tags.remove(0);
    }
    tags
}

/// All tags of a whole file. Panics with the place where it is not what it should be.
pub fn read_all(path: &Path) -> Vec<Tag> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Bytes that the server has added to a file that may still grow: those of the metadata at its start.
pub fn added(path: &Path) -> u64 {
    let mut start = [0; 13 + 11 + 64];
    let Ok(mut file) = std::fs::File::open(path) else { return 0 };
    if file.read_exact(&mut start).is_err() || start[13] != 18 {
        return 0;
    }
    let len = u64::from(u32::from_be_bytes([0, start[14], start[15], start[16]])) + 15;
    // Metadata of encoders is not as long as an index.
    if len > 100_000 { len } else { 0 }
}

/// The tags of a whole file: header, and tags to the last byte.
pub fn parse(bytes: &[u8]) -> Result<Vec<Tag>, String> {
    let Some((header, rest)) = bytes.split_first_chunk::<13>() else {
        return Err(format!("no FLV header in {} bytes", bytes.len()));
    };
    if header[..4] != *b"FLV\x01" || header[4] & !5 != 0 || header[5..] != DATA_OFFSET_AND_SIZE {
        return Err(format!("not the header of an FLV file: {header:02x?}"));
    }
    parse_tags(rest)
}

/// A file with these tags.
pub fn file(tags: &[Tag]) -> Vec<u8> {
    let mut bytes = b"FLV\x01\x05".to_vec();
    bytes.extend(DATA_OFFSET_AND_SIZE);
    for tag in tags {
        let len = u32::try_from(tag.body.len()).expect("a body under 4 GiB").to_be_bytes();
        let [t0, t1, t2, t3] = tag.timestamp.to_be_bytes();
        bytes.extend([tag.kind, len[1], len[2], len[3], t1, t2, t3, t0, 0, 0, 0]);
        bytes.extend(&tag.body);
        bytes.extend((u32::from_be_bytes(len) + 11).to_be_bytes());
    }
    bytes
}

/// The tags in `bytes`, which begin and end with a tag.
pub fn parse_tags(mut bytes: &[u8]) -> Result<Vec<Tag>, String> {
    let all = bytes.len();
    let mut tags = Vec::new();
    while !bytes.is_empty() {
        let at = all - bytes.len();
        let tag = parse_tag(&mut bytes)
            .map_err(|error| format!("tag {} at byte {at} of the tags: {error}", tags.len()))?;
        tags.push(tag);
    }
    Ok(tags)
}

fn parse_tag(bytes: &mut &[u8]) -> Result<Tag, String> {
    let (header, rest) = bytes.split_first_chunk::<11>().ok_or("torn in its header")?;
    let &[kind, a, b, c, t1, t2, t3, t0, stream @ ..] = header;
    if ![8, 9, 18].contains(&kind) || stream != [0; 3] {
        return Err(format!("no tag header: {header:02x?}"));
    }
    let len = u32::from_be_bytes([0, a, b, c]);
    let (body, rest) = rest
        .split_at_checked(len as usize)
        .ok_or_else(|| format!("torn: {} of {len} bytes", rest.len()))?;
    let (size, rest) = rest.split_first_chunk().ok_or("torn in its PreviousTagSize")?;
    let size = u32::from_be_bytes(*size);
    if size != len + 11 {
        return Err(format!("PreviousTagSize {size} behind a body of {len} bytes"));
    }
    *bytes = rest;
    Ok(Tag { kind, timestamp: u32::from_be_bytes([t0, t1, t2, t3]), body: body.to_vec() })
}

/// The server's part of the metadata that a recording begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// All properties, in order: name and value, as bytes.
    pub properties: Vec<(String, Vec<u8>)>,
    /// Where keyframes are said to be: seconds, and bytes from the start of the file.
    pub keyframes: Vec<(f64, u64)>,
}

impl Metadata {
    /// The metadata in a tag, if the server has been at it.
    pub fn of(tag: &Tag) -> Option<Self> {
        let mut rest = tag.body.strip_prefix(b"\x02\0\x0aonMetaData\x08")?.split_at_checked(4)?.1;
        let mut properties = Vec::new();
        let mut numbers = [Vec::new(), Vec::new()];
        while rest != b"\0\0\x09" {
            let name = take_name(&mut rest)?;
            let start = rest;
            if name == "keyframes" {
                rest = rest.strip_prefix(b"\x03")?;
                for (at, expected) in ["filepositions", "times", "spacer"].iter().enumerate() {
                    assert_eq!(take_name(&mut rest)?, *expected);
                    rest = rest.strip_prefix(b"\x0a")?;
                    let (count, values) = rest.split_first_chunk()?;
                    let len = u32::from_be_bytes(*count) as usize * 9;
                    let (values, behind) = values.split_at_checked(len)?;
                    assert!(values.chunks(9).all(|value| value[0] == 0), "numbers");
                    if at < 2 {
                        numbers[at] = values.chunks(9).map(number).collect();
                    } else {
                        assert!(values.iter().all(|byte| *byte == 0), "the spacer is all zeros");
                    }
                    rest = behind;
                }
                rest = rest.strip_prefix(b"\0\0\x09")?;
            } else {
                let len = match start {
                    [0, ..] => 9,
                    [1, ..] => 2,
                    [2, high, low, ..] => 3 + usize::from(u16::from_be_bytes([*high, *low])),
                    _ => return None,
                };
                rest = start.split_at_checked(len)?.1;
            }
            properties.push((name, start[..start.len() - rest.len()].to_vec()));
        }
        properties.iter().any(|(name, _)| name == "keyframes").then_some(())?;
        let [positions, times] = numbers;
        assert_eq!(positions.len(), times.len());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions")]
        let entry = |(time, position): (f64, f64)| (time, position as u64);
        let keyframes = times.into_iter().zip(positions).map(entry).collect();
        Some(Self { properties, keyframes })
    }

    /// The metadata of a finished recording. Panics when there is none.
    pub fn read(path: &Path) -> Self {
        let tags = read_all(path);
        Self::of(tags.first().expect("a tag")).expect("metadata of the server's")
    }

    /// A number. Panics when there is none.
    pub fn number(&self, name: &str) -> f64 {
        let value = self.properties.iter().find(|(found, _)| found == name);
        number(&value.unwrap_or_else(|| panic!("no {name} in {:?}", self.properties)).1)
    }

    /// How long the file is said to be, in bytes.
    pub fn file_len(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a length")]
        let len = self.number("filesize") as u64;
        len
    }

    /// Whether nothing of an encoder's is in it.
    pub fn is_server_only(&self) -> bool {
        self.properties.len() == 5
    }
}

fn take_name(bytes: &mut &[u8]) -> Option<String> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    *bytes = rest;
    Some(String::from_utf8_lossy(name).into_owned())
}

fn number(value: &[u8]) -> f64 {
    f64::from_be_bytes(value[1..9].try_into().expect("eight bytes"))
}

impl Tag {
    /// Whether it is audio or video.
    pub fn is_media(&self) -> bool {
        self.kind != 18
    }

    /// `kind timestamp length digest`, the digest being the first half of the body's SHA-256.
    pub fn line(&self) -> String {
        let kind = match self.kind {
            8 => "audio",
            9 => "video",
            _ => "script",
        };
        let digest = hex(&Sha256::digest(&self.body)[..8]);
        format!("{kind} {} {} {digest}", self.timestamp, self.body.len())
    }
}

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.line())
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The end of the header (it is 9 bytes long), and the PreviousTagSize before the first tag.
const DATA_OFFSET_AND_SIZE: [u8; 8] = [0, 0, 0, 9, 0, 0, 0, 0];
