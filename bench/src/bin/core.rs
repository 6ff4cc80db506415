//! The core's throughput beside a plain copy of the same bytes, and its allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum as _};
use serde::Deserialize;
use sluicebox_bench::table;
use sluicebox_bench::vector::{self, Blend, Counts, Vector};
use sluicebox_core::Session;

/// Feeds sessions from memory, and sets that beside a plain copy, as a table in Markdown
#[derive(Parser)]
struct Args {
    /// Runs of each case; medians are shown
    #[arg(long, default_value_t = 7)]
    repeats: usize,
    /// MiB of input for each run
    #[arg(long, default_value_t = 256)]
    input: usize,
    /// Only counts allocations, and fails if they are not those in expected.toml
    #[arg(long)]
    check: bool,
    /// Writes inputs of fixed content to this directory, for `replay`, and does nothing else
    #[arg(long, value_name = "DIR")]
    vectors: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Expected {
    allocations: Allocations,
}

/// Allocations after warm-up, of all cases together.
#[derive(Deserialize)]
struct Allocations {
    after_warm_up: u64,
}

const CHUNKS: [usize; 3] = [128, 4096, 60_000];
/// Input that stays in the cache when it is fed over and over, in bytes.
const CACHED: usize = 256 << 10;
const PAGE: usize = 4096;
const READS: [usize; 3] = [4 << 10, 16 << 10, 64 << 10];

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(dir) = &args.vectors {
        return write_vectors(dir);
    }
    if args.check {
        return check();
    }
    table::machine();
    // What was just received lies in the cache, where a copy is at its fastest; memory slows both.
    for (title, lap) in [("in the cache", CACHED), ("from memory", 64 << 20)] {
        println!("### Input {title}\n");
        table::header(&["messages", "chunk", "read", "copy GB/s", "core GB/s", "share", "allocs"]);
        for_all(lap, |blend, chunk, read, vector| {
            let laps = (args.input << 20).div_ceil(vector.lap.len());
            table::row(&measure(vector, read, laps, args.repeats)?.row(blend, chunk, read));
            Ok(())
        })?;
        println!();
    }
    Ok(())
}

fn for_all(
    lap: usize,
    mut each: impl FnMut(Blend, usize, usize, &Vector) -> Result<()>,
) -> Result<()> {
    for &blend in Blend::value_variants() {
        for chunk in CHUNKS {
            let vector = Vector::new(blend, chunk, lap);
            for read in READS {
                each(blend, chunk, read, &vector)?;
            }
        }
    }
    Ok(())
}

/// One case: medians of its runs.
struct Measured {
    copy: f64,
    core: f64,
    /// Time of the copy over time of the core, run by run.
    share: f64,
    allocations: u64,
}

impl Measured {
    fn row(&self, blend: Blend, chunk: usize, read: usize) -> Vec<String> {
        vec![
            name(blend).to_owned(),
            chunk.to_string(),
            format!("{} K", read >> 10),
            format!("{:.1}", self.copy),
            format!("{:.1}", self.core),
            format!("{:.2}", self.share),
            self.allocations.to_string(),
        ]
    }
}

fn measure(vector: &Vector, read: usize, laps: usize, repeats: usize) -> Result<Measured> {
    let mut session = vector.session()?;
    let mut out = vec![0; read + PAGE];
    let out = apart(&mut out, &vector.lap);
    // Warm-up: buffers grow to the size they keep.
    feed(&mut session, vector, read, 2)?;
    let (mut copies, mut cores, mut shares, mut allocations) = (vec![], vec![], vec![], 0);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let gigabytes = (vector.lap.len() * laps) as f64 / 1e9;
    for _ in 0..repeats {
        let copy = copy(vector, read, laps, out).as_secs_f64();
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let core = feed(&mut session, vector, read, laps)?.as_secs_f64();
        allocations += ALLOCATIONS.load(Ordering::Relaxed) - before;
        copies.push(gigabytes / copy);
        cores.push(gigabytes / core);
        shares.push(copy / core);
    }
    Ok(Measured {
        copy: table::median(copies),
        core: table::median(cores),
        share: table::median(shares),
        allocations,
    })
}

fn feed(session: &mut Session, vector: &Vector, read: usize, laps: usize) -> Result<Duration> {
    let start = Instant::now();
    let mut counts = Counts::default();
    for _ in 0..laps {
        for input in vector.lap.chunks(read) {
            vector::replay(session, black_box(input), &mut counts)?;
        }
    }
    let took = start.elapsed();
    // A lap ends with a whole message, so nothing is left inside.
    ensure!(counts.tags == vector.messages * laps as u64, "{} tags came out", counts.tags);
    Ok(took)
}

/// The part of `out` that begins half a page away from where `input` begins in its page.
///
/// Where the two would fall a few bytes apart, `rep movsb` is up to 30 times slower on some
/// processors: a plain copy that lands there by chance flatters the core.
fn apart<'a>(out: &'a mut [u8], input: &[u8]) -> &'a mut [u8] {
    let wanted = input.as_ptr().addr() + PAGE / 2;
    let start = wanted.wrapping_sub(out.as_ptr().addr()) % PAGE;
    &mut out[start..]
}

fn copy(vector: &Vector, read: usize, laps: usize, out: &mut [u8]) -> Duration {
    let start = Instant::now();
    for _ in 0..laps {
        for input in vector.lap.chunks(read) {
            let out = &mut out[..input.len()];
            out.copy_from_slice(black_box(input));
            black_box(out);
        }
    }
    start.elapsed()
}

fn check() -> Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/expected.toml");
    let expected: Expected = toml::from_str(&std::fs::read_to_string(path)?).context(path)?;
    let expected = expected.allocations.after_warm_up;
    let mut total = 0;
    for_all(CACHED, |blend, chunk, read, vector| {
        let found = measure(vector, read, 4, 1)?.allocations;
        if found > 0 {
            println!("{blend:?} in chunks of {chunk}, reads of {read}: {found} allocations");
        }
        total += found;
        Ok(())
    })?;
    ensure!(total == expected, "{total} allocations after warm-up, {expected} in {path}");
    println!("{total} allocations after warm-up, as expected");
    Ok(())
}

/// Both blends in chunks of 128 and of 4096: a change of any hot path shows in one of them.
fn write_vectors(dir: &Path) -> Result<()> {
    for &blend in Blend::value_variants() {
        for chunk in [128, 4096] {
            let vector = Vector::new(blend, chunk, 8 << 20);
            let path = dir.join(format!("{}_{chunk}.rtmp", name(blend)));
            let bytes = [vector.prelude, vector.lap].concat();
            std::fs::write(&path, bytes).context(path.display().to_string())?;
        }
    }
    Ok(())
}

fn name(blend: Blend) -> &'static str {
    match blend {
        Blend::Video => "video",
        Blend::Audio => "audio",
    }
}

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator has no safe form")]
// SAFETY: passes every call on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those asked for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those asked for.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those asked for.
        unsafe { System.dealloc(pointer, layout) }
    }
}
