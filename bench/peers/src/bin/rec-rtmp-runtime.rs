//! A recorder on `rtmp-runtime`.

use anyhow::Result;
use rtmp_runtime::server::{ServerEvent, ServerSession};
use sluicebox_peers::{Output, Recorder};

struct Runtime(ServerSession);

impl Recorder for Runtime {
    fn new() -> Self {
        Self(ServerSession::with_defaults())
    }

    fn take(&mut self, input: &[u8], out: &mut Output) -> Result<()> {
        let (replies, events) = self.0.handle_data(input)?;
        out.replies.extend(replies);
        for event in events {
            match event {
                ServerEvent::Publish { stream_key, .. } => out.publish = Some(stream_key),
                ServerEvent::Media { flv } => out.flv.extend(flv),
                _ => {}
            }
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    sluicebox_peers::main::<Runtime>()
}
