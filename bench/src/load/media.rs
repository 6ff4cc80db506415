//! Synthetic media, cut into chunks once and sent by all publishers, lap after lap.
//!
//! Every message in the lap has a delta header, so a lap may follow any other, and a publisher may
//! begin anywhere in it: its bytes never change.

use clap::ValueEnum;

use crate::random::Random;
use crate::wire::{self, AUDIO, Command, DATA, Lane, VIDEO};

/// What a publisher sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mix {
    /// 5 Mbit/s: video of 30 frames a second with a keyframe every two seconds, and audio.
    Video,
    /// Audio of 64 kbit/s.
    Audio,
}

/// Length of a lap, in milliseconds.
const LAP: u64 = 2000;
const FRAMES: u64 = 60;
const AUDIO_FRAMES: u64 = 86;
const KEYFRAME: usize = 120_000;
const FRAME: usize = 18_600;
const AUDIO_BESIDE_VIDEO: usize = 380;
const AUDIO_ALONE: usize = 186;
/// `@setDataFrame` as a string: what a data message has and its tag has not, in bytes.
const WRAPPER: usize = 16;

/// A number of messages, with their bytes on the wire and in a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Messages, each of which makes one tag.
    pub messages: u64,
    /// Bytes of the tags' bodies.
    pub bodies: u64,
    /// Bytes on the wire, chunk headers included.
    pub wire: u64,
}

impl Amount {
    /// Adds `other` to all counts.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bodies += other.bodies;
        self.wire += other.wire;
    }
}

/// One lap of media, already cut into chunks.
pub struct Media {
    mix: Mix,
    chunk_size: usize,
    lap: Vec<u8>,
    /// Before message `i` of the lap: the sums so far. One more than there are messages.
    sums: Vec<Amount>,
    /// When message `i` is due after the start of the lap, in milliseconds.
    due: Vec<u64>,
}

impl Media {
    /// Makes a lap of `mix` in chunks of `chunk_size` bytes. Deterministic.
    pub fn new(mix: Mix, chunk_size: usize) -> Self {
        let mut media =
            Self { mix, chunk_size, lap: Vec::new(), sums: vec![Amount::default()], due: vec![] };
        let mut random = Random::new(7);
        let (mut last_video, mut last_audio) = (0, 0);
        for (due, frame) in schedule(mix) {
            let (lane, last) = match frame {
                None => (AUDIO, &mut last_audio),
                Some(_) => (VIDEO, &mut last_video),
            };
            let delta = usize::try_from(due - *last).expect("a lap is 2000 ms");
            *last = due;
            media.push(lane, due, delta, &body(mix, frame, &mut random));
        }
        media
    }

    fn push(&mut self, lane: Lane, due: u64, delta: usize, body: &[u8]) {
        wire::next(&mut self.lap, lane, delta, body, self.chunk_size);
        self.due.push(due);
        let mut sum = self.sums[self.sums.len() - 1];
        sum.messages += 1;
        sum.bodies += body.len() as u64;
        sum.wire = self.lap.len() as u64;
        self.sums.push(sum);
    }

    /// Messages in a lap.
    pub fn messages(&self) -> u64 {
        self.due.len() as u64
    }

    /// What is sent once, ahead of the laps: metadata and sequence headers.
    pub fn head(&self, stream: u32) -> (Vec<u8>, Amount) {
        let mut out = Vec::new();
        let metadata = Command::default().string("@setDataFrame").string("onMetaData");
        let metadata = metadata.object().key("audiocodecid").number(10.0);
        let metadata = metadata.key("videocodecid").number(7.0).end();
        metadata.write(&mut out, DATA, stream, self.chunk_size);
        let mut amount = Amount { messages: 2, ..Amount::default() };
        amount.bodies = (metadata.len() - WRAPPER + AAC.len()) as u64;
        if self.mix == Mix::Video {
            wire::first(&mut out, VIDEO, stream, AVC, self.chunk_size);
            amount.messages += 1;
            amount.bodies += AVC.len() as u64;
        }
        wire::first(&mut out, AUDIO, stream, AAC, self.chunk_size);
        amount.wire = out.len() as u64;
        (out, amount)
    }

    /// The sums over the first `messages` messages, lap after lap.
    pub fn sum(&self, messages: u64) -> Amount {
        let (laps, rest) = (messages / self.messages(), messages % self.messages());
        let lap = self.sums[self.due.len()];
        let rest = self.sums[usize::try_from(rest).expect("an index into the lap")];
        Amount {
            messages,
            bodies: laps * lap.bodies + rest.bodies,
            wire: laps * lap.wire + rest.wire,
        }
    }

    /// When message `index` is due after the start of the first lap, in milliseconds.
    pub fn due(&self, index: u64) -> u64 {
        let rest = usize::try_from(index % self.messages()).expect("an index into the lap");
        index / self.messages() * LAP + self.due[rest]
    }

    /// The wire bytes from offset `at` on, lap after lap, as far as they lie in one piece.
    pub fn wire(&self, at: u64) -> &[u8] {
        let at = usize::try_from(at % self.lap.len() as u64).expect("an offset into the lap");
        &self.lap[at..]
    }
}

/// When each message of a lap is due, with the number of its video frame; audio has none.
fn schedule(mix: Mix) -> Vec<(u64, Option<u64>)> {
    let frames = if mix == Mix::Video { FRAMES } else { 0 };
    let video = (1..=frames).map(|i| (i * LAP / FRAMES, Some(i - 1)));
    let audio = (1..=AUDIO_FRAMES).map(|i| (i * LAP / AUDIO_FRAMES, None));
    let mut all: Vec<_> = video.chain(audio).collect();
    all.sort_unstable();
    all
}

fn body(mix: Mix, frame: Option<u64>, random: &mut Random) -> Vec<u8> {
    let (head, len): (&[u8], _) = match (frame, mix) {
        (Some(0), _) => (&[0x17, 1, 0, 0, 0], KEYFRAME),
        (Some(_), _) => (&[0x27, 1, 0, 0, 0], FRAME),
        (None, Mix::Video) => (&[0xaf, 1], AUDIO_BESIDE_VIDEO),
        (None, Mix::Audio) => (&[0xaf, 1], AUDIO_ALONE),
    };
    let mut body = head.to_vec();
    body.extend(random.bytes(len - head.len()));
    body
}

const AVC: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x4d, 0x40, 0x1f, 0xff, 0xe1, 0, 4, 0x67, 0x4d, 0x40, 0x1f, 1, 0, 4, 0x68,
    0xee, 0x3c, 0x80,
];
const AAC: &[u8] = &[0xaf, 0, 0x12, 0x10];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lap_has_the_rate_it_is_named_for() {
        let media = Media::new(Mix::Video, 4096);
        let lap = media.sum(media.messages());
        assert_eq!(lap.messages, FRAMES + AUDIO_FRAMES);
        assert!((4_800_000..5_200_000).contains(&(lap.wire * 8 * 1000 / LAP)));
        let media = Media::new(Mix::Audio, 128);
        let lap = media.sum(media.messages());
        assert!((60_000..70_000).contains(&(lap.bodies * 8 * 1000 / LAP)));
    }

    #[test]
    fn deltas_of_a_lap_make_up_its_length() {
        let media = Media::new(Mix::Audio, 128);
        assert_eq!(media.due(media.messages() - 1), LAP);
        assert_eq!(media.due(media.messages()) - media.due(0), LAP);
    }
}
