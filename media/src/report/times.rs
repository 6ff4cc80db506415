//! Timestamps: milliseconds in 32 bits, which wrap after 49 days.

use std::vec::Vec;

use super::LISTED;

/// A step that is longer is a gap, if the track's steps are otherwise shorter, in ms.
const GAP: i64 = 1000;

/// Makes one line of time of all tags' timestamps.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last: Option<(u32, i64)>,
    span: Option<Span>,
    wraps: u64,
}

/// A span of time, in ms. Negative, or beyond 32 bits, where timestamps wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The earliest timestamp.
    pub first: i64,
    /// The latest.
    pub last: i64,
}

impl Span {
    /// Its length in seconds.
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 ms")]
    pub fn seconds(self) -> f64 {
        (self.last - self.first) as f64 / 1000.0
    }

    fn with(span: Option<Self>, time: i64) -> Self {
        let Self { first, last } = span.unwrap_or(Self { first: time, last: time });
        Self { first: first.min(time), last: last.max(time) }
    }
}

impl Clock {
    /// The time of a timestamp: the one that is nearest to the time of the tag before.
    pub(super) fn at(&mut self, timestamp: u32) -> i64 {
        let time = match self.last {
            None => i64::from(timestamp),
            Some((last, time)) => {
                let step = timestamp.wrapping_sub(last).cast_signed();
                self.wraps += u64::from(step > 0 && timestamp < last);
                time + i64::from(step)
            }
        };
        self.last = Some((timestamp, time));
        self.span = Some(Span::with(self.span, time));
        time
    }

    pub(super) fn span(&self) -> Option<Span> {
        self.span
    }

    pub(super) fn wraps(&self) -> u64 {
        self.wraps
    }
}

/// A place where a track's timestamps do not go on as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Offset of the tag, in bytes from the start of the file.
    pub offset: u64,
    /// Time of the track's frame before, in ms.
    pub from: i64,
    /// Time of this one, in ms.
    pub to: i64,
}

impl Jump {
    /// Whether it is a jump back by 2^24 ms: the file has timestamps without their upper byte.
    pub fn is_24_bit_wrap(&self) -> bool {
        (self.from - self.to - (1 << 24)).abs() < 60_000
    }
}

/// The times of one track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// From its first to its last frame.
    pub span: Option<Span>,
    /// Steps forward that are longer than a second, and than three usual ones; the first of them.
    pub gaps: Vec<Jump>,
    /// How many there are.
    pub gap_count: u64,
    /// Steps back; the first of them.
    pub backwards: Vec<Jump>,
    /// How many there are.
    pub backward_count: u64,
    last: Option<i64>,
    steps: i64,
}

impl Times {
    /// Takes note of a frame.
    pub(super) fn take(&mut self, offset: u64, to: i64) {
        if let Some(from) = self.last {
            let jump = Jump { offset, from, to };
            let step = to - from;
            let usual = self.span.map_or(0, |span| span.last - span.first) / self.steps.max(1);
            if step < 0 {
                self.backward_count += 1;
                list(&mut self.backwards, jump);
            } else if step > GAP && step > 3 * usual {
                self.gap_count += 1;
                list(&mut self.gaps, jump);
            }
            self.steps += 1;
        }
        self.last = Some(to);
        self.span = Some(Span::with(self.span, to));
    }
}

fn list(jumps: &mut Vec<Jump>, jump: Jump) {
    if jumps.len() < LISTED {
        jumps.push(jump);
    }
}
