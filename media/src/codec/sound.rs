//! Opus, FLAC, AC-3, E-AC-3, MP3, and the old codecs that say what they are in each tag.

use super::bits::Bits;
use super::{Audio, Name};

/// Reads the identification header of Opus (RFC 7845, 5.1). It is decoded at 48 kHz, whatever the
/// rate was before.
pub(super) fn opus_head(bytes: &[u8]) -> Option<Audio> {
    let channels = *bytes.strip_prefix(b"OpusHead")?.get(1)?;
    Some(Audio { rate: Some(48_000), channels: Some(channels), ..Audio::default() })
}

/// Reads the stream info of FLAC (RFC 9639, 8.2), with or without what a file has before it.
pub(super) fn flac_info(bytes: &[u8]) -> Option<Audio> {
    const INFO: usize = 34;
    let bytes = bytes.strip_prefix(b"fLaC").unwrap_or(bytes);
    let bytes = match bytes {
        [kind, 0, 0, 34, rest @ ..] if kind & 0x7f == 0 && rest.len() >= INFO => rest,
        _ => bytes,
    };
    let mut bits = Bits::new(bytes.get(..INFO)?);
    bits.skip(16 + 16 + 24 + 24)?;
    let (rate, channels, depth) = (bits.number(20)?, bits.small(3)?, bits.small(5)?);
    Some(Audio {
        rate: Some(rate).filter(|rate| *rate > 0),
        channels: Some(channels + 1),
        bit_depth: Some(depth + 1),
        ..Audio::default()
    })
}

/// Reads the start of an AC-3 or E-AC-3 frame (ETSI TS 102 366, 4.3 and annex E.1.2).
pub(super) fn ac3_frame(bytes: &[u8]) -> Option<Audio> {
    const RATES: [u32; 3] = [48_000, 44_100, 32_000];
    // `bsid` is at the same place in both.
    let mut bits = Bits::new(bytes.strip_prefix(b"\x0b\x77")?);
    let enhanced = bytes.get(5)? >> 3 > 10;
    let rate;
    let mode;
    if enhanced {
        bits.skip(2 + 3 + 11)?;
        let code = bits.number(2)? as usize;
        let low = bits.number(2)? as usize;
        rate = match RATES.get(code) {
            Some(rate) => *rate,
            None => RATES.get(low)? / 2,
        };
        mode = bits.number(3)?;
    } else {
        bits.skip(16)?;
        rate = *RATES.get(bits.number(2)? as usize)?;
        bits.skip(6 + 5 + 3)?;
        mode = bits.number(3)?;
        // Mix levels: of the centre, of the surround; of stereo, whether it was surround.
        bits.skip(if mode & 1 != 0 && mode != 1 { 2 } else { 0 })?;
        bits.skip(if mode & 4 != 0 { 2 } else { 0 })?;
        bits.skip(if mode == 2 { 2 } else { 0 })?;
    }
    let low = u8::from(bits.flag()?);
    let channels = [2, 1, 2, 3, 3, 4, 4, 5].get(mode as usize)? + low;
    Some(Audio { rate: Some(rate), channels: Some(channels), ..Audio::default() })
}

/// Reads the header of an MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3, and 13818-3).
pub(super) fn mpeg_frame(bytes: &[u8]) -> Option<Audio> {
    let &[0xff, b, c, d, ..] = bytes else { return None };
    let (version, layer, rate) = (b >> 3 & 3, b >> 1 & 3, c >> 2 & 3);
    if b >> 5 != 7 || version == 1 || layer == 0 {
        return None;
    }
    let rate = [44_100, 48_000, 32_000].get(usize::from(rate))?;
    let rate = match version {
        3 => *rate,
        2 => rate / 2,
        _ => rate / 4,
    };
    let profile = match layer {
        3 => Some(Name::Known("Layer I")),
        2 => Some(Name::Known("Layer II")),
        _ => None,
    };
    let channels = if d >> 6 == 3 { 1 } else { 2 };
    Some(Audio { profile, rate: Some(rate), channels: Some(channels), bit_depth: None })
}

/// What the first byte of an old audio tag says (FLV 10.1, annex E.4.2.1): rate, size and channels.
pub(super) fn old_header(first: u8) -> Audio {
    let rate = [5_512, 11_025, 22_050, 44_100][usize::from(first >> 2 & 3)];
    Audio {
        rate: Some(rate),
        channels: Some(1 + (first & 1)),
        bit_depth: Some(if first & 2 == 0 { 8 } else { 16 }),
        ..Audio::default()
    }
}
