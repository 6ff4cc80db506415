//! VP8 (RFC 6386) and VP9 (VP9 Bitstream & Decoding Process; the record: VP Codec ISO Media File
//! Format Binding). The record has no size: a keyframe has.

use alloc::format;

use super::bits::Bits;
use super::{Chroma, Name, Video};

/// Reads a `VPCodecConfigurationRecord`, with or without the version of its box before it.
pub(super) fn record(bytes: &[u8]) -> Option<Video> {
    let bytes = match bytes {
        [1, 0, 0, 0, rest @ ..] if rest.len() >= 8 => rest,
        _ => bytes,
    };
    let &[profile, level, format, ..] = bytes.first_chunk::<8>()?;
    Some(Video {
        profile: Some(Name::Number(profile)),
        level: (level > 0).then(|| format!("{}.{}", level / 10, level % 10)),
        bit_depth: Some(format >> 4).filter(|depth| *depth >= 8),
        chroma: match format >> 1 & 7 {
            0 | 1 => Some(Chroma::C420),
            2 => Some(Chroma::C422),
            3 => Some(Chroma::C444),
            _ => None,
        },
        ..Video::default()
    })
}

/// Reads the start of a VP8 keyframe (RFC 6386, 9.1).
pub(super) fn vp8_keyframe(bytes: &[u8]) -> Option<Video> {
    let &[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = bytes.first_chunk()? else {
        return None;
    };
    if tag & 1 != 0 {
        return None;
    }
    // The upper two bits are for scaling.
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some(Video {
        profile: Some(Name::Number(tag >> 1 & 7)),
        size: Some((side(w0, w1), side(h0, h1)))
            .filter(|(width, height)| *width > 0 && *height > 0),
        bit_depth: Some(8),
        chroma: Some(Chroma::C420),
        ..Video::default()
    })
}

/// Reads the uncompressed header of a VP9 keyframe (6.2) up to its size.
pub(super) fn vp9_keyframe(bytes: &[u8]) -> Option<Video> {
    const RGB: u32 = 7;
    let mut bits = Bits::new(bytes);
    if bits.number(2)? != 2 {
        return None;
    }
    let profile = bits.small(1)? | bits.small(1)? << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    // Neither an existing frame shown again, nor an inter frame.
    if bits.number(2)? != 0 {
        return None;
    }
    bits.skip(2)?;
    if bits.number(24)? != 0x49_83_42 {
        return None;
    }
    let deep = profile >= 2 && bits.flag()?;
    let depth = match (profile >= 2, deep) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    let mut chroma = Some(Chroma::C420);
    let odd = profile & 1 == 1;
    if bits.number(3)? == RGB {
        chroma = Some(Chroma::C444);
        bits.skip(u32::from(odd))?;
    } else {
        bits.skip(1)?;
        if odd {
            chroma = match (bits.flag()?, bits.flag()?) {
                (true, true) => Some(Chroma::C420),
                (true, false) => Some(Chroma::C422),
                (false, false) => Some(Chroma::C444),
                (false, true) => None,
            };
            bits.skip(1)?;
        }
    }
    let size = (bits.number(16)? + 1, bits.number(16)? + 1);
    Some(Video {
        profile: Some(Name::Number(profile)),
        size: Some(size),
        bit_depth: Some(depth),
        chroma,
        ..Video::default()
    })
}
