//! Bytes of any kind through a session, with everything that must hold at each step asserted on
//! the way: what property tests and fuzz targets run. The same has to come out when what has come of a
//! message is taken out ahead of its tag; with the feature `sandbox` everything goes through sandboxed
//! sessions too.

use std::collections::BTreeMap;
use std::fmt;

use sluicebox_core::{
    Close, Config, End, Error, Event, Ledger, Limits, Part, Reject, Session, StreamId, Tags, Tally,
    Type3, amf0, flv, flv::Packet,
};

use crate::replay::cut;
use crate::reply::parse_replies;
#[cfg(feature = "sandbox")]
use crate::sandboxed::Sandboxed;
use crate::subject::Subject;
use crate::wire::Script;

/// What becomes of each publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All are accepted.
    Accept,
    /// All are rejected.
    Reject(Reject),
    /// Rejected and accepted in turn.
    Alternate,
}

/// An event that is neither reply nor tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// `connect`: application, address, encoder, `swfUrl` and `pageUrl`; then what it says it can.
    Connect([Vec<u8>; 5], Can),
    /// `publish`: message stream, application, name and kind.
    Publish(u32, [Vec<u8>; 3]),
    /// The end of a message stream.
    Unpublish(u32, End, Ledger),
}

/// What a peer says it can: the three lists of codecs; `capsEx`, `videoFunction` and
/// `objectEncoding`.
pub type Can = ([Vec<u8>; 3], [u32; 3]);

/// Everything that came out of a session, however it was cut into events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// All replies, one after another.
    pub replies: Vec<u8>,
    /// All tags of each message stream, one after another.
    pub tags: BTreeMap<u32, Vec<u8>>,
    /// All other events, in order.
    pub told: Vec<Told>,
    /// What ended it, if not the end of the input.
    pub error: Option<Error>,
    /// Bytes taken in.
    pub received: u64,
    /// Media that belonged to no stream.
    pub stray: Tally,
    /// Whether it was asked to connect to [`ELSEWHERE`] at the end, as it can.
    pub reconnects: bool,
}

/// Where peers are asked to connect to at the end.
pub const ELSEWHERE: &str = "rtmp://elsewhere.example/live";

/// A session, and what has come out of it.
pub struct Driver<S = Session> {
    session: S,
    policy: Policy,
    asked: usize,
    live: BTreeMap<u32, Tally>,
    outcome: Outcome,
    peak: usize,
    /// Parts of so many bytes or more are taken out ahead; none, without it.
    least: Option<usize>,
    ahead: Ahead,
}

/// What came of a message ahead of its tag.
#[derive(Debug, Default)]
struct Ahead {
    stream: u32,
    /// Length of the whole body.
    len: u32,
    bytes: Vec<u8>,
}

impl Driver {
    /// A new session.
    pub fn new(config: Config, policy: Policy) -> Self {
        Self::of(Session::new(config, SEED), policy)
    }
}

impl<S: Subject> Driver<S> {
    /// Drives a session that has seen nothing yet.
    pub fn of(session: S, policy: Policy) -> Self {
        let (live, outcome, ahead) = Default::default();
        Self { session, policy, asked: 0, live, outcome, peak: 0, least: None, ahead }
    }

