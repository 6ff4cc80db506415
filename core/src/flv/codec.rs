//! Codecs, and the two ways in which a tag names them.

use core::fmt;

/// A codec, however it was named: `Avc` is number 7 of the old header and `avc1` of the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// H.264: 7, `avc1`.
    Avc,
    /// H.265: `hvc1`; 12 by an extension that many cameras use.
    Hevc,
    /// H.266: `vvc1`.
    Vvc,
    /// `av01`.
    Av1,
    /// `vp08`.
    Vp8,
    /// `vp09`.
    Vp9,
    /// 2.
    SorensonH263,
    /// 3.
    ScreenVideo,
    /// 4.
    Vp6,
    /// 5: with an alpha channel.
    Vp6Alpha,
    /// 6.
    ScreenVideo2,
    /// 10, `mp4a`.
    Aac,
    /// `Opus`.
    Opus,
    /// `fLaC`.
    Flac,
    /// `ac-3`.
    Ac3,
    /// E-AC-3: `ec-3`.
    Eac3,
    /// 2, `.mp3`.
    Mp3,
    /// 14: at 8 kHz.
    Mp3At8k,
    /// 0: in the byte order of the machine that made it.
    PcmNative,
    /// 1.
    Adpcm,
    /// 3: little-endian.
    Pcm,
    /// 4: at 16 kHz, mono.
    NellymoserAt16k,
    /// 5: at 8 kHz, mono.
    NellymoserAt8k,
    /// 6.
    Nellymoser,
    /// 7: G.711.
    ALaw,
    /// 8: G.711.
    MuLaw,
    /// 11.
    Speex,
    /// 15.
    Device,
    /// Another number of the old header, below 16.
    Id(u8),
    /// Another FourCC.
    FourCc(FourCc),
}

/// Four bytes that name a codec: ASCII, if the peer is sane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl Codec {
    /// The codec of an old video header: its lower four bits.
    #[inline]
    pub(super) fn of_video(first: u8) -> Self {
        VIDEO[usize::from(first & 0x0f)]
    }

    /// The codec of an old audio header: its upper four bits.
    #[inline]
    pub(super) fn of_audio(first: u8) -> Self {
        AUDIO[usize::from(first >> 4)]
    }

    /// The codec of a new header (Enhanced RTMP, `VideoFourCc` and `AudioFourCc`).
    pub(super) fn of_fourcc(fourcc: [u8; 4]) -> Self {
        match &fourcc {
            b"avc1" => Self::Avc,
            b"hvc1" => Self::Hevc,
            b"vvc1" => Self::Vvc,
            b"av01" => Self::Av1,
            b"vp08" => Self::Vp8,
            b"vp09" => Self::Vp9,
            b"mp4a" => Self::Aac,
            b"Opus" => Self::Opus,
            b"fLaC" => Self::Flac,
            b"ac-3" => Self::Ac3,
            b"ec-3" => Self::Eac3,
            b".mp3" => Self::Mp3,
            _ => Self::FourCc(FourCc(fourcc)),
        }
    }

    /// What the new header calls it; `None` for codecs that only the old one has.
    pub fn fourcc(self) -> Option<FourCc> {
        Some(FourCc(*match self {
            Self::Avc => b"avc1",
            Self::Hevc => b"hvc1",
            Self::Vvc => b"vvc1",
            Self::Av1 => b"av01",
            Self::Vp8 => b"vp08",
            Self::Vp9 => b"vp09",
            Self::Aac => b"mp4a",
            Self::Opus => b"Opus",
            Self::Flac => b"fLaC",
            Self::Ac3 => b"ac-3",
            Self::Eac3 => b"ec-3",
            Self::Mp3 => b".mp3",
            Self::FourCc(fourcc) => return Some(fourcc),
            _ => return None,
        }))
    }

    /// Its number in the old header, below 16; `None` for codecs that only the new one has.
    pub fn id(self) -> Option<u8> {
        if let Self::Id(id) = self {
            return Some(id);
        }
        let place = |table: &[Self; 16]| table.iter().position(|codec| *codec == self);
        let place = place(&VIDEO).or_else(|| place(&AUDIO))?;
        u8::try_from(place).ok()
    }

    /// Whether its frames have a composition time where the header has room for one: codecs made of
    /// NAL units.
    #[inline]
    pub(super) fn has_composition_time(self) -> bool {
        matches!(self, Self::Avc | Self::Hevc | Self::Vvc)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Avc => "H.264",
            Self::Hevc => "HEVC",
            Self::Vvc => "VVC",
            Self::Av1 => "AV1",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::SorensonH263 => "H.263",
            Self::ScreenVideo => "screen video",
            Self::Vp6 => "VP6",
            Self::Vp6Alpha => "VP6 with alpha",
            Self::ScreenVideo2 => "screen video 2",
            Self::Aac => "AAC",
            Self::Opus => "Opus",
            Self::Flac => "FLAC",
            Self::Ac3 => "AC-3",
            Self::Eac3 => "E-AC-3",
            Self::Mp3 | Self::Mp3At8k => "MP3",
            Self::Adpcm => "ADPCM",
            Self::PcmNative | Self::Pcm => "PCM",
            Self::NellymoserAt16k | Self::NellymoserAt8k | Self::Nellymoser => "Nellymoser",
            Self::ALaw => "G.711 A-law",
            Self::MuLaw => "G.711 mu-law",
            Self::Speex => "Speex",
            Self::Device => "device sound",
            Self::Id(id) => return write!(f, "codec {id}"),
            Self::FourCc(fourcc) => return fourcc.fmt(f),
        })
    }
}

