//! A publisher that knows what it sent, and asserts that all of it is in its recording.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::flv::{self, Tag};
use crate::handshake::filler;
use crate::peer::Peer;
use crate::server::Server;
use crate::tool::wait_for_len;

/// A publisher of frames, no two of them alike.
pub struct Steady {
    /// What it says and hears.
    pub peer: Peer,
    /// The name it publishes under.
    pub stream: String,
    /// What it has sent.
    pub sent: Vec<Tag>,
}

impl Steady {
    /// Begins to publish.
    pub fn start(addr: SocketAddr, app: &str, stream: &str) -> Self {
        let mut peer = Peer::publishing(addr, app, stream);
        peer.send(|script| script.chunk_size(65_536));
        Self { peer, stream: stream.to_owned(), sent: Vec::new() }
    }

    /// Sends a frame of `len` bytes.
    pub fn frame(&mut self, len: usize) {
        self.frames(1, len);
    }

    /// Sends frames of `len` bytes each, all at once.
    pub fn frames(&mut self, count: usize, len: usize) {
        let first = self.sent.len();
        for at in first..first + count {
            let at = u32::try_from(at).expect("frames are few");
            let mut body = filler(len, at * 2 + 1);
            // Frames of H.264, and nothing that looks like something else.
            let start = if at == 0 { [0x17, 1] } else { [0x27, 1] };
            body[..2].copy_from_slice(&start);
            self.sent.push(Tag { kind: 9, timestamp: at * 40, body });
        }
        let new = &self.sent[first..];
        self.peer
            .send(|script| new.iter().fold(script, |s, tag| s.video(tag.timestamp, &tag.body)));
    }

    /// Waits until everything sent so far is in the file.
    pub fn recorded(&mut self, server: &Server) {
        self.peer.barrier();
        wait_for_len(&server.publishing(&self.stream), file_len(&self.sent));
    }

    /// Stops publishing, and asserts that the server's account is complete and true.
    pub fn finish(mut self, server: &Server) -> PathBuf {
        self.peer.send(|script| script.delete_stream(1.0));
        self.assert_complete(server)
    }

    /// Stops publishing, and asserts that the server's account is complete, whatever else is in the
    /// recording.
    pub fn finish_as_peer(mut self, server: &Server) -> PathBuf {
        self.peer.send(|script| script.delete_stream(1.0));
        server.complete(&self.stream)
    }

    /// Asserts that the recording has ended, with all that was sent.
    pub fn assert_complete(&self, server: &Server) -> PathBuf {
        let path = server.complete(&self.stream);
        self.assert_recorded(&path);
        path
    }

    /// Asserts that a file has all that was sent, and nothing else.
    pub fn assert_recorded(&self, path: &Path) {
        let tags = flv::read(path);
        assert_eq!(tags.len(), self.sent.len(), "tags in {}", path.display());
        assert!(tags == self.sent, "other tags in {}", path.display());
    }
}

/// The length of a file with these tags, in bytes.
pub fn file_len(tags: &[Tag]) -> u64 {
    tags.iter().map(|tag| tag.body.len() as u64 + 15).sum::<u64>() + 13
}
