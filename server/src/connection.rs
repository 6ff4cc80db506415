//! One connection: read, poll, act.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use sluicebox_core::{Close, End, Event, Reject, StreamId, Tags, Unpublish};

use crate::access::{Claim, Place};
use crate::ingest::{Backend, Ingest};
use crate::name::PublishPoint;
use crate::recording::Recording;
use crate::report::Account;
use crate::run::Shared;
use crate::stats::Stats;

/// Reads in one turn before others get theirs.
const READS: usize = 4;
/// Bytes of replies that a peer may leave unread. A session's replies to honest peers take some
/// hundred.
const UNSENT: usize = 256 << 10;
/// How long the last reply may take to be read before the connection is closed.
const LINGER: Duration = Duration::from_secs(2);

/// A connection that has sent nothing for so long gets its acknowledgement.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);
/// A connection that has sent nothing for so long gives its buffers back.
const QUIET: Duration = Duration::from_secs(1);

/// A publisher gets on with a whole tag, or with so many bytes of one, as long as a keyframe takes
/// on a slow link. Less, now and then, is somebody who only holds a place.
const STEP: u64 = 64 << 10;

/// What a connection does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It waits for its socket.
    Waits,
    /// There is more to read: again after the others.
    More,
    /// It is over: drop it.
    Over,
}

/// One connection, from accept to close.
pub(crate) struct Connection<B: Backend> {
    socket: TcpStream,
    peer: SocketAddr,
    ingest: B::Ingest,
    shared: Arc<Shared<B>>,
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// When bytes last came.
    heard: Instant,
    /// When a publisher last got on, and the bytes taken in by then: see [`STEP`].
    advanced: (Instant, u64),
    /// Bytes that the last turn read.
    taken: usize,
    /// Its session has been told that it went quiet since.
    paused: bool,
    /// Its buffers have been given back since.
    tidy: bool,
    /// The peer has ended its side: read until nothing is left.
    ending: bool,
    /// Replies that the socket did not take yet.
    unsent: Vec<u8>,
    streams: Vec<Live>,
    _place: Place,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    /// Commands, and nothing published.
    Setup,
    Publishing,
    /// The last reply is on its way; what still comes is thrown away.
    Lingering,
}

/// A stream that is being recorded.
struct Live {
    stream: StreamId,
    point: PublishPoint,
    recording: Recording,
    stats: Arc<Stats>,
    /// Why nothing more goes into the recording.
    failed: bool,
    _claim: Claim,
}

/// What to do once an event is no longer borrowed.
enum Act {
    Nothing,
    Publish(StreamId, PublishPoint),
    Storage(StreamId),
    Unpublish(Unpublish),
}

impl<B: Backend> Connection<B> {
    pub(crate) fn new(
        socket: TcpStream,
        peer: SocketAddr,
        place: Place,
        shared: Arc<Shared<B>>,
    ) -> Result<Self> {
        // Replies are small and waited for.
        socket.set_nodelay(true).context("cannot set TCP_NODELAY")?;
        let ingest = shared.backend.open(shared.config, shared.seed())?;
        let now = Instant::now();
        Ok(Self {
            socket,
            peer,
            ingest,
            shared,
            phase: Phase::Handshake,
            since: now,
            heard: now,
            advanced: (now, 0),
            taken: 0,
            paused: true,
            tidy: false,
            ending: false,
            unsent: Vec::new(),
            streams: Vec::new(),
            _place: place,
        })
    }

    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether it publishes: then its reads may wait for one another.
    pub(crate) fn publishes(&self) -> bool {
        self.phase == Phase::Publishing
    }

    /// Bytes that the last turn read.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Notes that the peer has ended its side of the connection.
    pub(crate) fn peer_ended(&mut self) {
        self.ending = true;
    }

