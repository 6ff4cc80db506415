//! The tracks of a stream, as its sequence headers, and where there are none its frames, tell of them.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use sluicebox_core::amf0::{Object, Reader, Value};
use sluicebox_core::flv::{Channels, Codec, Kind, Media, Packet, Part, Tag};

use crate::codec::{self, Audio, Video};

/// Tracks that are kept apart; Enhanced RTMP has room for 256 of each kind, encoders use six.
const MOST: usize = 32;

/// Frames that are looked at, in codecs that have nothing else to look at, before it is given up.
const PATIENCE: u16 = 500;

/// What is known of a stream's tracks. Written from tags, in any order and from any point on.
#[derive(Clone, Debug, Default)]
pub struct Tracks {
    /// Video first, then by number.
    list: Vec<Track>,
    hints: Hints,
}

/// A track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Audio or video.
    pub kind: Kind,
    /// Its number; 0 for the only one, and for the default one of several.
    pub number: u8,
    /// Its codec; the last, if it changed.
    pub codec: Codec,
    /// What is known about it.
    pub parameters: Parameters,
    /// Frames that may still be looked at.
    patience: u16,
}

/// What is known about a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// Nothing but its codec.
    Unknown,
    /// Of a video track.
    Video(Video),
    /// Of an audio track.
    Audio(Audio),
}

/// What the metadata says, which is often wrong or left over from another stream: shown where nothing
/// better is known, and believed nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Hints {
    size: Option<(u32, u32)>,
}

impl Tracks {
    /// Takes note of what a tag says. Cheap for frames of a stream that is known by now.
    pub fn tag(&mut self, tag: &Tag<'_>) {
        match tag.media() {
            Some(media) => self.media(&media, tag.body.first().copied().unwrap_or_default()),
            None => self.script(tag),
        }
    }

    /// All tracks: video first, then by number.
    pub fn iter(&self) -> impl Iterator<Item = &Track> {
        self.list.iter()
    }

    /// Whether the next frames need not be looked at, unless there is a new track or codec in them.
    pub fn settled(&self) -> bool {
        self.list.iter().all(|track| !track.needs_frames())
    }

    fn media(&mut self, media: &Media<'_>, first: u8) {
        if is_beside_tracks(media.packet) {
            return;
        }
        for part in media.parts() {
            let Some(track) = self.track(media.kind, &part) else { continue };
            track.look(media, &part, first);
        }
    }

    /// The track of a part: a new one, or one that is new as its codec changed.
    fn track(&mut self, kind: Kind, part: &Part<'_>) -> Option<&mut Track> {
        let key = |kind, number| (kind == Kind::Audio, number);
        let place = key(kind, part.track);
        let at = self.list.partition_point(|track| key(track.kind, track.number) < place);
        let known = self.list.get(at).is_some_and(|track| key(track.kind, track.number) == place);
        if !known {
            if self.list.len() == MOST {
                return None;
            }
            self.list.insert(at, Track::new(kind, part.track, part.codec));
        }
        let track = self.list.get_mut(at)?;
        if track.codec != part.codec {
            *track = Track::new(kind, part.track, part.codec);
        }
        Some(track)
    }

    /// Reads the size of the picture out of `onMetaData`.
    fn script(&mut self, tag: &Tag<'_>) {
        let Some(script) = tag.script().filter(|script| script.name == b"onMetaData") else {
            return;
        };
        let Ok(Some(Value::Object(metadata))) = Reader::new(script.values).next() else { return };
        self.hints.size = size(&metadata).or(self.hints.size);
    }
}

impl Track {
    fn new(kind: Kind, number: u8, codec: Codec) -> Self {
        Self { kind, number, codec, parameters: Parameters::Unknown, patience: PATIENCE }
    }

    /// Whether it is known from frames only, and not known yet.
    fn needs_frames(&self) -> bool {
        let from_frames = match (self.codec, &self.parameters) {
            (Codec::Vp8 | Codec::Vp9, Parameters::Video(video)) => video.size.is_none(),
            (codec, Parameters::Unknown) => !has_sequence_header(codec),
            _ => false,
        };
        from_frames && self.patience > 0
    }

