//! The sinks of one stream.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use sluicebox_core::{Tags, flv};
use sluicebox_rules::name::PublishPoint;

use super::Sinks;
use super::output::Output;
use super::queue::{Chunk, Phase, Queue};
use super::target::Target;
use crate::events::Event;
use crate::facts::Facts;
use crate::program::Variables;
use crate::recording::{Cutter, Look, Timeline, put_tag, put_timestamp};

/// Time between two tries to open a sink.
const RETRY: Duration = Duration::from_secs(2);
/// A sink that takes nothing for so long when its stream has ended is given up.
const LAST: Duration = Duration::from_secs(10);

/// The sinks of one stream, from its first tag to its last.
pub(crate) struct Outlets {
    list: Vec<Outlet>,
    /// What a sink that joins is told first.
    heads: Cutter,
    timeline: Timeline,
    /// There is video: who joins waits for a keyframe.
    video: bool,
    begun: bool,
    /// How long the stream may still be held up.
    patience: Duration,
}

#[derive(Debug)]
struct Outlet {
    name: String,
    queue: Arc<Queue>,
}

impl Outlets {
    pub(super) fn open(
        sinks: &Arc<Sinks>,
        targets: impl Iterator<Item = Target>,
        point: &PublishPoint,
        facts: &Arc<Facts>,
    ) -> Result<Self> {
        let start = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let list = targets.map(|target| {
            let (queue, target) = (Queue::new(sinks.settings.buffer), target.of(point, &start));
            let name = target.to_string();
            let writer = Writer {
                sinks: sinks.clone(),
                target,
                name: name.clone(),
                queue: queue.clone(),
                facts: facts.clone(),
                bytes: 0,
            };
            writer.start()?;
            Ok(Outlet { name, queue })
        });
        Ok(Self {
            list: list.collect::<Result<_>>()?,
            heads: Cutter::for_heads(),
            timeline: Timeline::new(false),
            video: false,
            begun: false,
            patience: sinks.settings.wait,
        })
    }

    /// Gives a run of tags to every sink.
    pub(crate) fn append(&mut self, tags: &Tags<'_>) {
        let mut bytes = tags.bytes.to_vec();
        if !std::mem::replace(&mut self.begun, true) {
            bytes.splice(0..0, flv::FILE_HEADER);
        }
        let joins = self.list.iter().any(|outlet| outlet.queue.phase() == Phase::Joins);
        let from = self.note(tags.bytes, &mut bytes, joins);
        let len = bytes.len();
        let bytes: Arc<[u8]> = bytes.into();
        for outlet in &self.list {
            let chunk = match (outlet.queue.phase(), &from) {
                (Phase::Takes, _) => Chunk::new(bytes.clone(), 0..len),
                (Phase::Joins, Some((at, heads))) => {
                    let joined = [heads, &bytes[*at..]].concat();
                    let len = joined.len();
                    Chunk::new(joined.into(), 0..len)
                }
                _ => continue,
            };
            self.patience = outlet.queue.give(chunk, self.patience).unwrap_or_default();
        }
    }

    /// Takes note of a run, and moves its timestamps. Where a sink may join, and what it has to be
    /// told first, if one wants to.
    fn note(&mut self, run: &[u8], moved: &mut [u8], joins: bool) -> Option<(usize, Vec<u8>)> {
        let before = moved.len() - run.len();
        let (mut at, mut from) = (before, None);
        for tag in flv::tags(run) {
            let look = Look::at(&tag);
            let timestamp = self.timeline.map(tag.timestamp, look.is_frame());
            if timestamp != tag.timestamp {
                put_timestamp(&mut moved[at..], timestamp);
            }
            let starts = match look {
                Look::Frame { video, key } => {
                    self.video |= video;
                    key && video == self.video
                }
                _ => false,
            };
            if joins && starts && from.is_none() {
                from = Some((at, self.heads(timestamp)));
            }
            self.heads.note(&tag, look);
            at += tag.body.len() + flv::TAG_HEADER + flv::TAG_TRAILER;
        }
        from
    }

    /// A file's header, the last metadata, and the last sequence header of each track.
    fn heads(&self, timestamp: u32) -> Vec<u8> {
        let mut out = flv::FILE_HEADER.to_vec();
        let metadata = self.heads.metadata();
        let metadata = metadata.map(|body| flv::Tag { kind: flv::SCRIPT, timestamp, body });
        metadata.iter().for_each(|tag| put_tag(&mut out, tag));
        self.heads.setups(timestamp).for_each(|tag| put_tag(&mut out, &tag));
        out
    }

    /// Its publisher was away, and is back.
    pub(crate) fn resume(&mut self, away: Duration) {
        self.timeline.resume(u32::try_from(away.as_millis()).unwrap_or(u32::MAX));
    }

