//! A client's bytes, put through a session of the core in any pieces; with the feature `sandbox`,
//! through a sandboxed one too.

use std::collections::BTreeMap;

use sluicebox_core::{Close, Config, Error, Event, Session};

#[cfg(feature = "sandbox")]
use crate::sandboxed::Sandboxed;
use crate::subject::Subject;

/// Everything that came out of a session, however it was cut into events.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// All replies, one after another.
    pub replies: Vec<u8>,
    /// All tags of each stream, one after another, and how many there were.
    pub tags: BTreeMap<u32, (Vec<u8>, u64)>,
    /// All other events, with the bytes of tags that came before them.
    pub events: Vec<String>,
    /// The error that ended it.
    pub error: Option<Error>,
}

/// Any number: what a session makes of it is the same wherever it runs.
const SEED: u64 = 7;

/// Feeds `pieces` one after another to a new session that accepts every publish, and closes it.
pub fn replay<'a>(pieces: impl IntoIterator<Item = &'a [u8]> + Clone) -> Outcome {
    let config = Config::default();
    #[cfg(feature = "sandbox")]
    let sandboxed = replay_on(Sandboxed::new(&config, SEED), pieces.clone());
    let outcome = replay_on(Session::new(config, SEED), pieces);
    #[cfg(feature = "sandbox")]
    assert!(
        sandboxed == outcome,
        "in the sandbox: {:?}, not {:?}",
        sandboxed.events,
        outcome.events
    );
    outcome
}

fn replay_on<'a>(mut session: impl Subject, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut outcome = Outcome::default();
    let feed = || {
        for mut piece in pieces {
            outcome.take(&mut session, &mut piece)?;
        }
        session.close(Close::Gone);
        outcome.take(&mut session, &mut &[][..])
    };
    let result = feed();
    outcome.error = result.err();
    outcome
}

/// The pieces between `cuts`, which need be in no order.
pub fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|at| at % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

impl Outcome {
    /// The tags of the only stream there was.
    pub fn only_tags(&self) -> &[u8] {
        assert_eq!(self.tags.len(), 1, "streams with tags; events: {:#?}", self.events);
        self.tags.values().next().map(|(bytes, _)| bytes.as_slice()).unwrap_or_default()
    }

    fn take(&mut self, session: &mut impl Subject, input: &mut &[u8]) -> Result<(), Error> {
        while let Some(event) = session.poll(input)? {
            let publish = match event {
                Event::Publish(publish) => Some(publish.stream),
                _ => None,
            };
            self.keep(&event);
            if let Some(stream) = publish {
                session.accept(stream);
            }
        }
        assert!(input.is_empty(), "{} bytes not taken in", input.len());
        Ok(())
    }

    fn keep(&mut self, event: &Event<'_>) {
        match event {
            Event::Reply(bytes) => self.replies.extend(*bytes),
            Event::Tags(tags) => {
                let (bytes, count) = self.tags.entry(tags.stream.0).or_default();
                bytes.extend(tags.bytes);
                *count += u64::from(tags.count);
            }
            Event::Unpublish(unpublish) => {
                let tags = self.tags.get(&unpublish.stream.0).map_or(0, |(bytes, _)| bytes.len());
                self.events.push(format!("{unpublish:?} after {tags} bytes"));
            }
            other => self.events.push(format!("{other:?}")),
        }
    }
}