    /// Reads what a part of a tag says about its track. `first` is the first byte of the tag.
    fn look(&mut self, media: &Media<'_>, part: &Part<'_>, first: u8) {
        match (media.packet, media.kind) {
            (Packet::SequenceHeader, Kind::Video) => {
                // What cannot be read is no reason to forget.
                if let Some(video) = codec::video_header(part.codec, part.data) {
                    self.parameters = Parameters::Video(video);
                }
            }
            (Packet::SequenceHeader, Kind::Audio) => {
                if let Some(audio) = codec::audio_header(part.codec, part.data) {
                    self.parameters = Parameters::Audio(audio);
                }
            }
            (Packet::MultichannelConfig, _) => {
                if let (Some(channels), Parameters::Audio(audio)) =
                    (Channels::read(part.data), &mut self.parameters)
                {
                    audio.channels = Some(channels.count);
                }
            }
            (Packet::Frame, _) if self.needs_frames() => {
                self.patience -= 1;
                self.look_at_frame(media, part, first);
            }
            _ => {}
        }
    }

    fn look_at_frame(&mut self, media: &Media<'_>, part: &Part<'_>, first: u8) {
        if media.kind == Kind::Video {
            if let Some(frame) = codec::video_keyframe(part.codec, part.data) {
                // The record, if there was one, knows the level.
                let level = match &mut self.parameters {
                    Parameters::Video(video) => video.level.take(),
                    _ => None,
                };
                self.parameters = Parameters::Video(Video { level, ..frame });
            }
            return;
        }
        let mut found = codec::audio_frame(part.codec, part.data);
        if found.is_none() && !media.enhanced {
            found = codec::audio_tag(part.codec, first);
        }
        if let Some(audio) = found {
            self.parameters = Parameters::Audio(audio);
        }
    }
}

/// Whether packets of this kind say nothing of the track whose number they have, or have none: ffmpeg sends
/// the colours of its second track without a number.
pub(crate) fn is_beside_tracks(packet: Packet) -> bool {
    packet == Packet::Metadata
}

/// Whether all that is to be known of a codec is in its sequence header.
pub(crate) fn has_sequence_header(codec: Codec) -> bool {
    matches!(
        codec,
        Codec::Avc | Codec::Hevc | Codec::Vvc | Codec::Av1 | Codec::Aac | Codec::Opus | Codec::Flac
    )
}

/// `width` and `height`, if they can be meant.
fn size(metadata: &Object<'_>) -> Option<(u32, u32)> {
    let side = |name| {
        let side = metadata.number(name).filter(|side| (1.0..65_536.0).contains(side))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        Some(side as u32)
    };
    Some((side("width")?, side("height")?))
}

/// `H.264 High 1280x720 30 fps + AAC 48 kHz stereo`.
impl fmt::Display for Tracks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.list.is_empty() {
            return f.write_str("nothing yet");
        }
        let hint = self.hints.size.map(|(width, height)| format!("{width}x{height}"));
        let text = |track: &Track| {
            let mut text = track.to_string();
            let sized =
                matches!(&track.parameters, Parameters::Video(video) if video.size.is_some());
            if let Some(hint) = &hint
                && track.kind == Kind::Video
                && track.number == 0
                && !sized
            {
                text = format!("{text} {hint}");
            }
            text
        };
        f.write_str(&self.list.iter().map(text).collect::<Vec<_>>().join(" + "))
    }
}

