//! Load generator: RTMP publishers over loopback, in one thread, counting all they send.

use std::collections::{BinaryHeap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::random::Random;

mod media;
mod mix;
mod publisher;
mod replies;

pub use media::{Amount, Media, Sent};
pub use mix::{Mix, recording};
use publisher::{Publisher, State, Turn};

/// Who sends, where to, and how fast.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The server.
    pub addr: SocketAddr,
    /// Publishers at a time.
    pub connections: usize,
    /// How fast.
    pub pace: Pace,
    /// How late a message may be at the pace of [`Pace::RealTime`].
    pub jitter: Duration,
    /// Publishers between connect and publish at a time.
    pub ramp: usize,
    /// Of so many publishers it is noted when each message has left.
    pub watched: usize,
    /// Application to connect to.
    pub app: String,
    /// Stream names are this and a number.
    pub name: String,
    /// Sends media without any protocol around it, for a server that takes any bytes.
    pub raw: bool,
    /// Seed of phase and jitter.
    pub seed: u64,
}

/// How fast publishers send.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As fast as the server takes it: this many bytes for each publisher, and the message's rest.
    FlatOut(u64),
    /// As encoders do, for this long.
    RealTime(Duration),
    /// Nothing but what comes ahead of the media, then silence for this long.
    Idle(Duration),
    /// No publish: silence for this long once the server has answered `connect`.
    Connected(Duration),
}

/// Points in time of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All publishers have been told to start, or have connected if that is all they do.
    Published,
    /// All media is written to the sockets; nobody has begun to end.
    Sent,
    /// The server has closed every connection.
    Ended,
}

/// What one publisher sent.
#[derive(Clone, Debug)]
pub struct Published {
    /// The stream's name.
    pub name: String,
    /// The message of the lap that it began with.
    pub begin: u64,
    /// Messages after the head of the media.
    pub messages: u64,
    /// Bytes of that head on the wire.
    pub head: u64,
    /// When each message's last byte had been written, if it was watched.
    pub finished: Vec<Instant>,
}

/// What was sent.
#[derive(Clone, Debug)]
pub struct Report {
    /// Media of all publishers.
    pub sent: Amount,
    /// Publisher by publisher.
    pub publishers: Vec<Published>,
    /// From the first connect to the last `NetStream.Publish.Start`.
    pub started: Duration,
    /// From the first media to the last connection closed.
    pub took: Duration,
}

impl Plan {
    /// One that sends nothing, to be changed to what is wanted.
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            connections: 1,
            pace: Pace::FlatOut(0),
            jitter: JITTER,
            ramp: RAMP,
            watched: 0,
            app: "live".to_owned(),
            name: "load".to_owned(),
            raw: false,
            seed: 1,
        }
    }
}

/// Carries out `plan` with `media`, telling `observe` at each [`Phase`] before going on.
///
/// # Errors
///
/// When a connection fails or is closed too early, a reply is not as it should be, or nothing moves
/// for 20 seconds.
pub fn run(plan: &Plan, media: &Media, mut observe: impl FnMut(Phase)) -> Result<Report> {
    let mut load = Load::new(plan, media)?;
    let connect = Instant::now();
    load.publish()?;
    let started = connect.elapsed();
    observe(Phase::Published);
    let start = Instant::now();
    load.send(start)?;
    observe(Phase::Sent);
    load.end()?;
    let took = start.elapsed();
    observe(Phase::Ended);
    let mut sent = Amount::default();
    load.publishers.iter().for_each(|publisher| sent.add(publisher.amount(media)));
    let publishers = load.publishers.into_iter().map(Publisher::published).collect();
    Ok(Report { sent, publishers, started, took })
}

/// Publishers between connect and publish at a time: fewer than any server's backlog.
pub const RAMP: usize = 32;
/// How late messages of an encoder are.
pub const JITTER: Duration = Duration::from_millis(4);
const STUCK: Duration = Duration::from_secs(20);
/// Publishers begin spread over so many microseconds: that of a frame.
const FRAME: u64 = 33_000;

struct Load<'a> {
    plan: &'a Plan,
    media: &'a Media,
    poll: Poll,
    events: Events,
    random: Random,
    publishers: Vec<Publisher>,
    /// Those that have more to write, and a socket that may take it.
    runnable: VecDeque<usize>,
}

impl<'a> Load<'a> {
    fn new(plan: &'a Plan, media: &'a Media) -> Result<Self> {
        Ok(Self {
            plan,
            media,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            random: Random::new(plan.seed),
            publishers: Vec::with_capacity(plan.connections),
            runnable: VecDeque::new(),
        })
    }

