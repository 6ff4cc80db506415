//! What follows from recordings, beside them: events, and what is done with finished files.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::closing::Closings;
use crate::events::{Event, Events};
use crate::facts::Facts;
use crate::flags::Flags;
use crate::recording::{Left, Segment, Watch};
use crate::retention::Retention;
use crate::sidecar;
use crate::sink::Sinks;
use crate::stalls::Stalls;

/// Longest time that the last events may take, beyond the time for finishing.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Everything that follows from recordings.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) events: Arc<Events>,
    stalls: Arc<Stalls>,
    closings: Arc<Closings>,
    pub(crate) sinks: Arc<Sinks>,
}

impl Services {
    /// Starts what is wanted.
    pub(crate) fn start(flags: &Flags) -> Result<Self> {
        let events = Events::start(flags.events())?;
        let stalls = Stalls::start(&events)?;
        let retention = flags
            .keep()?
            .map(|keep| Retention::start(flags.record_dir.clone(), keep, events.clone()))
            .transpose()?;
        let closings = Arc::new(Closings::start(flags.closings(), &events, retention)?);
        let sinks = Sinks::new(flags.sinks()?, events.clone());
        Ok(Self { events, stalls, closings, sinks })
    }

    /// Watches a stream and its files.
    pub(crate) fn watch(&self, facts: &Arc<Facts>) -> Box<dyn Watch> {
        self.stalls.add(facts);
        let (events, closings) = (self.events.clone(), self.closings.clone());
        Box::new(Watcher { facts: facts.clone(), events, closings })
    }

    /// What follows for a file that was left, when it is finished.
    pub(crate) fn recover(&self) -> impl Fn(Left) + Send + use<> {
        let (events, closings) = (self.events.clone(), self.closings.clone());
        move |left| match left {
            Left::Recovered(recovered) => {
                let closed = Event::SegmentClosed {
                    path: &recovered.path.display().to_string(),
                    segment: recovered.segment,
                    bytes: recovered.len,
                    messages: recovered.tally.messages,
                    seconds: sidecar::seconds(recovered.duration),
                    recovered: true,
                };
                // Of one that was finished in order, that was told when it was closed.
                if !recovered.finished {
                    events.note(recovered.origin.as_ref().map(|origin| &origin.about), &closed);
                }
                closings.give_recovered(recovered);
            }
            Left::Kept(kept) => closings.give_kept(kept),
            Left::Empty(path, origin, bytes) => {
                let path = path.display().to_string();
                let deleted = Event::Deleted { path: &path, why: "empty", bytes };
                events.note(origin.as_ref().map(|origin| &origin.about), &deleted);
            }
        }
    }

    /// Finishes what is to be done, up to `deadline`; says whether it is. `ended`: all streams have.
    pub(crate) fn close(&self, deadline: Instant, ended: bool) -> bool {
        if !ended {
            self.stalls.tell_unfinished(&self.events);
        }
        let done = self.sinks.close(deadline) & self.closings.close(deadline);
        // What was said at the deadline itself has to be written, too.
        self.events.close(deadline.max(Instant::now() + LAST_LINES));
        done
    }
}

/// Passes on what becomes of the files of one stream.
struct Watcher {
    facts: Arc<Facts>,
    events: Arc<Events>,
    closings: Arc<Closings>,
}

impl Watch for Watcher {
    fn opened(&mut self, segment: &Segment) {
        let path = segment.path.display().to_string();
        let about = {
            let mut known = self.facts.lock();
            known.path.clone_from(&path);
            known.about.clone()
        };
        let opened = Event::SegmentOpened { path: &path, segment: segment.number };
        self.events.tell(&about, &opened);
    }

    fn closed(&mut self, segment: &Segment) {
        let path = segment.path.display().to_string();
        let closed = Event::SegmentClosed {
            path: &path,
            segment: segment.number,
            bytes: segment.len,
            messages: segment.tally.messages,
            seconds: sidecar::seconds(segment.duration),
            recovered: false,
        };
        self.events.tell(&self.facts.about(), &closed);
        if path != "-" {
            self.closings.give(&self.facts, segment);
        }
    }

    fn lost(&mut self, segment: &Segment, error: &str) {
        let path = segment.path.display().to_string();
        let failed = Event::Failed { what: "recording", error, path: Some(&path) };
        self.events.tell(&self.facts.about(), &failed);
    }

    fn stumbles(&mut self, segment: &Segment, error: &dyn Display) {
        let (path, error) = (segment.path.display().to_string(), error.to_string());
        let failed = Event::Failed { what: "write", error: &error, path: Some(&path) };
        self.events.tell(&self.facts.about(), &failed);
    }

    fn goes_on(&mut self, segment: &Segment, after: Duration) {
        let path = segment.path.display().to_string();
        let writing = Event::Writing { path: &path, seconds: after.as_secs_f64() };
        self.events.tell(&self.facts.about(), &writing);
    }
}
