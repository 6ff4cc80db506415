use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sluicebox_tests::media::{Encode, ffmpeg, probe};
use sluicebox_tests::tool::{Running, run as run_well};
use tempfile::TempDir;

use super::{errors, file, run, tool};
use crate::encodes::*;

/// What `check --json` says about a file, and its exit code.
fn check(path: &Path) -> (i32, Value) {
    let (code, output) = run(tool("check").arg("--json").arg(path));
    let report = serde_json::from_slice(&output.stdout);
    (code, report.unwrap_or_else(|error| panic!("{}: {error}", errors(&output))))
}

/// A folder, and an encode of three seconds in it.
fn encode() -> (TempDir, Vec<u8>) {
    let bytes = std::fs::read(Encode::new(H264_AAC).reference).expect("an encode can be read");
    (tempfile::tempdir().expect("a folder"), bytes)
}

/// Where each tag begins, and where the last one ends.
fn offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![13];
    while let Some(header) = bytes[offsets[offsets.len() - 1]..].first_chunk::<4>() {
        let len = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
        offsets.push(offsets[offsets.len() - 1] + 11 + len + 4);
    }
    offsets
}

#[test]
fn a_file_of_ffmpeg_is_what_ffprobe_says() {
    let encode = Encode::new(H264_AAC);
    let (code, report) = check(&encode.reference);
    assert_eq!((code, &report["sound"]), (0, &Value::Bool(true)));
    let [video, audio] = &report["tracks"].as_array().expect("tracks")[..] else {
        panic!("not two tracks: {report}");
    };
    let packets = probe(&encode.reference).packets;
    let count = |kind: &str| packets.iter().filter(|packet| packet.contains(kind)).count();
    assert_eq!(video["frames"], count("codec_type=\"video\""));
    assert_eq!(audio["frames"], count("codec_type=\"audio\""));
    assert_eq!(video["keyframes"], count("flags=\"K_\" ") - count("codec_type=\"audio\""));
    assert_eq!(video["codecs"][0], "H.264");
    let parameters = &video["parameters"];
    assert_eq!((&parameters["width"], &parameters["height"]), (&320.into(), &240.into()));
    assert_eq!(
        (&parameters["frame_rate"], &parameters["profile"]),
        (&30.0.into(), &"Constrained Baseline".into())
    );
    assert_eq!(audio["parameters"]["sample_rate"], 44100);
    assert_eq!(audio["parameters"]["channels"], 1);
    assert_eq!(report["metadata"]["mismatches"], Value::Array(vec![]));
}

#[test]
fn codecs_of_old_tags() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, expected) in [
        ("-f lavfi -i sine=sample_rate=22050 -t 1 -c:a libmp3lame", "MP3 22.05 kHz mono"),
        (
            "-f lavfi -i sine=sample_rate=44100 -t 1 -ac 2 -c:a pcm_s16le",
            "PCM 44.1 kHz stereo 16 bit",
        ),
        ("-f lavfi -i sine=sample_rate=16000 -t 1 -c:a libspeex", "Speex 16 kHz mono"),
        (
            "-f lavfi -i sine=sample_rate=22050 -t 1 -c:a nellymoser",
            "Nellymoser 22.05 kHz mono 16 bit",
        ),
        ("-f lavfi -i testsrc=size=64x48 -t 1 -c:v flv", "H.263 64x48"),
        (
            "-f lavfi -i testsrc=size=162x92:rate=50 -t 1 -pix_fmt yuv422p10 -c:v libx264 -preset ultrafast",
            "H.264 High 4:2:2 162x92 10 bit 4:2:2 50 fps",
        ),
    ] {
        let path = folder.path().join("file.flv");
        run_well(ffmpeg().arg("-y").args(arguments.split_whitespace()).arg(&path));
        let (code, report) = check(&path);
        assert_eq!((code, &report["summary"]), (0, &Value::from(expected)), "{arguments}");
    }
}

