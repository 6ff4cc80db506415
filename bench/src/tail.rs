//! How long it takes from a message's last byte sent until it can be read in the recording.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::load::{Media, Published, Report};
use crate::verify::{self, by_stream};

/// How often recordings are looked at: what times are off by.
pub const LOOK: Duration = Duration::from_micros(500);
/// How often recordings are looked for that are not there yet.
const SEARCH: Duration = Duration::from_millis(20);

/// How a file grew: its length, and when it was seen to be that long.
type Growth = Vec<(u64, Instant)>;

/// Looks at recordings while they grow.
pub struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<HashMap<String, (PathBuf, Growth)>>,
}

impl Watch {
    /// Begins to look at the recordings below `dir` of streams with these names.
    pub fn start(dir: &Path, names: Vec<String>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (dir, seen) = (dir.to_owned(), over.clone());
        let thread = thread::spawn(move || look(&dir, names, &seen));
        Self { over, thread }
    }

    /// Ends it; gives how long each message of the watched publishers took, shortest first.
    ///
    /// # Errors
    ///
    /// When a recording cannot be read.
    pub fn end(self, report: &Report, media: &Media, raw: bool) -> Result<Vec<Duration>> {
        // The last growth may have been after the last look.
        thread::sleep(2 * LOOK);
        self.over.store(true, Ordering::Relaxed);
        let seen = self.thread.join().ok().context("the watch panicked")?;
        let mut waits = Vec::new();
        for publisher in &report.publishers {
            let Some((path, growth)) = seen.get(&publisher.name) else { continue };
            let ends =
                if raw { raw_ends(publisher, media) } else { tag_ends(path, publisher, media)? };
            for (sent, end) in publisher.finished.iter().zip(ends) {
                let Some(end) = end else { continue };
                let readable = growth.partition_point(|(len, _)| *len < end);
                // Since when the first look would have found what it found, is not known.
                if let Some((_, when)) = growth.get(readable).filter(|_| readable > 0) {
                    waits.push(when.saturating_duration_since(*sent));
                }
            }
        }
        waits.sort_unstable();
        Ok(waits)
    }
}

fn look(dir: &Path, names: Vec<String>, over: &AtomicBool) -> HashMap<String, (PathBuf, Growth)> {
    let mut seen: HashMap<String, (PathBuf, Growth)> = HashMap::new();
    let mut searched: Option<Instant> = None;
    while !over.load(Ordering::Relaxed) {
        if seen.len() < names.len() && searched.is_none_or(|when| when.elapsed() > SEARCH) {
            searched = Some(Instant::now());
            let mut found = by_stream(dir).unwrap_or_default();
            for name in &names {
                if let Some(path) = found.remove(name) {
                    seen.entry(name.clone()).or_insert_with(|| (path, Vec::new()));
                }
            }
        }
        for (path, growth) in seen.values_mut() {
            let len = path.metadata().map_or(0, |metadata| metadata.len());
            if growth.last().is_none_or(|(last, _)| *last < len) {
                growth.push((len, Instant::now()));
            }
        }
        thread::sleep(LOOK);
    }
    seen
}

/// Where each message after the head ends in a recording of all bytes.
fn raw_ends(publisher: &Published, media: &Media) -> Vec<Option<u64>> {
    let before = media.sum(publisher.begin).wire;
    (1..=publisher.messages)
        .map(|count| Some(publisher.head + media.sum(publisher.begin + count).wire - before))
        .collect()
}

/// Where the tag of each message after the head ends, if there is one: not every server keeps all.
fn tag_ends(path: &Path, publisher: &Published, media: &Media) -> Result<Vec<Option<u64>>> {
    let head = media.head_kinds().count();
    let mut ends = vec![None; publisher.finished.len()];
    verify::each(path, publisher, media, |index, _, _, end| {
        if let Some(known) = index.checked_sub(head).and_then(|index| ends.get_mut(index)) {
            *known = Some(end);
        }
    })?;
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Mix;

    #[test]
    fn messages_are_found_where_a_server_has_left_others_out() {
        let media = Mix::Low.media(4096).unwrap();
        let now = Instant::now();
        let finished = vec![now; 8];
        let publisher = Published { name: String::new(), begin: 5, messages: 8, head: 0, finished };
        let head = media.head_kinds().count();
        // One of the head's, and the third after it.
        let gone = [head - 2, head + 2];
        let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        let mut expected = vec![None; 8];
        for (index, sent) in media.sent(5, 8).enumerate().filter(|(i, _)| !gone.contains(i)) {
            let len = u32::try_from(sent.body.len()).unwrap().to_be_bytes();
            file.extend([sent.kind, len[1], len[2], len[3], 0, 0, 0, 0, 0, 0, 0]);
            file.extend(sent.body);
            file.extend((11 + u32::from_be_bytes(len)).to_be_bytes());
            if index >= head {
                expected[index - head] = Some(file.len() as u64);
            }
        }
        let path = std::env::temp_dir().join(format!("tail-{}.flv", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let ends = tag_ends(&path, &publisher, &media).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(ends, expected);
    }
}
