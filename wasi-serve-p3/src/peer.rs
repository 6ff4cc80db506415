//! One connection with its socket.

use alloc::rc::Rc;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::net::SocketAddr;
use core::pin::pin;

use futures_util::future::{join, select};
use sluicebox_edge::Connection;
use wasip3::sockets::types::{ErrorCode, TcpSocket};
use wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};
use wasip3::wit_stream;

use crate::listen::name;
use crate::run::Server;
use crate::signal::Signal;
use crate::system::Preview2;

/// Why the peer's bytes broke off, if they did.
type Broken = FutureReader<Result<(), ErrorCode>>;

/// Longest read, in bytes. Beyond it the cache decides, not the number of calls.
const READ: usize = 64 << 10;

/// A peer, as all tasks see it.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) connection: RefCell<Connection<Preview2>>,
    /// There is something to send, or it is over.
    pub(crate) sends: Signal,
    /// The next round of reads has begun.
    pub(crate) round: Signal,
    /// It waits for the next round.
    pub(crate) rests: Cell<bool>,
    /// It is over: whatever is still on its way is given up.
    pub(crate) over: Signal,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr, server: &Server) -> Self {
        let connection = Connection::new(address.to_string(), &mut server.edge.borrow_mut());
        Self {
            address,
            connection: RefCell::new(connection),
            sends: Signal::default(),
            round: Signal::default(),
            rests: Cell::new(false),
            over: Signal::default(),
        }
    }

    /// Serves it to its end.
    pub(crate) async fn serve(self: Rc<Self>, socket: TcpSocket, server: Rc<Server>) {
        {
            let (input, broken) = socket.receive();
            let (output, sent) = wit_stream::new();
            let _sent = socket.send(sent);
            let both = join(self.read(input, broken, &server), self.send(output));
            select(pin!(both), pin!(self.over.taken())).await;
        }
        server.leave(&self);
    }

    async fn read(&self, mut input: StreamReader<u8>, broken: Broken, server: &Server) {
        let mut buffer = Vec::with_capacity(READ);
        loop {
            buffer.clear();
            let (result, bytes) = input.read(buffer).await;
            buffer = bytes;
            if !matches!(result, StreamResult::Complete(_)) {
                break;
            }
            server.turn(self, |connection, edge| connection.feed(&buffer, edge));
            // A publisher that is no faster than life: its next reads may wait for one another.
            if buffer.len() < READ && self.connection.borrow().publishes() {
                self.rests.set(true);
                self.round.taken().await;
                self.rests.set(false);
            }
        }
        // Ended, or broken off: what came until then is all there is.
        let why = broken.await.err();
        server.turn(self, |connection, edge| {
            if let Some(why) = why.filter(|_| connection.publishes()) {
                edge.warn("connection lost", name(&why));
            }
            connection.peer_ended(edge);
        });
    }

    async fn send(&self, mut output: StreamWriter<u8>) {
        loop {
            self.sends.taken().await;
            let replies = core::mem::take(self.connection.borrow_mut().outbox());
            // What is left is left because the peer is gone, which reading tells.
            let _ = output.write_all(replies).await;
            if self.connection.borrow().lingers() {
                // Dropping it ends our side.
                return;
            }
        }
    }
}