#[test]
fn a_torn_file_is_whole_up_to_the_torn_tag() {
    let (folder, bytes) = encode();
    let offsets = offsets(&bytes);
    for (tag, into) in [(0, 5), (1, 11), (40, 1), (offsets.len() - 2, 14)] {
        let path = file(folder.path(), "torn.flv", &bytes[..offsets[tag] + into]);
        let (code, report) = check(&path);
        assert_eq!(
            (code, &report["sound"], &report["end"]["kind"]),
            (1, &false.into(), &"torn".into())
        );
        assert_eq!(report["end"]["offset"], offsets[tag]);
        assert_eq!(report["tags"], tag);
        let (_, output) = run(tool("check").arg(&path));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("NOT SOUND") && text.contains(&offsets[tag].to_string()), "{text}");
    }
}

#[test]
fn a_tail_of_zeros_is_told_from_a_torn_one() {
    let (folder, mut bytes) = encode();
    let offsets = offsets(&bytes);
    // As after a power loss: room that was never written, from the middle of a tag on.
    let tag = offsets.len() / 2;
    bytes[offsets[tag] + 20..].fill(0);
    bytes.resize(bytes.len() + 100_000, 0);
    let (code, report) = check(&file(folder.path(), "zeros.flv", &bytes));
    assert_eq!((code, &report["end"]["kind"]), (1, &"zeros".into()));
    assert_eq!((&report["end"]["offset"], &report["tags"]), (&offsets[tag].into(), &tag.into()));
}

#[test]
fn garbage_in_the_middle_is_passed() {
    let (folder, bytes) = encode();
    let offsets = offsets(&bytes);
    let at = offsets[30];
    let garbage = b"this is no tag \x09\x00\x10\x00".repeat(700);
    let damaged = [&bytes[..at], &garbage, &bytes[at..]].concat();
    let (code, report) = check(&file(folder.path(), "damaged.flv", &damaged));
    assert_eq!((code, &report["damages"], &report["end"]["kind"]), (1, &1.into(), &"sound".into()));
    assert_eq!(report["damage"][0]["offset"], at);
    assert_eq!(report["damage"][0]["resumed"], at + garbage.len());
    assert_eq!(report["tags"], offsets.len() - 1);
}

/// Recorders that leave the wrapping of RTMP on, count `PreviousTagSize` without the header, or drop the
/// upper byte of timestamps.
#[test]
fn files_of_other_recorders() {
    let (folder, bytes) = encode();
    let offsets = offsets(&bytes);
    let mut short = bytes.clone();
    for pair in offsets.windows(2) {
        let len = u32::try_from(pair[1] - pair[0] - 15).expect("a short tag");
        short[pair[1] - 4..pair[1]].copy_from_slice(&len.to_be_bytes());
    }
    let (code, report) = check(&file(folder.path(), "sizes.flv", &short));
    assert_eq!((code, &report["wrong_sizes"]["count"]), (1, &(offsets.len() - 1).into()));
    assert_eq!(
        (&report["tags"], &report["end"]["kind"]),
        (&(offsets.len() - 1).into(), &"sound".into())
    );

    let metadata = b"\x02\0\x0d@setDataFrame\x02\0\x0aonMetaData\x08\0\0\0\x01\0\x08duration\0\x40\x24\0\0\0\0\0\0\0\0\x09";
    let len = u8::try_from(metadata.len()).expect("short");
    let tag = [&[18, 0, 0, len, 0, 0, 0, 0, 0, 0, 0][..], metadata, &[0, 0, 0, len + 11]].concat();
    let mut late = [&bytes[..13], &tag, &bytes[offsets[1]..]].concat();
    // The third second begins at 2^24 ms.
    for pair in offsets[1..].windows(2) {
        let at = pair[0] - offsets[1] + 13 + tag.len() + 4;
        let [t2, t1, t0] = [late[at], late[at + 1], late[at + 2]];
        let time = u32::from_be_bytes([0, t2, t1, t0]) + (1 << 24) - 2000;
        late[at..at + 3].copy_from_slice(&time.to_be_bytes()[1..]);
    }
    let path = file(folder.path(), "late.flv", &late);
    let (code, report) = check(&path);
    assert_eq!((code, &report["tracks"][0]["steps_back"]), (0, &1.into()), "{report}");
    assert_eq!(report["metadata"]["values"]["duration"], "10");
    assert_eq!(report["metadata"]["mismatches"][0]["name"], "duration");
    let (_, output) = run(tool("check").arg(&path));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("the upper byte is missing"), "{text}");
}

