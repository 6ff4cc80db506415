//! Sidecars: what is in them, and what becomes of those that cannot be written.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sluicebox_tests::flv::hex;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;

use super::{publish, sidecar, wait};

#[test]
fn what_could_not_be_flushed_is_missing_in_the_sidecar_too() {
    let server = Server::start(&["--sidecar", "account", "--flush", "60000"]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(20, 3000);
    publisher.peer.barrier();
    // Room for the metadata, and for some of the frames.
    server.limit_files(230_000);
    publisher.peer.send(|script| script.delete_stream(1.0));
    let ended = server.ended("cam");
    assert!(!ended.complete && (1..20).contains(&ended.written), "{ended:?}");
    let sidecar = ended.path.with_extension("json");
    wait("the sidecar", || sidecar.exists());
    let sidecar = fs::read_to_string(&sidecar).expect("a sidecar");
    let sidecar: Value = serde_json::from_str(&sidecar).expect("JSON");
    let account = &sidecar["account"];
    assert_eq!(account["complete"], false, "{account}");
    assert_eq!(account["written"]["count"], ended.written, "{account}");
}

/// A server that has finished a file, and cannot write its sidecar.
fn without_sidecar() -> Server {
    let server = Server::start(&["--sidecar", "account"]);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(5, 3000);
    publisher.recorded(&server);
    server.limit_files(400);
    publisher.peer.send(|script| script.delete_stream(1.0));
    let line = server.wait("no sidecar");
    assert!(line.text("error").contains("File too large"), "{line:?}");
    server
}

#[test]
fn a_sidecar_that_cannot_be_written_leaves_no_half_of_it() {
    let server = without_sidecar();
    server.ended("cam");
    let files = fs::read_dir(server.folder.path().join("live")).expect("a folder").flatten();
    let names: Vec<_> = files.map(|file| file.file_name().into_string().expect("a name")).collect();
    assert!(names.iter().any(|name| name.ends_with(".flv")), "{names:?}");
    // It is tried again now and then.
    assert!(names.iter().all(|name| !name.ends_with(".json")), "{names:?}");
}

/// Nothing could be noted either: the file itself says that it was finished.
#[test]
fn a_sidecar_that_could_not_be_written_is_written_at_the_next_start() {
    let server = without_sidecar();
    let server = Server::again(&["--sidecar", "account"], server.kill());
    let recording = server.wait("was finished, what follows is done now").text("path").to_owned();
    let sidecar = sidecar(Path::new(&recording));
    assert_eq!(sidecar["stream"], "cam");
    assert_eq!((&sidecar["why"], &sidecar["account"]), (&Value::Null, &Value::Null), "{sidecar}");
    assert!(sidecar.get("repaired").is_none(), "{sidecar}");
    wait("the end of its mark", || server.marks() == 0);
}

#[test]
fn a_sidecar_in_whose_place_another_file_lies_keeps_nothing_from_being_deleted() {
    let server = Server::start(&["--keep", "1B", "--path", "{stream}.flv"]);
    let other = server.folder.path().join("cam.json");
    fs::write(&other, "somebody else's").expect("a file");
    publish(&server, "cam");
    let recording = server.complete("cam");
    let deleted = server.wait("recording deleted");
    assert_eq!(Path::new(deleted.text("path")), recording);
    wait("deletion", || !recording.exists() && server.marks() == 0);
    assert_eq!(fs::read(&other).expect("a file"), b"somebody else's");
}

#[test]
fn sidecars_of_names_that_end_otherwise_have_the_whole_name() {
    let server = Server::start(&["--path", "{stream}.x", "--sidecar", "account"]);
    for stream in ["cam", "cam.flv", "cam.json", "cam.x.json"] {
        publish(&server, stream);
        let recording = server.complete(stream);
        let sidecar = server.folder.path().join(format!("{stream}.x.json"));
        wait("the sidecar", || sidecar.exists());
        let content: Value =
            serde_json::from_slice(&fs::read(&sidecar).expect("a sidecar")).expect("JSON");
        assert_eq!(
            Some(content["file"].as_str().expect("a name")),
            recording.file_name().and_then(|it| it.to_str())
        );
    }
    for template in ["{app}/{stream}", "{stream}.json"] {
        let refused = Server::refusing(&["--path", template]);
        assert_eq!(refused.status.code(), Some(2), "{template}");
    }
}

#[test]
fn a_sidecar_has_the_account_and_where_it_came_from() {
    let server = Server::start(&["--grace", "20", "--sidecar", "account"]);
    let mut first = Steady::start(server.addr, "live", "cam");
    first.frames(5, 3000);
    first.recorded(&server);
    let peers = [first.peer.addr()];
    first.peer.reset();
    server.wait("publisher lost, recording waits");
    let second = publish(&server, "cam");
    let recording = server.complete("cam");
    let sidecar = sidecar(&recording);
    assert_eq!(
        sidecar["file"],
        recording.file_name().and_then(|name| name.to_str()).expect("text")
    );
    assert_eq!(sidecar["bytes"], fs::metadata(&recording).expect("a recording").len());
    assert_eq!((&sidecar["app"], &sidecar["stream"]), (&"live".into(), &"cam".into()));
    assert_eq!(sidecar["account"]["complete"], true);
    for what in ["received", "written"] {
        assert_eq!(sidecar["account"][what]["count"], 10, "{what}");
        assert_eq!(sidecar["account"][what]["bytes"], 30_000, "{what}");
    }
    let publishers = sidecar["publishers"].as_array().expect("publishers");
    let found: Vec<_> = publishers.iter().map(|publisher| publisher["peer"].clone()).collect();
    assert_eq!(found, [peers[0].to_string(), second.peer.addr().to_string()]);
    assert_eq!(publishers[0]["why"], "connection ended");
    assert_eq!(publishers[1]["why"], "peer stopped");
    assert!(sidecar.get("sha256").is_none() && sidecar.get("report").is_none());
    let server = Server::start(&["--sidecar", "none", "--on-closed", "true"]);
    publish(&server, "cam");
    let recording = server.complete("cam");
    server.wait("on-closed is done");
    assert!(!recording.with_extension("json").exists());
}

#[test]
fn a_sidecar_can_have_a_report_and_a_digest() {
    let server = Server::start(&["--sidecar", "report", "--sha256"]);
    publish(&server, "cam");
    let recording = server.complete("cam");
    let sidecar = sidecar(&recording);
    let content = fs::read(&recording).expect("a recording");
    assert_eq!(sidecar["sha256"], hex(&Sha256::digest(&content)));
    assert_eq!(sidecar["report"]["sound"], true);
    assert_eq!(sidecar["report"]["bytes"], content.len());
}
