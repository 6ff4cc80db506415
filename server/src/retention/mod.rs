//! Deletes finished recordings that are too old, or too many.
//!
//! What is ours: a regular file below the record folder that begins as an FLV file does, beside which lies
//! a sidecar of ours that names it and says its length; and one that this server has finished itself, as
//! long as it was then, whose sidecar could not be written. Any other file without a sidecar, an
//! unfinished one, one that somebody changed, and everything else is left alone.

mod keep;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::events::{Event, Events};
use crate::sidecar::{path_of, read};
pub(crate) use keep::Keep;

/// Time between two looks at what is known to be there.
const PERIOD: Duration = Duration::from_secs(60);
/// Time between two looks at the folder itself, for what others did there.
const RESCAN: Duration = Duration::from_secs(3600);
/// Folders in folders that are looked into: names make no more.
const DEPTH: usize = 64;

/// Finished recordings, the oldest first.
type Index = BTreeMap<(Timestamp, PathBuf), Entry>;

/// A finished recording.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) path: PathBuf,
    pub(crate) ended: Timestamp,
    /// Its length.
    pub(crate) bytes: u64,
}

/// What is known of a finished recording.
#[derive(Clone, Copy, Debug)]
struct Entry {
    bytes: u64,
    /// This server has finished it: it is ours without a sidecar, too.
    own: bool,
}

/// Takes finished recordings, and deletes those that are not to be kept.
#[derive(Debug, Default)]
pub(crate) struct Retention {
    /// Recordings that were finished.
    new: Mutex<Vec<Finished>>,
    changed: Condvar,
}

impl Retention {
    pub(crate) fn start(root: PathBuf, keep: Keep, events: Arc<Events>) -> Result<Arc<Self>> {
        let retention = Arc::<Self>::default();
        let own = retention.clone();
        let run = move || own.run(&root, keep, &events);
        thread::Builder::new().name("retention".into()).spawn(run).context("no thread")?;
        Ok(retention)
    }

    /// A recording was finished, and has its sidecar, if that could be written.
    pub(crate) fn add(&self, finished: Finished) {
        self.new.lock().unwrap_or_else(PoisonError::into_inner).push(finished);
        self.changed.notify_all();
    }

    fn run(&self, root: &Path, keep: Keep, events: &Events) -> ! {
        let (mut index, mut scanned) = (scan(root), Instant::now());
        loop {
            sweep(root, keep, &mut index, events);
            let new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = self.changed.wait_timeout_while(new, PERIOD, |new| new.is_empty());
            let mut new = wait.unwrap_or_else(PoisonError::into_inner).0;
            let finished = std::mem::take(&mut *new);
            drop(new);
            if scanned.elapsed() > RESCAN {
                let own = std::mem::replace(&mut index, scan(root));
                index.extend(own.into_iter().filter(|(_, entry)| entry.own));
                scanned = Instant::now();
            }
            for Finished { path, ended, bytes } in finished {
                index.insert((ended, path), Entry { bytes, own: true });
            }
        }
    }
}

/// Finds all finished recordings below a folder. Links are not followed.
fn scan(root: &Path) -> Index {
    let mut index = Index::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEPTH => folders.push((path, depth + 1)),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|ext| ext == "json") => {
                    note(&path, &mut index);
                }
                _ => {}
            }
        }
    }
    index
}

/// Takes a sidecar in, if it is one of ours.
fn note(sidecar: &Path, index: &mut Index) {
    let Some((mark, _)) = read(sidecar) else { return };
    let path = sidecar.with_file_name(&mark.file);
    if path.parent() == sidecar.parent() && path_of(&path) == sidecar {
        index.insert((mark.ended, path), Entry { bytes: mark.bytes, own: false });
    }
}

