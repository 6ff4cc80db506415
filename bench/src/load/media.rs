//! What publishers send: a lap of messages, cut into chunks once and sent by all of them, over and
//! over.
//!
//! Every message in the lap has a delta header, so a lap may follow any other, and a publisher may
//! begin anywhere in it: its bytes never change.

use std::borrow::Cow;
use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use sluicebox_core::flv;

use crate::wire::{self, AUDIO, DATA, Lane, VIDEO};

/// A number of messages, with their bytes on the wire and in a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Messages, each of which makes one tag.
    pub messages: u64,
    /// Bytes of the tags' bodies.
    pub bodies: u64,
    /// Bytes on the wire, chunk headers included.
    pub wire: u64,
}

impl Amount {
    /// Adds `other` to all counts.
    pub fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.bodies += other.bodies;
        self.wire += other.wire;
    }
}

/// A message, as it should be in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// Its type, which is its tag's too.
    pub kind: u8,
    /// Milliseconds since the start of the stream.
    pub timestamp: u32,
    /// Its body.
    pub body: &'a [u8],
}

/// A message of the lap that is not cut into chunks yet.
pub(super) struct Message {
    pub(super) kind: u8,
    /// When it is due after the start of the lap, in milliseconds.
    pub(super) due: u64,
    pub(super) body: Vec<u8>,
    /// Whether a stream may begin with it.
    pub(super) begins: bool,
}

/// A message of the lap.
struct Item {
    kind: u8,
    due: u64,
    /// Milliseconds since the one before it of its kind.
    delta: u64,
    body: Range<usize>,
    /// The sums over everything before it.
    before: Amount,
}

/// One lap of media, already cut into chunks.
pub struct Media {
    chunk_size: usize,
    /// Its length, in milliseconds.
    length: u64,
    /// Metadata without its wrapping, then sequence headers, and a keyframe if the lap has none to begin with.
    head: Vec<(Lane, Vec<u8>)>,
    lap: Vec<u8>,
    bodies: Vec<u8>,
    items: Vec<Item>,
    total: Amount,
    /// Messages that a stream may begin with.
    starts: Vec<u64>,
}

impl Media {
    /// Cuts a lap into chunks. `head` is sent once, before it.
    pub(super) fn new(
        head: Vec<(u8, Vec<u8>)>,
        messages: &[Message],
        length: u64,
        chunk_size: usize,
    ) -> Result<Self> {
        let head: Result<Vec<_>> =
            head.into_iter().map(|(kind, body)| Ok((lane(kind)?, body))).collect();
        let mut media = Self {
            chunk_size,
            length,
            head: head?,
            lap: Vec::new(),
            bodies: Vec::new(),
            items: Vec::new(),
            total: Amount::default(),
            starts: (0..).zip(messages).filter(|(_, one)| one.begins).map(|(i, _)| i).collect(),
        };
        ensure!(!media.starts.is_empty(), "nothing to begin with");
        for message in messages {
            let last = |of: &[Message]| of.iter().rposition(|other| other.kind == message.kind);
            let at = media.items.len();
            let delta = match last(&messages[..at]) {
                Some(index) => message.due.checked_sub(messages[index].due),
                // The one before it is in the lap before this.
                None => last(messages).map(|index| length - messages[index].due + message.due),
            };
            media.push(message, delta.context("a timestamp goes back")?)?;
        }
        Ok(media)
    }

    fn push(&mut self, message: &Message, delta: u64) -> Result<()> {
        let field = usize::try_from(delta).ok().filter(|delta| *delta < 0xff_ffff);
        let field = field.context("a gap of hours")?;
        let start = self.bodies.len();
        self.bodies.extend_from_slice(&message.body);
        wire::next(&mut self.lap, lane(message.kind)?, field, &message.body, self.chunk_size);
        self.items.push(Item {
            kind: message.kind,
            due: message.due,
            delta,
            body: start..self.bodies.len(),
            before: self.total,
        });
        self.total.messages += 1;
        self.total.bodies += message.body.len() as u64;
        self.total.wire = self.lap.len() as u64;
        Ok(())
    }

    /// Chunk size of those who send it, in bytes.
    pub fn chunk_size(&self) -> usize {
        self.chunk_size
    }

    /// Messages in a lap.
    pub fn messages(&self) -> u64 {
        self.total.messages
    }