    /// Takes in bytes until the session fails.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if self.outcome.error.is_none() {
            self.poll(&mut bytes);
            assert!(bytes.is_empty() || self.outcome.error.is_some(), "{} bytes left", bytes.len());
        }
    }

    /// The peer has gone quiet.
    pub fn idle(&mut self) {
        self.session.idle();
        self.feed(&[]);
    }

    /// Asks the peer to connect anew; whether it was told.
    pub fn reconnect(&mut self, url: &str) -> bool {
        let told = self.session.reconnect(url);
        self.feed(&[]);
        told
    }

    /// Everything said so far.
    pub fn replies(&self) -> &[u8] {
        &self.outcome.replies
    }

    /// Bytes taken in so far.
    pub fn received(&self) -> u64 {
        self.session.received()
    }

    /// Asks the peer to connect anew, and closes the session; everything that came out of it.
    pub fn finish(mut self, why: Close) -> Outcome {
        self.outcome.reconnects = self.reconnect(ELSEWHERE);
        self.session.close(why);
        self.poll(&mut &[][..]);
        if let Some(error) = self.outcome.error {
            assert_eq!(self.session.poll(&mut &b"more"[..]).err(), Some(error), "errors stick");
        }
        assert!(self.live.is_empty(), "streams without an end: {:?}", self.live);
        self.outcome.received = self.session.received();
        self.outcome.stray = self.session.stray();
        self.outcome
    }

    /// The most bytes that the session held at the end of any call.
    pub fn peak(&self) -> usize {
        self.peak
    }

    fn poll(&mut self, input: &mut &[u8]) {
        loop {
            let publish = match self.session.poll(input) {
                Ok(Some(event)) => self.outcome.keep(&event, &mut self.live, &mut self.ahead),
                Ok(None) => {
                    if let Some(least) = self.least
                        && let Some(part) = self.session.part(least)
                    {
                        assert!(part.bytes.len() >= least, "{least} bytes at least");
                        self.ahead.keep(&part);
                        assert_eq!(self.session.part(0), None, "a part comes once");
                    }
                    break;
                }
                Err(error) => {
                    self.outcome.error = Some(error);
                    break;
                }
            };
            if let Some(stream) = publish {
                self.decide(stream);
            }
            self.peak = self.peak.max(self.session.buffered());
        }
        self.peak = self.peak.max(self.session.buffered());
    }

    fn decide(&mut self, stream: StreamId) {
        self.asked += 1;
        match self.policy {
            Policy::Reject(why) => return self.session.reject(stream, why),
            Policy::Alternate if self.asked % 2 == 1 => {
                return self.session.reject(stream, Reject::Busy);
            }
            Policy::Accept | Policy::Alternate => self.session.accept(stream),
        }
        assert_eq!(self.live.insert(stream.0, Tally::default()), None, "{stream:?} is live");
    }
}

impl Ahead {
    /// Keeps a part: it goes on with the message that the last was of, or begins another.
    fn keep(&mut self, part: &Part<'_>) {
        if part.at == 0 {
            *self = Self { stream: part.stream.0, len: part.len, bytes: Vec::new() };
        }
        let at = (self.stream, self.len as usize, self.bytes.len());
        assert_eq!((part.stream.0, part.len as usize, part.at as usize), at, "of another message");
        self.bytes.extend(part.bytes);
        assert!(self.bytes.len() < self.len as usize, "a message that is whole comes as a tag");
    }

    /// Puts what came ahead of a tag where it belongs.
    fn complete(&mut self, tags: &Tags<'_>) -> Vec<u8> {
        let mut bytes = tags.bytes.to_vec();
        if tags.ahead > 0 {
            assert_eq!((self.stream, self.bytes.len()), (tags.stream.0, tags.ahead as usize));
            let at = tags.ahead_of as usize + flv::TAG_HEADER;
            bytes.splice(at..at, self.bytes.drain(..));
        }
        bytes
    }
}

impl Outcome {
    /// The tags of the only stream that had any; none, when no stream had.
    pub fn only_tags(&self) -> &[u8] {
        assert!(self.tags.len() <= 1, "one stream at most: {:?}", self.told);
        self.tags.values().next().map(Vec::as_slice).unwrap_or_default()
    }

    /// Panics, naming the parts, unless both are the same: whole outcomes are too long to read.
    pub fn assert_same(&self, other: &Self, what: &dyn fmt::Debug) {
        let told = self.told.iter().zip(&other.told).find(|(a, b)| a != b);
        assert_eq!(told, None, "{what:?}: events");
        assert_eq!(self.error, other.error, "{what:?}");
        let counts = |of: &Self| (of.received, of.stray, of.told.len(), of.reconnects);
        assert_eq!(counts(self), counts(other), "{what:?}: received, stray, number of events");
        assert!(self.tags == other.tags, "{what:?}: other tags");
        if self.replies != other.replies {
            let [a, b] = [self, other].map(|outcome| parse_replies(&outcome.replies));
            let first = a.iter().zip(&b).find(|(a, b)| a != b);
            panic!("{what:?}: other replies, {} and {}: {first:?}", a.len(), b.len());
        }
    }

    /// The ends of all streams, in order.
    pub fn ends(&self) -> Vec<(u32, End, Ledger)> {
        let end = |told: &Told| match told {
            Told::Unpublish(stream, why, ledger) => Some((*stream, *why, *ledger)),
            _ => None,
        };
        self.told.iter().filter_map(end).collect()
    }

