//! FLV files, read strictly: a recording that is torn, padded or inconsistent anywhere is an error.

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

/// The tags of a whole file. Panics with the place where it is not what it should be.
pub fn read(path: &Path) -> Vec<Tag> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
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
