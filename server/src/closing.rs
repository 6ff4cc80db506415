//! What is done with finished files, off the data path: the sidecar first, then the operator's
//! program.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use sluicebox_media::tracks::Track;
use sluicebox_rules::account::Account;

use crate::events::{About, Event, Events};
use crate::facts::{Facts, Part};
use crate::hook::{Hook, Job};
use crate::pool::Pool;
use crate::program::Variables;
use crate::recording::{Repaired, Segment};
use crate::retention::Retention;
use crate::sidecar::{self, Detail};

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) sidecar: Detail,
    pub(crate) digest: bool,
    pub(crate) hook: Option<crate::hook::Settings>,
}

/// A finished file, and what was known when it was closed.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) about: Arc<About>,
    pub(crate) segment: Segment,
    pub(crate) codecs: String,
    pub(crate) tracks: Vec<Track>,
    pub(crate) parts: Vec<Part>,
    pub(crate) why: &'static str,
    pub(crate) sinks: Vec<(String, Option<&'static str>, bool)>,
    /// The account of the whole stream, with its last file.
    pub(crate) account: Option<Account>,
}

impl Closed {
    pub(crate) fn new(facts: &Facts, segment: &Segment) -> Self {
        let (codecs, tracks) = (facts.stats.codecs(), facts.tracks());
        let known = facts.lock();
        Self {
            about: known.about.clone(),
            segment: segment.clone(),
            codecs,
            tracks,
            parts: known.parts.clone(),
            sinks: known.sinks.clone(),
            why: known.why,
            account: known.account,
        }
    }

    /// What a program is told.
    fn variables(&self, sidecar: Option<&Path>) -> Variables {
        let (segment, about) = (&self.segment, &self.about);
        let mut variables: Variables = vec![
            ("SLUICEBOX_PATH", segment.path.as_os_str().into()),
            ("SLUICEBOX_APP", (&about.app).into()),
            ("SLUICEBOX_STREAM", (&about.stream).into()),
            ("SLUICEBOX_SESSION", (&about.session).into()),
            ("SLUICEBOX_PEER", about.peer.to_string().into()),
            ("SLUICEBOX_SEGMENT", segment.number.to_string().into()),
            ("SLUICEBOX_BYTES", segment.len.to_string().into()),
            ("SLUICEBOX_SECONDS", sidecar::seconds(segment.duration).to_string().into()),
            ("SLUICEBOX_STARTED", segment.began.to_string().into()),
            ("SLUICEBOX_ENDED", segment.ended.to_string().into()),
        ];
        if let Some(path) = sidecar {
            variables.push(("SLUICEBOX_SIDECAR", path.into()));
        }
        if let Some(account) = &self.account {
            variables.push(("SLUICEBOX_WHY", self.why.into()));
            variables.push(("SLUICEBOX_COMPLETE", account.complete().to_string().into()));
        }
        variables
    }
}

/// Takes finished files.
#[derive(Debug)]
pub(crate) struct Closings {
    /// None: there is nothing to do.
    pool: Option<Pool<Closed>>,
    sidecar: Detail,
    retention: Option<Arc<Retention>>,
    hook: Option<Arc<Hook>>,
}

impl Closings {
    /// Recordings with a sidecar are handed on to `retention`.
    pub(crate) fn start(
        settings: Settings,
        events: &Arc<Events>,
        retention: Option<Arc<Retention>>,
    ) -> Result<Self> {
        let Settings { sidecar, digest, hook } = settings;
        let hook = hook.map(|hook| Hook::start(hook, events.clone())).transpose()?.map(Arc::new);
        if sidecar == Detail::None && hook.is_none() {
            return Ok(Self { pool: None, sidecar, retention, hook });
        }
        let (next, kept, events) = (hook.clone(), retention.clone(), events.clone());
        // One file after the other: more would only make a disk seek.
        let pool = Pool::start("closing", 1, move |closed: Closed, _| {
            let written = if sidecar == Detail::None {
                None
            } else {
                write_sidecar(&closed, sidecar, digest, &events)
            };
            if let (Some(retention), Some(sidecar)) = (&retention, &written) {
                retention.add(sidecar.clone());
            }
            if let Some(hook) = &next {
                let path = closed.segment.path.display().to_string();
                let variables = closed.variables(written.as_deref());
                hook.give(Job { about: closed.about.clone(), path, variables });
            }
        })?;
        Ok(Self { pool: Some(pool), sidecar, retention: kept, hook })
    }

    /// Takes a file that has just been finished. Never waits.
    pub(crate) fn give(&self, facts: &Facts, segment: &Segment) {
        if let Some(pool) = &self.pool
            && !pool.give(Closed::new(facts, segment))
        {
            let path = segment.path.display().to_string();
            tracing::error!(path, "too many files wait for what follows: nothing follows");
        }
    }

    /// A file that a crash had left was finished: it gets a sidecar that says so. What its publisher
    /// sent and lost, nobody knows any more. To be called by who may wait.
    pub(crate) fn repaired(&self, path: &Path, repaired: &Repaired) {
        if self.sidecar == Detail::None {
            return;
        }
        match sidecar::write_repaired(path, repaired) {
            Ok(sidecar) => {
                if let Some(retention) = &self.retention {
                    retention.add(sidecar);
                }
            }
            Err(error) => {
                let (path, error) = (path.display().to_string(), format!("{error:#}"));
                tracing::error!(path, error, "no sidecar");
            }
        }
    }

    /// Waits until everything is done, up to `deadline`; says whether it is.
    pub(crate) fn close(&self, deadline: Instant) -> bool {
        let left = self.pool.as_ref().map_or(0, |pool| pool.close(deadline));
        if left > 0 {
            tracing::error!(files = left, "stopped before all sidecars were written");
        }
        self.hook.as_ref().is_none_or(|hook| hook.close(deadline)) && left == 0
    }
}

fn write_sidecar(
    closed: &Closed,
    detail: Detail,
    digest: bool,
    events: &Events,
) -> Option<std::path::PathBuf> {
    match sidecar::write(closed, detail, digest) {
        Ok(path) => Some(path),
        Err(error) => {
            let (path, error) = (closed.segment.path.display().to_string(), format!("{error:#}"));
            tracing::error!(path, error, "no sidecar");
            let failed = Event::Failed { what: "sidecar", error: &error, path: Some(&path) };
            events.tell(&closed.about, &failed);
            None
        }
    }
}
