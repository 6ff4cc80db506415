//! The seeds of the fuzz targets: made of the scenarios, and run through the targets' bodies.

use std::path::{Path, PathBuf};

use sluicebox_tests::dechunk::messages;
use sluicebox_tests::{fuzz, fuzz_media};

use super::run::outcome;
use super::scenarios;

/// Longest seed, in bytes: mutations of short ones find more.
const LONGEST: usize = 4096;

/// Bytes of the handshake in every scenario.
const HANDSHAKE: usize = 3073;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target)
}

/// All seeds: target, name and bytes.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (name, script) in scenarios() {
        let script = script();
        if script.bytes().len() > 10 * LONGEST {
            continue;
        }
        // Some get no further than the first byte.
        let Some(chunks) = script.bytes().get(HANDSHAKE..) else { continue };
        let name: String =
            name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        // What `fuzz::setting` and `fuzz::cuts` take: defaults, and two cuts.
        seeds.push(("session", name.clone(), [&[0], chunks].concat()));
        seeds.push(("session", format!("{name}-tight"), [&[6], chunks].concat()));
        seeds.push(("cut", name.clone(), [&[2, 200, 0, 90, 1, 0], chunks].concat()));
        for (n, message) in messages(chunks).iter().filter(|m| m.kind >= 15).enumerate() {
            seeds.push(("amf0", format!("{name}-{n}"), message.body.clone()));
        }
        for (stream, tags) in &outcome(&script).tags {
            seeds.push(("flv", format!("{name}-{stream}"), tags.clone()));
        }
    }
    seeds.retain(|(_, _, bytes)| (1..LONGEST).contains(&bytes.len()));
    // One of each.
    seeds.sort_by(|a, b| (a.0, &a.2, &a.1).cmp(&(b.0, &b.2, &b.1)));
    seeds.dedup_by(|a, b| (a.0, &a.2) == (b.0, &b.2));
    seeds
}

/// Writes the corpus anew: see fuzz/README.md.
#[test]
#[ignore = "writes to fuzz/corpus"]
fn write() {
    for target in ["session", "cut", "amf0", "flv"] {
        let folder = folder(target);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).expect("an old corpus can be removed");
        }
        std::fs::create_dir_all(&folder).expect("a folder for the corpus");
    }
    for (target, name, bytes) in seeds() {
        std::fs::write(folder(target).join(name), bytes).expect("a seed can be written");
    }
}

#[test]
fn committed_seeds_pass() {
    run_seeds("session", fuzz::session);
    run_seeds("cut", fuzz::cuts);
    run_seeds("amf0", fuzz::amf0);
    run_seeds("flv", fuzz::tags);
    run_seeds("media", fuzz_media::media);
}

fn run_seeds(target: &str, body: fn(&[u8])) {
    let entries = std::fs::read_dir(folder(target)).expect("the corpus is there");
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("a folder can be listed").path();
        body(&std::fs::read(path).expect("a seed can be read"));
        count += 1;
    }
    assert!(count > 10, "{target}: only {count} seeds");
}