    /// The message of the lap that a stream begins with; `draw` is any number.
    pub(super) fn start(&self, draw: u64) -> u64 {
        let index = usize::try_from(draw % self.starts.len() as u64).expect("an index");
        self.starts[index]
    }

    /// What is sent once, ahead of the laps.
    pub(super) fn head(&self, stream: u32) -> (Vec<u8>, Amount) {
        let mut out = Vec::new();
        let mut amount = Amount::default();
        for (lane, body) in &self.head {
            if lane.kind == DATA.kind {
                let wrapped = [SET_DATA_FRAME, body].concat();
                wire::first(&mut out, *lane, stream, &wrapped, self.chunk_size);
            } else {
                wire::first(&mut out, *lane, stream, body, self.chunk_size);
            }
            amount.messages += 1;
            amount.bodies += body.len() as u64;
        }
        amount.wire = out.len() as u64;
        (out, amount)
    }

    /// The sums over the first `messages` messages, lap after lap.
    pub fn sum(&self, messages: u64) -> Amount {
        let (laps, rest) = (messages / self.messages(), messages % self.messages());
        let rest = self.item(rest).before;
        Amount {
            messages,
            bodies: laps * self.total.bodies + rest.bodies,
            wire: laps * self.total.wire + rest.wire,
        }
    }

    /// When message `index` is due after the start of the first lap, in milliseconds.
    pub fn due(&self, index: u64) -> u64 {
        index / self.messages() * self.length + self.item(index).due
    }

    /// The wire bytes from offset `at` on, lap after lap, as far as they lie in one piece.
    pub(super) fn wire(&self, at: u64) -> &[u8] {
        let at = usize::try_from(at % self.lap.len() as u64).expect("an offset into the lap");
        &self.lap[at..]
    }

    /// Everything that a publisher sends that begins at message `begin` and sends so many
    /// `messages` after the head.
    pub fn sent(&self, begin: u64, messages: u64) -> impl Iterator<Item = Sent<'_>> + Clone {
        let head =
            self.head.iter().map(|(lane, body)| Sent { kind: lane.kind, timestamp: 0, body });
        // Each kind of message has a chunk stream, and so a clock, of its own.
        let mut clocks = [0_u64; 256];
        head.chain((begin..begin + messages).map(move |index| {
            let item = self.item(index);
            let clock = &mut clocks[usize::from(item.kind)];
            *clock += item.delta;
            #[expect(clippy::cast_possible_truncation, reason = "timestamps wrap at 32 bits")]
            let timestamp = *clock as u32;
            Sent { kind: item.kind, timestamp, body: &self.bodies[item.body.clone()] }
        }))
    }

    /// The same as bytes on the wire, piece by piece, with message stream 1.
    pub(crate) fn raw(&self, begin: u64, messages: u64) -> impl Iterator<Item = Cow<'_, [u8]>> {
        let head = std::iter::once(Cow::Owned(self.head(1).0));
        head.chain((begin..begin + messages).map(|index| {
            let start = usize::try_from(self.item(index).before.wire).expect("inside the lap");
            let end = self.sum(index % self.messages() + 1).wire;
            Cow::Borrowed(&self.lap[start..usize::try_from(end).expect("inside the lap")])
        }))
    }

    /// Types of the messages that are sent once, ahead of the laps.
    pub(crate) fn head_kinds(&self) -> impl Iterator<Item = u8> {
        self.head.iter().map(|(lane, _)| lane.kind)
    }

    fn item(&self, index: u64) -> &Item {
        &self.items[usize::try_from(index % self.messages()).expect("an index into the lap")]
    }
}

/// Where messages of a kind go.
fn lane(kind: u8) -> Result<Lane> {
    let lane = [AUDIO, VIDEO, DATA].into_iter().find(|lane| lane.kind == kind);
    lane.with_context(|| format!("no kind of media: {kind}"))
}

/// What a data message has before its metadata, and its tag has not.
const SET_DATA_FRAME: &[u8] = b"\x02\0\x0d@setDataFrame";