    /// Keeps an event. A publish that is to be decided is given back.
    fn keep(
        &mut self,
        event: &Event<'_>,
        live: &mut BTreeMap<u32, Tally>,
        ahead: &mut Ahead,
    ) -> Option<StreamId> {
        match event {
            Event::Reply(bytes) => self.replies.extend(*bytes),
            Event::Connect(c) => {
                let texts = [c.app, c.tc_url, c.flash_ver, c.swf_url, c.page_url];
                let can = &c.capabilities;
                let codecs = [can.list, can.video, can.audio].map(|codecs| codecs.0.to_vec());
                let bits = [can.caps_ex.0, can.video_function, can.object_encoding];
                let texts = texts.map(|text| text.as_bytes().to_vec());
                self.told.push(Told::Connect(texts, (codecs, bits)));
            }
            Event::Publish(publish) => {
                let texts = [publish.app, publish.name, publish.kind];
                let texts = texts.map(|text| text.as_bytes().to_vec());
                self.told.push(Told::Publish(publish.stream.0, texts));
                return Some(publish.stream);
            }
            Event::Tags(tags) => {
                let written = live.get_mut(&tags.stream.0).expect("tags of a live stream");
                let bytes = ahead.complete(tags);
                let mut iter = flv::tags(&bytes);
                iter.by_ref().for_each(|tag| written.add(tag.body.len()));
                assert!(iter.rest().is_empty(), "whole tags only");
                assert_eq!(iter_count(&bytes), tags.count, "as many tags as it says");
                self.tags.entry(tags.stream.0).or_default().extend(bytes);
            }
            Event::Unpublish(end) => {
                assert!(end.ledger.balanced(), "not balanced: {end:?}");
                let written = live.remove(&end.stream.0).expect("the end of a live stream");
                assert_eq!(end.ledger.written, written, "what it says was written came out");
                self.told.push(Told::Unpublish(end.stream.0, end.why, end.ledger));
            }
            _ => {}
        }
        None
    }
}

fn iter_count(bytes: &[u8]) -> u32 {
    u32::try_from(flv::tags(bytes).count()).expect("a few tags")
}

/// Feeds `pieces` one after another to a new session and closes it. The same has to come out in every
/// other way that there is.
pub fn run<'a, P>(config: Config, policy: Policy, pieces: P) -> Outcome
where
    P: IntoIterator<Item = &'a [u8]> + Clone,
{
    let new = || Session::new(config, SEED);
    let outcome = run_on(new(), policy, None, pieces.clone());
    for least in PARTS {
        let parts = run_on(new(), policy, Some(least), pieces.clone());
        parts.assert_same(&outcome, &("in parts", least));
    }
    #[cfg(feature = "sandbox")]
    for least in [None, Some(PARTS[0])] {
        let sandboxed = run_on(Sandboxed::new(&config, SEED), policy, least, pieces.clone());
        sandboxed.assert_same(&outcome, &("in the sandbox", least));
    }
    outcome
}

/// What parts have at least, in bytes: any, so that nearly all messages come in parts, and so many that the
/// next is often not of the message that the last was of.
const PARTS: [usize; 2] = [1, 100];

fn run_on<'a, P>(session: impl Subject, policy: Policy, least: Option<usize>, pieces: P) -> Outcome
where
    P: IntoIterator<Item = &'a [u8]>,
{
    let mut driver = Driver::of(session, policy);
    driver.least = least;
    pieces.into_iter().for_each(|piece| driver.feed(piece));
    driver.finish(Close::Gone)
}

/// Fuzz body: any bytes, on a session set up by the first of them.
pub fn session(data: &[u8]) {
    let (config, policy, bytes) = setting(data);
    run(config, policy, [bytes.as_slice()]);
}

