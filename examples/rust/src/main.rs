//! An RTMP server that records, in Rust: the typed component (wit/ingest.wit), under wasmtime.
//!
//! ```text
//! cargo edge
//! cargo run -p sluicebox-component-host -- target/edge/sluicebox-ingest.wasm FOLDER [PORT]
//! ```

#![forbid(unsafe_code)]

mod server;

use anyhow::{Result, bail};
use server::{Arguments, Input, Recorder, Socket, now, serve};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "made from wit/ingest.wit")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "ingest" });
}
use bindings::IngestPre;
use bindings::exports::sluicebox::ingest::sessions::{CloseReason, Event};

fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let engine = Engine::default();
    // It imports nothing, so there is nothing to link. Another version of the interface is refused here.
    let component = Component::from_file(&engine, &arguments.component)?;
    let ingest = IngestPre::new(Linker::new(&engine).instantiate_pre(&component)?)?;
    serve(&arguments, move |socket, recorder| connection(&ingest, socket, recorder))
}

/// Serves one connection, in an instance of its own.
fn connection(ingest: &IngestPre<()>, mut socket: Socket, mut recorder: Recorder) -> Result<()> {
    let mut store = Store::new(ingest.engine(), ());
    let ingest = ingest.instantiate(&mut store)?;
    let calls = ingest.sluicebox_ingest_sessions().session();
    let session = calls.call_constructor(&mut store, None, now())?;
    while let Some(input) = socket.read() {
        let mut next = Some(match input {
            Input::Bytes(bytes) => calls.call_feed(&mut store, session, bytes)?,
            Input::Silence => calls.call_idle(&mut store, session)?,
            Input::End => calls.call_close(&mut store, session, CloseReason::Gone)?,
        });
        while let Some(outcome) = next.take() {
            for event in outcome.events {
                match event {
                    Event::Connect(_) => {}
                    Event::Reply(bytes) => socket.write(&bytes),
                    Event::Publish(publish) => {
                        recorder.begin(&publish)?;
                        next = Some(calls.call_accept(&mut store, session, publish.stream)?);
                    }
                    Event::Tags(tags) => recorder.append(&tags)?,
                    Event::Unpublish(end) => recorder.end(&end),
                }
            }
            outcome.failed.map_or(Ok(()), |failure| bail!(failure.text))?;
        }
    }
    Ok(())
}