    /// Whether its time is up, or the server stops: it needs a turn, whatever its socket says.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        (self.shared.stop.raised() && self.phase != Phase::Lingering)
            || now.saturating_duration_since(self.started_waiting()) > self.patience()
    }

    /// Whether its session has still to be told when it goes quiet.
    pub(crate) fn will_pause(&self) -> bool {
        !self.paused
    }

    /// Whether it has gone quiet, and its session has to be told.
    pub(crate) fn pauses(&self, now: Instant) -> bool {
        !self.paused && now.saturating_duration_since(self.heard) >= PAUSE
    }

    /// Gives back memory that a connection does not need once it is quiet.
    pub(crate) fn tidy(&mut self, now: Instant) {
        if !self.tidy && now.saturating_duration_since(self.heard) > QUIET {
            self.tidy = true;
            self.ingest.trim();
            self.unsent.shrink_to_fit();
        }
    }

    /// Reads what is there and does what follows from it. What happens to a connection happens
    /// here: every error is logged, and ends this connection only.
    pub(crate) fn turn(&mut self, scratch: &mut [u8]) -> Turn {
        self.taken = 0;
        match self.try_turn(scratch) {
            Ok(turn) => turn,
            Err(error) => {
                let (peer, received) = (self.peer, self.ingest.received());
                tracing::warn!(%peer, received, error = format!("{error:#}"), "connection failed");
                self.end(Close::Gone, scratch);
                self.linger()
            }
        }
    }

    fn try_turn(&mut self, scratch: &mut [u8]) -> Result<Turn> {
        self.send(&[])?;
        if self.phase == Phase::Lingering {
            return Ok(self.throw_away(scratch));
        }
        let why = self.time_up();
        let next = self.read(scratch)?;
        if next == Turn::Waits && self.pauses(Instant::now()) {
            self.paused = true;
            self.ingest.feed(0)?;
            self.ingest.idle()?;
            self.poll(scratch)?;
        }
        match why {
            // What had come by then has been taken in.
            Some(why) if next != Turn::Over => {
                self.end(why, scratch);
                Ok(self.linger())
            }
            _ => Ok(next),
        }
    }

    fn read(&mut self, scratch: &mut [u8]) -> Result<Turn> {
        for _ in 0..READS {
            let space = self.ingest.space(scratch);
            let room = space.len();
            match self.socket.read(space) {
                Ok(0) => return Ok(self.ended(scratch)),
                Ok(len) => {
                    self.heard = Instant::now();
                    (self.paused, self.tidy) = (false, false);
                    self.taken += len;
                    self.ingest.feed(len)?;
                    self.poll(scratch)?;
                    if self.phase == Phase::Lingering {
                        return Ok(Turn::More);
                    }
                    // A short read has emptied the socket: what comes later is a new event.
                    if len < room && !self.ending {
                        return Ok(Turn::Waits);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Turn::Waits),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Ok(self.lost(&error, scratch)),
            }
        }
        Ok(Turn::More)
    }

    /// Polls the session until it wants more, and acts on every event.
    fn poll(&mut self, scratch: &[u8]) -> Result<()> {
        loop {
            let Some(event) = self.ingest.poll(scratch)? else { break };
            let act = match event {
                Event::Reply(bytes) => {
                    send(&mut self.socket, &mut self.unsent, bytes)?;
                    Act::Nothing
                }
                Event::Tags(tags) => {
                    self.advanced.0 = self.heard;
                    append(&mut self.streams, &tags)
                }
                Event::Publish(publish) => {
                    let point = PublishPoint::new(publish.app, publish.tc_url, publish.name);
                    Act::Publish(publish.stream, point)
                }
                Event::Unpublish(unpublish) => Act::Unpublish(unpublish),
                Event::Connect(connect) => {
                    let (app, encoder) = (connect.app.to_string(), connect.flash_ver.to_string());
                    tracing::debug!(peer = %self.peer, app, encoder, "connected");
                    Act::Nothing
                }
                _ => Act::Nothing,
            };
            match act {
                Act::Nothing => {}
                Act::Publish(stream, point) => self.decide(stream, point)?,
                Act::Storage(stream) => self.ingest.reject(stream, Reject::Storage)?,
                Act::Unpublish(unpublish) => self.unpublished(unpublish),
            }
        }
        let received = self.ingest.received();
        if received - self.advanced.1 >= STEP {
            self.advanced = (self.heard, received);
        }
        if self.phase == Phase::Handshake && received > HANDSHAKE {
            self.enter(Phase::Setup);
        }
        Ok(())
    }

    /// Accepts a publish, or says why not. Nothing is promised to the peer, and no file made,
    /// before everything that can refuse has been asked.
    fn decide(&mut self, stream: StreamId, point: PublishPoint) -> Result<()> {
        match self.begin(stream, &point) {
            Ok(()) => self.ingest.accept(stream),
            Err((why, reason)) => {
                let (app, name) = (point.app(), point.stream());
                tracing::warn!(peer = %self.peer, app, stream = name, reason, "publish refused");
                self.ingest.reject(stream, why)?;
                if self.streams.is_empty() {
                    self.linger();
                }
                Ok(())
            }
        }
    }

    fn begin(&mut self, stream: StreamId, point: &PublishPoint) -> Result<(), (Reject, String)> {
        let shared = &self.shared;
        if !shared.apps.is_empty() && !shared.apps.contains(&point.app()) {
            return Err((Reject::Refused, "application is not taken here".into()));
        }
        let claim = shared.access.claim(point.path());
        let claim = claim.ok_or_else(|| (Reject::Busy, "name has a publisher".to_owned()))?;
        if !shared.admit() {
            return Err((Reject::Refused, "only one publish is taken".into()));
        }
        let recording = shared.destination.open(point).map_err(|error| {
            if shared.once {
                shared.stop.raise();
            }
            (Reject::Storage, format!("{error:#}"))
        })?;
        shared.outcome.begun();
        let path = recording.path().display().to_string();
        let (app, name) = (point.app(), point.stream());
        tracing::info!(peer = %self.peer, app, stream = name, path, "publishing");
        let stats = Arc::new(Stats::default());
        shared.display.add(point.to_string(), &stats);
        let point = point.clone();
        let failed = false;
        self.streams.push(Live { stream, point, recording, stats, failed, _claim: claim });
        self.enter(Phase::Publishing);
        Ok(())
    }

    /// Closes a recording and gives the account of it.
    fn unpublished(&mut self, end: Unpublish) {
        let Some(at) = self.streams.iter().position(|live| live.stream == end.stream) else {
            return;
        };
        let Live { point, recording, stats, .. } = self.streams.swap_remove(at);
        let account = Account { ledger: end.ledger, recorded: recording.written() };
        self.shared.outcome.ended(&account);
        let ledger = end.ledger;
        tracing::info!(
            peer = %self.peer,
            app = point.app(),
            stream = point.stream(),
            path = recording.path().display().to_string(),
            why = reason(end.why),
            codecs = stats.codecs(),
            seconds = f64::from(stats.read().duration) / 1000.0,
            messages_received = ledger.received.messages,
            bytes_received = ledger.received.bytes,
            tags_written = account.recorded.messages,
            bytes_written = account.recorded.bytes,
            bytes_unwrapped = ledger.unwrapped,
            messages_refused = account.lost(),
            complete = account.complete(),
            "ended"
        );
        if self.streams.is_empty() && self.phase == Phase::Publishing {
            self.enter(Phase::Setup);
        }
        if self.shared.once {
            self.shared.stop.raise();
        }
        if matches!(end.why, End::Rejected(_)) && self.streams.is_empty() {
            self.linger();
        }
    }

    /// The peer has closed its side.
    fn ended(&mut self, scratch: &[u8]) -> Turn {
        self.end(Close::Gone, scratch);
        Turn::Over
    }

    /// The connection broke.
    fn lost(&mut self, error: &io::Error, scratch: &[u8]) -> Turn {
        if !self.streams.is_empty() {
            tracing::warn!(peer = %self.peer, %error, "connection lost");
        }
        self.end(Close::Gone, scratch);
        Turn::Over
    }

    /// Closes the session and does what is left to do: every recording is finished after this.
    fn end(&mut self, why: Close, scratch: &[u8]) {
        let closed = self.ingest.close(why).and_then(|()| self.poll(scratch));
        if let Err(error) = closed
            && self.phase != Phase::Lingering
        {
            tracing::debug!(peer = %self.peer, %error, "session ended");
        }
        // A session that failed on its side of a sandbox gives no account: what the sink has stays.
        for live in std::mem::take(&mut self.streams) {
            let path = live.recording.path().display().to_string();
            let tags_written = live.recording.written().messages;
            let peer = self.peer;
            tracing::error!(%peer, path, tags_written, complete = false, "ended without an account");
        }
    }

    /// Waits for the last reply to be read: a socket that is closed with bytes unread takes its
    /// own last words back.
    fn linger(&mut self) -> Turn {
        if self.phase != Phase::Lingering {
            self.enter(Phase::Lingering);
        }
        Turn::More
    }

    /// Reads and forgets, until the peer ends or time is up.
    fn throw_away(&mut self, scratch: &mut [u8]) -> Turn {
        if self.unsent.is_empty() {
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        if self.since.elapsed() > LINGER {
            return Turn::Over;
        }
        for _ in 0..READS {
            match self.socket.read(scratch) {
                Ok(0) => return Turn::Over,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Waits,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Turn::Over,
            }
        }
        Turn::More
    }

    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() && self.unsent.is_empty() {
            return Ok(());
        }
        send(&mut self.socket, &mut self.unsent, bytes)
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }

    /// Since when the connection has kept the server waiting.
    fn started_waiting(&self) -> Instant {
        match self.phase {
            // In all: bytes that trickle in do not buy time.
            Phase::Handshake | Phase::Setup | Phase::Lingering => self.since,
            Phase::Publishing => self.advanced.0.max(self.since),
        }
    }

    /// How long it may.
    fn patience(&self) -> Duration {
        let timeouts = &self.shared.timeouts;
        match self.phase {
            Phase::Handshake => timeouts.handshake,
            Phase::Setup => timeouts.publish,
            Phase::Publishing => timeouts.idle,
            Phase::Lingering => LINGER,
        }
    }

    /// Why the connection has to end now, if it has to.
    fn time_up(&self) -> Option<Close> {
        if self.shared.stop.raised() {
            return Some(Close::Shutdown);
        }
        if self.started_waiting().elapsed() <= self.patience() {
            return None;
        }
        let what = match self.phase {
            Phase::Handshake => "handshake takes too long",
            Phase::Setup => "nothing published for too long",
            Phase::Publishing | Phase::Lingering => "nothing sent for too long",
        };
        tracing::warn!(peer = %self.peer, error = what, "connection failed");
        Some(Close::Idle)
    }
}

