//! Synthetic media: what encoders at usual settings send.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ValueEnum;

use super::media::{self, Media, Message};
use crate::random::Random;
use crate::wire::Command;
use sluicebox_core::flv::{AUDIO, SCRIPT, VIDEO};

/// What a publisher sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mix {
    /// 5 Mbit/s: video of 30 frames a second with a keyframe every two seconds, and audio.
    Video,
    /// The same at 1 Mbit/s.
    Low,
    /// The same at 25 Mbit/s.
    High,
    /// Audio of 64 kbit/s.
    Audio,
}

/// Length of a lap, in milliseconds.
const LAP: u64 = 2000;
const FRAMES: u64 = 60;
const AUDIO_FRAMES: u64 = 86;
const AUDIO_BESIDE_VIDEO: usize = 380;
const AUDIO_ALONE: usize = 186;

impl Mix {
    /// Makes a lap of it in chunks of `chunk_size` bytes. Deterministic.
    ///
    /// # Errors
    ///
    /// None; what is made can be sent.
    pub fn media(self, chunk_size: usize) -> Result<Media> {
        let mut random = Random::new(7);
        let message = |(due, frame): (u64, Option<u64>)| Message {
            kind: if frame.is_some() { VIDEO } else { AUDIO },
            due,
            body: self.body(frame, &mut random),
            begins: true,
        };
        let messages: Vec<_> = self.schedule().into_iter().map(message).collect();
        Media::new(self.head(), &messages, LAP, chunk_size)
    }

    /// Bytes of a keyframe and of the other frames.
    fn frame(self) -> Option<(usize, usize)> {
        match self {
            Self::Video => Some((120_000, 18_600)),
            Self::Low => Some((24_000, 3_420)),
            Self::High => Some((600_000, 95_000)),
            Self::Audio => None,
        }
    }

    /// Metadata, sequence headers and, as every stream begins with one, a keyframe. It is small, and the lap
    /// may go on anywhere: so the large ones of many publishers do not come all at once.
    fn head(self) -> Vec<(u8, Vec<u8>)> {
        let metadata = Command::default().string("onMetaData").object();
        let metadata = metadata.key("audiocodecid").number(10.0);
        let metadata = metadata.key("videocodecid").number(7.0).end();
        let mut head = vec![(SCRIPT, metadata.bytes())];
        if self.frame().is_some() {
            head.push((VIDEO, AVC.to_vec()));
        }
        head.push((AUDIO, AAC.to_vec()));
        if self.frame().is_some() {
            head.push((VIDEO, FIRST.to_vec()));
        }
        head
    }

    /// When each message of a lap is due, with the number of its video frame; audio has none.
    fn schedule(self) -> Vec<(u64, Option<u64>)> {
        let frames = if self.frame().is_some() { FRAMES } else { 0 };
        let video = (1..=frames).map(|i| (i * LAP / FRAMES, Some(i - 1)));
        let audio = (1..=AUDIO_FRAMES).map(|i| (i * LAP / AUDIO_FRAMES, None));
        let mut all: Vec<_> = video.chain(audio).collect();
        all.sort_unstable();
        all
    }

    fn body(self, frame: Option<u64>, random: &mut Random) -> Vec<u8> {
        let (head, len): (&[u8], _) = match (frame, self.frame()) {
            (Some(0), Some((key, _))) => (&[0x17, 1, 0, 0, 0], key),
            (Some(_), Some((_, other))) => (&[0x27, 1, 0, 0, 0], other),
            (_, Some(_)) => (&[0xaf, 1], AUDIO_BESIDE_VIDEO),
            (_, None) => (&[0xaf, 1], AUDIO_ALONE),
        };
        let mut body = head.to_vec();
        body.extend(random.bytes(len - head.len()));
        body
    }
}

/// A recording, sent over and over.
///
/// # Errors
///
/// When it cannot be read, or not be sent.
pub fn recording(path: &Path, chunk_size: usize) -> Result<Media> {
    let bytes = std::fs::read(path);
    let media = bytes.map_err(Into::into).and_then(|bytes| media::from_flv(&bytes, chunk_size));
    media.with_context(|| path.display().to_string())
}

const AVC: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x4d, 0x40, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x4d, 0x40, 0x1f, 1, 0, 4, 0x68,
    0xee, 0x3c, 0x80,
];
const AAC: &[u8] = &[0xaf, 0, 0x12, 0x10];
/// A keyframe of a black picture, as far as servers look into it.
const FIRST: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 6, 0x65, 0x88, 0x84, 0, 0x10, 0xff];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_has_the_rate_it_is_named_for() {
        for (mix, rate) in [
            (Mix::Video, 4_800_000..5_200_000),
            (Mix::Low, 950_000..1_050_000),
            (Mix::High, 24_000_000..26_000_000),
            (Mix::Audio, 64_000..80_000),
        ] {
            let media = mix.media(4096).unwrap();
            let lap = media.sum(media.messages());
            assert!(rate.contains(&(lap.wire * 8 * 1000 / LAP)), "{mix:?}: {lap:?}");
        }
    }

    #[test]
    fn the_first_picture_of_a_stream_is_a_keyframe() {
        for mix in [Mix::Video, Mix::Low, Mix::High] {
            let media = mix.media(4096).unwrap();
            for begin in [0, 1, media.messages() - 1] {
                let mut sent = media.sent(begin, 10);
                let picture = sent.find(|one| one.kind == VIDEO && one.body[1] == 1).unwrap();
                assert_eq!((picture.body[0], picture.timestamp), (0x17, 0), "{mix:?} from {begin}");
            }
        }
    }

    #[test]
    fn deltas_of_a_lap_make_up_its_length() {
        let media = Mix::Audio.media(128).unwrap();
        assert_eq!(media.due(media.messages() - 1), LAP);
        assert_eq!(media.due(media.messages()) - media.due(0), LAP);
    }
}
