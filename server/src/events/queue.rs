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
    lost: u64,
    /// A line is being written.
    writing: bool,
    closed: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Line(String),
    /// Here so many lines were dropped.
    Lost(u64),
}

impl Queue {
    /// Takes in a line, or counts it.
    pub(super) fn push(&self, line: String) {
        let mut state = self.lock();
        if state.closed || state.waiting.len() >= LINES || state.bytes + line.len() > BYTES {
            state.lost += 1;
            return;
        }
        state.tell_lost();
        state.bytes += line.len();
        state.waiting.push_back(Item::Line(line));
        self.changed.notify_all();
    }

    /// Hands everything to `write` until it is closed and nothing is left. What that cannot write is
    /// lost, too.
    pub(super) fn drain(&self, mut write: impl FnMut(Item) -> Result<(), Item>) {
        while let Some(item) = self.next() {
            let result = write(item);
            let mut state = self.lock();
            state.writing = false;
            state.lost += match result {
                Ok(()) => 0,
                Err(Item::Line(_)) => 1,
                Err(Item::Lost(lines)) => lines,
            };
            self.changed.notify_all();
        }
    }

    /// Takes no more lines, and waits until all are written, up to `deadline`. Returns how many are
    /// not.
    pub(super) fn close(&self, deadline: Instant) -> usize {
        let mut state = self.lock();
        state.tell_lost();
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
            if let Some(item) = state.waiting.pop_front() {
                state.bytes -= item.len();
                state.writing = true;
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
    /// Puts the number of lines that were dropped in their place.
    fn tell_lost(&mut self) {
        if self.lost > 0 {
            self.waiting.push_back(Item::Lost(std::mem::take(&mut self.lost)));
        }
    }
}

impl Item {
    fn len(&self) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Lost(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn all(queue: &Queue) -> Vec<Item> {
        let mut items = Vec::new();
        queue.drain(|item| {
            items.push(item);
            Ok(())
        });
        items
    }

    fn line(text: &str) -> Item {
        Item::Line(text.into())
    }

    #[test]
    fn what_is_dropped_is_told_in_its_place() {
        let queue = Queue::default();
        (0..LINES + 7).for_each(|at| queue.push(at.to_string()));
        assert_eq!(queue.next(), Some(line("0")));
        queue.push("later".into());
        queue.lock().closed = true;
        let items = all(&queue);
        assert_eq!(items.len(), LINES + 1);
        assert_eq!(items[LINES - 1], Item::Lost(7));
        assert_eq!(items[LINES], line("later"));
    }

    #[test]
    fn long_lines_are_bounded_too() {
        let queue = Queue::default();
        (0..10).for_each(|_| queue.push("x".repeat(BYTES / 4)));
        assert_eq!(queue.close(Instant::now()), 5);
        let items = all(&queue);
        assert_eq!((items.len(), &items[4]), (5, &Item::Lost(6)));
    }

    #[test]
    fn what_cannot_be_written_is_lost() {
        let queue = Queue::default();
        queue.push("a".into());
        queue.push("b".into());
        let item = queue.next().unwrap();
        queue.lock().closed = true;
        assert_eq!(item, line("a"));
        queue.drain(Err);
        assert_eq!(queue.lock().lost, 1);
    }

    #[test]
    fn closing_waits_for_the_writer() {
        let queue = Queue::default();
        queue.push("a".into());
        std::thread::scope(|scope| {
            scope.spawn(|| queue.drain(|_| Ok(())));
            assert_eq!(queue.close(Instant::now() + Duration::from_secs(60)), 0);
        });
    }
}
