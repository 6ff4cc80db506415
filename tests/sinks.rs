use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sluicebox_tests::flv::{self, Tag};
use sluicebox_tests::media::{Encode, assert_plays, media_tags};
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::{Running, run, tool, wait_until as wait};

use crate::encodes::*;

fn bodies(tags: &[Tag]) -> Vec<(u8, u32, &[u8])> {
    tags.iter().map(|tag| (tag.kind, tag.timestamp, tag.body.as_slice())).collect()
}

/// Reads to the end, on a thread.
fn collect(mut reader: impl std::io::Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).expect("a stream");
        bytes
    })
}

/// The tags of an FLV stream.
fn tags(folder: &Path, bytes: &[u8]) -> Vec<Tag> {
    let path = folder.join("received.flv");
    fs::write(&path, bytes).expect("a file");
    flv::read(&path)
}

fn mkfifo(path: &Path) {
    run(tool("mkfifo").arg(path));
}

#[test]
fn a_stream_goes_to_every_kind_of_sink_and_the_recording_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let unix = UnixListener::bind(folder.path().join("socket")).expect("a socket");
    mkfifo(&folder.path().join("fifo"));
    let fifo = at("fifo");
    let fifo = thread::spawn(move || {
        let mut bytes = Vec::new();
        File::open(fifo).expect("a FIFO").read_to_end(&mut bytes).expect("a stream");
        bytes
    });
    let tcp_target = format!("tcp:{}", tcp.local_addr().expect("an address"));
    let sinks =
        [at("{app}-{stream}.flv"), at("fifo"), format!("unix:{}", at("socket")), tcp_target];
    let exec = format!(r#"sh -c 'cat >{}/"$SLUICEBOX_STREAM".exec'"#, folder.path().display());
    let arguments = sinks.iter().flat_map(|sink| ["--sink", sink]).chain(["--exec", &exec]);
    let (server, stdout) =
        Server::with_stdout(&arguments.chain(["--sink", "-"]).collect::<Vec<_>>());
    let tcp = thread::spawn(move || tcp.accept().expect("a connection").0);
    let unix = thread::spawn(move || unix.accept().expect("a connection").0);
    let stdout = collect(stdout);
    let encode = Encode::new(H264_AAC);
    Running::start(&mut encode.push(&server.url("cam"))).output();
    encode.assert_recorded(&server.complete("cam"));
    let reference = media_tags(&encode.reference);
    let received = [
        File::open(at("live-cam.flv")).map(collect).expect("a file"),
        collect(tcp.join().expect("a connection")),
        collect(unix.join().expect("a connection")),
        fifo,
    ];
    let closed = server.wait_for_lines("sink closed", 6);
    assert!(closed.iter().all(|line| format!("{line:?}").contains("\"complete\": Bool(true)")));
    for bytes in received {
        let tags = tags(folder.path(), &bytes.join().expect("a reader"));
        let tags: Vec<_> = tags.into_iter().filter(Tag::is_media).collect();
        // The file was perhaps read before its end.
        assert!(!tags.is_empty() && bodies(&reference).starts_with(&bodies(&tags)), "other tags");
    }
    for name in ["live-cam.flv", "cam.exec"] {
        assert!(bodies(&media_tags(&folder.path().join(name))) == bodies(&reference), "{name}");
    }
    drop(server);
    let stdout = tags(folder.path(), &stdout.join().expect("a reader"));
    let stdout: Vec<_> = stdout.into_iter().filter(Tag::is_media).collect();
    assert!(bodies(&stdout) == bodies(&reference), "other tags on standard output");
}

