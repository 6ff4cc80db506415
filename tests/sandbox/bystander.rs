//! A good session in a process of hostile ones.

use sluicebox_host::{Close, Config, Event, Sandbox, Session, Settings};
use sluicebox_tests::flv::{self, Tag};
use sluicebox_tests::vector::{Vector, all};

/// Bytes fed at a time.
const PIECE: usize = 4000;

/// A captured client, recorded piece by piece by the guest that is built in.
pub(super) struct Bystander {
    session: Session,
    vector: Vector,
    fed: usize,
    recording: Vec<u8>,
}

impl Bystander {
    /// Begins with a sandbox of its own.
    pub(super) fn start() -> Self {
        let settings = Settings { sessions: 1, ..Settings::default() };
        Self::open(&Sandbox::new(&settings).expect("a sandbox"))
    }

    /// Begins in this sandbox.
    pub(super) fn open(sandbox: &Sandbox) -> Self {
        let session = sandbox.open(&Config::default(), 7).expect("a session");
        let vector = all().into_iter().find(|vector| vector.name == "ffmpeg-h264-aac");
        let vector = vector.expect("a vector of that name");
        Self { session, vector, fed: 0, recording: Vec::new() }
    }

    /// Feeds the next piece, if there is one.
    pub(super) fn goes_on(&mut self) {
        let rest = &self.vector.bytes[self.fed..];
        let len = rest.len().min(PIECE);
        let space = self.session.space(len).expect("a good guest has room");
        space.copy_from_slice(&rest[..len]);
        self.session.feed(len).expect("a good guest takes what it asked for");
        self.fed += len;
        self.poll();
    }

    /// Feeds what is left, and asserts that the recording has every tag that it must have.
    pub(super) fn finish(mut self) {
        while self.fed < self.vector.bytes.len() {
            self.goes_on();
        }
        self.session.close(Close::Gone).expect("a good guest can be closed");
        self.poll();
        let tags = flv::parse_tags(&self.recording).expect("whole tags");
        let lines: Vec<String> = tags.iter().map(Tag::line).collect();
        assert!(lines == self.vector.tags, "the good session has other tags");
    }

    fn poll(&mut self) {
        while let Some(event) = self.session.poll().expect("a good guest goes on") {
            match event {
                Event::Tags(tags) => self.recording.extend(tags.bytes),
                Event::Publish(publish) => {
                    let stream = publish.stream;
                    self.session.accept(stream).expect("a good guest can be told");
                }
                _ => {}
            }
        }
    }
}
