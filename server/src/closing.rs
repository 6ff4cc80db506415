//! What is done with finished files, off the data path: the sidecar first, then the operator's
//! program.

use std::path::{Path, PathBuf};
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
use crate::recording::{Recovered, Segment};
use crate::retention::{Finished, Retention};
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
    fn variables(&self) -> Variables {
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
        if let Some(account) = &self.account {
            variables.push(("SLUICEBOX_WHY", self.why.into()));
            variables.push(("SLUICEBOX_COMPLETE", account.complete().to_string().into()));
        }
        variables
    }
}

/// Files at a time.
const FILES: usize = 4;

/// What there is to do something with.
#[derive(Debug)]
enum File {
    /// One that its recording has finished.
    Closed(Box<Closed>),
    /// One that a crash had left.
    Recovered(Box<Recovered>),
}

impl File {
    fn path(&self) -> &Path {
        match self {
            Self::Closed(closed) => &closed.segment.path,
            Self::Recovered(recovered) => &recovered.path,
        }
    }

    fn about(&self) -> Option<Arc<About>> {
        match self {
            Self::Closed(closed) => Some(closed.about.clone()),
            Self::Recovered(recovered) => {
                recovered.origin.as_ref().map(|origin| Arc::new(origin.about.clone()))
            }
        }
    }

    fn variables(&self, sidecar: Option<&Path>) -> Variables {
        let mut variables = match self {
            Self::Closed(closed) => closed.variables(),
            Self::Recovered(recovered) => recovered_variables(recovered),
        };
        if let Some(path) = sidecar {
            variables.push(("SLUICEBOX_SIDECAR", path.into()));
        }
        variables
    }

    /// Nothing is to be done with it any more.
    fn done(&self) {
        match self {
            Self::Closed(closed) => closed.segment.done(),
            Self::Recovered(recovered) => recovered.pending.done(),
        }
    }

    /// As retention knows it.
    fn finished(&self) -> Finished {
        let (ended, bytes) = match self {
            Self::Closed(closed) => (closed.segment.ended, closed.segment.len),
            Self::Recovered(recovered) => (recovered.ended, recovered.len),
        };
        Finished { path: self.path().to_owned(), ended, bytes }
    }

    /// Writes its sidecar, if there is to be one. None: there is none.
    fn write_sidecar(&self, detail: Detail, digest: bool, events: &Events) -> Option<PathBuf> {
        let written = match self {
            _ if detail == Detail::None => return None,
            Self::Closed(closed) => sidecar::write(closed, detail, digest),
            Self::Recovered(recovered) => sidecar::write_recovered(recovered, detail, digest),
        };
        let failed = |error| {
            let (path, error) = (self.path().display().to_string(), format!("{error:#}"));
            tracing::error!(path, error, "no sidecar");
            let failed = Event::Failed { what: "sidecar", error: &error, path: Some(&path) };
            events.note(self.about().as_deref(), &failed);
        };
        written.map_err(failed).ok()
    }
}

/// What a program is told of a file that a crash had left: as much as is known.
fn recovered_variables(recovered: &Recovered) -> Variables {
    let mut variables: Variables = vec![
        ("SLUICEBOX_PATH", recovered.path.as_os_str().into()),
        ("SLUICEBOX_SEGMENT", recovered.segment.to_string().into()),
        ("SLUICEBOX_BYTES", recovered.len.to_string().into()),
        ("SLUICEBOX_SECONDS", sidecar::seconds(recovered.duration).to_string().into()),
        ("SLUICEBOX_ENDED", recovered.ended.to_string().into()),
        ("SLUICEBOX_WHY", sidecar::CRASH.into()),
    ];
    if let Some(origin) = &recovered.origin {
        let about = &origin.about;
        variables.extend::<Variables>(vec![
            ("SLUICEBOX_APP", (&about.app).into()),
            ("SLUICEBOX_STREAM", (&about.stream).into()),
            ("SLUICEBOX_SESSION", (&about.session).into()),
            ("SLUICEBOX_PEER", about.peer.to_string().into()),
            ("SLUICEBOX_STARTED", origin.started.to_string().into()),
        ]);
    }
    variables
}

/// Takes finished files.
#[derive(Debug)]
pub(crate) struct Closings {
    /// None: there is nothing to do.
    pool: Option<Pool<File>>,
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
            return Ok(Self { pool: None, hook });
        }
        let (next, events) = (hook.clone(), events.clone());
        // A few at a time: one disk that hangs is not to hold up what is on others.
        let pool = Pool::start("closing", FILES, move |file: File, _| {
            let written = file.write_sidecar(sidecar, digest, &events);
            if let Some(retention) = &retention {
                retention.add(file.finished());
            }
            if let Some(hook) = &next {
                let path = file.path().display().to_string();
                let variables = file.variables(written.as_deref());
                hook.give(Job { about: file.about(), path, variables });
            }
            // Without its sidecar it is finished once more at the next start. What another file keeps from
            // being written, no start writes.
            let taken = sidecar::path_of(file.path()).symlink_metadata().is_ok();
            if sidecar == Detail::None || written.is_some() || taken {
                file.done();
            }
        })?;
        Ok(Self { pool: Some(pool), hook })
    }

    /// Takes a file that has just been finished. Never waits.
    pub(crate) fn give(&self, facts: &Facts, segment: &Segment) {
        if self.pool.is_none() {
            return segment.done();
        }
        self.take(File::Closed(Box::new(Closed::new(facts, segment))));
    }

    /// Takes a file that a crash had left. Never waits.
    pub(crate) fn give_recovered(&self, recovered: Recovered) {
        self.take(File::Recovered(Box::new(recovered)));
    }

    fn take(&self, file: File) {
        let Some(pool) = &self.pool else { return file.done() };
        let path = file.path().display().to_string();
        if !pool.give(file) {
            tracing::error!(path, "too many files wait for what follows: nothing follows");
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
