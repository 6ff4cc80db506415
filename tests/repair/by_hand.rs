use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sluicebox_tests::flv::{self, Metadata, Tag};
use sluicebox_tests::media::Encode;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::run;

use super::{assert_finished, left_by_a_crash};
use crate::encodes::*;

fn repair(arguments: &[&str], path: &Path) -> Output {
    let path = path.to_str().expect("a plain path");
    Server::tool(&[&["repair"], arguments, &[path]].concat())
}

fn with(path: &Path, more: &str) -> PathBuf {
    PathBuf::from(format!("{}.{more}", path.display()))
}

/// A recording with garbage in the middle, and the tags that are whole in it.
fn damaged() -> (tempfile::TempDir, PathBuf, Vec<Tag>) {
    let (folder, path, mut tags) = left_by_a_crash(&[]);
    let mut bytes = fs::read(&path).expect("a recording");
    // Frames are 2000 bytes long, and 15 for what is around them.
    let at = bytes.len() - 10 * 2015;
    bytes[at..at + 3 * 2015 - 100].fill(0xaa);
    fs::write(&path, bytes).expect("a recording");
    tags.drain(10..13);
    (folder, path, tags)
}

#[test]
fn damage_in_the_middle_is_left_for_repair_by_hand() {
    let (folder, path, tags) = damaged();
    let before = fs::read(&path).expect("a recording");
    let server = Server::again(&[], folder);
    server.wait_for_path("cannot finish what a crash has left", &path);
    assert!(fs::read(&path).expect("a recording") == before, "the only copy was touched");
    let output = repair(&[], &path);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("18 tags") && text.contains("kept as"), "{text}");
    assert_finished(&path, &tags);
    assert!(fs::read(with(&path, "orig")).expect("the original") == before);
    assert!(!with(&path, "repair").exists());
}

#[test]
fn a_new_file_that_cannot_be_written_leaves_the_old_one_alone() {
    let (_folder, path, _) = damaged();
    let before = fs::read(&path).expect("a recording");
    let arguments = ["repair", path.to_str().expect("a plain path")];
    let output = Server::tool_with_short_files(10_000, &arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}: {errors}", output.status);
    assert!(errors.contains("File too large"), "{errors}");
    assert!(fs::read(&path).expect("a recording") == before, "the only copy was touched");
    assert!(!with(&path, "repair").exists());
}

#[test]
fn the_original_goes_only_when_that_is_wished() {
    let (_folder, path, tags) = damaged();
    assert_eq!(repair(&["--discard"], &path).status.code(), Some(0));
    assert_finished(&path, &tags);
    assert!(!with(&path, "orig").exists());
}

#[test]
fn what_is_finished_is_left_alone_and_what_is_raw_gets_an_index() {
    let encode = Encode::new(H264_AAC);
    for (arguments, word) in [(&[][..], "left alone"), (&["--raw"], "kept as")] {
        let server = Server::start(arguments);
        run(&mut encode.push(&server.url("cam")));
        let path = server.complete("cam");
        let before = fs::read(&path).expect("a recording");
        let output = repair(&[], &path);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(word), "{text}");
        let same = fs::read(&path).expect("a recording") == before;
        assert_eq!(same, arguments.is_empty());
        encode.assert_recorded(&path);
        assert_eq!(Metadata::read(&path).keyframes.len(), 4);
    }
}

#[test]
fn what_is_no_recording_is_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.flv");
    fs::write(&file, b"RIFF, or something").expect("a file");
    let output = repair(&[], &file);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("x.flv") && errors.contains("not an FLV file"), "{errors}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    assert_eq!(fs::read(&file).expect("a file"), b"RIFF, or something");
}

#[test]
fn of_a_link_it_is_the_file_and_that_stays_whose_it_was() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
    let (folder, path, tags) = damaged();
    let root = rustix::process::geteuid().is_root();
    if root {
        chown(&path, Some(12_345), Some(12_346)).expect("another owner");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("another mode");
    let before = fs::metadata(&path).expect("a recording");
    let link = folder.path().join("link.flv");
    symlink(&path, &link).expect("a link");
    assert_eq!(repair(&[], &link).status.code(), Some(0));
    assert!(link.is_symlink(), "the link is gone");
    assert!(with(&path, "orig").exists() && !with(&link, "orig").exists());
    assert_finished(&path, &tags);
    let after = fs::metadata(&path).expect("a recording");
    assert_eq!(after.mode(), before.mode());
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert!(!root || after.uid() == 12_345);
}

#[test]
fn a_file_without_anything_in_it_is_named_as_that() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.flv");
    for content in [&[0; 5000][..], b"", b"FLV\x01"] {
        fs::write(&file, content).expect("a file");
        let output = repair(&[], &file);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("x.flv") && errors.contains("nothing was recorded"), "{errors}");
        assert_eq!(fs::read(&file).expect("a file"), content);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}

#[test]
fn what_is_no_regular_file_is_named_and_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let fifo = folder.path().join("x.flv");
    run(Command::new("mkfifo").arg(&fifo));
    for path in [&fifo, Path::new("/dev/zero"), folder.path()] {
        let output = repair(&[], path);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("is not a regular file"), "{errors}");
    }
}

#[test]
fn what_is_being_written_is_not_repaired() {
    let server = Server::start(&[]);
    let mut publisher = sluicebox_tests::steady::Steady::start(server.addr, "live", "cam");
    publisher.frame(1000);
    publisher.recorded(&server);
    let path = server.publishing("cam");
    let output = repair(&[], &path);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("is being written"), "{errors}");
    let path = publisher.finish(&server);
    assert_eq!(flv::read(&path).len(), 1);
}
