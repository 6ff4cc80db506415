//! Names of recordings, from a template like `{app}/{stream}-{start:%Y%m%dT%H%M%SZ}.flv`.
//!
//! | field | value |
//! |---|---|
//! | `{app}`, `{stream}` | where somebody publishes, each part made safe; an application may have several |
//! | `{start:FORMAT}` | when the file begins, in UTC, formatted as `strftime` does; `/` makes folders |
//! | `{published:FORMAT}` | when the publish began: the same for all files of a recording |
//! | `{segment}`, `{segment:04}` | number of the file in its recording, from 1, with leading zeros |
//! | `{addr}` | address of the publisher |
//! | `{session}` | what tells the connection from all others, as in events |
//!
//! `{{` and `}}` are braces. A name cannot leave the record folder: the template is relative and has no
//! `..`, and every value goes through the rules of [`sluicebox_rules::name`].

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};
use sluicebox_rules::name::{safe, shorten};

use crate::events::About;

/// Longest part of a name, in bytes: with a number and `.part` it stays under the 255 that file systems
/// allow.
const PART: usize = 230;

/// Names of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// As it stands, with slashes.
    Text(String),
    App,
    Stream,
    Start(String),
    Published(String),
    Segment(usize),
    Addr,
    Session,
}

/// What the fields stand for.
#[derive(Clone, Debug)]
pub(super) struct Values {
    /// Application and stream: a relative path that is safe already.
    pub(super) point: String,
    pub(super) published: Timestamp,
    /// Who publishes.
    pub(super) about: Arc<About>,
    /// A number that no other recording has.
    pub(super) unique: u64,
}

/// A name without the number that tells it from others, and what comes behind that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stem {
    pub(super) stem: PathBuf,
    pub(super) extension: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(char) = text[at..].chars().next() {
            let here = at;
            at += char.len_utf8();
            match char {
                '{' | '}' if text[at..].starts_with(char) => {
                    at += 1;
                    literal.push(char);
                }
                '{' => {
                    let len = text[at..].find('}').ok_or_else(|| wrong(here, "no } behind {"))?;
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    let field = &text[at..at + len];
                    pieces.push(Piece::parse(field).map_err(|what| wrong(here, &what))?);
                    at += len + 1;
                }
                '}' => return Err(wrong(here, "} without {; write }} for the character")),
                '\\' | '\0' => return Err(wrong(here, "not a character for names")),
                _ => literal.push(char),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        check_folders(text)?;
        let template = Self { pieces };
        template.check_extension()?;
        Ok(template)
    }

    /// What tells recordings from what lies beside them is the template's own, so that no peer's name
    /// takes a place there.
    fn check_extension(&self) -> Result<(), String> {
        let is = |other| self.extension().eq_ignore_ascii_case(other);
        match self.extension().len() {
            0 | 1 => Err("has to end in an extension, as .flv".into()),
            _ if is(".json") => Err("cannot end in .json, as what lies beside a recording".into()),
            _ if is(".part") => Err("cannot end in .part, as what is not finished".into()),
            _ => Ok(()),
        }
    }

    /// The extension, with its dot, if the template has one of its own.
    fn extension(&self) -> &str {
        let Some(Piece::Text(text)) = self.pieces.last() else { return "" };
        let last = text.rsplit('/').next().unwrap_or_default();
        last.rfind('.').map_or("", |dot| &last[dot..])
    }

    /// The name of the file with this number in its recording, if it begins at `start`.
    pub(super) fn expand(&self, values: &Values, segment: u32, start: Timestamp) -> Stem {
        let (app, stream) = values.point.rsplit_once('/').unwrap_or(("@", &values.point));
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::App => name.push_str(app),
                Piece::Stream => name.push_str(stream),
                Piece::Start(format) => name.push_str(&time(format, start)),
                Piece::Published(format) => name.push_str(&time(format, values.published)),
                Piece::Segment(width) => name.push_str(&format!("{segment:0width$}")),
                Piece::Addr => {
                    let addr = values.about.peer.ip().to_canonical().to_string();
                    name.push_str(&safe(addr.as_bytes()));
                }
                Piece::Session => name.push_str(&safe(values.about.session.as_bytes())),
            }
        }
        let extension = self.extension();
        let stem = &name[..name.len() - extension.len()];
        let stem = stem.split('/').filter(|part| !part.is_empty()).map(plain).collect();
        Stem { stem, extension: extension.to_owned() }
    }
}

impl Piece {
    fn parse(field: &str) -> Result<Self, String> {
        let (name, format) = match field.split_once(':') {
            Some((name, format)) => (name, Some(format)),
            None => (field, None),
        };
        match (name, format) {
            ("app", None) => Ok(Self::App),
            ("stream", None) => Ok(Self::Stream),
            ("addr", None) => Ok(Self::Addr),
            ("session", None) => Ok(Self::Session),
            ("segment", None) => Ok(Self::Segment(0)),
            ("segment", Some(width)) => match width.parse() {
                Ok(width) if width <= 20 => Ok(Self::Segment(width)),
                _ => Err(format!("{width:?} is no number of digits")),
            },
            ("start", Some(format)) => check_time(format).map(|()| Self::Start(format.into())),
            ("published", Some(format)) => {
                check_time(format).map(|()| Self::Published(format.into()))
            }
            ("start" | "published", None) => {
                Err(format!("{{{name}}} needs a format: {{{name}:%Y}}"))
            }
            ("app" | "stream" | "addr" | "session", Some(_)) => {
                Err(format!("{{{name}}} takes no format"))
            }
            _ => Err(format!("no field {{{name}}}")),
        }
    }
}

