//! What the typed component costs beside the guest, which copies nothing: the same session, fed in
//! reads of several sizes.
//!
//! ```text
//! cargo guest && cargo edge
//! cargo run --release -p sluicebox-component-host --bin component-cost
//! ```

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Engine, Instance, Memory, Module, Store, TypedFunc};

mod bindings {
    #![allow(missing_docs, unreachable_pub, reason = "made from wit/ingest.wit")]
    wasmtime::component::bindgen!({ path: "../../wit", world: "ingest" });
}
use bindings::Ingest;
use bindings::exports::sluicebox::ingest::sessions::Event;

/// A captured session of ffmpeg's, up to its first tag.
const START: &[u8] = include_bytes!("../tests/vectors/ffmpeg-h264-aac/in.bin");
/// Bytes fed in each run.
const BYTES: usize = 64 << 20;
const RUNS: usize = 5;

/// What is measured: takes bytes, returns how many bytes of tags came out.
trait Subject {
    fn feed(&mut self, bytes: &[u8]) -> Result<usize>;
}

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::from_file(&engine, "target/guest/sluicebox_guest.wasm")?;
    let component = Component::from_file(&engine, "target/edge/sluicebox-ingest.wasm")?;
    println!(
        "| read, bytes | guest GB/s | component GB/s | component / guest, time | component us a read |"
    );
    println!("|---:|---:|---:|---:|---:|");
    for read in [1400, 4096, 16 << 10, 64 << 10] {
        let guest = best(|| Guest::new(&engine, &module), read)?;
        let typed = best(|| Typed::new(&engine, &component), read)?;
        let rate = |time: Duration| BYTES as f64 / time.as_secs_f64() / 1e9;
        let ratio = typed.as_secs_f64() / guest.as_secs_f64();
        let each = typed.as_secs_f64() * 1e6 / (BYTES / read) as f64;
        println!("| {read} | {:.2} | {:.2} | {ratio:.2} | {each:.1} |", rate(guest), rate(typed));
    }
    Ok(())
}

/// The best time of several runs for the media.
fn best<S: Subject>(new: impl Fn() -> Result<S>, read: usize) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let mut subject = new()?;
        // Everything but the end of the stream.
        subject.feed(&START[..publish_end()])?;
        let media = media();
        let (start, mut fed, mut out) = (Instant::now(), 0, 0);
        while fed < BYTES {
            for bytes in media.chunks(read) {
                out += subject.feed(bytes)?;
                fed += bytes.len();
            }
        }
        best = best.min(start.elapsed());
        ensure!(out > fed * 9 / 10, "{out} bytes came out of {fed}");
    }
    Ok(best)
}

/// Where the commands end in the captured session: before its first chunk of media.
fn publish_end() -> usize {
    let publish = START.windows(9).position(|at| at == b"\0\x07publish").unwrap_or_default();
    let live = START[publish..].windows(4).position(|at| at == b"live").unwrap_or_default();
    publish + live + 4
}

/// Set Chunk Size 60000, and then video messages of 24000 bytes.
fn media() -> Vec<u8> {
    let mut all = vec![0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0xea, 0x60];
    for _ in 0..40 {
        all.extend_from_slice(&[0x06, 0, 0, 0, 0, 0x5d, 0xc0, 9, 1, 0, 0, 0]);
        all.extend_from_slice(&[0x27; 24_000]);
    }
    all
}

/// The guest, as docs/abi.md has it.
struct Guest {
    store: Store<()>,
    memory: Memory,
    space: TypedFunc<u32, u32>,
    feed: TypedFunc<u32, ()>,
    poll: TypedFunc<(), u32>,
    accept: TypedFunc<u32, ()>,
    file: Vec<u8>,
}

impl Guest {
    fn new(engine: &Engine, module: &Module) -> Result<Self> {
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, module, &[])?;
        let memory = instance.get_memory(&mut store, "memory").context("no memory")?;
        let space = instance.get_typed_func(&mut store, "space")?;
        let feed = instance.get_typed_func(&mut store, "feed")?;
        let poll = instance.get_typed_func(&mut store, "poll")?;
        let accept = instance.get_typed_func(&mut store, "accept")?;
        let open = instance.get_typed_func::<(u32, u64), ()>(&mut store, "open")?;
        space.call(&mut store, 0)?;
        open.call(&mut store, (0, 1))?;
        Ok(Self { store, memory, space, feed, poll, accept, file: Vec::new() })
    }

    fn word(&self, at: u32) -> usize {
        let bytes = self.memory.data(&self.store)[at as usize..].first_chunk();
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes)) as usize
    }
}

impl Subject for Guest {
    fn feed(&mut self, bytes: &[u8]) -> Result<usize> {
        let len = u32::try_from(bytes.len())?;
        let at = self.space.call(&mut self.store, len)? as usize;
        self.memory.data_mut(&mut self.store)[at..at + bytes.len()].copy_from_slice(bytes);
        self.feed.call(&mut self.store, len)?;
        let mut out = 0;
        loop {
            let at = self.poll.call(&mut self.store, ())?;
            match self.word(at) {
                0 => return Ok(out),
                3 => {
                    let stream = u32::try_from(self.word(at + 4))?;
                    self.accept.call(&mut self.store, stream)?;
                }
                4 => {
                    let (from, len) = (self.word(at + 32), self.word(at + 36));
                    // As a write to a file would.
                    self.file.clear();
                    self.file.extend_from_slice(&self.memory.data(&self.store)[from..from + len]);
                    out += len;
                }
                kind => ensure!(kind != 6, "the session failed"),
            }
        }
    }
}

/// The component.
struct Typed {
    store: Store<()>,
    ingest: Ingest,
    session: ResourceAny,
    file: Vec<u8>,
}

impl Typed {
    fn new(engine: &Engine, component: &Component) -> Result<Self> {
        let mut store = Store::new(engine, ());
        let ingest = Ingest::instantiate(&mut store, component, &Linker::new(engine))?;
        let sessions = ingest.sluicebox_ingest_sessions().session();
        let session = sessions.call_constructor(&mut store, None, 1)?;
        Ok(Self { store, ingest, session, file: Vec::new() })
    }
}

impl Subject for Typed {
    fn feed(&mut self, bytes: &[u8]) -> Result<usize> {
        let sessions = self.ingest.sluicebox_ingest_sessions().session();
        let mut outcomes = vec![sessions.call_feed(&mut self.store, self.session, bytes)?];
        let mut out = 0;
        while let Some(outcome) = outcomes.pop() {
            ensure!(outcome.failed.is_none(), "the session failed");
            for event in outcome.events {
                match event {
                    Event::Publish(publish) => outcomes.push(sessions.call_accept(
                        &mut self.store,
                        self.session,
                        publish.stream,
                    )?),
                    Event::Tags(tags) => {
                        self.file.clear();
                        self.file.extend_from_slice(&tags.bytes);
                        out += tags.bytes.len();
                    }
                    _ => {}
                }
            }
        }
        Ok(out)
    }
}
