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
    refusals: Refusals,
}

/// Connections that were not taken, and the log line about them, at most once a second.
#[derive(Default)]
struct Refusals {
    /// Not told yet, and why the last was not taken.
    count: u64,
    why: String,
    told: Option<Instant>,
}

impl<B: Backend> Front<B> {
    pub(super) fn new(listeners: Vec<TcpListener>, media: Vec<Arc<EventLoop<B>>>) -> Self {
        Self { listeners, media, next: AtomicUsize::new(0), refusals: Refusals::default() }
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
        self.refusals.tell();
    }

    /// Logs refusals that had to wait, when their time has come.
    pub(super) fn tell_refusals(&mut self) {
        self.refusals.tell_in_time();
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
                        self.refusals.add(format!("cannot accept: {error}"));
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
                self.refusals.add("the server is full: --max-connections".into());
                return None;
            }
            Err(Full::Address) => {
                let why = format!("{} has too many connections: --max-per-address", peer.ip());
                self.refusals.add(why);
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
}

impl Refusals {
    /// One more.
    fn add(&mut self, why: String) {
        (self.count, self.why) = (self.count + 1, why);
        self.tell_in_time();
    }

    /// Logs those not told yet, unless some have been just now.
    fn tell_in_time(&mut self) {
        if self.count > 0 && self.told.is_none_or(|told| told.elapsed() >= QUIET) {
            self.tell();
        }
    }

    /// Logs those not told yet.
    fn tell(&mut self) {
        if self.count > 0 {
            tracing::warn!(count = self.count, why = self.why, "connections refused");
            (self.count, self.told) = (0, Some(Instant::now()));
        }
    }
}

/// Errors of `accept` that are the peer's: it is gone already.
fn passes(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