/// Deletes what is not to be kept.
fn sweep(root: &Path, keep: Keep, index: &mut Index, events: &Events) {
    let mut total: u64 = index.values().map(|entry| entry.bytes).sum();
    let now = Timestamp::now();
    while let Some(((ended, path), entry)) = index.first_key_value() {
        let age = Duration::try_from(now.duration_since(*ended)).unwrap_or_default();
        let why = if keep.age.is_some_and(|most| age > most) {
            "age"
        } else if keep.bytes.is_some_and(|most| total > most) {
            "size"
        } else {
            break;
        };
        let bytes = entry.bytes;
        total -= bytes;
        let shown = path.display().to_string();
        match delete(root, path, *entry) {
            Ok(true) => {
                tracing::info!(path = shown, why, bytes, "recording deleted");
                events.say(&Event::Deleted { path: &shown, why, bytes });
            }
            Ok(false) => {}
            Err(error) => {
                let path = shown;
                tracing::warn!(path, error = format!("{error:#}"), "cannot delete a recording");
            }
        }
        // One that could not be deleted is found again by the next scan.
        index.pop_first();
    }
}

/// Deletes a recording and its sidecar, and the folders that are empty then. False: it is not, or no
/// longer, ours to delete, or gone already.
fn delete(root: &Path, recording: &Path, entry: Entry) -> Result<bool> {
    let sidecar = path_of(recording);
    let mark = read(&sidecar).map(|(mark, _)| mark);
    let mark = mark.filter(|mark| sidecar.with_file_name(&mark.file) == recording);
    let bytes = match &mark {
        Some(mark) => mark.bytes,
        None if entry.own => entry.bytes,
        None => return Ok(false),
    };
    let gone = match recording.symlink_metadata() {
        Ok(meta) if !meta.is_file() || meta.len() != bytes => return Ok(false),
        Ok(_) if !begins_as_flv(recording) => return Ok(false),
        Ok(_) => false,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(error.into()),
    };
    if !gone {
        fs::remove_file(recording)?;
    }
    if mark.is_some() {
        fs::remove_file(&sidecar)?;
    }
    let folders = sidecar.ancestors().skip(1).take_while(|folder| *folder != root);
    for folder in folders {
        // Fails where something else is in it.
        if !folder.starts_with(root) || fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(!gone)
}

fn begins_as_flv(path: &Path) -> bool {
    let mut head = [0; 3];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"FLV"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A finished recording of so many bytes, that many seconds ago.
    fn recording(root: &Path, name: &str, bytes: usize, seconds: i64) -> PathBuf {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut content = b"FLV\x01".to_vec();
        content.resize(bytes, 0);
        fs::write(&path, content).unwrap();
        let ended = Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap();
        let file = path.file_name().unwrap().to_str().unwrap();
        let mark = serde_json::json!(
            { "sluicebox": "0", "file": file, "bytes": bytes, "ended": ended, "more": [] }
        );
        fs::write(path.with_extension("json"), mark.to_string()).unwrap();
        path
    }

    fn sweep_all(root: &Path, keep: &str) {
        let events = Events::start(None).unwrap();
        sweep(root, keep.parse().unwrap(), &mut scan(root), &events);
    }

    #[test]
    fn the_old_go_with_their_sidecars_and_empty_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let old = recording(root, "live/eu/old.flv", 100, 7200);
        let young = recording(root, "live/young.flv", 100, 60);
        sweep_all(root, "1h");
        assert!(!old.exists() && !old.with_extension("json").exists());
        assert!(!root.join("live/eu").exists());
        assert!(young.exists() && young.with_extension("json").exists());
        sweep_all(root, "30s");
        assert!(root.exists() && !root.join("live").exists());
    }

    #[test]
    fn the_oldest_go_until_the_rest_is_small_enough() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let paths: Vec<_> = (0..5)
            .map(|at| recording(root, &format!("live/{at}.flv"), 100, 1000 - at * 100))
            .collect();
        sweep_all(root, "1d,250B");
        let left: Vec<_> = paths.iter().map(|path| path.exists()).collect();
        assert_eq!(left, [false, false, false, true, true]);
    }

    #[test]
    fn what_is_not_ours_survives() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let outside = tempfile::tempdir().unwrap();
        let foreign = recording(outside.path(), "foreign.flv", 100, 7200);
        let no_sidecar = recording(root, "a/no-sidecar.flv", 100, 7200);
        fs::remove_file(no_sidecar.with_extension("json")).unwrap();
        let changed = recording(root, "a/changed.flv", 100, 7200);
        fs::write(&changed, "FLV, and more").unwrap();
        let no_flv = recording(root, "a/no-flv.flv", 100, 7200);
        fs::write(&no_flv, "x".repeat(100)).unwrap();
        let renamed = recording(root, "a/renamed.flv", 100, 7200);
        let text = fs::read_to_string(renamed.with_extension("json")).unwrap();
        let up = text.replace("renamed.flv", "../b/victim.flv");
        fs::write(renamed.with_extension("json"), up).unwrap();
        let victim = root.join("b/victim.flv");
        fs::create_dir_all(root.join("b")).unwrap();
        fs::copy(&renamed, &victim).unwrap();
        let notes = root.join("a/notes.json");
        fs::write(&notes, "{\"file\": \"notes.txt\"}").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path(), root.join("link")).unwrap();
        sweep_all(root, "1s,1B");
        for path in [foreign, no_sidecar, changed, no_flv, renamed, victim, notes] {
            assert!(path.exists(), "{}", path.display());
        }
    }

    #[test]
    fn a_sidecar_says_nothing_of_what_it_does_not_lie_beside() {
        let folder = tempfile::tempdir().unwrap();
        let young = recording(folder.path(), "b/young.flv", 100, 10);
        let old = recording(folder.path(), "a/old.flv", 100, 7200);
        let text = fs::read_to_string(old.with_extension("json")).unwrap();
        let claim = |name: &str, file: &str| {
            let path = folder.path().join(name);
            fs::write(path, text.replace("old.flv", file)).unwrap();
        };
        claim("a/claim.json", "../b/young.flv");
        claim("b/claim.json", "young.flv");
        sweep_all(folder.path(), "1h");
        assert!(young.exists() && !old.exists());
    }

    #[test]
    fn what_changed_since_it_was_found_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let events = Events::start(None).unwrap();
        let names = ["taken-away.flv", "of-another.flv", "link.flv"];
        let paths = names.map(|name| recording(folder.path(), name, 100, 7200));
        let mut index = scan(folder.path());
        assert_eq!(index.len(), 3);
        fs::remove_file(paths[0].with_extension("json")).unwrap();
        let sidecar = paths[1].with_extension("json");
        let text = fs::read_to_string(&sidecar).unwrap();
        fs::write(&sidecar, text.replace("of-another", "of-no-other")).unwrap();
        #[cfg(unix)]
        {
            // As long as the sidecar says, and an FLV file for who follows it.
            let target = folder.path().join("x".repeat(100 - folder.path().as_os_str().len() - 1));
            fs::rename(&paths[2], &target).unwrap();
            std::os::unix::fs::symlink(&target, &paths[2]).unwrap();
            assert_eq!(paths[2].symlink_metadata().unwrap().len(), 100);
        }
        sweep(folder.path(), "1h".parse().unwrap(), &mut index, &events);
        for path in &paths[..if cfg!(unix) { 3 } else { 2 }] {
            assert!(path.exists(), "{}", path.display());
        }
    }

    #[test]
    fn what_this_server_has_finished_needs_no_sidecar_and_takes_no_other_file_along() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["own.flv", "changed.flv"].map(|name| recording(folder.path(), name, 100, 10));
        let events = Events::start(None).unwrap();
        let mut index = Index::new();
        for path in &paths {
            fs::write(path.with_extension("json"), "somebody else's").unwrap();
            let key = (Timestamp::UNIX_EPOCH, path.clone());
            index.insert(key, Entry { bytes: 100, own: true });
        }
        fs::write(&paths[1], "FLV, and more").unwrap();
        sweep(folder.path(), "1d".parse().unwrap(), &mut index, &events);
        assert_eq!(paths.each_ref().map(|path| path.exists()), [false, true]);
        assert!(paths.iter().all(|path| path.with_extension("json").exists()));
    }

    #[test]
    fn a_sidecar_without_its_recording_goes_when_its_time_is_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = recording(folder.path(), "live/moved.flv", 100, 7200);
        fs::remove_file(&path).unwrap();
        sweep_all(folder.path(), "1d");
        assert!(path.with_extension("json").exists());
        sweep_all(folder.path(), "1h");
        assert!(!folder.path().join("live").exists());
    }
}
