//! Replies on their way to the peer.

use std::io::{self, Write as _};

use anyhow::{Result, bail};
use mio::net::TcpStream;

/// Bytes that a peer may leave unread. Replies to honest peers take some hundred.
const MOST: usize = 256 << 10;

/// What the socket did not take yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    unsent: Vec<u8>,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Sends what is left from before.
    pub(super) fn flush(&mut self, socket: &mut TcpStream) {
        if !self.unsent.is_empty() {
            let sent = write(socket, &self.unsent);
            self.unsent.drain(..sent);
            self.unsent.shrink_to(0);
        }
    }

    /// Sends `bytes` after what is left from before.
    ///
    /// # Errors
    ///
    /// When the peer leaves too much unread.
    pub(super) fn send(&mut self, socket: &mut TcpStream, bytes: &[u8]) -> Result<()> {
        self.flush(socket);
        let sent = if self.unsent.is_empty() { write(socket, bytes) } else { 0 };
        self.unsent.extend_from_slice(&bytes[sent..]);
        if self.unsent.len() > MOST {
            bail!("the peer does not read replies");
        }
        Ok(())
    }
}

/// How much of `bytes` need not be sent again.
fn write(socket: &mut TcpStream, bytes: &[u8]) -> usize {
    let mut sent = 0;
    while sent < bytes.len() {
        match socket.write(&bytes[sent..]) {
            Ok(len) => sent += len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The peer is gone for good: reading tells, after what it had sent.
            Err(_) => return bytes.len(),
        }
    }
    sent
}