/// Bytes of the client's side of the handshake.
const HANDSHAKE: u64 = 1 + 2 * 1536;

/// Appends tags to their recording.
fn append(streams: &mut [Live], tags: &Tags<'_>) -> Act {
    let Some(live) = streams.iter_mut().find(|live| live.stream == tags.stream) else {
        return Act::Nothing;
    };
    if live.failed {
        return Act::Nothing;
    }
    match live.recording.append(tags, &live.stats) {
        Ok(()) => Act::Nothing,
        Err(error) => {
            live.failed = true;
            let (app, stream) = (live.point.app(), live.point.stream());
            tracing::error!(app, stream, error = format!("{error:#}"), "recording failed");
            Act::Storage(tags.stream)
        }
    }
}

/// Sends what is unsent and then `bytes`; keeps what the socket does not take.
fn send(socket: &mut TcpStream, unsent: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    let mut rest = bytes;
    if !unsent.is_empty() {
        unsent.extend_from_slice(bytes);
        rest = unsent;
    }
    let mut sent = 0;
    while sent < rest.len() {
        match socket.write(&rest[sent..]) {
            Ok(len) => sent += len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The peer is gone for good: the next read says so, after what it had sent.
            Err(_) => sent = rest.len(),
        }
    }
    if unsent.is_empty() {
        unsent.extend_from_slice(&bytes[sent..]);
    } else {
        unsent.drain(..sent);
    }
    if unsent.len() > UNSENT {
        bail!("the peer does not read replies");
    }
    Ok(())
}

fn reason(end: End) -> &'static str {
    match end {
        End::Peer => "peer stopped",
        End::Closed(Close::Gone) => "connection ended",
        End::Closed(Close::Shutdown) => "server stops",
        End::Closed(Close::Idle) => "nothing sent for too long",
        End::Rejected(Reject::Storage) => "recording failed",
        End::Failed => "connection failed",
        _ => "ended by the server",
    }
}
