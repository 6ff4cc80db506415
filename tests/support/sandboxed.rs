//! The core in the sandbox, driven like the core in this process: input and output must be the
//! same, to the byte.

use std::sync::OnceLock;

use sluicebox_core::{Close, Config, Error, Event, Part, Reject, StreamId, Tally};
use sluicebox_host::{Error as HostError, Sandbox, Session, Settings};

use crate::subject::Subject;

/// A session in the sandbox.
pub struct Sandboxed(Session);

impl Sandboxed {
    /// A new session in the sandbox of this process.
    pub fn new(config: &Config, seed: u64) -> Self {
        static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
        let sandbox = SANDBOX.get_or_init(|| {
            Sandbox::new(&Settings { sessions: 200, ..Settings::default() }).expect("a sandbox")
        });
        Self(sandbox.open(config, seed).expect("an instance"))
    }
}

/// A guest that breaks the interface fails the test.
fn session_error(error: HostError) -> Error {
    match error {
        HostError::Session(error) => error,
        fault => panic!("{fault}"),
    }
}

impl Subject for Sandboxed {
    fn poll(&mut self, input: &mut &[u8]) -> Result<Option<Event<'_>>, Error> {
        let fed = std::mem::take(input);
        let session = &mut self.0;
        if !fed.is_empty() {
            session.space(fed.len()).map_err(session_error)?.copy_from_slice(fed);
            session.feed(fed.len()).map_err(session_error)?;
        }
        session.poll().map_err(session_error)
    }

    fn part(&mut self, least: usize) -> Option<Part<'_>> {
        self.0.part(least).map_err(session_error).expect("it has not failed")
    }

    // A session that has failed says so when it is polled.

    fn accept(&mut self, stream: StreamId) {
        _ = self.0.accept(stream).map_err(session_error);
    }

    fn reject(&mut self, stream: StreamId, why: Reject) {
        _ = self.0.reject(stream, why).map_err(session_error);
    }

    fn reconnect(&mut self, url: &str) -> bool {
        self.0.reconnect(url).map_err(session_error).is_ok_and(|told| told)
    }

    fn idle(&mut self) {
        _ = self.0.idle().map_err(session_error);
    }

    fn close(&mut self, why: Close) {
        _ = self.0.close(why).map_err(session_error);
    }

    fn received(&self) -> u64 {
        self.0.received()
    }

    fn stray(&self) -> Tally {
        self.0.stray()
    }

    fn buffered(&self) -> usize {
        0
    }
}
