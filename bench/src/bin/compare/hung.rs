//! What a recording that cannot be written does to the others.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use sluicebox_bench::load::{self, Mix, Pace, Plan};
use sluicebox_bench::{recordings, table};

use crate::server::{Server, VARIANTS, Variant};

const PUBLISHERS: usize = 20;

/// Runs all drives with one, then two recordings that nobody reads: a FIFO, soon full.
pub(crate) fn compare(drive: &str, dir: &Path) -> Result<()> {
    println!("### {PUBLISHERS} x 5 Mbit/s, the first recordings hang\n");
    table::header(&["drive", "hung", "others still recorded", "all there once it is read"]);
    for variant in VARIANTS.iter().filter(|one| !one.is_raw() && one.name.contains(drive)) {
        for hung in [1, 2] {
            let (growing, complete) = run(variant, hung, dir)?;
            let others = PUBLISHERS - hung;
            let complete = if complete { "yes" } else { "no" };
            let growing = format!("{growing} of {others}");
            table::row(&[variant.name.into(), hung.to_string(), growing, complete.into()]);
        }
    }
    println!();
    Ok(())
}

/// How many other recordings still grow after three seconds; whether all is there in the end.
fn run(variant: &Variant, hung: usize, dir: &Path) -> Result<(usize, bool)> {
    recordings::clear(dir)?;
    let fifos = (0..hung).map(|i| Fifo::new(dir, i)).collect::<Result<Vec<_>>>()?;
    let server = Server::start(variant, dir)?;
    let plan = Plan {
        connections: PUBLISHERS,
        pace: Pace::RealTime(Duration::from_secs(5)),
        name: String::new(),
        ..Plan::new(server.addr)
    };
    let media = Mix::Video.media(4096)?;
    let load = thread::spawn(move || load::run(&plan, &media, |_| {}));
    thread::sleep(Duration::from_secs(3));
    let before = sizes(hung, dir);
    thread::sleep(Duration::from_secs(1));
    let growing = sizes(hung, dir).iter().zip(&before).filter(|(now, then)| now > then).count();
    thread::scope(|scope| -> Result<_> {
        let readers: Vec<_> =
            fifos.into_iter().map(|fifo| scope.spawn(|| fifo.read_out())).collect();
        let report = load.join().ok().context("the load generator panicked")??;
        for reader in readers {
            reader.join().ok().context("a reader panicked")??;
        }
        let content = recordings::count(dir)?;
        let sent = (report.sent.messages, report.sent.bodies);
        Ok((growing, (content.tags, content.bodies) == sent))
    })
}

/// Sizes of the recordings that do not hang.
fn sizes(hung: usize, dir: &Path) -> Vec<u64> {
    let size = |i| fs::metadata(recording(dir, i)).map_or(0, |metadata| metadata.len());
    (hung..PUBLISHERS).map(size).collect()
}

fn recording(dir: &Path, index: usize) -> PathBuf {
    dir.join(format!("{index:05}.flv"))
}

/// A FIFO in a recording's place.
struct Fifo {
    path: PathBuf,
    reader: File,
}

impl Fifo {
    fn new(dir: &Path, index: usize) -> Result<Self> {
        let path = recording(dir, index);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        // Open for reading, so that who writes does not wait in `open`, but once it is full.
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits())?;
        let reader = OpenOptions::new().read(true).custom_flags(nonblocking).open(&path)?;
        Ok(Self { path, reader })
    }

    /// Reads until the writer closes, then puts a file with what was read in the FIFO's place.
    fn read_out(mut self) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        let aside = self.path.with_extension("read");
        let mut file = File::create(&aside)?;
        loop {
            match self.reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => file.write_all(&buffer[..len])?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(fs::rename(aside, self.path)?)
    }
}
