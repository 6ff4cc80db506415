//! A recording whose publisher has ended or is lost.

use std::sync::Arc;
use std::time::Duration;

use sluicebox_core::{End, Ledger};
use sluicebox_rules::account::{Account, reason};
use sluicebox_rules::name::PublishPoint;

use crate::events::{self, Event};
use crate::facts::Facts;
use crate::ingest::Backend;
use crate::moment::Moment;
use crate::recording::Recording;
use crate::run::Shared;
use crate::sidecar;
use crate::sink::Outlets;

/// A recording without a publisher: it is finished, or waits for the publisher to come back.
pub(crate) struct Unfinished {
    pub(super) point: PublishPoint,
    pub(super) recording: Recording,
    pub(super) facts: Arc<Facts>,
    pub(super) outlets: Option<Box<Outlets>>,
    /// The accounts of all its publishers together.
    pub(super) ledger: Ledger,
    /// Who ended it last.
    pub(super) why: End,
    /// When its publisher was last heard.
    pub(super) heard: Moment,
}

impl Unfinished {
    /// Closes the recording and gives the account of it.
    pub(crate) fn finish<B: Backend>(mut self, shared: &Shared<B>) {
        let (ledger, why) = (self.ledger, reason(self.why));
        if let Some(outlets) = self.outlets {
            self.facts.lock().sinks = outlets.results();
        }
        // Whoever sees the last file closed finds the account there.
        self.recording.settle();
        self.facts.lock().account = Some(Account { ledger, recorded: self.recording.written() });
        let finished = self.recording.finish();
        let account = Account { ledger, recorded: finished.written };
        shared.outcome().ended(&account);
        let about = self.facts.about();
        let path = finished.last.path.display().to_string();
        let codecs = self.facts.stats.codecs();
        let seconds = sidecar::seconds(finished.duration);
        let told = events::Ended {
            path: &path,
            segments: finished.segments,
            why,
            codecs: &codecs,
            seconds,
            messages_received: ledger.received.messages,
            bytes_received: ledger.received.bytes,
            tags_written: account.recorded.messages,
            bytes_written: account.recorded.bytes,
            bytes_unwrapped: ledger.unwrapped,
            messages_refused: account.lost(),
            complete: account.complete(),
        };
        tracing::info!(
            peer = %about.peer,
            app = about.app,
            stream = about.stream,
            path,
            why,
            codecs,
            seconds,
            messages_received = told.messages_received,
            bytes_received = told.bytes_received,
            tags_written = told.tags_written,
            bytes_written = told.bytes_written,
            bytes_unwrapped = told.bytes_unwrapped,
            messages_refused = told.messages_refused,
            complete = told.complete,
            "ended"
        );
        shared.services.events.tell(&about, &Event::Ended(told));
    }
}

impl Unfinished {
    /// Says that it waits.
    pub(super) fn tell_waiting<B>(&self, grace: Duration, shared: &Shared<B>) {
        let about = self.facts.about();
        let path = self.recording.path().display().to_string();
        let (why, seconds) = (reason(self.why), grace.as_secs_f64());
        let (peer, app, stream) = (about.peer, &about.app, &about.stream);
        tracing::info!(%peer, app, stream, path, why, seconds, "publisher lost, recording waits");
        shared.services.events.tell(&about, &Event::Waiting { path: &path, why, seconds });
    }
}

/// Whether a publisher may not have meant to end.
pub(super) fn is_unclean(why: End) -> bool {
    use sluicebox_core::Close;
    matches!(why, End::Closed(Close::Gone | Close::Idle) | End::Failed)
}
