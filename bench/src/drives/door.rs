//! The way in: a thread that takes connections as far as publish, so that the rest of whoever has
//! them then never stands between a publisher and its start.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _};

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::recorder::{self, Recorder};
use super::{Options, READ};

const LISTENER: Token = Token(usize::MAX);

pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pub(super) recorder: Recorder,
}

/// What a read came to.
#[derive(PartialEq, Eq)]
pub(super) enum Read {
    /// It filled the buffer: there may be more.
    Full,
    /// The socket is empty for now.
    Short,
    /// The connection is over.
    Over,
}

/// Accepts, and takes connections as far as publish.
pub(super) struct Door<'a> {
    listener: TcpListener,
    poll: Poll,
    options: &'a Options,
    young: HashMap<Token, Connection>,
    buffer: Vec<u8>,
}

impl<'a> Door<'a> {
    pub(super) fn new(listener: &std::net::TcpListener, options: &'a Options) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = TcpListener::from_std(listener.try_clone()?);
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self { listener, poll, options, young: HashMap::new(), buffer: vec![0; READ] })
    }

    /// Runs until something fails; connections that publish go to `publishes`.
    pub(super) fn run(mut self, mut publishes: impl FnMut(Connection) -> Result<()>) -> Result<()> {
        let mut events = Events::with_capacity(256);
        let mut next = 0;
        loop {
            self.poll.poll(&mut events, None)?;
            for event in &events {
                if event.token() == LISTENER {
                    self.accept(&mut next)?;
                    continue;
                }
                if let Some(grown) = self.read(event.token(), event.is_read_closed()) {
                    publishes(grown)?;
                }
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
    pub(super) fn read(&mut self, buffer: &mut [u8], sink: recorder::Sink<'_>) -> Read {
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

pub(super) fn report(result: Result<()>) {
    if let Err(error) = result {
        eprintln!("{error:#}");
    }
}
