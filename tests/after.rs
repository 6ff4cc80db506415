use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use sluicebox_tests::handshake::Handshake;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::wait_until as wait;

/// Files that a crash has left, and what follows when they are finished.
mod recovered;
/// Readers of events that do not read, or go away.
mod readers;
/// How long recordings are, and stalls.
mod lengths;
mod sidecars;
/// What could not be done at once: sidecars without room, programs that the server did not wait for.
mod late;

/// Publishes some frames, and ends in order.
fn publish(server: &Server, stream: &str) -> Steady {
    let mut publisher = Steady::start(server.addr, "live", stream);
    publisher.frames(5, 3000);
    publisher.peer.send(|script| script.delete_stream(1.0));
    publisher
}

fn events(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("events");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// What the documentation says of each event: its fields.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let words = |cell: &str| {
        let parts: Vec<_> = cell.split('`').collect();
        parts.iter().skip(1).step_by(2).map(|word| (*word).to_owned()).collect::<BTreeSet<_>>()
    };
    let (_, tables) =
        include_str!("../docs/events.md").split_once("\n## Events\n").expect("a part");
    let rows = tables.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), words(cells[3]))
    })
    .collect()
}

/// Asserts that an event is as documented.
fn assert_documented(event: &Value, documented: &BTreeMap<String, BTreeSet<String>>) {
    let name = event["event"].as_str().expect("a name");
    let fields = documented.get(name).unwrap_or_else(|| panic!("{name} is not documented"));
    for (field, value) in event.as_object().expect("an object") {
        let common =
            ["time", "event", "session", "peer", "app", "stream"].contains(&field.as_str());
        assert!(common || fields.contains(field), "{field} of {name} is not documented");
        let right = match field.as_str() {
            "returned" | "complete" | "recovered" => value.is_boolean(),
            "seconds" => value.is_number(),
            "segment" | "segments" | "bytes" | "messages" | "lines" => value.is_u64(),
            field if field.starts_with("messages_") => value.is_u64(),
            field if field.starts_with("bytes_") || field == "tags_written" => value.is_u64(),
            _ => value.is_string(),
        };
        assert!(right, "{field} of {name} is {value}");
    }
    let optional = |field: &str| name == "failed" && field == "path";
    let missing = fields.iter().find(|field| event.get(*field).is_none() && !optional(field));
    assert_eq!(missing, None, "in {event}");
    assert!(event["time"].as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z')));
    let alone = ["lost", "deleted"].contains(&name) || event["recovered"] == true;
    assert!(alone || event["session"].is_string() && event["peer"].is_string(), "{event}");
}

#[test]
fn every_event_of_a_session_is_as_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events");
    let file = path.to_str().expect("a path is text");
    let mut server = Server::start(&["--events", file, "--grace", "20", "--app", "live"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frames(5, 3000);
    first.recorded(&server);
    first.peer.reset();
    server.wait("publisher lost, recording waits");
    publish(&server, "cam");
    let recording = server.complete("cam");
    let mut stranger = Peer::connect(server.addr, &Handshake::Simple);
    stranger.send(|script| script.to_publish("else", "cam"));
    stranger.wait_for_code("NetStream.Publish.Rejected");
    let mut broken = Peer::publishing(server.addr, "live", "broken");
    broken.send(|script| script.raw(&[0xc5]));
    server.wait_about("connection failed", broken.addr());
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
    let (events, documented) = (events(&path), documented());
    events.iter().for_each(|event| assert_documented(event, &documented));
    let of = |stream: &str| {
        let mine = events.iter().filter(|event| event["stream"] == stream);
        mine.map(|event| event["event"].as_str().unwrap_or_default()).collect::<Vec<_>>()
    };
    let expected =
        ["segment-opened", "publishing", "waiting", "publishing", "segment-closed", "ended"];
    assert_eq!(of("cam")[..6], expected);
    assert_eq!(of("cam")[6], "refused");
    let ended = events.iter().find(|event| event["event"] == "ended").expect("an end");
    assert_eq!(ended["path"], recording.to_str().expect("a path is text"));
    assert_eq!((&ended["complete"], &ended["messages_received"]), (&true.into(), &10.into()));
    let failed = events.iter().filter(|event| event["event"] == "failed");
    let mut errors = failed.filter_map(|event| event["error"].as_str());
    assert!(errors.any(|error| error.contains("chunk stream 5")), "no failure");
    for name in ["connected", "refused"] {
        assert!(events.iter().any(|event| event["event"] == name), "no {name}");
    }
}

#[test]
fn a_program_runs_for_a_finished_file_and_peers_speak_in_variables_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let command = format!(
        r#"sh -c 'test -s "$SLUICEBOX_SIDECAR" && printf "%s\n" "$SLUICEBOX_PATH" "$SLUICEBOX_STREAM" "$SLUICEBOX_COMPLETE" >{}'"#,
        out.display()
    );
    let server = Server::start(&["--on-closed", &command]);
    let evil = format!("$(touch {0}/a);`touch {0}/b`'\"\\", folder.path().display());
    publish(&server, &evil.replace('/', "%2F"));
    let done = server.wait("on-closed is done");
    let text = fs::read_to_string(&out).expect("what the program wrote");
    let ended = server.wait("ended");
    let expected = format!("{}\n{}\ntrue\n", ended.text("path"), ended.text("stream"));
    assert_eq!(text, expected);
    assert_eq!(done.text("path"), ended.text("path"));
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "a shell ran it");
}

