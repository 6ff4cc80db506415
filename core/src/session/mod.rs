//! The session: joins the layers, and lends what comes out.

mod input;
mod messages;
mod commands;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::capabilities::Said;
use crate::chunk::{ChunkStream, Place, Reader};
use crate::config::{Config, Limits};
use crate::error::Error;
use crate::event::{
    Close, Connect, End, Event, Part, Publish, Reject, StreamId, Tags, Text, Unpublish,
};
use crate::handshake::Handshake;
use crate::ledger::{Ledger, Tally};
use crate::message::{AUDIO, VIDEO, user_control};
use crate::reply::{Replies, Status};
use crate::stream::{State, Stream};

/// Taking in stops when this many bytes of replies are ready.
const REPLIES: usize = 16 << 10;
/// Below this, acknowledgements would weigh as much as what they acknowledge; in bytes.
const SMALLEST_WINDOW: u32 = 4096;
/// What most peers set as their window, and the reading for those that set none; in bytes.
const PEER_WINDOW: u32 = 2_500_000;
/// Our replies need no smaller chunks than those that RTMP begins with; in bytes.
const SMALLEST_CHUNK: u32 = 128;

/// One RTMP connection, from its first byte.
///
/// # Contract
///
/// 1. Hand what was read to [`poll`](Self::poll) and call it until it gives `None`.
/// 2. Do what each event says before the next call: it is valid until then.
/// 3. On [`Event::Publish`], call [`accept`](Self::accept) or [`reject`](Self::reject), at once or
///    later. Until then `poll` gives `None` and leaves the input where it is.
/// 4. When the peer is gone or has to go, call [`close`](Self::close) and poll once more until
///    `None`, with any input: what is left comes out, and each live stream's end.
///
/// After an error, which comes when everything before it has come out, every call returns it again.
pub struct Session {
    config: Config,
    /// `None`: it is done.
    handshake: Option<Handshake>,
    chunks: Reader,
    streams: Vec<Stream>,
    /// The slot that media was last for.
    media: usize,
    replies: Replies,
    /// What comes out after tags and replies.
    pending: VecDeque<Pending>,
    /// What was lent last, to be released.
    lent: Lent,
    connection: Connection,
    /// Bytes taken in.
    received: u64,
    /// Bytes acknowledged.
    acknowledged: u64,
    /// Bytes after which the peer would like an acknowledgement.
    peer_window: u32,
    /// Media that belongs to no stream.
    stray: Tally,
    closed: bool,
    failed: Option<Error>,
}

/// What `connect` said.
#[derive(Default)]
struct Connection {
    connected: bool,
    /// `FCPublish` came: its answer goes out with the publish's.
    announced: bool,
    app: Vec<u8>,
    tc_url: Vec<u8>,
    flash_ver: Vec<u8>,
    swf_url: Vec<u8>,
    page_url: Vec<u8>,
    said: Said,
}

/// An event that waits for tags and replies to come out first.
#[derive(Clone, Copy)]
enum Pending {
    Connect,
    Publish { slot: usize },
    Unpublish { slot: usize, why: End },
}

/// What the next event is made of: places, so that only [`Session::poll`] borrows.
#[derive(Clone, Copy)]
enum Lent {
    Nothing,
    Reply,
    Tags { slot: usize },
    Part { slot: usize },
    Event(Pending),
}

impl Session {
    /// A connection that has seen nothing yet. `seed` varies the handshake; any number will do.
    pub fn new(config: Config, seed: u64) -> Self {
        let window = config.window.max(SMALLEST_WINDOW);
        let chunk_size = config.chunk_size.clamp(SMALLEST_CHUNK, Limits::MAX_MESSAGE);
        let config = Config { window, chunk_size, ..config };
        Self {
            config,
            handshake: Some(Handshake::new(seed)),
            chunks: Reader::new(&config),
            streams: Vec::new(),
            media: 0,
            replies: Replies::new(),
            pending: VecDeque::new(),
            lent: Lent::Nothing,
            connection: Connection::default(),
            received: 0,
            acknowledged: 0,
            peer_window: PEER_WINDOW,
            stray: Tally::default(),
            closed: false,
            failed: None,
        }
    }

