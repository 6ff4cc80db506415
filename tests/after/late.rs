use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use sluicebox_tests::disk::{Disk, may_mount};
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use tempfile::TempDir;

use super::{publish, sidecar, wait};

/// A program that writes a line each time it runs, and what it knows then.
struct Program {
    folder: TempDir,
    command: String,
}

impl Program {
    /// One that is at its end at once.
    fn quick() -> Self {
        Self::new("true")
    }

    /// One that goes on until it is [let go](Self::let_go).
    fn slow() -> Self {
        Self::new("while ! test -e \"$0/go\"; do sleep 0.05; done")
    }

    fn new(then: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let line =
            r#"echo "$SLUICEBOX_STREAM:$SLUICEBOX_SIDECAR:$SLUICEBOX_WHY:$SLUICEBOX_COMPLETE""#;
        let at = folder.path().display();
        let command = format!("sh -c '{line} >>\"$0/runs\"; {then}' {at}");
        Self { folder, command }
    }

    fn runs(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("runs")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn let_go(&self) {
        fs::write(self.folder.path().join("go"), "").expect("a file");
    }
}

/// A record folder on a disk of its own, which is full: a file was finished there, and nothing else fits.
struct Full {
    program: Program,
    server: Server,
    recording: PathBuf,
    others: PathBuf,
    _disk: Disk,
}

impl Full {
    fn new() -> Self {
        let program = Program::quick();
        let server = Server::start(&["--sidecar", "account", "--on-closed", &program.command]);
        let disk = Disk::tmpfs(server.folder.path(), "size=4m");
        let mut publisher = Steady::start(server.addr, "live", "cam");
        publisher.frames(5, 3000);
        publisher.recorded(&server);
        let others = server.folder.path().join("others");
        let mut file = fs::File::create(&others).expect("a file");
        while file.write_all(&[1; 512]).is_ok() {}
        publisher.peer.send(|script| script.delete_stream(1.0));
        server.wait("no sidecar");
        let recording = server.complete("cam");
        assert!(!recording.with_extension("json").exists());
        Self { program, server, recording, others, _disk: disk }
    }

    fn make_room(&self) {
        fs::remove_file(&self.others).expect("a file");
    }

    /// Takes out of the notes what sidecars say.
    fn forget(&self) {
        let notes = self.server.folder.path().join(".unfinished");
        for entry in fs::read_dir(notes).expect("a folder").flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|it| it == "json") {
                let text = fs::read(&path).expect("a note");
                let mut note: Value = serde_json::from_slice(&text).expect("JSON");
                assert!(note["sidecar"].is_object(), "{note}");
                note["sidecar"] = Value::Null;
                fs::write(&path, note.to_string()).expect("a note");
            }
        }
    }

    /// Has another server start where this one was.
    fn next(&mut self) {
        let new = TempDir::with_prefix("sluicebox-").expect("a folder");
        let folder = std::mem::replace(&mut self.server.folder, new);
        let arguments = ["--sidecar", "account", "--on-closed", &self.program.command];
        self.server = Server::again(&arguments, folder);
    }

    /// Asserts that everything is known that was, and that nothing is left to be done.
    fn assert_done(&self) {
        let sidecar = sidecar(&self.recording);
        assert_eq!((&sidecar["why"], &sidecar["stream"]), (&"peer stopped".into(), &"cam".into()));
        assert_eq!(sidecar["account"]["complete"], true, "{sidecar}");
        assert!(sidecar.get("repaired").is_none(), "{sidecar}");
        wait("the end of its mark", || self.server.marks() == 0);
        assert!(!self.server.log().contains("after a crash"), "{}", self.server.log());
    }

    fn with_sidecar(&self) -> [String; 1] {
        [format!("cam:{}:peer stopped:true", self.recording.with_extension("json").display())]
    }
}

#[test]
fn a_sidecar_is_written_when_there_is_room_again_and_the_program_waits_for_it() {
    if !may_mount() {
        return;
    }
    let full = Full::new();
    assert_eq!(full.program.runs(), [""; 0]);
    full.make_room();
    full.server.wait("the sidecar could be written");
    full.server.wait("on-closed is done");
    full.assert_done();
    assert_eq!(full.program.runs(), full.with_sidecar());
}

#[test]
fn without_room_until_the_server_stops_the_program_runs_all_the_same_and_not_again() {
    if !may_mount() {
        return;
    }
    let mut full = Full::new();
    full.server.signal(Signal::TERM);
    full.server.exit();
    assert_eq!(full.program.runs(), ["cam::peer stopped:true"]);
    full.make_room();
    full.next();
    full.assert_done();
    full.server.signal(Signal::TERM);
    full.server.exit();
    assert_eq!(full.program.runs(), ["cam::peer stopped:true"]);
}

