//! The protocol core in this process.

use std::ops::Range;

use anyhow::Result;
use sluicebox_core::{Close, Config, Event, Reject, Session, StreamId, Tally};
use sluicebox_server::{Backend, Ingest};

/// Opens sessions in this process.
pub(crate) struct Native;

/// A session, and what of the worker's buffer it has not taken in yet.
pub(crate) struct InProcess {
    session: Session,
    fed: Range<usize>,
}

impl Backend for Native {
    type Ingest = InProcess;

    fn open(&self, config: Config, seed: u64) -> Result<InProcess> {
        Ok(InProcess { session: Session::new(config, seed), fed: 0..0 })
    }
}

impl Ingest for InProcess {
    fn space<'a>(&'a mut self, scratch: &'a mut [u8]) -> Result<&'a mut [u8]> {
        Ok(scratch)
    }

    fn feed(&mut self, len: usize) -> Result<()> {
        self.fed = 0..len;
        Ok(())
    }

    fn poll<'a>(&'a mut self, scratch: &[u8]) -> Result<Option<Event<'a>>> {
        let mut input = &scratch[self.fed.clone()];
        let event = self.session.poll(&mut input)?;
        self.fed.start = self.fed.end - input.len();
        Ok(event)
    }

    fn accept(&mut self, stream: StreamId) -> Result<()> {
        self.session.accept(stream);
        Ok(())
    }

    fn reject(&mut self, stream: StreamId, why: Reject) -> Result<()> {
        self.session.reject(stream, why);
        Ok(())
    }

    fn reconnect(&mut self, url: &str) -> Result<bool> {
        Ok(self.session.reconnect(url))
    }

    fn idle(&mut self) -> Result<()> {
        self.session.idle();
        Ok(())
    }

    fn close(&mut self, why: Close) -> Result<()> {
        self.session.close(why);
        Ok(())
    }

    fn received(&self) -> u64 {
        self.session.received()
    }

    fn stray(&self) -> Tally {
        self.session.stray()
    }

    fn trim(&mut self, _crowded: bool) -> Result<()> {
        self.session.trim();
        Ok(())
    }
}
