//! What a codec's own headers say about a track: size of the picture, rates, channels.
//!
//! Written here rather than taken from parser crates. No crate covers more than two of these codecs;
//! those that do read whole parameter sets, and give nothing when anything in one is unusual, where
//! here the first fields are all that is wanted; and some panic on hostile numbers. These read a few
//! hundred bits of what a peer sent, hold none of it, and have a fuzz target.

mod bits;
mod avc;
mod hevc;
mod vvc;
mod av1;
mod vpx;
mod aac;
mod sound;
#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use sluicebox_core::flv::Codec;

/// What is known about a video track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Video {
    /// Profile, as the codec's specification calls it.
    pub profile: Option<Name>,
    /// Level, and the tier if it is the high one: `4.1`, `5 High`.
    pub level: Option<String>,
    /// Width and height of what is to be shown, in pixels.
    pub size: Option<(u32, u32)>,
    /// Frames per second, where the headers say so. Encoders of variable rate say what they like.
    pub rate: Option<Rate>,
    /// Bits of a sample of luma.
    pub bit_depth: Option<u8>,
    /// How much chroma there is.
    pub chroma: Option<Chroma>,
}

/// What is known about an audio track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audio {
    /// Profile, as the codec's specification calls it.
    pub profile: Option<Name>,
    /// Samples per second, as decoded.
    pub rate: Option<u32>,
    /// Channels, as decoded.
    pub channels: Option<u8>,
    /// Bits of a sample, in codecs that keep them.
    pub bit_depth: Option<u8>,
}

/// The name of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// One that has a name.
    Known(&'static str),
    /// One that only has a number.
    Number(u8),
}

/// Chroma subsampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// No chroma.
    Gray,
    /// 4:2:0.
    C420,
    /// 4:2:2.
    C422,
    /// 4:4:4.
    C444,
}

/// A number of frames in a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    frames: u32,
    seconds: u32,
}

/// Reads the configuration record that a sequence header of `codec` carries: what is behind the
/// tag's own headers. `None`: it is no such record, or the codec has none that says anything.
pub fn video_header(codec: Codec, data: &[u8]) -> Option<Video> {
    match codec {
        Codec::Avc => avc::record(data),
        Codec::Hevc => hevc::record(data),
        Codec::Vvc => vvc::record(data),
        Codec::Av1 => av1::record(data),
        Codec::Vp8 | Codec::Vp9 => vpx::record(data),
        _ => None,
    }
}

/// Reads what a keyframe of `codec` says at its start, in codecs whose sequence header says less.
pub fn video_keyframe(codec: Codec, data: &[u8]) -> Option<Video> {
    match codec {
        Codec::Vp8 => vpx::vp8_keyframe(data),
        Codec::Vp9 => vpx::vp9_keyframe(data),
        _ => None,
    }
}

/// Reads the configuration record that a sequence header of `codec` carries.
pub fn audio_header(codec: Codec, data: &[u8]) -> Option<Audio> {
    match codec {
        Codec::Aac => aac::config(data),
        Codec::Opus => sound::opus_head(data),
        Codec::Flac => sound::flac_info(data),
        _ => None,
    }
}

/// Reads what a frame of `codec` says at its start, in codecs that have no sequence header.
pub fn audio_frame(codec: Codec, data: &[u8]) -> Option<Audio> {
    match codec {
        Codec::Ac3 | Codec::Eac3 => sound::ac3_frame(data),
        Codec::Mp3 | Codec::Mp3At8k => sound::mpeg_frame(data),
        _ => None,
    }
}

/// What the first byte of an old audio tag says; nothing that is true of AAC, which leaves it at a
/// constant, or of codecs whose name says it.
pub fn audio_tag(codec: Codec, first: u8) -> Option<Audio> {
    let mono = |rate| Audio { rate: Some(rate), channels: Some(1), ..Audio::default() };
    match codec {
        Codec::Pcm | Codec::PcmNative | Codec::Adpcm | Codec::Nellymoser => {
            Some(sound::old_header(first))
        }
        Codec::Speex | Codec::NellymoserAt16k => Some(mono(16_000)),
        Codec::NellymoserAt8k => Some(mono(8_000)),
        Codec::ALaw | Codec::MuLaw => {
            Some(Audio { channels: Some(1 + (first & 1)), ..mono(8_000) })
        }
        _ => None,
    }
}

impl Chroma {
    /// `chroma_format_idc` of H.264, H.265 and H.266.
    fn of(number: u32) -> Option<Self> {
        [Self::Gray, Self::C420, Self::C422, Self::C444].get(number as usize).copied()
    }

    /// What a unit of cropping is in pixels, across and down.
    fn units(number: u32) -> (u32, u32) {
        match number {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        }
    }
}

impl Rate {
    /// `frames` in `seconds`; none when that is no rate, or none that anything has.
    pub fn new(frames: u32, seconds: u32) -> Option<Self> {
        let rate = f64::from(frames) / f64::from(seconds);
        (rate > 0.0 && rate < 10_000.0).then_some(Self { frames, seconds })
    }

    /// Frames per second.
    pub fn per_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }
}

/// A size without what is cropped from it: `crop` is left, right, top and bottom, in `units` of pixels.
fn cropped(size: (u32, u32), crop: [u32; 4], units: (u32, u32)) -> Option<(u32, u32)> {
    let side = |len: u32, [before, after]: [u32; 2], unit: u32| {
        let gone = before.checked_add(after)?.checked_mul(unit)?;
        len.checked_sub(gone).filter(|len| *len > 0)
    };
    let [left, right, top, bottom] = crop;
    Some((side(size.0, [left, right], units.0)?, side(size.1, [top, bottom], units.1)?))
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(name) => f.write_str(name),
            Self::Number(number) => write!(f, "profile {number}"),
        }
    }
}

impl fmt::Display for Chroma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gray => "gray",
            Self::C420 => "4:2:0",
            Self::C422 => "4:2:2",
            Self::C444 => "4:4:4",
        })
    }
}

/// `30`, `29.97`: two decimals at most.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.2}", self.per_second());
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// `High 1280x720 30 fps`; what is not 8 bit 4:2:0 is said too.
impl fmt::Display for Video {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.profile.map(|profile| profile.to_string()));
        parts.extend(self.size.map(|(width, height)| format!("{width}x{height}")));
        let depth = self.bit_depth.filter(|depth| *depth != 8);
        parts.extend(depth.map(|depth| format!("{depth} bit")));
        let chroma = self.chroma.filter(|chroma| *chroma != Chroma::C420);
        parts.extend(chroma.map(|chroma| chroma.to_string()));
        parts.extend(self.rate.map(|rate| format!("{rate} fps")));
        f.write_str(&parts.join(" "))
    }
}

/// `48 kHz stereo`. What nearly all AAC is, is not said.
impl fmt::Display for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let profile = self.profile.filter(|profile| *profile != Name::Known("LC"));
        parts.extend(profile.map(|profile| profile.to_string()));
        parts.extend(self.rate.map(|rate| format!("{} kHz", f64::from(rate) / 1000.0)));
        parts.extend(self.channels.map(|channels| match channels {
            1 => "mono".into(),
            2 => "stereo".into(),
            more => format!("{more} channels"),
        }));
        parts.extend(self.bit_depth.map(|depth| format!("{depth} bit")));
        f.write_str(&parts.join(" "))
    }
}
