//! When a recording goes on in the next file, and what that begins with.
//!
//! A file ends before the first keyframe after its time or size is reached, or before any audio if there
//! is no video. A stream whose keyframes do not come is cut at twice the time or size, wherever it is.
//! Every file begins with what decoders are set up with: the last metadata and sequence headers, again.

use sluicebox_core::flv::{Packet, Tag};

use super::facts::Facts;
use super::look::Look;
use super::settings::{OnWriteError, Segments, Settings};

/// Most bytes of tags that are kept to be written again. A peer that sends more has files that begin
/// with less.
const MOST: usize = 1 << 20;

/// Decides where files end, and keeps what the next begins with.
#[derive(Debug)]
pub(crate) struct Cutter {
    segments: Segments,
    /// Bodies of setup tags, by what they set up; metadata first.
    setups: Vec<Setup>,
    metadata: Option<Vec<u8>>,
    kept: usize,
}

#[derive(Debug)]
struct Setup {
    key: Vec<u8>,
    kind: u8,
    body: Vec<u8>,
}

impl Cutter {
    /// One, if a recording may have several files.
    pub(super) fn wanted(settings: &Settings) -> Option<Self> {
        let segments = settings.segments;
        let several = segments.time.is_some()
            || segments.size.is_some()
            || settings.on_write_error == OnWriteError::Retry;
        (several && settings.output.is_none()).then(|| Self::new(segments))
    }

    /// One that never cuts, and keeps what somebody who comes later has to be told.
    pub(crate) fn for_heads() -> Self {
        Self::new(Segments::default())
    }

    fn new(segments: Segments) -> Self {
        Self { segments, setups: Vec::new(), metadata: None, kept: 0 }
    }

    /// Whether a tag at `time` has to begin a new file, when the open one has `facts` and `len` bytes.
    #[inline]
    pub(super) fn is_due(&self, facts: &Facts, time: i64, len: u64, look: Look) -> bool {
        if self.segments.time.is_none() && self.segments.size.is_none() || facts.no_frames() {
            return false;
        }
        let Look::Frame { video, key } = look else { return false };
        let good = if facts.video { video && key } else { !video || key };
        let over = |times: u64| {
            let lasted = time.saturating_sub(facts.first()).max(0).unsigned_abs();
            self.segments.time.is_some_and(|most| lasted >= most.saturating_mul(times))
                || self.segments.size.is_some_and(|most| len >= most.saturating_mul(times))
        };
        over(2) || good && over(1)
    }

    /// Keeps a tag that every file has to begin with.
    #[inline]
    pub(crate) fn note(&mut self, tag: &Tag<'_>, look: Look) {
        match look {
            Look::Setup { .. } => self.keep(tag),
            Look::Script if tag.body.starts_with(b"\x02\0\x0aonMetaData") => {
                self.kept -= self.metadata.take().map_or(0, |old| old.len());
                if self.kept + tag.body.len() <= MOST {
                    self.kept += tag.body.len();
                    self.metadata = Some(tag.body.to_vec());
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, tag: &Tag<'_>) {
        let key = what(tag);
        if let Some(at) = self.setups.iter().position(|setup| setup.key == key) {
            self.kept -= self.setups.remove(at).body.len();
        }
        if self.kept + tag.body.len() > MOST || self.setups.len() >= 1024 {
            return;
        }
        self.kept += tag.body.len();
        self.setups.push(Setup { key, kind: tag.kind, body: tag.body.to_vec() });
    }

    /// Metadata as it was last sent.
    pub(crate) fn metadata(&self) -> Option<&[u8]> {
        self.metadata.as_deref()
    }

    /// Tags that set decoders up, in the order in which they came.
    pub(crate) fn setups(&self, timestamp: u32) -> impl Iterator<Item = Tag<'_>> {
        self.setups.iter().map(move |setup| Tag { kind: setup.kind, timestamp, body: &setup.body })
    }
}

/// What a setup tag is for: its kind, packet type and tracks. Another with the same key takes its place.
fn what(tag: &Tag<'_>) -> Vec<u8> {
    let Some(media) = tag.media() else { return vec![tag.kind] };
    let packet = match media.packet {
        Packet::SequenceHeader => 0,
        Packet::Mpeg2TsSequenceHeader => 1,
        Packet::Metadata => 2,
        _ => 3,
    };
    let tracks = media.parts().map(|part| part.track);
    // Colours of two tracks may come without their numbers.
    let codec = tag.body.get(1..5).filter(|_| media.packet == Packet::Metadata);
    let codec = codec.into_iter().flatten().copied();
    [tag.kind, packet].into_iter().chain(tracks).chain(codec).collect()
}

/// A tag as it stands in a file.
pub(crate) fn put_tag(out: &mut Vec<u8>, tag: &Tag<'_>) {
    // A body is shorter than 2^24: it came in a tag.
    let len = u32::try_from(tag.body.len()).unwrap_or(0);
    let [_, l2, l1, l0] = len.to_be_bytes();
    let [t3, t2, t1, t0] = tag.timestamp.to_be_bytes();
    out.extend_from_slice(&[tag.kind, l2, l1, l0, t2, t1, t0, t3, 0, 0, 0]);
    out.extend_from_slice(tag.body);
    out.extend_from_slice(&(len + 11).to_be_bytes());
}

/// Changes the timestamp of the tag that `bytes` begin with.
pub(crate) fn put_timestamp(bytes: &mut [u8], timestamp: u32) {
    let [t3, t2, t1, t0] = timestamp.to_be_bytes();
    if let Some(field) = bytes.get_mut(4..8) {
        field.copy_from_slice(&[t2, t1, t0, t3]);
    }
}
