use std::fs;
use std::path::Path;

use sluicebox_tests::flv;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;

/// What is in a folder, but for descriptions of recordings.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.contains(".json"));
    names.sort();
    names
}

#[test]
fn a_template_makes_folders_and_numbers() {
    let server =
        Server::start(&["--path", "{start:%Y}/{app}/{stream}_{addr}/{session}/{segment:03}.flv"]);
    let mut publisher = Steady::start(server.addr, "live/eu", "cam");
    publisher.frame(1000);
    let path = publisher.finish(&server);
    let below = path.strip_prefix(server.folder.path()).expect("below the record folder");
    let parts: Vec<_> = below.iter().map(|part| part.to_str().expect("plain")).collect();
    let [year, "live", "eu", "cam_127.0.0.1", session, "001.flv"] = parts[..] else {
        panic!("{parts:?}")
    };
    assert!(year.parse::<u16>().is_ok_and(|year| year > 2020), "{year}");
    assert!(session.len() == 16 && session.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn a_name_that_is_taken_gets_a_number() {
    let server = Server::start(&["--path", "{stream}.x.flv"]);
    fs::write(server.folder.path().join("cam.x-3.flv"), "precious").expect("a file");
    for expected in ["cam.x.flv", "cam.x-2.flv", "cam.x-4.flv"] {
        let mut publisher = Steady::start(server.addr, "live", "cam");
        publisher.frame(1000);
        publisher.peer.send(|script| script.delete_stream(1.0));
        let path = server.folder.path().join(expected);
        server.wait_for_path("ended", &path);
        publisher.assert_recorded(&path);
    }
    assert_eq!(fs::read(server.folder.path().join("cam.x-3.flv")).expect("a file"), b"precious");
}

#[test]
fn a_part_has_its_last_name_when_it_is_finished() {
    let server = Server::start(&["--part", "--path", "{stream}.flv"]);
    let folder = server.folder.path();
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frame(1000);
    publisher.recorded(&server);
    assert_eq!(names_in(folder), [".unfinished", "cam.flv.part"]);
    // Somebody takes the name meanwhile.
    fs::write(folder.join("cam.flv"), "precious").expect("a file");
    let path = publisher.finish(&server);
    assert_eq!(path, folder.join("cam-2.flv"));
    assert_eq!(names_in(folder), [".unfinished", "cam-2.flv", "cam.flv"]);
    assert_eq!(fs::read(folder.join("cam.flv")).expect("a file"), b"precious");
    assert_eq!(server.marks(), 0);
    assert_eq!(flv::read(&path).len(), 1);
}

#[test]
fn a_template_with_a_mistake_is_refused_with_its_place() {
    for (template, place) in [("{app}/../{stream}", "at byte 7"), ("{stream}-{when}", "at byte 10")]
    {
        let output = Server::refusing(&["--path", template]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains(place), "{errors}");
    }
}
