//! One connection: read, poll, act.

mod drain;
mod live;
mod outbox;
mod publish;
mod unfinished;

use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use mio::net::TcpStream;
use sluicebox_core::{Close, Event, Reject, StreamId, Unpublish, flv};
use sluicebox_rules::clock::{Clock, Phase};

use sluicebox_rules::name::PublishPoint;

use crate::access::{Place, Pulse};
use crate::drive::Pace;
use crate::events::Event as Told;
use crate::ingest::{Backend, Ingest};
use crate::listen;
use crate::moment::{moment, now};
use crate::run::Shared;
use live::Live;
use outbox::Outbox;
use publish::Asking;
pub(crate) use unfinished::Unfinished;

/// Reads in one turn before others get theirs.
const READS: usize = 8;

/// A little less than a socket takes at first before it is read, in bytes.
const WINDOW: usize = 60 << 10;

/// Characters of an encoder's name that are kept.
const ENCODER: usize = 200;

/// Length of a tag without a body, in bytes.
const EMPTY_TAG: usize = flv::TAG_HEADER + flv::TAG_TRAILER;

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
    clock: Clock,
    outbox: Outbox,
    streams: Vec<Live>,
    /// A publish that waits for its name.
    asking: Option<Asking>,
    pulse: Arc<Pulse>,
    /// Tells this connection from all others.
    session: u64,
    /// What the encoder calls itself.
    encoder: Box<str>,
    /// Bytes that the last turn read.
    taken: usize,
    /// For its loop: when it is read next.
    pub(crate) pace: Pace,
    /// The peer has ended its side: read until nothing is left.
    ending: bool,
    /// Why it failed has been logged.
    blamed: bool,
    /// Its application, where that is part of what it is asked to connect to.
    app: String,
    /// It has been asked to connect anew, if it can.
    asked: bool,
    _place: Place,
}

/// What to do once an event is no longer borrowed.
enum Act {
    Nothing,
    Announce,
    Greet(String, Box<str>),
    Publish(StreamId, PublishPoint),
    Fail(StreamId),
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
        listen::notice_loss(&socket).context("cannot set TCP keep-alive")?;
        let session = shared.seed();
        let ingest = shared.backend.open(shared.config, session)?;
        Ok(Self {
            socket,
            peer,
            ingest,
            shared,
            clock: Clock::new(now()),
            outbox: Outbox::default(),
            streams: Vec::new(),
            asking: None,
            pulse: Arc::default(),
            session,
            encoder: Box::default(),
            taken: 0,
            pace: Pace::new(Instant::now()),
            ending: false,
            blamed: false,
            app: String::new(),
            asked: false,
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
        self.clock.phase() == Phase::Publishing
    }

    /// Bytes that the last turn read.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Notes that the peer has ended its side of the connection.
    pub(crate) fn peer_ended(&mut self) {
        self.ending = true;
    }

    /// Whether it needs a turn whatever its socket says: its time is up, it has gone quiet, it has
    /// to ask again or to make way, or the server stops.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.time_up(now).is_some()
            || self.clock.pauses(moment(now))
            || self.asking.is_some()
            || self.streams.iter().any(Live::is_asked_to_leave)
            || self.has_to_be_asked()
    }

    /// Whether it will need a turn soon: when it goes quiet, or to ask again.
    pub(crate) fn will_pause(&self) -> bool {
        self.clock.will_pause() || self.asking.is_some()
    }

    /// Reads what is there and does what follows from it. What happens to a connection happens
    /// here: every error is logged, and ends this connection only. In a crowd it keeps no room for what
    /// it reads in its next turn.
    pub(crate) fn turn(&mut self, scratch: &mut [u8], crowded: bool) -> Turn {
        self.taken = 0;
        self.outbox.flush(&mut self.socket);
        if self.clock.phase() == Phase::Lingering {
            return self.throw_away(scratch);
        }
        let turn = self.try_turn(scratch, crowded).unwrap_or_else(|error| {
            self.log_failure(&format!("{error:#}"));
            self.end(Close::Gone, scratch)
        });
        if self.asking.is_none() {
            self.pulse.listens(now());
        }
        turn
    }

    fn try_turn(&mut self, scratch: &mut [u8], crowded: bool) -> Result<Turn> {
        let pauses = self.clock.pauses(now());
        let next = if self.ask_again()? { self.read(scratch)? } else { Turn::Waits };
        self.make_way(scratch)?;
        if next != Turn::Over && self.has_to_be_asked() {
            self.ask_to_reconnect(scratch)?;
        }
        // Asked when whatever had come has been taken in: a disk that hung, or a server that was
        // suspended, is not the peer's fault.
        if next != Turn::Over
            && let Some((why, what)) = self.time_up(Instant::now())
        {
            if why != Close::Shutdown {
                self.log_failure(what);
            }
            return Ok(self.end(why, scratch));
        }
        if (next == Turn::Waits || next == Turn::More && crowded) && self.taken > 0 {
            // Between rounds a publisher owns what it is in the middle of, and no more.
            self.ingest.trim(crowded)?;
        }
        if pauses && self.taken == 0 {
            self.clock.pause();
            self.streams.iter_mut().for_each(Live::rest);
            self.ingest.idle()?;
            self.poll(scratch)?;
        }
        Ok(next)
    }

