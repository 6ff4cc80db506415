//! What may be typed: the server's flags, as far as they mean something here.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use sluicebox_core::{Config, Limits, Type3};
use sluicebox_rules::clock::Timeouts;
use sluicebox_rules::size;

/// The forms of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One connection on standard input and output.
    Filter,
    /// Listens by itself.
    Server,
}

/// What a program was told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// The record folder, by a name that the runtime knows. `None`: the first that it knows.
    pub record_dir: Option<String>,
    /// The only file, below the record folder.
    pub output: Option<String>,
    /// Whether the program ends with the first publish.
    pub once: bool,
    /// Applications that are taken; none: all.
    pub apps: Vec<String>,
    /// Whether log lines are JSON.
    pub json: bool,
    /// Connections at a time.
    pub max_connections: usize,
    /// The same from one address.
    pub max_per_address: usize,
    /// What all connections together may hold, in bytes.
    pub max_memory: usize,
    /// Settings of a session.
    pub config: Config,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Longest rest between two reads of one publisher.
    pub read_interval: Duration,
    /// What the log calls the peer of a filter.
    pub peer: String,
}

/// What is asked of the program.
#[derive(Clone, Debug)]
pub enum Asked {
    /// To run.
    Run(Box<Settings>),
    /// To say this and end well.
    Say(String),
}

struct Flag {
    name: &'static str,
    /// What follows it; nothing: it is a switch.
    value: &'static str,
    default: &'static str,
    of: &'static [Form],
    help: &'static str,
    set: fn(&mut Settings, &str) -> Result<(), String>,
}

const BOTH: &[Form] = &[Form::Filter, Form::Server];
const SERVER: &[Form] = &[Form::Server];
const FILTER: &[Form] = &[Form::Filter];

