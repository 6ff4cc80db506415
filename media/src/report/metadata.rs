//! `onMetaData`, which is often wrong: what it says, beside what was measured.

use std::format;
use std::string::{String, ToString as _};
use std::vec::Vec;

use sluicebox_core::Text;
use sluicebox_core::amf0::{Object, Reader, Value};
use sluicebox_core::flv::{Kind, Tag};

use super::{Report, TrackReport};
use crate::tracks::Parameters;

/// Values that are kept, and characters of one.
const VALUES: usize = 64;
const CHARACTERS: usize = 120;

/// What the metadata of a file says.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Names and values that are no objects or arrays, in order; the first 64, safe to be shown.
    pub values: Vec<(String, String)>,
    /// What differs from what was measured.
    pub mismatches: Vec<Mismatch>,
    /// The index of keyframes.
    pub index: Index,
    numbers: Numbers,
}

/// A value that differs from what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// Its name.
    pub name: &'static str,
    /// As the metadata has it.
    pub found: f64,
    /// As measured.
    pub measured: f64,
}

/// The index of keyframes that some writers put into the metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its entries.
    pub entries: u64,
    /// Those that point to a keyframe, or to a sequence header; without video, to a frame of audio.
    pub right: u64,
    /// Those that point to audio.
    sound: u64,
    /// Offsets that tags have not come to yet, the last first.
    ahead: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Numbers {
    duration: Option<f64>,
    file_size: Option<f64>,
    width: Option<f64>,
    height: Option<f64>,
    frame_rate: Option<f64>,
    sample_rate: Option<f64>,
}

impl Metadata {
    /// Reads a script tag; none when it is no metadata. Other servers leave the wrapping of RTMP on.
    pub(super) fn read(tag: &Tag<'_>) -> Option<Self> {
        let script = tag.script()?;
        // As many as there are: they are no more than the tag is long.
        let mut values = Reader::with_limits(script.values, u8::MAX, u32::MAX);
        match script.name {
            b"onMetaData" => {}
            b"@setDataFrame" if values.string() == Ok(Some(b"onMetaData")) => {}
            _ => return None,
        }
        let Ok(Some(Value::Object(object))) = values.next() else { return Some(Self::default()) };
        let shown = object.iter().filter_map(|(name, value)| Some((show(name), text(&value)?)));
        Some(Self {
            values: shown.take(VALUES).collect(),
            mismatches: Vec::new(),
            index: Index::read(&object),
            numbers: Numbers {
                duration: object.number("duration"),
                file_size: object.number("filesize"),
                width: object.number("width"),
                height: object.number("height"),
                frame_rate: object.number("framerate").or_else(|| object.number("fps")),
                sample_rate: object.number("audiosamplerate"),
            },
        })
    }

    /// Compares it with what was measured. What is 0 was not known when it was written.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub(super) fn compare(&mut self, report: &Report) {
        let mut check = |name, found: Option<f64>, measured: Option<f64>, tolerance: f64| {
            if let (Some(found), Some(measured)) = (found.filter(|found| *found != 0.0), measured)
                && (found - measured).abs() > tolerance
            {
                self.mismatches.push(Mismatch { name, found, measured });
            }
        };
        let numbers = self.numbers;
        let seconds = report.seconds();
        check("duration", numbers.duration, Some(seconds), 1.0_f64.max(seconds / 100.0));
        check("filesize", numbers.file_size, Some(report.len as f64), 0.0);
        let of = |kind| report.tracks.iter().find(|track| track.kind == kind && track.number == 0);
        if let Some(Parameters::Video(video)) = of(Kind::Video).and_then(|t| t.parameters.as_ref())
        {
            let (width, height) = video.size.unzip();
            check("width", numbers.width, width.map(f64::from), 0.0);
            check("height", numbers.height, height.map(f64::from), 0.0);
        }
        let rate = of(Kind::Video).and_then(TrackReport::frame_rate);
        check("framerate", numbers.frame_rate, rate, rate.unwrap_or_default() / 10.0);
        if let Some(Parameters::Audio(audio)) = of(Kind::Audio).and_then(|t| t.parameters.as_ref())
        {
            // FLV 10.1 has 44000 for 44100, and so have some writers.
            check("audiosamplerate", numbers.sample_rate, audio.rate.map(f64::from), 100.0);
        }
    }
}

impl Index {
    fn read(metadata: &Object<'_>) -> Self {
        let Some(Value::Object(index)) = metadata.get("keyframes") else { return Self::default() };
        let Some(Value::Array(offsets)) = index.get("filepositions") else {
            return Self::default();
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let offset = |value| match value {
            Value::Number(offset) => Some(offset as u64),
            _ => None,
        };
        let mut ahead: Vec<u64> = offsets.iter().filter_map(offset).collect();
        let entries = ahead.len() as u64;
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        Self { entries, right: 0, sound: 0, ahead }
    }

    /// Takes note of a tag at `offset`, which is a keyframe or a sequence header, or any of audio. Entries
    /// that point to no tag are passed.
    pub(super) fn pass(&mut self, offset: u64, keyframe: bool, audio: bool) {
        while let Some(next) = self.ahead.last().filter(|next| **next <= offset) {
            self.right += u64::from(keyframe && *next == offset);
            self.sound += u64::from(audio && *next == offset);
            self.ahead.pop();
        }
    }

    /// The file has no video: the index is of audio.
    pub(super) fn is_of_audio(&mut self) {
        self.right = self.sound;
    }
}

/// A value as it is shown; none for those that have others in them.
fn text(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Number(number) => format!("{number}"),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::String(string) | Value::Xml(string) => show(string),
        Value::Date(date) => format!("{date} ms since 1970"),
        Value::Null => "null".into(),
        Value::Undefined => "undefined".into(),
        _ => return None,
    })
}

/// Text of a peer, safe to be shown, and not too long.
fn show(text: &[u8]) -> String {
    let text = Text(text).to_string();
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
