//! What is in a file, as its tags went in.

use sluicebox_core::Tally;
use sluicebox_core::flv::Tag;

use super::look::Look;

/// Counts and times of a file. Small: a copy is kept for the case that a write fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Tags that the publisher sent, and the bytes of their bodies.
    pub(crate) tally: Tally,
    /// There is audio, and video.
    pub(crate) audio: bool,
    pub(crate) video: bool,
    /// Video frames that a decoder can start at.
    pub(crate) keyframes: u64,
    times: Option<Times>,
    /// When the last entry that counts as a keyframe was, in milliseconds.
    last_key: Option<i64>,
}

/// In milliseconds, past 32 bits where timestamps wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    first: i64,
    last: i64,
    highest: i64,
}

impl Facts {
    /// Takes note of a tag with this timestamp in the file, and gives its time in milliseconds.
    #[inline]
    pub(super) fn note(&mut self, tag: &Tag<'_>, look: Look, timestamp: u32) -> i64 {
        self.tally.add(tag.body.len());
        match look {
            Look::Frame { video, key } => {
                self.saw(video);
                let time = self.advance(timestamp);
                if video && key {
                    self.keyframes += 1;
                    self.last_key = Some(time);
                }
                time
            }
            // What is no frame may have any timestamp.
            Look::Setup { video } | Look::Other { video } => {
                self.saw(video);
                self.time_of(timestamp)
            }
            Look::Script => self.last(),
        }
    }

    #[inline]
    fn saw(&mut self, video: bool) {
        *(if video { &mut self.video } else { &mut self.audio }) = true;
    }

    #[inline]
    fn advance(&mut self, timestamp: u32) -> i64 {
        let Some(times) = &mut self.times else {
            let first = i64::from(timestamp);
            self.times = Some(Times { first, last: first, highest: first });
            return first;
        };
        // Wraps are followed, and so are steps back.
        #[expect(clippy::cast_possible_truncation, reason = "the lower 32 bits are what is wanted")]
        let step = timestamp.wrapping_sub(times.last as u32).cast_signed();
        times.last += i64::from(step);
        times.highest = times.highest.max(times.last);
        times.last
    }

    /// The time of a tag with this timestamp, if it came now, in milliseconds.
    #[inline]
    pub(super) fn time_of(&self, timestamp: u32) -> i64 {
        let mut after = *self;
        after.advance(timestamp)
    }

    /// Whether there is no frame yet.
    pub(super) fn no_frames(&self) -> bool {
        self.times.is_none()
    }

    /// Time of the first frame, in milliseconds.
    pub(super) fn first(&self) -> i64 {
        self.times.map_or(0, |times| times.first)
    }

    /// Time of the last frame, in milliseconds.
    pub(crate) fn last(&self) -> i64 {
        self.times.map_or(0, |times| times.last)
    }

    /// Time of the last keyframe, in milliseconds; without one, that of the last frame.
    pub(super) fn last_key(&self) -> i64 {
        self.last_key.unwrap_or_else(|| self.last())
    }

    /// Milliseconds from the first frame to the latest.
    pub(crate) fn duration(&self) -> u64 {
        self.times.map_or(0, |times| times.highest.abs_diff(times.first))
    }

    /// The flags of the file's header: bit 0 video, bit 2 audio.
    pub(super) fn flags(&self) -> u8 {
        u8::from(self.video) | u8::from(self.audio) << 2
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_core::flv::{AUDIO, VIDEO};

    use super::*;

    fn note(facts: &mut Facts, kind: u8, timestamp: u32, body: &[u8]) -> i64 {
        let tag = Tag { kind, timestamp, body };
        facts.note(&tag, Look::at(&tag), timestamp)
    }

    #[test]
    fn times_go_on_where_timestamps_wrap() {
        let mut facts = Facts::default();
        note(&mut facts, VIDEO, u32::MAX - 39, &[0x17, 1, 0, 0, 0, 1]);
        assert_eq!(note(&mut facts, VIDEO, 0, &[0x27, 1]), 1 << 32);
        note(&mut facts, AUDIO, u32::MAX - 9, &[0xaf, 1]);
        assert_eq!((facts.duration(), facts.keyframes, facts.flags()), (40, 1, 5));
        assert_eq!(facts.last_key(), i64::from(u32::MAX - 39));
    }

    #[test]
    fn a_file_of_nothing_but_setups_has_no_keyframe() {
        let mut facts = Facts::default();
        note(&mut facts, VIDEO, 7, &[0x17, 0, 0, 0, 0]);
        note(&mut facts, VIDEO, 7, b"\x90hvc1");
        assert_eq!((facts.keyframes, facts.flags(), facts.duration()), (0, 1, 0));
    }
}
