//! A stream that is being recorded: from the decision until its publisher ends.

use std::sync::Arc;
use std::time::Duration;

use sluicebox_core::{End, Ledger, Reject, StreamId, Tags, Unpublish};
use sluicebox_rules::account::{joined, reason};
use sluicebox_rules::name::PublishPoint;

use super::unfinished::{Unfinished, is_unclean};
use crate::access::{Answer, Claim, Pulse};
use crate::events::{About, Event};
use crate::facts::Facts;
use crate::ingest::Backend;
use crate::moment::{Moment, now};
use crate::recording::{Opening, Recording, Resume};
use crate::run::Shared;
use crate::sink::Outlets;

/// A stream that is being recorded.
pub(super) struct Live {
    pub(super) stream: StreamId,
    point: PublishPoint,
    recording: Recording,
    facts: Arc<Facts>,
    outlets: Option<Box<Outlets>>,
    /// The accounts of publishers before this one.
    past: Ledger,
    pulse: Arc<Pulse>,
    /// Nothing more goes into the recording.
    failed: bool,
    /// What is to be told of it once its publisher has been answered.
    news: Option<News>,
    claim: Claim<Unfinished>,
}

/// That a stream is being recorded.
enum News {
    /// In a new recording.
    Begun,
    /// In the one that had waited for so long.
    Returned(Duration),
}

/// A publisher that asks for a name.
pub(super) struct Asker<'a> {
    pub(super) about: Arc<About>,
    pub(super) encoder: &'a str,
    pub(super) pulse: &'a Arc<Pulse>,
    /// When it asked first.
    pub(super) since: Moment,
}

/// What becomes of a publish.
pub(super) enum Begun {
    Live(Box<Live>),
    /// It is to ask again in a moment.
    Later,
    /// Why not: for the peer, and for the log.
    Refused(Reject, String),
}

impl Live {
    /// Begins to record a publish. No file is made before everything that can refuse was asked.
    pub(super) fn begin<B: Backend>(
        stream: StreamId,
        point: &PublishPoint,
        asker: &Asker<'_>,
        shared: &Shared<B>,
    ) -> Begun {
        if !shared.apps.is_empty() && !shared.apps.contains(&point.app()) {
            return Begun::Refused(Reject::Refused, "application is not taken here".into());
        }
        let (claim, waited) = match shared.claims.ask(&point.path(), asker.pulse, asker.since) {
            Answer::Yours(claim, waited) => (claim, waited),
            Answer::Later => return Begun::Later,
            Answer::Taken(why) => return Begun::Refused(Reject::Busy, why.into()),
        };
        if !shared.admit() {
            return Begun::Refused(Reject::Refused, "only one publish is taken".into());
        }
        let begun = match waited {
            Some(unfinished) => Self::go_on(stream, unfinished, asker, claim, shared),
            None => Self::begin_anew(stream, point, asker, claim, shared),
        };
        begun.unwrap_or_else(|error| {
            if shared.once {
                shared.stop.raise();
            }
            Begun::Refused(Reject::Storage, format!("{error:#}"))
        })
    }

    /// Opens a new recording.
    fn begin_anew<B: Backend>(
        stream: StreamId,
        point: &PublishPoint,
        asker: &Asker<'_>,
        claim: Claim<Unfinished>,
        shared: &Shared<B>,
    ) -> anyhow::Result<Begun> {
        let about = &asker.about;
        let facts = Facts::new(about.clone(), asker.encoder, asker.pulse.clone());
        if let Some(output) = shared.destination.output() {
            // To open a FIFO may take as long as its reader wishes.
            facts.lock().path = output.display().to_string();
        }
        let watch = shared.services.watch(&facts);
        let opening = Opening { point, about: about.clone(), watch };
        let recording = shared.destination.open(opening)?;
        let outlets = shared.services.sinks.open(point, &facts)?;
        shared.outcome().begun();
        Ok(Begun::Live(Box::new(Self {
            stream,
            point: point.clone(),
            recording,
            facts,
            outlets,
            past: Ledger::default(),
            pulse: asker.pulse.clone(),
            failed: false,
            news: Some(News::Begun),
            claim,
        })))
    }