#[test]
fn a_program_that_is_stopped_is_dropped_and_costs_the_recording_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let pid = folder.path().join("pid");
    // It stops itself, as SIGSTOP would stop it.
    let exec = format!("sh -c 'echo $$ >{}; kill -STOP $$; cat >/dev/null'", pid.display());
    let bounds = ["--sink-wait", "0.5", "--sink-buffer", "100000", "--sidecar", "account"];
    let mut server = Server::start(&[&["--exec", &exec][..], &bounds].concat());
    let mut publisher = Steady::start(server.addr, "live", "cam");
    wait("the program", || fs::read_to_string(&pid).is_ok_and(|pid| !pid.is_empty()));
    // More than the queue and the pipe hold.
    publisher.frames(20, 50_000);
    let path = publisher.finish(&server);
    let sidecar = path.with_extension("json");
    wait("the sidecar", || sidecar.exists());
    let sidecar: Value =
        serde_json::from_slice(&fs::read(sidecar).expect("a sidecar")).expect("JSON");
    assert_eq!(sidecar["sinks"][0]["dropped"], "too slow");
    assert_eq!(sidecar["sinks"][0]["complete"], false);
    assert_eq!(sidecar["account"]["complete"], true);
    // It is ended while the server goes on, ten seconds later: the server's own end would end it anyway.
    let stat = format!("/proc/{}/stat", fs::read_to_string(&pid).expect("a number").trim());
    wait("its end", || !fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")));
    server.wait("sink closed");
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn a_sink_that_breaks_costs_nothing_and_joins_again_with_all_it_has_to_know() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let target = format!("tcp:{}", listener.local_addr().expect("an address"));
    let server = Server::start(&["--sink", &target]);
    let encode = Encode::new(LONG);
    let publisher = Running::start(&mut encode.push_live(&server.url("cam")));
    let mut first = listener.accept().expect("a connection").0;
    first.read_exact(&mut [0; 5000]).expect("a beginning");
    drop(first);
    let second = listener.accept().expect("it comes again").0;
    let second = collect(second);
    server.wait_for_lines("sink opened", 2);
    // Until a keyframe has passed.
    thread::sleep(Duration::from_secs(3));
    publisher.kill();
    let ended = server.ended("cam");
    let bytes = second.join().expect("a reader");
    let tags = tags(folder.path(), &bytes);
    assert_eq!(tags[0].kind, 18, "no metadata first");
    let media: Vec<_> = tags.iter().filter(|tag| tag.is_media()).collect();
    assert!(media.iter().take(2).all(|tag| tag.body[1] == 0), "no sequence headers first");
    let keyframe = media[2];
    assert_eq!((keyframe.kind, keyframe.body[0], keyframe.body[1]), (9, 0x17, 1), "no keyframe");
    let recorded = media_tags(&ended.path);
    assert!(bodies(&recorded).ends_with(
        &media[2..].iter().map(|t| (t.kind, t.timestamp, t.body.as_slice())).collect::<Vec<_>>()
    ));
    assert_plays(&folder.path().join("received.flv"));
    let log = server.log();
    assert!(log.contains("sink failed") && log.contains("\"complete\":false"), "{log}");
}

#[test]
fn a_program_that_ends_well_is_not_started_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let exec = format!("sh -c 'head -c 100 >/dev/null; echo once >>{}'", out.display());
    let server = Server::start(&["--exec", &exec]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    for _ in 0..20 {
        publisher.frame(100_000);
        thread::sleep(Duration::from_millis(10));
    }
    wait("the program", || server.log().contains("it wants no more"));
    publisher.finish(&server);
    assert_eq!(fs::read_to_string(&out).expect("what it wrote"), "once\n");
}

#[test]
fn a_program_that_fails_without_a_word_is_told_of_without_a_colon() {
    let server = Server::start(&["--exec", "false"]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(2, 3000);
    let failed = server.wait("sink failed");
    assert!(!failed.text("error").trim_end().ends_with(':'), "{failed:?}");
    publisher.finish(&server);
}

#[test]
fn sinks_go_on_with_their_publisher() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = folder.path().join("{stream}.flv");
    let server =
        Server::start(&["--grace", "20", "--sink", sink.to_str().expect("a path is text")]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frames(5, 3000);
    first.recorded(&server);
    first.peer.reset();
    server.wait("publisher lost, recording waits");
    let mut second = Steady::start(server.addr, "live", "cam");
    second.frames(5, 3000);
    second.peer.send(|script| script.delete_stream(1.0));
    let path = server.complete("cam");
    server.wait("sink closed");
    let (sunk, recorded) = (flv::read(&folder.path().join("cam.flv")), flv::read(&path));
    assert!(bodies(&sunk) == bodies(&recorded), "other tags");
}
