//! One connection: bytes in, recordings and replies out.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use sluicebox_core::{Close, End, Event, Reject, Session, StreamId, Unpublish, flv};
use sluicebox_rules::clock::{Clock, Moment, Phase};
use sluicebox_rules::name::PublishPoint;

use crate::edge::Edge;
use crate::live::Live;
use crate::log::Level;
use crate::system::System;

/// Bytes that a peer may leave unread. Replies to honest peers take some hundred.
const UNREAD: usize = 256 << 10;
/// Length of a tag without a body, in bytes.
const EMPTY_TAG: usize = flv::TAG_HEADER + flv::TAG_TRAILER;

/// One connection, from accept to close. The program reads its socket and calls
/// [`feed`](Self::feed), sends what is in the [`outbox`](Self::outbox), calls [`tick`](Self::tick)
/// when it is [`due`](Self::due), and drops it when it [`is_over`](Self::is_over).
pub struct Connection<S: System> {
    peer: String,
    session: Session,
    clock: Clock,
    outbox: Vec<u8>,
    streams: Vec<Live<S>>,
    /// Bytes counted in [`Edge::held`].
    held: usize,
    /// Nothing more comes from the peer.
    ended: bool,
    /// Why it failed has been logged.
    blamed: bool,
}

/// What to do once an event is no longer borrowed.
enum Act {
    Nothing,
    Publish(StreamId, PublishPoint),
    Fail(StreamId),
    Unpublish(Unpublish),
}

impl<S: System> Connection<S> {
    /// A connection that opens now, from `peer` as the log has it.
    pub fn new(peer: String, edge: &mut Edge<S>) -> Self {
        let session = Session::new(edge.settings.config, edge.seed());
        let clock = Clock::new(edge.system.now());
        let (outbox, streams) = (Vec::new(), Vec::new());
        Self { peer, session, clock, outbox, streams, held: 0, ended: false, blamed: false }
    }

    /// Takes in what was read from the peer.
    pub fn feed(&mut self, mut bytes: &[u8], edge: &mut Edge<S>) {
        self.clock.heard(edge.system.now());
        if self.clock.phase() == Phase::Lingering {
            return;
        }
        if let Err(why) = self.poll(&mut bytes, edge) {
            self.fail(&why, edge);
        }
        self.count(edge);
    }

    /// The peer has ended its side, or is gone.
    pub fn peer_ended(&mut self, edge: &mut Edge<S>) {
        if self.clock.phase() != Phase::Lingering {
            self.end(Close::Gone, edge);
        }
        self.ended = true;
    }

    /// The program stops: every recording is finished after this.
    pub fn stop(&mut self, edge: &mut Edge<S>) {
        if self.clock.phase() != Phase::Lingering {
            self.end(Close::Shutdown, edge);
        }
    }

    /// Ends it because all connections together hold too much, and this one the most.
    pub fn end_for_memory(&mut self, edge: &mut Edge<S>) {
        let held = self.held;
        self.fail(&format!("it holds {held} bytes, and memory is used up: --max-memory"), edge);
        self.session.trim();
        self.count(edge);
    }

    /// Does what is due: ends what took too long, acknowledges when it is quiet.
    pub fn tick(&mut self, edge: &mut Edge<S>) {
        let now = edge.system.now();
        if self.clock.phase() == Phase::Lingering {
            return;
        }
        if let Some(why) = self.clock.overdue(now, &edge.settings.timeouts) {
            self.log_failure(why, edge);
            return self.end(Close::Idle, edge);
        }
        if self.clock.pauses(now) {
            self.clock.pause();
            self.session.idle();
            self.session.trim();
            if let Err(why) = self.poll(&mut &[][..], edge) {
                self.fail(&why, edge);
            }
            self.count(edge);
        }
    }

    /// When it has to be [`tick`](Self::tick)ed if nothing comes before.
    pub fn due(&self, edge: &Edge<S>) -> Moment {
        self.clock.due(&edge.settings.timeouts)
    }

    /// Whether it is over: drop it, and close the socket.
    pub fn is_over(&self, edge: &Edge<S>) -> bool {
        let overdue = || self.clock.overdue(edge.system.now(), &edge.settings.timeouts).is_some();
        self.lingers() && (self.ended || overdue())
    }

    /// Whether the session is over, and only the last reply is still on its way. What the peer sends
    /// is still to be read: a socket that is closed with bytes unread takes its own last words back.
    pub fn lingers(&self) -> bool {
        self.clock.phase() == Phase::Lingering
    }

    /// Whether it publishes: then its reads may wait for one another.
    pub fn publishes(&self) -> bool {
        self.clock.phase() == Phase::Publishing
    }

    /// Bytes of memory that it holds.
    pub fn held(&self) -> usize {
        self.held
    }

    /// What is to be sent to the peer: take off the front what was sent.
    pub fn outbox(&mut self) -> &mut Vec<u8> {
        &mut self.outbox
    }

