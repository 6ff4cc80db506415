//! What comes out of the typed component, against the core that it is made of.

use std::fs;

use serde_json::{Value as Json, json};
use sluicebox_core::{Config, Event, Session};
use sluicebox_tests::amf::Value;
use sluicebox_tests::tool::{run, tool};
use sluicebox_tests::vector;
use sluicebox_tests::wire::Script;
use tempfile::TempDir;

use super::made;

/// What the component says about a session, fed in reads of `read` bytes.
fn component(bytes: &[u8], read: usize) -> Json {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("in.bin");
    fs::write(&file, bytes).expect("a file");
    let mut node = tool("node");
    node.arg(made("edge-tools/node/session.mjs")).arg(made("edge/sluicebox-ingest.wasm"));
    let output = run(node.arg(file).arg(read.to_string()));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The tags that the core makes of a session, in hexadecimal digits.
fn core(mut bytes: &[u8]) -> String {
    let mut session = Session::new(Config::default(), 1);
    let mut tags = String::new();
    while let Some(event) = session.poll(&mut bytes).expect("a good session") {
        match event {
            Event::Tags(out) => tags.extend(out.bytes.iter().map(|byte| format!("{byte:02x}"))),
            Event::Publish(publish) => {
                let stream = publish.stream;
                session.accept(stream);
            }
            _ => {}
        }
    }
    tags
}

#[test]
fn real_encoders_give_the_tags_that_the_core_gives() {
    for vector in vector::all() {
        for read in [1000, 1 << 20] {
            let said = component(&vector.bytes, read);
            assert_eq!(said["failed"], Json::Null, "{}", vector.name);
            assert!(said["tags"] == core(&vector.bytes), "{} in reads of {read}", vector.name);
            let ledger = &said["ledgers"][0];
            assert_eq!(ledger["received"]["messages"], ledger["written"]["messages"]);
        }
    }
}

fn able(properties: &[(&str, Value)]) -> Vec<u8> {
    let mut pairs = vec![("app".to_owned(), Value::from("live"))];
    pairs.extend(properties.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let script = Script::hello().command("connect", &[Value::Object(pairs)]);
    script.create_stream().publish(1, "cam").video(0, b"\x91hvc1\0\0\0frame").bytes().to_vec()
}

#[test]
fn what_a_peer_can_is_said_and_it_is_asked_to_connect_anew() {
    let said = component(
        &able(&[
            ("pageUrl", "http://page.example".into()),
            ("fourCcList", Value::StrictArray(vec!["hvc1".into(), "*".into()])),
            ("videoFourCcInfoMap", Value::object([("hvc1", 7.0.into())])),
            ("audioFourCcInfoMap", Value::object([("Opus", 2.0.into())])),
            ("videoFunction", 2.0.into()),
            ("capsEx", 3.0.into()),
            ("objectEncoding", 3.0.into()),
        ]),
        1 << 20,
    );
    let uses = |[decode, encode, forward]: [bool; 3]| json!({ "decode": decode, "encode": encode, "forward": forward });
    let none = uses([false; 3]);
    let can = &said["connects"][0]["capabilities"];
    assert_eq!(said["connects"][0]["pageUrl"], "http://page.example");
    let list = json!([{ "fourcc": "hvc1", "can": none }, { "fourcc": "*", "can": none }]);
    assert_eq!(can["codecs"], list);
    assert_eq!(can["video"], json!([{ "fourcc": "hvc1", "can": uses([true; 3]) }]));
    assert_eq!(can["audio"], json!([{ "fourcc": "Opus", "can": uses([false, true, false]) }]));
    assert_eq!(
        can["capsEx"],
        json!({ "reconnect": true, "multitrack": true, "modEx": false, "timestampNanoOffset": false })
    );
    assert_eq!(can["videoFunction"]["hdr"], true);
    assert_eq!(can["videoFunction"]["clientSeek"], false);
    assert_eq!(can["objectEncoding"], 3);
    assert_eq!(said["asked"], true);
    let replies = said["replies"].as_str().expect("replies");
    assert!(replies.contains("NetConnection.Connect.ReconnectRequest"));
    assert!(replies.contains("rtmp://elsewhere.example/live"));
}

#[test]
fn a_peer_that_says_nothing_is_not_asked() {
    let said = component(&able(&[]), 1 << 20);
    assert_eq!(said["asked"], false);
    assert!(!said["replies"].as_str().expect("replies").contains("ReconnectRequest"));
}

#[test]
fn a_failure_has_the_number_of_the_guests_interface() {
    let said = component(b"GET / HTTP/1.1\r\n\r\n", 1 << 20);
    assert_eq!(said["failed"]["number"], 1, "{said}");
    assert_eq!(said["failed"]["fault"], "malformed");
}