/// Reads a recording as a lap: metadata and sequence headers, as far as they come first, are sent
/// once.
///
/// # Errors
///
/// When it is no FLV file, or its timestamps go back.
pub(super) fn from_flv(bytes: &[u8], chunk_size: usize) -> Result<Media> {
    let tags = bytes.strip_prefix(b"FLV").and_then(|rest| rest.get(10..)).context("not FLV")?;
    let mut tags = flv::tags(tags).peekable();
    let mut head = Vec::new();
    while let Some(tag) = tags.next_if(|tag| tag.kind == flv::SCRIPT || is_header(tag)) {
        head.push((tag.kind, tag.body.to_vec()));
    }
    let start = tags.peek().context("nothing in it")?.timestamp;
    let mut messages: Vec<Message> = Vec::new();
    for tag in tags {
        let due = u64::from(tag.timestamp.checked_sub(start).context("a timestamp goes back")?);
        let begins = tag.kind == flv::VIDEO && tag.body.first().is_some_and(|b| b & 0x70 == 0x10);
        messages.push(Message { kind: tag.kind, due, body: tag.body.to_vec(), begins });
    }
    if !messages.iter().any(|message| message.begins) {
        messages.iter_mut().for_each(|message| message.begins = true);
    }
    let end = messages.iter().map(|message| message.due).max().unwrap_or(0);
    let gap = (end / (messages.len() as u64 - 1).max(1)).max(1);
    Media::new(head, &messages, end + gap, chunk_size)
}

/// Whether a tag is a decoder's configuration.
fn is_header(tag: &flv::Tag<'_>) -> bool {
    match (tag.kind, tag.body) {
        (flv::AUDIO, [first, 0, ..]) => first >> 4 == 10,
        (flv::VIDEO, [first, 0, ..]) => first & 0x8f == 7 || first & 0x8f == 12,
        // Enhanced RTMP: packet type 0 is the start of a sequence.
        (flv::AUDIO, [first, ..]) => *first == 0x90,
        (flv::VIDEO, [first, ..]) => first & 0x8f == 0x80,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::mix::Mix;

    #[test]
    fn what_is_sent_is_what_a_session_makes_tags_of() {
        let media = Mix::Video.media(128).unwrap();
        let sent: Vec<_> = media.sent(3, 2 * media.messages()).collect();
        assert_eq!(sent[..4].iter().map(|one| one.kind).collect::<Vec<_>>(), [18, 9, 8, 9]);
        assert!(sent[0].body.starts_with(b"\x02\0\x0aonMetaData"));
        let amount = media.head(1).1;
        let bodies: usize = sent.iter().map(|one| one.body.len()).sum();
        let (before, after) = (media.sum(3), media.sum(3 + 2 * media.messages()));
        assert_eq!(bodies as u64, amount.bodies + after.bodies - before.bodies);
        for kind in [8, 9] {
            let times: Vec<_> =
                sent.iter().filter(|one| one.kind == kind).map(|one| one.timestamp).collect();
            assert!(times.is_sorted() && times.last() >= Some(&3900), "{times:?}");
        }
    }

    #[test]
    fn a_recording_is_sent_as_it_is() {
        let tag = |kind, time: u8, body: &[u8]| {
            let mut tag =
                vec![kind, 0, 0, u8::try_from(body.len()).unwrap(), 0, 0, time, 0, 0, 0, 0];
            tag.extend(body);
            tag.extend((11 + u32::try_from(body.len()).unwrap()).to_be_bytes());
            tag
        };
        let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
        for (kind, time, body) in [
            (18, 0, &b"\x02\0\x0aonMetaData\x05"[..]),
            (9, 0, &[0x17, 0, 0, 0, 0, 1]),
            (9, 0, &[0x17, 1, 0, 0, 0, 7]),
            (8, 10, &[0xff, 1]),
            (9, 40, &[0x27, 1, 0, 0, 0, 8]),
            (8, 60, &[0xff, 2]),
        ] {
            file.extend(tag(kind, time, body));
        }
        let media = from_flv(&file, 128).unwrap();
        assert_eq!((media.head.len(), media.messages(), media.starts.len()), (2, 4, 1));
        let sent: Vec<_> = media.sent(0, 8).map(|one| (one.kind, one.timestamp)).collect();
        assert_eq!(sent[..2], [(18, 0), (9, 0)]);
        assert_eq!(sent[2..6], [(9, 40), (8, 30), (9, 80), (8, 80)]);
        assert_eq!(sent[6..], [(9, 120), (8, 110), (9, 160), (8, 160)]);
        assert!(from_flv(b"FLV", 128).is_err() && from_flv(&file[..13], 128).is_err());
    }
}