/// The four characters; what is not printable is escaped.
impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// `CodecID` of the old header (annex E.4.3.1).
const VIDEO: [Codec; 16] = {
    use Codec::*;
    [
        Id(0),
        Id(1),
        SorensonH263,
        ScreenVideo,
        Vp6,
        Vp6Alpha,
        ScreenVideo2,
        Avc,
        Id(8),
        Id(9),
        Id(10),
        Id(11),
        Hevc,
        Id(13),
        Id(14),
        Id(15),
    ]
};

/// `SoundFormat` of the old header (annex E.4.2.1); 9 stands for the new one.
const AUDIO: [Codec; 16] = {
    use Codec::*;
    [
        PcmNative,
        Adpcm,
        Mp3,
        Pcm,
        NellymoserAt16k,
        NellymoserAt8k,
        Nellymoser,
        ALaw,
        MuLaw,
        Id(9),
        Aac,
        Speex,
        Id(12),
        Id(13),
        Mp3At8k,
        Device,
    ]
};

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn numbers_and_fourccs_name_the_same_codecs() {
        for id in 0..16 {
            let (video, audio) = (Codec::of_video(0x10 | id), Codec::of_audio(id << 4 | 0x0f));
            assert_eq!((video.id(), audio.id()), (Some(id), Some(id)), "{video:?} {audio:?}");
        }
        for fourcc in [
            b"avc1",
            b"hvc1",
            b"vvc1",
            b"av01",
            b"vp08",
            b"vp09",
            b"mp4a",
            b"Opus",
            b"fLaC",
            b"ac-3",
            b"ec-3",
            b".mp3",
            b"new!",
            b"\0\xff\n1",
        ] {
            assert_eq!(Codec::of_fourcc(*fourcc).fourcc(), Some(FourCc(*fourcc)));
        }
        assert_eq!(Codec::of_video(0x1c), Codec::of_fourcc(*b"hvc1"));
        assert_eq!(Codec::of_audio(0xaf), Codec::of_fourcc(*b"mp4a"));
        assert_eq!((Codec::Av1.id(), Codec::Speex.fourcc()), (None, None));
    }

    #[test]
    fn names_are_for_people() {
        let names = [Codec::Avc, Codec::Id(13), Codec::of_fourcc(*b"new!")].map(|c| c.to_string());
        assert_eq!(names, ["H.264", "codec 13", "new!"]);
        assert_eq!(Codec::of_fourcc(*b"\0\xff\n1").to_string(), r"\x00\xff\n1");
    }
}