fn wrong(at: usize, what: &str) -> String {
    format!("at byte {}: {what}", at + 1)
}

fn check_time(format: &str) -> Result<(), String> {
    let zoned = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    match strtime::format(format, &zoned) {
        Ok(text) if !text.is_empty() => Ok(()),
        Ok(_) => Err("a format that gives nothing".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// A time, `/` between its parts if the format has some; all else is made safe.
fn time(format: &str, time: Timestamp) -> String {
    let text = strtime::format(format, &time.to_zoned(TimeZone::UTC));
    // Checked when the template was read.
    let text = text.unwrap_or_else(|_| time.as_millisecond().to_string());
    let parts: Vec<_> =
        text.split('/').filter(|part| !part.is_empty()).map(|part| safe(part.as_bytes())).collect();
    parts.join("/")
}

/// Checks the folders of a template as it stands: what fields are is seen to when they are known.
fn check_folders(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    let mut at = 0;
    for part in text.split('/') {
        match part {
            "" if at == 0 => return Err(wrong(at, "names are below the record folder: no / here")),
            "" => return Err(wrong(at, "a folder without a name")),
            "." | ".." => return Err(wrong(at, "not a name below the record folder")),
            part if part.eq_ignore_ascii_case(super::marks::FOLDER) => {
                return Err(wrong(at, "this folder is Sluicebox's own"));
            }
            _ => at += part.len() + 1,
        }
    }
    Ok(())
}

/// A part of a name that is one: not empty, no way up, not too long.
fn plain(part: &str) -> String {
    match part {
        "." | ".." => safe(part.as_bytes()),
        part => shorten(part.to_owned(), part.as_bytes(), PART),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use super::*;

    fn values(point: &str) -> Values {
        Values {
            point: point.into(),
            published: Timestamp::UNIX_EPOCH,
            about: Arc::new(About {
                session: "0123456789abcdef".into(),
                peer: "[2001:db8::1]:5".parse().unwrap(),
                app: String::new(),
                stream: String::new(),
            }),
            unique: 0,
        }
    }

    fn expand(template: &str, point: &str) -> String {
        let template = Template::parse(template).unwrap();
        let start = Timestamp::from_second(86_400 * 365).unwrap();
        let Stem { stem, extension } = template.expand(&values(point), 7, start);
        format!("{}{extension}", stem.display())
    }

    #[test]
    fn every_field() {
        let cases = [
            ("{app}/{stream}-{start:%Y%m%dT%H%M%SZ}.flv", "live/eu/cam-19710101T000000Z.flv"),
            ("{start:%Y/%m/%d}/{stream}.flv", "1971/01/01/cam.flv"),
            ("{published:%Y}-{segment:04}.flv", "1970-0007.flv"),
            ("{stream}_{segment}.x.flv", "cam_7.x.flv"),
            ("{addr}/{session}.flv", "2001%3Adb8%3A%3A1/0123456789abcdef.flv"),
            ("a-{app}-b/{{{stream}}}.flv", "a-live/eu-b/{cam}.flv"),
            ("{start:%H:%M}.x", "00%3A00.x"),
        ];
        for (template, expected) in cases {
            assert_eq!(expand(template, "live/eu/cam"), expected, "{template}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            ("", "is empty"),
            ("/abs/{stream}", "at byte 1"),
            ("a//b", "at byte 3"),
            ("a/../b", "at byte 3"),
            ("a/b/", "at byte 5"),
            ("a/.unfinished/{stream}", "at byte 3"),
            ("a{nothing}", "at byte 2: no field {nothing}"),
            ("a{app", "at byte 2: no } behind {"),
            ("a}b", "at byte 2"),
            ("{start}", "needs a format"),
            ("{start:}", "gives nothing"),
            ("{start:%!}", "at byte 1"),
            ("{app:%Y}", "takes no format"),
            ("{segment:x}", "is no number of digits"),
            ("a\\b", "at byte 2"),
            ("{stream}", "has to end in an extension"),
            ("a.b/{stream}", "has to end in an extension"),
            ("{stream}.", "has to end in an extension"),
            ("{stream}.Json", "cannot end in .json"),
            ("{stream}.part", "cannot end in .part"),
        ];
        for (template, expected) in cases {
            let error = Template::parse(template).unwrap_err();
            assert!(error.contains(expected), "{template}: {error}");
        }
    }

    #[test]
    fn nothing_leaves_the_folder() {
        for point in ["%2E%2E/%2E", "@/@", "a/b", &format!("{0}/{0}", "x".repeat(120))] {
            for template in
                ["{app}/..{stream}", "{app}{stream}{app}", ".{stream}", "{stream}.", "{app}"]
            {
                let path = expand(&format!("{template}.flv"), point);
                let plain = |part: Component<'_>| matches!(part, Component::Normal(name) if name.len() <= 240);
                assert!(Path::new(&path).components().all(plain), "{path}");
            }
        }
    }
}
