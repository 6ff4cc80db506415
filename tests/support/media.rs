//! Encodes made by ffmpeg, and recordings compared with them.
//!
//! An encode is made once and kept beside the build. Its reference is the same file, copied by
//! ffmpeg's FLV writer to disk: what a publisher that copies the file must leave in a recording.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::ffmpeg::Ffmpeg;
use crate::flv::{self, hex};
use crate::tool::{run, target, tool};

/// An encode, and what a recording of it has to be.
pub struct Encode {
    /// What publishers copy from.
    pub file: PathBuf,
    /// The same, copied to disk.
    pub reference: PathBuf,
    /// What made it, publishes it, and judges recordings of it.
    pub ffmpeg: Ffmpeg,
}

/// What ffprobe finds in a file: of each stream the codec and the sequence header's digest; of each
/// packet the stream, type, pts, dts, size, flags, and digest, in order.
#[derive(Debug, PartialEq)]
pub struct Probe {
    /// The streams.
    pub streams: Vec<String>,
    /// The packets.
    pub packets: Vec<String>,
}

impl Encode {
    /// Makes an encode with Debian's ffmpeg, given its arguments from the inputs to the codecs.
    pub fn new(arguments: &str) -> Self {
        Self::by(Ffmpeg::Debian, arguments)
    }

    /// Makes an encode, given ffmpeg's arguments from the inputs to the codecs.
    pub fn by(ffmpeg: Ffmpeg, arguments: &str) -> Self {
        // One at a time: two tests may want the same one.
        static MAKING: Mutex<()> = Mutex::new(());
        let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        let name = Sha256::new().chain_update(arguments).chain_update(ffmpeg.version()).finalize();
        let folder = cache().join(hex(&name[..8]));
        let (file, reference) = (folder.join("encode.flv"), folder.join("copy.flv"));
        let encode = Self { file, reference, ffmpeg };
        if !folder.exists() {
            let made = tempfile::tempdir_in(cache()).expect("a folder for an encode");
            let file = made.path().join("encode.flv");
            run(ffmpeg.command().args(arguments.split_whitespace()).args(FLV).arg(&file));
            run(copy(ffmpeg, &file).arg(made.path().join("copy.flv")));
            // The last step, so that nobody ever sees half an encode.
            std::fs::rename(made.keep(), folder).expect("an encode can be renamed");
        }
        encode
    }

    /// ffmpeg, publishing a copy of this to `url` as fast as it can.
    pub fn push(&self, url: &str) -> Command {
        self.push_with(&[], url)
    }

    /// The same, with these options of its RTMP code.
    pub fn push_with(&self, options: &[&str], url: &str) -> Command {
        let mut command = copy(self.ffmpeg, &self.file);
        command.args(options).arg(url);
        command
    }

    /// ffmpeg, publishing a copy of this to `url` in real time.
    pub fn push_live(&self, url: &str) -> Command {
        let mut command = self.ffmpeg.command();
        command.arg("-re").arg("-i").arg(&self.file).args(COPY).args(FLV).arg(url);
        command
    }

    /// Asserts that a recording is this encode: the same packets, and the same tags to the byte.
    pub fn assert_recorded(&self, recording: &Path) {
        assert_same_by(self.ffmpeg, recording, &self.reference);
    }

    /// How many packets it has.
    pub fn packets(&self) -> usize {
        self.ffmpeg.probe(&self.reference).packets.len()
    }

    /// Asserts that a recording begins as this encode does, and has at least one frame of it.
    pub fn assert_beginning(&self, recording: &Path) {
        let (tags, expected) = (media_tags(recording), media_tags(&self.reference));
        assert!(!tags.is_empty() && tags.len() <= expected.len(), "{} tags", tags.len());
        assert!(tags == expected[..tags.len()], "the first {} tags differ", tags.len());
    }
}

/// ffmpeg, publishing to `url` a copy of what it reads from standard input.
pub fn push_from_pipe(url: &str) -> Command {
    let mut command = copy(Ffmpeg::Debian, Path::new("pipe:0"));
    command.arg(url);
    command
}

/// Debian's ffmpeg, quiet unless something is wrong.
pub fn ffmpeg() -> Command {
    Ffmpeg::Debian.command()
}

