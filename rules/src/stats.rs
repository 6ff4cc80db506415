//! What a running stream is seen to be, for people: tracks, rates.
//!
//! Written by the one thread that has the connection, read by the display: plain atomics, and no lock
//! for a frame.

use alloc::string::{String, ToString as _};
use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use sluicebox_core::Tags;
use sluicebox_core::flv::{Kind, Media, Packet, Plain, SCRIPT, Tag};
use sluicebox_media::tracks::Tracks;

/// Counts and hints of one stream.
#[derive(Debug, Default)]
pub struct Stats<K = RefCell<Tracks>> {
    /// Bytes written, tag headers too.
    bytes: AtomicU64,
    /// Messages that were received and refused.
    lost: AtomicU64,
    video_frames: AtomicU64,
    audio_frames: AtomicU64,
    /// Milliseconds of the first and the last media tag, and whether there was one.
    first: AtomicU32,
    last: AtomicU32,
    started: AtomicBool,
    /// How the last tags named their codecs, as [`mark`] has it.
    video: AtomicU32,
    audio: AtomicU32,
    /// Frames tell something that is not known yet.
    unsettled: AtomicBool,
    tracks: K,
}

/// Where tracks are kept, and how they are shared: a lock, where there are threads.
pub trait Keep: Default {
    /// Acts on them. Who keeps them may do without, if `act` fails.
    fn with(&self, act: impl FnOnce(&mut Tracks));
}

impl Keep for RefCell<Tracks> {
    fn with(&self, act: impl FnOnce(&mut Tracks)) {
        act(&mut self.borrow_mut());
    }
}

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

impl<K: Keep> Stats<K> {
    /// Takes note of a tag.
    pub fn tag(&self, tag: &Tag<'_>) {
        match tag.plain() {
            Some(plain) => self.plain(tag, &plain),
            None => self.media(tag, tag.media().as_ref()),
        }
    }

    /// Takes note of a tag that is an ordinary frame, as [`Tag::plain`] says.
    #[inline]
    pub fn plain(&self, tag: &Tag<'_>, plain: &Plain) {
        self.note(tag, plain.kind, true, OLD | u32::from(plain.codec));
    }

    /// Takes note of a tag that is none, and of what [`Tag::media`] says of it.
    pub fn media(&self, tag: &Tag<'_>, media: Option<&Media<'_>>) {
        match media {
            Some(media) => {
                self.note(tag, media.kind, media.packet == Packet::Frame, mark(media, tag.body));
            }
            None if tag.kind == SCRIPT => self.look(tag),
            None => {}
        }
    }

    #[inline]
    fn note(&self, tag: &Tag<'_>, kind: Kind, is_frame: bool, mark: u32) {
        let (frames, codec) = match kind {
            Kind::Video => (&self.video_frames, &self.video),
            Kind::Audio => (&self.audio_frames, &self.audio),
        };
        if is_frame {
            frames.store(frames.load(Relaxed) + 1, Relaxed);
        }
        self.last.store(tag.timestamp, Relaxed);
        // The first tag is the first of its codec, too.
        if codec.load(Relaxed) != mark || !is_frame || self.unsettled.load(Relaxed) {
            codec.store(mark, Relaxed);
            self.look(tag);
        }
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

    /// Codecs, sizes and rates, as far as they are known: `H.264 High 1280x720 30 fps + AAC 48 kHz
    /// stereo`.
    pub fn codecs(&self) -> String {
        let mut text = String::new();
        self.tracks.with(|tracks| text = tracks.to_string());
        text
    }

    /// Lends what is known of the tracks.
    pub fn with_tracks(&self, act: impl FnOnce(&Tracks)) {
        self.tracks.with(|tracks| act(tracks));
    }

    #[cold]
    fn look(&self, tag: &Tag<'_>) {
        if tag.kind != SCRIPT && !self.started.swap(true, Relaxed) {
            self.first.store(tag.timestamp, Relaxed);
        }
        self.tracks.with(|tracks| {
            tracks.tag(tag);
            self.unsettled.store(!tracks.settled(), Relaxed);
        });
    }
}

/// Part of the [`mark`] of codecs that the old header names; 0 is none.
const OLD: u32 = 0x100;

/// How a tag names its codec: a number that stays the same as long as the codec does.
fn mark(media: &Media<'_>, body: &[u8]) -> u32 {
    match (media.enhanced, media.kind, body) {
        (false, Kind::Video, [first, ..]) => OLD | u32::from(first & 0x0f),
        (false, Kind::Audio, [first, ..]) => OLD | u32::from(first >> 4),
        (true, _, [_, a, b, c, d, ..]) => u32::from_be_bytes([*a, *b, *c, *d]),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_core::flv;

    use super::*;

    fn note(stats: &Stats, kind: u8, timestamp: u32, body: &[u8]) {
        let tag = Tag { kind, timestamp, body };
        stats.tag(&tag);
    }

    #[test]
    fn tracks_are_seen_and_frames_counted() {
        let stats = <Stats>::default();
        assert_eq!(stats.codecs(), "nothing yet");
        note(&stats, flv::AUDIO, 10, &[0xaf, 0, 0x11, 0x90]);
        note(&stats, flv::AUDIO, 10, &[0xaf, 1, 2]);
        assert_eq!(stats.codecs(), "AAC 48 kHz stereo");
        assert_eq!(stats.read().frames, 1);
        note(&stats, flv::VIDEO, 20, &[0x17, 1, 0, 0, 0, 1]);
        let metadata = b"\x02\x00\x0aonMetaData\x08\0\0\0\x02\
            \x00\x05width\x00\x40\x94\0\0\0\0\0\0\x00\x06height\x00\x40\x86\x80\0\0\0\0\0\0\0\x09";
        note(&stats, SCRIPT, 0, metadata);
        assert_eq!(stats.codecs(), "H.264 1280x720 + AAC 48 kHz stereo");
        note(&stats, flv::VIDEO, 60, b"\x91av01frame");
        assert_eq!(stats.codecs(), "AV1 1280x720 + AAC 48 kHz stereo");
        let reading = stats.read();
        assert_eq!((reading.frames, reading.duration), (2, 50));
    }

    #[test]
    fn frames_are_looked_at_until_they_have_told() {
        let stats = <Stats>::default();
        note(&stats, flv::AUDIO, 0, b"\x91ac-3damaged");
        note(&stats, flv::AUDIO, 0, b"\x91ac-3\x0b\x77\x28\x19\x1e\x40\xeb\xf8\x40\x3e");
        assert_eq!(stats.codecs(), "AC-3 48 kHz 6 channels");
        assert!(!stats.unsettled.load(Relaxed));
    }
}
