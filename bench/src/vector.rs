//! Input for a session in memory: what one publisher sends, made the same way each time.

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use sluicebox_core::{Config, Event, Session};

use crate::random::Random;
use crate::wire::{self, AUDIO, COMMAND, CONTROL, Command, HANDSHAKE, Lane, VIDEO};

/// The messages of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Blend {
    /// One video message of 24 000 bytes, then two audio messages of 380.
    Video,
    /// Audio messages of 380 bytes.
    Audio,
}

const VIDEO_BODY: usize = 24_000;
const AUDIO_BODY: usize = 380;

/// The bytes of one publisher.
pub struct Vector {
    /// From the handshake to the first message on each chunk stream.
    pub prelude: Vec<u8>,
    /// Media that may follow the prelude, and itself, any number of times.
    pub lap: Vec<u8>,
    /// Messages in a lap.
    pub messages: u64,
}

impl Vector {
    /// Makes a vector of `blend` in chunks of `chunk_size` bytes, the lap at least `lap` bytes.
    pub fn new(blend: Blend, chunk_size: usize, lap: usize) -> Self {
        let mut vector = Self { prelude: prelude(chunk_size), lap: Vec::new(), messages: 0 };
        let mut random = Random::new(11);
        while vector.lap.len() < lap {
            if blend == Blend::Video {
                vector.push(VIDEO, &[0x27, 1, 0, 0, 0], VIDEO_BODY, chunk_size, &mut random);
                vector.push(AUDIO, &[0xaf, 1], AUDIO_BODY, chunk_size, &mut random);
            }
            vector.push(AUDIO, &[0xaf, 1], AUDIO_BODY, chunk_size, &mut random);
        }
        vector
    }

    fn push(&mut self, lane: Lane, head: &[u8], len: usize, chunk_size: usize, rng: &mut Random) {
        let mut body = head.to_vec();
        body.extend(rng.bytes(len - head.len()));
        wire::next(&mut self.lap, lane, 20, &body, chunk_size);
        self.messages += 1;
    }

    /// A session that has taken in the prelude, and records.
    ///
    /// # Errors
    ///
    /// When the session does not get as far as publish.
    pub fn session(&self) -> Result<Session> {
        let mut session = Session::new(Config::default(), 1);
        let mut counts = Counts::default();
        replay(&mut session, &self.prelude, &mut counts)?;
        ensure!(counts.publishes == 1, "the prelude did not publish");
        Ok(session)
    }
}

/// What came out of a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Publishes, all accepted.
    pub publishes: u64,
    /// Tags.
    pub tags: u64,
    /// Bytes of tags.
    pub bytes: u64,
}

/// Feeds `input` in one piece, and accepts whoever publishes.
///
/// # Errors
///
/// Those of the session.
pub fn replay(session: &mut Session, mut input: &[u8], counts: &mut Counts) -> Result<()> {
    while let Some(event) = session.poll(&mut input).context("session")? {
        match event {
            Event::Tags(tags) => {
                counts.tags += u64::from(tags.count);
                counts.bytes += std::hint::black_box(tags.bytes).len() as u64;
            }
            Event::Publish(publish) => {
                counts.publishes += 1;
                let stream = publish.stream;
                session.accept(stream);
            }
            event => drop(std::hint::black_box(event)),
        }
    }
    Ok(())
}

fn prelude(chunk_size: usize) -> Vec<u8> {
    let mut out = vec![3];
    // C1 and C2: a server reads no meaning into either when their bytes are zero.
    out.resize(1 + 2 * HANDSHAKE, 0);
    let size = u32::try_from(chunk_size).unwrap_or(u32::MAX).to_be_bytes();
    wire::first(&mut out, CONTROL, 0, &size, 128);
    let connect = Command::new("connect", 1).object().key("app").string("live").end();
    connect.write(&mut out, COMMAND, 0, chunk_size);
    Command::new("createStream", 2).null().write(&mut out, COMMAND, 0, chunk_size);
    let publish = Command::new("publish", 3).null().string("vector").string("live");
    publish.write(&mut out, COMMAND, 1, chunk_size);
    wire::first(&mut out, VIDEO, 1, &[0x17, 0, 0, 0, 0, 1, 0x4d, 0x40, 0x1f, 0xff], chunk_size);
    wire::first(&mut out, AUDIO, 1, &[0xaf, 0, 0x12, 0x10], chunk_size);
    out
}