/// `H.264 High 1280x720 30 fps`; a track with a number says it.
impl fmt::Display for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.number > 0 {
            parts.push(format!("track {}:", self.number));
        }
        parts.push(self.codec.to_string());
        parts.extend(Some(self.parameters.to_string()).filter(|text| !text.is_empty()));
        f.write_str(&parts.join(" "))
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Ok(()),
            Self::Video(video) => video.fmt(f),
            Self::Audio(audio) => audio.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use sluicebox_core::flv::{AUDIO, SCRIPT, VIDEO};

    use super::*;

    const AVC: &[u8] =
        b"\x01\x64\0\x1f\xff\xe1\0\x1a\x67\x64\0\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\0\0\
        \x03\0\x10\0\0\x03\x03\xc0\xf1\x83\x19\x60\x01\0\x06\x68\xeb\xe3\xcb\x22\xc0\xfd\xf8\xf8\0";

    fn see(tracks: &mut Tracks, kind: u8, parts: &[&[u8]]) -> String {
        tracks.tag(&Tag { kind, timestamp: 0, body: &parts.concat() });
        tracks.to_string()
    }

    #[test]
    fn headers_tell() {
        let mut tracks = Tracks::default();
        assert_eq!(tracks.to_string(), "nothing yet");
        assert_eq!(see(&mut tracks, AUDIO, &[b"\xaf\x01frame"]), "AAC");
        assert_eq!(see(&mut tracks, AUDIO, &[b"\xaf\0\x11\x90"]), "AAC 48 kHz stereo");
        let metadata = b"\x02\0\x0aonMetaData\x08\0\0\0\x02\
            \0\x05width\0\x40\x84\0\0\0\0\0\0\0\x06height\0\x40\x76\x80\0\0\0\0\0\0\0\x09";
        see(&mut tracks, SCRIPT, &[metadata]);
        assert_eq!(
            see(&mut tracks, VIDEO, &[b"\x17\x01\0\0\0frame"]),
            "H.264 640x360 + AAC 48 kHz stereo"
        );
        // What a header says is better than what the metadata says.
        let both = "H.264 High 1280x720 30 fps + AAC 48 kHz stereo";
        assert_eq!(see(&mut tracks, VIDEO, &[b"\x17\0\0\0\0", AVC]), both);
        // One that cannot be read changes nothing.
        assert_eq!(see(&mut tracks, VIDEO, &[b"\x17\0\0\0\0\x02"]), both);
        assert!(tracks.settled());
        let other = "track 1: H.264 High 1280x720 30 fps";
        assert!(see(&mut tracks, VIDEO, &[b"\x96\0avc1\x01", AVC]).contains(other));
        assert_eq!(see(&mut tracks, AUDIO, &[b"\x90OpusOpusHead\x01\x06"]).matches('+').count(), 2);
    }

    #[test]
    fn frames_tell_where_there_is_nothing_else() {
        let mut tracks = Tracks::default();
        assert_eq!(see(&mut tracks, VIDEO, &[b"\xa1vp09inter"]), "VP9");
        assert!(!tracks.settled());
        see(&mut tracks, VIDEO, &[b"\x90vp09\x01\0\0\0\0\x1f\x82\x02\x02\x02\0\0"]);
        assert!(!tracks.settled(), "the record has no size");
        let keyframe = b"\x82\x49\x83\x42\0\x4f\xf0\x2c\xf6\x06\x38\x24";
        assert_eq!(see(&mut tracks, VIDEO, &[b"\x91vp09", keyframe]), "VP9 profile 0 1280x720");
        assert!(tracks.settled());
        let both = see(&mut tracks, AUDIO, &[b"\x2f\xff\xfb\x90\x64frame"]);
        assert_eq!(both, "VP9 profile 0 1280x720 + MP3 44.1 kHz stereo");
        for _ in 0..PATIENCE {
            see(&mut tracks, AUDIO, &[b"\x91ac-3no frame of it"]);
        }
        assert!(tracks.settled(), "not for ever");
    }

    #[test]
    fn colours_are_of_no_track() {
        let mut tracks = Tracks::default();
        let both = see(&mut tracks, VIDEO, &[b"\x17\0\0\0\0", AVC]);
        // Of the second track, which is HEVC.
        assert_eq!(see(&mut tracks, VIDEO, &[b"\xd4hvc1\x02\0\x09colorInfo"]), both);
    }

    #[test]
    fn there_are_so_many_tracks_at_most() {
        let mut tracks = Tracks::default();
        for number in 0..=255 {
            see(&mut tracks, AUDIO, &[b"\x95\x01Opus", &[number], b"frame"]);
        }
        assert_eq!(tracks.iter().count(), MOST);
    }
}
