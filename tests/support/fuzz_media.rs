//! Any bytes as what an encoder says of its codec, and as an FLV file.

use sluicebox_core::flv::{self, Codec, Tag};
use sluicebox_media::file::{End, Reader};
use sluicebox_media::tracks::Tracks;
use sluicebox_media::{codec, report};

/// Codecs whose headers are read.
const CODECS: [Codec; 13] = [
    Codec::Avc,
    Codec::Hevc,
    Codec::Vvc,
    Codec::Av1,
    Codec::Vp8,
    Codec::Vp9,
    Codec::Aac,
    Codec::Opus,
    Codec::Flac,
    Codec::Ac3,
    Codec::Eac3,
    Codec::Mp3,
    Codec::Pcm,
];

/// Fuzz body: the bytes as a record and as a frame of every codec, as the body of a tag, and as a file.
pub fn media(data: &[u8]) {
    for codec in CODECS {
        for video in [codec::video_header(codec, data), codec::video_keyframe(codec, data)] {
            let Some(video) = video else { continue };
            let _ = (video.to_string(), video.level);
            assert!(video.size.is_none_or(|(width, height)| width > 0 && height > 0));
            assert!(video.rate.is_none_or(|rate| rate.per_second() > 0.0));
        }
        let first = data.first().copied().unwrap_or_default();
        let tag = codec::audio_tag(codec, first);
        for audio in [codec::audio_header(codec, data), codec::audio_frame(codec, data), tag] {
            let Some(audio) = audio else { continue };
            let _ = audio.to_string();
            assert_ne!(audio.rate, Some(0));
        }
    }
    let mut tracks = Tracks::default();
    for kind in [flv::VIDEO, flv::AUDIO, flv::SCRIPT] {
        tracks.tag(&Tag { kind, timestamp: 0, body: data });
    }
    let _ = (tracks.to_string(), tracks.settled());
    file(data);
    file(&[&flv::FILE_HEADER, data].concat());
}

/// A file is read to its end, tags lie behind one another, and what is said to be whole is.
fn file(data: &[u8]) {
    let report = report::read(data).expect("memory can be read");
    assert_eq!(report.len, data.len() as u64);
    assert!(report.end.offset().is_none_or(|offset| offset <= report.len));
    let (tags, last_sound, end) = read(data);
    assert!(tags <= report.all_tags());
    if report.damages == 0 {
        assert_eq!((tags, Some(end)), (report.all_tags(), Some(report.end)));
    }
    // What is cut off at the end is an FLV file again, unless nothing was. A last tag with a wrong size
    // behind it was one only for what followed.
    if let Some(offset) = end.offset().filter(|offset| *offset > 0) {
        let whole = usize::try_from(offset).expect("within the data");
        let again = read(&data[..whole]).0;
        assert!(again == tags || !last_sound && again + 1 == tags, "{again} of {tags} tags");
    }
}

/// Counts the tags up to the first place that is none, and tells whether the last has the right size
/// behind it.
fn read(data: &[u8]) -> (u64, bool, End) {
    let mut reader = Reader::new(data);
    let (mut tags, mut last_sound, mut at) = (0, true, 0);
    while let Some(entry) = reader.next().expect("memory can be read") {
        assert!(entry.offset >= at, "one behind another");
        at = entry.next_offset();
        last_sound = entry.size == entry.expected_size();
        tags += 1;
    }
    (tags, last_sound, reader.end().expect("the end"))
}
