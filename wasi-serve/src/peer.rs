//! One connection with its socket.

use alloc::string::ToString as _;
use core::net::{IpAddr, SocketAddr};

use sluicebox_edge::{Connection, Edge};
use wasi::io::poll::Pollable;
use wasi::io::streams::{InputStream, OutputStream, StreamError};
use wasi::sockets::tcp::{ShutdownType, TcpSocket};

use crate::system::Preview2;

/// Longest read, in bytes. Beyond it the cache decides, not the number of calls.
const READ: u64 = 64 << 10;
/// Reads in one turn before others get theirs.
const READS: usize = 8;

/// A peer. The fields are dropped in this order: WASI traps when a socket goes before its streams.
pub(crate) struct Peer {
    pub(crate) readable: Pollable,
    pub(crate) writable: Pollable,
    input: InputStream,
    output: OutputStream,
    socket: TcpSocket,
    pub(crate) connection: Connection<Preview2>,
    pub(crate) address: IpAddr,
    /// The last turn left something unread: it is too fast to rest.
    busy: bool,
    /// Our side of the connection has been ended.
    shut: bool,
}

impl Peer {
    pub(crate) fn new(
        (socket, input, output): (TcpSocket, InputStream, OutputStream),
        address: SocketAddr,
        edge: &mut Edge<Preview2>,
    ) -> Self {
        Self {
            readable: input.subscribe(),
            writable: output.subscribe(),
            input,
            output,
            socket,
            connection: Connection::new(address.to_string(), edge),
            address: address.ip(),
            busy: false,
            shut: false,
        }
    }

    /// Whether its reads may wait for the next round: a publisher that is no faster than life.
    pub(crate) fn rests(&self) -> bool {
        self.connection.publishes() && !self.busy
    }

    /// Whether it waits for its socket to take more.
    pub(crate) fn wants_to_write(&mut self) -> bool {
        !self.connection.outbox().is_empty() || (self.connection.lingers() && !self.shut)
    }

    /// Reads what is there.
    pub(crate) fn read(&mut self, edge: &mut Edge<Preview2>) {
        self.busy = true;
        for _ in 0..READS {
            match self.input.read(READ) {
                Ok(bytes) => {
                    if !bytes.is_empty() {
                        self.connection.feed(&bytes, edge);
                        self.send();
                    }
                    // A short read has emptied the socket.
                    if (bytes.len() as u64) < READ {
                        self.busy = false;
                        return;
                    }
                }
                Err(StreamError::Closed) => return self.connection.peer_ended(edge),
                Err(StreamError::LastOperationFailed(error)) => {
                    if self.connection.publishes() {
                        // Some runtimes put a backtrace behind it.
                        let why = error.to_debug_string();
                        edge.warn("connection lost", why.lines().next().unwrap_or_default());
                    }
                    return self.connection.peer_ended(edge);
                }
            }
        }
    }

    /// Sends what there is to send, as far as the socket takes it. That the peer is gone is told by
    /// reading, after what it had sent.
    pub(crate) fn send(&mut self) {
        let outbox = self.connection.outbox();
        while !outbox.is_empty() {
            let Ok(room) = self.output.check_write() else {
                outbox.clear();
                break;
            };
            let len = outbox.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            if len == 0 {
                return;
            }
            if self.output.write(&outbox[..len]).and_then(|()| self.output.flush()).is_err() {
                outbox.clear();
                break;
            }
            outbox.drain(..len);
        }
        // What was written is on its way when there is room again.
        if self.connection.lingers() && !self.shut && !matches!(self.output.check_write(), Ok(0)) {
            self.shut = true;
            // Fails when the peer is gone, which reading tells.
            let _ = self.socket.shutdown(ShutdownType::Send);
        }
    }
}