    fn read(&mut self, scratch: &mut [u8]) -> Result<Turn> {
        for _ in 0..READS {
            let space = self.ingest.space(scratch)?;
            let room = space.len();
            match self.socket.read(space) {
                Ok(0) => {
                    self.end(Close::Gone, scratch);
                    return Ok(Turn::Over);
                }
                Ok(len) => {
                    let now = now();
                    self.clock.heard(now);
                    self.pulse.heard(now);
                    self.taken += len;
                    self.ingest.feed(len)?;
                    self.poll(scratch)?;
                    if self.asking.is_some() {
                        return Ok(Turn::Waits);
                    }
                    if self.clock.phase() == Phase::Lingering {
                        return Ok(Turn::More);
                    }
                    // A short read has emptied the socket: what comes later is a new event. But one that
                    // was full may have made a keyframe's end wait, which is on its way then.
                    if len < room && self.taken < WINDOW && !self.ending {
                        return Ok(Turn::Waits);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Turn::Waits),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if self.publishes() {
                        self.log_failure(&format!("connection lost: {error}"));
                    }
                    self.end(Close::Gone, scratch);
                    return Ok(Turn::Over);
                }
            }
        }
        Ok(Turn::More)
    }

    /// Polls the session until it wants more, and acts on every event.
    fn poll(&mut self, scratch: &[u8]) -> Result<()> {
        while let Some(event) = self.ingest.poll(scratch)? {
            let act = match event {
                Event::Reply(bytes) => {
                    self.outbox.send(&mut self.socket, bytes)?;
                    Act::Announce
                }
                Event::Tags(tags) => {
                    let live = self.streams.iter_mut().find(|live| live.stream == tags.stream);
                    let well = live.is_none_or(|live| live.append(&tags, &self.shared));
                    // After the write, however long it took. Empty messages are no progress.
                    if tags.bytes.len() > tags.count as usize * EMPTY_TAG {
                        self.clock.advance(now());
                    }
                    if well { Act::Nothing } else { Act::Fail(tags.stream) }
                }
                Event::Publish(publish) => {
                    let point = PublishPoint::new(publish.app, publish.tc_url, publish.name);
                    Act::Publish(publish.stream, point)
                }
                Event::Unpublish(unpublish) => Act::Unpublish(unpublish),
                Event::Connect(connect) => {
                    let app = connect.app.to_string();
                    let encoder = connect.flash_ver.to_string();
                    Act::Greet(app, encoder.chars().take(ENCODER).collect())
                }
                _ => Act::Nothing,
            };
            match act {
                Act::Nothing => {}
                Act::Announce => self.announce(),
                Act::Greet(app, encoder) => self.greet(app, encoder),
                Act::Publish(stream, point) => self.publish(stream, point)?,
                Act::Fail(stream) => self.ingest.reject(stream, Reject::Storage)?,
                Act::Unpublish(unpublish) => self.unpublish(unpublish),
            }
        }
        if let Some(asking) = self.asking.as_mut().filter(|asking| asking.input.is_empty()) {
            // Natively, what was not taken in lies in a buffer that others use next.
            asking.input = scratch.to_vec();
        }
        self.clock.received(self.ingest.received(), now());
        Ok(())
    }

    /// Tells of streams whose publish was just answered.
    fn announce(&mut self) {
        self.streams.iter_mut().for_each(|live| live.announce(&self.shared));
    }

    /// Notes what a peer says about itself.
    fn greet(&mut self, app: String, encoder: Box<str>) {
        tracing::debug!(peer = %self.peer, app, encoder, "connected");
        if self.shared.reconnect_to.is_some() {
            self.app.clone_from(&app);
        }
        let about = self.about_app(app, String::new());
        self.shared.services.events.tell(&about, &Told::Connected { encoder: &encoder });
        self.encoder = encoder;
    }

    /// Closes the session and does what is left to do: every recording is finished after this.
    /// The peer is given time to read the last reply.
    fn end(&mut self, why: Close, scratch: &[u8]) -> Turn {
        self.announce();
        let closed = self.ingest.close(why).and_then(|()| self.poll(scratch));
        // A session that has failed says so again; a sandbox may fail now.
        if let Err(error) = closed
            && !self.blamed
        {
            self.log_failure(&format!("{error:#}"));
        }
        for live in std::mem::take(&mut self.streams) {
            live.abandon(&self.shared);
        }
        let stray = self.ingest.stray();
        if stray.messages > 0 {
            let (peer, messages, bytes) = (self.peer, stray.messages, stray.bytes);
            tracing::warn!(%peer, messages, bytes, "media that belongs to no publish");
            self.shared.outcome().stray();
        }
        self.clock.enter(Phase::Lingering, now());
        Turn::More
    }

    /// Reads and forgets, until the peer ends or time is up: a socket that is closed with bytes
    /// unread takes its own last words back.
    fn throw_away(&mut self, scratch: &mut [u8]) -> Turn {
        if self.outbox.is_empty() {
            // Fails when the peer is gone, which the read below tells.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        if self.clock.overdue(now(), &self.shared.timeouts).is_some() {
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

    /// Why the connection has to end now, if it has to.
    fn time_up(&self, now: Instant) -> Option<(Close, &'static str)> {
        if self.is_stopped() {
            return Some((Close::Shutdown, "server stops"));
        }
        self.clock.overdue(moment(now), &self.shared.timeouts).map(|what| (Close::Idle, what))
    }

    /// Names the peer and the fault.
    fn log_failure(&mut self, error: &str) {
        self.blamed = true;
        let received = self.ingest.received();
        tracing::warn!(peer = %self.peer, received, error, "connection failed");
        let about = self.about_app(String::new(), String::new());
        let failed = Told::Failed { what: "connection", error, path: None };
        self.shared.services.events.tell(&about, &failed);
    }
}
