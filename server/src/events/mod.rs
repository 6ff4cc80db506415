//! What happens, as lines of JSON for other programs: see `docs/events.md`.
//!
//! Lines are written by a thread of their own. A reader that does not read costs lines, never time:
//! what waits for it is bounded, and what is dropped is counted and told.

mod output;
mod queue;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use output::Output;
pub(crate) use output::Target;
use queue::{Item, Queue};

/// Whom an event is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct About {
    /// Tells one connection from all others.
    pub(crate) session: String,
    pub(crate) peer: SocketAddr,
    /// What is published, safe to show. Of a connection that publishes nothing, both are empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) app: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) stream: String,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event<'a> {
    /// A peer said where it is from.
    Connected { encoder: &'a str },
    /// A publish began, or went on with a recording that had waited for it.
    Publishing { path: &'a str, returned: bool },
    /// A publish was not taken.
    Refused { reason: &'a str },
    /// A file was opened.
    SegmentOpened { path: &'a str, segment: u32 },
    /// A file was finished, and has its final name.
    SegmentClosed {
        path: &'a str,
        segment: u32,
        bytes: u64,
        messages: u64,
        seconds: f64,
        /// A crash had left it, and it was finished at the next start.
        recovered: bool,
    },
    /// Nothing has gone into a recording for some time.
    Stalled { path: &'a str, why: &'a str, seconds: f64 },
    /// That is over, after so long: it goes on, or ends.
    Flowing { path: &'a str, seconds: f64 },
    /// A recording goes on after a write that failed, so long after that.
    Writing { path: &'a str, seconds: f64 },
    /// A publisher vanished. Its recording waits for it so long.
    Waiting { path: &'a str, why: &'a str, seconds: f64 },
    /// A sink takes the stream, beside the recording.
    SinkOpened { sink: &'a str },
    /// It does not any more.
    SinkClosed { sink: &'a str, why: &'a str, bytes: u64, complete: bool },
    /// A publish has ended: its account.
    Ended(Ended<'a>),
    /// A finished recording was deleted, by `--keep`.
    Deleted { path: &'a str, why: &'a str, bytes: u64 },
    /// Something could not be done.
    Failed {
        what: &'a str,
        error: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a str>,
    },
    /// So many lines could not be written here, as nobody read them.
    Lost { lines: u64 },
}

/// The account of a publish.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Ended<'a> {
    /// The last file.
    pub(crate) path: &'a str,
    pub(crate) segments: u32,
    pub(crate) why: &'a str,
    pub(crate) codecs: &'a str,
    pub(crate) seconds: f64,
    pub(crate) messages_received: u64,
    pub(crate) bytes_received: u64,
    pub(crate) tags_written: u64,
    pub(crate) bytes_written: u64,
    pub(crate) bytes_unwrapped: u64,
    pub(crate) messages_refused: u64,
    pub(crate) complete: bool,
}

/// Takes events, and has them written if somebody wants them.
#[derive(Debug)]
pub(crate) struct Events(Option<Arc<Queue>>);

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event<'a>,
    #[serde(flatten)]
    about: Option<&'a About>,
}

impl Events {
    /// Writes events to `target`; to nobody if there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) fn start(target: Option<&Target>) -> Result<Arc<Self>> {
        let Some(target) = target else { return Ok(Arc::new(Self(None))) };
        let mut output = Output::open(target)?;
        let queue = Arc::<Queue>::default();
        let lines = queue.clone();
        let run = move || lines.drain(|item| write(&mut output, item));
        thread::Builder::new().name("events".into()).spawn(run).context("cannot start a thread")?;
        Ok(Arc::new(Self(Some(queue))))
    }

    /// Notes that something happened. Never waits.
    pub(crate) fn tell(&self, about: &About, event: &Event<'_>) {
        self.note(Some(about), event);
    }

    /// Notes that something happened that no connection has to do with. Never waits.
    pub(crate) fn say(&self, event: &Event<'_>) {
        self.note(None, event);
    }

    /// Notes that something happened, to whom as far as that is known. Never waits.
    pub(crate) fn note(&self, about: Option<&About>, event: &Event<'_>) {
        if let Some(queue) = &self.0 {
            queue.push(line(event, about));
        }
    }

    /// Waits until everything so far is written, up to `deadline`.
    pub(crate) fn close(&self, deadline: Instant) {
        if let Some(queue) = &self.0 {
            let left = queue.close(deadline);
            if left > 0 {
                tracing::warn!(lines = left, "events that nobody read");
            }
        }
    }
}

/// Writes a line, and before it how many are missing there. Gives how many are missing behind it.
fn write(output: &mut Output, item: &Item) -> u64 {
    let Item { lost, line: text } = item;
    if *lost > 0 && !output.write(&line(&Event::Lost { lines: *lost }, None)) {
        return lost + u64::from(text.is_some());
    }
    if *lost > 0 {
        tracing::warn!(lines = lost, "events lost, as nobody read them");
    }
    u64::from(text.as_ref().is_some_and(|text| !output.write(text)))
}

fn line(event: &Event<'_>, about: Option<&About>) -> String {
    let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let line = serde_json::to_string(&Line { time, event, about });
    // Text and numbers cannot fail to be JSON.
    line.unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_peers_say() {
        let about = About {
            session: "0f".into(),
            peer: ([127, 0, 0, 1], 5).into(),
            app: "live\n".into(),
            stream: String::new(),
        };
        let event = Event::Failed { what: "connection", error: "\"\r\n\u{1b}", path: None };
        let line = line(&event, Some(&about));
        assert_eq!(line.matches('\n').count(), 1);
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "failed");
        assert_eq!(value["peer"], "127.0.0.1:5");
        assert_eq!(value["error"], "\"\r\n\u{1b}");
        assert!(value.get("stream").is_none() && value.get("path").is_none());
        assert!(value["time"].as_str().unwrap().ends_with('Z'));
    }
}
