//! Lines that wait to be written, within bounds.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Lines that may wait, and the bytes of them together: names of peers can be long.
const LINES: usize = 4096;
const BYTES: usize = 4 << 20;

/// Lines for one reader.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Item>,
    bytes: usize,
    /// Lines that were dropped since the last one that was taken in.
    dropped: u64,
    /// Lines that could not be written since the last one that was.
    failed: u64,
    /// A line is being written.
    writing: bool,
    closed: bool,
}

/// What is to be written next.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// So many lines are missing here.
    pub(super) lost: u64,
    /// None: it is the end.
    pub(super) line: Option<String>,
}

impl Queue {
    /// Takes in a line, or counts it.
    pub(super) fn push(&self, line: String) {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= LINES || state.bytes + line.len() > BYTES {
            state.dropped += 1;
            return;
        }
        state.bytes += line.len();
        let lost = std::mem::take(&mut state.dropped);
        state.waiting.push_back(Item { lost, line: Some(line) });
        self.changed.notify_all();
    }

    /// Hands everything to `write` until it is closed and nothing is left. That gives the number of lines
    /// that it could not write: the next item says it.
    pub(super) fn drain(&self, mut write: impl FnMut(&Item) -> u64) {
        while let Some(item) = self.next() {
            let failed = write(&item);
            let mut state = self.lock();
            state.writing = false;
            state.failed = failed;
            self.changed.notify_all();
        }
    }

    /// Takes no more lines, and waits until all are written, up to `deadline`. Returns how many are
    /// not.
    pub(super) fn close(&self, deadline: Instant) -> usize {
        let mut state = self.lock();
        state.tell_last();
        state.closed = true;
        self.changed.notify_all();
        while !state.waiting.is_empty() || state.writing {
            let time = deadline.saturating_duration_since(Instant::now());
            if time.is_zero() {
                break;
            }
            let wait = self.changed.wait_timeout(state, time);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.len() + usize::from(state.writing)
    }

    /// What to write next. None: no more will come.
    fn next(&self) -> Option<Item> {
        let mut state = self.lock();
        loop {
            if let Some(mut item) = state.waiting.pop_front() {
                state.bytes -= item.line.as_ref().map_or(0, String::len);
                state.writing = true;
                item.lost += std::mem::take(&mut state.failed);
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Puts the number of lines that are missing at the end there.
    fn tell_last(&mut self) {
        let lost = std::mem::take(&mut self.dropped);
        if lost > 0 || self.failed > 0 && self.waiting.is_empty() {
            self.waiting.push_back(Item { lost, line: None });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn all(queue: &Queue) -> Vec<(u64, Option<String>)> {
        let mut items = Vec::new();
        queue.drain(|item| {
            items.push((item.lost, item.line.clone()));
            0
        });
        items
    }

    fn line(text: &str) -> Option<String> {
        Some(text.into())
    }

    #[test]
    fn what_is_dropped_is_told_in_its_place() {
        let queue = Queue::default();
        (0..LINES + 7).for_each(|at| queue.push(at.to_string()));
        assert_eq!(queue.next(), Some(Item { lost: 0, line: line("0") }));
        queue.push("later".into());
        queue.lock().closed = true;
        let items = all(&queue);
        assert_eq!(items.len(), LINES);
        assert!(items[..LINES - 1].iter().all(|(lost, _)| *lost == 0));
        assert_eq!(items[LINES - 1], (7, line("later")));
    }

    #[test]
    fn long_lines_are_bounded_too() {
        let queue = Queue::default();
        (0..10).for_each(|_| queue.push("x".repeat(BYTES / 4)));
        assert_eq!(queue.close(Instant::now()), 5);
        let items = all(&queue);
        assert_eq!((items.len(), &items[4]), (5, &(6, None)));
    }

    /// Not behind what waited by then.
    #[test]
    fn what_cannot_be_written_is_told_in_its_place() {
        let queue = Queue::default();
        ["a", "b", "c", "d"].iter().for_each(|text| queue.push((*text).into()));
        queue.lock().closed = true;
        let mut items = Vec::new();
        queue.drain(|item| {
            let fails = [line("a"), line("b")].contains(&item.line);
            items.push((item.lost, item.line.clone()));
            if fails { item.lost + 1 } else { 0 }
        });
        assert_eq!(items, [(0, line("a")), (1, line("b")), (2, line("c")), (0, line("d"))]);
    }

    #[test]
    fn what_cannot_be_written_at_the_end_is_told_there() {
        let queue = Queue::default();
        queue.push("a".into());
        assert!(queue.next().is_some());
        (queue.lock().failed, queue.lock().writing) = (1, false);
        queue.close(Instant::now());
        assert_eq!(all(&queue), [(1, None)]);
    }

    #[test]
    fn closing_waits_for_the_writer() {
        let queue = Queue::default();
        queue.push("a".into());
        std::thread::scope(|scope| {
            scope.spawn(|| queue.drain(|_| 0));
            assert_eq!(queue.close(Instant::now() + Duration::from_secs(60)), 0);
        });
    }
}