    /// Goes on with the recording that waited for its publisher.
    fn go_on<B: Backend>(
        stream: StreamId,
        unfinished: Unfinished,
        asker: &Asker<'_>,
        claim: Claim<Unfinished>,
        shared: &Shared<B>,
    ) -> anyhow::Result<Begun> {
        let Unfinished { point, mut recording, facts, mut outlets, ledger, why, heard } =
            unfinished;
        let away = now().saturating_sub(heard);
        let resumed = recording.resume(if shared.next_segment_on_return {
            Resume::NextSegment
        } else {
            Resume::SameFile(away)
        });
        if let Err(error) = resumed {
            Unfinished { point, recording, facts, outlets, ledger, why, heard }.finish(shared);
            return Err(error);
        }
        if let Some(outlets) = &mut outlets {
            outlets.resume(away);
        }
        facts.publisher(asker.about.clone(), asker.encoder, asker.pulse.clone());
        let pulse = asker.pulse.clone();
        let live = Self {
            stream,
            point,
            recording,
            facts,
            outlets,
            past: ledger,
            pulse,
            failed: false,
            news: Some(News::Returned(away)),
            claim,
        };
        Ok(Begun::Live(Box::new(live)))
    }

    /// Tells that it is being recorded, once. The threads that this wakes would make the publisher wait,
    /// if it had no answer yet.
    pub(super) fn announce<B>(&mut self, shared: &Shared<B>) {
        let Some(news) = self.news.take() else { return };
        let about = self.facts.about();
        let path = self.recording.path().display().to_string();
        let (peer, app, stream) = (about.peer, &about.app, &about.stream);
        let returned = match news {
            News::Begun => {
                tracing::info!(%peer, app, stream, path, "publishing");
                shared.display.add(self.point.to_string(), &self.facts.stats);
                false
            }
            News::Returned(away) => {
                let seconds = away.as_secs_f64();
                tracing::info!(%peer, app, stream, path, seconds, "publisher returned");
                true
            }
        };
        shared.services.events.tell(&about, &Event::Publishing { path: &path, returned });
    }

    /// Whether another publisher takes its place.
    pub(super) fn is_asked_to_leave(&self) -> bool {
        self.claim.is_asked_to_leave()
    }

    /// Appends tags to the recording. False: it has failed, just now.
    pub(super) fn append<B>(&mut self, tags: &Tags<'_>, shared: &Shared<B>) -> bool {
        if self.failed {
            return true;
        }
        if let Err(error) = self.recording.append(tags, &self.facts.stats) {
            self.failed = true;
            let about = self.facts.about();
            let error = format!("{error:#}");
            tracing::error!(app = about.app, stream = about.stream, error, "recording failed");
            let path = self.recording.path().display().to_string();
            let failed = Event::Failed { what: "recording", error: &error, path: Some(&path) };
            shared.services.events.tell(&about, &failed);
        } else if let Some(outlets) = &mut self.outlets {
            outlets.append(tags);
        }
        !self.failed
    }

    /// The peer has gone quiet: what waits in memory is written.
    pub(super) fn rest(&mut self) {
        self.recording.rest();
    }

    /// Ends the stream: the recording is finished, or left for its publisher to come back.
    pub(super) fn end<B: Backend>(self, end: Unpublish, shared: &Shared<B>) {
        let waits = self.may_wait(end.why, shared);
        let heard = self.pulse.last_heard();
        let Self { point, recording, facts, outlets, past, claim, .. } = self;
        facts.publisher_ended(reason(end.why), &shared.services.events);
        let ledger = joined(past, end.ledger);
        let rest = Unfinished { point, recording, facts, outlets, ledger, why: end.why, heard };
        let Some(grace) = waits else {
            // The name is free when its recording is finished.
            rest.finish(shared);
            return drop(claim);
        };
        rest.tell_waiting(grace, shared);
        if let Some(surplus) = claim.leave(rest, grace) {
            surplus.finish(shared);
        }
    }

    /// How long the recording is to wait for its publisher to come back. None: not at all.
    fn may_wait<B>(&self, why: End, shared: &Shared<B>) -> Option<Duration> {
        let silent = why == End::Rejected(Reject::Busy) && self.claim.is_asked_to_leave();
        let unclean = is_unclean(why) || silent;
        let empty = self.recording.written().messages == 0;
        shared.grace.filter(|_| unclean && !self.failed && !empty)
    }

    /// Closes the recording of a session that cannot give an account any more: one that failed in
    /// its sandbox. What was written stays.
    pub(super) fn abandon<B>(self, shared: &Shared<B>) {
        let about = self.facts.about();
        let error = "ended without an account";
        self.facts.publisher_ended(error, &shared.services.events);
        let finished = self.recording.finish();
        let path = finished.last.path.display().to_string();
        let (peer, tags_written) = (about.peer, finished.written.messages);
        tracing::error!(%peer, path, tags_written, complete = false, "{error}");
        let failed = Event::Failed { what: "session", error, path: Some(&path) };
        shared.services.events.tell(&about, &failed);
    }
}
