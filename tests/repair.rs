use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sluicebox_tests::flv::{self, Metadata, Tag};
use sluicebox_tests::handshake::filler;
use sluicebox_tests::media::{assert_plays, probe};
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;
use sluicebox_tests::steady::Steady;
use sluicebox_tests::tool::wait_until as wait;

/// `sluicebox repair`.
mod by_hand;

/// Servers that are killed, and publishers to each.
const ROUNDS: u32 = 10;
const PUBLISHERS: u32 = 10;

/// Publishes as fast as it may until the server is gone; gives what it has sent.
fn publish_until_killed(addr: SocketAddr, seed: u32) -> JoinHandle<Vec<Tag>> {
    static NEXT: AtomicBool = AtomicBool::new(true);
    NEXT.store(true, Ordering::SeqCst);
    let mut peer = Peer::publishing(addr, "live", &format!("cam-{seed}"));
    thread::spawn(move || {
        let mut sent = Vec::new();
        loop {
            let first = sent.len();
            for at in first..first + 20 {
                let at = u32::try_from(at).expect("frames are few");
                let len = 20 + (at * 7919 + seed * 104_729) as usize % 6000;
                let key = if at % 25 == 0 { 0x17 } else { 0x27 };
                let body = [&[key, 1, 0, 0, 0], &filler(len, at * 3 + seed)[..]].concat();
                sent.push(Tag { kind: 9, timestamp: at * 40, body });
            }
            let new = &sent[first..];
            if !peer.try_send(|script| {
                new.iter().fold(script, |s, tag| s.video(tag.timestamp, &tag.body))
            }) {
                return sent;
            }
        }
    })
}

/// The whole tags that a file begins with, without metadata of the server's.
fn whole_tags(path: &Path) -> Vec<Tag> {
    let bytes = fs::read(path).expect("a recording");
    let mut rest = bytes.get(13..).unwrap_or_default();
    let mut tags = Vec::new();
    while let Some(header) = rest.first_chunk::<11>() {
        let len = 15 + u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        let Some((tag, behind)) = rest.split_at_checked(len) else { break };
        let Ok(found) = flv::parse_tags(tag) else { break };
        tags.extend(found);
        rest = behind;
    }
    tags.retain(Tag::is_media);
    tags
}

/// Asserts that a file is finished, and has these tags and nothing else.
fn assert_finished(path: &Path, tags: &[Tag]) {
    let found = flv::read(path);
    assert_eq!(found.len(), tags.len(), "{}", path.display());
    assert!(found == tags, "{}: other tags", path.display());
    if !tags.is_empty() {
        let metadata = Metadata::read(path);
        let len = fs::metadata(path).expect("a recording").len();
        assert_eq!(metadata.file_len(), len, "{}", path.display());
        let last = f64::from(tags[tags.len() - 1].timestamp) / 1000.0;
        assert_eq!(metadata.number("lasttimestamp"), last);
    }
}

#[test]
fn a_hundred_files_of_killed_servers_are_whole_and_finished() {
    let mut folder = tempfile::tempdir().expect("a folder");
    let mut left: Vec<(PathBuf, Vec<Tag>)> = Vec::new();
    let mut files = 0;
    for round in 0..=ROUNDS {
        let server = Server::again(&[], folder);
        // What the last round has left is finished now.
        for (path, tags) in left.drain(..) {
            server.wait_for_path("finished after a crash", &path);
            assert_finished(&path, &tags);
            files += 1;
        }
        if round == ROUNDS {
            break;
        }
        let start = |at| publish_until_killed(server.addr, round * PUBLISHERS + at);
        let publishers: Vec<_> = (0..PUBLISHERS).map(start).collect();
        let name = |at| format!("cam-{}", round * PUBLISHERS + at);
        let paths: Vec<_> = (0..PUBLISHERS).map(|at| server.publishing(&name(at))).collect();
        thread::sleep(Duration::from_millis(u64::from(round * 7919 % 60)));
        folder = server.kill();
        for (publisher, path) in publishers.into_iter().zip(paths) {
            let sent = publisher.join().expect("a publisher");
            let tags = whole_tags(&path);
            assert!(tags.len() <= sent.len() && tags == sent[..tags.len()], "{}", path.display());
            left.push((path, tags));
        }
    }
    assert_eq!(files, 100);
}

/// A recording that a killed server has left, of some frames.
fn left_by_a_crash(arguments: &[&str]) -> (tempfile::TempDir, PathBuf, Vec<Tag>) {
    let server = Server::start(arguments);
    let mut publisher = Steady::start(server.addr, "live", "cam");
    publisher.frames(20, 2000);
    publisher.recorded(&server);
    let path = server.publishing("cam");
    (server.kill(), path, publisher.sent)
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().append(true).open(path).expect("a recording");
    file.write_all(bytes).expect("a recording");
}

