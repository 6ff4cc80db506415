//! What is put to the test: the core in this process, or the core in the sandbox.

use sluicebox_core::{Close, Error, Event, Part, Reject, Session, StreamId, Tally};

/// A session, wherever it runs. The contract is that of [`Session`].
pub trait Subject {
    /// See [`Session::poll`].
    fn poll(&mut self, input: &mut &[u8]) -> Result<Option<Event<'_>>, Error>;
    /// See [`Session::part`].
    fn part(&mut self, least: usize) -> Option<Part<'_>>;
    /// See [`Session::accept`].
    fn accept(&mut self, stream: StreamId);
    /// See [`Session::reject`].
    fn reject(&mut self, stream: StreamId, why: Reject);
    /// See [`Session::reconnect`].
    fn reconnect(&mut self, url: &str) -> bool;
    /// See [`Session::idle`].
    fn idle(&mut self);
    /// See [`Session::close`].
    fn close(&mut self, why: Close);
    /// See [`Session::received`].
    fn received(&self) -> u64;
    /// See [`Session::stray`].
    fn stray(&self) -> Tally;
    /// See [`Session::buffered`]; 0 where nobody can tell.
    fn buffered(&self) -> usize;
}

impl Subject for Session {
    fn poll(&mut self, input: &mut &[u8]) -> Result<Option<Event<'_>>, Error> {
        self.poll(input)
    }

    fn part(&mut self, least: usize) -> Option<Part<'_>> {
        self.part(least)
    }

    fn accept(&mut self, stream: StreamId) {
        self.accept(stream);
    }

    fn reject(&mut self, stream: StreamId, why: Reject) {
        self.reject(stream, why);
    }

    fn reconnect(&mut self, url: &str) -> bool {
        self.reconnect(url)
    }

    fn idle(&mut self) {
        self.idle();
    }

    fn close(&mut self, why: Close) {
        self.close(why);
    }

    fn received(&self) -> u64 {
        self.received()
    }

    fn stray(&self) -> Tally {
        self.stray()
    }

    fn buffered(&self) -> usize {
        self.buffered()
    }
}
