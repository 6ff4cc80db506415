//! What a guest may say, and when: nothing it says is believed.

use std::ops::Range;

use sluicebox_abi::{Outcome, Record};
use sluicebox_core::{
    Capabilities, Config, Connect, Event, Ledger, Part, Publish, StreamId, Tags, Tally, Text,
    Unpublish, flv,
};

use crate::error::Fault;

/// Output that needs no input: the handshake's and the goodbye's, in bytes and in events.
const BYTES: u64 = 64 << 10;
const EVENTS: u64 = 64;
/// Bytes of output that a byte of input can mean. Real ones mean up to 15: a tag for an empty
/// message of one byte, an error for an unknown command of fourteen.
const GAIN: u64 = 64;

/// A reply that asks a peer to connect anew, without the address, in bytes.
const RECONNECT: u64 = 1024;

/// Where a tag has its stream, which is always 0.
const STREAM_ID: Range<usize> = 8..11;

/// The account of one session, kept outside of the sandbox.
#[derive(Debug)]
pub(crate) struct Account {
    streams: Vec<Stream>,
    /// How many there may be.
    most: usize,
    /// The message of which parts came.
    ahead: Option<Ahead>,
    /// Longest message, in bytes.
    message: u32,
    /// Longest text, in bytes: it came in a command.
    text: usize,
    /// Lengths of the application and address that the last connect told, in bytes: a publish
    /// repeats them.
    place: (usize, usize),
    /// Bytes that were fed.
    fed: u64,
    /// What the guest counted last.
    received: u64,
    stray: Tally,
    /// Events that may still come before everything that was fed is in.
    events: u64,
    /// Bytes of output that may still come.
    bytes: u64,
}

/// What came of a message ahead of its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ahead {
    stream: StreamId,
    /// So much of its body, in bytes.
    came: u32,
    /// Length of its whole body, in bytes.
    len: u32,
}

#[derive(Debug)]
struct Stream {
    id: StreamId,
    /// It was accepted.
    live: bool,
    /// What came out of it.
    written: Tally,
}