    /// The sinks by name; why the stream went on without each, and whether it missed anything.
    pub(crate) fn results(&self) -> Vec<(String, Option<&'static str>, bool)> {
        let result = |outlet: &Outlet| {
            let (dropped, missed) = outlet.queue.result();
            let missed = missed || outlet.queue.phase() != Phase::Takes;
            (outlet.name.clone(), dropped, missed)
        };
        self.list.iter().map(result).collect()
    }
}

/// The stream has ended: what waits is written, and then every sink is closed.
impl Drop for Outlets {
    fn drop(&mut self) {
        self.list.iter().for_each(|outlet| outlet.queue.close());
    }
}

/// The thread of one sink.
struct Writer {
    sinks: Arc<Sinks>,
    target: Target,
    name: String,
    queue: Arc<Queue>,
    facts: Arc<Facts>,
    bytes: u64,
}

impl Writer {
    fn start(mut self) -> Result<()> {
        let sinks = self.sinks.clone();
        sinks.writing.fetch_add(1, Ordering::SeqCst);
        let run = move || {
            self.run();
            self.sinks.writing.fetch_sub(1, Ordering::SeqCst);
        };
        let started = thread::Builder::new().name("sink".into()).spawn(run);
        if started.is_err() {
            sinks.writing.fetch_sub(1, Ordering::SeqCst);
        }
        started.map(drop).context("cannot start a thread")
    }

    /// Opens the sink and writes, again and again, until the stream has ended.
    fn run(&mut self) {
        let mut blamed = false;
        loop {
            let exclusive = matches!(self.target, Target::Stdout | Target::Path(_));
            let result = if exclusive && !self.sinks.take(&self.name) {
                Err("another stream has it".to_owned())
            } else {
                let result = self.serve(&mut blamed);
                if exclusive {
                    self.sinks.give_back(&self.name);
                }
                result
            };
            let Err(error) = result else { break };
            self.queue.leave();
            if !blamed {
                self.tell_failed(&error);
                blamed = true;
            }
            if self.queue.closes_within(RETRY) {
                break;
            }
        }
        self.tell_closed();
    }

    /// Opens the sink and writes until the stream has ended, or the sink wants no more.
    fn serve(&mut self, blamed: &mut bool) -> Result<(), String> {
        let opened = Output::open(&self.target, &self.variables());
        let mut output = opened.map_err(|error| format!("cannot open: {error}"))?;
        self.queue.come_back();
        *blamed = false;
        tracing::info!(sink = self.name, stream = self.facts.about().stream, "sink opened");
        let event = Event::SinkOpened { sink: &self.name };
        self.sinks.events.tell(&self.facts.about(), &event);
        let written = self.write(&mut output);
        // One that took nothing for too long will not end by itself.
        let hangs = written.as_ref().is_err_and(|error| error.kind() == ErrorKind::TimedOut);
        let closed = output.close(|| !hangs && !self.sinks.time_is_up());
        let Err(error) = written else { return closed };
        // A program that ended well has had what it wanted.
        if matches!(self.target, Target::Program(_)) && closed.is_ok() {
            self.queue.refuse("it wants no more");
            return Ok(());
        }
        Err(closed.err().map_or_else(|| error.to_string(), |closed| format!("{error}; {closed}")))
    }

    fn write(&mut self, output: &mut Output) -> std::io::Result<()> {
        while let Some(chunk) = self.queue.next() {
            let bytes = chunk.as_bytes();
            let start = Instant::now();
            let (queue, sinks) = (&self.queue, &self.sinks);
            // While the stream goes on, its patience with a full queue is the bound.
            output.write_all(bytes, || {
                let ends = queue.phase() == Phase::Closing;
                !(sinks.time_is_up() || ends && start.elapsed() > LAST)
            })?;
            self.queue.wrote(bytes.len());
            self.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    fn variables(&self) -> Variables {
        let about = self.facts.about();
        vec![
            ("SLUICEBOX_APP", (&about.app).into()),
            ("SLUICEBOX_STREAM", (&about.stream).into()),
            ("SLUICEBOX_SESSION", (&about.session).into()),
            ("SLUICEBOX_PEER", about.peer.to_string().into()),
            ("SLUICEBOX_PATH", (&self.facts.lock().path).into()),
        ]
    }

    fn tell_failed(&self, error: &str) {
        let about = self.facts.about();
        let (app, stream, sink) = (&about.app, &about.stream, &self.name);
        tracing::warn!(app, stream, sink, error, "sink failed");
        let failed = Event::Failed { what: "sink", error, path: Some(&self.name) };
        self.sinks.events.tell(&about, &failed);
    }

    fn tell_closed(&self) {
        let about = self.facts.about();
        let (dropped, missed) = self.queue.result();
        let (why, complete) = (dropped.unwrap_or("stream ended"), !missed);
        let (app, stream, sink, bytes) = (&about.app, &about.stream, &self.name, self.bytes);
        tracing::info!(app, stream, sink, why, bytes, complete, "sink closed");
        let closed = Event::SinkClosed { sink, why, bytes, complete };
        self.sinks.events.tell(&about, &closed);
    }
}