    /// Gives back what it holds, before it is dropped.
    pub fn release(&mut self, edge: &mut Edge<S>) {
        edge.held -= core::mem::take(&mut self.held);
    }

    /// Polls the session until it wants more, and acts on every event.
    fn poll(&mut self, input: &mut &[u8], edge: &mut Edge<S>) -> Result<(), String> {
        while let Some(event) = self.session.poll(input).map_err(|error| error.to_string())? {
            let act = match event {
                Event::Reply(bytes) => {
                    self.outbox.extend_from_slice(bytes);
                    if self.outbox.len() > UNREAD {
                        return Err("the peer does not read replies".into());
                    }
                    Act::Nothing
                }
                Event::Tags(tags) => {
                    let live = self.streams.iter_mut().find(|live| live.stream == tags.stream);
                    let well = live.is_none_or(|live| live.append(&tags, edge));
                    // After the write, however long it took. Empty messages are no progress.
                    if tags.bytes.len() > tags.count as usize * EMPTY_TAG {
                        self.clock.advance(edge.system.now());
                    }
                    if well { Act::Nothing } else { Act::Fail(tags.stream) }
                }
                Event::Publish(publish) => {
                    let point = PublishPoint::new(publish.app, publish.tc_url, publish.name);
                    Act::Publish(publish.stream, point)
                }
                Event::Unpublish(unpublish) => Act::Unpublish(unpublish),
                _ => Act::Nothing,
            };
            match act {
                Act::Nothing => {}
                Act::Publish(stream, point) => self.publish(stream, point, edge),
                Act::Fail(stream) => self.session.reject(stream, Reject::Storage),
                Act::Unpublish(unpublish) => self.unpublish(unpublish, edge),
            }
        }
        self.clock.received(self.session.received(), edge.system.now());
        Ok(())
    }

    /// Accepts a publish, or says why not: nothing is promised to the peer before.
    fn publish(&mut self, stream: StreamId, point: PublishPoint, edge: &mut Edge<S>) {
        let (app, name, now) = (point.app(), point.stream(), edge.system.now());
        let begun = if self.clock.publishes_too_often(now) {
            Err((Reject::Refused, "too many publishes on one connection".to_string()))
        } else {
            Live::begin(stream, point, &self.peer, edge)
        };
        match begun {
            Ok(live) => {
                self.streams.push(live);
                self.clock.enter(Phase::Publishing, now);
                self.session.accept(stream);
            }
            Err((why, reason)) => {
                let line = edge.line(Level::Warn, "publish refused").plain("peer", &self.peer);
                edge.say(line.text("app", app).text("stream", name).text("reason", reason));
                self.session.reject(stream, why);
                self.linger_if_alone(edge);
            }
        }
    }

    fn unpublish(&mut self, end: Unpublish, edge: &mut Edge<S>) {
        let Some(at) = self.streams.iter().position(|live| live.stream == end.stream) else {
            return;
        };
        self.streams.swap_remove(at).end(end, &self.peer, edge);
        edge.ended();
        if self.streams.is_empty() && self.publishes() {
            self.clock.enter(Phase::Setup, edge.system.now());
        }
        if matches!(end.why, End::Rejected(_)) {
            self.linger_if_alone(edge);
        }
    }

    fn fail(&mut self, why: &str, edge: &mut Edge<S>) {
        self.log_failure(why, edge);
        self.end(Close::Gone, edge);
    }

    /// Closes the session and does what is left to do. The peer is given time to read the last reply.
    fn end(&mut self, why: Close, edge: &mut Edge<S>) {
        self.session.close(why);
        if let Err(error) = self.poll(&mut &[][..], edge)
            && !self.blamed
        {
            self.log_failure(&error, edge);
        }
        let stray = self.session.stray();
        if stray.messages > 0 {
            let line = edge.line(Level::Warn, "media that belongs to no publish");
            let line = line.plain("peer", &self.peer).value("messages", stray.messages);
            edge.say(line.value("bytes", stray.bytes));
            edge.outcome.stray();
        }
        self.clock.enter(Phase::Lingering, edge.system.now());
    }

    /// A peer whose publish was refused, or ended from here, has nothing else to do here.
    fn linger_if_alone(&mut self, edge: &Edge<S>) {
        if self.streams.is_empty() {
            self.clock.enter(Phase::Lingering, edge.system.now());
        }
    }

    /// Counts the memory that it holds now.
    fn count(&mut self, edge: &mut Edge<S>) {
        let held = self.session.buffered() + self.outbox.capacity();
        edge.held = edge.held - self.held + held;
        self.held = held;
    }

    /// Names the peer and the fault.
    fn log_failure(&mut self, error: &str, edge: &mut Edge<S>) {
        self.blamed = true;
        let line = edge.line(Level::Warn, "connection failed").plain("peer", &self.peer);
        edge.say(line.value("received", self.session.received()).text("error", error));
    }
}
