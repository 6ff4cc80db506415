//! An RTMP server that records, in Rust: the typed component (wit/ingest.wit), under wasmtime.
//!
//! ```text
//! cargo edge
//! cargo run -p sluicebox-component-host -- target/edge/sluicebox-ingest.wasm FOLDER [PORT]
//! ```

#![forbid(unsafe_code)]

mod recorder;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use recorder::{Recorder, now};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Store};

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "made from wit/ingest.wit")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "ingest" });
}
use bindings::exports::sluicebox::ingest::sessions::{CloseReason, Event, Outcome};
use bindings::{Ingest, IngestPre};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let component = arguments.next().context("which component?")?;
    let folder = PathBuf::from(arguments.next().context("which folder?")?);
    let port = arguments.next().map_or(Ok(1935), |port| port.parse())?;
    let engine = Engine::default();
    // It imports nothing, so there is nothing to link. Another version of the interface is refused here.
    let component = Component::from_file(&engine, component)?;
    let ingest = IngestPre::new(Linker::new(&engine).instantiate_pre(&component)?)?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?.port());
    for socket in listener.incoming() {
        let (socket, ingest, folder) = (socket?, ingest.clone(), folder.clone());
        std::thread::spawn(move || {
            if let Err(error) = serve(socket, &ingest, &folder) {
                eprintln!("connection failed: {error:#}");
            }
        });
    }
    Ok(())
}

/// Serves one connection, in an instance of its own.
fn serve(mut socket: TcpStream, ingest: &IngestPre<()>, folder: &Path) -> Result<()> {
    let mut store = Store::new(ingest.engine(), ());
    let ingest = ingest.instantiate(&mut store)?;
    let sessions = ingest.sluicebox_ingest_sessions();
    let session = sessions.session().call_constructor(&mut store, None, now())?;
    let recorder = Recorder::new(folder, sessions.call_flv_header(&mut store)?)?;
    let mut connection =
        Connection { socket: socket.try_clone()?, store, ingest, session, recorder };
    let mut buffer = vec![0; 64 << 10];
    loop {
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => return connection.close(),
            Ok(len) => connection.feed(&buffer[..len])?,
        }
    }
}

struct Connection {
    socket: TcpStream,
    store: Store<()>,
    ingest: Ingest,
    session: ResourceAny,
    recorder: Recorder,
}

impl Connection {
    fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        let session = self.ingest.sluicebox_ingest_sessions().session();
        let outcome = session.call_feed(&mut self.store, self.session, bytes)?;
        self.act(outcome)
    }

    fn accept(&mut self, stream: u32) -> Result<()> {
        let session = self.ingest.sluicebox_ingest_sessions().session();
        let outcome = session.call_accept(&mut self.store, self.session, stream)?;
        self.act(outcome)
    }

    fn close(&mut self) -> Result<()> {
        let session = self.ingest.sluicebox_ingest_sessions().session();
        let outcome = session.call_close(&mut self.store, self.session, CloseReason::Gone)?;
        self.act(outcome)
    }

    /// Does what a call brought, in its order.
    fn act(&mut self, outcome: Outcome) -> Result<()> {
        for event in outcome.events {
            match event {
                Event::Connect(_) => {}
                // A peer that is gone is no reason to lose what it sent.
                Event::Reply(bytes) => drop(self.socket.write_all(&bytes)),
                Event::Publish(publish) => {
                    self.recorder.begin(publish.stream, &publish.app, &publish.name)?;
                    self.accept(publish.stream)?;
                }
                Event::Tags(tags) => self.recorder.append(tags.stream, &tags.bytes)?,
                Event::Unpublish(end) => {
                    self.recorder.end(end.stream);
                    let (received, written) = (end.ledger.received, end.ledger.written);
                    println!(
                        "{} messages received, {} written",
                        received.messages, written.messages
                    );
                }
            }
        }
        outcome.failed.map_or(Ok(()), |failure| bail!(failure.text))
    }
}
