//! AV1 (AV1 Bitstream & Decoding Process; the record: AV1 Codec ISO Media File Format Binding, 2.3).

use alloc::format;
use alloc::string::String;

use super::bits::Bits;
use super::{Chroma, Name, Rate, Video};

/// Reads an `AV1CodecConfigurationRecord`, and the sequence header that may be in it.
pub(super) fn record(bytes: &[u8]) -> Option<Video> {
    let &[0x81, profile, b, _, ref units @ ..] = bytes else { return None };
    let set = |bit: u8| b & bit != 0;
    let mut video = Video {
        profile: Some(name(profile >> 5)),
        level: level_name(profile & 0x1f, set(0x80)),
        bit_depth: Some(match (set(0x40), set(0x20)) {
            (false, _) => 8,
            (true, false) => 10,
            (true, true) => 12,
        }),
        chroma: Some(match (set(0x10), set(0x08), set(0x04)) {
            (true, ..) => Chroma::Gray,
            (_, true, true) => Chroma::C420,
            (_, true, false) => Chroma::C422,
            (_, false, _) => Chroma::C444,
        }),
        ..Video::default()
    };
    if let Some(header) = find(units) {
        // As far as it goes.
        let _ = sequence_header(header, &mut video);
    }
    Some(video)
}

/// The sequence header among open bitstream units (5.3).
fn find(mut units: &[u8]) -> Option<&[u8]> {
    const SEQUENCE_HEADER: u8 = 1;
    loop {
        let header = *units.split_off_first()?;
        if header & 0x04 != 0 {
            units.split_off_first()?;
        }
        let mut len = units.len();
        if header & 0x02 != 0 {
            len = leb128(&mut units)?;
        }
        let unit = units.split_off(..len)?;
        if header >> 3 & 0x0f == SEQUENCE_HEADER {
            return Some(unit);
        }
    }
}

/// A number of seven bits a byte, lowest first (4.10.5).
fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for place in 0..8 {
        let byte = *bytes.split_off_first()?;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return usize::try_from(number).ok();
        }
    }
    None
}

/// Reads `sequence_header_obu` (5.5.1) up to the size of frames.
fn sequence_header(bytes: &[u8], video: &mut Video) -> Option<()> {
    let mut bits = Bits::new(bytes);
    bits.skip(4)?;
    if bits.flag()? {
        bits.skip(5)?;
    } else {
        let mut delay_bits = None;
        if bits.flag()? {
            let (tick, scale) = (bits.number(32)?, bits.number(32)?);
            if bits.flag()? {
                let ticks = bits.golomb()?.checked_add(1)?;
                video.rate = tick.checked_mul(ticks).and_then(|ticks| Rate::new(scale, ticks));
            }
            if bits.flag()? {
                delay_bits = Some(bits.number(5)? + 1);
                bits.skip(32 + 5 + 5)?;
            }
        }
        operating_points(&mut bits, delay_bits)?;
    }
    let (width_bits, height_bits) = (bits.number(4)? + 1, bits.number(4)? + 1);
    video.size = Some((bits.number(width_bits)? + 1, bits.number(height_bits)? + 1));
    Some(())
}

/// Passes the operating points. `delay_bits`: there is a decoder model, with delays of so many bits.
fn operating_points(bits: &mut Bits<'_>, delay_bits: Option<u32>) -> Option<()> {
    let display_delays = bits.flag()?;
    for _ in 0..=bits.number(5)? {
        bits.skip(12)?;
        if bits.number(5)? > 7 {
            bits.skip(1)?;
        }
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if display_delays && bits.flag()? {
            bits.skip(4)?;
        }
    }
    Some(())
}

/// Names of annex A.2.
fn name(profile: u8) -> Name {
    match profile {
        0 => Name::Known("Main"),
        1 => Name::Known("High"),
        2 => Name::Known("Professional"),
        other => Name::Number(other),
    }
}

/// Levels of annex A.3; 31 is none.
fn level_name(index: u8, high_tier: bool) -> Option<String> {
    let tier = if high_tier { " High" } else { "" };
    (index < 24).then(|| format!("{}.{}{tier}", 2 + index / 4, index % 4))
}
