use std::fs;
use std::path::Path;
use std::time::Duration;

use sluicebox_core::{StreamId, Text};
use sluicebox_rules::name::PublishPoint;

use super::presence::Presence;
use super::*;
use crate::events::About;

const TAG: &[u8] = b"\x08\0\0\x02\0\0\0\0\0\0\0ab\0\0\0\x0d";

/// Settings as they are without any flag.
pub(super) fn settings(folder: &Path) -> Settings {
    Settings {
        folder: folder.into(),
        output: None,
        path: Template::parse("{app}/{stream}-{start:%Y%m%dT%H%M%SZ}.flv").unwrap(),
        part: false,
        raw: false,
        index: 100,
        segments: Segments::default(),
        flush: Duration::ZERO,
        sync: Sync::None,
        min_free: 0,
        on_write_error: OnWriteError::Stop,
        presence: Arc::default(),
        stop: Box::leak(Box::default()),
    }
}

fn open(settings: Settings) -> Recording {
    let point = PublishPoint::new(Text(b"live"), Text(b""), Text(b"cam"));
    let about = About {
        session: "0".into(),
        peer: ([127, 0, 0, 1], 1).into(),
        app: "live".into(),
        stream: "cam".into(),
    };
    let opening = Opening { point: &point, about: Arc::new(about), watch: Box::new(()) };
    Destination::new(settings).unwrap().open(opening).unwrap()
}

fn append(recording: &mut Recording, bytes: &[u8]) -> Result<()> {
    let run = Tags { stream: StreamId(1), bytes, count: 1, ahead: 0, ahead_of: 0, refused: 0 };
    recording.append(&run, &Stats::default())
}

#[test]
fn raw_is_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let mut recording = open(Settings { raw: true, ..settings(folder.path()) });
    append(&mut recording, TAG).unwrap();
    assert_eq!(recording.written(), Tally { messages: 1, bytes: 2 });
    append(&mut recording, &TAG[..TAG.len() - 1]).unwrap_err();
    assert_eq!(fs::read(recording.path()).unwrap(), [&flv::FILE_HEADER, TAG].concat());
    let finished = recording.finish();
    assert_eq!((finished.segments, finished.last.len), (1, 30));
}

#[test]
fn two_recordings_never_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(settings(folder.path())), open(settings(folder.path())));
    assert_ne!(one.path(), two.path());
    assert!(two.path().starts_with(folder.path().join("live")));
}

#[test]
fn what_is_there_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.flv");
    let to = |output: &Path| {
        Destination::new(Settings { output: Some(output.into()), ..settings(folder.path()) })
    };
    assert!(to(&file).is_ok());
    fs::write(&file, "precious").unwrap();
    assert!(to(&file).is_err());
    assert!(to(folder.path()).is_err());
}

/// Copies a record folder with one open recording, as a crash would leave it.
fn crash(from: &Path, recording: &Path, to: &Path) {
    let copy = |path: &Path| {
        let new = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(new.parent().unwrap()).unwrap();
        match fs::read_link(path) {
            Ok(target) => std::os::unix::fs::symlink(target, new).unwrap(),
            Err(_) => drop(fs::copy(path, new).unwrap()),
        }
    };
    copy(recording);
    for entry in fs::read_dir(from.join(".unfinished")).unwrap().flatten() {
        copy(&entry.path());
    }
}

/// What one start finds there, that is killed before anything follows. Whether it was finished in order.
fn start_and_kill(root: &Path) -> bool {
    let found = std::cell::Cell::new(None);
    repair_unfinished(root, &Presence::default(), |left| match left {
        Left::Recovered(recovered) => found.set(Some(recovered.finished)),
        other => panic!("{other:?}"),
    });
    found.get().unwrap()
}

#[test]
fn a_crash_stays_one_and_an_end_in_order_is_none() {
    let [folder, open_one, finished] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut recording = open(settings(folder.path()));
    append(&mut recording, TAG).unwrap();
    let path = recording.path().to_owned();
    crash(folder.path(), &path, open_one.path());
    crash(folder.path(), &path, finished.path());
    recording.finish();
    let name = path.strip_prefix(folder.path()).unwrap();
    fs::copy(&path, finished.path().join(name)).unwrap();
    for _ in 0..2 {
        assert!(!start_and_kill(open_one.path()));
        assert!(start_and_kill(finished.path()));
    }
}