/// Fuzz body: some cuts, then what [`session`] takes. Cut or not, the same comes out.
pub fn cuts(data: &[u8]) {
    let Some((count, rest)) = data.split_first() else { return };
    let (cuts, rest) = rest.split_at(rest.len().min(2 * usize::from(count % 16)));
    let (config, policy, bytes) = setting(rest);
    let whole = run(config, policy, [bytes.as_slice()]);
    let cuts: Vec<usize> = cuts
        .chunks_exact(2)
        .map(|at| HANDSHAKE + usize::from(u16::from_le_bytes([at[0], at[1]])))
        .collect();
    run(config, policy, cut(&bytes, &cuts)).assert_same(&whole, &cuts);
    let after = bytes.len().min(HANDSHAKE);
    let bytewise = [&bytes[..after]].into_iter().chain(bytes[after..].chunks(1));
    run(config, policy, bytewise).assert_same(&whole, &"byte by byte");
}

/// Fuzz body: AMF0, read to its end; each value that is an object is asked for a few names.
pub fn amf0(data: &[u8]) {
    let mut reader = amf0::Reader::new(data);
    let mut left = data.len();
    while let Ok(Some(value)) = reader.next() {
        assert!(reader.rest().len() < left, "every value takes bytes");
        left = reader.rest().len();
        if let amf0::Value::Object(object) = value {
            for name in ["app", "tcUrl", "a", ""] {
                _ = (object.get(name), object.string(name), object.number(name));
            }
        }
    }
}

/// Fuzz body: a run of tags. What is read is what is there, and nothing is left out. Each body, and
/// the whole input as one, is asked what it is.
pub fn tags(data: &[u8]) {
    let mut iter = flv::tags(data);
    let mut read = 0;
    for tag in iter.by_ref() {
        read += flv::TAG_HEADER + tag.body.len() + flv::TAG_TRAILER;
        view(&tag);
    }
    assert_eq!(read + iter.rest().len(), data.len());
    for kind in [flv::AUDIO, flv::VIDEO, flv::SCRIPT, flv::SCRIPT_AMF3] {
        view(&flv::Tag { kind, timestamp: 0, body: data });
    }
}

/// What a tag says of itself holds together, and is no more than its bytes.
fn view(tag: &flv::Tag<'_>) {
    if let Some(script) = tag.script() {
        assert!(script.name.len() + script.values.len() < tag.body.len());
    }
    let Some(media) = tag.media() else { return };
    let parts: Vec<_> = media.parts().collect();
    let lent = parts.iter().map(|part| part.data.len()).sum::<usize>()
        + media.mod_ex().map(|mod_ex| mod_ex.data.len() + 2).sum::<usize>();
    assert!(lent <= tag.body.len(), "{lent} bytes of {}", tag.body.len());
    match media.packet {
        Packet::Command | Packet::Silence | Packet::Cut => assert!(parts.is_empty()),
        Packet::Unknown(_) => {}
        _ => assert!(!parts.is_empty(), "a packet has a part"),
    }
    if let Some(part) = parts.first() {
        assert_eq!(media.track(part.track), Some(*part));
        assert!(part.codec.id().is_some() || part.codec.fourcc().is_some(), "a codec has a name");
        _ = flv::Channels::read(part.data);
    }
    assert!(!media.is_keyframe() || media.packet == Packet::Frame);
    _ = media.is_whole();
}

/// Any number: what a session makes of it is the same wherever it runs.
const SEED: u64 = 7;

/// Bytes of C0, C1 and C2.
const HANDSHAKE: usize = 1 + 2 * crate::handshake::PART;

/// The setting that the first byte stands for, and the bytes for the session: with a handshake put
/// before them, or as they are.
fn setting(data: &[u8]) -> (Config, Policy, Vec<u8>) {
    let (flags, rest) = data.split_first().unwrap_or((&0, &[]));
    let policy = match flags & 3 {
        0 | 1 => Policy::Accept,
        2 => Policy::Alternate,
        _ => Policy::Reject(Reject::Refused),
    };
    let mut config = Config { type3: Type3::Detect, ..Config::default() };
    if flags & 4 != 0 {
        config.limits = tight();
        config.type3 = Type3::Delta;
        config.window = 4096;
    }
    let bytes = match flags & 8 {
        0 => Script::hello().raw(rest).bytes().to_vec(),
        _ => rest.to_vec(),
    };
    (config, policy, bytes)
}

/// Limits that a few hundred bytes go over.
fn tight() -> Limits {
    Limits {
        message: 4096,
        command: 512,
        buffered: 8192,
        chunk_streams: 4,
        streams: 2,
        early: 256,
        amf_depth: 3,
        amf_values: 32,
        aggregate: 4,
        ..Limits::default()
    }
}
