//! A scripted peer on a socket.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::handshake::{Handshake, PART};
use crate::reply::{Reply, parse_replies};
use crate::wire::Script;

/// Longest wait for a reply: far more than it takes, so that a busy machine fails nothing.
const DEADLINE: Duration = Duration::from_secs(30);

/// A client that says what it is told to, and hears what the server says.
pub struct Peer {
    socket: TcpStream,
    script: Script,
    heard: Vec<u8>,
    pings: u32,
}

impl Peer {
    /// Connects and shakes hands, each part checked.
    pub fn connect(addr: SocketAddr, handshake: &Handshake) -> Self {
        let socket = TcpStream::connect(addr).expect("the server accepts connections");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a read timeout");
        let mut peer = Self { socket, script: Script::new(), heard: Vec::new(), pings: 0 };
        peer.write(&handshake.c0c1());
        peer.hear(|heard| (heard.len() > 2 * PART).then_some(()), "S0S1S2");
        let c2 = handshake.c2(&peer.heard[..=2 * PART]);
        peer.write(&c2);
        peer
    }

    /// Connects and goes on until the server says that publishing has started.
    pub fn publishing(addr: SocketAddr, app: &str, name: &str) -> Self {
        let mut peer = Self::connect(addr, &Handshake::Simple);
        peer.send(|script| script.connect(app));
        peer.wait_for(|reply| reply.is("_result"));
        peer.send(|script| script.release_stream(name).fc_publish(name).create_stream());
        peer.wait_for(|reply| {
            reply
                .command()
                .is_some_and(|command| command.name == "_result" && command.transaction == 4.0)
        });
        peer.send(|script| script.publish(1, name));
        peer.wait_for_code("NetStream.Publish.Start");
        peer
    }

    /// Sends what the script says next.
    pub fn send(&mut self, next: impl FnOnce(Script) -> Script) {
        assert!(self.try_send(next), "the server reads");
    }

    /// Waits for a reply, and returns it.
    pub fn wait_for(&mut self, wanted: impl Fn(&Reply) -> bool) -> Reply {
        self.hear(|heard| parse_replies(heard).into_iter().find(|reply| wanted(reply)), "reply")
    }

    /// Waits for a reply with this `code`.
    pub fn wait_for_code(&mut self, code: &str) -> Reply {
        let find = |heard: &[u8]| {
            let is_it = |reply: &Reply| reply.code().as_deref() == Some(code);
            parse_replies(heard).into_iter().find(is_it)
        };
        self.hear(find, code)
    }

    /// Waits until the server has read everything sent so far: it answers a ping sent now. This
    /// works in the middle of a message, too.
    pub fn barrier(&mut self) {
        self.pings += 1;
        let time = self.pings;
        self.send(|script| script.ping(time));
        self.wait_for(|reply| reply.is_pong(time));
    }

    /// Waits until the server closes the connection, and returns all it said.
    pub fn until_closed(mut self) -> Vec<Reply> {
        let start = Instant::now();
        while self.read() {
            assert!(start.elapsed() < DEADLINE, "the server keeps the connection open");
        }
        parse_replies(&self.heard)
    }

    /// As [`until_closed`](Self::until_closed), and asserts that the connection ended in order: a
    /// reset takes back what the server said last.
    pub fn until_ended(mut self) -> Vec<Reply> {
        let start = Instant::now();
        let mut buffer = [0; 4096];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(0) => return parse_replies(&self.heard),
                Ok(len) => self.heard.extend(&buffer[..len]),
                Err(error) => assert!(is_late(&error), "the connection ended with: {error}"),
            }
            assert!(start.elapsed() < DEADLINE, "the server keeps the connection open");
        }
    }

    /// Sends what the script says next. Whether the connection still takes it.
    pub fn try_send(&mut self, next: impl FnOnce(Script) -> Script) -> bool {
        self.script = next(std::mem::take(&mut self.script));
        let bytes = self.script.take();
        self.socket.write_all(&bytes).is_ok()
    }

    /// This end of the connection: what the server's log calls the peer.
    pub fn addr(&self) -> SocketAddr {
        self.socket.local_addr().expect("a connected socket has an address")
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO))
            .expect("SO_LINGER can be set");
    }

    fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("the server reads");
    }

    fn hear<T>(&mut self, find: impl Fn(&[u8]) -> Option<T>, what: &str) -> T {
        let start = Instant::now();
        let mut open = true;
        loop {
            if let Some(found) = find(&self.heard) {
                return found;
            }
            let heard = || parse_replies(&self.heard);
            assert!(open, "closed without {what}; said: {:#?}", heard());
            assert!(start.elapsed() < DEADLINE, "no {what}; said: {:#?}", heard());
            open = self.read();
        }
    }

    /// Reads what is there, or waits a little for it. Whether more can come.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(len) => {
                self.heard.extend(&buffer[..len]);
                len > 0
            }
            Err(error) => is_late(&error),
        }
    }
}

/// Whether nothing has come yet.
fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
