//! A recorder on `rml_rtmp`.

use anyhow::Result;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult as Shake, PeerType};
use rml_rtmp::sessions::{
    ServerSession, ServerSessionConfig, ServerSessionEvent as Event, ServerSessionResult,
};
use sluicebox_peers::{Output, Recorder};

struct Rml {
    handshake: Handshake,
    session: Option<ServerSession>,
}

impl Recorder for Rml {
    fn new() -> Self {
        Self { handshake: Handshake::new(PeerType::Server), session: None }
    }

    fn take(&mut self, input: &[u8], out: &mut Output) -> Result<()> {
        if self.session.is_some() {
            return self.feed(input, out);
        }
        match self.handshake.process_bytes(input)? {
            Shake::InProgress { response_bytes } => out.replies.extend(response_bytes),
            Shake::Completed { response_bytes, remaining_bytes } => {
                out.replies.extend(response_bytes);
                let (session, results) = ServerSession::new(ServerSessionConfig::new())?;
                self.session = Some(session);
                self.act(results, out)?;
                self.feed(&remaining_bytes, out)?;
            }
        }
        Ok(())
    }
}

impl Rml {
    fn feed(&mut self, input: &[u8], out: &mut Output) -> Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let results = session.handle_input(input)?;
        self.act(results, out)
    }

    fn act(&mut self, results: Vec<ServerSessionResult>, out: &mut Output) -> Result<()> {
        for result in results {
            match result {
                ServerSessionResult::OutboundResponse(packet) => out.replies.extend(packet.bytes),
                ServerSessionResult::RaisedEvent(event) => self.event(event, out)?,
                ServerSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event, out: &mut Output) -> Result<()> {
        match event {
            Event::ConnectionRequested { request_id, .. }
            | Event::ReleaseStreamRequested { request_id, .. } => self.accept(request_id, out),
            Event::PublishStreamRequested { request_id, stream_key, .. } => {
                out.publish = Some(stream_key);
                out.flv.extend(b"FLV\x01\x05\0\0\0\x09\0\0\0\0");
                self.accept(request_id, out)
            }
            Event::AudioDataReceived { data, timestamp, .. } => {
                tag(8, timestamp.value, &data, &mut out.flv);
                Ok(())
            }
            Event::VideoDataReceived { data, timestamp, .. } => {
                tag(9, timestamp.value, &data, &mut out.flv);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn accept(&mut self, request: u32, out: &mut Output) -> Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let results = session.accept_request(request)?;
        self.act(results, out)
    }
}

fn tag(kind: u8, timestamp: u32, body: &[u8], out: &mut Vec<u8>) {
    let [_, l2, l1, l0] = (body.len() as u32).to_be_bytes();
    let [upper, t2, t1, t0] = timestamp.to_be_bytes();
    out.extend([kind, l2, l1, l0, t2, t1, t0, upper, 0, 0, 0]);
    out.extend(body);
    out.extend((11 + body.len() as u32).to_be_bytes());
}

fn main() -> Result<()> {
    sluicebox_peers::main::<Rml>()
}
