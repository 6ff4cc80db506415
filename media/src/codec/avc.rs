//! H.264 (ITU-T H.264; the record: ISO/IEC 14496-15, 5.3.3.1).

use alloc::format;
use alloc::string::String;

use super::bits::Bits;
use super::{Chroma, Name, Rate, Video, cropped};

/// Reads an `AVCDecoderConfigurationRecord`. What its first sequence parameter set does not give,
/// or cannot give as it is damaged, is left open.
pub(super) fn record(bytes: &[u8]) -> Option<Video> {
    let &[1, profile, constraints, level, _, sets, ref rest @ ..] = bytes else { return None };
    let mut video = Video {
        profile: Some(name(profile, constraints)),
        level: Some(level_name(profile, constraints, level)),
        ..Video::default()
    };
    if sets & 0x1f > 0
        && let [l1, l0, rest @ ..] = rest
        && let Some([_, set @ ..]) = rest.get(..usize::from(u16::from_be_bytes([*l1, *l0])))
    {
        // As far as it goes.
        let _ = parameter_set(set, &mut video);
    }
    Some(video)
}

/// Reads a sequence parameter set (7.3.2.1.1), from behind its NAL header.
fn parameter_set(bytes: &[u8], video: &mut Video) -> Option<()> {
    let mut bits = Bits::of_nal(bytes);
    let (profile, constraints, level) = (bits.small(8)?, bits.small(8)?, bits.small(8)?);
    video.profile = Some(name(profile, constraints));
    video.level = Some(level_name(profile, constraints, level));
    bits.skip_golombs(1)?;
    let mut chroma = 1;
    let mut depth = 8;
    let mut separate_planes = false;
    if HIGH.contains(&profile) {
        chroma = bits.golomb_to(3)?;
        separate_planes = chroma == 3 && bits.flag()?;
        depth = 8 + bits.golomb_to(6)?;
        bits.skip_golombs(1)?;
        bits.skip(1)?;
        if bits.flag()? {
            scaling_lists(&mut bits, if chroma == 3 { 12 } else { 8 })?;
        }
    }
    video.chroma = Chroma::of(chroma);
    video.bit_depth = u8::try_from(depth).ok();
    bits.skip_golombs(1)?;
    match bits.golomb_to(2)? {
        0 => bits.skip_golombs(1)?,
        1 => {
            bits.skip(1)?;
            bits.skip_golombs(2)?;
            let count = bits.golomb_to(255)?;
            bits.skip_golombs(count)?;
        }
        _ => {}
    }
    bits.skip_golombs(1)?;
    bits.skip(1)?;
    let (width, height) = (bits.golomb()?.checked_add(1)?, bits.golomb()?.checked_add(1)?);
    // Pictures may be made of two fields, each half as high.
    let frames_only = bits.flag()?;
    let fields = if frames_only { 1 } else { 2 };
    bits.skip(if frames_only { 1 } else { 2 })?;
    let (width, height) = (width.checked_mul(16)?, height.checked_mul(16)?.checked_mul(fields)?);
    let mut crop = [0; 4];
    if bits.flag()? {
        crop = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
    }
    let (x, y) = if separate_planes { (1, 1) } else { Chroma::units(chroma) };
    video.size = cropped((width, height), crop, (x, y * fields));
    if bits.flag()? {
        skip_vui_to_timing(&mut bits)?;
        if bits.flag()? {
            let (tick, scale) = (bits.number(32)?, bits.number(32)?);
            // A tick is a field.
            video.rate = Rate::new(scale, tick.checked_mul(2)?);
        }
    }
    Some(())
}

/// Passes what stands before `timing_info_present_flag` (annex E.1.1); H.265 begins in the same way.
pub(super) fn skip_vui_to_timing(bits: &mut Bits<'_>) -> Option<()> {
    const EXTENDED_SAR: u8 = 255;
    if bits.flag()? && bits.small(8)? == EXTENDED_SAR {
        bits.skip(32)?;
    }
    if bits.flag()? {
        bits.skip(1)?;
    }
    if bits.flag()? {
        bits.skip(4)?;
        if bits.flag()? {
            bits.skip(24)?;
        }
    }
    if bits.flag()? {
        bits.skip_golombs(2)?;
    }
    Some(())
}

/// Passes scaling lists (7.3.2.1.1.1).
fn scaling_lists(bits: &mut Bits<'_>, count: u32) -> Option<()> {
    for list in 0..count {
        if !bits.flag()? {
            continue;
        }
        let mut next = 8_u8;
        for _ in 0..if list < 6 { 16 } else { 64 } {
            next = next.wrapping_add(bits.golomb_mod_256()?);
            if next == 0 {
                break;
            }
        }
    }
    Some(())
}

/// Profiles whose parameter sets say what chroma they have.
const HIGH: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// Names of annexes A, G and H.
fn name(profile: u8, constraints: u8) -> Name {
    let set = |number: u8| constraints & 0x80 >> number != 0;
    Name::Known(match profile {
        66 if set(1) => "Constrained Baseline",
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 if set(4) && set(5) => "Constrained High",
        100 if set(4) => "Progressive High",
        100 => "High",
        110 if set(3) => "High 10 Intra",
        110 => "High 10",
        122 if set(3) => "High 4:2:2 Intra",
        122 => "High 4:2:2",
        244 if set(3) => "High 4:4:4 Intra",
        244 => "High 4:4:4 Predictive",
        44 => "CAVLC 4:4:4 Intra",
        83 => "Scalable Baseline",
        86 => "Scalable High",
        118 => "Multiview High",
        128 => "Stereo High",
        other => return Name::Number(other),
    })
}

/// Level 1b is 11 with a constraint in the older profiles, 9 in the others.
fn level_name(profile: u8, constraints: u8, level: u8) -> String {
    match (profile, level) {
        (66 | 77 | 88, 11) if constraints & 0x10 != 0 => "1b".into(),
        (_, 9) => "1b".into(),
        _ => tenths(level),
    }
}

/// A level in tenths: `3.1`, `4`.
fn tenths(level: u8) -> String {
    match (level / 10, level % 10) {
        (whole, 0) => format!("{whole}"),
        (whole, part) => format!("{whole}.{part}"),
    }
}