#[test]
fn a_program_that_fails_or_hangs_holds_up_nobody() {
    let command = "sh -c 'echo about to hang; sleep 1000'";
    let server = Server::start(&[
        "--on-closed",
        command,
        "--on-closed-jobs",
        "1",
        "--on-closed-timeout",
        "1",
    ]);
    publish(&server, "one");
    publish(&server, "two");
    server.complete("one");
    server.complete("two");
    for line in server.wait_for_lines("on-closed failed", 2) {
        let error = line.text("error");
        assert!(error.contains("takes too long") && error.contains("about to hang"), "{error}");
    }
    let server = Server::start(&["--on-closed", "/does/not/exist"]);
    publish(&server, "cam");
    let line = server.wait("on-closed failed");
    assert!(line.text("error").contains("cannot start /does/not/exist"), "{line:?}");
}

#[test]
fn a_server_that_stops_waits_for_programs_and_then_ends_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let command = format!("sh -c 'sleep 0.5; echo done >{}'", out.display());
    let mut server = Server::start(&["--on-closed", &command]);
    publish(&server, "cam");
    server.complete("cam");
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(0));
    assert_eq!(fs::read_to_string(&out).expect("what the program wrote"), "done\n");

    let command = format!("sh -c 'echo $$ >{}; sleep 1000'", out.display());
    let mut server = Server::start(&["--on-closed", &command, "--stop-timeout", "1"]);
    publish(&server, "cam");
    server.complete("cam");
    let pid = || fs::read_to_string(&out).unwrap_or_default().trim().to_owned();
    wait("the program", || !pid().is_empty() && pid() != "done");
    server.signal(Signal::TERM);
    assert_eq!(server.exit().code(), Some(1));
    let stat = format!("/proc/{}/stat", pid());
    wait("its end", || {
        fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")).eq(&false)
    });
}

fn sidecar(recording: &Path) -> Value {
    let path = recording.with_extension("json");
    wait("the sidecar", || path.exists());
    serde_json::from_slice(&fs::read(path).expect("a sidecar")).expect("JSON")
}

#[test]
fn what_is_not_to_be_kept_is_deleted_and_nothing_else() {
    let server = Server::start(&["--keep", "1B"]);
    let mut open = Steady::start(server.addr, "live", "open");
    open.frame(3000);
    open.recorded(&server);
    let own = server.folder.path().join("live/own.flv");
    fs::write(&own, "FLV, but not ours").expect("a file of the user's");
    publish(&server, "cam");
    let recording = server.complete("cam");
    let deleted = server.wait("recording deleted");
    assert_eq!(Path::new(deleted.text("path")), recording);
    wait("deletion", || !recording.exists() && !recording.with_extension("json").exists());
    open.frame(3000);
    open.recorded(&server);
    assert!(own.exists(), "the user's file is gone");
    let refused = Server::refusing(&["--keep", "30d", "--sidecar", "none"]);
    assert!(!refused.status.success());
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("--keep needs sidecars"), "{error}");
}

#[test]
fn what_a_crash_has_left_gets_a_sidecar_that_says_so() {
    let server = Server::start(&[]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.recorded(&server);
    let server = Server::again(&["--sidecar", "account"], server.kill());
    let repaired = server.wait("finished after a crash");
    let recording = Path::new(repaired.text("path"));
    let sidecar = sidecar(recording);
    assert_eq!(sidecar["bytes"], fs::metadata(recording).expect("a recording").len());
    assert_eq!(sidecar["account"], Value::Null);
    assert!(sidecar["repaired"]["tags"].as_u64().is_some_and(|tags| tags >= 5), "{sidecar}");
}
