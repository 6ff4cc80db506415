//! One epoll loop for each core. A connection belongs to one of them from publish to its end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mio::{Events, Interest, Poll, Token, Waker};

use super::door::{Connection, Door, Read};
use super::{Options, READ, recorder};

const WAKER: Token = Token(usize::MAX);

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
    let mut turn = 0..;
    Door::new(listener, options)?.run(|connection| {
        let next = turn.next().unwrap_or_default() % shards.len();
        let (sender, waker) = &shards[next];
        sender.send(connection).ok().context("a shard is gone")?;
        Ok(waker.wake()?)
    })
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
