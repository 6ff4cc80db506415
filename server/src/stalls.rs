//! Streams into which nothing goes: noticed from beside, while it lasts.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
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
    new: Mutex<Vec<Weak<Facts>>>,
    changed: Condvar,
}

/// A stream that is looked at.
struct Watched {
    facts: Weak<Facts>,
    /// Since when it stalls.
    stalled: Option<Moment>,
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
        self.new.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(facts));
        self.changed.notify_all();
    }

    fn watch(&self, events: &Events) -> ! {
        let mut streams = Vec::new();
        loop {
            let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
            while streams.is_empty() && new.is_empty() {
                new = self.changed.wait(new).unwrap_or_else(PoisonError::into_inner);
            }
            streams.extend(new.drain(..).map(|facts| Watched { facts, stalled: None }));
            drop(new);
            thread::sleep(PERIOD);
            let now = now();
            streams.retain_mut(|stream| stream.look(now, events));
        }
    }
}

impl Watched {
    /// Tells when it stalls and when it goes on. False: it is over.
    fn look(&mut self, now: Moment, events: &Events) -> bool {
        let Some(facts) = self.facts.upgrade() else { return false };
        let known = facts.lock();
        // Without a publisher it waits for one, which has been told.
        let Some(pulse) = &known.pulse else {
            self.stalled = None;
            return true;
        };
        let (heard, busy) = (pulse.last_heard(), pulse.is_busy());
        let (about, path) = (known.about.clone(), known.path.clone());
        drop(known);
        let (peer, app, stream) = (about.peer, &about.app, &about.stream);
        let stalls = now.saturating_sub(heard) >= PATIENCE;
        match (self.stalled, stalls) {
            (None, true) => {
                let why = if busy { "output" } else { "publisher" };
                let seconds = (now - heard).as_secs_f64();
                tracing::warn!(%peer, app, stream, path, why, seconds, "stalled");
                events.tell(&about, &Event::Stalled { path: &path, why, seconds });
                self.stalled = Some(heard);
            }
            (Some(since), false) => {
                let seconds = heard.saturating_sub(since).as_secs_f64();
                tracing::info!(%peer, app, stream, path, seconds, "flows again");
                events.tell(&about, &Event::Flowing { path: &path, seconds });
                self.stalled = None;
            }
            _ => {}
        }
        true
    }
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
        let mut watched = Watched { facts: Arc::downgrade(&facts), stalled: None };
        let second = Duration::from_secs(1);
        let mut stalled = |now| {
            assert!(watched.look(second * now, &events));
            watched.stalled.is_some()
        };
        pulse.heard(second);
        assert!(!stalled(5) && stalled(6) && stalled(7));
        pulse.listens(second * 7);
        assert!(!stalled(8) && stalled(12));
        facts.publisher_ended("connection ended");
        assert!(!stalled(30));
        drop(facts);
        assert!(!watched.look(second, &events));
    }
}
