//! Where the protocol core runs: the cut between this server and its backends.

use anyhow::Result;
use sluicebox_core::{Close, Config, Event, Reject, StreamId, Tally};

/// Opens sessions; one for the process.
pub trait Backend: Send + Sync + 'static {
    /// What it opens.
    type Ingest: Ingest;

    /// A session that has seen nothing yet; `seed` varies its handshake.
    ///
    /// # Errors
    ///
    /// When there is no room for one more.
    fn open(&self, config: Config, seed: u64) -> Result<Self::Ingest>;

    /// Does beforehand what the next session takes: a connection has just ended, and nobody waits.
    fn prepare(&self) {}
}

/// A session, wherever it runs. Its contract is that of [`Session`](sluicebox_core::Session).
///
/// Every method that fails does so for good: the connection ends, and nothing else.
pub trait Ingest: Send + 'static {
    /// Where the next read from the socket goes: `scratch`, which belongs to the worker, or memory
    /// of the session's own. The same `scratch` is handed to [`poll`](Self::poll) until that gives
    /// `None`.
    fn space<'a>(&'a mut self, scratch: &'a mut [u8]) -> Result<&'a mut [u8]>;

    /// Hands over the first `len` bytes of that space.
    fn feed(&mut self, len: usize) -> Result<()>;

    /// The next event; `None`: everything that was fed is in.
    fn poll<'a>(&'a mut self, scratch: &[u8]) -> Result<Option<Event<'a>>>;

    /// Lets a publish begin.
    fn accept(&mut self, stream: StreamId) -> Result<()>;

    /// Refuses a publish, or ends a live one.
    fn reject(&mut self, stream: StreamId, why: Reject) -> Result<()>;

    /// Asks a peer that can to connect anew, to `url`, or to the address it came to; the session goes
    /// on. False: it has not said that it can.
    fn reconnect(&mut self, url: &str) -> Result<bool>;

    /// The peer has gone quiet: poll for an acknowledgement.
    fn idle(&mut self) -> Result<()>;

    /// Ends the session; poll what is left.
    fn close(&mut self, why: Close) -> Result<()>;

    /// Bytes taken in so far.
    fn received(&self) -> u64;

    /// Media that belongs to no stream.
    fn stray(&self) -> Tally;

    /// Gives back memory that is not in use, at the end of a turn. In a crowd, where many wait for
    /// their turns, what would save time in the next one is not kept either.
    fn trim(&mut self, crowded: bool) -> Result<()>;
}
