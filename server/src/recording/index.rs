//! Where the keyframes of a file are: what players seek by.
//!
//! The first entry is the first sequence header: players in browsers take it for that and pass over it.
//! The others are video keyframes; of a file without video, audio frames at least [`APART`] ms from one
//! another.
//!
//! The index has a fixed number of entries, as its place in the file is made before it is known how
//! long the recording will be. When it is full, every second entry is dropped, and from then on entries
//! keep their distance: at least one second, then 2, 4, 8 and so on. So an index of 10800 keyframes has
//! every keyframe of the first three hours at least, and never two further apart than
//! 2 s up to 6 hours, 4 s up to 12, 8 s up to 24 (or than the keyframes are).

use super::look::Look;

/// Least distance of two entries of audio, in milliseconds.
const APART: i64 = 1000;

/// The index of a file.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// Most entries.
    most: usize,
    entries: Vec<Entry>,
    /// The first sequence header has its entry.
    setup: bool,
    /// Entries are those of video.
    video: bool,
    /// Least distance of a new entry to the last, in milliseconds.
    apart: i64,
    /// Time of the next entry of audio at the earliest, in milliseconds: most tags ask for no more.
    next: i64,
}

/// A place to start playing from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// In milliseconds.
    pub(super) time: i64,
    /// Of the tag, in bytes from the start of the file.
    pub(super) position: u64,
}

impl Index {
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: Vec::new(), setup: false, video: false, apart: 0, next: i64::MIN }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes note of a tag.
    #[inline]
    pub(super) fn note(&mut self, look: Look, time: i64, position: u64) {
        match look {
            Look::Frame { video: false, .. } if time < self.next => {}
            Look::Frame { video: true, key: false } | Look::Other { .. } | Look::Script => {}
            _ => self.note_entry(look, Entry { time, position }),
        }
    }

    /// Takes note of a tag that may have an entry.
    fn note_entry(&mut self, look: Look, entry: Entry) {
        match look {
            Look::Frame { video: false, .. } => self.add(entry),
            Look::Frame { video: true, key: true } => {
                self.begin_video();
                if entry.time >= self.earliest(self.apart) {
                    self.add(entry);
                }
            }
            Look::Setup { video } => {
                if video {
                    self.begin_video();
                }
                if !self.setup && (video || !self.video) {
                    self.setup = true;
                    self.entries.clear();
                    self.add(entry);
                }
            }
            _ => {}
        }
        self.expect();
    }

    /// Forgets entries from `len` bytes on: the file ends there.
    pub(super) fn truncate(&mut self, len: u64) {
        self.entries.retain(|entry| entry.position < len);
        self.expect();
    }

    /// Notes when the next entry of audio is due.
    fn expect(&mut self) {
        let wanted = !self.video && self.most >= 2;
        self.next = if wanted { self.earliest(self.apart.max(APART)) } else { i64::MAX };
    }

    /// Entries of audio are of no use where there is video.
    fn begin_video(&mut self) {
        if !self.video {
            self.video = true;
            self.setup = false;
            self.entries.clear();
        }
    }

    /// From when on an entry is wanted. Times never go back: players look for them by halves.
    fn earliest(&self, apart: i64) -> i64 {
        match self.entries.as_slice() {
            [] => i64::MIN,
            // The sequence header and the first frame have the same time, mostly.
            [setup] if self.setup => setup.time,
            [.., last] => last.time + apart.max(1),
        }
    }

    fn add(&mut self, entry: Entry) {
        if self.most < 2 {
            return;
        }
        if self.entries.len() == self.most {
            self.thin();
            if self.entries.last().is_some_and(|last| entry.time - last.time < self.apart) {
                return;
            }
        }
        self.entries.push(entry);
    }

    /// Doubles the distance, until half of the entries have gone.
    fn thin(&mut self) {
        while self.entries.len() > self.most / 2 + 1 {
            self.apart = (self.apart * 2).max(1000);
            let (mut last, mut at) = (None, 0);
            let (apart, first) = (self.apart, usize::from(self.setup));
            self.entries.retain(|entry| {
                at += 1;
                let keep = at <= first || last.is_none_or(|last| entry.time - last >= apart);
                if keep && at > first {
                    last = Some(entry.time);
                }
                keep
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Look = Look::Frame { video: true, key: true };
    const SOUND: Look = Look::Frame { video: false, key: true };

    fn times(index: &Index) -> Vec<i64> {
        index.entries().iter().map(|entry| entry.time).collect()
    }

    #[test]
    fn the_first_is_the_sequence_header_of_the_video() {
        let mut index = Index::new(10);
        index.note(Look::Setup { video: false }, 0, 13);
        index.note(SOUND, 0, 20);
        index.note(Look::Setup { video: true }, 0, 30);
        index.note(KEY, 0, 40);
        index.note(SOUND, 1500, 50);
        index.note(Look::Frame { video: true, key: false }, 1500, 60);
        index.note(Look::Setup { video: true }, 2000, 70);
        index.note(KEY, 2000, 80);
        let positions: Vec<_> = index.entries().iter().map(|entry| entry.position).collect();
        assert_eq!((times(&index), positions), (vec![0, 0, 2000], vec![30, 40, 80]));
        index.truncate(80);
        assert_eq!(times(&index), [0, 0]);
    }

    #[test]
    fn sound_alone_has_an_entry_a_second() {
        let mut index = Index::new(100);
        (0..200u32).for_each(|at| index.note(SOUND, i64::from(at) * 23, at.into()));
        assert_eq!(index.entries().len(), 5);
    }

    #[test]
    fn times_never_go_back() {
        let mut index = Index::new(10);
        [5000, 7000, 100, 2000, 7000, 9000].iter().for_each(|time| index.note(KEY, *time, 1));
        assert_eq!(times(&index), [5000, 7000, 9000]);
    }

    /// A day of keyframes every two seconds, in the default index.
    #[test]
    fn a_long_recording_has_entries_at_the_stated_distance() {
        let mut index = Index::new(10_801);
        index.note(Look::Setup { video: true }, 0, 0);
        for hour in 1..=48 {
            for at in (hour - 1) * 1800..hour * 1800 {
                index.note(KEY, at * 2000, 1);
            }
            let most = match hour {
                1..=6 => 2000,
                7..=12 => 4000,
                13..=24 => 8000,
                _ => 16_000,
            };
            assert!(index.entries().len() <= 10_801);
            let gaps = index.entries().windows(2).map(|two| two[1].time - two[0].time);
            assert!(gaps.max() <= Some(most), "{hour} hours");
        }
    }
}
