//! Tags that wait for one sink, within a bound.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whole tags, shared by all sinks of a stream.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    bytes: Arc<[u8]>,
    range: Range<usize>,
}

impl Chunk {
    pub(super) fn new(bytes: Arc<[u8]>, range: Range<usize>) -> Self {
        Self { bytes, range }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.range.clone()]
    }
}

/// What a sink's thread and its stream share.
#[derive(Debug)]
pub(super) struct Queue {
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    chunks: VecDeque<Chunk>,
    /// Bytes of them, and of the one that is being written.
    bytes: usize,
    /// Why the stream goes on without it.
    dropped: Option<&'static str>,
    /// It missed something, or was given something that was not written.
    missed: bool,
}

/// How far a sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It takes tags.
    Takes,
    /// It is not there: tags pass it by.
    Away,
    /// It is there again, and waits for a keyframe.
    Joins,
    /// It gets no more: what waits is written, and then it is closed.
    Closing,
}

impl Queue {
    pub(super) fn new(most: usize) -> Arc<Self> {
        let state = State {
            phase: Phase::Takes,
            chunks: VecDeque::new(),
            bytes: 0,
            dropped: None,
            missed: false,
        };
        Arc::new(Self { most, state: Mutex::new(state), changed: Condvar::new() })
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Gives it tags. When there is no room, waits up to `patience` for it; returns what is left of
    /// that, or nothing when the sink was dropped.
    pub(super) fn give(&self, chunk: Chunk, patience: Duration) -> Option<Duration> {
        let len = chunk.as_bytes().len();
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        // One run may be larger than the bound: it goes into an empty queue.
        while state.bytes > 0 && state.bytes + len > self.most {
            let time = deadline.saturating_duration_since(Instant::now());
            if !matches!(state.phase, Phase::Takes | Phase::Joins) {
                return Some(time);
            }
            if time.is_zero() {
                state.drop_sink("too slow");
                self.changed.notify_all();
                return None;
            }
            let wait = self.changed.wait_timeout(state, time);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        if matches!(state.phase, Phase::Takes | Phase::Joins) {
            state.phase = Phase::Takes;
            state.bytes += len;
            state.chunks.push_back(chunk);
            self.changed.notify_all();
        }
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// The next tags to write. None: there will be no more.
    pub(super) fn next(&self) -> Option<Chunk> {
        let mut state = self.lock();
        loop {
            if let Some(chunk) = state.chunks.pop_front() {
                return Some(chunk);
            }
            if state.phase == Phase::Closing {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// So many bytes were written.
    pub(super) fn wrote(&self, len: usize) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(len);
        drop(state);
        self.changed.notify_all();
    }

    /// It cannot be written to: what waits for it is lost to it.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        state.missed = true;
        state.forget();
        if state.phase != Phase::Closing {
            state.phase = Phase::Away;
        }
        self.changed.notify_all();
    }

    /// It is there again.
    pub(super) fn come_back(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Away {
            state.phase = Phase::Joins;
        }
    }

    /// Waits until it is closed, or for `time`; says which.
    pub(super) fn closes_within(&self, time: Duration) -> bool {
        let closing = |state: &mut State| state.phase != Phase::Closing;
        let wait = self.changed.wait_timeout_while(self.lock(), time, closing);
        !wait.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Gives it no more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.missed |= matches!(state.phase, Phase::Away | Phase::Joins);
        state.phase = Phase::Closing;
        self.changed.notify_all();
    }

    /// Takes nothing any more, for this reason.
    pub(super) fn refuse(&self, why: &'static str) {
        let mut state = self.lock();
        state.drop_sink(why);
        state.forget();
        self.changed.notify_all();
    }

    /// Why the stream goes on without it, and whether it missed anything.
    pub(super) fn result(&self) -> (Option<&'static str>, bool) {
        let state = self.lock();
        (state.dropped, state.missed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_sink(&mut self, why: &'static str) {
        self.dropped.get_or_insert(why);
        (self.phase, self.missed) = (Phase::Closing, true);
    }

    fn forget(&mut self) {
        self.chunks.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(len: usize) -> Chunk {
        Chunk::new(vec![0; len].into(), 0..len)
    }

    #[test]
    fn a_full_queue_is_waited_for_and_then_dropped() {
        let queue = Queue::new(100);
        assert_eq!(queue.give(chunk(500), Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(queue.give(chunk(1), Duration::ZERO), None);
        assert_eq!(queue.result(), (Some("too slow"), true));
        assert_eq!(queue.phase(), Phase::Closing);
        // What it had is written all the same.
        assert_eq!(queue.next().unwrap().as_bytes().len(), 500);
        assert!(queue.next().is_none());
    }

    #[test]
    fn room_that_comes_in_time_is_used() {
        let queue = Queue::new(100);
        let patience = Duration::from_secs(60);
        queue.give(chunk(100), patience).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let chunk = queue.next().unwrap();
                queue.wrote(chunk.as_bytes().len());
            });
            assert!(queue.give(chunk(100), patience).is_some());
        });
        queue.close();
        assert_eq!(queue.result(), (None, false));
    }

    #[test]
    fn who_is_away_is_passed_by() {
        let queue = Queue::new(100);
        queue.give(chunk(60), Duration::ZERO).unwrap();
        queue.leave();
        queue.give(chunk(60), Duration::ZERO).unwrap();
        queue.come_back();
        assert_eq!(queue.phase(), Phase::Joins);
        queue.give(chunk(60), Duration::ZERO).unwrap();
        assert_eq!(queue.phase(), Phase::Takes);
        queue.close();
        assert!(queue.next().is_some() && queue.next().is_none());
        assert_eq!(queue.result(), (None, true));
    }
}
