//! AAC (ISO/IEC 14496-3).

use super::bits::Bits;
use super::{Audio, Name};

const SBR: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

/// Reads an `AudioSpecificConfig` (1.6.2.1).
pub(super) fn config(bytes: &[u8]) -> Option<Audio> {
    let mut bits = Bits::new(bytes);
    let mut object = object_type(&mut bits)?;
    let mut rate = frequency(&mut bits)?;
    let configuration = bits.number(4)?;
    let mut name = name(object);
    let mut stereo = false;
    if object == SBR || object == PARAMETRIC_STEREO {
        stereo = object == PARAMETRIC_STEREO;
        rate = frequency(&mut bits)?;
        object = object_type(&mut bits)?;
    }
    let mut channels = channels(configuration);
    if matches!(object, 1..=4 | 6 | 7 | 17 | 19..=23)
        && let Some(found) = general(&mut bits, object, configuration)
    {
        channels = found.or(channels);
        // Said behind everything else, for decoders that do not know it.
        if let Some((extended, parametric)) = extension(&mut bits) {
            rate = extended;
            stereo |= parametric;
            name = Name::Known(if parametric { "HE-AAC v2" } else { "HE-AAC" });
        }
    }
    if stereo && channels == Some(1) {
        channels = Some(2);
    }
    Some(Audio { profile: Some(name), rate: Some(rate), channels, bit_depth: None })
}

/// `GetAudioObjectType`.
fn object_type(bits: &mut Bits<'_>) -> Option<u32> {
    const ESCAPE: u32 = 31;
    match bits.number(5)? {
        ESCAPE => Some(32 + bits.number(6)?),
        object => Some(object),
    }
}

/// `samplingFrequencyIndex`, or the frequency itself.
fn frequency(bits: &mut Bits<'_>) -> Option<u32> {
    const FREQUENCIES: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    match bits.number(4)? {
        15 => bits.number(24).filter(|rate| *rate > 0),
        index => FREQUENCIES.get(index as usize).copied(),
    }
}

/// Channels of a `channelConfiguration` (table 1.19); 0 is told elsewhere.
fn channels(configuration: u32) -> Option<u8> {
    Some(match configuration {
        1..=6 => u8::try_from(configuration).ok()?,
        7 | 12 | 14 => 8,
        11 => 7,
        13 => 24,
        _ => return None,
    })
}

/// Passes `GASpecificConfig` (4.4.1); channels, where it has them.
fn general(bits: &mut Bits<'_>, object: u32, configuration: u32) -> Option<Option<u8>> {
    bits.skip(1)?;
    if bits.flag()? {
        bits.skip(14)?;
    }
    let extension = bits.flag()?;
    let channels = if configuration == 0 { Some(program_config(bits)?) } else { None };
    if object == 6 || object == 20 {
        bits.skip(3)?;
    }
    if extension {
        match object {
            22 => bits.skip(16)?,
            17 | 19 | 20 | 23 => bits.skip(3)?,
            _ => {}
        }
        bits.skip(1)?;
    }
    if matches!(object, 17 | 19..=23) {
        bits.skip(2)?;
    }
    Some(channels)
}

/// Counts the channels of a `program_config_element` (4.4.1.1) and passes it.
fn program_config(bits: &mut Bits<'_>) -> Option<u8> {
    bits.skip(4 + 2 + 4)?;
    let (front, side, back) = (bits.number(4)?, bits.number(4)?, bits.number(4)?);
    let (low, data, coupling) = (bits.small(2)?, bits.number(3)?, bits.number(4)?);
    for what in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(what)?;
        }
    }
    let mut channels = low;
    for _ in 0..front + side + back {
        channels += if bits.flag()? { 2 } else { 1 };
        bits.skip(4)?;
    }
    bits.skip(4 * u32::from(low) + 4 * data + 5 * coupling)?;
    // A comment, aligned to bytes, would follow: nothing behind it is wanted where there is one.
    Some(channels)
}

/// `syncExtensionType`: the sampling frequency of spectral band replication, and whether there is
/// parametric stereo.
fn extension(bits: &mut Bits<'_>) -> Option<(u32, bool)> {
    if bits.number(11)? != 0x2b7 || object_type(bits)? != SBR || !bits.flag()? {
        return None;
    }
    let rate = frequency(bits)?;
    let parametric = bits.number(11) == Some(0x548) && bits.flag() == Some(true);
    Some((rate, parametric))
}

/// Names of table 1.17.
fn name(object: u32) -> Name {
    Name::Known(match object {
        1 => "Main",
        2 => "LC",
        3 => "SSR",
        4 => "LTP",
        5 => "HE-AAC",
        17 => "ER LC",
        23 => "LD",
        29 => "HE-AAC v2",
        39 => "ELD",
        42 => "xHE-AAC",
        other => return Name::Number(u8::try_from(other).unwrap_or(u8::MAX)),
    })
}