    fn publish(&mut self) -> Result<()> {
        let mut live = 0;
        while live < self.plan.connections {
            while self.publishers.len() < self.plan.connections.min(live + self.plan.ramp) {
                self.open().context("connecting")?;
            }
            if !self.plan.raw {
                self.turn(Some(STUCK))?;
            }
            live = self.count(State::Live) + self.count(State::Connected);
        }
        while !self.all_drained() {
            self.turn(Some(STUCK))?;
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        let socket = std::net::TcpStream::connect(self.plan.addr)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        let index = self.publishers.len();
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(index), both)?;
        let begin = self.media.start(self.random.draw() >> 16);
        let name = format!("{}{index:05}", self.plan.name);
        self.publishers.push(if self.plan.raw {
            Publisher::raw(socket, self.plan, name, self.media, begin)
        } else {
            Publisher::new(socket, self.plan, name, begin)
        });
        if index < self.plan.watched {
            self.publishers[index].watch();
        }
        Ok(())
    }

    fn send(&mut self, start: Instant) -> Result<()> {
        match self.plan.pace {
            Pace::FlatOut(bytes) => self.flat_out(bytes),
            Pace::RealTime(time) => self.real_time(start, time),
            Pace::Idle(time) | Pace::Connected(time) => self.idle(start, time),
        }
    }

    fn flat_out(&mut self, bytes: u64) -> Result<()> {
        let lap = self.media.sum(self.media.messages());
        let messages = (bytes * lap.messages).div_ceil(lap.wire);
        for (index, publisher) in self.publishers.iter_mut().enumerate() {
            publisher.release(messages);
            publisher.queued = true;
            self.runnable.push_back(index);
        }
        self.drain()
    }

    fn real_time(&mut self, start: Instant, time: Duration) -> Result<()> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let jitter = micros(self.plan.jitter).max(1);
        // By due time, earliest first: when, who, which message, phase.
        let mut due = BinaryHeap::new();
        for index in 0..self.publishers.len() {
            let phase = self.random.below(FRAME);
            due.push(std::cmp::Reverse((phase, index, 0, phase)));
        }
        while let Some(&std::cmp::Reverse((when, index, message, phase))) = due.peek() {
            let now = micros(start.elapsed());
            if when > now {
                self.turn(Some(Duration::from_micros(when - now)))?;
                continue;
            }
            due.pop();
            let publisher = &mut self.publishers[index];
            let at = |message| publisher.due(self.media, message) * 1000 + phase;
            // More than one only if the generator is late: it keeps the bit rate, not the rhythm.
            let mut message = message + 1;
            while at(message) < micros(time) && at(message) + jitter < now {
                message += 1;
            }
            let next = at(message);
            publisher.release(message);
            self.write(index)?;
            if next < micros(time) {
                let late = self.random.below(jitter);
                due.push(std::cmp::Reverse((next + late, index, message, phase)));
            }
        }
        self.drain()
    }

    fn idle(&mut self, start: Instant, time: Duration) -> Result<()> {
        while let Some(left) = time.checked_sub(start.elapsed()) {
            self.turn(Some(left.min(STUCK / 2)))?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        for index in 0..self.publishers.len() {
            self.publishers[index].end(self.media, self.plan.raw)?;
            self.publishers[index].read(self.media)?;
        }
        while self.count(State::Ended) < self.plan.connections {
            self.turn(Some(STUCK))?;
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<()> {
        while !self.all_drained() {
            self.turn(Some(STUCK))?;
        }
        Ok(())
    }

    fn all_drained(&self) -> bool {
        self.runnable.is_empty() && self.publishers.iter().all(|one| one.is_drained(self.media))
    }

    fn count(&self, state: State) -> usize {
        self.publishers.iter().filter(|publisher| publisher.state == state).count()
    }

    /// Waits for sockets for up to `timeout`, and serves those that are ready.
    fn turn(&mut self, timeout: Option<Duration>) -> Result<()> {
        let wait = if self.runnable.is_empty() { timeout } else { Some(Duration::ZERO) };
        match self.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        if self.events.is_empty() && wait == Some(STUCK) {
            bail!("nothing has moved for {STUCK:?}");
        }
        let ready: Vec<_> =
            self.events.iter().map(|event| (event.token().0, event.is_readable())).collect();
        for (index, readable) in ready {
            if readable {
                self.publishers[index].read(self.media)?;
            }
            self.write(index)?;
        }
        for _ in 0..self.runnable.len() {
            let Some(index) = self.runnable.pop_front() else { break };
            self.publishers[index].queued = false;
            self.write(index)?;
        }
        Ok(())
    }

    fn write(&mut self, index: usize) -> Result<()> {
        let publisher = &mut self.publishers[index];
        if publisher.write(self.media)? == Turn::More && !publisher.queued {
            publisher.queued = true;
            self.runnable.push_back(index);
        }
        Ok(())
    }
}
