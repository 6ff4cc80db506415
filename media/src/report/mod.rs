//! What is in an FLV file: structure, tracks, times, and metadata as found beside what was measured.

mod track;
mod times;
mod metadata;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::vec::Vec;

use sluicebox_core::flv::{self, Kind, Packet};

use crate::file::{End, Entry, Header, Reader};
use crate::tracks::{Tracks, is_beside_tracks};
use times::Clock;

pub use metadata::{Index, Metadata, Mismatch};
pub use times::{Jump, Span, Times};
pub use track::TrackReport;

/// Places of one sort that are listed; the others are counted.
pub const LISTED: usize = 20;

/// What is in a file.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file's header.
    pub header: Option<Header>,
    /// How the file ends.
    pub end: End,
    /// Length of the file, in bytes.
    pub len: u64,
    /// Places that are no tags, with tags behind them; the first of them.
    pub damage: Vec<Damage>,
    /// How many such places there are.
    pub damages: u64,
    /// What deviates, and could be read all the same.
    pub flaws: Flaws,
    /// Tags of each kind, by number.
    pub tags: BTreeMap<u8, u64>,
    /// Tracks, video first.
    pub tracks: Vec<TrackReport>,
    /// From the first to the last timestamp of audio and video.
    pub span: Option<Span>,
    /// Times that the timestamps went past 2^32 ms and began again.
    pub wraps: u64,
    /// The first `onMetaData`, and how it agrees with what was measured.
    pub metadata: Option<Metadata>,
    /// How many there are.
    pub metadatas: u64,
    /// What it is in short, as the server's log has it.
    pub summary: std::string::String,
}

/// A place that is no tag, with tags behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is there, and where.
    pub what: End,
    /// Where tags begin again, in bytes from the start of the file.
    pub resumed: u64,
}

/// A number of places, and the first of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// How many.
    pub count: u64,
    /// Offset of the first, in bytes from the start of the file.
    pub first: Option<u64>,
}

/// What deviates, and could be read all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flaws {
    /// Tags with a `PreviousTagSize` that is not theirs.
    pub sizes: Places,
    /// Tags with a `StreamID` that is not 0.
    pub streams: Places,
    /// Tags of unknown kinds.
    pub unknown: Places,
    /// Encrypted tags.
    pub filtered: Places,
    /// Audio and video tags whose own headers are cut off.
    pub cut: Places,
}

/// Reads a file to its end, unless it is no FLV file from its first bytes on: then its length is that of what
/// was read by then. Memory does not grow with the file.
///
/// # Errors
///
/// Those of the input. A file that is damaged, or none at all, is no error: see [`Report::end`].
pub fn read(input: impl Read) -> io::Result<Report> {
    let mut reader = Reader::new(input);
    let mut survey = Survey::default();
    let header = reader.header()?;
    loop {
        while let Some(entry) = reader.next()? {
            survey.take(&entry);
        }
        let Some(what) = reader.end() else { continue };
        let Some(resumed) = reader.resync()? else {
            // What is no FLV file may have no end.
            let len = if header.is_some() { reader.drain()? } else { reader.seen() };
            return Ok(survey.finish(header, what, len));
        };
        survey.damages += 1;
        if survey.damage.len() < LISTED {
            survey.damage.push(Damage { what, resumed });
        }
    }
}

impl Report {
    /// Whether every byte of it is where it should be: the header, and whole tags to the end, each with
    /// its size behind it.
    pub fn is_sound(&self) -> bool {
        self.end == End::Sound
            && self.damages == 0
            && self.flaws.sizes.count == 0
            && self.header.is_some_and(|header| header.version == 1 && header.first_size == 0)
    }

    /// Number of all tags.
    pub fn all_tags(&self) -> u64 {
        self.tags.values().sum()
    }

    /// Seconds between the first and the last timestamp of audio and video.
    pub fn seconds(&self) -> f64 {
        self.span.map_or(0.0, Span::seconds)
    }
}

impl Places {
    fn add(&mut self, offset: u64) {
        self.count += 1;
        self.first.get_or_insert(offset);
    }
}

/// What has been seen of a file so far.
#[derive(Default)]
struct Survey {
    damage: Vec<Damage>,
    damages: u64,
    flaws: Flaws,
    tags: BTreeMap<u8, u64>,
    known: Tracks,
    tracks: Vec<TrackReport>,
    clock: Clock,
    metadata: Option<Metadata>,
    metadatas: u64,
}

impl Survey {
    fn take(&mut self, entry: &Entry<'_>) {
        *self.tags.entry(entry.tag.kind).or_default() += 1;
        if entry.size != entry.expected_size() {
            self.flaws.sizes.add(entry.offset);
        }
        if entry.stream != 0 {
            self.flaws.streams.add(entry.offset);
        }
        if entry.filtered {
            return self.flaws.filtered.add(entry.offset);
        }
        self.known.tag(&entry.tag);
        let keyframe = match entry.tag.kind {
            flv::AUDIO | flv::VIDEO => self.media(entry),
            flv::SCRIPT | flv::SCRIPT_AMF3 => {
                self.script(entry);
                false
            }
            _ => {
                self.flaws.unknown.add(entry.offset);
                false
            }
        };
        if let Some(metadata) = &mut self.metadata {
            metadata.index.pass(entry.offset, keyframe, entry.tag.kind == flv::AUDIO);
        }
    }

    /// Takes note of an audio or video tag. Whether an index may point to it: a keyframe, or the sequence
    /// header that some players want first.
    fn media(&mut self, entry: &Entry<'_>) -> bool {
        let Some(media) = entry.tag.media() else { return false };
        if media.packet == Packet::Cut || !media.is_whole() {
            self.flaws.cut.add(entry.offset);
        }
        let time = self.clock.at(entry.tag.timestamp);
        let key = |kind, number| (kind == Kind::Audio, number);
        let parts = media.parts().filter(|_| !is_beside_tracks(media.packet));
        for part in parts {
            let place = key(media.kind, part.track);
            let found = self.tracks.binary_search_by_key(&place, |t| key(t.kind, t.number));
            let at = found.unwrap_or_else(|at| {
                self.tracks.insert(at, TrackReport::new(media.kind, part.track));
                at
            });
            self.tracks[at].take(&media, &part, entry, time);
        }
        media.is_keyframe() || media.is_sequence_header()
    }

    fn script(&mut self, entry: &Entry<'_>) {
        if let Some(metadata) = Metadata::read(&entry.tag) {
            self.metadatas += 1;
            self.metadata.get_or_insert(metadata);
        }
    }

    fn finish(self, header: Option<Header>, end: End, len: u64) -> Report {
        let mut report = Report {
            header,
            end,
            len,
            damage: self.damage,
            damages: self.damages,
            flaws: self.flaws,
            tags: self.tags,
            tracks: self.tracks,
            span: self.clock.span(),
            wraps: self.clock.wraps(),
            metadata: self.metadata,
            metadatas: self.metadatas,
            summary: std::string::ToString::to_string(&self.known),
        };
        for track in &mut report.tracks {
            let known =
                self.known.iter().find(|t| t.kind == track.kind && t.number == track.number);
            track.parameters = known.map(|known| known.parameters.clone());
        }
        if let Some(mut metadata) = report.metadata.take() {
            metadata.compare(&report);
            if report.tracks.iter().all(|track| track.kind == Kind::Audio) {
                metadata.index.is_of_audio();
            }
            report.metadata = Some(metadata);
        }
        report
    }
}
