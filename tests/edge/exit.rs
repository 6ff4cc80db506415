use std::fs;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::tool::{Running, tool};
use sluicebox_tests::wire::{Message, Script};
use tempfile::TempDir;

use super::{made, wrapped};

/// What a program says when it is started wrongly, and its exit code.
fn refused(program: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(program);
    let output = Running::start(command.args(arguments).stdin(Stdio::null())).output();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or_default(), said)
}

#[test]
fn what_is_missing_is_said() {
    let (wasmtime, program) =
        (made("edge-tools/bin/wasmtime-newest"), made("edge/sluicebox-serve.wasm"));
    let program = program.to_str().expect("a path in UTF-8");
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().to_str().expect("a path in UTF-8");
    for (arguments, said) in [
        (&["run", program][..], "error: the runtime gives no folder to record to"),
        (
            &["run", "--dir", dir, program, "--record-dir", "/x"],
            "error: the runtime gives no folder /x, only: ",
        ),
        (&["run", "--dir", dir, program], "does the runtime allow it, as with -S inherit-network?"),
        (&["run", program, "--lisen", "x"], "error: --lisen: no such flag; see --help"),
        (&["run", program, "-o", "-"], "standard output is not for recordings here"),
    ] {
        let (code, error) = refused(&wasmtime, arguments);
        assert!(code != 0 && error.contains(said), "{code}: {error}");
    }
}

#[test]
fn a_record_folder_that_is_missing_is_said_by_node() {
    let (host, program) = (made("edge-tools/node/serve.mjs"), made("edge/sluicebox-serve.wasm"));
    let folder = TempDir::new().expect("a folder");
    let missing = folder.path().join("missing");
    fs::write(folder.path().join("file"), "").expect("a file");
    for folder in [missing, folder.path().join("file")] {
        let arguments = [&host, &program, &folder].map(|path| path.to_str().expect("UTF-8"));
        let (code, error) = refused(Path::new("node"), &arguments);
        assert!(code != 0 && error.contains("is no folder to record to"), "{code}: {error}");
    }
}

#[test]
fn an_account_that_does_not_add_up_is_in_the_exit_code() {
    for runtime in ["newest", "p3"] {
        let mut server = Server::of(&made(&format!("edge-tools/bin/serve-{runtime}")), &["--once"]);
        let mut peer = Peer::publishing(server.addr, "live", "cam");
        peer.send(|script| script.begun(&Message::video(0, &[0; 300]), 1));
        drop(peer);
        assert!(!server.ended("cam").complete);
        assert_eq!(server.exit().code(), Some(1));
    }
}

const PROGRAMS: [&str; 3] =
    ["edge/sluicebox-serve.wasm", "edge/sluicebox-serve-p3.wasm", "edge/sluicebox-filter.wasm"];

#[test]
fn an_output_that_cannot_be_made_is_said_at_the_start() {
    let folder = TempDir::new().expect("a folder");
    let dir = folder.path().to_str().expect("a path in UTF-8");
    fs::write(folder.path().join("there.flv"), "").expect("a file");
    fs::create_dir(folder.path().join("folder")).expect("a folder");
    let wasmtime = made("edge-tools/bin/wasmtime-newest");
    for program in PROGRAMS.map(made) {
        let program = program.to_str().expect("a path in UTF-8");
        for (output, said) in [
            ("there.flv", "error: there.flv exists and is not written over"),
            ("there.flv/x", "error: cannot write to there.flv/x: "),
            ("folder", "error: folder is a folder: see --record-dir"),
            ("none/x.flv", "error: cannot write to none/x.flv: there is no folder none"),
            ("../x.flv", "error: cannot write to ../x.flv: that is not below the record folder"),
            ("/x.flv", "error: cannot write to /x.flv: that is not below the record folder"),
        ] {
            let arguments = ["run", "--dir", dir, program, "-o", output];
            let (code, error) = refused(&wasmtime, &arguments);
            assert!(code != 0 && error.contains(said), "{output}: {code}: {error}");
            assert!(!error.contains("listening"), "{error}");
        }
    }
}

fn publish_and_be_refused(addr: SocketAddr) {
    let mut peer = Peer::connect(addr, &Handshake::Simple);
    peer.send(|script| script.to_publish("live", "cam"));
    peer.until_closed();
}