/// As when what a sidecar says is so long that it could not be noted either.
#[test]
fn what_could_not_be_noted_is_no_crash_and_the_program_does_not_run_again() {
    if !may_mount() {
        return;
    }
    let mut full = Full::new();
    full.server.signal(Signal::TERM);
    full.server.exit();
    full.make_room();
    full.forget();
    full.next();
    wait("the end of its mark", || full.server.marks() == 0);
    assert!(!full.server.log().contains("after a crash"), "{}", full.server.log());
    let sidecar = sidecar(&full.recording);
    assert_eq!((&sidecar["stream"], &sidecar["why"]), (&"cam".into(), &Value::Null));
    full.server.signal(Signal::TERM);
    full.server.exit();
    assert_eq!(full.program.runs(), ["cam::peer stopped:true"]);
}

#[test]
fn without_room_until_the_server_is_killed_nothing_is_forgotten() {
    if !may_mount() {
        return;
    }
    let mut full = Full::new();
    full.server.signal(Signal::KILL);
    full.server.exit();
    full.make_room();
    full.next();
    full.server.wait("on-closed is done");
    full.assert_done();
    assert_eq!(full.program.runs(), full.with_sidecar());
}

/// Files whose end is known to whoever comes next: by their sidecars, or by what was noted.
fn known(server: &Server) -> usize {
    let folders = ["live", ".unfinished"].map(|name| fs::read_dir(server.folder.path().join(name)));
    let files = folders.into_iter().flatten().flatten().flatten().map(|entry| entry.path());
    let texts = files.filter(|path| path.extension().is_some_and(|it| it == "json"));
    let texts = texts.filter_map(|path| fs::read_to_string(path).ok());
    texts.filter(|text| text.contains("peer stopped")).count()
}

/// One runs and two wait when the server is killed.
fn assert_programs_run_again(detail: &str) {
    let program = Program::slow();
    let arguments = ["--sidecar", detail, "--on-closed", &program.command, "--on-closed-jobs", "1"];
    let server = Server::start(&arguments);
    let streams = ["one", "two", "three"];
    let recordings = streams.map(|stream| {
        publish(&server, stream);
        server.complete(stream)
    });
    wait("the first program", || program.runs().len() == 1);
    let at = |recording: &Path| fs::read(recording.with_extension("json")).ok();
    wait("what is known of each", || known(&server) == 3);
    let before = recordings.each_ref().map(|recording| at(recording));
    // A second server does not take them for its own.
    let folder = server.folder.path().to_str().expect("text").to_owned();
    let second = Server::start(&[&["--record-dir", &folder], &arguments[..]].concat());
    let looked = second.wait("looked through unfinished recordings");
    assert_eq!((looked.number("held"), looked.number("finished")), (3, 0));
    drop(second);
    assert_eq!(program.runs().len(), 1);

    let folder = server.kill();
    program.let_go();
    let mut server = Server::again(&arguments, folder);
    server.wait_for_lines("on-closed is done", 3);
    wait("the end of their marks", || server.marks() == 0);
    server.signal(Signal::TERM);
    server.exit();
    let mut runs = program.runs();
    assert_eq!(runs.len(), 4, "one began twice: {runs:?}");
    assert!(runs.iter().all(|run| run.ends_with(":peer stopped:true")), "{runs:?}");
    runs.sort();
    runs.dedup();
    assert_eq!(runs.len(), 3, "{runs:?}");
    assert!(recordings.each_ref().map(|recording| at(recording)) == before, "other sidecars");
    assert!(!server.log().contains("after a crash"), "{}", server.log());
}

#[test]
fn programs_that_ran_or_waited_when_the_server_was_killed_run_at_the_next_start() {
    assert_programs_run_again("account");
}

#[test]
fn so_do_those_of_files_without_sidecars() {
    assert_programs_run_again("none");
}

/// Killed again while the program of a file runs that a crash had left: its sidecar is there already.
#[test]
fn what_a_crash_had_left_stays_what_it_was_after_another() {
    let program = Program::slow();
    let arguments = ["--sidecar", "account", "--on-closed", &program.command];
    let server = Server::start(&arguments);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.recorded(&server);
    let path = server.publishing("cam");
    let server = Server::again(&arguments, server.kill());
    wait("the program", || program.runs().len() == 1);
    let before: Value = sidecar(&path);
    assert_eq!(before["why"], "crash");
    let folder = server.kill();
    program.let_go();
    let server = Server::again(&arguments, folder);
    server.wait("on-closed is done");
    assert_eq!(sidecar(&path), before);
    let line = format!("cam:{}:crash:", path.with_extension("json").display());
    assert_eq!(program.runs(), [line.clone(), line]);
}
