//! A stream that is being recorded: from the decision to the account.

use std::net::SocketAddr;
use std::sync::Arc;

use sluicebox_core::{Reject, StreamId, Tags, Unpublish};
use sluicebox_rules::account::{Account, reason};

use crate::access::Claim;
use crate::ingest::Backend;
use crate::recording::{Opening, Recording};
use crate::run::Shared;
use crate::stats::Stats;
use sluicebox_rules::name::PublishPoint;

/// A stream that is being recorded.
pub(super) struct Live {
    pub(super) stream: StreamId,
    point: PublishPoint,
    recording: Recording,
    stats: Arc<Stats>,
    /// Nothing more goes into the recording.
    failed: bool,
    _claim: Claim,
}

/// Why a publish is refused: for the peer, and for the log.
type Refusal = (Reject, String);

impl Live {
    /// Begins to record a publish. No file is made before everything that can refuse was asked.
    pub(super) fn begin<B: Backend>(
        stream: StreamId,
        point: PublishPoint,
        peer: SocketAddr,
        shared: &Shared<B>,
    ) -> Result<Self, Refusal> {
        if !shared.apps.is_empty() && !shared.apps.contains(&point.app()) {
            return Err((Reject::Refused, "application is not taken here".into()));
        }
        let claim = shared.access.claim(point.path().into());
        let claim = claim.ok_or_else(|| (Reject::Busy, "name has a publisher".to_owned()))?;
        if !shared.admit() {
            return Err((Reject::Refused, "only one publish is taken".into()));
        }
        let opening = Opening { point: &point, peer, watch: Box::new(()) };
        let recording = shared.destination.open(opening).map_err(|error| {
            if shared.once {
                shared.stop.raise();
            }
            (Reject::Storage, format!("{error:#}"))
        })?;
        shared.outcome().begun();
        let path = recording.path().display().to_string();
        tracing::info!(%peer, app = point.app(), stream = point.stream(), path, "publishing");
        let stats = Arc::new(Stats::default());
        shared.display.add(point.to_string(), &stats);
        Ok(Self { stream, point, recording, stats, failed: false, _claim: claim })
    }

    /// Appends tags to the recording. False: it has failed, just now.
    pub(super) fn append(&mut self, tags: &Tags<'_>) -> bool {
        if self.failed {
            return true;
        }
        if let Err(error) = self.recording.append(tags, &self.stats) {
            self.failed = true;
            let (app, stream) = (self.point.app(), self.point.stream());
            tracing::error!(app, stream, error = format!("{error:#}"), "recording failed");
        }
        !self.failed
    }

    /// Closes the recording and gives the account of it.
    pub(super) fn end<B: Backend>(self, end: Unpublish, peer: SocketAddr, shared: &Shared<B>) {
        let ledger = end.ledger;
        let finished = self.recording.finish();
        let account = Account { ledger, recorded: finished.written };
        shared.outcome().ended(&account);
        tracing::info!(
            %peer,
            app = self.point.app(),
            stream = self.point.stream(),
            path = finished.last.path.display().to_string(),
            why = reason(end.why),
            codecs = self.stats.codecs(),
            seconds = f64::from(self.stats.read().duration) / 1000.0,
            messages_received = ledger.received.messages,
            bytes_received = ledger.received.bytes,
            tags_written = account.recorded.messages,
            bytes_written = account.recorded.bytes,
            bytes_unwrapped = ledger.unwrapped,
            messages_refused = account.lost(),
            complete = account.complete(),
            "ended"
        );
    }

    /// Closes the recording of a session that cannot give an account any more: one that failed in
    /// its sandbox. What was written stays.
    pub(super) fn abandon(self, peer: SocketAddr) {
        let finished = self.recording.finish();
        let path = finished.last.path.display().to_string();
        let tags_written = finished.written.messages;
        tracing::error!(%peer, path, tags_written, complete = false, "ended without an account");
    }
}
