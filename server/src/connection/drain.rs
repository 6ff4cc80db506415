//! Letting a connection go when the server stops.

use anyhow::Result;
use sluicebox_rules::clock::Phase;

use super::Connection;
use crate::ingest::{Backend, Ingest as _};

impl<B: Backend> Connection<B> {
    /// Whether the server has stopped for this connection: for publishers later than for others,
    /// if it drains.
    pub(super) fn is_stopped(&self) -> bool {
        let stop = &self.shared.stop;
        let stopped = stop.raised() || (stop.draining() && !self.publishes());
        stopped && self.clock.phase() != Phase::Lingering
    }

    /// Whether the server stops, and the peer has not been told where to go.
    pub(super) fn has_to_be_asked(&self) -> bool {
        self.shared.stop.draining() && !self.asked && self.clock.phase() != Phase::Lingering
    }

    /// Asks a peer that can to connect anew. It sends on until it is there.
    pub(super) fn ask_to_reconnect(&mut self, scratch: &[u8]) -> Result<()> {
        self.asked = true;
        let elsewhere = self.shared.reconnect_to.as_ref();
        let url = elsewhere.map(|elsewhere| elsewhere.url(&self.app)).unwrap_or_default();
        if self.ingest.reconnect(&url)? {
            tracing::info!(peer = %self.peer, url, "asked to connect anew");
            self.poll(scratch)?;
        }
        Ok(())
    }
}
