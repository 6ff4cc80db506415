//! Finished files, and what is known of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;
use sluicebox_media::tracks::Track;
use sluicebox_rules::account::Account;

use crate::events::About;
use crate::facts::{Facts, Part};
use crate::program::Variables;
use crate::recording::{Kept, Origin, Pending, Recovered, Segment};
use crate::retention::Finished;
use crate::sidecar;

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
}

/// What there is to do something with.
#[derive(Debug)]
pub(super) enum File {
    /// One that its recording has finished.
    Closed(Box<Closed>),
    /// One that a crash had left.
    Recovered(Box<Recovered>),
    /// One that a server had finished, and no more.
    Kept(Box<Kept>),
}

impl File {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Closed(closed) => &closed.segment.path,
            Self::Recovered(recovered) => &recovered.path,
            Self::Kept(kept) => &kept.path,
        }
    }

    pub(super) fn about(&self) -> Option<Arc<About>> {
        let of = |origin: &Option<Origin>| Some(Arc::new(origin.as_ref()?.about.clone()));
        match self {
            Self::Closed(closed) => Some(closed.about.clone()),
            Self::Recovered(recovered) => of(&recovered.origin),
            Self::Kept(kept) => of(&kept.origin),
        }
    }

    pub(super) fn pending(&self) -> Option<Arc<Pending>> {
        match self {
            Self::Closed(closed) => closed.segment.pending.clone(),
            Self::Recovered(recovered) => Some(recovered.pending.clone()),
            Self::Kept(kept) => Some(kept.pending.clone()),
        }
    }

    /// What its sidecar says, as far as it is known without reading it once more.
    pub(super) fn content(&self) -> Result<Value> {
        match self {
            Self::Closed(closed) => sidecar::content(closed),
            Self::Recovered(recovered) => sidecar::content_of_recovered(recovered),
            Self::Kept(kept) => Ok(kept.sidecar.clone()),
        }
    }

    /// The sidecar that it has already.
    pub(super) fn written(&self) -> Option<PathBuf> {
        match self {
            Self::Kept(kept) => kept.written.clone(),
            _ => None,
        }
    }

    /// Its program has run already.
    pub(super) fn ran(&self) -> bool {
        match self {
            Self::Closed(_) => false,
            Self::Recovered(recovered) => recovered.ran,
            Self::Kept(kept) => kept.ran,
        }
    }

    /// As retention knows it.
    pub(super) fn finished(&self) -> Finished {
        let (ended, bytes) = match self {
            Self::Closed(closed) => (closed.segment.ended, closed.segment.len),
            Self::Recovered(recovered) => (recovered.ended, recovered.len),
            Self::Kept(kept) => (kept.ended, kept.len),
        };
        Finished { path: self.path().to_owned(), ended, bytes }
    }
}

/// What a program is told of a file: as much as its sidecar says, or would.
pub(super) fn variables(path: &Path, content: &Value, sidecar: Option<&Path>) -> Variables {
    let mut variables: Variables = vec![("SLUICEBOX_PATH", path.into())];
    let known = [
        ("SLUICEBOX_APP", &content["app"]),
        ("SLUICEBOX_STREAM", &content["stream"]),
        ("SLUICEBOX_SESSION", &content["session"]),
        ("SLUICEBOX_PEER", &content["peer"]),
        ("SLUICEBOX_SEGMENT", &content["segment"]),
        ("SLUICEBOX_BYTES", &content["bytes"]),
        ("SLUICEBOX_SECONDS", &content["seconds"]),
        ("SLUICEBOX_STARTED", &content["started"]),
        ("SLUICEBOX_ENDED", &content["ended"]),
        ("SLUICEBOX_WHY", &content["why"]),
        ("SLUICEBOX_COMPLETE", &content["account"]["complete"]),
    ];
    variables
        .extend(known.into_iter().filter_map(|(name, value)| Some((name, text(value)?.into()))));
    if let Some(sidecar) = sidecar {
        variables.push(("SLUICEBOX_SIDECAR", sidecar.into()));
    }
    variables
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        // `5`, not `5.0`.
        Value::Number(number) if number.is_f64() => Some(number.as_f64()?.to_string()),
        other => Some(other.to_string()),
    }
}