    /// Takes in `input` up to the next event, moving the slice past what was used.
    ///
    /// `None`: all of it is in, read more; or a decision is due; or the session is closed and
    /// everything has come out.
    ///
    /// # Errors
    ///
    /// What ended the session. It comes after all that was whole before it, and after a last reply
    /// where RTMP has one.
    #[must_use = "an event that is not acted on is lost"]
    pub fn poll(&mut self, input: &mut &[u8]) -> Result<Option<Event<'_>>, Error> {
        self.release();
        let mut dry = input.is_empty() && !self.chunks.holds();
        self.lent = loop {
            if let Some(out) = self.outgoing() {
                break out;
            }
            if let Some(error) = self.failed {
                return Err(error);
            }
            if dry || self.closed || self.undecided() {
                return Ok(None);
            }
            match self.take(input) {
                Ok(used_up) => dry = used_up,
                Err(error) => self.fail(error),
            }
        };
        Ok(Some(self.lend()))
    }

    /// Lends what has come of the audio or video message that is being gathered, if that is `least` bytes
    /// or more, so that its tag comes without them: for who has better memory for a large message. To be asked
    /// after [`poll`](Self::poll) gave `None`; it is valid until the next call.
    ///
    /// `None`: it is less, or nothing is being gathered that could come out ahead. That is one message
    /// at a time: while one of which a part came out waits behind others, no other has any.
    pub fn part(&mut self, least: usize) -> Option<Part<'_>> {
        self.release();
        let waits = |chunks: &ChunkStream| chunks.busy && matches!(chunks.place, Place::Rest(_));
        if self.chunks.streams().any(waits) {
            return None;
        }
        let slot = self.media;
        let other = |(other, stream): (usize, &Stream)| other != slot && stream.tags.part_came();
        if self.streams.iter().enumerate().any(other) {
            return None;
        }
        let stream = self.streams.get_mut(slot).filter(|stream| stream.state == State::Live)?;
        stream.tags.in_parts();
        let message = self.chunks.stream(stream.tags.gathers()?).message;
        let (at, bytes) = stream.tags.part();
        if !matches!(message.kind, AUDIO | VIDEO)
            || stream.tags.ready() > 0
            || bytes.len() < least.max(1)
        {
            return None;
        }
        self.lent = Lent::Part { slot };
        Some(Part { stream: StreamId(stream.id), at: word(at), len: message.len, bytes })
    }

    /// Lets the publish that [`Event::Publish`] asked for begin: the peer is told, tags come out.
    /// Does nothing if `stream` is not waiting for a decision.
    pub fn accept(&mut self, stream: StreamId) {
        self.release();
        let Some(stream) = self.streams.iter_mut().find(|s| s.is_asked(stream)) else { return };
        stream.state = State::Live;
        let id = stream.id;
        self.replies.user_control(user_control::STREAM_BEGIN, id);
        let start = Status::ok("NetStream.Publish.Start", "Publishing.");
        if core::mem::take(&mut self.connection.announced) {
            self.replies.status("onFCPublish", 0, &start);
        }
        self.replies.status("onStatus", id, &start);
    }

    /// Refuses the publish that [`Event::Publish`] asked for, or ends a live one: the peer is told
    /// why. [`Event::Unpublish`] follows if it was live. Close the connection when its last stream
    /// was refused and the reply is out: encoders wait for that.
    pub fn reject(&mut self, stream: StreamId, why: Reject) {
        self.release();
        let slot = self
            .streams
            .iter()
            .position(|s| s.is_asked(stream) || (s.id == stream.0 && s.state == State::Live));
        let Some(slot) = slot else { return };
        let refusal = Status::refusal(why, self.connection.has_credentials());
        self.replies.status("onStatus", stream.0, &refusal);
        if self.streams[slot].state == State::Live {
            self.end(slot, End::Rejected(why), false);
        } else {
            self.forget(slot);
            self.streams[slot].state = State::Closed;
        }
    }

    /// The peer has gone quiet: acknowledges what it sent, if half of its window came since.
    ///
    /// Acknowledgements wait for this, because of how encoders end: ffmpeg and others close the
    /// socket with megabytes still on their way, and a byte that reaches a closed socket makes its
    /// system throw those away. A peer that waits for an acknowledgement goes quiet by itself. Only
    /// when half of [`Config::window`] came without a pause, one goes out all the same.
    pub fn idle(&mut self) {
        self.release();
        let unacknowledged = self.received.saturating_sub(self.acknowledged);
        if self.connection.connected && unacknowledged >= u64::from(self.peer_window / 2) {
            self.acknowledged = self.received;
            self.replies.acknowledge(self.received);
        }
    }

    /// Asks a peer that can ([`CapsEx::RECONNECT`](crate::CapsEx::RECONNECT)) to connect anew: to
    /// `url`, or, if that is empty, to the address it came to. It does so at its next keyframe, and
    /// sends on until then; the session goes on. False: it has not said that it can, and is told
    /// nothing.
    pub fn reconnect(&mut self, url: &str) -> bool {
        self.release();
        let able = self.connection.said.capabilities().caps_ex.reconnects()
            && !self.closed
            && self.failed.is_none();
        if able {
            self.replies.reconnect(url);
        }
        able
    }

    /// Ends the session from this side. Nothing more is taken in; poll until `None` for what is
    /// left: a goodbye, the last tags, the end of each live stream.
    pub fn close(&mut self, why: Close) {
        if self.closed || self.failed.is_some() {
            return;
        }
        self.release();
        self.finish_input();
        self.closed = true;
        let goodbye = match why {
            Close::Gone => None,
            Close::Shutdown => Some(("NetConnection.Connect.AppShutdown", "The server stops.")),
            Close::Idle => {
                Some(("NetConnection.Connect.IdleTimeOut", "Nothing came for too long."))
            }
        };
        let goodbye = goodbye.filter(|_| self.connection.connected);
        if goodbye.is_some() {
            for stream in self.streams.iter().filter(|stream| stream.state == State::Live) {
                self.replies.user_control(user_control::STREAM_EOF, stream.id);
            }
        }
        self.end_all(End::Closed(why));
        if let Some((code, description)) = goodbye {
            self.replies.status("onStatus", 0, &Status::error(code, description));
        }
    }

    /// Bytes taken in so far, the handshake's too: where in the input an error is.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Media messages that came and belong to no stream: sent before there was one, or after its
    /// end. They are on no stream's ledger.
    pub fn stray(&self) -> Tally {
        self.stray
    }

    /// Bytes of memory held for messages, tags and replies.
    pub fn buffered(&self) -> usize {
        let handshake = self.handshake.as_ref().map_or(0, Handshake::buffered);
        let chunks: usize = self.chunks.streams().map(|stream| stream.buf.capacity()).sum();
        let tags: usize = self.streams.iter().map(|stream| stream.tags.capacity()).sum();
        handshake + chunks + tags + self.replies.out.capacity()
    }

    /// Gives back memory that is not in use, for a connection that has nothing to read just now:
    /// what comes next takes it again.
    pub fn trim(&mut self) {
        self.release();
        self.chunks.streams_mut().for_each(ChunkStream::trim);
        self.streams.iter_mut().for_each(|stream| stream.tags.trim());
        self.replies.trim();
    }

    /// Lets go of what was lent.
    fn release(&mut self) {
        match core::mem::replace(&mut self.lent, Lent::Nothing) {
            Lent::Reply => self.replies.out.clear(),
            Lent::Tags { slot } => self.streams[slot].tags.release(),
            Lent::Part { slot } => self.streams[slot].tags.release_part(),
            Lent::Event(Pending::Unpublish { slot, .. }) => {
                let stream = &mut self.streams[slot];
                let free = stream.state == State::Ending(true);
                stream.state = if free { State::Free } else { State::Closed };
                stream.ledger = Ledger::default();
                stream.tags.clear();
            }
            Lent::Nothing | Lent::Event(_) => {}
        }
    }

    /// What is ready to come out: tags, then replies, then events. So a peer that is told that its
    /// stream has ended can rely on the recording.
    fn outgoing(&mut self) -> Option<Lent> {
        let ready = |stream: &Stream| stream.flows() && stream.tags.ready() > 0;
        if let Some(slot) = self.streams.iter().position(ready) {
            return Some(Lent::Tags { slot });
        }
        if !self.replies.out.is_empty() {
            return Some(Lent::Reply);
        }
        self.pending.pop_front().map(Lent::Event)
    }

    /// Makes the event of what is lent.
    fn lend(&self) -> Event<'_> {
        let connection = &self.connection;
        match self.lent {
            Lent::Nothing | Lent::Reply | Lent::Part { .. } => Event::Reply(&self.replies.out),
            Lent::Tags { slot } => {
                let stream = &self.streams[slot];
                let (bytes, count) = stream.tags.whole();
                let (ahead, ahead_of) = stream.tags.rest();
                let (ahead, ahead_of) = (word(ahead), word(ahead_of));
                let refused = stream.ledger.refused.total().messages;
                Event::Tags(Tags {
                    stream: StreamId(stream.id),
                    bytes,
                    count,
                    ahead,
                    ahead_of,
                    refused,
                })
            }
            Lent::Event(Pending::Connect) => Event::Connect(Connect {
                app: Text(&connection.app),
                tc_url: Text(&connection.tc_url),
                flash_ver: Text(&connection.flash_ver),
                swf_url: Text(&connection.swf_url),
                page_url: Text(&connection.page_url),
                capabilities: connection.said.capabilities(),
            }),
            Lent::Event(Pending::Publish { slot }) => {
                let stream = &self.streams[slot];
                Event::Publish(Publish {
                    stream: StreamId(stream.id),
                    app: Text(&connection.app),
                    tc_url: Text(&connection.tc_url),
                    name: Text(&stream.name),
                    kind: Text(&stream.kind),
                })
            }
            Lent::Event(Pending::Unpublish { slot, why }) => {
                let stream = &self.streams[slot];
                let (stream, ledger) = (StreamId(stream.id), stream.ledger);
                Event::Unpublish(Unpublish { stream, why, ledger })
            }
        }
    }

    /// Whether a publish waits for its decision.
    fn undecided(&self) -> bool {
        self.streams.iter().any(|stream| stream.state == State::Asked)
    }

    /// Ends a live stream. Its tags and its end come out next.
    fn end(&mut self, slot: usize, why: End, free: bool) {
        self.tear(slot);
        self.streams[slot].state = State::Ending(free);
        self.pending.push_back(Pending::Unpublish { slot, why });
    }

    /// Ends all live streams, and waits for no publish any more.
    fn end_all(&mut self, why: End) {
        self.pending.retain(|pending| !matches!(pending, Pending::Publish { .. }));
        for slot in 0..self.streams.len() {
            match self.streams[slot].state {
                State::Live => self.end(slot, why, false),
                State::Created | State::Asked => {
                    self.forget(slot);
                    self.streams[slot].state = State::Closed;
                }
                State::Free | State::Ending(_) | State::Closed => {}
            }
        }
    }

    /// Fails, with a last word where RTMP has one.
    fn fail(&mut self, error: Error) {
        self.failed = Some(error);
        // Where the fault is, however far the reads went beyond it.
        self.received = self.position();
        self.end_all(End::Failed);
        if self.connection.connected {
            let text = alloc::format!("{error}");
            let status = Status::error("NetConnection.Connect.Closed", &text);
            self.replies.status("onStatus", 0, &status);
        }
    }
}

/// A length within a message or a run.
fn word(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Connection {
    /// Whether a user and a password are in the address, as Adobe's `authmod` has them.
    fn has_credentials(&self) -> bool {
        let authmod = |text: &[u8]| text.windows(8).any(|part| part == b"authmod=");
        authmod(&self.app) || authmod(&self.tc_url)
    }
}

impl Stream {
    /// Whether a publish on message stream `id` waits for its decision here.
    fn is_asked(&self, id: StreamId) -> bool {
        self.id == id.0 && self.state == State::Asked
    }
}
