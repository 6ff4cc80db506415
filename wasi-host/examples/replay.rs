//! Replays recorded input through a guest: small, to be run under a profiler. Usage: `replay FILE...`

use std::error::Error;

use sluicebox_host::{Close, Config, Event, Sandbox, Session, Settings};

/// Size of a read, in bytes, as a server reads.
const READ: usize = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::new(&Settings { sessions: 1, ..Settings::default() })?;
    for path in std::env::args_os().skip(1) {
        let bytes = std::fs::read(&path)?;
        let mut session = sandbox.open(&Config::default(), 1)?;
        let (mut tags, mut len) = (0, 0);
        for input in bytes.chunks(READ) {
            session.space(READ)?[..input.len()].copy_from_slice(input);
            session.feed(input.len())?;
            poll(&mut session, &mut tags, &mut len)?;
        }
        session.close(Close::Gone)?;
        poll(&mut session, &mut tags, &mut len)?;
        println!("{}: {tags} tags, {len} bytes", path.display());
    }
    Ok(())
}

/// Counts tags and their bytes, and accepts whoever publishes.
fn poll(session: &mut Session, tags: &mut u64, len: &mut usize) -> Result<(), Box<dyn Error>> {
    while let Some(event) = session.poll()? {
        match event {
            Event::Tags(run) => {
                *tags += u64::from(run.count);
                *len += run.bytes.len();
            }
            Event::Publish(publish) => {
                let stream = publish.stream;
                session.accept(stream)?;
            }
            _ => {}
        }
    }
    Ok(())
}
