//! What may be typed: a group of flags in each file, put together here.

mod drain;
mod events;
mod limits;
mod parse;
mod publishers;
mod sinks;
mod recording;
mod timeouts;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use sluicebox_core::Config;
use sluicebox_rules::clock::Timeouts;

use crate::access::{OnConflict, Rules};
use crate::events::Target;
use crate::recording::Settings;
use crate::retention::Keep;
use crate::shutdown::{Elsewhere, Stop};
use crate::sidecar::Detail;
use crate::{closing, sink};
use drain::DrainFlags;
use events::EventFlags;
use limits::LimitFlags;
pub(crate) use limits::SessionFlags;
use publishers::PublisherFlags;
use recording::RecordingFlags;
use sinks::SinkFlags;
use timeouts::TimeoutFlags;

/// Flags of every binary of the server. Each can be set by an environment variable too.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// Address to listen on; may be given several times
    #[arg(
        long,
        value_name = "ADDR:PORT",
        env = "SLUICEBOX_LISTEN",
        value_delimiter = ',',
        default_value = "0.0.0.0:1935"
    )]
    pub listen: Vec<SocketAddr>,

    /// Folder for recordings: `DIR/app/stream-<UTC start>.flv`
    #[arg(long, value_name = "DIR", env = "SLUICEBOX_RECORD_DIR", default_value = "recordings")]
    pub record_dir: PathBuf,

    /// Write one stream to FILE, or to standard output with "-", and exit: implies --once, instead of --record-dir
    #[arg(short, long, value_name = "FILE", env = "SLUICEBOX_OUTPUT")]
    pub output: Option<PathBuf>,

    /// Exit after the first publish; the exit code is 0 only if there was something and all that came was
    /// written
    #[arg(long, env = "SLUICEBOX_ONCE", value_parser = FalseyValueParser::new())]
    pub once: bool,

    /// Take only publishes to this application; may be given several times
    #[arg(long, value_name = "NAME", env = "SLUICEBOX_APP", value_delimiter = ',')]
    pub app: Vec<String>,

    /// Form of the log lines on standard error
    #[arg(long, value_name = "FORM", env = "SLUICEBOX_LOG", default_value = "text")]
    pub log: LogForm,

    /// No lines about running streams on a terminal
    #[arg(short, long, env = "SLUICEBOX_QUIET", value_parser = FalseyValueParser::new())]
    pub quiet: bool,

    #[command(flatten)]
    publishers: PublisherFlags,

    #[command(flatten)]
    sinks: SinkFlags,

    #[command(flatten)]
    events: EventFlags,

    #[command(flatten)]
    recording: RecordingFlags,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    timeouts: TimeoutFlags,

    #[command(flatten)]
    drain: DrainFlags,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Flags {
    /// Whether the server ends with the first publish.
    pub(crate) fn once(&self) -> bool {
        self.once || self.output.is_some()
    }

    /// Settings of recordings; `stop` ends all waiting.
    pub(crate) fn recording(&self, stop: &'static Stop) -> Settings {
        self.recording.settings(self.record_dir.clone(), self.output.clone(), stop)
    }

    /// Settings of a session.
    pub(crate) fn config(&self) -> Config {
        self.limits.session.config()
    }

    /// What becomes of publishes of the same name.
    pub(crate) fn claims(&self) -> Rules {
        Rules {
            on_conflict: self.publishers.on_conflict,
            silence: self.publishers.takeover_after,
            waiting: self.limits.max_connections,
        }
    }

    /// How long a recording waits for a publisher that was lost. None: it does not.
    pub(crate) fn grace(&self) -> Option<Duration> {
        let waits = self.publishers.on_conflict == OnConflict::Grace && !self.once();
        Some(self.publishers.grace).filter(|grace| waits && !grace.is_zero())
    }

    /// Whether it then goes on in the next file.
    pub(crate) fn next_segment_on_return(&self) -> bool {
        self.publishers.next_segment()
    }

    /// Where events go.
    pub(crate) fn events(&self) -> Option<&Target> {
        self.events.events.as_ref()
    }

    /// Where streams go beside their recordings.
    ///
    /// # Errors
    ///
    /// When standard output is to be two things.
    pub(crate) fn sinks(&self) -> Result<sink::Settings> {
        let output = self.output.as_deref() == Some(Path::new("-"));
        let events = matches!(self.events(), Some(Target::Stdout | Target::Descriptor(1)));
        if [output, events, self.sinks.stdout()].iter().filter(|uses| **uses).count() > 1 {
            bail!("standard output can be one of --output, --sink and --events");
        }
        Ok(self.sinks.settings())
    }

    /// What is kept of finished recordings. None: everything.
    ///
    /// # Errors
    ///
    /// When nothing would tell ours from others.
    pub(crate) fn keep(&self) -> Result<Option<Keep>> {
        if self.events.keep.is_some() && self.closings().sidecar == Detail::None {
            bail!("--keep needs sidecars: by them it knows its own recordings");
        }
        Ok(self.events.keep)
    }

    /// What is done with finished files. Whoever names an output gets that and nothing beside it.
    pub(crate) fn closings(&self) -> closing::Settings {
        let (named, events) = (self.output.is_some(), &self.events);
        closing::Settings {
            sidecar: if named { Detail::None } else { events.sidecar },
            digest: events.sha256,
            hook: events.hook(),
        }
    }

    /// Connections at a time.
    pub fn max_connections(&self) -> usize {
        self.limits.max_connections
    }

    /// Connections at a time: in all, and from one address.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.limits.max_connections, self.limits.max_per_address)
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts.timeouts()
    }

    /// Time for finishing when the server is told to stop.
    pub(crate) fn stop_timeout(&self) -> Duration {
        self.timeouts.stop_timeout
    }

    /// Time for publishers to end by themselves when the server is told to stop.
    pub(crate) fn drain_timeout(&self) -> Duration {
        self.drain.drain_timeout
    }

    /// Where publishers are asked to connect to then; `None`: to where they came to.
    pub(crate) fn reconnect_to(&self) -> Option<Elsewhere> {
        self.drain.reconnect_to.clone()
    }

    pub(crate) fn read_interval(&self) -> Duration {
        Duration::from_millis(self.timeouts.read_interval.into())
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;

    #[test]
    fn the_readme_has_every_flag_with_its_default() {
        let readme = include_str!("../../../README.md");
        for flag in Flags::augment_args(Command::new("")).get_arguments() {
            let long = flag.get_long().expect("every flag has a long name");
            let row = readme
                .lines()
                .find(|line| line.starts_with("| `-") && line.contains(&format!("`--{long}")));
            let row = row.unwrap_or_else(|| panic!("--{long} is not in the README's table"));
            let takes_value = flag.get_action().takes_values();
            for default in flag.get_default_values().iter().filter(|_| takes_value) {
                let default = default.to_str().expect("defaults are text");
                assert!(row.contains(default), "--{long}: {row} has not {default}");
            }
            let variable = format!("SLUICEBOX_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(flag.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
        }
    }
}
