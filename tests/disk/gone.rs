//! Files that are removed or moved while they are written.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::wait_until;

use super::policies::{assert_is_finished, files, joined};
use super::{assert_records, assert_told};

/// A recording of ten frames whose folder was removed.
fn removed(arguments: &[&str]) -> (Server, Steady) {
    let server = Server::start(arguments);
    let mut publisher = Steady::start(server.addr, "gone", "cam");
    publisher.frames(10, 1000);
    publisher.recorded(&server);
    fs::remove_dir_all(server.folder.path().join("gone")).expect("a folder");
    (server, publisher)
}

/// Until a file is looked at again.
fn pause() {
    thread::sleep(Duration::from_millis(1100));
}

#[test]
fn a_folder_that_is_removed_under_a_recording_ends_it() {
    let (server, mut publisher) = removed(&[]);
    pause();
    publisher.frames(10, 1000);
    let ended = server.ended("cam");
    assert_eq!((ended.why.as_str(), ended.complete), ("recording failed", false), "{ended:?}");
    assert_eq!((ended.written, ended.refused), (0, 20), "{ended:?}");
    assert!(server.log().contains("the file was removed"), "{}", server.log());
    assert_told(publisher.peer, "NetStream.Record.Failed");
    assert_records(&server, "other");
}

#[test]
fn a_file_that_was_removed_just_before_its_end_is_not_complete() {
    let (server, mut publisher) = removed(&["--sidecar", "account"]);
    publisher.frames(1, 1000);
    publisher.peer.send(|script| script.delete_stream(1.0));
    let ended = server.ended("cam");
    assert!(!ended.complete && (ended.written, ended.refused) == (0, 11), "{ended:?}");
    assert_eq!(server.marks(), 0);
    assert!(!server.log().contains("no sidecar"), "{}", server.log());
}

/// What was in the file that is gone is lost, and the account says so.
#[test]
fn a_folder_that_is_removed_is_made_again_if_that_is_wished() {
    let outside = tempfile::tempdir().expect("a folder");
    let told = outside.path().join("events");
    let events = told.to_str().expect("text");
    let arguments = ["--on-write-error", "retry", "--sidecar", "account", "--events", events];
    let (mut server, mut publisher) = removed(&arguments);
    let first = server.publishing("cam");
    pause();
    publisher.frames(10, 1000);
    publisher.peer.send(|script| script.delete_stream(1.0));
    let ended = server.ended("cam");
    assert!(!ended.complete && (ended.written, ended.refused) == (10, 10), "{ended:?}");
    let files = files(&server, "gone");
    assert!(joined(&files) == publisher.sent[10..], "{files:?}");
    assert_is_finished(&files[0]);
    let sidecar = files[0].with_extension("json");
    wait_until("the sidecar", || sidecar.exists());
    let sidecar: Value =
        serde_json::from_slice(&fs::read(sidecar).expect("a sidecar")).expect("JSON");
    assert_eq!(sidecar["account"]["complete"], false, "{sidecar}");
    assert_eq!(sidecar["account"]["written"]["count"], 10, "{sidecar}");
    server.signal(Signal::TERM);
    server.exit();
    let entries = fs::read_dir(server.folder.path().join("gone")).expect("a folder");
    assert_eq!(entries.count(), 2, "a sidecar of what is gone");
    assert_eq!(of(&told, &first), ["segment-opened", "publishing", "failed", "failed"]);
}

/// What events say of a file.
fn of(events: &Path, path: &Path) -> Vec<String> {
    let text = fs::read_to_string(events).expect("events");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let mine = events.filter(|event| event["path"] == path.to_str().expect("text"));
    // The wait may be long enough to be a stall as well.
    mine.map(|event| event["event"].as_str().expect("a name").to_owned())
        .filter(|event| event != "stalled" && event != "flowing")
        .collect()
}

#[test]
fn a_recording_whose_folder_is_renamed_goes_on_and_is_finished_there() {
    for (more, extension) in [(&[][..], "flv"), (&["--part"], "flv.part")] {
        let server = Server::start(&[&["--sidecar", "account"], more].concat());
        let mut publisher = Steady::start(server.addr, "live", "cam");
        publisher.frames(10, 1000);
        publisher.recorded(&server);
        let before = server.publishing("cam");
        assert!(before.to_str().is_some_and(|path| path.ends_with(extension)), "{before:?}");
        let [old, new] = ["live", "moved"].map(|name| server.folder.path().join(name));
        fs::rename(&old, &new).expect("another name");
        publisher.frames(10, 1000);
        let path: PathBuf = publisher.finish(&server);
        assert_eq!(path.parent(), Some(&*new.canonicalize().expect("a folder")));
        assert!(path.extension().is_some_and(|extension| extension == "flv"));
        assert_is_finished(&path);
        wait_until("the sidecar", || path.with_extension("json").exists());
        assert!(!old.exists());
        wait_until("the end of its mark", || server.marks() == 0);
    }
}
