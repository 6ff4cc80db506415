//! What is known of a stream that is being recorded, for all who tell of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicebox_media::tracks::Track;
use sluicebox_rules::account::Account;

use crate::access::Pulse;
use crate::events::{About, Event, Events};
use crate::moment::{Moment, now};
use crate::stats::Stats;

/// Publishers of one recording that are remembered. One that comes and goes for days is not told in
/// full.
const PARTS: usize = 1000;

/// What is known of a stream. Its publisher may change, its file too.
pub(crate) struct Facts {
    pub(crate) stats: Arc<Stats>,
    state: Mutex<Known>,
}

/// What is known of a stream at present.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) about: Arc<About>,
    /// The file that is being written, as it is shown.
    pub(crate) path: String,
    /// Of its publisher. None: it waits for one.
    pub(crate) pulse: Option<Arc<Pulse>>,
    /// Since when nothing has gone into it, if that was told.
    pub(crate) stalled: Option<Moment>,
    pub(crate) parts: Vec<Part>,
    /// The sinks at the end: by name, why the stream went on without one, whether one missed
    /// anything.
    pub(crate) sinks: Vec<(String, Option<&'static str>, bool)>,
    /// The account, when the stream has ended.
    pub(crate) account: Option<Account>,
    /// Who ended it.
    pub(crate) why: &'static str,
}

/// What one publisher brought to a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) session: String,
    pub(crate) peer: String,
    pub(crate) encoder: String,
    pub(crate) started: Timestamp,
    /// None: it is at it.
    pub(crate) ended: Option<Timestamp>,
    pub(crate) why: Option<String>,
}

impl Known {
    /// Tells that a stall is over at `now`, if it was told that there is one.
    pub(crate) fn flows(&mut self, now: Moment, events: &Events) {
        let Some(since) = self.stalled.take() else { return };
        let (path, seconds) = (&self.path, now.saturating_sub(since).as_secs_f64());
        let (peer, app, stream) = (self.about.peer, &self.about.app, &self.about.stream);
        tracing::info!(%peer, app, stream, path, seconds, "no longer stalled");
        events.tell(&self.about, &Event::Flowing { path, seconds });
    }
}

impl Facts {
    /// Of a stream whose first publisher begins now.
    pub(crate) fn new(about: Arc<About>, encoder: &str, pulse: Arc<Pulse>) -> Arc<Self> {
        let facts = Self {
            stats: Arc::default(),
            state: Mutex::new(Known {
                about: about.clone(),
                path: String::new(),
                pulse: None,
                stalled: None,
                parts: Vec::new(),
                sinks: Vec::new(),
                account: None,
                why: "",
            }),
        };
        facts.publisher(about, encoder, pulse);
        Arc::new(facts)
    }

    /// Another publisher goes on with it.
    pub(crate) fn publisher(&self, about: Arc<About>, encoder: &str, pulse: Arc<Pulse>) {
        let mut known = self.lock();
        if known.parts.len() < PARTS {
            // Nearly always there is one.
            known.parts.reserve_exact(1);
            known.parts.push(Part {
                session: about.session.clone(),
                peer: about.peer.to_string(),
                encoder: encoder.to_owned(),
                started: Timestamp::now(),
                ended: None,
                why: None,
            });
        }
        (known.about, known.pulse) = (about, Some(pulse));
    }

    /// Its publisher has ended. So has a stall, if there was one: whoever was told hears of it.
    pub(crate) fn publisher_ended(&self, why: &'static str, events: &Events) {
        let mut known = self.lock();
        known.flows(now(), events);
        (known.pulse, known.why) = (None, why);
        if let Some(part) = known.parts.last_mut().filter(|part| part.ended.is_none()) {
            (part.ended, part.why) = (Some(Timestamp::now()), Some(why.to_owned()));
        }
    }

    /// Its tracks, as far as they are known.
    pub(crate) fn tracks(&self) -> Vec<Track> {
        let mut list = Vec::new();
        self.stats.with_tracks(|tracks| list.extend(tracks.iter().cloned()));
        list
    }

    /// Whom to name.
    pub(crate) fn about(&self) -> Arc<About> {
        self.lock().about.clone()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
