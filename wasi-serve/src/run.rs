//! The loop: wait for whoever is ready or due, and give each a turn.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use sluicebox_edge::{Asked, Edge, Form, System as _, parse};
use wasi::cli::environment::{get_arguments, get_environment};
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::io::poll::{Pollable, poll};
use wasi::sockets::network::ErrorCode;

use crate::addresses::from_wasi;
use crate::listen::{Listener, cannot_accept, listen};
use crate::peer::Peer;
use crate::system::{Preview2, say};

/// Connections accepted before others get their turn.
const ACCEPTS: usize = 64;
/// Rest after a connection could not be accepted: out of descriptors, usually.
const RECOVER: Duration = Duration::from_millis(100);
/// Longest wait when nothing is due.
const LONG: Duration = Duration::from_secs(60);

/// Runs the program, until it is ended or its one publish is over.
pub(crate) fn run() -> Result<(), ()> {
    let asked =
        parse(Form::Server, get_arguments().get(1..).unwrap_or_default(), &get_environment());
    match asked.and_then(|asked| match asked {
        Asked::Run(settings) => {
            let mut server = Server::start(*settings)?;
            Ok(server.serve())
        }
        Asked::Say(text) => {
            say(&text);
            Ok(true)
        }
    }) {
        Ok(true) => Ok(()),
        Ok(false) => Err(()),
        Err(why) => {
            say(&format!("error: {why}\n"));
            Err(())
        }
    }
}

struct Server {
    edge: Edge<Preview2>,
    listeners: Vec<Listener>,
    peers: Vec<Peer>,
    /// When publishers are read again.
    round: Duration,
    /// When connections are accepted again.
    accept: Duration,
}

/// Whom a pollable belongs to.
enum Waits {
    Time,
    Listener(usize),
    Readable(usize),
    Writable(usize),
}

impl Server {
    fn start(settings: sluicebox_edge::Settings) -> Result<Self, String> {
        let system = Preview2::new(settings.record_dir.as_deref())?;
        let addresses = settings.listen.clone();
        let folder = system.name.clone();
        let mut edge = Edge::new(settings, system)?;
        let mut listeners = Vec::new();
        for address in addresses {
            let listener = listen(address)?;
            let address = listener.socket.local_address().map_or(address, from_wasi);
            edge.listening(address, &folder);
            listeners.push(listener);
        }
        let now = edge.system.now();
        Ok(Self { edge, listeners, peers: Vec::new(), round: now, accept: now })
    }

    /// Serves until the one publish that was wanted is over. Whether all of it was written.
    fn serve(&mut self) -> bool {
        loop {
            let ready = self.wait();
            let now = self.edge.system.now();
            let round = now >= self.round;
            for waits in ready {
                match waits {
                    Waits::Time => {}
                    Waits::Listener(at) => self.accept(at),
                    Waits::Readable(at) => self.peers[at].read(&mut self.edge),
                    Waits::Writable(at) => self.peers[at].send(),
                }
            }
            if round {
                self.round = now + self.edge.settings.read_interval;
            }
            for peer in &mut self.peers {
                if round && peer.rests() {
                    peer.read(&mut self.edge);
                }
                if peer.connection.due(&self.edge) <= now {
                    peer.connection.tick(&mut self.edge);
                    peer.send();
                }
            }
            self.free_memory();
            if self.edge.stops() {
                self.listeners.clear();
                for peer in &mut self.peers {
                    peer.connection.stop(&mut self.edge);
                    peer.send();
                }
            }
            self.drop_those_that_are_over();
            if self.edge.stops() && self.peers.is_empty() {
                return self.edge.complete();
            }
        }
    }

    /// Waits until somebody is ready or something is due. Who.
    fn wait(&mut self) -> Vec<Waits> {
        let now = self.edge.system.now();
        let mut until = now + LONG;
        let (mut pollables, mut who) = (Vec::new(), Vec::new());
        for peer in &self.peers {
            until = until.min(peer.connection.due(&self.edge));
            if peer.rests() {
                until = until.min(self.round);
            }
        }
        if now < self.accept {
            until = until.min(self.accept);
        }
        let timer = timer(until.saturating_sub(now));
        pollables.push(&timer);
        who.push(Some(Waits::Time));
        let listeners = self.listeners.iter().enumerate().filter(|_| now >= self.accept);
        for (at, listener) in listeners {
            pollables.push(&listener.ready);
            who.push(Some(Waits::Listener(at)));
        }
        for (at, peer) in self.peers.iter_mut().enumerate() {
            if peer.wants_to_write() {
                pollables.push(&peer.writable);
                who.push(Some(Waits::Writable(at)));
            }
            if !peer.rests() {
                pollables.push(&peer.readable);
                who.push(Some(Waits::Readable(at)));
            }
        }
        let ready = poll(&pollables);
        ready.into_iter().filter_map(|at| who.get_mut(at as usize)?.take()).collect()
    }

    /// Accepts who waits at a listener, up to a bound.
    fn accept(&mut self, at: usize) {
        for _ in 0..ACCEPTS {
            // Ended meanwhile by an earlier turn.
            let Some(listener) = self.listeners.get(at) else { return };
            match listener.socket.accept() {
                Ok((socket, input, output)) => {
                    // Gone already, if it has no address.
                    let address = socket.remote_address().ok().map(from_wasi);
                    if let Some(address) = address.filter(|it| self.edge.enter(it.ip())) {
                        let accepted = (socket, input, output);
                        self.peers.push(Peer::new(accepted, address, &mut self.edge));
                    } else {
                        // A socket that goes before its streams is a trap, which ends the whole server.
                        drop((input, output));
                        drop(socket);
                    }
                }
                Err(ErrorCode::WouldBlock) => return,
                Err(ErrorCode::ConnectionAborted | ErrorCode::ConnectionReset) => {}
                Err(code) => {
                    self.edge.cannot_accept(cannot_accept(code));
                    self.accept = self.edge.system.now() + RECOVER;
                    return;
                }
            }
        }
    }

    /// Ends who holds most, until all hold no more than they may.
    fn free_memory(&mut self) {
        while self.edge.is_over_memory() {
            let live = self.peers.iter_mut().filter(|peer| !peer.connection.lingers());
            let Some(most) = live.max_by_key(|peer| peer.connection.held()) else { return };
            most.connection.end_for_memory(&mut self.edge);
        }
    }

    fn drop_those_that_are_over(&mut self) {
        let edge = &mut self.edge;
        self.peers.retain_mut(|peer| {
            let over = peer.connection.is_over(edge);
            if over {
                peer.connection.release(edge);
                edge.leave(peer.address);
            }
            !over
        });
    }
}

fn timer(time: Duration) -> Pollable {
    subscribe_duration(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
