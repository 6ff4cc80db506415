//! Log lines, in the forms of the server's: `time LEVEL message key=value`, or a JSON object.

use alloc::string::String;
use core::fmt::{Display, Write as _};
use core::time::Duration;

use crate::date;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// What happens.
    Info,
    /// What went wrong for a peer.
    Warn,
    /// What went wrong here.
    Error,
}

/// A line that is being made.
pub(crate) struct Line {
    text: String,
    json: bool,
}

impl Line {
    pub(crate) fn new(json: bool, since_1970: Duration, level: Level, message: &str) -> Self {
        let (time, mut text) = (date::long(since_1970), String::new());
        let level = match level {
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        };
        // Writing to a `String` does not fail.
        let _ = if json {
            write!(text, r#"{{"timestamp":"{time}","level":"{level}","message":"{message}""#)
        } else {
            write!(text, "{time} {level:>5} {message}")
        };
        Self { text, json }
    }

    /// Adds a text that somebody else chose: quoted.
    #[must_use]
    pub(crate) fn text(mut self, key: &str, value: impl Display) -> Self {
        let mut plain = String::new();
        let _ = write!(plain, "{value}");
        self.key(key);
        self.text.push('"');
        for char in plain.chars() {
            match char {
                '"' | '\\' => self.text.extend(['\\', char]),
                char if char.is_control() => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(char));
                }
                char => self.text.push(char),
            }
        }
        self.text.push('"');
        self
    }

    /// Adds an address or the like: quoted only where everything is.
    #[must_use]
    pub(crate) fn plain(self, key: &str, value: impl Display) -> Self {
        if self.json { self.text(key, value) } else { self.value(key, value) }
    }

    /// Adds a number, or a truth.
    #[must_use]
    pub(crate) fn value(mut self, key: &str, value: impl Display) -> Self {
        self.key(key);
        let _ = write!(self.text, "{value}");
        self
    }

    /// The whole line.
    pub(crate) fn end(mut self) -> String {
        self.text.push_str(if self.json { "}\n" } else { "\n" });
        self.text
    }

    fn key(&mut self, key: &str) {
        let _ = if self.json {
            write!(self.text, r#","{key}":"#)
        } else {
            write!(self.text, " {key}=")
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: bool) -> String {
        let line = Line::new(json, Duration::ZERO, Level::Warn, "publish refused");
        line.text("app", "a\"b\\\n")
            .plain("peer", "::1")
            .value("count", 3)
            .value("complete", false)
            .end()
    }

    #[test]
    fn a_line_is_one_line_whatever_is_in_it() {
        assert_eq!(
            line(false),
            "1970-01-01T00:00:00.000000Z  WARN publish refused app=\"a\\\"b\\\\\\u000a\" peer=::1 count=3 complete=false\n"
        );
        assert_eq!(
            line(true),
            "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"WARN\",\"message\":\"publish refused\",\
             \"app\":\"a\\\"b\\\\\\u000a\",\"peer\":\"::1\",\"count\":3,\"complete\":false}\n"
        );
    }
}
