//! Timestamps on their way into a file: as they were sent, or moved.

use sluicebox_core::flv;

use super::look::Look;
use super::segment::put_timestamp;

/// How timestamps are moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    /// Every file begins at 0.
    rebases: bool,
    /// Added to every timestamp.
    add: u32,
    /// The next frame is to have this timestamp; what comes before it has it too.
    anchor: Option<u32>,
    /// The last that went into the file.
    last: u32,
}

impl Timeline {
    pub(crate) fn new(rebases: bool) -> Self {
        Self { rebases, add: 0, anchor: rebases.then_some(0), last: 0 }
    }

    /// Whether timestamps are moved at all.
    pub(crate) fn moves(&self) -> bool {
        self.rebases || self.add != 0 || self.anchor.is_some()
    }

    /// Takes note of the last timestamp that went into the file.
    pub(crate) fn pass(&mut self, last: u32) {
        self.last = last;
    }

    /// The timestamp that a tag has in the file.
    pub(crate) fn map(&mut self, timestamp: u32, frame: bool) -> u32 {
        if !self.moves() {
            self.pass(timestamp);
            return timestamp;
        }
        if let Some(anchor) = self.anchor {
            if !frame {
                return anchor;
            }
            self.anchor = None;
            self.add = anchor.wrapping_sub(timestamp);
        }
        let moved = timestamp.wrapping_add(self.add);
        // Sound that came late for the picture that a file begins with would be before its start.
        self.last = if self.rebases && moved > u32::MAX / 2 { 0 } else { moved };
        self.last
    }

    /// A new file begins.
    pub(crate) fn begin_file(&mut self) {
        if self.rebases {
            self.anchor = Some(0);
        }
    }

    /// The last that went into the file.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// Moves tags that had their timestamps in the file before into the one that has just begun.
    pub(crate) fn move_on(&mut self, mut tags: Vec<u8>) -> Vec<u8> {
        if !self.rebases {
            return tags;
        }
        self.anchor = None;
        let mut base = None;
        let mut at = 0;
        while let Some(tag) = flv::tags(&tags[at..]).next() {
            let end = at + tag.body.len() + flv::TAG_HEADER + flv::TAG_TRAILER;
            let by = if Look::at(&tag).is_frame() {
                *base.get_or_insert(tag.timestamp)
            } else {
                base.unwrap_or(tag.timestamp)
            };
            let moved = tag.timestamp.saturating_sub(by);
            put_timestamp(&mut tags[at..], moved);
            (self.last, at) = (moved, end);
        }
        match base {
            Some(base) => self.add = self.add.wrapping_sub(base),
            None => self.anchor = Some(0),
        }
        tags
    }

    /// The publisher was away for `gap` milliseconds; its timestamps begin anywhere.
    pub(crate) fn resume(&mut self, gap: u32) {
        self.anchor = Some(self.last.wrapping_add(gap));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_sent_unless_asked() {
        let mut timeline = Timeline::new(false);
        assert!(!timeline.moves());
        assert_eq!([5, u32::MAX, 0].map(|at| timeline.map(at, true)), [5, u32::MAX, 0]);
        timeline.begin_file();
        assert_eq!(timeline.map(7, true), 7);
    }

    #[test]
    fn files_begin_at_nothing() {
        let mut timeline = Timeline::new(true);
        assert_eq!(timeline.map(0, false), 0);
        assert_eq!([9000, 9040].map(|at| timeline.map(at, true)), [0, 40]);
        timeline.begin_file();
        // Late sound behind the first picture does not wrap.
        assert_eq!([9080, 9060, 9120].map(|at| timeline.map(at, true)), [0, 0, 40]);
    }

    #[test]
    fn a_publisher_that_comes_back_goes_on() {
        let mut timeline = Timeline::new(false);
        timeline.map(10_000, true);
        timeline.resume(500);
        assert_eq!(timeline.map(0, false), 10_500);
        assert_eq!([77, 117].map(|at| timeline.map(at, true)), [10_500, 10_540]);
        timeline.resume(1000);
        assert_eq!(timeline.map(3, true), 11_540);
    }
}
