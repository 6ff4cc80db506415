//! The floor: `recv`, `write`, no protocol.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::{Options, READ, recorder};

const LISTENER: Token = Token(usize::MAX);

pub(super) fn run(listener: std::net::TcpListener, options: &Options) -> Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<(TcpStream, File)>> = Vec::new();
    let mut buffer = vec![0; READ];
    // With whether the peer has hung up, so that a short read is not the last.
    let mut ready: HashMap<usize, bool> = HashMap::new();
    loop {
        let wait = if ready.is_empty() { None } else { Some(Duration::ZERO) };
        poll.poll(&mut events, wait)?;
        let round = Instant::now();
        for event in &events {
            if event.token() != LISTENER {
                *ready.entry(event.token().0).or_default() |= event.is_read_closed();
                continue;
            }
            while let Ok((mut socket, _)) = listener.accept() {
                let token = Token(connections.len());
                poll.registry().register(&mut socket, token, Interest::READABLE)?;
                let file = recorder::open(&options.dir.join(format!("{:05}.flv", token.0)))?;
                connections.push(Some((socket, file)));
            }
        }
        let mut full = false;
        ready.retain(|&index, closed| match transfer(&mut connections[index], &mut buffer) {
            Some(len) => {
                full |= len == READ;
                len == READ || *closed
            }
            None => {
                if let Some((_socket, file)) = connections[index].take() {
                    // A file that is too long is seen where files are counted.
                    let _ = recorder::close(file);
                }
                false
            }
        });
        if !full {
            std::thread::sleep(options.tick.saturating_sub(round.elapsed()));
        }
    }
}

/// Reads once and writes it. `None` when the connection is over.
fn transfer(connection: &mut Option<(TcpStream, File)>, buffer: &mut [u8]) -> Option<usize> {
    let (socket, file) = connection.as_mut()?;
    match socket.read(buffer) {
        Ok(len) if len > 0 => file.write_all(&buffer[..len]).is_ok().then_some(len),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(0),
        _ => None,
    }
}
