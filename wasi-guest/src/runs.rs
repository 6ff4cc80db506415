//! Which pages of the memory hold nothing.
//!
//! Buffers for media are large, come and go, and a WebAssembly memory never shrinks. Kept apart from
//! small allocations, in pages of their own and with the account of them elsewhere, they leave
//! pages behind that a host can give back to its system: see `trim` in `docs/abi.md`.
#![cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "there is another allocator there")
)]

/// What is accounted for, in bytes: the smallest page of any host.
pub(crate) const PAGE: u32 = 4096;

/// Runs of free pages at most. A session has at most some 150 large buffers, between which they lie.
const MOST: usize = 255;

/// Free pages that lie together.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Address of the first.
    at: u32,
    /// Length in bytes.
    len: u32,
}

/// All runs of free pages, by address; none touches the next. The host reads it as it lies here.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Runs {
    count: u32,
    runs: [Run; MOST],
}

impl Runs {
    pub(crate) const fn new() -> Self {
        Self { count: 0, runs: [Run { at: 0, len: 0 }; MOST] }
    }

    fn all(&self) -> &[Run] {
        &self.runs[..self.count as usize]
    }

    /// Takes `len` bytes, whole pages, from the first run that has so many.
    pub(crate) fn take(&mut self, len: u32) -> Option<u32> {
        let index = self.all().iter().position(|run| run.len >= len)?;
        Some(self.cut(index, len))
    }

    /// Takes the `len` bytes at `at`, if they are free.
    pub(crate) fn take_at(&mut self, at: u32, len: u32) -> bool {
        let index = self.all().iter().position(|run| run.at == at && run.len >= len);
        index.map(|index| self.cut(index, len)).is_some()
    }

    /// Frees the `len` bytes at `at`, whole pages. When there are too many runs, they are lost.
    pub(crate) fn give(&mut self, at: u32, len: u32) {
        let count = self.count as usize;
        let next = self.all().partition_point(|run| run.at < at);
        let joins_next = next < count && self.runs[next].at == at + len;
        let joins_last = next > 0 && self.runs[next - 1].at + self.runs[next - 1].len == at;
        match (joins_last, joins_next) {
            (true, true) => {
                self.runs[next - 1].len += len + self.runs[next].len;
                self.remove(next);
            }
            (true, false) => self.runs[next - 1].len += len,
            (false, true) => {
                let run = &mut self.runs[next];
                *run = Run { at, len: len + run.len };
            }
            (false, false) if count < MOST => {
                self.runs.copy_within(next..count, next + 1);
                self.runs[next] = Run { at, len };
                self.count += 1;
            }
            (false, false) => {}
        }
    }

    /// Takes `len` bytes from the start of a run that has so many.
    fn cut(&mut self, index: usize, len: u32) -> u32 {
        let run = &mut self.runs[index];
        let at = run.at;
        *run = Run { at: at + len, len: run.len - len };
        if run.len == 0 {
            self.remove(index);
        }
        at
    }

    fn remove(&mut self, index: usize) {
        self.runs.copy_within(index + 1..self.count as usize, index);
        self.count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(given: &[(u32, u32)]) -> Runs {
        let mut runs = Runs::new();
        given.iter().for_each(|(at, len)| runs.give(*at, *len));
        runs
    }

    fn list(runs: &Runs) -> Vec<(u32, u32)> {
        runs.all().iter().map(|run| (run.at, run.len)).collect()
    }

    #[test]
    fn what_is_given_back_joins_its_neighbours() {
        assert_eq!(list(&runs(&[(10, 5), (30, 5), (20, 5)])), [(10, 5), (20, 5), (30, 5)]);
        assert_eq!(list(&runs(&[(10, 10), (20, 5)])), [(10, 15)]);
        assert_eq!(list(&runs(&[(20, 5), (10, 10)])), [(10, 15)]);
        assert_eq!(list(&runs(&[(10, 5), (20, 5), (15, 5), (1, 2)])), [(1, 2), (10, 15)]);
    }

    #[test]
    fn what_is_taken_is_gone() {
        let mut runs = runs(&[(10, 4), (20, 8), (40, 8)]);
        assert_eq!(runs.take(9), None);
        assert_eq!(runs.take(5), Some(20));
        assert_eq!(runs.take(4), Some(10));
        assert_eq!(list(&runs), [(25, 3), (40, 8)]);
        assert!(!runs.take_at(25, 4) && !runs.take_at(41, 1));
        assert!(runs.take_at(25, 3) && runs.take_at(40, 1));
        assert_eq!(list(&runs), [(41, 7)]);
    }

    #[test]
    fn too_many_runs_do_no_harm() {
        let mut runs = Runs::new();
        (0..300).for_each(|n| runs.give(2 * n, 1));
        assert_eq!(list(&runs).len(), MOST);
        runs.give(1, 1);
        assert_eq!((runs.all()[0], runs.count), (Run { at: 0, len: 3 }, 254));
        while runs.take(1).is_some() {}
        assert_eq!(runs.count, 0);
    }
}
