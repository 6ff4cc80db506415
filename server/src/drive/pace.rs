//! When a publisher is read next.
//!
//! Publishers of live media rest until the next tick of their loop, all together. One that sends so
//! fast that its socket would be full by then has a time of its own, and the others rest on.

use std::time::{Duration, Instant};

/// What a socket should not have to hold, in bytes: a little less than systems begin with.
const FULL: f64 = 128.0 * 1024.0;
/// Shorter rests are not worth the call.
const SHORT: Duration = Duration::from_micros(500);

/// How fast a publisher sends, as far as its loop has to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// When the round began in which it was read last.
    read: Instant,
    /// When it is to be read next, if it cannot rest until the next tick.
    due: Option<Instant>,
    /// It is in its loop's list of those.
    pub(super) listed: bool,
    /// It is in the line for a turn, or rests with something to read.
    pub(super) waits: bool,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { read: now, due: None, listed: false, waits: false }
    }

    /// Takes note of a turn, in the round that began `now`, which read so many bytes.
    pub(super) fn read(&mut self, taken: usize, now: Instant, rest: Duration) {
        if taken == 0 {
            return;
        }
        let passed = now.saturating_duration_since(self.read);
        self.read = now;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let time = passed.mul_f64(FULL / taken as f64);
        // A keyframe is no reason: it comes once in many frames.
        self.due = (time < rest / 2).then(|| if time < SHORT { now } else { now + time });
    }

    /// When it is to be read next, if it cannot rest until the next tick.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Forgets that it sends fast, if nothing has come for a whole rest.
    pub(super) fn forget(&mut self, now: Instant, rest: Duration) {
        self.due = self.due.filter(|due| now <= *due + rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_millis(50);

    #[test]
    fn who_would_fill_a_socket_has_a_time_of_its_own() {
        let start = Instant::now();
        let due = |taken, millis| {
            let mut pace = Pace::new(start);
            let now = start + Duration::from_millis(millis);
            pace.read(taken, now, REST);
            pace.due().map(|due| due.saturating_duration_since(now))
        };
        // 5 Mbit/s, and with a keyframe; then 100 Mbit/s, and all that goes.
        assert_eq!(due(31_250, 50), None);
        assert_eq!(due(150_000, 50), None);
        let soon = due(625_000, 50).expect("fast");
        assert!(soon < Duration::from_millis(11) && soon > SHORT, "{soon:?}");
        assert_eq!(due(512 << 10, 1), Some(Duration::ZERO));
    }

    #[test]
    fn who_has_gone_quiet_is_forgotten() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.read(625_000, start + REST, REST);
        pace.forget(start + 2 * REST, REST);
        assert!(pace.due().is_some());
        pace.forget(start + 3 * REST, REST);
        assert!(pace.due().is_none());
    }
}