/// Those that may be given several times.
const LISTS: [&str; 2] = ["listen", "app"];

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    Flag { name: "listen", value: "ADDR:PORT", default: "0.0.0.0:1935", of: SERVER,
        help: "address to listen on; several times, or separated by commas",
        set: |s, v| list(v, address).map(|listen| s.listen = listen) },
    Flag { name: "record-dir", value: "DIR", default: "", of: BOTH,
        help: "folder for recordings, by the name that the runtime gives it, or one below that [default: the first that it gives]",
        set: |s, v| { s.record_dir = Some(v.into()); Ok(()) } },
    Flag { name: "output", value: "FILE", default: "", of: BOTH,
        help: "one stream to FILE, below the record folder; implies --once. A file that is there is not written over",
        set: |s, v| match v {
            "" => Err("names no file".into()),
            "-" => Err("standard output is not for recordings here: name a file".into()),
            _ => { (s.output, s.once) = (Some(v.into()), true); Ok(()) }
        } },
    Flag { name: "once", value: "", default: "", of: SERVER,
        help: "exit after the first publish that is recorded; the exit code is 0 only if every message was written",
        set: |s, v| { s.once |= !matches!(v, "0" | "false" | "no" | "off"); Ok(()) } },
    Flag { name: "app", value: "NAME", default: "", of: BOTH,
        help: "take only publishes to this application; several times, or separated by commas",
        set: |s, v| list(v, |one| Ok(one.to_string())).map(|apps| s.apps = apps) },
    Flag { name: "log", value: "text|json", default: "text", of: BOTH,
        help: "form of the log lines on standard error",
        set: |s, v| one_of(v, &["text", "json"]).map(|at| s.json = at == 1) },
    Flag { name: "peer", value: "NAME", default: "stdin", of: FILTER,
        help: "what the log calls the peer",
        set: |s, v| { s.peer = v.into(); Ok(()) } },
    Flag { name: "max-connections", value: "N", default: "1000", of: SERVER,
        help: "connections at a time",
        set: |s, v| number(v, 1, usize::MAX).map(|n| s.max_connections = n) },
    Flag { name: "max-per-address", value: "N", default: "256", of: SERVER,
        help: "the same from one address (IPv6: one /64 network)",
        set: |s, v| number(v, 1, usize::MAX).map(|n| s.max_per_address = n) },
    Flag { name: "max-memory", value: "MIB", default: "256", of: BOTH,
        help: "what all connections hold together; beyond it the one that holds most is ended",
        set: |s, v| number(v, 1, 4000).map(|n| s.max_memory = n << 20) },
    Flag { name: "max-message", value: "SIZE", default: "16777215", of: BOTH,
        help: "longest message",
        set: |s, v| size(v, Limits::MAX_MESSAGE).map(|n| s.config.limits.message = n) },
    Flag { name: "max-buffered", value: "SIZE", default: "33554432", of: BOTH,
        help: "unfinished messages of one connection together",
        set: |s, v| size(v, usize::MAX).map(|n| s.config.limits.buffered = n) },
    Flag { name: "min-chunk-size", value: "SIZE", default: "1", of: BOTH,
        help: "smallest chunk size a peer may set",
        set: |s, v| size(v, 65_536).map(|n| s.config.limits.smallest_chunk = n) },
    Flag { name: "type3", value: "detect|delta|same", default: "detect", of: BOTH,
        help: "timestamp of a type 3 chunk that starts a message after a type 0 header",
        set: |s, v| one_of(v, &["detect", "delta", "same"])
            .map(|at| s.config.type3 = [Type3::Detect, Type3::Delta, Type3::Same][at]) },
    Flag { name: "handshake-timeout", value: "S", default: "10", of: BOTH,
        help: "from connecting to the first byte after the handshake",
        set: |s, v| seconds(v).map(|time| s.timeouts.handshake = time) },
    Flag { name: "publish-timeout", value: "S", default: "30", of: BOTH,
        help: "from that byte to the first publish, and between publishes",
        set: |s, v| seconds(v).map(|time| s.timeouts.publish = time) },
    Flag { name: "idle-timeout", value: "S", default: "60", of: BOTH,
        help: "for a publisher that sends no whole message, and no 64 KiB of one",
        set: |s, v| seconds(v).map(|time| s.timeouts.idle = time) },
    Flag { name: "read-interval", value: "MS", default: "50", of: SERVER,
        help: "longest rest between two reads of one publisher; 0 reads at once",
        set: |s, v| number(v, 0, 1000).map(|ms| s.read_interval = Duration::from_millis(ms)) },
];

/// Reads the arguments, without the program's own name, and the environment, in which
/// `SLUICEBOX_RECORD_DIR` is `--record-dir`. Arguments win.
///
/// # Errors
///
/// What is wrong with which of them.
pub fn parse(
    form: Form,
    arguments: &[String],
    environment: &[(String, String)],
) -> Result<Asked, String> {
    let mut settings = defaults(form);
    let known = || FLAGS.iter().filter(|flag| flag.of.contains(&form));
    for flag in known() {
        let variable = variable(flag.name);
        if let Some((_, value)) = environment.iter().find(|(name, _)| *name == variable) {
            (flag.set)(&mut settings, value).map_err(|why| format!("{variable}: {why}"))?;
        }
    }
    let mut given: Vec<(&Flag, String)> = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let (name, joined) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (&**argument, None),
        };
        let name = match name {
            "-h" | "--help" => return Ok(Asked::Say(usage(form))),
            "-V" | "--version" => return Ok(Asked::Say(format!("{}\n", version(form)))),
            "-o" => "output",
            _ => name.strip_prefix("--").unwrap_or_default(),
        };
        let flag = known().find(|flag| flag.name == name);
        let flag = flag.ok_or_else(|| format!("{argument}: no such flag; see --help"))?;
        let value = match (flag.value.is_empty(), joined) {
            (true, None) => "",
            (true, Some(_)) => return Err(format!("{argument}: takes no value")),
            (false, Some(value)) => value,
            (false, None) => {
                arguments.next().ok_or_else(|| format!("{argument}: {} is missing", flag.value))?
            }
        };
        match given.iter_mut().find(|(other, _)| other.name == flag.name) {
            Some((_, all)) if LISTS.contains(&flag.name) => *all += &format!(",{value}"),
            Some((_, last)) => *last = value.into(),
            None => given.push((flag, value.into())),
        }
    }
    for (flag, value) in given {
        (flag.set)(&mut settings, &value).map_err(|why| format!("--{}: {why}", flag.name))?;
    }
    Ok(Asked::Run(Box::new(settings)))
}

