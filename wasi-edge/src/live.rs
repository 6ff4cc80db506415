//! A stream that is being recorded: from the decision to the account.

use alloc::string::String;

use sluicebox_core::{Reject, StreamId, Tags, Unpublish};
use sluicebox_rules::account::{Account, reason};
use sluicebox_rules::name::PublishPoint;
use sluicebox_rules::stats::Stats;

use crate::edge::Edge;
use crate::log::Level;
use crate::recording::Recording;
use crate::system::System;

/// A stream that is being recorded.
pub(crate) struct Live<S: System> {
    pub(crate) stream: StreamId,
    point: PublishPoint,
    recording: Recording<S::File>,
    stats: Stats,
    /// Nothing more goes into the recording.
    failed: bool,
}

/// Why a publish is refused: for the peer, and for the log.
type Refusal = (Reject, String);

impl<S: System> Live<S> {
    /// Begins to record a publish. No file is made before everything that can refuse was asked.
    pub(crate) fn begin(
        stream: StreamId,
        point: PublishPoint,
        peer: &str,
        edge: &mut Edge<S>,
    ) -> Result<Self, Refusal> {
        let (app, path) = (point.app(), point.path());
        if !edge.settings.apps.is_empty() && !edge.settings.apps.contains(&app) {
            return Err((Reject::Refused, "application is not taken here".into()));
        }
        if edge.live.contains(&path) {
            return Err((Reject::Busy, "name has a publisher".into()));
        }
        if !edge.admit() {
            return Err((Reject::Refused, "only one publish is taken".into()));
        }
        let recording = match &edge.settings.output {
            Some(output) => Recording::exactly(output, &mut edge.system),
            None => Recording::create(&path, &mut edge.system),
        };
        let recording = recording.map_err(|why| {
            edge.give_up();
            (Reject::Storage, why)
        })?;
        edge.live.insert(path);
        edge.outcome.begun();
        let line = edge.line(Level::Info, "publishing").plain("peer", peer);
        let line = line.text("app", app).text("stream", point.stream());
        edge.say(line.text("path", edge.shown(recording.path())));
        Ok(Self { stream, point, recording, stats: Stats::default(), failed: false })
    }

    /// Appends tags to the recording. False: it has failed, just now.
    pub(crate) fn append(&mut self, tags: &Tags<'_>, edge: &mut Edge<S>) -> bool {
        if self.failed {
            return true;
        }
        if let Err(why) = self.recording.append(tags, &self.stats) {
            self.failed = true;
            let line = edge.line(Level::Error, "recording failed").text("app", self.point.app());
            edge.say(line.text("stream", self.point.stream()).text("error", why));
        }
        !self.failed
    }

    /// Closes the recording and gives the account of it.
    pub(crate) fn end(self, end: Unpublish, peer: &str, edge: &mut Edge<S>) {
        let ledger = end.ledger;
        let account = Account { ledger, recorded: self.recording.written() };
        edge.outcome.ended(&account);
        edge.live.remove(&self.point.path());
        let millis = self.stats.read().duration;
        let line = edge
            .line(Level::Info, "ended")
            .plain("peer", peer)
            .text("app", self.point.app())
            .text("stream", self.point.stream())
            .text("path", edge.shown(self.recording.path()))
            .text("why", reason(end.why))
            .text("codecs", self.stats.codecs())
            .value("seconds", f64::from(millis) / 1000.0)
            .value("messages_received", ledger.received.messages)
            .value("bytes_received", ledger.received.bytes)
            .value("tags_written", account.recorded.messages)
            .value("bytes_written", account.recorded.bytes)
            .value("bytes_unwrapped", ledger.unwrapped)
            .value("messages_refused", account.lost())
            .value("complete", account.complete());
        edge.say(line);
    }
}