/// Asserts that two files hold the same audio and video: by ffprobe, and tag by tag.
pub fn assert_same(recording: &Path, reference: &Path) {
    assert_same_by(Ffmpeg::Debian, recording, reference);
}

/// Asserts that two files hold the same audio and video: by this ffmpeg, and tag by tag.
pub fn assert_same_by(ffmpeg: Ffmpeg, recording: &Path, reference: &Path) {
    let (found, expected) = (ffmpeg.probe(recording), ffmpeg.probe(reference));
    assert_eq!(found.packets.len(), expected.packets.len(), "packets");
    assert_eq!(found.streams, expected.streams);
    for (found, expected) in found.packets.iter().zip(&expected.packets) {
        assert_eq!(found, expected);
    }
    assert_eq!(media_tags(recording), media_tags(reference));
}

/// The audio and video tags of a file.
pub fn media_tags(path: &Path) -> Vec<flv::Tag> {
    flv::read(path).into_iter().filter(flv::Tag::is_media).collect()
}

/// What ffprobe finds in a file. Panics when it finds anything wrong.
pub fn probe(path: &Path) -> Probe {
    let mut command = ffprobe();
    let output = run(command.arg(path));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "ffprobe on {}: {errors}", path.display());
    Probe::parse(&output.stdout)
}

/// ffprobe, set to show what [`Probe::parse`] reads.
pub fn ffprobe() -> Command {
    let mut command = tool("ffprobe");
    command.args(["-v", "error", "-show_streams", "-show_packets", "-of", "json"]);
    command.args(["-show_data_hash", "sha256"]);
    command
}

impl Probe {
    /// Reads ffprobe's JSON.
    pub fn parse(json: &[u8]) -> Self {
        let all: Value = serde_json::from_slice(json).expect("ffprobe writes JSON");
        let list = |name: &str, fields: &[&str]| {
            let items = all[name].as_array().unwrap_or_else(|| panic!("ffprobe shows no {name}"));
            items.iter().map(|item| summary(item, fields)).collect()
        };
        let stream = ["index", "codec_type", "codec_name", "extradata_size", "extradata_hash"];
        let packet = ["stream_index", "codec_type", "pts", "dts", "size", "flags", "data_hash"];
        Self { streams: list("streams", &stream), packets: list("packets", &packet) }
    }

    /// Reads what ffmpeg's `framehash` writes: lines about streams, then one for each packet.
    pub fn of_hashes(text: &[u8]) -> Self {
        let text = String::from_utf8(text.to_vec()).expect("framehash writes text");
        let lines = text.lines().map(str::to_owned);
        let (streams, packets) = lines.partition(|line| line.starts_with('#'));
        Self { streams, packets }
    }
}

fn summary(item: &Value, fields: &[&str]) -> String {
    fields.iter().map(|field| format!("{field}={} ", item[*field])).collect()
}

/// Asserts that ffmpeg decodes all of a file and has nothing to complain about.
pub fn assert_plays(path: &Path) {
    assert_plays_in(Ffmpeg::Debian, path);
}

/// Asserts that this ffmpeg decodes all of a file and has nothing to complain about.
pub fn assert_plays_in(ffmpeg: Ffmpeg, path: &Path) {
    let mut command = ffmpeg.command();
    command
        .arg("-xerror")
        .arg("-i")
        .arg(path)
        .args(["-map", "0:v?", "-map", "0:a?", "-f", "null", "-"]);
    let output = run(&mut command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.is_empty(), "ffmpeg on {}: {errors}", path.display());
}

/// The FLV writer, told not to go back to the header: it cannot, on a connection.
const FLV: [&str; 4] = ["-flvflags", "no_duration_filesize", "-f", "flv"];

/// All streams, as they are.
const COPY: [&str; 4] = ["-map", "0", "-c", "copy"];

fn copy(ffmpeg: Ffmpeg, file: &Path) -> Command {
    let mut command = ffmpeg.command();
    command.arg("-i").arg(file).args(COPY).args(FLV);
    command
}

fn cache() -> PathBuf {
    let folder = target().join("tmp/encodes");
    std::fs::create_dir_all(&folder).expect("a folder for encodes");
    folder
}
