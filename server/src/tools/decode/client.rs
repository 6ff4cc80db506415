//! One client: its bytes through a session, its publishes into files.

use std::io::{self, Write as _};

use anyhow::Result;
use sluicebox_core::{Close, Event, StreamId, Tally, Unpublish};
use sluicebox_rules::account::{Account, Outcome, reason};

use super::output::{Output, Recording};
use crate::ingest::Ingest;

/// A client, from its first byte to its end.
pub(super) struct Client<I> {
    name: String,
    ingest: I,
    scratch: Vec<u8>,
    streams: Vec<Stream>,
    /// It has published something.
    published: bool,
    /// Its session has failed: nothing more is taken in.
    failed: bool,
}

/// A publish that goes on.
struct Stream {
    id: StreamId,
    app: String,
    name: String,
    recording: Recording,
}

/// What came of everything, and whether it is complete.
#[derive(Default)]
pub(super) struct Said {
    /// Clients so far.
    pub(super) clients: u64,
    outcome: Outcome,
    failed: bool,
}

impl Said {
    /// Says a line on standard error, which may be closed.
    pub(super) fn line(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says what went wrong.
    pub(super) fn failure(&mut self, text: &str) {
        self.failed = true;
        self.line(text);
    }

    /// Whether something was published, nothing of it is missing, and nothing went wrong.
    pub(super) fn complete(&self) -> bool {
        self.outcome.complete() && !self.failed
    }
}

/// What to do once an event is no longer borrowed.
enum Act {
    Nothing,
    Begin(StreamId, String, String),
    End(Unpublish),
}

impl<I: Ingest> Client<I> {
    pub(super) fn new(name: String, ingest: I) -> Self {
        let (scratch, streams) = (vec![0; 64 << 10], Vec::new());
        Self { name, ingest, scratch, streams, published: false, failed: false }
    }

    /// What it is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether its session has failed.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    /// Takes in bytes. An error of the session is said, with the place; one of the output is returned.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        output: &mut Output,
        said: &mut Said,
    ) -> Result<()> {
        while !bytes.is_empty() && !self.failed {
            let space = self.ingest.space(&mut self.scratch)?;
            let len = bytes.len().min(space.len());
            space[..len].copy_from_slice(&bytes[..len]);
            bytes = &bytes[len..];
            match self.ingest.feed(len) {
                Ok(()) => self.poll(output, said)?,
                Err(error) => self.fail(&error, said),
            }
        }
        Ok(())
    }

    /// Ends the session, and gives the account of what was still being published.
    pub(super) fn finish(mut self, output: &mut Output, said: &mut Said) -> Result<()> {
        match self.ingest.close(Close::Gone) {
            // A session that has failed would say so again.
            _ if self.failed => {}
            Ok(()) => self.poll(output, said)?,
            Err(error) => self.fail(&error, said),
        }
        for mut stream in std::mem::take(&mut self.streams) {
            stream.recording.finish()?;
            said.failure(&format!(
                "{}: {} has no account",
                self.name,
                stream.recording.path.display()
            ));
        }
        said.clients += 1;
        if !self.published && !self.failed {
            said.line(&format!("{}: {}", self.name, nothing_in(self.ingest.received())));
        }
        let Tally { messages, bytes } = self.ingest.stray();
        if messages > 0 {
            said.outcome.stray();
            said.line(&format!(
                "{}: {messages} messages of {bytes} bytes belong to no publish",
                self.name
            ));
        }
        Ok(())
    }

    fn poll(&mut self, output: &mut Output, said: &mut Said) -> Result<()> {
        loop {
            let act = match self.ingest.poll(&self.scratch) {
                Err(error) => {
                    self.fail(&error, said);
                    return Ok(());
                }
                Ok(None) => return Ok(()),
                Ok(Some(Event::Publish(publish))) => {
                    Act::Begin(publish.stream, publish.app.to_string(), publish.name.to_string())
                }
                Ok(Some(Event::Tags(tags))) => {
                    let stream = self.streams.iter_mut().find(|stream| stream.id == tags.stream);
                    if let Some(stream) = stream {
                        stream.recording.append(&tags)?;
                    }
                    Act::Nothing
                }
                Ok(Some(Event::Unpublish(end))) => Act::End(end),
                Ok(Some(Event::Connect(connect))) => {
                    said.line(&format!(
                        "{}: connects to application \"{}\" as \"{}\"",
                        self.name, connect.app, connect.flash_ver
                    ));
                    Act::Nothing
                }
                Ok(Some(_)) => Act::Nothing,
            };
            match act {
                Act::Nothing => {}
                Act::Begin(id, app, name) => {
                    let recording = output.begin()?;
                    self.published = true;
                    said.outcome.begun();
                    self.streams.push(Stream { id, app, name, recording });
                    self.ingest.accept(id)?;
                }
                Act::End(end) => self.unpublish(&end, said)?,
            }
        }
    }

    fn unpublish(&mut self, end: &Unpublish, said: &mut Said) -> Result<()> {
        let Some(at) = self.streams.iter().position(|stream| stream.id == end.stream) else {
            return Ok(());
        };
        let mut stream = self.streams.swap_remove(at);
        stream.recording.finish()?;
        let ledger = end.ledger;
        let account = Account { ledger, recorded: stream.recording.written };
        said.outcome.ended(&account);
        let refused = ledger.refused;
        let reasons = [
            ("taken back", refused.aborted),
            ("torn", refused.torn),
            ("too early", refused.early),
            ("foreign", refused.foreign),
        ];
        let reasons = reasons.iter().filter(|(_, tally)| tally.messages > 0);
        let reasons: String = reasons
            .map(|(why, tally)| format!(" {why}: {} of {} bytes;", tally.messages, tally.bytes))
            .collect();
        said.line(&format!(
            "{}: app=\"{}\" stream=\"{}\" path=\"{}\" why=\"{}\" tracks=\"{}\" messages_received={} \
             bytes_received={} tags_written={} bytes_written={} bytes_unwrapped={} \
             messages_refused={} complete={}{reasons}",
            self.name,
            stream.app,
            stream.name,
            stream.recording.path.display(),
            reason(end.why),
            stream.recording.tracks,
            ledger.received.messages,
            ledger.received.bytes,
            account.recorded.messages,
            account.recorded.bytes,
            ledger.unwrapped,
            account.lost(),
            account.complete(),
        ));
        Ok(())
    }

    fn fail(&mut self, error: &anyhow::Error, said: &mut Said) {
        self.failed = true;
        said.failure(&format!(
            "{}: failed at byte {}: {error:#}",
            self.name,
            self.ingest.received()
        ));
    }
}

/// Says that nothing was published in so many bytes of a client.
fn nothing_in(bytes: u64) -> String {
    // C0, C1 and C2 (RTMP 1.0, section 5.2).
    const HANDSHAKE: u64 = 1 + 2 * 1536;
    match bytes {
        0 => "nothing to decode: not a byte".into(),
        1..=HANDSHAKE => {
            format!("nothing was published: {bytes} bytes of handshake are all there is")
        }
        _ => format!("nothing was published in {bytes} bytes"),
    }
}
