use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};

use sluicebox_tests::flv::Metadata;
use sluicebox_tests::peer::Peer;
use sluicebox_tests::server::Server;

/// Length of every keyframe, in bytes, when it is set: with 110000, a day is more than 4 GiB.
const KEYFRAME: &str = "SLUICEBOX_TESTS_KEYFRAME";
/// Milliseconds from one keyframe to the next.
const GROUP: u32 = 2000;

/// A day of media, as fast as it goes: past the first extended timestamp (4.7 hours).
#[test]
fn a_day_of_media_is_finished_in_flat_memory() {
    let len = std::env::var(KEYFRAME).map_or(200, |text| text.parse().expect("a number"));
    let server = Server::start(&[]);
    let mut peer = Peer::publishing(server.addr, "live", "cam");
    peer.send(|script| script.chunk_size(65_536).video(0, &[0x17, 0, 0, 0, 0, 1]));
    let mut keyframe = vec![0x55; len];
    keyframe[..5].copy_from_slice(&[0x17, 1, 0, 0, 0]);
    let groups = 24 * 3600 * 1000 / GROUP;
    let batch = u32::try_from((1 << 20) / len).expect("a few").clamp(1, 100);
    let mut before = 0;
    for first in (0..groups).step_by(batch as usize) {
        peer.send(|script| {
            (first..groups.min(first + batch)).fold(script, |script, at| {
                let script = script.video(at * GROUP, &keyframe);
                script
                    .audio(at * GROUP + 20, &[0xaf, 1, 2, 3])
                    .video(at * GROUP + 40, &[0x27, 1, 0, 0, 0, 1])
            })
        });
        if first == groups / 10 / batch * batch {
            before = server.memory();
        }
    }
    peer.send(|script| script.delete_stream(1.0));
    let path = server.complete("cam");
    // An index of a day, and what it was made from.
    let more = server.peak_memory().saturating_sub(before);
    assert!(more < 8 << 20, "{} KiB more", more >> 10);

    let mut file = fs::File::open(&path).expect("a recording");
    let mut start = vec![0; 1 << 20];
    let len = file.read(&mut start).expect("a recording");
    let size = 13 + 15 + u32::from_be_bytes([0, start[14], start[15], start[16]]) as usize;
    assert!(len >= size);
    let tags = sluicebox_tests::flv::parse(&start[..size]).expect("metadata");
    let metadata = Metadata::of(&tags[0]).expect("metadata of the server's");
    let file_len = file.metadata().expect("a recording").len();
    assert_eq!(metadata.file_len(), file_len);
    assert_eq!(metadata.number("duration"), f64::from((groups - 1) * GROUP + 40) / 1000.0);
    // As stated: no two further apart than eight seconds, and each where it says.
    let keys = &metadata.keyframes;
    let gap = keys.windows(2).map(|two| two[1].0 - two[0].0).fold(0.0, f64::max);
    assert!(keys.len() > 10_000 && gap <= 8.0, "{} entries, {gap} s", keys.len());
    for (time, position) in keys.iter().skip(1) {
        let mut header = [0; 16];
        file.seek(SeekFrom::Start(*position)).expect("a recording");
        file.read_exact(&mut header).expect("a tag");
        let timestamp = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
        assert_eq!((header[0], header[11], f64::from(timestamp) / 1000.0), (9, 0x17, *time));
    }
}
