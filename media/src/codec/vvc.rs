//! H.266 (ITU-T H.266; the record: ISO/IEC 14496-15, 11.2.4.2).

use alloc::format;
use alloc::string::String;

use super::bits::Bits;
use super::{Chroma, Name, Rate, Video, cropped};

/// `NAL_unit_type` of a sequence parameter set.
const SPS: u8 = 15;
/// `NAL_unit_type` of units that are not in arrays of many: decoding capabilities, operating points.
const ALONE: [u8; 2] = [13, 12];

/// Reads a `VvcDecoderConfigurationRecord`. What its sequence parameter set does not give is left as
/// the record has it.
pub(super) fn record(bytes: &[u8]) -> Option<Video> {
    let mut bits = Bits::new(bytes);
    if bits.number(5)? != 0x1f {
        return None;
    }
    bits.skip(2)?;
    let mut video = if bits.flag()? { profile(&mut bits)? } else { Video::default() };
    if let Some([_, _, set @ ..]) = find(bits.rest()) {
        // As far as it goes.
        let _ = parameter_set(set, &mut video);
    }
    Some(video)
}

/// The profile and all that comes with it, if there is one.
fn profile(bits: &mut Bits<'_>) -> Option<Video> {
    bits.skip(9)?;
    let sub_layers = bits.number(3)?;
    bits.skip(2)?;
    let chroma = bits.number(2)?;
    let depth = 8 + bits.small(3)?;
    bits.skip(5)?;
    let profile = profile_tier_level(bits, sub_layers)?;
    let (width, height) = (bits.number(16)?, bits.number(16)?);
    Some(Video {
        chroma: Chroma::of(chroma),
        bit_depth: Some(depth),
        size: (width > 0 && height > 0).then_some((width, height)),
        // Frames in 256 seconds.
        rate: Rate::new(bits.number(16)?, 256),
        ..profile
    })
}

/// The first sequence parameter set of the record's arrays.
fn find(bytes: &[u8]) -> Option<&[u8]> {
    let (count, mut rest) = bytes.split_first()?;
    for _ in 0..*count {
        let kind = rest.split_off_first()? & 0x1f;
        let mut units = 1;
        if !ALONE.contains(&kind) {
            units = u16::from_be_bytes(*rest.split_off(..2)?.first_chunk()?);
        }
        for _ in 0..units {
            let len = u16::from_be_bytes(*rest.split_off(..2)?.first_chunk()?);
            let unit = rest.split_off(..usize::from(len))?;
            if kind == SPS {
                return Some(unit);
            }
        }
    }
    None
}

/// Reads a sequence parameter set (7.3.2.4) up to the size, from behind its NAL header.
fn parameter_set(bytes: &[u8], video: &mut Video) -> Option<()> {
    let mut bits = Bits::of_nal(bytes);
    bits.skip(4 + 4)?;
    let sub_layers = bits.number(3)?;
    let chroma = bits.number(2)?;
    bits.skip(2)?;
    if bits.flag()? {
        skip_profile_tier_level(&mut bits, sub_layers)?;
    }
    bits.skip(1)?;
    if bits.flag()? {
        bits.skip(1)?;
    }
    let size = (bits.golomb()?, bits.golomb()?);
    let mut window = [0; 4];
    if bits.flag()? {
        window = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
    }
    video.chroma = Chroma::of(chroma);
    video.size = cropped(size, window, Chroma::units(chroma));
    Some(())
}

/// Passes `profile_tier_level` (7.3.3.1).
fn skip_profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<()> {
    bits.skip(7 + 1 + 8 + 1 + 1)?;
    if bits.flag()? {
        bits.skip(71)?;
        let more = bits.number(8)?;
        bits.skip(more)?;
    }
    bits.align();
    let mut levels = 0;
    for _ in 0..sub_layers {
        levels += u32::from(bits.flag()?);
    }
    bits.align();
    bits.skip(8 * levels)?;
    let sub_profiles = bits.number(8)?;
    bits.skip(32 * sub_profiles)
}

/// `VvcPTLRecord`.
fn profile_tier_level(bits: &mut Bits<'_>, sub_layers: u32) -> Option<Video> {
    bits.skip(2)?;
    let constraints = bits.number(6)?;
    let profile = bits.small(7)?;
    let high_tier = bits.flag()?;
    let level = bits.small(8)?;
    bits.skip(2)?;
    bits.skip((8 * constraints).checked_sub(2)?)?;
    let mut levels = 0;
    for _ in 1..sub_layers {
        levels += u32::from(bits.flag()?);
    }
    if sub_layers > 1 {
        bits.skip(8 - (sub_layers - 1))?;
    }
    bits.skip(8 * levels)?;
    let sub_profiles = bits.number(8)?;
    bits.skip(32 * sub_profiles)?;
    Some(Video {
        profile: Some(name(profile)),
        level: Some(level_name(high_tier, level)),
        ..Video::default()
    })
}

/// Names of annex A.3.
fn name(profile: u8) -> Name {
    Name::Known(match profile {
        1 => "Main 10",
        2 => "Main 12",
        10 => "Main 12 Intra",
        17 => "Multilayer Main 10",
        33 => "Main 10 4:4:4",
        34 => "Main 12 4:4:4",
        36 => "Main 16 4:4:4",
        49 => "Multilayer Main 10 4:4:4",
        65 => "Main 10 Still Picture",
        97 => "Main 10 4:4:4 Still Picture",
        other => return Name::Number(other),
    })
}

/// Sixteenths of a level, in steps of three (annex A.4).
fn level_name(high_tier: bool, level: u8) -> String {
    let (whole, part) = (level / 16, level % 16 / 3);
    let tier = if high_tier { " High" } else { "" };
    if part == 0 { format!("{whole}{tier}") } else { format!("{whole}.{part}{tier}") }
}
