//! What may be typed after `--sink`.

use std::fmt;
use std::str::FromStr;

use sluicebox_rules::name::PublishPoint;

use crate::program::Program;

/// A sink, as typed: `{app}`, `{stream}` and `{start}` stand for what they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `-`: standard output, for one stream at a time.
    Stdout,
    /// A path: a new file, a FIFO, a device.
    Path(String),
    /// `unix:PATH`: a socket that listens.
    Unix(String),
    /// `tcp:HOST:PORT`: a socket that listens.
    Tcp(String),
    /// A program that reads its standard input: `--exec`.
    Program(Program),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |path: &str| match path {
            "" => Err("names nothing".to_owned()),
            path => braces(path).map(|()| path.to_owned()),
        };
        match text.split_once(':') {
            _ if text == "-" => Ok(Self::Stdout),
            Some(("unix", path)) => named(path).map(Self::Unix),
            Some(("tcp", addr)) => match addr.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                    Ok(Self::Tcp(addr.into()))
                }
                _ => Err("tcp:HOST:PORT".into()),
            },
            Some(("file", path)) => named(path).map(Self::Path),
            _ => named(text).map(Self::Path),
        }
    }
}

/// Only names that there are may stand in braces.
fn braces(path: &str) -> Result<(), String> {
    let rest = ["{app}", "{stream}", "{start}"]
        .iter()
        .fold(path.to_owned(), |rest, name| rest.replace(name, ""));
    if rest.contains(['{', '}']) {
        return Err("only {app}, {stream} and {start} may stand in braces".into());
    }
    Ok(())
}

impl Target {
    /// The target of one stream. Names of peers are as in recordings: no part of them is `.` or `..`, or
    /// has a slash.
    pub(super) fn of(&self, point: &PublishPoint, start: &str) -> Self {
        let path = point.path();
        let (app, stream) = path.rsplit_once('/').unwrap_or(("@", &path));
        let fill = |text: &String| {
            text.replace("{app}", app).replace("{stream}", stream).replace("{start}", start)
        };
        match self {
            Self::Path(path) => Self::Path(fill(path)),
            Self::Unix(path) => Self::Unix(fill(path)),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => write!(f, "-"),
            Self::Path(path) => write!(f, "{path}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
            Self::Tcp(addr) => write!(f, "tcp:{addr}"),
            Self::Program(program) => write!(f, "exec:{}", program.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicebox_core::Text;

    use super::*;

    #[test]
    fn targets_are_told_apart() {
        let parse = |text: &str| text.parse::<Target>();
        assert_eq!(parse("-"), Ok(Target::Stdout));
        assert_eq!(parse("/run/{stream}.fifo"), Ok(Target::Path("/run/{stream}.fifo".into())));
        assert_eq!(parse("file:-"), Ok(Target::Path("-".into())));
        assert_eq!(parse("unix:/run/x"), Ok(Target::Unix("/run/x".into())));
        assert_eq!(parse("tcp:[::1]:99"), Ok(Target::Tcp("[::1]:99".into())));
        for wrong in ["", "unix:", "tcp:x", "tcp::1", "tcp:x:y", "/a/{name}", "/a/{", "}"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_peers_stay_names() {
        let point = PublishPoint::new(Text(b"live"), Text(b""), Text(b"../..{app}"));
        let target = Target::Path("/x/{app}/{stream}-{start}.flv".into()).of(&point, "now");
        assert_eq!(target.to_string(), "/x/live/%2E%2E/%2E.%7Bapp%7D-now.flv");
    }
}
