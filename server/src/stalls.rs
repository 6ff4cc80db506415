//! Streams into which nothing goes: noticed from beside, while it lasts. And those that are still
//! there when the server has to end without them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::events::{Event, Events};
use crate::facts::Facts;
use crate::moment::{Moment, now};

/// Time between two looks.
const PERIOD: Duration = Duration::from_secs(1);
/// A stream into which nothing has gone for so long is stalled.
const PATIENCE: Duration = Duration::from_secs(5);

/// The streams that are looked at.
#[derive(Debug, Default)]
pub(crate) struct Stalls {
    streams: Mutex<Vec<Weak<Facts>>>,
    changed: Condvar,
}

impl Stalls {
    pub(crate) fn start(events: &Arc<Events>) -> Result<Arc<Self>> {
        let stalls = Arc::<Self>::default();
        let (own, events) = (stalls.clone(), events.clone());
        let run = move || own.watch(&events);
        thread::Builder::new().name("stalls".into()).spawn(run).context("cannot start a thread")?;
        Ok(stalls)
    }

    /// Looks at a stream from now on, as long as somebody has it.
    pub(crate) fn add(&self, facts: &Arc<Facts>) {
        self.lock().push(Arc::downgrade(facts));
        self.changed.notify_all();
    }

    /// Says which streams have not ended, as the server has to end without them: a write of theirs
    /// hangs. What of them is in their files, a start finishes.
    pub(crate) fn tell_unfinished(&self, events: &Events) {
        for facts in self.lock().iter().filter_map(Weak::upgrade) {
            let (about, path) = {
                let known = facts.lock();
                (known.about.clone(), known.path.clone())
            };
            let (peer, app, stream) = (about.peer, &about.app, &about.stream);
            let written = facts.stats.read();
            let error = "the server stopped before it was finished";
            tracing::error!(
                %peer, app, stream, path,
                bytes_written = written.bytes,
                seconds = f64::from(written.duration) / 1000.0,
                complete = false,
                "{error}"
            );
            let failed = Event::Failed { what: "recording", error, path: Some(&path) };
            events.tell(&about, &failed);
        }
    }

    fn watch(&self, events: &Events) -> ! {
        loop {
            let mut streams = self.lock();
            while streams.is_empty() {
                streams = self.changed.wait(streams).unwrap_or_else(PoisonError::into_inner);
            }
            drop(streams);
            thread::sleep(PERIOD);
            let now = now();
            self.lock().retain(|stream| {
                let facts = stream.upgrade();
                facts.inspect(|facts| look(facts, now, events)).is_some()
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Facts>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells when a stream stalls and when it goes on.
fn look(facts: &Facts, now: Moment, events: &Events) {
    let mut known = facts.lock();
    // Without a publisher it waits for one, which has been told.
    let Some(pulse) = &known.pulse else { return };
    let (heard, busy) = (pulse.last_heard(), pulse.is_busy());
    let stalls = now.saturating_sub(heard) >= PATIENCE;
    if !stalls {
        return known.flows(heard, events);
    }
    if known.stalled.is_some() {
        return;
    }
    known.stalled = Some(heard);
    let why = if busy { "output" } else { "publisher" };
    let seconds = (now - heard).as_secs_f64();
    let (about, path) = (&known.about, &known.path);
    let (peer, app, stream) = (about.peer, &about.app, &about.stream);
    tracing::warn!(%peer, app, stream, path, why, seconds, "stalled");
    events.tell(about, &Event::Stalled { path, why, seconds });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Pulse;
    use crate::events::About;

    #[test]
    fn a_stall_is_told_once_and_so_is_its_end() {
        let about = About {
            session: String::new(),
            peer: ([127, 0, 0, 1], 1).into(),
            app: "live".into(),
            stream: "cam".into(),
        };
        let pulse = Arc::<Pulse>::default();
        let facts = Facts::new(Arc::new(about), "", pulse.clone());
        let events = Events::start(None).unwrap();
        let second = Duration::from_secs(1);
        let stalled = |now| {
            look(&facts, second * now, &events);
            facts.lock().stalled.is_some()
        };
        pulse.heard(second);
        assert!(!stalled(5) && stalled(6) && stalled(7));
        pulse.listens(second * 7);
        assert!(!stalled(8) && stalled(12));
        facts.publisher_ended("connection ended", &events);
        assert!(facts.lock().stalled.is_none() && !stalled(30));
    }
}