#[test]
fn an_index_is_followed() {
    let (folder, _) = encode();
    let path = folder.path().join("index.flv");
    let arguments = ["-c", "copy", "-flvflags", "add_keyframe_index", "-f", "flv"];
    run_well(ffmpeg().arg("-i").arg(Encode::new(H264_AAC).file).args(arguments).arg(&path));
    let right = |path: &Path| {
        let index = check(path).1["metadata"]["keyframe_index"].clone();
        (index["entries"].as_u64(), index["right"].as_u64())
    };
    assert_eq!(right(&path), (Some(3), Some(3)));
    // A byte more before the first tag behind the metadata, and nothing is where it says.
    let mut bytes = std::fs::read(&path).expect("the file");
    let second = offsets(&bytes)[1];
    bytes.splice(second..second, [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11]);
    assert_eq!(right(&file(folder.path(), "moved.flv", &bytes)), (Some(3), Some(0)));
}

#[test]
fn standard_input_many_files_and_the_worst_of_them() {
    let (folder, bytes) = encode();
    let (running, mut stdin) = Running::fed(tool("check").arg("-"));
    stdin.write_all(&bytes).expect("it reads");
    drop(stdin);
    assert_eq!(running.output().status.code(), Some(0));

    let sound = file(folder.path(), "sound.flv", &bytes);
    let torn = file(folder.path(), "torn.flv", &bytes[..bytes.len() - 1]);
    let empty = file(folder.path(), "empty.flv", b"");
    let text = file(folder.path(), "text.flv", b"not a recording, but a text that is long enough");
    let missing = PathBuf::from("no such file");
    for (files, expected, lines) in [
        (vec![&sound, &sound], 0, 2),
        (vec![&sound, &torn], 1, 2),
        (vec![&empty, &text, &sound], 1, 3),
        (vec![&missing, &torn, &sound], 2, 2),
    ] {
        let (code, output) = run(tool("check").arg("--json").args(files));
        assert_eq!(
            (code, output.stdout.split(|byte| *byte == b'\n').count()),
            (expected, lines + 1)
        );
        assert_eq!(errors(&output).contains("no such file"), expected == 2);
    }
    let (code, output) = run(&mut tool("check"));
    assert_eq!(code, 2, "{}", errors(&output));
}

#[test]
fn what_is_no_flv_file_is_given_up_even_if_it_never_ends() {
    for endless in ["/dev/zero", "/dev/urandom"] {
        let (code, report) = check(Path::new(endless));
        assert_eq!((code, &report["end"]["kind"]), (1, &"broken".into()), "{report}");
    }
    let mut command = run_in_shell();
    let (code, output) = run(&mut command);
    assert_eq!(code, 1, "{}", errors(&output));
    // A file's length is known without reading all of it.
    let folder = tempfile::tempdir().expect("a folder");
    let long = file(folder.path(), "long", &vec![7; 2_000_000]);
    assert_eq!(check(&long).1["bytes"], 2_000_000);
}

/// `check` on a pipe without an end.
fn run_in_shell() -> std::process::Command {
    let mut command = sluicebox_tests::tool::tool("sh");
    command.args(["-c", "yes | \"$0\" check -"]).arg(sluicebox_tests::server::binary());
    command
}
