//! An RTMP server that records, in Rust: the typed component (wit/ingest.wit), under wasmtime.
//!
//! ```text
//! cargo edge
//! cargo run -p sluicebox-component-host -- target/edge/sluicebox-ingest.wasm FOLDER [PORT]
//! ```

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::fs::{File, create_dir_all};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, bail};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Store};

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "made from wit/ingest.wit")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "ingest" });
}
use bindings::exports::sluicebox::ingest::sessions::{CloseReason, Event, Limits, Outcome};
use bindings::{Ingest, IngestPre};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let component = arguments.next().context("which component?")?;
    let folder = PathBuf::from(arguments.next().context("which folder?")?);
    let port = arguments.next().map_or(Ok(1935), |port| port.parse())?;
    create_dir_all(&folder)?;
    let engine = Engine::default();
    // It imports nothing: the linker stays empty.
    let component = Component::from_file(&engine, component)?;
    let ingest = IngestPre::new(Linker::new(&engine).instantiate_pre(&component)?)?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?.port());
    for socket in listener.incoming() {
        let (socket, ingest, folder) = (socket?, ingest.clone(), folder.clone());
        std::thread::spawn(move || {
            if let Err(error) = Connection::serve(socket, &ingest, &folder) {
                eprintln!("connection failed: {error:#}");
            }
        });
    }
    Ok(())
}

/// One connection: an instance of its own, with one session.
struct Connection<'a> {
    socket: TcpStream,
    store: Store<()>,
    ingest: Ingest,
    session: ResourceAny,
    folder: &'a Path,
    live: HashMap<u32, File>,
}

impl Connection<'_> {
    fn serve(socket: TcpStream, ingest: &IngestPre<()>, folder: &Path) -> Result<()> {
        let mut store = Store::new(ingest.engine(), ());
        let ingest = ingest.instantiate(&mut store)?;
        let limits = Limits { message: None, buffered: None, smallest_chunk: None };
        let sessions = ingest.sluicebox_ingest_sessions().session();
        let session = sessions.call_constructor(&mut store, limits, now())?;
        Connection { socket, store, ingest, session, folder, live: HashMap::new() }.run()
    }

    fn run(mut self) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let len = self.socket.read(&mut buffer)?;
            let sessions = self.ingest.sluicebox_ingest_sessions().session();
            if len == 0 {
                let end = sessions.call_close(&mut self.store, self.session, CloseReason::Gone)?;
                return self.act(end);
            }
            let outcome = sessions.call_feed(&mut self.store, self.session, &buffer[..len])?;
            self.act(outcome)?;
        }
    }

    fn act(&mut self, outcome: Outcome) -> Result<()> {
        for event in outcome.events {
            match event {
                Event::Reply(bytes) => self.socket.write_all(&bytes)?,
                Event::Publish(publish) => {
                    let (app, name) = (safe(&publish.app), safe(&publish.name));
                    let path = self.folder.join(format!("{app}-{name}-{}.flv", now()));
                    let mut file = File::create_new(path)?;
                    let ingest = self.ingest.sluicebox_ingest_sessions();
                    file.write_all(&ingest.call_flv_header(&mut self.store)?)?;
                    self.live.insert(publish.stream, file);
                    let sessions = ingest.session();
                    let outcome =
                        sessions.call_accept(&mut self.store, self.session, publish.stream)?;
                    self.act(outcome)?;
                }
                Event::Tags(tags) => {
                    self.live
                        .get(&tags.stream)
                        .context("no such stream")?
                        .write_all(&tags.bytes)?;
                }
                Event::Unpublish(end) => {
                    let (received, written) = (end.ledger.received, end.ledger.written);
                    println!(
                        "{} messages received, {} written",
                        received.messages, written.messages
                    );
                    self.live.remove(&end.stream);
                }
                Event::Connect(_) => {}
            }
        }
        if let Some(failure) = outcome.failed {
            bail!("{}", failure.text);
        }
        Ok(())
    }
}

/// Nanoseconds since 1970: a seed, and what tells recordings apart.
fn now() -> u64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    u64::try_from(now).unwrap_or_default()
}

/// What a peer says as a part of a file name.
fn safe(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let part =
        |byte: &u8| if plain(byte) { char::from(*byte).into() } else { format!("%{byte:02X}") };
    bytes.iter().take(60).map(part).collect()
}