fn defaults(form: Form) -> Settings {
    let day = Duration::from_secs(86_400);
    let mut settings = Settings {
        listen: Vec::new(),
        record_dir: None,
        output: None,
        once: false,
        apps: Vec::new(),
        json: false,
        max_connections: 1,
        max_per_address: 1,
        max_memory: usize::MAX,
        config: Config::default(),
        timeouts: Timeouts { handshake: day, publish: day, idle: day },
        read_interval: Duration::ZERO,
        peer: String::new(),
    };
    for flag in FLAGS.iter().filter(|flag| flag.of.contains(&form) && !flag.default.is_empty()) {
        // A test sets every default.
        let _ = (flag.set)(&mut settings, flag.default);
    }
    settings
}

fn variable(flag: &str) -> String {
    format!("SLUICEBOX_{}", flag.replace('-', "_").to_uppercase())
}

fn version(form: Form) -> String {
    let name = if form == Form::Filter { "sluicebox-filter" } else { "sluicebox-serve" };
    format!("{name} {}", env!("CARGO_PKG_VERSION"))
}

fn usage(form: Form) -> String {
    let mut text = version(form);
    text.push_str(match form {
        Form::Filter => ": records one RTMP connection on standard input and output\n\n",
        Form::Server => ": records RTMP publishers\n\n",
    });
    for flag in FLAGS.iter().filter(|flag| flag.of.contains(&form)) {
        let short = if flag.name == "output" { "-o, " } else { "" };
        let default = match flag.default {
            "" => String::new(),
            default => format!(" [default: {default}]"),
        };
        let (name, value, help) = (flag.name, flag.value, flag.help);
        text += &format!("  {short}--{name} {value}\n        {help}{default}\n");
    }
    text + "\nA SIZE is in bytes, or has a unit: K, M, G (or KiB ...) count by 1024, kB, MB, GB by 1000.\n\
        Each can be set by an environment variable too: --record-dir by SLUICEBOX_RECORD_DIR.\n"
}

fn list<T>(text: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    text.split(',').map(one).collect()
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text} is no ADDR:PORT"))
}

fn one_of(text: &str, all: &[&str]) -> Result<usize, String> {
    all.iter().position(|one| *one == text).ok_or_else(|| format!("must be {}", all.join(" or ")))
}

fn number<T>(text: &str, least: T, most: T) -> Result<T, String>
where
    T: core::str::FromStr + PartialOrd + core::fmt::Display,
{
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("must be from {least} to {most}"))
}

/// A number of bytes, with or without a unit: from 1 to `most`.
fn size<T>(text: &str, most: T) -> Result<T, String>
where
    T: TryFrom<u64> + PartialOrd + core::fmt::Display,
{
    match size::parse(text)? {
        0 => Err("must be at least 1".into()),
        bytes => {
            let bytes = T::try_from(bytes).ok().filter(|bytes| *bytes <= most);
            bytes.ok_or_else(|| format!("must be at most {most}"))
        }
    }
}

/// Seconds, with a fraction if wished; more than nothing, less than a year.
fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok().filter(|n| *n > 0.0 && *n < 366.0 * 86_400.0);
    let number = number.ok_or("must be more than 0 and less than a year")?;
    Ok(Duration::from_secs_f64(number))
}

#[cfg(test)]
mod tests;
