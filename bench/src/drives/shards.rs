//! One epoll loop for each core. A connection belongs to one of them from publish to its end.
//!
//! A further thread, the door, takes a connection as far as publish, so that a shard's rest never
//! stands between a publisher and its start.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use super::recorder::{self, Recorder};
use super::{Options, READ};

const WAKER: Token = Token(usize::MAX);

struct Connection {
    socket: TcpStream,
    recorder: Recorder,
}

/// What a read came to.
#[derive(PartialEq, Eq)]
enum Read {
    /// It filled the buffer: there may be more.
    Full,
    /// The socket is empty for now.
    Short,
    /// The connection is over.
    Over,
}

pub(super) fn run(listener: &std::net::TcpListener, options: &Options) -> Result<()> {
    let mut shards = Vec::new();
    for _ in 0..options.workers {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let (sender, receiver) = mpsc::channel();
        let options = options.clone();
        thread::spawn(move || Shard::new(poll, receiver, &options).run());
        shards.push((sender, waker));
    }
    Door::new(listener, options)?.run(&shards)
}

/// Accepts, and takes connections as far as publish.
struct Door<'a> {
    listener: TcpListener,
    poll: Poll,
    options: &'a Options,
    young: HashMap<Token, Connection>,
    buffer: Vec<u8>,
}

impl<'a> Door<'a> {
    fn new(listener: &std::net::TcpListener, options: &'a Options) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener.try_clone()?);
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, WAKER, Interest::READABLE)?;
        Ok(Self { listener, poll, options, young: HashMap::new(), buffer: vec![0; READ] })
    }

    fn run(mut self, shards: &[(Sender<Connection>, Waker)]) -> Result<()> {
        let mut events = Events::with_capacity(256);
        let mut turn = shards.iter().cycle();
        let mut next = 0;
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                if event.token() == WAKER {
                    self.accept(&mut next)?;
                    continue;
                }
                let Some(grown) = self.read(event.token(), event.is_read_closed()) else {
                    continue;
                };
                let (sender, waker) = turn.next().context("no shards")?;
                sender.send(grown).ok().context("a shard is gone")?;
                waker.wake()?;
            }
        }
    }

    fn accept(&mut self, next: &mut usize) -> Result<()> {
        while let Ok((mut socket, _)) = self.listener.accept() {
            socket.set_nodelay(true)?;
            let token = Token(*next);
            *next += 1;
            self.poll.registry().register(&mut socket, token, Interest::READABLE)?;
            let recorder = Recorder::new(self.options.dir.clone());
            self.young.insert(token, Connection { socket, recorder });
        }
        Ok(())
    }

    /// Reads what is there; the connection, once it publishes.
    fn read(&mut self, token: Token, closed: bool) -> Option<Connection> {
        let connection = self.young.get_mut(&token)?;
        let over = loop {
            match connection.read(&mut self.buffer, &mut recorder::write) {
                Read::Full if !connection.recorder.is_live() => {}
                Read::Short if closed && !connection.recorder.is_live() => {}
                read => break read == Read::Over,
            }
        };
        if !over && !connection.recorder.is_live() {
            return None;
        }
        let mut connection = self.young.remove(&token)?;
        self.poll.registry().deregister(&mut connection.socket).ok()?;
        (!over).then_some(connection)
    }
}

impl Connection {
    fn read(&mut self, buffer: &mut [u8], sink: recorder::Sink<'_>) -> Read {
        match self.socket.read(buffer) {
            Ok(0) => {
                report(self.recorder.finish(sink));
                Read::Over
            }
            Ok(len) => match self.recorder.take(&buffer[..len], &self.socket, sink) {
                Ok(()) if len == buffer.len() => Read::Full,
                Ok(()) => Read::Short,
                error => {
                    report(error);
                    Read::Over
                }
            },
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::Short,
            Err(error) => {
                report(Err(error.into()));
                Read::Over
            }
        }
    }
}

fn report(result: Result<()>) {
    if let Err(error) = result {
        eprintln!("{error:#}");
    }
}

struct Shard {
    poll: Poll,
    incoming: Receiver<Connection>,
    tick: Duration,
    reads: usize,
    trim: bool,
    guard: Option<Arc<AtomicU64>>,
    connections: HashMap<Token, Mutex<Connection>>,
    next: usize,
    buffer: Vec<u8>,
}

impl Shard {
    fn new(poll: Poll, incoming: Receiver<Connection>, options: &Options) -> Self {
        Self {
            poll,
            incoming,
            tick: options.tick,
            reads: options.reads,
            trim: options.trim,
            guard: options.guard.then(Arc::default),
            connections: HashMap::new(),
            next: 0,
            buffer: vec![0; READ],
        }
    }

    fn run(mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        // Whether the peer has hung up, so that a short read is not the last.
        let mut ready: HashMap<Token, bool> = HashMap::new();
        loop {
            let wait = if ready.is_empty() { None } else { Some(Duration::ZERO) };
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            }
            let round = Instant::now();
            for event in &events {
                if event.token() == WAKER {
                    self.adopt()?;
                } else {
                    *ready.entry(event.token()).or_default() |= event.is_read_closed();
                }
            }
            let mut full = false;
            ready.retain(|&token, closed| match self.turn(token) {
                Read::Full => {
                    full = true;
                    true
                }
                Read::Short => *closed,
                Read::Over => {
                    self.connections.remove(&token);
                    false
                }
            });
            if !full {
                thread::sleep(self.tick.saturating_sub(round.elapsed()));
            }
        }
    }

    fn adopt(&mut self) -> Result<()> {
        while let Ok(mut connection) = self.incoming.try_recv() {
            let token = Token(self.next);
            self.next += 1;
            let interest = Interest::READABLE;
            self.poll.registry().register(&mut connection.socket, token, interest)?;
            self.connections.insert(token, Mutex::new(connection));
        }
        Ok(())
    }

    /// Reads until the socket is empty or others are due: while the session's buffers are warm.
    fn turn(&mut self, token: Token) -> Read {
        let last = (0..self.reads).map(|_| self.read(token)).find(|read| *read != Read::Full);
        if self.trim
            && let Some(connection) = self.connections.get_mut(&token)
        {
            let connection = connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            connection.recorder.trim();
        }
        last.unwrap_or(Read::Full)
    }

    fn read(&mut self, token: Token) -> Read {
        let Some(mark) = &self.guard else {
            let Some(connection) = self.connections.get_mut(&token) else { return Read::Over };
            let connection = connection.get_mut().unwrap_or_else(PoisonError::into_inner);
            return connection.read(&mut self.buffer, &mut recorder::write);
        };
        let Some(connection) = self.connections.get(&token) else { return Read::Over };
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        connection.read(&mut self.buffer, &mut |file: &mut File, tags: &[u8]| -> io::Result<()> {
            mark.store(token.0 as u64 + 1, Ordering::Release);
            let result = recorder::write(file, tags);
            mark.store(0, Ordering::Release);
            result
        })
    }
}