#[test]
fn a_publish_that_is_refused_is_not_the_one_of_once() {
    for runtime in ["newest", "p3"] {
        let mut server = Server::of(&made(&format!("edge-tools/bin/serve-{runtime}")), &["--once"]);
        // Where the folder of the application would be.
        let in_the_way = server.folder.path().join("live");
        fs::write(&in_the_way, "").expect("a file");
        for _ in 0..2 {
            publish_and_be_refused(server.addr);
            let line = server.wait("publish refused");
            assert!(line.text("reason").starts_with("cannot create live/cam-"), "{line:?}");
        }
        fs::remove_file(&in_the_way).expect("it is there");
        let mut peer = Peer::publishing(server.addr, "live", "cam");
        peer.send(|script| script.video(0, &[0x17; 300]).delete_stream(1.0));
        drop(peer);
        assert!(server.ended("cam").complete);
        assert_eq!(server.exit().code(), Some(0));
    }
}

/// Runs a program with files that may have no bytes, as on a disk that is full: writes fail.
const WITHOUT_ROOM: &str = "prlimit --fsize=0 env --ignore-signal=XFSZ";

#[test]
fn a_disk_without_room_is_not_filled_with_empty_files() {
    let folder = TempDir::new().expect("a folder");
    for runtime in ["oldest", "newest", "p3"] {
        let server = Server::of(&wrapped(&folder, runtime, &format!("exec {WITHOUT_ROOM}")), &[]);
        for _ in 0..2 {
            publish_and_be_refused(server.addr);
            let line = server.wait("publish refused");
            assert!(line.text("reason").starts_with("cannot write live/cam-"), "{line:?}");
        }
        let left = server.folder.path().join("live").read_dir().expect("a folder").count();
        assert_eq!(left, 0, "{runtime}");
    }
    let mut words = WITHOUT_ROOM.split(' ');
    let mut command = tool(words.next().expect("a program"));
    command.args(words).arg(made("edge-tools/bin/wasmtime-newest"));
    let script = Script::hello().to_publish("live", "a");
    let (said, code, made) = filtered_by(command, &script, &[]);
    assert!(said.contains("cannot write live/a-"), "{said}");
    assert_eq!((code, made), (Some(1), 0), "{said}");
}

/// What the filter says of a connection, its exit code, and how many recordings there are.
fn filtered(script: &Script, flags: &[&str]) -> (String, Option<i32>, usize) {
    filtered_by(tool(made("edge-tools/bin/wasmtime-newest")), script, flags)
}

fn filtered_by(
    mut wasmtime: Command,
    script: &Script,
    flags: &[&str],
) -> (String, Option<i32>, usize) {
    let folder = TempDir::new().expect("a folder");
    let (input, records) = (folder.path().join("in.bin"), folder.path().join("recordings"));
    fs::write(&input, script.bytes()).expect("a file");
    fs::create_dir_all(records.join("live")).expect("a folder");
    // Else it begins with a file of its own, in memory.
    wasmtime
        .args(["run", "-O", "memory-init-cow=n", "--dir"])
        .arg(format!("{}::/", records.display()));
    wasmtime.arg(made("edge/sluicebox-filter.wasm")).args(flags);
    let input = File::open(input).expect("it is there");
    let output = Running::start(wasmtime.stdin(input)).output();
    let made = records.join("live").read_dir().expect("a folder").count();
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code(), made)
}

#[test]
fn the_exit_code_of_the_filter_is_about_every_publish_that_was_accepted() {
    let frame = [0x17; 300];
    let first = || Script::hello().to_publish("live", "a").video(0, &frame);
    let second = |script: Script| script.create_stream().publish(2, "b");
    let frame_of_second = Message::video(0, &frame).stream(2);
    let one_after_the_other =
        second(first().delete_stream(1.0)).message(&frame_of_second).delete_stream(2.0);
    let second_is_torn = second(first().delete_stream(1.0)).begun(&frame_of_second, 1);
    let first_is_torn =
        second(Script::hello().to_publish("live", "a").begun(&Message::video(0, &frame), 1))
            .message(&frame_of_second)
            .delete_stream(2.0);
    let second_is_refused = first().create_stream().publish(2, "a").delete_stream(1.0);
    let second_goes_on =
        first().create_stream().publish(2, "a").message(&frame_of_second).delete_stream(1.0);
    let nothing_is_published = Script::hello();
    for (name, script, flags, code, recordings) in [
        ("one after the other", &one_after_the_other, &[][..], 0, 2),
        ("the second is torn", &second_is_torn, &[], 1, 2),
        ("the first is torn", &first_is_torn, &[], 1, 2),
        ("the second is refused", &second_is_refused, &[], 0, 1),
        ("the second is refused and goes on", &second_goes_on, &[], 1, 1),
        ("only one is wanted", &one_after_the_other, &["-o", "live/x.flv"], 0, 1),
        ("none is taken", &one_after_the_other, &["--app", "other"], 1, 0),
        ("nothing is published", &nothing_is_published, &[], 1, 0),
    ] {
        let (said, found, made) = filtered(script, flags);
        assert_eq!((found, made), (Some(code), recordings), "{name}: {said}");
    }
}
