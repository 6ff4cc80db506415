//! H.265 (ITU-T H.265; the record: ISO/IEC 14496-15, 8.3.3.1).

use alloc::format;
use alloc::string::String;

use super::avc::skip_vui_to_timing;
use super::bits::Bits;
use super::{Chroma, Name, Rate, Video, cropped};

/// `nal_unit_type` of a sequence parameter set.
const SPS: u8 = 33;

/// Reads an `HEVCDecoderConfigurationRecord`. What its sequence parameter set does not give is left
/// as the record has it.
pub(super) fn record(bytes: &[u8]) -> Option<Video> {
    let (head, arrays) = bytes.split_first_chunk::<23>()?;
    let &[
        1,
        profile,
        c3,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        level,
        _,
        _,
        _,
        chroma,
        depth,
        _,
        r1,
        r0,
        _,
        count,
    ] = head
    else {
        return None;
    };
    let mut video = Video {
        profile: Some(name(profile & 0x1f, c3)),
        level: Some(level_name(profile & 0x20 != 0, level)),
        chroma: Chroma::of(u32::from(chroma & 3)),
        bit_depth: Some(8 + (depth & 7)),
        // Frames in 256 seconds.
        rate: Rate::new(u32::from(u16::from_be_bytes([r1, r0])), 256),
        ..Video::default()
    };
    if let Some([_, _, set @ ..]) = find(arrays, count) {
        // As far as it goes.
        let _ = parameter_set(set, &mut video);
    }
    Some(video)
}

/// The first sequence parameter set of the record's arrays.
fn find(mut arrays: &[u8], count: u8) -> Option<&[u8]> {
    for _ in 0..count {
        let ([kind, n1, n0], mut rest) = arrays.split_first_chunk()?;
        for _ in 0..u16::from_be_bytes([*n1, *n0]) {
            let (len, behind) = rest.split_first_chunk()?;
            let (unit, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
            if kind & 0x3f == SPS {
                return Some(unit);
            }
            rest = behind;
        }
        arrays = rest;
    }
    None
}

/// Reads a sequence parameter set (7.3.2.2.1), from behind its NAL header.
fn parameter_set(bytes: &[u8], video: &mut Video) -> Option<()> {
    let mut bits = Bits::of_nal(bytes);
    bits.skip(4)?;
    let sub_layers = bits.number(3)?;
    bits.skip(1)?;
    skip_profile_tier_level(&mut bits, sub_layers)?;
    bits.skip_golombs(1)?;
    let chroma = bits.golomb_to(3)?;
    video.chroma = Chroma::of(chroma);
    let separate_planes = chroma == 3 && bits.flag()?;
    let size = (bits.golomb()?, bits.golomb()?);
    let mut window = [0; 4];
    if bits.flag()? {
        window = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
    }
    let units = if separate_planes { (1, 1) } else { Chroma::units(chroma) };
    video.size = cropped(size, window, units);
    video.bit_depth = u8::try_from(8 + bits.golomb_to(8)?).ok();
    bits.skip_golombs(1)?;
    let order_bits = 4 + bits.golomb_to(12)?;
    let ordered = if bits.flag()? { sub_layers + 1 } else { 1 };
    bits.skip_golombs(3 * ordered)?;
    bits.skip_golombs(6)?;
    if bits.flag()? && bits.flag()? {
        skip_scaling_lists(&mut bits)?;
    }
    bits.skip(2)?;
    if bits.flag()? {
        bits.skip(8)?;
        bits.skip_golombs(2)?;
        bits.skip(1)?;
    }
    skip_short_term_sets(&mut bits)?;
    if bits.flag()? {
        let count = bits.golomb_to(32)?;
        bits.skip(count * (order_bits + 1))?;
    }
    bits.skip(2)?;
    if bits.flag()? {
        skip_vui_to_timing(&mut bits)?;
        bits.skip(3)?;
        if bits.flag()? {
            bits.skip_golombs(4)?;
        }
        if bits.flag()? {
            let (tick, scale) = (bits.number(32)?, bits.number(32)?);
            video.rate = Rate::new(scale, tick).or(video.rate);
        }
    }
    Some(())
}

/// Passes `profile_tier_level` (7.3.3).
fn skip_profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<()> {
    const PROFILE: u32 = 88;
    const LEVEL: u32 = 8;
    bits.skip(PROFILE + LEVEL)?;
    let mut more = 0;
    for _ in 0..sub_layers {
        more += if bits.flag()? { PROFILE } else { 0 };
        more += if bits.flag()? { LEVEL } else { 0 };
    }
    if sub_layers > 0 {
        more += 2 * (8 - sub_layers);
    }
    bits.skip(more)
}

/// Passes `scaling_list_data` (7.3.4).
fn skip_scaling_lists(bits: &mut Bits<'_>) -> Option<()> {
    for size in 0..4 {
        for _ in 0..if size == 3 { 2 } else { 6 } {
            if bits.flag()? {
                let coefficients = if size == 0 { 16 } else { 64 };
                bits.skip_golombs(if size > 1 { 1 } else { 0 } + coefficients)?;
            } else {
                bits.skip_golombs(1)?;
            }
        }
    }
    Some(())
}

/// Passes all `st_ref_pic_set` (7.3.7).
fn skip_short_term_sets(bits: &mut Bits<'_>) -> Option<()> {
    // Pictures in the set before: one that is predicted has a flag or two for each, and one more.
    let mut pictures = 0;
    for set in 0..bits.golomb_to(64)? {
        if set > 0 && bits.flag()? {
            bits.skip(1)?;
            bits.skip_golombs(1)?;
            let mut kept = 0;
            for _ in 0..=pictures {
                let used = bits.flag()?;
                kept += u32::from(used || bits.flag()?);
            }
            pictures = kept;
        } else {
            pictures = bits.golomb_to(16)? + bits.golomb_to(16)?;
            for _ in 0..pictures {
                bits.skip_golombs(1)?;
                bits.skip(1)?;
            }
        }
    }
    Some(())
}

/// Names of annex A.3; where the profile is 0, the first that it is compatible with.
fn name(profile: u8, compatible: u8) -> Name {
    Name::Known(match profile {
        0 if compatible & 0x40 != 0 => "Main",
        0 if compatible & 0x20 != 0 => "Main 10",
        1 => "Main",
        2 => "Main 10",
        3 => "Main Still Picture",
        4 => "Range Extensions",
        5 => "High Throughput",
        6 => "Multiview Main",
        7 => "Scalable Main",
        8 => "3D Main",
        9 => "Screen-Extended",
        10 => "Scalable Range Extensions",
        11 => "High Throughput Screen-Extended",
        other => return Name::Number(other),
    })
}

/// Thirtieths of a level, and the tier.
fn level_name(high_tier: bool, level: u8) -> String {
    let (whole, tenths) = (level / 30, level % 30 / 3);
    let tier = if high_tier { " High" } else { "" };
    if tenths == 0 { format!("{whole}{tier}") } else { format!("{whole}.{tenths}{tier}") }
}
