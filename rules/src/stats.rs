//! What a running stream is seen to be, for people: codec, size of the picture, rates.
//!
//! Written by the one thread that has the connection, read by the display: plain atomics, no lock.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use sluicebox_core::Tags;
use sluicebox_core::amf0::{Reader, Value};
use sluicebox_core::flv::{self, Tag};

/// Counts and hints of one stream.
#[derive(Debug)]
pub struct Stats {
    /// Bytes written, tag headers too.
    bytes: AtomicU64,
    /// Messages that were received and refused.
    lost: AtomicU64,
    video_frames: AtomicU64,
    audio_frames: AtomicU64,
    /// FourCC or codec number of the last video tag, as `video_codec` gives it.
    video: AtomicU32,
    audio: AtomicU8,
    /// Width and height as the metadata has them, 16 bits each.
    size: AtomicU32,
    /// Milliseconds of the first and the last media tag, and whether there was one.
    first: AtomicU32,
    last: AtomicU32,
    started: AtomicU8,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            bytes: AtomicU64::default(),
            lost: AtomicU64::default(),
            video_frames: AtomicU64::default(),
            audio_frames: AtomicU64::default(),
            video: AtomicU32::new(NOTHING_32),
            audio: AtomicU8::new(NOTHING_8),
            size: AtomicU32::default(),
            first: AtomicU32::default(),
            last: AtomicU32::default(),
            started: AtomicU8::default(),
        }
    }
}

/// No video tag has come.
const NOTHING_32: u32 = u32::MAX;
/// No audio tag has come.
const NOTHING_8: u8 = u8::MAX;

/// A reading of [`Stats`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Bytes written, tag headers too.
    pub bytes: u64,
    /// Messages that were received and refused.
    pub lost: u64,
    /// Video frames; of a stream without video, audio frames.
    pub frames: u64,
    /// Milliseconds between the first and the last media tag.
    pub duration: u32,
}

impl Stats {
    /// Takes note of a tag.
    pub fn tag(&self, tag: &Tag<'_>) {
        match tag.kind {
            flv::VIDEO => {
                add(&self.video_frames);
                if let Some(codec) = video_codec(tag.body) {
                    self.video.store(codec, Relaxed);
                }
            }
            flv::AUDIO => {
                add(&self.audio_frames);
                if let Some(byte) = tag.body.first() {
                    self.audio.store(byte >> 4, Relaxed);
                }
            }
            _ => return self.metadata(tag.body),
        }
        if self.started.swap(1, Relaxed) == 0 {
            self.first.store(tag.timestamp, Relaxed);
        }
        self.last.store(tag.timestamp, Relaxed);
    }

    /// Takes note of a run that was written.
    pub fn written(&self, tags: &Tags<'_>) {
        self.bytes.store(self.bytes.load(Relaxed) + tags.bytes.len() as u64, Relaxed);
        self.lost.store(tags.refused, Relaxed);
    }

    /// What it looks like now.
    pub fn read(&self) -> Reading {
        let (first, last) = (self.first.load(Relaxed), self.last.load(Relaxed));
        let video = self.video_frames.load(Relaxed);
        Reading {
            bytes: self.bytes.load(Relaxed),
            lost: self.lost.load(Relaxed),
            frames: if video > 0 { video } else { self.audio_frames.load(Relaxed) },
            // Timestamps wrap; what is before the start is not known to be a duration.
            duration: last.wrapping_sub(first).cast_signed().max(0).cast_unsigned(),
        }
    }

    /// Codecs and size of the picture, as far as they are known: `H.264 1280x720 + AAC`.
    pub fn codecs(&self) -> String {
        let mut parts = Vec::new();
        let video = self.video.load(Relaxed);
        if video != NOTHING_32 {
            let size = self.size.load(Relaxed);
            let (width, height) = (size >> 16, size & 0xffff);
            let name = video_name(video);
            parts.push(if size == 0 { name } else { format!("{name} {width}x{height}") });
        }
        match self.audio.load(Relaxed) {
            NOTHING_8 => {}
            number => parts.push(audio_name(number).into()),
        }
        if parts.is_empty() { "nothing yet".into() } else { parts.join(" + ") }
    }

    /// Reads the size of the picture out of `onMetaData`: a hint, nothing depends on it.
    fn metadata(&self, body: &[u8]) {
        let mut values = Reader::new(body);
        if values.string() != Ok(Some(b"onMetaData")) {
            return;
        }
        let Ok(Some(Value::Object(metadata))) = values.next() else { return };
        let side = |name| metadata.number(name).filter(|side| (1.0..65_536.0).contains(side));
        if let (Some(width), Some(height)) = (side("width"), side("height")) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range"
            )]
            self.size.store((width as u32) << 16 | height as u32, Relaxed);
        }
    }
}

/// One writer: a load and a store are enough.
fn add(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// The codec of a video tag: a number below 16, or a FourCC (Enhanced RTMP: the first bit is set).
fn video_codec(body: &[u8]) -> Option<u32> {
    let first = *body.first()?;
    if first & 0x80 == 0 {
        return Some(u32::from(first & 0x0f));
    }
    body.get(1..)?.first_chunk().map(|fourcc| u32::from_be_bytes(*fourcc))
}

fn video_name(codec: u32) -> String {
    match codec {
        2 => "H.263".into(),
        4 | 5 => "VP6".into(),
        7 => "H.264".into(),
        12 => "HEVC".into(),
        0..16 => format!("codec {codec}"),
        fourcc => match &fourcc.to_be_bytes() {
            b"avc1" => "H.264".into(),
            b"hvc1" => "HEVC".into(),
            b"vvc1" => "VVC".into(),
            b"av01" => "AV1".into(),
            b"vp09" => "VP9".into(),
            b"vp08" => "VP8".into(),
            other => other.escape_ascii().to_string(),
        },
    }
}

fn audio_name(number: u8) -> &'static str {
    match number {
        2 | 14 => "MP3",
        0 | 1 | 3 => "PCM",
        7 | 8 => "G.711",
        9 => "enhanced audio",
        10 => "AAC",
        11 => "Speex",
        _ => "audio",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, timestamp: u32, body: &[u8]) -> Tag<'_> {
        Tag { kind, timestamp, body }
    }

    #[test]
    fn codecs_and_size_are_seen() {
        let stats = Stats::default();
        assert_eq!(stats.codecs(), "nothing yet");
        stats.tag(&tag(flv::AUDIO, 10, &[0xaf, 1]));
        assert_eq!(stats.codecs(), "AAC");
        stats.tag(&tag(flv::VIDEO, 20, &[0x17, 1]));
        let metadata = b"\x02\x00\x0aonMetaData\x08\0\0\0\x02\
            \x00\x05width\x00\x40\x94\0\0\0\0\0\0\x00\x06height\x00\x40\x86\x80\0\0\0\0\0\0\0\x09";
        stats.tag(&tag(flv::SCRIPT, 0, metadata));
        assert_eq!(stats.codecs(), "H.264 1280x720 + AAC");
        stats.tag(&tag(flv::VIDEO, 60, b"\x91av01"));
        assert_eq!(stats.codecs(), "AV1 1280x720 + AAC");
        let reading = stats.read();
        assert_eq!((reading.frames, reading.duration), (2, 50));
    }
}