impl Account {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            streams: Vec::new(),
            most: config.limits.streams,
            ahead: None,
            message: config.limits.message,
            text: config.limits.command as usize,
            place: (0, 0),
            fed: 0,
            received: 0,
            stray: Tally::default(),
            events: EVENTS,
            bytes: BYTES,
        }
    }

    /// `len` bytes were fed.
    pub(crate) fn fed(&mut self, len: usize) {
        let len = len as u64;
        self.fed += len;
        self.events = self.events.saturating_add(len);
        self.bytes = self.bytes.saturating_add(GAIN * len);
    }

    pub(crate) fn accepted(&mut self, id: StreamId) {
        self.streams.iter_mut().filter(|stream| stream.id == id).for_each(|one| one.live = true);
    }

    /// A stream that is live ends with an event, one that was asked for does not.
    pub(crate) fn rejected(&mut self, id: StreamId) {
        self.streams.retain(|stream| stream.id != id || stream.live);
    }

    /// The peer may be told to connect anew: a reply that no input means.
    pub(crate) fn reconnecting(&mut self, url: &str) {
        self.bytes = self.bytes.saturating_add(RECONNECT + url.len() as u64);
    }

    /// No publish waits for a decision any more.
    pub(crate) fn closed(&mut self) {
        self.streams.retain(|stream| stream.live);
    }

    /// What the guest counted last.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn stray(&self) -> Tally {
        self.stray
    }

    /// Whether a record may come now.
    pub(crate) fn check(&mut self, record: &Record<'_>) -> Result<(), Fault> {
        self.counts(record)?;
        let event = match &record.outcome {
            Outcome::Event(event) => event,
            Outcome::Nothing if self.streams.iter().all(|stream| stream.live) => {
                self.events = EVENTS;
                return Ok(());
            }
            Outcome::Nothing | Outcome::Failed { .. } => return Ok(()),
        };
        self.events = self.events.checked_sub(1).ok_or(Fault::Events)?;
        match event {
            Event::Reply(bytes) => self.output(bytes.len()),
            Event::Connect(connect) => self.connect(connect),
            Event::Tags(tags) => self.tags(tags),
            Event::Publish(publish) => self.publish(publish),
            Event::Unpublish(end) => self.unpublish(end),
            _ => Ok(()),
        }
    }

    /// What was taken in is not more than what was fed. (It may go back: at a failure, to where the
    /// fault is.) Stray media only adds up.
    fn counts(&mut self, record: &Record<'_>) -> Result<(), Fault> {
        let (received, stray) = (record.received, record.stray);
        let well = received <= self.fed
            && stray.messages >= self.stray.messages
            && stray.bytes >= self.stray.bytes
            && self.possible(stray);
        if !well {
            return Err(Fault::Counts);
        }
        (self.received, self.stray) = (received, stray);
        Ok(())
    }

    /// Whether so much can have come: a message takes a byte at least.
    fn possible(&self, tally: Tally) -> bool {
        tally.messages <= self.fed && tally.bytes <= self.fed
    }

    fn output(&mut self, len: usize) -> Result<(), Fault> {
        self.bytes = self.bytes.checked_sub(len as u64).ok_or(Fault::Output)?;
        Ok(())
    }

    fn texts(&self, texts: &[Text<'_>]) -> Result<(), Fault> {
        let longest = texts.iter().map(|text| text.as_bytes().len()).max();
        if longest <= Some(self.text) { Ok(()) } else { Err(Fault::Output) }
    }

    fn connect(&mut self, connect: &Connect<'_>) -> Result<(), Fault> {
        let Connect { app, tc_url, flash_ver, swf_url, page_url, capabilities } = *connect;
        let Capabilities { list, video, audio, .. } = capabilities;
        let codecs = [list, video, audio].map(|codecs| Text(codecs.0));
        let [list, video, audio] = codecs;
        let texts = [app, tc_url, flash_ver, swf_url, page_url, list, video, audio];
        self.texts(&texts)?;
        self.place = (app.as_bytes().len(), tc_url.as_bytes().len());
        self.output(texts.iter().map(|text| text.as_bytes().len()).sum())
    }

    /// Whether a part may come now.
    pub(crate) fn part(&mut self, part: &Part<'_>) -> Result<(), Fault> {
        self.output(part.bytes.len())?;
        let Part { stream: id, at, len, bytes } = *part;
        if !self.streams.iter().any(|stream| stream.id == id && stream.live) {
            return Err(Fault::Order(id));
        }
        let goes_on = at == 0 || self.ahead == Some(Ahead { stream: id, came: at, len });
        let came = u64::from(at) + bytes.len() as u64;
        match u32::try_from(came) {
            Ok(came) if goes_on && came > at && came <= len && len <= self.message => {
                self.ahead = Some(Ahead { stream: id, came, len });
                Ok(())
            }
            _ => Err(Fault::Part(id)),
        }
    }

    fn tags(&mut self, run: &Tags<'_>) -> Result<(), Fault> {
        self.output(run.bytes.len())?;
        let stream = self.streams.iter_mut().find(|stream| stream.id == run.stream && stream.live);
        let stream = stream.ok_or(Fault::Order(run.stream))?;
        let written = if run.ahead == 0 {
            whole(run.bytes)
        } else {
            let ahead = self.ahead.take();
            let ahead = ahead.filter(|a| (a.stream, a.came) == (run.stream, run.ahead));
            ahead.and_then(|ahead| with_rest(run, ahead))
        };
        let written = written.filter(|tally| tally.messages == u64::from(run.count));
        let written = written.filter(|tally| tally.messages > 0).ok_or(Fault::Tags(run.stream))?;
        stream.written = stream.written.plus(written);
        Ok(())
    }

    fn publish(&mut self, publish: &Publish<'_>) -> Result<(), Fault> {
        let Publish { stream: id, app, tc_url, name, kind } = *publish;
        self.texts(&[app, tc_url, name, kind])?;
        // What a connect told is told again, and not counted twice.
        let again = app.as_bytes().len().saturating_sub(self.place.0)
            + tc_url.as_bytes().len().saturating_sub(self.place.1);
        self.output(again + name.as_bytes().len() + kind.as_bytes().len())?;
        if self.streams.iter().any(|stream| stream.id == id) {
            return Err(Fault::Order(id));
        }
        if self.streams.len() >= self.most {
            return Err(Fault::Streams);
        }
        self.streams.push(Stream { id, live: false, written: Tally::default() });
        Ok(())
    }

    fn unpublish(&mut self, end: &Unpublish) -> Result<(), Fault> {
        let id = end.stream;
        self.ahead = self.ahead.filter(|ahead| ahead.stream != id);
        let at = self.streams.iter().position(|stream| stream.id == id && stream.live);
        let stream = self.streams.swap_remove(at.ok_or(Fault::Order(id))?);
        let well = end.ledger.written == stream.written && self.adds_up(&end.ledger);
        if well { Ok(()) } else { Err(Fault::Ledger(id)) }
    }

    /// Whether a ledger is one that can be: first that its sums are no overflow.
    fn adds_up(&self, ledger: &Ledger) -> bool {
        let Ledger { received, written, unwrapped, refused } = ledger;
        let tallies =
            [received, written, &refused.aborted, &refused.torn, &refused.early, &refused.foreign];
        tallies.into_iter().all(|tally| self.possible(*tally))
            && *unwrapped <= self.fed
            && ledger.balanced()
    }
}

/// How many whole tags `bytes` are, as a recording has them, and the bytes of their bodies.
fn whole(bytes: &[u8]) -> Option<Tally> {
    let mut tally = Tally::default();
    let mut tags = flv::tags(bytes);
    let mut header = bytes;
    let mut well = true;
    for tag in &mut tags {
        tally.add(tag.body.len());
        well &= matches!(tag.kind, flv::AUDIO | flv::VIDEO | flv::SCRIPT)
            && header[STREAM_ID] == [0; 3];
        header = &header[flv::TAG_HEADER + tag.body.len() + flv::TAG_TRAILER..];
    }
    (well && header.is_empty()).then_some(tally)
}

/// The same of a run in which the tag at [`Tags::ahead_of`] has not in it what came of it ahead.
fn with_rest(run: &Tags<'_>, ahead: Ahead) -> Option<Tally> {
    let (before, rest) = run.bytes.split_at_checked(run.ahead_of as usize)?;
    let (header, rest) = rest.split_first_chunk::<{ flv::TAG_HEADER }>()?;
    let (_, rest) = rest.split_at_checked(ahead.len.checked_sub(ahead.came)? as usize)?;
    let (trailer, behind) = rest.split_first_chunk::<{ flv::TAG_TRAILER }>()?;
    let [kind, a, b, c, ..] = *header;
    let well = matches!(kind, flv::AUDIO | flv::VIDEO)
        && u32::from_be_bytes([0, a, b, c]) == ahead.len
        && header[STREAM_ID] == [0; 3]
        && *trailer == (ahead.len + 11).to_be_bytes();
    let tag = well.then_some(Tally { messages: 1, bytes: ahead.len.into() })?;
    Some(whole(before)?.plus(tag).plus(whole(behind)?))
}
