//! Accepting connections, and handing out publishers to the media loops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mio::event::Source as _;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

use super::event_loop::EventLoop;
use super::state::FIRST_LISTENER;
use crate::access::Full;
use crate::connection::Connection;
use crate::ingest::Backend;
use crate::run::Shared;

/// Connections accepted before others get their turn.
const ACCEPTS: usize = 64;
/// Least time between two log lines that say that the server is full.
const QUIET: Duration = Duration::from_secs(1);

/// What only the front has.
pub(super) struct Front<B: Backend> {
    listeners: Vec<TcpListener>,
    media: Vec<Arc<EventLoop<B>>>,
    next: AtomicUsize,
    /// Refusals not told yet, and when the last ones were.
    refused: u64,
    told: Option<Instant>,
}

impl<B: Backend> Front<B> {
    pub(super) fn new(listeners: Vec<TcpListener>, media: Vec<Arc<EventLoop<B>>>) -> Self {
        Self { listeners, media, next: AtomicUsize::new(0), refused: 0, told: None }
    }

    pub(super) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        let mut tokens = FIRST_LISTENER..;
        self.listeners.iter_mut().zip(&mut tokens).try_for_each(|(listener, token)| {
            listener.register(registry, Token(token), Interest::READABLE)
        })
    }

    /// Closes the listeners: nobody new.
    pub(super) fn close(&mut self) {
        self.listeners.clear();
    }

    /// The media loop for the next publisher: each in turn.
    pub(super) fn media(&self) -> &Arc<EventLoop<B>> {
        &self.media[self.next.fetch_add(1, Ordering::Relaxed) % self.media.len()]
    }

    /// Accepts what waits at every listener, up to a bound. True: there may be more.
    pub(super) fn accept(
        &mut self,
        shared: &Arc<Shared<B>>,
        mut adopt: impl FnMut(Box<Connection<B>>),
    ) -> bool {
        let mut more = false;
        for at in 0..self.listeners.len() {
            let mut left = ACCEPTS;
            loop {
                match self.listeners[at].accept() {
                    Ok((socket, peer)) => {
                        if let Some(connection) = self.admit(socket, peer, shared) {
                            adopt(Box::new(connection));
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if passes(&error) => {}
                    Err(error) => {
                        // Out of descriptors or memory: later, when others have ended.
                        self.tell(&format!("cannot accept: {error}"));
                        more = true;
                        break;
                    }
                }
                left -= 1;
                if left == 0 {
                    more = true;
                    break;
                }
            }
        }
        more
    }

    fn admit(
        &mut self,
        socket: TcpStream,
        peer: SocketAddr,
        shared: &Arc<Shared<B>>,
    ) -> Option<Connection<B>> {
        let place = match shared.access.enter(peer.ip()) {
            Ok(place) => place,
            Err(Full::Server) => {
                self.tell("the server is full: --max-connections");
                return None;
            }
            Err(Full::Address) => {
                self.tell(&format!("{} has too many connections: --max-per-address", peer.ip()));
                return None;
            }
        };
        match Connection::new(socket, peer, place, shared.clone()) {
            Ok(connection) => Some(connection),
            Err(error) => {
                tracing::error!(%peer, error = format!("{error:#}"), "connection failed");
                None
            }
        }
    }

    /// Logs that somebody was refused, at most once a second.
    fn tell(&mut self, why: &str) {
        self.refused += 1;
        if self.told.is_none_or(|told| told.elapsed() >= QUIET) {
            tracing::warn!(count = self.refused, why, "connections refused");
            self.refused = 0;
            self.told = Some(Instant::now());
        }
    }
}

/// Errors of `accept` that are the peer's: it is gone already.
fn passes(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
