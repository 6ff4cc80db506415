//! What may be typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use sluicebox_core::{Config, Limits, Type3};

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

    /// Exit after the first publish; the exit code is 0 only if every message was written
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
    limits: LimitFlags,

    #[command(flatten)]
    timeouts: TimeoutFlags,
}

/// Form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Reading of a type 3 chunk after a type 0 header; see [`Type3`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Type3Flag {
    /// As specified, unless it cannot be meant
    Detect,
    /// As specified: the timestamp is the delta
    Delta,
    /// The same timestamp, as old librtmp means it
    Same,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
struct LimitFlags {
    /// Connections at a time
    #[arg(long, value_name = "N", env = "SLUICEBOX_MAX_CONNECTIONS", default_value_t = 10_000,
          value_parser = at_least_one)]
    max_connections: usize,

    /// Connections at a time from one address (IPv6: one /64 network)
    #[arg(long, value_name = "N", env = "SLUICEBOX_MAX_PER_ADDRESS", default_value_t = 256,
          value_parser = at_least_one)]
    max_per_address: usize,

    /// Longest message, in bytes
    #[arg(long, value_name = "BYTES", env = "SLUICEBOX_MAX_MESSAGE",
          default_value_t = Limits::default().message,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(Limits::MAX_MESSAGE)))]
    max_message: u32,

    /// Unfinished messages of one connection together, in bytes
    #[arg(long, value_name = "BYTES", env = "SLUICEBOX_MAX_BUFFERED",
          default_value_t = Limits::default().buffered, value_parser = at_least_one)]
    max_buffered: usize,

    /// Smallest chunk size a peer may set, in bytes
    #[arg(long, value_name = "BYTES", env = "SLUICEBOX_MIN_CHUNK_SIZE",
          default_value_t = Limits::default().smallest_chunk, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    min_chunk_size: u32,

    /// Timestamp of a type 3 chunk that starts a message after a type 0 header
    #[arg(long, value_name = "HOW", env = "SLUICEBOX_TYPE3", default_value = "detect")]
    type3: Type3Flag,
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Timeouts, in seconds")]
struct TimeoutFlags {
    /// For the handshake
    #[arg(long, value_name = "S", env = "SLUICEBOX_HANDSHAKE_TIMEOUT", default_value = "10",
          value_parser = seconds)]
    handshake_timeout: Duration,

    /// From connecting to the first publish, and between publishes
    #[arg(long, value_name = "S", env = "SLUICEBOX_PUBLISH_TIMEOUT", default_value = "30",
          value_parser = seconds)]
    publish_timeout: Duration,

    /// For a publisher that sends no whole message, and no 64 KiB of one
    #[arg(long, value_name = "S", env = "SLUICEBOX_IDLE_TIMEOUT", default_value = "60",
          value_parser = seconds)]
    idle_timeout: Duration,

    /// For finishing when the server is told to stop
    #[arg(long, value_name = "S", env = "SLUICEBOX_STOP_TIMEOUT", default_value = "10",
          value_parser = seconds)]
    stop_timeout: Duration,

    /// Longest rest between two reads of one publisher, in milliseconds: fewer, larger reads cost
    /// less; 0 reads at once
    #[arg(long, value_name = "MS", env = "SLUICEBOX_READ_INTERVAL", default_value_t = 50,
          value_parser = clap::value_parser!(u16).range(0..=1000))]
    read_interval: u16,
}

/// How long a connection may take, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) handshake: Duration,
    pub(crate) publish: Duration,
    pub(crate) idle: Duration,
    pub(crate) stop: Duration,
}

impl Flags {
    /// Whether the server ends with the first publish.
    pub(crate) fn once(&self) -> bool {
        self.once || self.output.is_some()
    }

    /// Settings of a session.
    pub(crate) fn config(&self) -> Config {
        let limits = &self.limits;
        Config {
            limits: Limits {
                message: limits.max_message,
                buffered: limits.max_buffered,
                smallest_chunk: limits.min_chunk_size,
                ..Limits::default()
            },
            type3: match limits.type3 {
                Type3Flag::Detect => Type3::Detect,
                Type3Flag::Delta => Type3::Delta,
                Type3Flag::Same => Type3::Same,
            },
            ..Config::default()
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
        let timeouts = &self.timeouts;
        Timeouts {
            handshake: timeouts.handshake_timeout,
            publish: timeouts.publish_timeout,
            idle: timeouts.idle_timeout,
            stop: timeouts.stop_timeout,
        }
    }

    pub(crate) fn read_interval(&self) -> Duration {
        Duration::from_millis(self.timeouts.read_interval.into())
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Seconds, with a fraction if wished; more than nothing, less than a year.
fn seconds(text: &str) -> Result<Duration, String> {
    const YEAR: f64 = 366.0 * 86_400.0;
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number < YEAR => Ok(Duration::from_secs_f64(number)),
        Ok(_) => Err("must be more than 0 and less than a year".into()),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;

    #[test]
    fn the_readme_has_every_flag_with_its_default() {
        let readme = include_str!("../../README.md");
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

    #[test]
    fn seconds_are_more_than_nothing() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for wrong in ["0", "-1", "nan", "inf", "1e300", "x", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