#[test]
fn what_a_power_loss_leaves_at_the_end_is_cut_off() {
    let torn = [&b"\x09\x00\x10\x00\0\0\0\0\0\0\0"[..], &[7; 100]].concat();
    for tail in
        [vec![0; 300_000], torn.clone(), [torn, vec![0; 300_000]].concat(), vec![0xee; 5000]]
    {
        let (folder, path, tags) = left_by_a_crash(&[]);
        append(&path, &tail);
        let server = Server::again(&[], folder);
        let line = server.wait_for_path("finished after a crash", &path);
        assert_eq!(line.number("bytes_cut"), tail.len() as u64);
        assert_finished(&path, &tags);
    }
}

/// As after a power loss, when the system had made room and not written anything.
#[test]
fn a_file_in_which_nothing_was_recorded_is_removed() {
    for (content, part) in [(&[0; 300_000][..], false), (b"", false), (b"FLV\x01\x05", true)] {
        let arguments: &[&str] = if part { &["--part"] } else { &[] };
        let (folder, path, _) = left_by_a_crash(arguments);
        fs::write(&path, content).expect("a recording");
        let events = folder.path().join("events");
        let told = ["--events", events.to_str().expect("a plain path")];
        let mut server = Server::again(&[arguments, &told].concat(), folder);
        let line = server.wait_for_path("removed, as nothing was recorded in it", &path);
        assert_eq!(line.number("bytes"), content.len() as u64);
        assert!(!path.exists() && !path.with_extension("").exists());
        assert_eq!(server.marks(), 0);
        server.signal(rustix::process::Signal::TERM);
        server.exit();
        let events = fs::read_to_string(events).expect("events");
        assert!(events.contains("\"deleted\"") && events.contains("\"empty\""), "{events}");
    }
}

/// The start was lost, and not what is behind it: that is somebody's to look at.
#[test]
fn a_file_whose_header_is_lost_is_left_as_it_is() {
    let (folder, path, _) = left_by_a_crash(&[]);
    let mut bytes = fs::read(&path).expect("a recording");
    bytes[..4096].fill(0);
    fs::write(&path, &bytes).expect("a recording");
    let server = Server::again(&[], folder);
    let line = server.wait_for_path("cannot finish what a crash has left", &path);
    assert!(line.text("error").contains("not an FLV file"), "{line:?}");
    assert!(fs::read(&path).expect("a recording") == bytes, "it was touched");
}

#[test]
fn a_part_gets_its_last_name() {
    let (folder, part, tags) = left_by_a_crash(&["--part"]);
    let path = part.with_extension("");
    assert_eq!(part.extension().and_then(|part| part.to_str()), Some("part"));
    let server = Server::again(&["--part"], folder);
    server.wait_for_path("finished after a crash", &path);
    assert_finished(&path, &tags);
    assert!(!part.exists());
    wait("the end of its mark", || server.marks() == 0);
}

#[test]
fn a_file_that_another_server_writes_is_left_alone() {
    let (folder, orphan, _) = left_by_a_crash(&[]);
    let at = folder.path().to_str().expect("a plain path").to_owned();
    let writes = Server::start(&["--record-dir", &at]);
    writes.wait_for_path("finished after a crash", &orphan);
    let mut publisher = Steady::start(writes.addr, "live", "other");
    publisher.frames(10, 2000);
    publisher.recorded(&writes);
    let second = Server::start(&["--record-dir", &at]);
    let looked = second.wait("looked through unfinished recordings");
    assert_eq!((looked.number("held"), looked.number("finished")), (1, 0));
    drop(second);
    let marks = fs::read_dir(folder.path().join(".unfinished")).expect("a folder").flatten();
    let marks = marks.filter(|mark| mark.file_type().expect("a kind").is_symlink());
    assert_eq!(marks.count(), 1, "the mark of what is being written");
    publisher.frames(10, 2000);
    let path = publisher.finish(&writes);
    assert_finished(&path, &flv::read(&path));
    assert_eq!(flv::read(&path).len(), 20);
}

#[test]
fn finished_after_a_crash_it_plays() {
    let (folder, path, _) = crate::crash::left_by_a_crash();
    let server = Server::again(&[], folder);
    server.wait_for_path("finished after a crash", &path);
    assert_plays(&path);
    assert!(!probe(&path).packets.is_empty());
    assert!(Metadata::read(&path).keyframes.len() > 1);
}
