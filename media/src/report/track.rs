//! One track of a file.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::vec::Vec;

use sluicebox_core::flv::{Codec, Kind, Media, Packet, Part};

use super::times::Times;
use crate::file::Entry;
use crate::tracks::Parameters;

/// What is in one track.
#[derive(Clone, Debug)]
pub struct TrackReport {
    /// Audio or video.
    pub kind: Kind,
    /// Its number; 0 for the only one.
    pub number: u8,
    /// Its codecs, in the order in which they came; the first few.
    pub codecs: Vec<Codec>,
    /// What its headers say; the last, if they changed.
    pub parameters: Option<Parameters>,
    /// Coded frames (of audio: packets).
    pub frames: u64,
    /// Frames where a decoder can start; of video.
    pub keyframes: u64,
    /// Longest time between two keyframes, in ms.
    pub keyframe_interval: i64,
    /// Video frames before the first keyframe.
    pub frames_before_keyframe: u64,
    /// Frames before the first sequence header, in codecs that begin with one.
    pub frames_before_header: u64,
    /// Sequence headers.
    pub headers: u64,
    /// Sequence headers that differ from the one before.
    pub header_changes: u64,
    /// Bytes of frames, without the tags' headers.
    pub bytes: u64,
    /// Its timestamps.
    pub times: Times,
    last_keyframe: Option<i64>,
    last_header: Option<u64>,
}

impl TrackReport {
    pub(super) fn new(kind: Kind, number: u8) -> Self {
        Self {
            kind,
            number,
            codecs: Vec::new(),
            parameters: None,
            frames: 0,
            keyframes: 0,
            keyframe_interval: 0,
            frames_before_keyframe: 0,
            frames_before_header: 0,
            headers: 0,
            header_changes: 0,
            bytes: 0,
            times: Times::default(),
            last_keyframe: None,
            last_header: None,
        }
    }

    /// Frames per second, as measured.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn frame_rate(&self) -> Option<f64> {
        let seconds = self.times.span?.seconds();
        (self.frames > 1 && seconds > 0.0).then(|| (self.frames - 1) as f64 / seconds)
    }

    /// Bits per second, as measured.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub fn bit_rate(&self) -> Option<f64> {
        let seconds = self.times.span?.seconds();
        (seconds > 0.0).then(|| self.bytes as f64 * 8.0 / seconds)
    }

    /// Takes note of a part of a tag at `time`, in ms.
    pub(super) fn take(
        &mut self,
        media: &Media<'_>,
        part: &Part<'_>,
        entry: &Entry<'_>,
        time: i64,
    ) {
        const CODECS: usize = 8;
        if !self.codecs.contains(&part.codec) && self.codecs.len() < CODECS {
            self.codecs.push(part.codec);
        }
        match media.packet {
            Packet::SequenceHeader | Packet::Mpeg2TsSequenceHeader => self.header(part.data),
            Packet::Frame => self.frame(media, part, entry.offset, time),
            _ => {}
        }
    }

    fn header(&mut self, data: &[u8]) {
        let mut hash = DefaultHasher::new();
        data.hash(&mut hash);
        let hash = Some(hash.finish());
        self.headers += 1;
        self.header_changes += u64::from(self.last_header.is_some() && self.last_header != hash);
        self.last_header = hash;
    }

    fn frame(&mut self, media: &Media<'_>, part: &Part<'_>, offset: u64, time: i64) {
        self.frames += 1;
        self.bytes += part.data.len() as u64;
        self.times.take(offset, time);
        if self.headers == 0 && crate::tracks::has_sequence_header(part.codec) {
            self.frames_before_header += 1;
        }
        if media.is_keyframe() {
            let interval = self.last_keyframe.map_or(0, |last| time - last);
            self.keyframe_interval = self.keyframe_interval.max(interval);
            self.last_keyframe = Some(time);
            self.keyframes += 1;
        } else if self.kind == Kind::Video && self.keyframes == 0 {
            self.frames_before_keyframe += 1;
        }
    }
}
