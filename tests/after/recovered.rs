//! Files that a crash has left: what is told of them, and done with them, when they are finished.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sluicebox_tests::flv::hex;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use tempfile::TempDir;

use super::{assert_documented, documented, events, sidecar, wait};

/// What a program was told: its variables, without what they all begin with.
fn variables(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).expect("what the program wrote");
    let lines = text.lines().filter_map(|line| line.strip_prefix("SLUICEBOX_")?.split_once('='));
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What was told of files that a crash had left.
struct Told {
    /// It has ended; its folder has the files.
    _server: Server,
    outside: TempDir,
    /// Of closed files.
    events: Vec<Value>,
}

impl Told {
    fn at(&self, name: &str) -> PathBuf {
        self.outside.path().join(name)
    }
}

/// Two publishers of a server that is killed, and everything that the next one and the one after that tell
/// of their files.
fn kill_and_finish(arguments: &[&str]) -> ([Steady; 2], Told) {
    let outside = tempfile::tempdir().expect("a folder");
    let at = |name: &str| outside.path().join(name).to_str().expect("text").to_owned();
    let server = Server::start(arguments);
    let mut publishers = ["one", "two"].map(|name| Steady::start(server.addr, "live", name));
    for publisher in &mut publishers {
        publisher.frames(5, 3000);
        publisher.recorded(&server);
    }
    let told = at("events");
    let command =
        format!(r#"sh -c 'test -s "$SLUICEBOX_SIDECAR" && env >>{}/"$SLUICEBOX_STREAM"'"#, at(""));
    let wanted = ["--events", &told, "--on-closed", &command, "--sidecar", "report", "--sha256"];
    let arguments = [arguments, &wanted].concat();
    let server = Server::again(&arguments, server.kill());
    server.wait_for_lines("on-closed is done", 2);
    wait("the end of their marks", || server.marks() == 0);
    // Nothing is left to be told of.
    let mut server = Server::again(&arguments, server.kill());
    let mut last = Steady::start(server.addr, "live", "last");
    last.frames(5, 3000);
    last.finish(&server);
    server.wait("on-closed is done");
    server.signal(Signal::TERM);
    server.exit();
    let (mut events, documented) = (events(Path::new(&told)), documented());
    events.iter().for_each(|event| assert_documented(event, &documented));
    events.retain(|event| event["event"] == "segment-closed");
    (publishers, Told { _server: server, outside, events })
}

fn assert_told_once(arguments: &[&str]) {
    let (publishers, told) = kill_and_finish(arguments);
    let closed = &told.events;
    assert_eq!(closed.len(), 3, "{closed:#?}");
    assert_eq!((&closed[2]["stream"], &closed[2]["recovered"]), (&"last".into(), &false.into()));
    for publisher in &publishers {
        let of = |event: &&Value| event["peer"] == publisher.peer.addr().to_string();
        let event = closed.iter().find(of).expect("an event about it");
        let path = Path::new(event["path"].as_str().expect("a path"));
        assert_eq!(path.extension().and_then(|it| it.to_str()), Some("flv"));
        let content = fs::read(path).expect("a recording");
        assert_eq!((&event["recovered"], &event["messages"]), (&true.into(), &5.into()));
        assert_eq!((&event["app"], &event["bytes"]), (&"live".into(), &content.len().into()));
        let sidecar = sidecar(path);
        assert_says_the_same(&sidecar, event, &content);
        assert_program_knew(&told.at(&publisher.stream), event, &sidecar);
    }
}

/// Asserts what a sidecar says of a file that a crash had left.
fn assert_says_the_same(sidecar: &Value, event: &Value, content: &[u8]) {
    for field in ["app", "stream", "session", "peer", "segment", "seconds"] {
        assert_eq!(sidecar[field], event[field], "{field}");
    }
    assert_eq!((&sidecar["why"], &sidecar["account"]), (&"crash".into(), &Value::Null));
    assert_eq!(sidecar["repaired"]["bytes_cut"], 0, "{sidecar}");
    assert_eq!(sidecar["tracks"][0]["kind"], "video", "{sidecar}");
    assert_eq!(sidecar["report"]["sound"], true);
    assert_eq!(sidecar["sha256"], hex(&Sha256::digest(content)));
}

/// Asserts that the program ran once for a file, and what it was told.
fn assert_program_knew(wrote: &Path, event: &Value, sidecar: &Value) {
    let text = |value: &Value| value.to_string().trim_matches('"').to_owned();
    let path = Path::new(event["path"].as_str().expect("a path"));
    let expected = [
        ("WHY", "crash".to_owned()),
        ("APP", "live".to_owned()),
        ("STREAM", text(&event["stream"])),
        ("PATH", text(&event["path"])),
        ("PEER", text(&event["peer"])),
        ("SESSION", text(&event["session"])),
        ("SEGMENT", "1".to_owned()),
        ("BYTES", text(&event["bytes"])),
        ("SECONDS", text(&event["seconds"])),
        ("STARTED", text(&sidecar["started"])),
        ("ENDED", text(&sidecar["ended"])),
        ("SIDECAR", path.with_extension("json").display().to_string()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(variables(wrote), expected.into(), "no more and no less");
    let runs = fs::read_to_string(wrote).expect("what it wrote");
    assert_eq!(runs.matches("SLUICEBOX_PATH").count(), 1, "it ran more than once");
}

#[test]
fn a_file_finished_after_a_crash_is_told_of_once_and_its_program_runs_once() {
    assert_told_once(&[]);
}

#[test]
fn so_is_one_that_gets_its_last_name_then() {
    assert_told_once(&["--part"]);
}

/// Killed between the last name and everything that follows it.
#[test]
fn so_is_one_that_has_just_got_its_last_name() {
    let server = Server::start(&["--part"]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.recorded(&server);
    let part = server.publishing("cam");
    let last = part.with_extension("");
    let folder = server.kill();
    fs::rename(&part, &last).expect("its last name");
    let command = ["--part", "--sidecar", "account", "--on-closed", "true"];
    let server = Server::again(&command, folder);
    server.wait("on-closed is done");
    assert_eq!(sidecar(&last)["why"], "crash");
    wait("the end of its mark", || server.marks() == 0);
}

#[test]
fn a_file_whose_origin_is_lost_is_told_of_all_the_same() {
    let outside = tempfile::tempdir().expect("a folder");
    let told = outside.path().join("events");
    let server = Server::start(&[]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.recorded(&server);
    let folder = server.kill();
    for entry in fs::read_dir(folder.path().join(".unfinished")).expect("a folder").flatten() {
        if entry.path().extension().is_some_and(|it| it == "json") {
            fs::write(entry.path(), "{\"app\": \"cut o").expect("a note");
        }
    }
    let command = ["--on-closed", "true", "--events", told.to_str().expect("text")];
    let mut server = Server::again(&command, folder);
    server.wait("on-closed is done");
    server.signal(Signal::TERM);
    server.exit();
    let events = events(&told);
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["event"], "segment-closed");
    assert!(events[0].get("peer").is_none() && events[0]["recovered"] == true);
}
